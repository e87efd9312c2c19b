package main

import (
	"context"
	"errors"
)

type product struct {
	ID       string  `json:"id" example:"butter-cream-peaches"`
	Title    string  `json:"title"`
	Kind     string  `json:"kind" enum:"album,photobook,clothing,household,video"`
	Price    int64   `json:"price" doc:"In the smallest unit of the currency (ISO 4217): won, cents." example:"18900"`
	Currency string  `json:"currency" example:"KRW"`
	Released string  `json:"released,omitempty" format:"date"`
	Rating   summary `json:"rating"`

	Picture *picture `json:"picture,omitempty" doc:"Absent when there is none, or not yet."`
}

// productQuery asks for some of the catalogue. The zero query is all of it.
type productQuery struct {
	kind string
	q    string // words that its title or keywords hold
}

// search is how products are looked for.
type search string

const (
	indexed search = "index"
	scanned search = "scan"
)

// parseSearch reads the variable PRODUCT_SEARCH.
func parseSearch(s string) (search, error) {
	if way := search(s); way == indexed || way == scanned {
		return way, nil
	}
	return "", errors.New("is neither index nor scan")
}

type listProductsInput struct {
	PageInput
	Kind string `query:"kind" enum:"album,photobook,clothing,household,video" doc:"All kinds by default."`
	Q    string `query:"q" maxLength:"200" doc:"Words to look for in titles and in what else shoppers call a product, in any language; each may be a part of a word. Case, accents and punctuation do not count." example:"버터 앨범"`
}

type listProductsOutput struct {
	Body struct {
		Products      []product `json:"products" nullable:"false"`
		NextPageToken string    `json:"next_page_token" doc:"Empty on the last page."`
	}
}

// listProducts answers GET /v1/products.
func (s *server) listProducts(ctx context.Context, in *listProductsInput) (*listProductsOutput, error) {
	l := listOf("products", in.Kind, in.Q)
	after, err := in.after(l)
	if err != nil {
		return nil, err
	}
	found, err := s.store.products(ctx, productQuery{in.Kind, in.Q}, after, in.PageSize+1)
	if err != nil {
		return nil, err
	}
	var out listProductsOutput
	out.Body.Products, out.Body.NextPageToken, err = cut(found, in.PageSize, func(p product) cursor { return cursor{List: l, ID: p.ID} })
	s.illustrate(ctx, out.Body.Products)
	return &out, err
}

type getProductOutput struct{ Body product }

// getProduct answers GET /v1/products/{product}.
func (s *server) getProduct(ctx context.Context, in *ProductInput) (*getProductOutput, error) {
	p, err := s.store.product(ctx, in.Product)
	if err != nil {
		return nil, in.missing(err)
	}
	one := []product{p}
	s.illustrate(ctx, one)
	return &getProductOutput{one[0]}, nil
}
