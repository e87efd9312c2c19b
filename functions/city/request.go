package main

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/hybrid-bts/functions/shared/problem"
	"github.com/hybrid-bts/functions/shared/schema/customers"
)

// rejectEmptyCity answers 400 for a path whose city is an empty segment, a dot segment or "/". http.ServeMux would redirect
// the first two to a path of another meaning, and answer 404 for the third.
func rejectEmptyCity(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p := r.URL.EscapedPath()
		if strings.HasPrefix(p, "/v1/cities/") && path.Clean(p) != strings.TrimSuffix(p, "/") || r.URL.Path == "/v1/cities///customers" {
			problem.Write(w, emptyCityProblem())
			return
		}
		next.ServeHTTP(w, r)
	})
}

// emptyCityProblem returns the problem of a path without a city.
func emptyCityProblem() *problem.Problem {
	return parameterProblem(http.StatusBadRequest, "city", "is empty; the path is /v1/cities/{city}/customers with the city percent-encoded")
}

// parameterProblem returns the problem of a request with one invalid parameter.
func parameterProblem(status int, parameter, detail string) *problem.Problem {
	p := problem.New(status, "validation failed")
	p.Errors = []problem.Field{{Detail: detail, Parameter: parameter}}
	return p
}

// PageInput selects a page of a list. The type is exported because huma reads exported fields only.
type PageInput struct {
	PageSize  int    `query:"page_size" minimum:"1" maximum:"1000" default:"50" doc:"The maximum number of items in a page."`
	PageToken string `query:"page_token" maxLength:"4096" doc:"The next_page_token of the previous page of the same query."`
}

// startKey returns the first row key of the page. firstKey is the first row key of the list of query.
func (p *PageInput) startKey(t pageTokens, firstKey string, query ...string) (string, error) {
	if p.PageToken == "" {
		return firstKey, nil
	}
	lastKey, err := t.open(p.PageToken, query...)
	if err != nil {
		return "", parameterProblem(http.StatusBadRequest, "page_token", err.Error())
	}
	return lastKey + "\x00", nil
}

// listCustomersInput is a request of GET /v1/cities/{city}/customers.
type listCustomersInput struct {
	City    string `path:"city" doc:"The name of the city, in any case and spacing." example:"Paris"`
	Country string `query:"country" doc:"A country code such as FR, or a subdivision code such as US-TX; US includes all its subdivisions. All countries by default."`
	PageInput
	Fields string `query:"fields" doc:"The fields of a customer in the response, separated by commas; all fields by default." example:"name,joined"`
	BOM    bool   `query:"bom" doc:"CSV starts with a byte order mark, so that Excel reads it as UTF-8. By default it does if a browser asks for format=csv."`
	Format string `query:"format" enum:"json,ndjson,csv,parquet" doc:"The format of the response. It overrides the Accept header."`

	// Resolve sets these.
	city, country string // folded
	selected      fields
	format        format
	head, bom     bool
}

// Resolve validates the request beyond the tags that huma reads. It implements huma.Resolver.
func (in *listCustomersInput) Resolve(ctx huma.Context) []error {
	r, _ := humago.Unwrap(ctx)
	errs := unknownParams(r.URL, "country", "page_size", "page_token", "fields", "format", "bom")
	reject := func(location string, err error) {
		if err != nil {
			errs = append(errs, &huma.ErrorDetail{Location: location, Message: err.Error()})
		}
	}
	in.head = r.Method == http.MethodHead
	var err error
	in.city, err = customers.FoldCity(in.City)
	reject("path.city", err)
	if r.URL.Query().Has("country") {
		in.country, err = customers.FoldCountry(in.Country)
		reject("query.country", err)
	}
	in.selected, err = parseFields(in.Fields)
	reject("query.fields", err)
	if in.format = format(in.Format); in.Format == "" {
		if in.format, err = negotiate(r.Header.Values("Accept"), json, ndjson, csv, parquet); err != nil {
			errs = append(errs, err)
		}
	}
	in.bom = in.BOM
	if query := r.URL.Query(); !query.Has("bom") {
		in.bom = in.Format == string(csv) && isBrowser(r.Header)
	} else if in.format == json || in.format.isStream() && in.format != csv {
		reject("query.bom", errors.New("applies to format csv only"))
	}
	if in.format.isStream() {
		for _, name := range []string{"page_size", "page_token"} {
			if r.URL.Query().Has(name) {
				reject("query."+name, fmt.Errorf("applies to format json only; %s is one stream", in.format))
			}
		}
	}
	return errs
}

// listCitiesInput is a request of GET /v1/cities.
type listCitiesInput struct {
	Prefix string `query:"prefix" doc:"The prefix of the city names, in any case; all cities by default." example:"par"`
	PageInput

	prefix string // folded; Resolve sets it
}

// Resolve validates the request beyond the tags that huma reads. It implements huma.Resolver.
func (in *listCitiesInput) Resolve(ctx huma.Context) []error {
	r, _ := humago.Unwrap(ctx)
	errs := unknownParams(r.URL, "prefix", "page_size", "page_token")
	if in.Prefix != "" {
		var err error
		if in.prefix, err = customers.FoldCity(in.Prefix); err != nil {
			errs = append(errs, &huma.ErrorDetail{Location: "query.prefix", Message: err.Error()})
		}
	}
	if _, err := negotiate(r.Header.Values("Accept"), json); err != nil {
		errs = append(errs, err)
	}
	return errs
}

// unknownParams returns an error for each query parameter that is unknown or given more than once. A misspelled filter
// must not return the unfiltered list.
func unknownParams(u *url.URL, known ...string) []error {
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return []error{&huma.ErrorDetail{Location: "query", Message: "malformed query string; percent-encode parameter values"}}
	}
	var errs []error
	for name, values := range query {
		switch {
		case !slices.Contains(known, name):
			errs = append(errs, &huma.ErrorDetail{Location: "query." + name, Message: "unknown parameter; valid parameters: " + strings.Join(known, ", ")})
		case len(values) > 1:
			errs = append(errs, &huma.ErrorDetail{Location: "query." + name, Message: "is given more than once"})
		}
	}
	slices.SortFunc(errs, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return errs
}
