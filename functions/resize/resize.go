package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"
	"unicode/utf8"

	"cloud.google.com/go/storage"
	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"golang.org/x/sync/singleflight"

	"github.com/hybrid-bts/functions/shared/engine/picture"
	"github.com/hybrid-bts/functions/shared/etag"
	"github.com/hybrid-bts/functions/shared/problem"
	"github.com/hybrid-bts/functions/shared/schema/rendition"
	"github.com/hybrid-bts/functions/shared/schema/rendition/bucket"
)

// deadline bounds the work on one request, waiting for memory included.
const deadline = 30 * time.Second

// retryAfter is what a caller is asked to wait when storage is away or too much is under way.
const retryAfter = 2 * time.Second

// How long an answer may be kept: for ever when the request named the generation, else for so long that
// a new picture is seen soon; a shopper's photo a day, so that it is soon nowhere once it is deleted. What
// cannot be rendered is not looked at over and over.
const (
	forEver = "public, max-age=31536000, immutable"
	aDay    = "public, max-age=86400"
	awhile  = "public, max-age=300"
	refused = "public, max-age=60"
)

// server serves renditions.
type server struct {
	originals  *storage.BucketHandle
	renditions bucket.Bucket
	presets    rendition.Presets
	renderer   *picture.Renderer

	// flights lets requests for one object be answered by one decoding.
	flights singleflight.Group
}

// handler routes the function's requests.
func (s *server) handler() http.Handler {
	mux := http.NewServeMux()
	s.register(mux)
	answers := problem.Handler(mux)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Content-Type-Options", "nosniff")
		answers.ServeHTTP(w, r)
	})
}

// register adds the web API to mux, and returns what documents it.
func (s *server) register(mux *http.ServeMux) huma.API {
	api := problem.NewAPI(mux, "Pictures", "1")
	api.OpenAPI().Info.Description = "Every size of every picture. Products and reviews contain the addresses."
	file := &huma.Response{Description: "The rendition, or the part of it that the header Range asks for", Content: map[string]*huma.MediaType{
		string(picture.JPEG): {}, string(picture.PNG): {}, // a PNG when there is alpha to keep
	}}
	huma.Register(api, huma.Operation{
		Method: http.MethodGet, Path: "/img/{object...}", OperationID: "get-rendition", Summary: "Get a rendition of a picture",
		Description: "The first request for one makes it. Addresses are those that products and reviews give.",
		Responses: map[string]*huma.Response{
			"200": file, "206": file, "304": {Description: "Not Modified: the caller has it, as If-None-Match says"},
		},
		Errors: []int{404, 416, 422, 500, 503},
	}, s.get)
	return api
}

type getInput struct {
	Object     string `path:"object" doc:"The name of the object." example:"products/butter-cream-peaches.jpg"`
	Preset     string `query:"p" required:"true" doc:"The size: thumb, card, page, zoom, or one of the deployment's own." example:"card"`
	Generation int64  `query:"g" minimum:"0" doc:"Of the object; with it, the answer may be kept for ever, or of a photo a day."`
}

type getOutput struct {
	Body func(huma.Context)
}

// get answers GET /img/{object}.
func (s *server) get(ctx context.Context, in *getInput) (*getOutput, error) {
	if !utf8.ValidString(in.Object) { // Cloud Storage takes no such name
		return nil, problem.New(http.StatusNotFound, "no picture "+strconv.Quote(in.Object))
	}
	preset, ok := s.find(in.Object, in.Preset)
	if !ok {
		return nil, problem.New(http.StatusNotFound, "no preset "+strconv.Quote(in.Preset)+" for this picture")
	}
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	f, err := s.rendition(ctx, in.Object, preset, in.Generation)
	var refusal *picture.Refusal
	switch {
	case errors.Is(err, bucket.ErrNotExist):
		return nil, problem.New(http.StatusNotFound, "no picture "+strconv.Quote(in.Object))
	case errors.As(err, &refusal):
		return nil, huma.ErrorWithHeaders(problem.New(http.StatusNotFound, refusal.Error()), http.Header{"Cache-Control": {refused}})
	case err != nil:
		return nil, problem.Unavailable(err, retryAfter)
	}
	keep := awhile
	if in.Generation == f.generation {
		keep = forEver
		if rendition.IsPersonal(in.Object) {
			keep = aDay
		}
	}
	return &getOutput{Body: func(ctx huma.Context) {
		r, w := humago.Unwrap(ctx)
		h := w.Header()
		h.Set("Content-Type", f.contentType)
		h.Set("Cache-Control", keep)
		h.Set("ETag", etag.Strong(f.data))
		http.ServeContent(&explained{ResponseWriter: w}, r, "", time.Time{}, bytes.NewReader(f.data))
	}}, nil
}

// explained is an answer that is a problem where http.ServeContent refuses a range in plain text.
type explained struct {
	http.ResponseWriter
	refused bool
}

func (e *explained) WriteHeader(status int) {
	if e.refused = status == http.StatusRequestedRangeNotSatisfiable; e.refused {
		problem.Write(e.ResponseWriter, problem.New(status, "the header Range names no part of the picture"))
		return
	}
	e.ResponseWriter.WriteHeader(status)
}

func (e *explained) Write(b []byte) (int, error) {
	if e.refused {
		return len(b), nil
	}
	return e.ResponseWriter.Write(b)
}

func (s *server) find(object, name string) (rendition.Preset, bool) {
	for _, p := range s.presets.For(object) {
		if p.Name == name {
			return p, true
		}
	}
	return rendition.Preset{}, false
}

// file is a rendition.
type file struct {
	generation  int64 // of the original
	contentType string
	data        []byte
}

// rendition returns the rendition of a generation of an object, if that is there; else that of the
// newest, which it makes when it is missing. bucket.ErrNotExist: there is no such object.
func (s *server) rendition(ctx context.Context, object string, preset rendition.Preset, generation int64) (file, error) {
	if generation > 0 {
		if f, err := s.stored(ctx, object, generation, preset.Name); !errors.Is(err, bucket.ErrNotExist) {
			return f, err
		}
	}
	m, err := s.renditions.Manifest(ctx, object)
	if err == nil {
		if f, err := s.stored(ctx, object, m.Generation, preset.Name); !errors.Is(err, bucket.ErrNotExist) {
			return f, err
		}
	} else if !errors.Is(err, bucket.ErrNotExist) {
		return file{}, err
	}
	original, err := bucket.FindOriginal(ctx, s.originals, object, 0)
	if err != nil {
		return file{}, err
	}
	if f, err := s.stored(ctx, object, original.Generation, preset.Name); !errors.Is(err, bucket.ErrNotExist) {
		return f, err
	}
	made, err, _ := s.flights.Do(strconv.FormatInt(original.Generation, 10)+"/"+object, func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), deadline) // others wait for the same
		defer cancel()
		return s.make(ctx, original)
	})
	if err != nil {
		return file{}, err
	}
	return made.(map[string]file)[preset.Name], nil
}

// stored reads a rendition from the bucket.
func (s *server) stored(ctx context.Context, object string, generation int64, preset string) (file, error) {
	for _, contentType := range []string{string(picture.JPEG), string(picture.PNG)} {
		data, err := s.renditions.Read(ctx, rendition.Name(object, generation, preset, contentType))
		if !errors.Is(err, bucket.ErrNotExist) {
			return file{generation, contentType, data}, err
		}
	}
	return file{}, fmt.Errorf("rendition %s of %q: %w", preset, object, bucket.ErrNotExist)
}

// make makes and stores all renditions of an original, since decoding it is most of the work. The
// manifest is left to the function image, which is told of every original.
func (s *server) make(ctx context.Context, original bucket.Original) (map[string]file, error) {
	presets := s.presets.For(original.Name)
	sizes := make([]picture.Preset, len(presets))
	for i, p := range presets {
		sizes[i] = picture.Preset{Width: p.Width, KeepPNG: p.KeepPNG}
	}
	p, err := s.renderer.Render(ctx, original.Size, original.Open, sizes)
	if err != nil {
		return nil, fmt.Errorf("render %q: %w", original.Name, err)
	}
	made := map[string]file{}
	for i, r := range p.Renditions {
		_, err := s.renditions.Put(ctx, original, p.Thumbhash, bucket.Made{
			Preset: presets[i].Name, ContentType: string(r.Type), Width: r.Width, Height: r.Height, Data: r.Data,
		})
		if err != nil {
			return nil, err
		}
		made[presets[i].Name] = file{original.Generation, string(r.Type), r.Data}
	}
	// It may have been deleted meanwhile, when image had nothing to remove yet.
	if _, err := bucket.FindOriginal(ctx, s.originals, original.Name, 0); errors.Is(err, bucket.ErrNotExist) {
		return nil, errors.Join(err, s.renditions.Remove(ctx, original.Name, original.Generation))
	}
	return made, nil
}
