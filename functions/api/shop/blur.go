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

// blurSide is the longer side of what stands in for a picture, in pixels: the browser smooths it.
const blurSide = 8

// blur returns a tiny picture, as a data: URI, of what a ThumbHash (https://evanw.github.io/thumbhash/) says: some
// 300 bytes in the page, which need no script. "" when it is not one. A BMP, because a PNG of this size is no smaller.
func blur(hash []byte, width, height int) template.URL {
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

// waves are the cosines that a channel of a hash is the sum of.
type waves struct {
	mean float64
	nx   int
	ny   int
	ac   []float64
}

// at returns the value of the channel at a place, 0 to 1 from the left and from the top.
func (w waves) at(x, y float64) float64 {
	v, i := w.mean, 0
	for cy := range w.ny {
		for cx := range w.nx {
			if cx+cy == 0 || cx*w.ny >= w.nx*(w.ny-cy) {
				continue
			}
			v += 2 * w.ac[i] * math.Cos(math.Pi*x*float64(cx)) * math.Cos(math.Pi*y*float64(cy))
			i++
		}
	}
	return v
}

// decodeThumbhash draws what a hash says of a picture of that size. Transparency is left out.
func decodeThumbhash(hash []byte, width, height int) (image.Image, bool) {
	if len(hash) < 5 || width < 1 || height < 1 {
		return nil, false
	}
	head := uint32(hash[0]) | uint32(hash[1])<<8 | uint32(hash[2])<<16
	tail := uint32(hash[3]) | uint32(hash[4])<<8
	bits := func(from uint32, shift, n int) float64 { return float64(from >> shift & (1<<n - 1)) }
	longer, start := 7, 5
	if head>>23 == 1 { // it has transparency
		longer, start = 5, 6
	}
	nx, ny := longer, max(3, int(tail&7))
	if tail>>15 == 0 { // taller than wide
		nx, ny = ny, nx
	}
	next := 2 * start // in half bytes
	read := func(mean, scale float64, nx, ny int) (waves, bool) {
		w := waves{mean: mean, nx: nx, ny: ny}
		for cy := range ny {
			for cx := range nx {
				if cx+cy == 0 || cx*ny >= nx*(ny-cy) {
					continue
				}
				if next/2 >= len(hash) {
					return w, false
				}
				w.ac = append(w.ac, (float64(hash[next/2]>>(next%2*4)&15)/7.5-1)*scale)
				next++
			}
		}
		return w, true
	}
	l, okL := read(bits(head, 0, 6)/63, bits(head, 18, 5)/31, nx, ny)
	p, okP := read(bits(head, 6, 6)/31.5-1, bits(tail, 3, 6)/63*1.25, 3, 3)
	q, okQ := read(bits(head, 12, 6)/31.5-1, bits(tail, 9, 6)/63*1.25, 3, 3)
	if !okL || !okP || !okQ {
		return nil, false
	}
	longest := max(width, height)
	img := image.NewNRGBA(image.Rect(0, 0, max(1, width*blurSide/longest), max(1, height*blurSide/longest)))
	w, h := img.Rect.Dx(), img.Rect.Dy()
	for y := range h {
		for x := range w {
			fx, fy := (float64(x)+0.5)/float64(w), (float64(y)+0.5)/float64(h)
			light, yellow, red := l.at(fx, fy), p.at(fx, fy), q.at(fx, fy)
			b := light - 2*yellow/3
			r := (3*light - b + red) / 2
			img.SetNRGBA(x, y, color.NRGBA{level(r), level(r - red), level(b), 255})
		}
	}
	return img, true
}

func level(v float64) uint8 { return uint8(math.Round(255 * min(1, max(0, v)))) }
