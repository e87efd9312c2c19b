// Package render renders originals with the picture engine and stores the renditions. It is apart from package
// bucket so that readers of manifests do not link the engine.
//
// Writers: functions/image and functions/resize.
package render

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/hybrid-bts/functions/shared/engine/picture"
	"github.com/hybrid-bts/functions/shared/schema/rendition"
	"github.com/hybrid-bts/functions/shared/schema/rendition/bucket"
)

// programMiB is the part of the instance memory that is not available for pictures: the program, its clients and its
// connections.
const programMiB = 96

// Sizes of an instance in MiB, for functions that render.
const (
	DefaultMemoryMiB = 512            // assumed if MEMORY_MIB is not set
	MinMemoryMiB     = 2 * programMiB // the smallest accepted
)

// timeout bounds the rendering of one picture. A picture at the engine's pixel limit takes some seconds of one CPU.
const timeout = 20 * time.Second

// LimitMemory sets the soft memory limit of the process for an instance of mib MiB, at least MinMemoryMiB. The runtime
// then collects garbage before the platform kills the instance.
func LimitMemory(mib int) { debug.SetMemoryLimit(int64(mib-programMiB/2) << 20) }

// Pipeline renders originals and stores the renditions. It is safe for concurrent use.
type Pipeline struct {
	Presets    rendition.Presets // presets to render; set before use
	Renditions bucket.Bucket     // receives the renditions

	engine *picture.Renderer
}

// NewPipeline returns a pipeline for an instance of mib MiB, at least MinMemoryMiB.
func NewPipeline(mib int, presets rendition.Presets, renditions bucket.Bucket) *Pipeline {
	return &Pipeline{presets, renditions, picture.NewRenderer(int64(mib-programMiB)<<20, timeout)}
}

// Render renders an original in each preset that applies to it and stores the renditions. It returns a manifest, which
// is not stored, and the encoded images in the order of Manifest.Renditions. The error is a *picture.RejectedError if
// the original can never be rendered; other errors are transient.
func (p *Pipeline) Render(ctx context.Context, o bucket.Original) (*rendition.Manifest, [][]byte, error) {
	presets := p.Presets.For(o.Name)
	var targets []picture.Target
	for _, preset := range presets {
		targets = append(targets, picture.Target{Width: preset.Width, KeepPNG: preset.KeepPNG})
	}
	pic, err := p.engine.Render(ctx, o.Size, o.Open, targets)
	if err != nil {
		return nil, nil, fmt.Errorf("render %q: %w", o.Name, err)
	}
	m := &rendition.Manifest{
		Object: o.Name, Generation: o.Generation, ContentType: string(pic.Type), Thumbhash: pic.Thumbhash,
		MadeAt: time.Now().UTC(),
	}
	m.Width, m.Height = pic.Size()
	var encoded [][]byte
	for i, image := range pic.Images {
		r := rendition.Rendition{
			Preset: presets[i].Name, ContentType: string(image.Type), Width: image.Width, Height: image.Height,
		}
		if err := p.Renditions.Put(ctx, m, r, image.Data); err != nil {
			return nil, nil, err
		}
		encoded = append(encoded, image.Data)
	}
	return m, encoded, nil
}
