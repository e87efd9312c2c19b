package main

import (
	"context"
	"net/url"
	"strconv"

	"github.com/hybrid-bts/functions/shared/schema/rendition"
)

// picture is the part of a manifest that the web API shows.
type picture struct {
	Object    string `json:"object" doc:"Object name of the upload." example:"products/butter-cream-peaches.jpg"`
	Width     int    `json:"width" doc:"Width of the upload in pixels."`
	Height    int    `json:"height" doc:"Height of the upload in pixels."`
	Thumbhash []byte `json:"thumbhash" doc:"Blurred placeholder, a ThumbHash: https://evanw.github.io/thumbhash/"`
	Sizes     []size `json:"sizes" nullable:"false" doc:"Narrowest first."`
}

// size is one rendition.
type size struct {
	Width  int    `json:"width" doc:"Pixels."`
	Height int    `json:"height" doc:"Pixels."`
	URL    string `json:"url" doc:"Its content never changes." example:"/img/products/butter-cream-peaches.jpg?p=card&g=1795166102310000"`
}

// newPicture returns the picture of a manifest with the URLs of its renditions.
func newPicture(m *rendition.Manifest) *picture {
	pic := &picture{Object: m.Object, Width: m.Width, Height: m.Height, Thumbhash: m.Thumbhash, Sizes: []size{}}
	for _, r := range m.Renditions {
		if n := len(pic.Sizes); n > 0 && pic.Sizes[n-1].Width == r.Width {
			continue // all presets wider than the picture have the same image
		}
		u := url.URL{Path: "/img/" + m.Object, RawQuery: "p=" + r.Preset + "&g=" + strconv.FormatInt(m.Generation, 10)}
		pic.Sizes = append(pic.Sizes, size{r.Width, r.Height, u.String()})
	}
	return pic
}

// addPictures sets the pictures of products.
func (s *server) addPictures(ctx context.Context, products []product) {
	objects := make([]string, len(products))
	for i, p := range products {
		objects[i] = rendition.OfProduct(p.ID)
	}
	found := s.pictures.byObject(ctx, objects...)
	for i := range products {
		products[i].Picture = found[objects[i]]
	}
}

// addPhotos sets the photos of reviews. Photos that are not rendered yet are omitted.
func (s *server) addPhotos(ctx context.Context, reviews []review) {
	var objects []string
	for _, r := range reviews {
		objects = append(objects, r.Objects...)
	}
	found := s.pictures.byObject(ctx, objects...)
	for i := range reviews {
		r := &reviews[i]
		r.Photos = []picture{}
		for _, o := range r.Objects {
			if p := found[o]; p != nil {
				r.Photos = append(r.Photos, *p)
			}
		}
	}
}
