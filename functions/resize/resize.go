package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
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
	"github.com/hybrid-bts/functions/shared/schema/rendition/render"
)

// requestTimeout bounds the work on one request, including the wait for rendering memory.
const requestTimeout = 30 * time.Second

// server serves renditions.
type server struct {
	originals *storage.BucketHandle
	pipeline  *render.Pipeline

	// flights merges concurrent renderings of the same original.
	flights singleflight.Group
}

// handler returns the function's routes.
func (s *server) handler() http.Handler {
	mux := http.NewServeMux()
	s.register(mux)
	return problem.Handler(mux)
}

// register adds the web API to mux and returns its OpenAPI description.
func (s *server) register(mux *http.ServeMux) huma.API {
	api := problem.NewAPI(mux, "Pictures", "1")
	api.OpenAPI().Info.Description = "Every size of every picture. Products and reviews contain the addresses."
	image := &huma.Response{
		Description: "The rendition, or its part that the header Range selects",
		Content:     map[string]*huma.MediaType{string(picture.JPEG): {}, string(picture.PNG): {}},
	}
	huma.Register(api, huma.Operation{
		Method: http.MethodGet, Path: "/img/{object...}", OperationID: "get-rendition", Summary: "Get a rendition of a picture",
		Description: "Renders a missing rendition on its first request. Take the URL from a product or review. A photo of a review is found while the review is published.",
		Responses: map[string]*huma.Response{
			"200": image, "206": image, "304": {Description: "Not Modified: the entity tag matches If-None-Match"},
		},
		Errors: []int{404, 416, 422, 500, 503},
	}, s.get)
	return api
}

type getInput struct {
	Object     string `path:"object" doc:"Object name of the picture." example:"products/butter-cream-peaches.jpg"`
	Preset     string `query:"p" required:"true" doc:"Size: thumb, card, page, zoom, or another preset of the deployment." example:"card"`
	Generation int64  `query:"g" minimum:"0" doc:"Generation of the object. With it, the response may be cached for a year, a photo for a minute."`
}

type getOutput struct {
	Body func(huma.Context)
}

// get handles GET /img/{object}.
func (s *server) get(ctx context.Context, in *getInput) (*getOutput, error) {
	if !utf8.ValidString(in.Object) { // Cloud Storage object names are UTF-8
		return nil, problem.New(http.StatusNotFound, "no picture "+strconv.Quote(in.Object))
	}
	presets := s.pipeline.Presets.For(in.Object)
	if !slices.ContainsFunc(presets, func(p rendition.Preset) bool { return p.Name == in.Preset }) {
		return nil, problem.New(http.StatusNotFound, "no preset "+strconv.Quote(in.Preset)+" for this picture")
	}
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	f, err := s.findVisible(ctx, in.Object, in.Preset, in.Generation)
	var rejected *picture.RejectedError
	switch {
	case errors.Is(err, bucket.ErrNotExist):
		missing := problem.New(http.StatusNotFound, "no picture "+strconv.Quote(in.Object))
		if rendition.IsPersonal(in.Object) { // the review may be published soon
			return nil, huma.ErrorWithHeaders(missing, http.Header{"Cache-Control": {cacheNoStore}})
		}
		return nil, missing
	case errors.As(err, &rejected):
		header := http.Header{"Cache-Control": {cacheOneMinute}}
		return nil, huma.ErrorWithHeaders(problem.New(http.StatusNotFound, rejected.Error()), header)
	case err != nil:
		return nil, problem.Unavailable(err, problem.RetryAfter)
	}
	cache := cacheControl(in.Object, in.Generation == f.generation)
	return &getOutput{Body: func(ctx huma.Context) {
		r, w := humago.Unwrap(ctx)
		h := w.Header()
		h.Set("Content-Type", f.contentType)
		h.Set("Cache-Control", cache)
		h.Set("ETag", etag.Strong(f.data))
		http.ServeContent(&rangeProblemWriter{ResponseWriter: w}, r, "", time.Time{}, bytes.NewReader(f.data))
	}}, nil
}

// rangeProblemWriter replaces the plain-text 416 response of http.ServeContent by a problem (RFC 9457).
type rangeProblemWriter struct {
	http.ResponseWriter
	replaced bool
}

// WriteHeader writes the status, or the whole problem if the status is 416.
func (w *rangeProblemWriter) WriteHeader(status int) {
	if w.replaced = status == http.StatusRequestedRangeNotSatisfiable; w.replaced {
		problem.Write(w.ResponseWriter, problem.New(status, "the header Range selects no part of the picture"))
		return
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write writes a part of the body, or discards it after a 416.
func (w *rangeProblemWriter) Write(b []byte) (int, error) {
	if w.replaced {
		return len(b), nil
	}
	return w.ResponseWriter.Write(b)
}

// file is the encoded image of a rendition.
type file struct {
	generation  int64 // of the original
	contentType string
	data        []byte
}

// findVisible returns the rendition that everybody may see: find for a product's picture, and the live generation of a
// photo that is marked as published. It returns bucket.ErrNotExist for another photo. It reads the mark at each request,
// so a photo disappears as soon as the function sentiment removes the mark.
func (s *server) findVisible(ctx context.Context, object, preset string, generation int64) (file, error) {
	if !rendition.IsPersonal(object) {
		return s.find(ctx, object, preset, generation)
	}
	published, err := bucket.PublishedGeneration(ctx, s.originals, object)
	if err != nil {
		return file{}, err
	}
	f, err := s.find(ctx, object, preset, published)
	if err == nil && f.generation != published { // uploaded again after the check, and not moderated
		return file{}, fmt.Errorf("generation %d of photo %q is not published: %w", f.generation, object, bucket.ErrNotExist)
	}
	return f, err
}

// find returns the rendition of the given generation of an object if it is stored, else the rendition of the newest
// generation. It renders the original if no rendition of the newest generation is stored. It returns
// bucket.ErrNotExist if there is no such object.
func (s *server) find(ctx context.Context, object, preset string, generation int64) (file, error) {
	if generation > 0 {
		if f, err := s.read(ctx, object, generation, preset); !errors.Is(err, bucket.ErrNotExist) {
			return f, err
		}
	}
	m, err := s.pipeline.Renditions.Manifest(ctx, object)
	if err == nil {
		if f, err := s.read(ctx, object, m.Generation, preset); !errors.Is(err, bucket.ErrNotExist) {
			return f, err
		}
	} else if !errors.Is(err, bucket.ErrNotExist) {
		return file{}, err
	}
	original, err := bucket.FindOriginal(ctx, s.originals, object, 0)
	if err != nil {
		return file{}, err
	}
	if f, err := s.read(ctx, object, original.Generation, preset); !errors.Is(err, bucket.ErrNotExist) {
		return f, err
	}
	rendered, err, _ := s.flights.Do(strconv.FormatInt(original.Generation, 10)+"/"+object, func() (any, error) {
		// The merged requests share this work, so the end of one must not cancel it.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), requestTimeout)
		defer cancel()
		return s.render(ctx, original)
	})
	if err != nil {
		return file{}, err
	}
	return rendered.(map[string]file)[preset], nil
}

// read reads a stored rendition in either format. It returns bucket.ErrNotExist if there is none.
func (s *server) read(ctx context.Context, object string, generation int64, preset string) (file, error) {
	for _, contentType := range []string{string(picture.JPEG), string(picture.PNG)} {
		data, err := s.pipeline.Renditions.Read(ctx, rendition.Name(object, generation, preset, contentType))
		if !errors.Is(err, bucket.ErrNotExist) {
			return file{generation, contentType, data}, err
		}
	}
	return file{}, fmt.Errorf("rendition %s of %q: %w", preset, object, bucket.ErrNotExist)
}

// render renders and stores an original in all of its presets, since decoding is most of the work, and returns the
// renditions by preset. It stores no manifest: function image handles an event of each original and does so.
func (s *server) render(ctx context.Context, original bucket.Original) (map[string]file, error) {
	m, encoded, err := s.pipeline.Render(ctx, original)
	if err != nil {
		return nil, err
	}
	files := map[string]file{}
	for i, r := range m.Renditions {
		files[r.Preset] = file{m.Generation, r.ContentType, encoded[i]}
	}
	// If the original was deleted during the rendering, function image may have found nothing to remove.
	if _, err := bucket.FindOriginal(ctx, s.originals, original.Name, 0); errors.Is(err, bucket.ErrNotExist) {
		return nil, errors.Join(err, s.pipeline.Renditions.Remove(ctx, original.Name, original.Generation))
	}
	return files, nil
}
