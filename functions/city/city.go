package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"golang.org/x/sync/errgroup"

	"github.com/hybrid-bts/functions/shared/problem"
	"github.com/hybrid-bts/functions/shared/schema/customers"
)

// deadline bounds the work on a page, and the wait for each row of a stream.
const deadline = 10 * time.Second

// retryAfter is what a caller is asked to wait when Bigtable is away.
const retryAfter = 2 * time.Second

// errUnavailable is what a store answers when it cannot now; it may pass.
var errUnavailable = errors.New("unavailable")

// store reads rows in the order of their keys, from one key up to another, where "" is the end. It
// yields one error at most, as the last. A loop that is left ends the read.
type store interface {
	// customers yields at most limit of them, or all when it is 0, with the id and the chosen fields.
	customers(ctx context.Context, from, to string, limit int, chosen fields) iter.Seq2[customer, error]
	// cities yields those that somebody lives in.
	cities(ctx context.Context, from, to string) iter.Seq2[city, error]
}

// server answers the function's requests.
type server struct {
	store  store
	tokens tokens
	unmask bool
}

type city struct {
	City    string `json:"city" doc:"As most of its customers write it." example:"Paris"`
	Country string `json:"country" example:"US-TX"`
	Count   int64  `json:"count" doc:"Its customers, as of the last load that ended."`

	key string
}

// handler routes the function's requests.
func (s *server) handler() http.Handler {
	mux := http.NewServeMux()
	s.register(mux)
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })
	mux.HandleFunc("GET /v1/cities/customers", func(w http.ResponseWriter, _ *http.Request) { problem.Write(w, errNoCity()) })
	return named(problem.Handler(mux))
}

// register adds the web API to mux, and returns what documents it.
func (s *server) register(mux *http.ServeMux) huma.API {
	api := problem.NewAPI(mux, "HYBRID-BTS customers by city", "1")
	get(api, "/v1/cities/{city}/customers", "list-customers", "List the customers of a city", s.listCustomers,
		map[string]*huma.MediaType{
			"application/json":     {Schema: api.OpenAPI().Components.Schemas.Schema(typeOf[customersPage](), true, "")},
			"application/x-ndjson": {Schema: row{}.Schema(nil)},
			"text/csv":             {Schema: &huma.Schema{Type: huma.TypeString}},
		})
	get(api, "/v1/cities", "list-cities", "List the cities of customers", s.listCities,
		map[string]*huma.MediaType{
			"application/json": {Schema: api.OpenAPI().Components.Schemas.Schema(typeOf[citiesPage](), true, "")},
		})
	return api
}

// named refuses a path with an empty or a dot segment, which a mux redirects to where nothing is, and
// the city "/", which it does not find.
func named(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p := r.URL.EscapedPath()
		if strings.HasPrefix(p, "/v1/cities/") && path.Clean(p) != strings.TrimSuffix(p, "/") || r.URL.Path == "/v1/cities///customers" {
			problem.Write(w, errNoCity())
			return
		}
		next.ServeHTTP(w, r)
	})
}

func errNoCity() *problem.Problem {
	return refused(http.StatusBadRequest, "city", "is empty: the path is /v1/cities/{city}/customers, escaped")
}

// refused returns the problem of one parameter.
func refused(status int, parameter, detail string) *problem.Problem {
	p := problem.New(status, "validation failed")
	p.Errors = []problem.Field{{Detail: detail, Parameter: parameter}}
	return p
}

// get registers f, and turns what the store says into what the caller is told.
func get[I any](api huma.API, path, id, summary string, f func(context.Context, *I) (*answer, error), content map[string]*huma.MediaType) {
	huma.Register(api, huma.Operation{
		Method: http.MethodGet, Path: path, OperationID: id, Summary: summary, Errors: []int{400, 406, 500, 503},
		Responses: map[string]*huma.Response{
			"200": {Description: "OK", Content: content},
			"304": {Description: "Not Modified: the caller has the page, as If-None-Match says"},
		},
		Metadata: map[string]any{problem.BadRequest: true},
	}, func(ctx context.Context, in *I) (*answer, error) {
		out, err := f(ctx, in)
		if errors.Is(err, errUnavailable) {
			return nil, problem.Unavailable(err, retryAfter)
		}
		return out, err
	})
}

// PageInput asks for a page of a list. It is exported for huma, which looks into exported fields only.
type PageInput struct {
	PageSize  int    `query:"page_size" minimum:"1" maximum:"1000" default:"50"`
	PageToken string `query:"page_token" maxLength:"4096" doc:"The next_page_token of the page before, of the same query."`
}

// from returns where the page begins in a list of query that begins at first.
func (p *PageInput) from(t tokens, first string, query ...string) (string, error) {
	if p.PageToken == "" {
		return first, nil
	}
	after, err := t.open(p.PageToken, query...)
	if err != nil {
		return "", refused(http.StatusBadRequest, "page_token", err.Error())
	}
	return after + "\x00", nil
}

type listCustomersInput struct {
	City    string `path:"city" doc:"Its name, in any case and spacing." example:"Paris"`
	Country string `query:"country" doc:"FR, or a part such as US-TX; US is all its parts too."`
	PageInput
	Fields string `query:"fields" doc:"Which, separated by commas; all by default." example:"name,joined"`
	Format string `query:"format" enum:"json,ndjson,csv" doc:"In place of the Accept header."`

	// What Resolve makes of them.
	city, country string // folded
	chosen        fields
	format        format
	head          bool
}

// Resolve reads what huma does not.
func (in *listCustomersInput) Resolve(ctx huma.Context) []error {
	r, _ := humago.Unwrap(ctx)
	errs := strays(r.URL, "country", "page_size", "page_token", "fields", "format")
	refuse := func(location string, err error) {
		if err != nil {
			errs = append(errs, &huma.ErrorDetail{Location: location, Message: err.Error()})
		}
	}
	in.head = r.Method == http.MethodHead
	var err error
	in.city, err = customers.Fold(in.City)
	refuse("path.city", err)
	if r.URL.Query().Has("country") {
		in.country, err = customers.FoldCountry(in.Country)
		refuse("query.country", err)
	}
	in.chosen, err = parseFields(in.Fields)
	refuse("query.fields", err)
	if in.format = format(in.Format); in.Format == "" {
		if in.format, err = negotiate(r.Header.Values("Accept"), json, ndjson, csv); err != nil {
			errs = append(errs, err)
		}
	}
	if in.format == ndjson || in.format == csv {
		for _, name := range []string{"page_size", "page_token"} {
			if r.URL.Query().Has(name) {
				refuse("query."+name, fmt.Errorf("is for pages, and %s is one stream", in.format))
			}
		}
	}
	return errs
}

// strays returns an error for each parameter of a URL that is not known, or not given once: a filter
// with a typing error must not answer as if there were none.
func strays(u *url.URL, known ...string) []error {
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return []error{&huma.ErrorDetail{Location: "query", Message: "the query is not escaped as a URL's"}}
	}
	var errs []error
	for name, values := range query {
		switch {
		case !slices.Contains(known, name):
			errs = append(errs, &huma.ErrorDetail{Location: "query." + name, Message: "is no parameter; there are " + strings.Join(known, ", ")})
		case len(values) > 1:
			errs = append(errs, &huma.ErrorDetail{Location: "query." + name, Message: "is given twice"})
		}
	}
	slices.SortFunc(errs, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return errs
}

// customersPage is the JSON of GET /v1/cities/{city}/customers.
type customersPage struct {
	City          string `json:"city" doc:"As most of its customers write it, or as you do when there are none."`
	Count         int64  `json:"count" doc:"All customers of the query, as of the last load that ended."`
	Customers     []row  `json:"customers" nullable:"false"`
	NextPageToken string `json:"next_page_token" doc:"Empty on the last page."`
}

// listCustomers answers GET /v1/cities/{city}/customers.
func (s *server) listCustomers(ctx context.Context, in *listCustomersInput) (*answer, error) {
	first, end := customers.Range(in.city, in.country)
	if in.format != json {
		if in.head {
			return headAnswer(in.format), nil
		}
		return streamAnswer(s.masked(s.store.customers(ctx, first, end, 0, in.chosen)), in.format, in.chosen)
	}
	query := []string{"customers", in.city, in.country}
	from, err := in.from(s.tokens, first, query...)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	page := customersPage{City: strings.TrimSpace(in.City), Customers: []row{}}
	both, ctx := errgroup.WithContext(ctx)
	both.Go(func() error {
		var most int64
		for c, err := range s.store.cities(ctx, first, end) {
			if err != nil {
				return err
			}
			if c.Count > most {
				most, page.City = c.Count, c.City
			}
			page.Count += c.Count
		}
		return nil
	})
	both.Go(func() error {
		last := ""
		for c, err := range s.masked(s.store.customers(ctx, from, end, in.PageSize+1, in.chosen)) {
			if err != nil {
				return err
			}
			if len(page.Customers) == in.PageSize {
				page.NextPageToken = s.tokens.sign(last, query...)
				return nil
			}
			last = c.key
			page.Customers = append(page.Customers, row{c, in.chosen})
		}
		return nil
	})
	if err := both.Wait(); err != nil {
		return nil, err
	}
	return jsonAnswer(page)
}

// masked hides the personal fields, unless the deployment shows them.
func (s *server) masked(all iter.Seq2[customer, error]) iter.Seq2[customer, error] {
	if s.unmask {
		return all
	}
	return func(yield func(customer, error) bool) {
		for c, err := range all {
			c.mask()
			if !yield(c, err) {
				return
			}
		}
	}
}

type listCitiesInput struct {
	Prefix string `query:"prefix" doc:"What their names begin with, in any case; all cities by default." example:"par"`
	PageInput

	prefix string // folded
}

// Resolve reads what huma does not.
func (in *listCitiesInput) Resolve(ctx huma.Context) []error {
	r, _ := humago.Unwrap(ctx)
	errs := strays(r.URL, "prefix", "page_size", "page_token")
	if in.Prefix != "" {
		var err error
		if in.prefix, err = customers.Fold(in.Prefix); err != nil {
			errs = append(errs, &huma.ErrorDetail{Location: "query.prefix", Message: err.Error()})
		}
	}
	if _, err := negotiate(r.Header.Values("Accept"), json); err != nil {
		errs = append(errs, err)
	}
	return errs
}

// citiesPage is the JSON of GET /v1/cities.
type citiesPage struct {
	Cities        []city `json:"cities" nullable:"false"`
	NextPageToken string `json:"next_page_token" doc:"Empty on the last page."`
}

// listCities answers GET /v1/cities.
func (s *server) listCities(ctx context.Context, in *listCitiesInput) (*answer, error) {
	first, end := customers.Prefixed(in.prefix)
	query := []string{"cities", in.prefix}
	from, err := in.from(s.tokens, cmp.Or(first, "\x00"), query...)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	page := citiesPage{Cities: []city{}}
	for c, err := range s.store.cities(ctx, from, end) {
		if err != nil {
			return nil, err
		}
		if len(page.Cities) == in.PageSize {
			page.NextPageToken = s.tokens.sign(page.Cities[in.PageSize-1].key, query...)
			break
		}
		page.Cities = append(page.Cities, c)
	}
	return jsonAnswer(page)
}
