package main

import (
	"context"
	"iter"
	"net/http"
	"reflect"
	"time"

	"cloud.google.com/go/bigtable"
	"github.com/danielgtaylor/huma/v2"

	"github.com/hybrid-bts/functions/shared/problem"
	"github.com/hybrid-bts/functions/shared/schema/customers"
)

// deadline is the time limit for a JSON page, and for each row of a stream.
const deadline = 10 * time.Second

// passTimeout is the time limit for the one pass of a query with group or sample over its customers.
const passTimeout = 2 * time.Minute

// store reads rows in key order. A sequence ends after its first error. A caller that leaves the loop cancels the read. An
// empty set has no rows.
type store interface {
	// customers yields customers with their id and the read columns. It stops after limit rows; a limit of 0 is no limit.
	customers(ctx context.Context, rows bigtable.RowSet, limit int, read columns) iter.Seq2[customer, error]
	// cities yields places, those with a count of 0 included.
	cities(ctx context.Context, rows bigtable.RowSet, of citiesOf) iter.Seq2[city, error]
	// aliases yields the names of places.
	aliases(ctx context.Context, rows bigtable.RowSet) iter.Seq2[customers.Alias, error]
}

// server answers the requests of the function.
type server struct {
	store   store
	tokens  pageTokens
	masking masking

	pageRows int // bound of the rows that a page with a filter reads; 0: maxPageRows
}

// city is a row of the table cities: a place.
type city struct {
	City    string // the name of the place for display
	Country string // such as "US-TX"
	Count   int64  // customers after the last completed load

	key        string // row key
	ambiguous  int64  // customers whose address several places match
	spellings  []customers.SpellingCount
	knownAs    []string
	hasAliases bool // the load that counted the row also wrote table aliases
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
	content := func(page reflect.Type) map[string]*huma.MediaType {
		return map[string]*huma.MediaType{
			json.mediaType():    {Schema: schemas.Schema(page, true, "")},
			ndjson.mediaType():  {Schema: customerObject{}.Schema(nil)},
			csv.mediaType():     {Schema: &huma.Schema{Type: huma.TypeString}},
			parquet.mediaType(): {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}},
		}
	}
	registerGet(api, "/v1/cities/{city}/customers", "list-customers", "List the customers of a city", s.listCustomers,
		content(reflect.TypeFor[customersPage]()))
	registerGet(api, "/v1/customers", "list-customers-of-cities", "List the customers of several cities or of a country", s.listCustomersOfCities,
		content(reflect.TypeFor[citiesCustomersPage]()))
	registerGet(api, "/v1/cities", "list-cities", "List the cities that have customers, by any of their names", s.listCities,
		map[string]*huma.MediaType{
			json.mediaType(): {Schema: schemas.Schema(reflect.TypeFor[citiesPage](), true, "")},
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
