package picture

import (
	"context"
	"fmt"
	"io"
	"time"

	"golang.org/x/sync/semaphore"
)

// Renderer renders pictures from where they are stored, as many at once as its memory holds. The
// others wait.
type Renderer struct {
	limits Limits
	slow   time.Duration
	memory *semaphore.Weighted
}

// NewRenderer returns a Renderer with the default limits in so many bytes of memory. A picture that
// takes longer than slow to render is refused.
func NewRenderer(memory int64, slow time.Duration) *Renderer {
	return &Renderer{DefaultLimits(memory), slow, semaphore.NewWeighted(memory)}
}

// Render renders a picture of size bytes, which open opens: once for the header, and again for the
// whole when that is within the limits and there is memory for it. What it refuses is a *RejectedError.
func (r *Renderer) Render(ctx context.Context, size int64, open func(context.Context) (io.ReadCloser, error), targets []Target) (*Picture, error) {
	if size == 0 || size > r.limits.Bytes { // refused unopened
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
		return nil, fmt.Errorf("wait for memory to render in: %w", err)
	}
	defer r.memory.Release(need)
	data, err := readAll(ctx, size, open)
	if err != nil {
		return nil, err
	}
	rendering, cancel := context.WithTimeout(ctx, r.slow)
	defer cancel()
	p, err := Render(rendering, data, r.limits, targets)
	if err != nil && rendering.Err() != nil && ctx.Err() == nil {
		return nil, reject(TooSlow, "it takes more than %v", r.slow)
	}
	return p, err
}

func (r *Renderer) inspect(ctx context.Context, size int64, open func(context.Context) (io.ReadCloser, error)) (Info, error) {
	f, err := open(ctx)
	if err != nil {
		return Info{}, err
	}
	defer f.Close()
	return Inspect(f, size, r.limits)
}

func readAll(ctx context.Context, size int64, open func(context.Context) (io.ReadCloser, error)) ([]byte, error) {
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
