package picture

import (
	"context"
	"image"
	"image/color"
	"math"
)

// kind is what the planes of a picture are.
type kind int

const (
	grey  kind = iota // Y
	ycbcr             // Y, Cb, Cr, in the full range; the chroma may have less samples
	rgb               // R, G, B
	rgba              // R, G, B, A, premultiplied
)

// source is a decoded picture, in planes of ever less size.
type source struct {
	kind        kind
	levels      [][]plane // each half the size of the one before
	orientation int
	// width and height are of the first level, as stored.
	width, height int
	// shrunk is how many times the picture was halved before the first level.
	shrunk int
	// full is the picture's own size, as stored.
	fullWidth, fullHeight int
}

// newSource makes planes of a picture. Those of a JPEG are used as they are; another picture is
// converted, and shrunk on the way as far as the largest size allows.
func newSource(ctx context.Context, img image.Image, info Info, targets []Target) (*source, error) {
	s := &source{orientation: info.Orientation, fullWidth: info.Width, fullHeight: info.Height, width: info.Width, height: info.Height}
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

func yCbCrPlanes(m *image.YCbCr) []plane {
	w, h := m.Rect.Dx(), m.Rect.Dy()
	x, y := 1, 1 // samples of luma for one of chroma
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

// scaleTo returns how many samples of the first level a sample of a rendition of that width takes.
func (s *source) scaleTo(width int) float64 {
	return float64(s.shownWidth()) / float64(min(width, s.shownWidth())) / float64(int(1)<<s.shrunk)
}

// shownWidth returns the width of the picture after its orientation.
func (s *source) shownWidth() int {
	if s.orientation >= 5 {
		return s.fullHeight
	}
	return s.fullWidth
}

// convert makes the planes of the first level of a picture that is not in planes.
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

// rows returns a function that reads a row of a picture as 8-bit samples: grey, RGB, or premultiplied RGBA.
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
	case *onScreen:
		inner := palettedRows(m.Paletted, channels)
		return func(y int, line []uint8) {
			clear(line)
			if f := m.Rect; y >= f.Min.Y && y < f.Max.Y {
				inner(y-f.Min.Y, line[f.Min.X*channels:])
			}
		}
	}
	return func(y int, line []uint8) { // 16 bits a sample
		for x := range b.Dx() {
			red, green, blue, alpha := img.At(b.Min.X+x, b.Min.Y+y).RGBA()
			all := [4]uint32{red, green, blue, alpha}
			for c, v := range all[:channels] {
				line[x*channels+c] = uint8((v*255 + 32767) / 65535)
			}
		}
	}
}

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

func premultiply(d []uint8, red, green, blue, alpha uint8) {
	if len(d) < 4 { // an opaque picture
		d[0], d[1], d[2] = red, green, blue
		return
	}
	a := uint32(alpha)
	for c, v := range [3]uint8{red, green, blue} {
		d[c] = uint8((uint32(v)*a + 127) / 255)
	}
	d[3] = alpha
}

// keepsPNG reports whether a rendition is a PNG.
func (s *source) keepsPNG(t Type, p Target) bool {
	return s.kind == rgba || t == PNG && p.KeepPNG
}

// rendered are the planes of a rendition.
type rendered struct {
	kind          kind
	planes        []plane
	width, height int
}

// scaled makes the planes of a rendition of the given width, which is at most the picture's.
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
	// Halving leaves two to four samples for one, which the filter makes the best of.
	n := 0
	for scale := s.scaleTo(width); scale >= 4; scale /= 2 {
		n++
	}
	r := rendered{s.kind, nil, width, height}
	for i, p := range s.level(n) {
		if s.kind == ycbcr && i > 0 { // JPEG holds a chroma sample for four pixels
			p = p.resampled((w+1)/2, (h+1)/2, float64(w)/2, float64(h)/2)
		} else {
			p = p.resampled(w, h, float64(w), float64(h))
		}
		r.planes = append(r.planes, p.oriented(s.orientation))
	}
	return r
}
