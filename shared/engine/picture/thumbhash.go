package picture

import (
	"image"
	"image/color"
	"math"
)

// thumbhash returns the ThumbHash of a picture: at most 25 bytes from which a page draws a blurred placeholder while the
// picture loads. The format is defined by https://github.com/evanw/thumbhash. The result is nil if the picture is so
// narrow that its smallest image is over 100 pixels tall.
func thumbhash(s *source) []byte {
	// The reference implementation accepts at most 100 pixels a side.
	w, h := s.fullWidth, s.fullHeight
	if s.orientation >= 5 {
		w, h = h, w
	}
	width := w
	if longest := max(w, h); longest > 100 {
		width = max(1, w*100/longest)
	}
	r := s.scaled(width)
	if r.height > 100 {
		return nil
	}
	return hash(r.image(), r.width, r.height)
}

// channel is the cosine transform of one channel: the mean, the largest absolute coefficient, and the coefficients
// scaled to 0 to 1.
type channel struct {
	dc, scale float64
	ac        []float64
}

// transform returns the lowest nx by ny cosine coefficients, those in the triangle of low frequencies, of w by h samples.
func transform(v []float64, w, h, nx, ny int) channel {
	var c channel
	fx := make([]float64, w)
	for cy := range ny {
		for cx := 0; cx*ny < nx*(ny-cy); cx++ {
			for x := range fx {
				fx[x] = math.Cos(math.Pi / float64(w) * float64(cx) * (float64(x) + 0.5))
			}
			var f float64
			for y := range h {
				fy := math.Cos(math.Pi / float64(h) * float64(cy) * (float64(y) + 0.5))
				for x, cos := range fx {
					f += v[y*w+x] * cos * fy
				}
			}
			f /= float64(w * h)
			if cx == 0 && cy == 0 {
				c.dc = f
				continue
			}
			c.ac = append(c.ac, f)
			c.scale = max(c.scale, math.Abs(f))
		}
	}
	if c.scale > 0 {
		for i, f := range c.ac {
			c.ac[i] = 0.5 + 0.5/c.scale*f
		}
	}
	return c
}

// hash encodes the ThumbHash of an image of w by h pixels. Bits, lowest first: the means of luminance (6), yellow-blue (6)
// and red-green (6), the scale of luminance (5), an alpha flag (1); the number of coefficients of the shorter side (3),
// the scales of yellow-blue (6) and red-green (6), a landscape flag (1); with alpha, its mean (4) and scale (4). The
// coefficients follow with 4 bits each. A picture with alpha has 5 luminance coefficients on its longer side, else 7.
func hash(img image.Image, w, h int) []byte {
	n := w * h
	pixels := make([][4]float64, n) // R, G, B with premultiplied alpha, and alpha
	var mean [4]float64
	for i := range pixels {
		c := color.NRGBAModel.Convert(img.At(i%w, i/w)).(color.NRGBA)
		a := float64(c.A) / 255
		pixels[i] = [4]float64{a / 255 * float64(c.R), a / 255 * float64(c.G), a / 255 * float64(c.B), a}
		for c, v := range pixels[i] {
			mean[c] += v
		}
	}
	for c := range 3 {
		if mean[3] > 0 {
			mean[c] /= mean[3]
		}
	}
	hasAlpha := mean[3] < float64(n)-0.5/255
	longest := float64(max(w, h))
	most := 7.0
	if hasAlpha {
		most = 5
	}
	lx := max(1, int(math.Round(most*float64(w)/longest)))
	ly := max(1, int(math.Round(most*float64(h)/longest)))
	l, p, q, a := make([]float64, n), make([]float64, n), make([]float64, n), make([]float64, n)
	for i, px := range pixels { // blended with the mean color; luminance, yellow-blue, red-green, alpha
		r, g, b := mean[0]*(1-px[3])+px[0], mean[1]*(1-px[3])+px[1], mean[2]*(1-px[3])+px[2]
		l[i], p[i], q[i], a[i] = (r+g+b)/3, (r+g)/2-b, r-g, px[3]
	}
	lc := transform(l, w, h, max(3, lx), max(3, ly))
	pc, qc := transform(p, w, h, 3, 3), transform(q, w, h, 3, 3)

	round := func(v, most float64) uint32 { return uint32(max(0, min(1, v))*most + 0.5) }
	flag := func(b bool) uint32 {
		if b {
			return 1
		}
		return 0
	}
	// The signed means have their zero in the middle of the 6-bit range.
	head := round(lc.dc, 63) | uint32(32+31.5*pc.dc)<<6 | uint32(32+31.5*qc.dc)<<12 |
		round(lc.scale, 31)<<18 | flag(hasAlpha)<<23
	shorter := lx
	if w > h {
		shorter = ly
	}
	tail := uint32(shorter) | round(pc.scale, 63)<<3 | round(qc.scale, 63)<<9 | flag(w > h)<<15
	out := []byte{byte(head), byte(head >> 8), byte(head >> 16), byte(tail), byte(tail >> 8)}
	channels := []channel{lc, pc, qc}
	if hasAlpha {
		ac := transform(a, w, h, 5, 5)
		out = append(out, byte(round(ac.dc, 15)|round(ac.scale, 15)<<4))
		channels = append(channels, ac)
	}
	low := true // two coefficients of 4 bits in a byte, the lower half first
	for _, c := range channels {
		for _, f := range c.ac {
			v := byte(round(f, 15))
			if low {
				out = append(out, v)
			} else {
				out[len(out)-1] |= v << 4
			}
			low = !low
		}
	}
	return out
}
