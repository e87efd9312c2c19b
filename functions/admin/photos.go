package main

import (
	"context"
	"errors"
	"net/http"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"github.com/hybrid-bts/functions/shared/problem"
	"github.com/hybrid-bts/functions/shared/schema/rendition"
	"github.com/hybrid-bts/functions/shared/schema/rendition/bucket"
	wire "github.com/hybrid-bts/functions/shared/schema/review"
)

// photoHandlers serves the photos of reviews with any status. Everybody else sees photos of published reviews only, through
// the function resize.
type photoHandlers struct{ renditions bucket.Bucket }

func (p *photoHandlers) register(api huma.API) {
	addOperation(api, http.MethodGet, "/photos/{file}", "get-photo", "Get a rendition of a photo of a review", p.get,
		withDescription("The review may have any status. 404: the photo does not exist, or is not rendered yet."),
		func(op *huma.Operation) {
			op.Responses = map[string]*huma.Response{"200": {
				Description: "The rendition", Content: map[string]*huma.MediaType{"image/jpeg": {}, "image/png": {}},
			}}
		})
}

// photoFolder is the folder of photos in the bucket of originals: see wire.PhotoPattern.
const photoFolder = "reviews/"

type photoInput struct {
	File   string `path:"file" doc:"Name of the photo without its folder reviews." example:"6f2c5c0e-8a53-4d2e-9d2b-1e6f0a4f7c11.jpg"`
	Preset string `query:"p" enum:"thumb,card,page,zoom" default:"thumb" doc:"Size."`
}

type photoOutput struct {
	ContentType  string `header:"Content-Type"`
	CacheControl string `header:"Cache-Control"`
	Body         []byte
}

// get answers GET /v1/admin/photos/{file}.
func (p *photoHandlers) get(ctx context.Context, in *photoInput) (*photoOutput, error) {
	missing := problem.New(http.StatusNotFound, "no photo "+strconv.Quote(in.File))
	photo := photoFolder + in.File
	if !wire.IsPhoto(photo) {
		return nil, missing
	}
	found, data, err := p.read(ctx, photo, in.Preset)
	switch {
	case errors.Is(err, bucket.ErrNotExist):
		return nil, missing
	case err != nil:
		return nil, problem.Unavailable(err, problem.RetryAfter)
	}
	return &photoOutput{found.ContentType, cacheNoStore, data}, nil
}

// read returns the newest rendition of a photo in a preset, or bucket.ErrNotExist.
func (p *photoHandlers) read(ctx context.Context, photo, preset string) (rendition.Rendition, []byte, error) {
	m, err := p.renditions.Manifest(ctx, photo)
	if err != nil {
		return rendition.Rendition{}, nil, err
	}
	found, ok := m.Find(preset)
	if !ok {
		return found, nil, bucket.ErrNotExist
	}
	data, err := p.renditions.Read(ctx, found.Name)
	return found, data, err
}
