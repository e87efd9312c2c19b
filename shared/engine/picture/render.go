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

// quality is the JPEG quality of the images, on the scale of 1 to 100 of image/jpeg.
const quality = 80

// maxScans is the largest number of scans in a JPEG. The default script of libjpeg writes ten for a progressive one.
const maxScans = 200

// Render decodes a picture once and encodes an image for each target. The error is a *RejectedError if the picture can
// never be rendered. Render checks ctx while it decodes and between the targets, and returns ctx.Err() if ctx ends.
func Render(ctx context.Context, data []byte, limits Limits, targets []Target) (*Picture, error) {
	info, err := Inspect(bytes.NewReader(data), int64(len(data)), limits)
	if err != nil {
		return nil, err
	}
	if _, err := info.memory(limits, targets); err != nil {
		return nil, err
	}
	// Each scan of a progressive JPEG may visit every block, so thousands of scans take minutes. The marker SOS, 0xffda,
	// cannot occur within a scan (T.81, B.1.1.5). The count may include the scans of an embedded preview.
	if n := bytes.Count(data, []byte{0xff, 0xda}); info.Type == JPEG && n > maxScans {
		return nil, reject(TooSlow, "the JPEG has %d scans, more than %d", n, maxScans)
	}
	decoded, err := decode(ctx, info.Type, data)
	if err != nil {
		return nil, err
	}
	if b := decoded.Bounds(); info.Type != GIF && (b.Dx() != info.Width || b.Dy() != info.Height) {
		return nil, reject(Damaged, "%d×%d pixels, but the header has %d×%d", b.Dx(), b.Dy(), info.Width, info.Height)
	}
	p := &Picture{Info: info}
	src, err := newSource(ctx, decoded, info, targets)
	if err != nil {
		return nil, err
	}
	images := map[imageKey]Image{} // all targets wider than the picture have the same image
	for _, target := range targets {
		key := imageKey{min(target.Width, src.shownWidth()), src.keepsPNG(info.Type, target)}
		img, ok := images[key]
		if !ok {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			if img, err = encode(src.scaled(key.width), key.png, info.Profile); err != nil {
				return nil, err
			}
			images[key] = img
		}
		p.Images = append(p.Images, img)
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	p.Thumbhash = thumbhash(src)
	return p, nil
}

// imageKey identifies the distinct images of one picture.
type imageKey struct {
	width int
	png   bool
}

// decode decodes data. The decoders take no context, so the reader fails when ctx ends.
func decode(ctx context.Context, t Type, data []byte) (image.Image, error) {
	r := &contextReader{ctx, bytes.NewReader(data)}
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
			expandRange(img)
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

// contextReader fails when its context ends. Its reads are short, since a few bytes of a progressive JPEG can make the
// decoder visit every block before it reads again.
type contextReader struct {
	ctx context.Context
	r   *bytes.Reader
}

// Read reads at most 512 bytes, or returns the error of the context.
func (r *contextReader) Read(b []byte) (int, error) {
	const maxRead = 512
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.r.Read(b[:min(len(b), maxRead)])
}

// firstFrame decodes the first frame of a GIF and places it on the logical screen (GIF89a, section 18).
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
		return nil, fmt.Errorf("GIF frame has the type %T", img)
	}
	whole := image.Rect(0, 0, screen.Width, screen.Height)
	if frame.Rect == whole {
		return frame, nil
	}
	return &screenFrame{frame, whole}, nil
}

// screenFrame is a frame that does not fill its screen. The screen is transparent around it.
type screenFrame struct {
	*image.Paletted
	screen image.Rectangle
}

// Bounds returns the bounds of the screen.
func (f *screenFrame) Bounds() image.Rectangle { return f.screen }

// Opaque returns false, since the screen around the frame is transparent.
func (f *screenFrame) Opaque() bool { return false }

// expandRange converts the samples of lossy WebP from the video range of BT.601 (RFC 9649, section 2.5: luma 16 to 235,
// chroma 16 to 240) to the full range that image.YCbCr defines. The decoder leaves them unconverted, which would
// reduce the contrast.
func expandRange(img image.Image) {
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
		luma[i] = expandSample(i, 16, 0, 219)
		chroma[i] = expandSample(i, 128, 128, 224)
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

// expandSample maps a sample from the range of span values with the origin from to the range of 255 with the origin to.
func expandSample(v, from, to int, span float64) uint8 {
	return uint8(max(0, min(255, math.Round(float64(to)+float64(v-from)*255/span))))
}
