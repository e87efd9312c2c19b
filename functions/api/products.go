package main

import "context"

// product is a product in responses of the web API.
type product struct {
	ID       string  `json:"id" example:"butter-cream-peaches"`
	Title    string  `json:"title"`
	Kind     string  `json:"kind" enum:"album,photobook,clothing,household,video"`
	Price    int64   `json:"price" doc:"In the smallest unit of the currency (ISO 4217): won, cents." example:"18900"`
	Currency string  `json:"currency" example:"KRW"`
	Released string  `json:"released,omitempty" format:"date"`
	Rating   summary `json:"rating"`

	Picture *picture `json:"picture,omitempty" doc:"Absent if the product has no picture or its renditions are not ready."`
}

// listProductsInput is the input of the operation list-products.
type listProductsInput struct {
	PageInput
	Kind string `query:"kind" enum:"album,photobook,clothing,household,video" doc:"All kinds by default."`
	Q    string `query:"q" maxLength:"200" doc:"Words to search for in titles and keywords, in any language. Each word may be a part of a word. Case, accents and punctuation are ignored." example:"버터 앨범"`
}

// listProductsOutput is the output of the operation list-products.
type listProductsOutput struct {
	Body struct {
		Products      []product `json:"products" nullable:"false"`
		NextPageToken string    `json:"next_page_token" doc:"Empty on the last page."`
	}
}

// listProducts answers GET /v1/products. Products are sorted by id.
func (s *server) listProducts(ctx context.Context, in *listProductsInput) (*listProductsOutput, error) {
	id := newQueryID("products", in.Kind, in.Q)
	after, err := in.cursor(id)
	if err != nil {
		return nil, err
	}
	products := []product{}
	if q := (productQuery{in.Kind, in.Q}); !q.matchesNothing() {
		if products, err = s.store.products(ctx, q, after, in.PageSize+1); err != nil {
			return nil, err
		}
	}
	var out listProductsOutput
	out.Body.Products, out.Body.NextPageToken, err = firstPage(products, in.PageSize, func(p product) cursor {
		return cursor{Query: id, ID: p.ID}
	})
	s.addPictures(ctx, out.Body.Products)
	return &out, err
}

// getProductOutput is the output of the operation get-product.
type getProductOutput struct{ Body product }

// getProduct answers GET /v1/products/{product}.
func (s *server) getProduct(ctx context.Context, in *ProductInput) (*getProductOutput, error) {
	p, err := s.store.product(ctx, in.Product)
	if err != nil {
		return nil, in.problem(err)
	}
	one := []product{p}
	s.addPictures(ctx, one)
	return &getProductOutput{one[0]}, nil
}
