package picture

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"math"

	"golang.org/x/image/webp"
)

// quality is that of the JPEGs made.
const quality = 80

// maxScans is how many scans a JPEG may have; encoders make ten or so of a progressive one.
const maxScans = 200

// Render decodes a picture once, and makes every size of it. What it refuses is a *RejectedError; when
// ctx ends, which it looks at while it decodes and between steps, its error is that of ctx.
func Render(ctx context.Context, data []byte, limits Limits, targets []Target) (*Picture, error) {
	info, err := Inspect(bytes.NewReader(data), int64(len(data)), limits)
	if err != nil {
		return nil, err
	}
	if _, err := info.memory(limits, targets); err != nil {
		return nil, err
	}
	// A progressive JPEG may go over all its blocks thousands of times. 0xffda is a scan's marker, and within a
	// scan it cannot stand; a preview in a header may have some of its own.
	if n := bytes.Count(data, []byte{0xff, 0xda}); info.Type == JPEG && n > maxScans {
		return nil, reject(TooSlow, "it has %d scans, more than %d", n, maxScans)
	}
	img, err := decode(ctx, info.Type, data)
	if err != nil {
		return nil, err
	}
	if b := img.Bounds(); info.Type != GIF && (b.Dx() != info.Width || b.Dy() != info.Height) {
		return nil, reject(Damaged, "%d×%d pixels, the header says %d×%d", b.Dx(), b.Dy(), info.Width, info.Height)
	}
	p := &Picture{Info: info}
	src, err := newSource(ctx, img, info, targets)
	if err != nil {
		return nil, err
	}
	made := map[key]Image{} // targets wider than the picture are the same
	for _, target := range targets {
		k := key{min(target.Width, src.shownWidth()), src.keepsPNG(info.Type, target)}
		r, ok := made[k]
		if !ok {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			if r, err = encode(src.scaled(k.width), k.png, info.Profile); err != nil {
				return nil, err
			}
			made[k] = r
		}
		p.Images = append(p.Images, r)
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	p.Thumbhash = thumbhash(src)
	return p, nil
}

type key struct {
	width int
	png   bool
}

// decode decodes data. The decoders of the standard library take no context, so the reader stops them.
func decode(ctx context.Context, t Type, data []byte) (image.Image, error) {
	r := &reader{ctx, bytes.NewReader(data)}
	var img image.Image
	var err error
	switch t {
	case JPEG:
		img, err = jpeg.Decode(r)
	case PNG:
		img, err = png.Decode(r)
	case GIF:
		img, err = firstFrame(r, data)
	case WebP:
		if img, err = webp.Decode(r); err == nil {
			widen(img)
		}
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	var unsupportedJPEG jpeg.UnsupportedError
	var unsupportedPNG png.UnsupportedError
	if errors.As(err, &unsupportedJPEG) || errors.As(err, &unsupportedPNG) {
		return nil, reject(Unsupported, "%v", err)
	}
	if err != nil {
		return nil, reject(Damaged, "%v", err)
	}
	return img, nil
}

// reader reads in pieces so small that no decoder works long on one: a progressive JPEG can say in
// some bytes to go over all its blocks.
type reader struct {
	ctx context.Context
	r   *bytes.Reader
}

func (r *reader) Read(b []byte) (int, error) {
	const most = 512
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.r.Read(b[:min(len(b), most)])
}

// firstFrame decodes the first frame of a GIF, on the whole screen.
func firstFrame(r io.Reader, data []byte) (image.Image, error) {
	img, err := gif.Decode(r)
	if err != nil {
		return nil, err
	}
	screen, err := gif.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	frame, ok := img.(*image.Paletted)
	if !ok {
		return nil, fmt.Errorf("a GIF frame is a %T", img)
	}
	whole := image.Rect(0, 0, screen.Width, screen.Height)
	if frame.Rect == whole {
		return frame, nil
	}
	return &onScreen{frame, whole}, nil
}

// onScreen is a frame that is smaller than its screen, which is transparent around it.
type onScreen struct {
	*image.Paletted
	screen image.Rectangle
}

func (o *onScreen) Bounds() image.Rectangle { return o.screen }
func (o *onScreen) Opaque() bool            { return false }

// widen makes the video-range samples of lossy WebP (RFC 9649 section 2.5: BT.601, 16 to 235 and 240) the full
// range that image.YCbCr means; the decoder hands them out as they are, which washes the contrast out.
func widen(img image.Image) {
	var m *image.YCbCr
	switch i := img.(type) {
	case *image.YCbCr:
		m = i
	case *image.NYCbCrA:
		m = &i.YCbCr
	default:
		return
	}
	var luma, chroma [256]uint8
	for i := range 256 {
		luma[i] = widened(i, 16, 0, 219)
		chroma[i] = widened(i, 128, 128, 224)
	}
	for i, v := range m.Y {
		m.Y[i] = luma[v]
	}
	for i, v := range m.Cb {
		m.Cb[i] = chroma[v]
	}
	for i, v := range m.Cr {
		m.Cr[i] = chroma[v]
	}
}

// widened maps v, a sample around from in a range of span values, to the one around to in 255.
func widened(v, from, to int, span float64) uint8 {
	return uint8(max(0, min(255, math.Round(float64(to)+float64(v-from)*255/span))))
}
