// Package picture makes renditions of a picture whose bytes nobody vouches for.
//
// It believes the bytes alone: no name, no declared type. Inspect reads the header, and refuses what
// is over a limit before anything is allocated for it; Render decodes once and makes every size; a
// Renderer renders as many pictures at once as its memory holds. See README.md.
package picture

import "fmt"

// Type is what a picture's bytes are.
type Type string

// The types that can be read.
const (
	JPEG Type = "image/jpeg"
	PNG  Type = "image/png"
	GIF  Type = "image/gif"
	WebP Type = "image/webp"
)

// Limits bound what is read, by what the header says.
type Limits struct {
	Bytes  int64 // of the file
	Pixels int64
	Side   int   // pixels of width, and of height
	Memory int64 // bytes that Render may take
}

// DefaultLimits are the shop's, for an instance that has memory bytes to spare for pictures.
func DefaultLimits(memory int64) Limits {
	return Limits{Bytes: 25_000_000, Pixels: 50_000_000, Side: 16384, Memory: memory}
}

// Reason says in a word why a picture is refused.
type Reason string

// The reasons.
const (
	Empty         Reason = "empty"
	TooLarge      Reason = "too-large"
	UnknownType   Reason = "unknown-type"
	Unsupported   Reason = "unsupported"
	Damaged       Reason = "damaged"
	TooManyPixels Reason = "too-many-pixels"
	TooMuchMemory Reason = "too-much-memory"
	TooFewBytes   Reason = "too-few-bytes"
	TooSlow       Reason = "too-slow"
)

// RejectedError is the error for a picture that can never be rendered.
type RejectedError struct {
	Reason Reason
	Detail string
}

func (r *RejectedError) Error() string {
	return fmt.Sprintf("picture refused: %s: %s", r.Reason, r.Detail)
}

func reject(reason Reason, format string, args ...any) error {
	return &RejectedError{reason, fmt.Sprintf(format, args...)}
}

// Info is what a picture's header says.
type Info struct {
	Type          Type
	Width, Height int  // as stored: before the orientation
	Orientation   int  // EXIF's, 1 to 8
	Progressive   bool // a progressive JPEG, or an interlaced PNG
	Animated      bool // more frames follow the first, which alone is rendered
	// Profile is the ICC profile when it is worth keeping: sound, at most 64 KiB, and not sRGB.
	Profile []byte
	// Memory is an upper estimate of the bytes that decoding takes, the file's own included.
	Memory int64
}

// Size returns the width and height as shown: after the orientation.
func (i Info) Size() (width, height int) {
	if i.Orientation >= 5 {
		return i.Height, i.Width
	}
	return i.Width, i.Height
}

// memory returns an upper estimate of the bytes that Render takes for some targets, or a *RejectedError when
// that is more than it may. Presets bound the width alone, so a tall picture has large renditions.
func (i Info) memory(limits Limits, targets []Target) (int64, error) {
	const perPixel = 10 // of a rendition: its planes, in both orientations, and what is encoded
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

// Target says what to make of a picture.
type Target struct {
	Width   int  // pixels, at most; a smaller picture is not enlarged
	KeepPNG bool // an opaque PNG stays PNG, where it else becomes JPEG
}

// Image is what became of a picture for a size.
type Image struct {
	Type          Type // JPEG, or PNG for what has transparent pixels
	Width, Height int
	Data          []byte
}

// Picture is a rendered picture.
type Picture struct {
	Info
	Images    []Image // one for each size, in their order
	Thumbhash []byte  // https://evanw.github.io/thumbhash/
}
