package picture

import (
	"context"
	"fmt"
	"io"
	"time"

	"golang.org/x/sync/semaphore"
)

// Renderer renders stored pictures concurrently within a memory budget. Calls beyond the budget wait. It is safe for
// concurrent use.
type Renderer struct {
	limits  Limits
	timeout time.Duration
	memory  *semaphore.Weighted
}

// NewRenderer returns a Renderer with the default limits and a budget of memory bytes. A picture that takes longer
// than timeout to decode and encode is rejected as TooSlow; waiting and reading do not count.
func NewRenderer(memory int64, timeout time.Duration) *Renderer {
	return &Renderer{DefaultLimits(memory), timeout, semaphore.NewWeighted(memory)}
}

// Opener opens a picture for reading from its start. Render closes the reader.
type Opener func(context.Context) (io.ReadCloser, error)

// Render renders a picture of size bytes. It calls open once for the header and, after the limits are checked and
// memory is available, once more for the whole file. The error is a *RejectedError if the picture can never be
// rendered; an error of open is returned wrapped or as it is.
func (r *Renderer) Render(ctx context.Context, size int64, open Opener, targets []Target) (*Picture, error) {
	if size == 0 || size > r.limits.Bytes { // rejected without a read
		_, err := Inspect(nil, size, r.limits)
		return nil, err
	}
	info, err := r.inspect(ctx, size, open)
	if err != nil {
		return nil, err
	}
	need, err := info.memory(r.limits, targets)
	if err != nil {
		return nil, err
	}
	if err := r.memory.Acquire(ctx, need); err != nil {
		return nil, fmt.Errorf("wait for rendering memory: %w", err)
	}
	defer r.memory.Release(need)
	data, err := readAll(ctx, size, open)
	if err != nil {
		return nil, err
	}
	rendering, cancel := context.WithTimeout(ctx, r.timeout)
	defer cancel()
	p, err := Render(rendering, data, r.limits, targets)
	if err != nil && rendering.Err() != nil && ctx.Err() == nil {
		return nil, reject(TooSlow, "rendering takes more than %v", r.timeout)
	}
	return p, err
}

// inspect opens the picture for its header alone. Closing the reader early ends the download.
func (r *Renderer) inspect(ctx context.Context, size int64, open Opener) (Info, error) {
	f, err := open(ctx)
	if err != nil {
		return Info{}, err
	}
	defer f.Close()
	return Inspect(f, size, r.limits)
}

// readAll reads exactly size bytes. A shorter file is an error of the store, not a rejection.
func readAll(ctx context.Context, size int64, open Opener) ([]byte, error) {
	f, err := open(ctx)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data := make([]byte, size)
	if _, err := io.ReadFull(f, data); err != nil {
		return nil, fmt.Errorf("read %d bytes of a picture: %w", size, err)
	}
	return data, nil
}
