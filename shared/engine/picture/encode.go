package picture

import (
	"bytes"
	"fmt"
	"image"
	"image/jpeg"
	"image/png"
)

// encode encodes an image as JPEG or PNG and embeds the ICC profile, if there is one.
func encode(r rendered, asPNG bool, profile []byte) (Image, error) {
	out := Image{Type: JPEG, Width: r.width, Height: r.height}
	var b bytes.Buffer
	var err error
	if asPNG {
		out.Type = PNG
		err = png.Encode(&b, r.image())
	} else {
		err = jpeg.Encode(&b, r.image(), &jpeg.Options{Quality: quality})
	}
	if err != nil {
		return Image{}, fmt.Errorf("encode %d×%d as %s: %w", r.width, r.height, out.Type, err)
	}
	out.Data = withProfile(out.Type, b.Bytes(), profile)
	return out, nil
}

// image returns the planes in the type for which the encoders have a fast path.
func (r rendered) image() image.Image {
	bounds := image.Rect(0, 0, r.width, r.height)
	p := r.planes
	switch r.kind {
	case grey:
		return &image.Gray{Pix: p[0].pix, Stride: p[0].stride, Rect: bounds}
	case ycbcr:
		return &image.YCbCr{
			Y: p[0].pix, Cb: p[1].pix, Cr: p[2].pix, YStride: p[0].stride, CStride: p[1].stride,
			SubsampleRatio: image.YCbCrSubsampleRatio420, Rect: bounds,
		}
	case rgb:
		m := image.NewRGBA(bounds)
		for i := range p[0].pix {
			m.Pix[4*i], m.Pix[4*i+1], m.Pix[4*i+2], m.Pix[4*i+3] = p[0].pix[i], p[1].pix[i], p[2].pix[i], 255
		}
		return m
	}
	m := image.NewNRGBA(bounds)
	for i, a := range p[3].pix {
		if a == 0 {
			continue
		}
		// The filter overshoots each channel on its own, so a color may exceed its alpha.
		for c := range 3 {
			m.Pix[4*i+c] = uint8((uint32(min(p[c].pix[i], a))*255 + uint32(a)/2) / uint32(a))
		}
		m.Pix[4*i+3] = a
	}
	return m
}
