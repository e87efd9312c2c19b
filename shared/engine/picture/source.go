package picture

import (
	"context"
	"image"
	"image/color"
	"math"
)

// kind is the color model of the planes of a picture.
type kind int

const (
	grey  kind = iota // Y
	ycbcr             // Y, Cb, Cr of JFIF, full range; the chroma planes may be subsampled
	rgb               // R, G, B
	rgba              // R, G, B, A, premultiplied
)

// source is a decoded picture as a pyramid of planes.
type source struct {
	kind        kind
	levels      [][]plane // each level has half the size of the previous one
	orientation int
	// width and height are the size of the first level, before the orientation.
	width, height int
	// shrunk is the number of times the picture was halved to make the first level.
	shrunk int
	// fullWidth and fullHeight are the size of the picture, before the orientation.
	fullWidth, fullHeight int
}

// newSource returns the planes of a decoded picture. Grey and YCbCr pictures keep their planes without a copy. Other
// pictures are converted, and halved in the same pass while the widest target has four samples or more for a pixel.
func newSource(ctx context.Context, img image.Image, info Info, targets []Target) (*source, error) {
	s := &source{
		orientation: info.Orientation, fullWidth: info.Width, fullHeight: info.Height, width: info.Width, height: info.Height,
	}
	switch m := img.(type) {
	case *image.Gray:
		s.kind = grey
		s.levels = [][]plane{{{m.Pix, m.Stride, info.Width, info.Height, float64(info.Width), float64(info.Height)}}}
		return s, nil
	case *image.YCbCr:
		s.kind = ycbcr
		s.levels = [][]plane{yCbCrPlanes(m)}
		return s, nil
	}
	s.kind = rgba
	if o, ok := img.(interface{ Opaque() bool }); ok && o.Opaque() {
		s.kind = rgb
	}
	if _, ok := img.(*image.Gray16); ok {
		s.kind = grey
	}
	widest := 1
	for _, p := range targets {
		widest = max(widest, p.Width)
	}
	for s.scaleTo(widest) >= 4 {
		s.shrunk++
		s.width, s.height = (s.width+1)/2, (s.height+1)/2
	}
	return s, s.convert(ctx, img)
}

// yCbCrPlanes returns the planes of m without a copy.
func yCbCrPlanes(m *image.YCbCr) []plane {
	w, h := m.Rect.Dx(), m.Rect.Dy()
	x, y := 1, 1 // luma samples for each chroma sample
	switch m.SubsampleRatio {
	case image.YCbCrSubsampleRatio422:
		x = 2
	case image.YCbCrSubsampleRatio420:
		x, y = 2, 2
	case image.YCbCrSubsampleRatio440:
		y = 2
	case image.YCbCrSubsampleRatio411:
		x = 4
	case image.YCbCrSubsampleRatio410:
		x, y = 4, 2
	}
	chroma := func(pix []uint8) plane {
		return plane{pix, m.CStride, (w + x - 1) / x, (h + y - 1) / y, float64(w) / float64(x), float64(h) / float64(y)}
	}
	return []plane{{m.Y, m.YStride, w, h, float64(w), float64(h)}, chroma(m.Cb), chroma(m.Cr)}
}

// scaleTo returns the number of samples of the first level, in one dimension, for each pixel of an image of that width.
func (s *source) scaleTo(width int) float64 {
	return float64(s.shownWidth()) / float64(min(width, s.shownWidth())) / float64(int(1)<<s.shrunk)
}

// shownWidth returns the width of the picture after the orientation is applied.
func (s *source) shownWidth() int {
	if s.orientation >= 5 {
		return s.fullHeight
	}
	return s.fullWidth
}

// convert fills the first level from a picture of interleaved samples. Each sample is the mean of a square of pixels.
func (s *source) convert(ctx context.Context, img image.Image) error {
	channels := map[kind]int{grey: 1, rgb: 3, rgba: 4}[s.kind]
	read := rows(img, channels)
	f := 1 << s.shrunk
	out := make([]plane, channels)
	for i := range out {
		out[i] = newPlane(s.width, s.height)
		out[i].windowX, out[i].windowY = float64(s.fullWidth)/float64(f), float64(s.fullHeight)/float64(f)
	}
	line := make([]uint8, s.fullWidth*channels)
	sums := make([]uint32, s.width*channels)
	for y := range s.height {
		if y%64 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		clear(sums)
		rowsHere := min(f, s.fullHeight-y*f)
		for i := range rowsHere {
			read(y*f+i, line)
			for x := range s.fullWidth {
				d := sums[x>>s.shrunk*channels:][:channels]
				for c, v := range line[x*channels:][:channels] {
					d[c] += uint32(v)
				}
			}
		}
		for x := range s.width {
			n := uint32(rowsHere * min(f, s.fullWidth-x*f))
			for c := range channels {
				out[c].pix[y*s.width+x] = uint8((sums[x*channels+c] + n/2) / n)
			}
		}
	}
	s.levels = [][]plane{out}
	return nil
}

// rows returns a function that writes row y of a picture to line as interleaved 8-bit samples: grey, RGB, or RGBA with
// premultiplied alpha, as channels is 1, 3 or 4.
func rows(img image.Image, channels int) func(y int, line []uint8) {
	b := img.Bounds()
	switch m := img.(type) {
	case *image.Paletted:
		return palettedRows(m, channels)
	case *image.NRGBA:
		return func(y int, line []uint8) {
			for src := m.Pix[y*m.Stride:][:4*b.Dx()]; len(src) >= 4; src, line = src[4:], line[channels:] {
				premultiply(line[:channels], src[0], src[1], src[2], src[3])
			}
		}
	case *image.RGBA:
		return func(y int, line []uint8) {
			for src := m.Pix[y*m.Stride:][:4*b.Dx()]; len(src) >= 4; src, line = src[4:], line[channels:] {
				copy(line[:channels], src)
			}
		}
	case *image.CMYK:
		return func(y int, line []uint8) {
			for src := m.Pix[y*m.Stride:][:4*b.Dx()]; len(src) >= 4; src, line = src[4:], line[channels:] {
				line[0], line[1], line[2] = color.CMYKToRGB(src[0], src[1], src[2], src[3])
			}
		}
	case *image.NYCbCrA:
		return func(y int, line []uint8) {
			for x := range b.Dx() {
				c, a := m.COffset(x, y), m.A[m.AOffset(x, y)]
				red, green, blue := color.YCbCrToRGB(m.Y[m.YOffset(x, y)], m.Cb[c], m.Cr[c])
				premultiply(line[x*channels:][:channels], red, green, blue, a)
			}
		}
	case *screenFrame:
		inner := palettedRows(m.Paletted, channels)
		return func(y int, line []uint8) {
			clear(line)
			if f := m.Rect; y >= f.Min.Y && y < f.Max.Y {
				inner(y-f.Min.Y, line[f.Min.X*channels:])
			}
		}
	}
	return func(y int, line []uint8) { // the remaining types have 16 bits a sample
		for x := range b.Dx() {
			red, green, blue, alpha := img.At(b.Min.X+x, b.Min.Y+y).RGBA()
			all := [4]uint32{red, green, blue, alpha}
			for c, v := range all[:channels] {
				line[x*channels+c] = uint8((v*255 + 32767) / 65535)
			}
		}
	}
}

// palettedRows is rows for a palette.
func palettedRows(m *image.Paletted, channels int) func(y int, line []uint8) {
	var colors [256][4]uint8
	for i, c := range m.Palette {
		red, green, blue, alpha := c.RGBA()
		colors[i] = [4]uint8{uint8(red >> 8), uint8(green >> 8), uint8(blue >> 8), uint8(alpha >> 8)}
	}
	return func(y int, line []uint8) {
		for x, i := range m.Pix[y*m.Stride:][:m.Rect.Dx()] {
			copy(line[x*channels:][:channels], colors[i][:])
		}
	}
}

// premultiply writes a pixel to d with its color multiplied by alpha. A d of three samples ignores alpha.
func premultiply(d []uint8, red, green, blue, alpha uint8) {
	if len(d) < 4 {
		d[0], d[1], d[2] = red, green, blue
		return
	}
	a := uint32(alpha)
	for c, v := range [3]uint8{red, green, blue} {
		d[c] = uint8((uint32(v)*a + 127) / 255)
	}
	d[3] = alpha
}

// keepsPNG reports whether the image of a target is encoded as PNG.
func (s *source) keepsPNG(t Type, p Target) bool {
	return s.kind == rgba || t == PNG && p.KeepPNG
}

// rendered holds the planes of an image before it is encoded.
type rendered struct {
	kind          kind
	planes        []plane
	width, height int
}

// scaled returns the planes of an image of the given width, which is at most the width of the picture. The aspect ratio
// is kept, with a height of at least 1.
func (s *source) scaled(width int) rendered {
	shown, tall := s.fullWidth, s.fullHeight
	if s.orientation >= 5 {
		shown, tall = tall, shown
	}
	height := max(1, int(math.Round(float64(tall)*float64(width)/float64(shown))))
	w, h := width, height
	if s.orientation >= 5 {
		w, h = h, w
	}
	// Halving is cheaper than the filter. It stops at two to four samples for a pixel, so that the
	// filter determines the sharpness.
	n := 0
	for scale := s.scaleTo(width); scale >= 4; scale /= 2 {
		n++
	}
	r := rendered{s.kind, nil, width, height}
	for i, p := range s.level(n) {
		if s.kind == ycbcr && i > 0 { // images are encoded with 4:2:0 subsampling
			p = p.resampled((w+1)/2, (h+1)/2, float64(w)/2, float64(h)/2)
		} else {
			p = p.resampled(w, h, float64(w), float64(h))
		}
		r.planes = append(r.planes, p.oriented(s.orientation))
	}
	return r
}
