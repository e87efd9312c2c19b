package shop

import (
	"bytes"
	"encoding/base64"
	"html/template"
	"image"
	"image/color"
	"math"

	"golang.org/x/image/bmp"
)

// placeholderSide is the longer side of a placeholder, in pixels. The browser scales it up smoothly.
const placeholderSide = 8

// placeholder returns the data: URI of a blurred preview, decoded from a ThumbHash
// (https://evanw.github.io/thumbhash/). It adds about 300 bytes to the page and needs no script. It is "" if the hash
// is invalid. The format is BMP, because a PNG of this size is no smaller. The arguments width and height are those of
// the picture, in pixels.
func placeholder(hash []byte, width, height int) template.URL {
	img, ok := decodeThumbhash(hash, width, height)
	if !ok {
		return ""
	}
	var b bytes.Buffer
	if err := bmp.Encode(&b, img); err != nil {
		return ""
	}
	return template.URL("data:image/bmp;base64," + base64.StdEncoding.EncodeToString(b.Bytes()))
}

// channel is one channel of a ThumbHash: the coefficients of a two-dimensional discrete cosine transform. The hash
// stores those in the triangle of low frequencies only.
type channel struct {
	mean   float64
	nx, ny int       // number of frequencies in each direction
	ac     []float64 // coefficients by row, without the mean
}

// value returns the value of the channel at a position. Positions are 0 to 1 from the left and from the top.
func (c channel) value(x, y float64) float64 {
	v, i := c.mean, 0
	for cy := range c.ny {
		for cx := range c.nx {
			if cx+cy == 0 || cx*c.ny >= c.nx*(c.ny-cy) {
				continue
			}
			v += 2 * c.ac[i] * math.Cos(math.Pi*x*float64(cx)) * math.Cos(math.Pi*y*float64(cy))
			i++
		}
	}
	return v
}

// decodeThumbhash returns the preview of a picture of the given size, without the alpha channel. It reports false if
// the hash is too short or the size is not positive.
func decodeThumbhash(hash []byte, width, height int) (image.Image, bool) {
	if len(hash) < 5 || width < 1 || height < 1 {
		return nil, false
	}
	head := uint32(hash[0]) | uint32(hash[1])<<8 | uint32(hash[2])<<16
	tail := uint32(hash[3]) | uint32(hash[4])<<8
	bits := func(from uint32, shift, n int) float64 { return float64(from >> shift & (1<<n - 1)) }
	longer, start := 7, 5
	if head>>23 == 1 { // it has an alpha channel
		longer, start = 5, 6
	}
	nx, ny := longer, max(3, int(tail&7))
	if tail>>15 == 0 { // portrait
		nx, ny = ny, nx
	}
	next := 2 * start // index of the next coefficient, in half bytes
	read := func(mean, scale float64, nx, ny int) (channel, bool) {
		c := channel{mean: mean, nx: nx, ny: ny}
		for cy := range ny {
			for cx := range nx {
				if cx+cy == 0 || cx*ny >= nx*(ny-cy) {
					continue
				}
				if next/2 >= len(hash) {
					return c, false
				}
				c.ac = append(c.ac, (float64(hash[next/2]>>(next%2*4)&15)/7.5-1)*scale)
				next++
			}
		}
		return c, true
	}
	l, okL := read(bits(head, 0, 6)/63, bits(head, 18, 5)/31, nx, ny)
	p, okP := read(bits(head, 6, 6)/31.5-1, bits(tail, 3, 6)/63*1.25, 3, 3)
	q, okQ := read(bits(head, 12, 6)/31.5-1, bits(tail, 9, 6)/63*1.25, 3, 3)
	if !okL || !okP || !okQ {
		return nil, false
	}
	longest := max(width, height)
	img := image.NewNRGBA(image.Rect(0, 0, max(1, width*placeholderSide/longest), max(1, height*placeholderSide/longest)))
	w, h := img.Rect.Dx(), img.Rect.Dy()
	for y := range h {
		for x := range w {
			fx, fy := (float64(x)+0.5)/float64(w), (float64(y)+0.5)/float64(h)
			light, yellow, red := l.value(fx, fy), p.value(fx, fy), q.value(fx, fy)
			b := light - 2*yellow/3
			r := (3*light - b + red) / 2
			img.SetNRGBA(x, y, color.NRGBA{level(r), level(r - red), level(b), 255})
		}
	}
	return img, true
}

// level converts a channel value, clipped to 0 to 1, to 8 bits.
func level(v float64) uint8 { return uint8(math.Round(255 * min(1, max(0, v)))) }
