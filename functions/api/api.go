package main

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/hybrid-bts/functions/shared/problem"
)

// deadline bounds the work on one request.
const deadline = 10 * time.Second

// retryAfter is what a caller is asked to wait when Spanner is away.
const retryAfter = 2 * time.Second

// What a store answers besides what was asked for.
var (
	errNotFound    = errors.New("not found")
	errUnavailable = errors.New("unavailable") // now; it may pass
)

// store reads products, reviews and ratings. Lists give at most limit items, those after the cursor
// when there is one.
type store interface {
	products(ctx context.Context, after *cursor, limit int) ([]product, error)
	product(ctx context.Context, id string) (product, error)                                 // errNotFound
	reviews(ctx context.Context, product string, after *cursor, limit int) ([]review, error) // errNotFound: no such product
	review(ctx context.Context, product, id string) (review, error)                          // errNotFound
	rating(ctx context.Context, product string) (rating, error)                              // errNotFound: no such product
}

// server answers the web API.
type server struct {
	store    store
	pictures *pictures // nil: there are none
	changes  *changes  // nil: reviews are only read
	uploads  string    // the origin that the page may send photos to
}

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

type summary struct {
	Count   int64   `json:"count" doc:"Published reviews."`
	Average float64 `json:"average" doc:"Of their stars; 0 when there are none."`
}

type review struct {
	ID          string     `json:"id" format:"uuid"`
	Product     string     `json:"product"`
	Status      string     `json:"status" enum:"published,held,rejected" doc:"A review that is held, or was rejected, is stored, and neither shown nor counted."`
	Rating      int64      `json:"rating" minimum:"1" maximum:"5"`
	Text        string     `json:"text" doc:"Empty in a review of stars only."`
	Author      string     `json:"author"`
	Language    *string    `json:"language" doc:"Of the text, as detected (BCP 47)."`
	Score       *float64   `json:"score" doc:"The sentiment, -1 to 1; null when there is no text, or its language is not supported."`
	Magnitude   *float64   `json:"magnitude"`
	ScoredBy    *string    `json:"scored_by" doc:"What scored it."`
	SubmittedAt time.Time  `json:"submitted_at"`
	EditedAt    *time.Time `json:"edited_at" doc:"null when it never was."`
	PublishedAt *time.Time `json:"published_at" doc:"null while it is not published."`
	Photos      []picture  `json:"photos" nullable:"false" doc:"Those that are ready."`

	Objects []string `json:"-"` // the names of the photos
}

type rating struct {
	Count   int64            `json:"count" doc:"Published reviews."`
	Average float64          `json:"average" doc:"Of their stars; 0 when there are none."`
	Stars   map[string]int64 `json:"stars" doc:"How many gave 1, 2, 3, 4 and 5 stars." example:"{\"1\":0,\"2\":0,\"3\":1,\"4\":0,\"5\":4}"`
	Score   *float64         `json:"score" doc:"The mean sentiment of those that have one."`
}

// handler routes the function's requests.
func (s *server) handler() http.Handler {
	mux := http.NewServeMux()
	policy := policy(s.uploads)
	mux.Handle("GET /{$}", page("index.html", policy))
	mux.Handle("GET /assets/app.css", page("app.css", policy))
	mux.Handle("GET /assets/app.js", page("app.js", policy))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })

	api := problem.NewAPI(mux, "HYBRID-BTS shop", "1")
	get(api, "/v1/products", "list-products", "List the catalogue", s.listProducts)
	get(api, "/v1/products/{product}", "get-product", "Get a product", s.getProduct)
	get(api, "/v1/products/{product}/rating", "get-rating", "Get the rating of a product", s.getRating)
	get(api, "/v1/products/{product}/reviews", "list-reviews", "List the published reviews of a product, newest first", s.listReviews)
	get(api, "/v1/products/{product}/reviews/{review}", "get-review", "Get a review", s.getReview)
	if s.changes != nil {
		s.changes.register(api)
	}
	return problem.Handler(mux)
}

// get registers f as a GET: see handle.
func get[I, O any](api huma.API, path, id, summary string, f func(context.Context, *I) (*O, error)) {
	handle(api, huma.Operation{
		Method: http.MethodGet, Path: path, OperationID: id, Summary: summary, Errors: []int{404, 422, 503},
	}, f)
}

// handle registers f, within the deadline and with what the store says turned into what the caller is told.
func handle[I, O any](api huma.API, op huma.Operation, f func(context.Context, *I) (*O, error)) {
	huma.Register(api, op, func(ctx context.Context, in *I) (*O, error) {
		ctx, cancel := context.WithTimeout(ctx, deadline)
		defer cancel()
		out, err := f(ctx, in)
		if errors.Is(err, errUnavailable) {
			return nil, problem.Unavailable(err, retryAfter)
		}
		return out, err
	})
}

// PageInput asks for a page of a list. It is exported for huma, which looks into exported fields only.
type PageInput struct {
	PageSize  int    `query:"page_size" minimum:"1" maximum:"100" default:"20"`
	PageToken string `query:"page_token" maxLength:"400" doc:"The next_page_token of the page before."`
}

// after returns where the page begins in a list.
func (p *PageInput) after(list string) (*cursor, error) {
	c, err := decodeCursor(p.PageToken, list)
	if err != nil {
		return nil, huma.Error422UnprocessableEntity("validation failed", &huma.ErrorDetail{Location: "query.page_token", Message: err.Error()})
	}
	return c, nil
}

// cut returns the first page of items, of which there is one more than fits when there is a next
// page, and the token of that.
func cut[T any](items []T, size int, at func(T) cursor) ([]T, string, error) {
	if len(items) <= size {
		return items, "", nil
	}
	token, err := at(items[size-1]).encode()
	return items[:size], token, err
}

// ProductInput names a product.
type ProductInput struct {
	Product string `path:"product" pattern:"^[a-z0-9-]{1,64}$"`
}

// missing tells the caller that there is no such product.
func (in *ProductInput) missing(err error) error {
	if errors.Is(err, errNotFound) {
		return problem.New(http.StatusNotFound, "no product "+strconv.Quote(in.Product))
	}
	return err
}

type listProductsInput struct{ PageInput }

type listProductsOutput struct {
	Body struct {
		Products      []product `json:"products" nullable:"false"`
		NextPageToken string    `json:"next_page_token" doc:"Empty on the last page."`
	}
}

// productList is what cursors of the list of products say.
const productList = "products"

// listProducts answers GET /v1/products.
func (s *server) listProducts(ctx context.Context, in *listProductsInput) (*listProductsOutput, error) {
	after, err := in.after(productList)
	if err != nil {
		return nil, err
	}
	found, err := s.store.products(ctx, after, in.PageSize+1)
	if err != nil {
		return nil, err
	}
	var out listProductsOutput
	out.Body.Products, out.Body.NextPageToken, err = cut(found, in.PageSize, func(p product) cursor { return cursor{List: productList, ID: p.ID} })
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

type getRatingOutput struct{ Body rating }

// getRating answers GET /v1/products/{product}/rating.
func (s *server) getRating(ctx context.Context, in *ProductInput) (*getRatingOutput, error) {
	r, err := s.store.rating(ctx, in.Product)
	if err != nil {
		return nil, in.missing(err)
	}
	return &getRatingOutput{r}, nil
}

type listReviewsInput struct {
	ProductInput
	PageInput
}

type listReviewsOutput struct {
	Body struct {
		Reviews       []review `json:"reviews" nullable:"false"`
		NextPageToken string   `json:"next_page_token" doc:"Empty on the last page."`
	}
}

// listReviews answers GET /v1/products/{product}/reviews.
func (s *server) listReviews(ctx context.Context, in *listReviewsInput) (*listReviewsOutput, error) {
	list := "reviews of " + in.Product
	after, err := in.after(list)
	if err != nil {
		return nil, err
	}
	found, err := s.store.reviews(ctx, in.Product, after, in.PageSize+1)
	if err != nil {
		return nil, in.missing(err)
	}
	var out listReviewsOutput
	out.Body.Reviews, out.Body.NextPageToken, err = cut(found, in.PageSize, func(r review) cursor { return cursor{list, r.ID, r.SubmittedAt} })
	s.illustrateReviews(ctx, out.Body.Reviews)
	return &out, err
}

type getReviewOutput struct{ Body review }

// getReview answers GET /v1/products/{product}/reviews/{review}.
func (s *server) getReview(ctx context.Context, in *ReviewInput) (*getReviewOutput, error) {
	r, err := s.store.review(ctx, in.Product, in.Review)
	if errors.Is(err, errNotFound) {
		// It may be on its way from intake.
		p := problem.New(http.StatusNotFound, "no review "+in.Review+" of "+strconv.Quote(in.Product)+", or not yet")
		return nil, huma.ErrorWithHeaders(p, http.Header{"Retry-After": {"1"}})
	}
	if err != nil {
		return nil, err
	}
	one := []review{r}
	s.illustrateReviews(ctx, one)
	return &getReviewOutput{one[0]}, nil
}
