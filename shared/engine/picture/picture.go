// Package picture scales untrusted pictures: JPEG, PNG, GIF and WebP files become JPEG or PNG images of given widths.
//
// The type is detected from the bytes alone, never from a name or a declared type. Inspect reads the header and rejects a
// picture over a limit before memory is allocated for it. Render decodes a picture once and encodes an image for each
// target. A Renderer runs Render concurrently within a memory budget. README.md describes the algorithms.
package picture

import "fmt"

// Type is the media type of a picture, detected from its first bytes.
type Type string

// The supported input types. Output is JPEG or PNG.
const (
	JPEG Type = "image/jpeg"
	PNG  Type = "image/png"
	GIF  Type = "image/gif"
	WebP Type = "image/webp"
)

// Limits bounds the pictures that are accepted. A zero limit accepts nothing.
type Limits struct {
	Bytes  int64 // length of the file
	Pixels int64 // width times height
	Side   int   // width, and height, in pixels
	Memory int64 // estimated peak of Render in bytes
}

// DefaultLimits returns the limits of the shop: 25 MB, 50 megapixels, 16,384 pixels a side, and the given memory in
// bytes.
func DefaultLimits(memory int64) Limits {
	return Limits{Bytes: 25_000_000, Pixels: 50_000_000, Side: 16384, Memory: memory}
}

// Reason is the code of a rejection. The values are stored and logged, so they must not change.
type Reason string

// The reasons for a rejection.
const (
	Empty         Reason = "empty"           // the file has no bytes
	TooLarge      Reason = "too-large"       // over Limits.Bytes
	UnknownType   Reason = "unknown-type"    // none of the supported types
	Unsupported   Reason = "unsupported"     // a variant of a supported type without a decoder
	Damaged       Reason = "damaged"         // contradicts the specification of its type
	TooManyPixels Reason = "too-many-pixels" // over Limits.Pixels or Limits.Side
	TooMuchMemory Reason = "too-much-memory" // over Limits.Memory
	TooFewBytes   Reason = "too-few-bytes"   // too short for the number of pixels in the header
	TooSlow       Reason = "too-slow"        // over the scan limit or the time limit
)

// RejectedError is the error for a picture that can never be rendered under the given limits.
type RejectedError struct {
	Reason Reason
	Detail string // an explanation for people; contains no bytes of the picture
}

// Error returns the reason and the detail.
func (r *RejectedError) Error() string {
	return fmt.Sprintf("picture rejected: %s: %s", r.Reason, r.Detail)
}

// reject returns a *RejectedError with a formatted detail.
func reject(reason Reason, format string, args ...any) error {
	return &RejectedError{reason, fmt.Sprintf(format, args...)}
}

// Info is the content of a picture's header.
type Info struct {
	Type          Type
	Width, Height int  // pixels, as stored: before the orientation is applied
	Orientation   int  // EXIF orientation, 1 to 8; 1 if the file has none
	Progressive   bool // a progressive JPEG or an interlaced PNG
	Animated      bool // the file has more frames; Render uses the first
	// Profile is the ICC profile to carry over: a valid RGB profile of at most 64 KiB other than sRGB, else nil.
	Profile []byte
	// Memory is an upper bound of the bytes that decoding allocates, including the file itself.
	Memory int64
}

// Size returns the width and height in pixels after the orientation is applied.
func (i Info) Size() (width, height int) {
	if i.Orientation >= 5 {
		return i.Height, i.Width
	}
	return i.Width, i.Height
}

// memory returns an upper bound of the bytes that Render allocates for the targets, or a *RejectedError if that is over
// the limit. Targets bound the width alone, so a tall picture has large images.
func (i Info) memory(limits Limits, targets []Target) (int64, error) {
	// The bytes of a pixel in an image's planes, before and after the orientation, and in the encoder.
	const perPixel = 10
	width, height := i.Size()
	var largest int64
	for _, p := range targets {
		w := min(p.Width, width)
		largest = max(largest, int64(w)*(int64(height)*int64(w)/int64(width)+1))
	}
	need := i.Memory + largest*perPixel
	if need > limits.Memory {
		return 0, reject(TooMuchMemory, "rendering takes %d bytes, more than %d", need, limits.Memory)
	}
	return need, nil
}

// Target describes one image to make of a picture.
type Target struct {
	Width   int  // largest width in pixels, at least 1; a narrower picture is not enlarged
	KeepPNG bool // encode an opaque PNG as PNG instead of JPEG
}

// Image is an encoded image.
type Image struct {
	Type          Type // PNG if the picture has an alpha channel or the target keeps PNG, else JPEG
	Width, Height int  // pixels
	Data          []byte
}

// Picture is the result of rendering: the header of the picture and its images.
type Picture struct {
	Info
	Images    []Image // one for each target, in the order of the targets
	Thumbhash []byte  // placeholder of at most 25 bytes: https://evanw.github.io/thumbhash/
}
