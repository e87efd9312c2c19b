package main

import (
	"cmp"
	"context"
	"iter"
	"net/http"
	"reflect"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"golang.org/x/sync/errgroup"

	"github.com/hybrid-bts/functions/shared/problem"
	"github.com/hybrid-bts/functions/shared/schema/customers"
)

// deadline is the time limit for a JSON page, and for each row of a stream.
const deadline = 10 * time.Second

// store reads rows in key order from startKey (inclusive) to endKey (exclusive); an endKey of "" is the end of the table.
// A sequence ends after its first error. A caller that leaves the loop cancels the read.
type store interface {
	// customers yields the customers in a key range with their id and the selected fields. It stops after limit rows;
	// a limit of 0 is no limit.
	customers(ctx context.Context, startKey, endKey string, limit int, selected fields) iter.Seq2[customer, error]
	// cities yields the cities in a key range, those with a count of 0 included.
	cities(ctx context.Context, startKey, endKey string) iter.Seq2[city, error]
}

// server answers the requests of the function.
type server struct {
	store   store
	tokens  pageTokens
	masking masking
}

// city is a row of the table cities.
type city struct {
	City    string `json:"city" doc:"The name of the city in its most frequent spelling." example:"Paris"`
	Country string `json:"country" example:"US-TX"`
	Count   int64  `json:"count" doc:"The number of customers after the last completed load."`

	key string // row key
}

// handler returns the handler of the function's routes.
func (s *server) handler() http.Handler {
	mux := http.NewServeMux()
	s.register(mux)
	mux.HandleFunc("GET /v1/cities/customers", func(w http.ResponseWriter, _ *http.Request) { problem.Write(w, emptyCityProblem()) })
	return rejectEmptyCity(problem.Handler(mux))
}

// register adds the operations of the API to mux. It returns the API for its OpenAPI document.
func (s *server) register(mux *http.ServeMux) huma.API {
	api := problem.NewAPI(mux, "Customers", "1")
	api.OpenAPI().Info.Description = "The customers of a city, for analysts. The responses are personal data. Callers need an ID token of Google and the right to call the service."
	schemas := api.OpenAPI().Components.Schemas
	registerGet(api, "/v1/cities/{city}/customers", "list-customers", "List the customers of a city", s.listCustomers,
		map[string]*huma.MediaType{
			"application/json":     {Schema: schemas.Schema(reflect.TypeFor[customersPage](), true, "")},
			"application/x-ndjson": {Schema: customerObject{}.Schema(nil)},
			"text/csv":             {Schema: &huma.Schema{Type: huma.TypeString}},
			parquet.mediaType():    {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}},
		})
	registerGet(api, "/v1/cities", "list-cities", "List the cities that have customers", s.listCities,
		map[string]*huma.MediaType{
			"application/json": {Schema: schemas.Schema(reflect.TypeFor[citiesPage](), true, "")},
		})
	return api
}

// registerGet registers the GET operation f with the given content of its 200 response.
func registerGet[I any](api huma.API, path, id, summary string, f func(context.Context, *I) (*huma.StreamResponse, error), content map[string]*huma.MediaType) {
	huma.Register(api, huma.Operation{
		Method: http.MethodGet, Path: path, OperationID: id, Summary: summary, Errors: []int{400, 406, 500, 503},
		Responses: map[string]*huma.Response{
			"200": {Description: "OK", Content: content},
			"304": {Description: "Not Modified: If-None-Match lists the ETag of the page"},
		},
		Metadata: map[string]any{problem.BadRequest: true},
	}, f)
}

// customersPage is the JSON of GET /v1/cities/{city}/customers.
type customersPage struct {
	City          string           `json:"city" doc:"The name of the city in its most frequent spelling, or as requested if it has no customers."`
	Count         int64            `json:"count" doc:"The number of customers on all pages of the query, after the last completed load."`
	Customers     []customerObject `json:"customers" nullable:"false"`
	NextPageToken string           `json:"next_page_token" doc:"The page_token of the next page; empty on the last page."`
}

// listCustomers answers GET /v1/cities/{city}/customers with a JSON page, or with a stream of all customers of the city.
func (s *server) listCustomers(ctx context.Context, in *listCustomersInput) (*huma.StreamResponse, error) {
	if in.selected == nil {
		in.selected = s.masking.allFields()
	}
	if err := s.masking.check(in.selected); err != nil {
		return nil, parameterProblem(http.StatusBadRequest, "fields", err.Error())
	}
	firstKey, endKey := customers.CityRange(in.city, in.country)
	if in.format != json {
		out := stream{format: in.format, selected: in.selected, bom: in.bom}
		if in.head {
			return out.headResponse(), nil
		}
		return out.response(s.masking.customers(s.store.customers(ctx, firstKey, endKey, 0, in.selected)))
	}
	query := []string{"customers", in.city, in.country}
	startKey, err := in.startKey(s.tokens, firstKey, query...)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	page := customersPage{City: strings.TrimSpace(in.City), Customers: []customerObject{}}
	reads, ctx := errgroup.WithContext(ctx) // of both tables at once; they write distinct fields of page
	reads.Go(func() error {
		var largest int64
		for c, err := range s.store.cities(ctx, firstKey, endKey) {
			if err != nil {
				return err
			}
			if c.Count > largest {
				largest, page.City = c.Count, c.City
			}
			page.Count += c.Count
		}
		return nil
	})
	reads.Go(func() error {
		lastKey := ""
		// One row more than the page holds shows whether a next page exists.
		for c, err := range s.masking.customers(s.store.customers(ctx, startKey, endKey, in.PageSize+1, in.selected)) {
			if err != nil {
				return err
			}
			if len(page.Customers) == in.PageSize {
				page.NextPageToken = s.tokens.sign(lastKey, query...)
				return nil
			}
			lastKey = c.key
			page.Customers = append(page.Customers, customerObject{c, in.selected})
		}
		return nil
	})
	if err := reads.Wait(); err != nil {
		return nil, err
	}
	return jsonResponse(page)
}

// citiesPage is the JSON of GET /v1/cities.
type citiesPage struct {
	Cities        []city `json:"cities" nullable:"false"`
	NextPageToken string `json:"next_page_token" doc:"The page_token of the next page; empty on the last page."`
}

// listCities answers GET /v1/cities with the cities that have at least one customer.
func (s *server) listCities(ctx context.Context, in *listCitiesInput) (*huma.StreamResponse, error) {
	firstKey, endKey := customers.PrefixRange(in.prefix)
	query := []string{"cities", in.prefix}
	startKey, err := in.startKey(s.tokens, cmp.Or(firstKey, "\x00"), query...)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	page := citiesPage{Cities: []city{}}
	for c, err := range s.store.cities(ctx, startKey, endKey) {
		if err != nil {
			return nil, err
		}
		if c.Count == 0 {
			continue // all its customers moved to other cities
		}
		if len(page.Cities) == in.PageSize {
			page.NextPageToken = s.tokens.sign(page.Cities[in.PageSize-1].key, query...)
			break
		}
		page.Cities = append(page.Cities, c)
	}
	return jsonResponse(page)
}
