package main

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"

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

// lastKey returns the position at the end of the previous page of query, "" for the first page.
func (p *PageInput) lastKey(t pageTokens, query ...string) (string, error) {
	if p.PageToken == "" {
		return "", nil
	}
	lastKey, err := t.open(p.PageToken, query...)
	if err != nil {
		return "", parameterProblem(http.StatusBadRequest, "page_token", err.Error())
	}
	return lastKey, nil
}

// CustomersInput selects customers and their representation. The type is exported because huma reads exported fields only.
type CustomersInput struct {
	Country string `query:"country" doc:"A country code such as FR, or a subdivision code such as US-TX; US includes all its subdivisions. All countries by default."`
	PageInput
	Fields         string `query:"fields" doc:"The fields of a customer in the response, separated by commas; all fields by default. A field that the masking policy turns off is an error." example:"name,joined"`
	Format         string `query:"format" enum:"json,ndjson,csv,parquet" doc:"The format of the response. It overrides the Accept header."`
	BOM            bool   `query:"bom" doc:"CSV starts with a byte order mark, so that Excel reads it as UTF-8. By default it does if a browser asks for format=csv."`
	Exact          bool   `query:"exact" doc:"Only customers who wrote the city as the request does, in any case, width and spacing, and whose address no other place matches."`
	Ambiguous      bool   `query:"ambiguous" default:"true" doc:"false leaves out customers whose address several places match."`
	JoinedFrom     string `query:"joined_from" doc:"The first date of joining, such as 2024-01-01."`
	JoinedTo       string `query:"joined_to" doc:"The last date of joining, such as 2024-12-31."`
	PostcodePrefix string `query:"postcode_prefix" maxLength:"20" doc:"The prefix of the postcodes, in any case, without regard to spaces and hyphens." example:"75"`
	Group          string `query:"group" enum:"country,part,postcode,joined_month" doc:"Numbers of customers by a value instead of the customers, in the member groups. part is the subdivision, or the country where the subdivision is unknown. At most 10,000 values; a count by postcode or joined_month, or of a filter, reads at most 1,000,000 customers."`
	Sample         int    `query:"sample" minimum:"1" maximum:"1000" doc:"A sample of this many customers instead of pages. It is stable: the same query has the same sample, and a customer stays in it while others come and go. A sample reads at most 1,000,000 customers."`

	// resolve sets these.
	country  string // folded
	selected fields // nil for all fields
	filter   rowFilter
	format   format
	head     bool
	bom      bool
}

// customersParameters are the names of the query parameters of CustomersInput.
var customersParameters = []string{
	"country", "page_size", "page_token", "fields", "format", "bom", "exact", "ambiguous", "joined_from", "joined_to", "postcode_prefix", "group", "sample",
}

// resolve validates the request beyond the tags that huma reads. repeatable are the query parameters beside those of
// CustomersInput, which may be given several times.
func (in *CustomersInput) resolve(r *http.Request, repeatable ...string) []error {
	errs := unknownParams(r.URL, repeatable, customersParameters...)
	reject := func(parameter string, err error) {
		if err != nil {
			errs = append(errs, &huma.ErrorDetail{Location: "query." + parameter, Message: err.Error()})
		}
	}
	query := r.URL.Query()
	in.head = r.Method == http.MethodHead
	var err error
	if query.Has("country") {
		in.country, err = customers.FoldCountry(in.Country)
		reject("country", err)
	}
	in.selected, err = parseFields(in.Fields)
	reject("fields", err)
	if in.format = format(in.Format); in.Format == "" {
		if in.format, err = negotiate(r.Header.Values("Accept"), json, ndjson, csv, parquet); err != nil {
			errs = append(errs, err)
		}
	}
	in.bom = in.BOM
	if !query.Has("bom") {
		in.bom = in.Format == string(csv) && isBrowser(r.Header)
	} else if in.format == json || in.format.isStream() && in.format != csv {
		reject("bom", errors.New("applies to format csv only"))
	}
	in.filter = rowFilter{unambiguous: !in.Ambiguous, joinedFrom: in.JoinedFrom, joinedTo: in.JoinedTo, postcodePrefix: foldPostcode(in.PostcodePrefix)}
	for name, date := range map[string]string{"joined_from": in.JoinedFrom, "joined_to": in.JoinedTo} {
		if _, err := time.Parse(time.DateOnly, date); query.Has(name) && err != nil {
			reject(name, errors.New("is not a date such as 2024-01-31"))
		}
	}
	if in.JoinedFrom != "" && in.JoinedTo != "" && in.JoinedFrom > in.JoinedTo {
		reject("joined_to", errors.New("is before joined_from"))
	}
	for _, name := range []string{"bom", "exact", "ambiguous", "group", "sample"} {
		if query.Has(name) && query.Get(name) == "" { // huma takes it as absent
			reject(name, errors.New("is empty"))
		}
	}
	if query.Has("postcode_prefix") && in.filter.postcodePrefix == "" {
		reject("postcode_prefix", errors.New("is empty"))
	}
	if in.format.isStream() && in.Group != "" {
		reject("group", fmt.Errorf("applies to format json only, not to %s", in.format))
	}
	for _, name := range []string{"page_size", "page_token"} {
		switch {
		case !query.Has(name):
		case in.format.isStream():
			reject(name, fmt.Errorf("applies to format json only; %s is one stream", in.format))
		case query.Has("group") || query.Has("sample"):
			reject(name, errors.New("does not apply to group and sample, which have one page"))
		}
	}
	if query.Has("group") && query.Has("sample") {
		reject("sample", errors.New("does not apply to group"))
	}
	return errs
}

// listCustomersInput is a request of GET /v1/cities/{city}/customers.
type listCustomersInput struct {
	City string `path:"city" doc:"The name of the city, in any of its names and spellings." example:"Paris"`
	CustomersInput

	city string // folded by customers.FoldCity; Resolve sets it
}

// Resolve validates the request beyond the tags that huma reads. It implements huma.Resolver.
func (in *listCustomersInput) Resolve(ctx huma.Context) []error {
	r, _ := humago.Unwrap(ctx)
	errs := in.resolve(r)
	var err error
	if in.city, err = customers.FoldCity(in.City); err != nil {
		errs = append(errs, &huma.ErrorDetail{Location: "path.city", Message: err.Error()})
	}
	return errs
}

// maxCities is the maximum number of cities of a query. Each costs two or three reads of Bigtable.
const maxCities = 20

// listCustomersOfCitiesInput is a request of GET /v1/customers.
type listCustomersOfCitiesInput struct {
	City []string `query:"city,explode" nullable:"false" maxItems:"20" doc:"The name of a city, in any of its names and spellings; repeated for several cities, up to 20. Without it, the parameter country is required." example:"Paris"`
	CustomersInput

	cities []string // City folded by customers.FoldCity; Resolve sets it
}

// Resolve validates the request beyond the tags that huma reads. It implements huma.Resolver.
func (in *listCustomersOfCitiesInput) Resolve(ctx huma.Context) []error {
	r, _ := humago.Unwrap(ctx)
	errs := in.resolve(r, "city")
	reject := func(parameter, message string) {
		errs = append(errs, &huma.ErrorDetail{Location: "query." + parameter, Message: message})
	}
	query := r.URL.Query()
	in.City = query["city"] // huma leaves out empty values
	for _, name := range in.City[:min(len(in.City), maxCities)] {
		folded, err := customers.FoldCity(name)
		if err != nil {
			reject("city", err.Error())
			break
		}
		in.cities = append(in.cities, folded)
	}
	if !query.Has("city") && !query.Has("country") {
		reject("city", "is missing; give a city, or a country for all its cities")
	}
	if !query.Has("city") && in.Exact {
		reject("exact", "needs a city")
	}
	return errs
}

// listCitiesInput is a request of GET /v1/cities.
type listCitiesInput struct {
	Prefix string `query:"prefix" doc:"The prefix of any name of the cities, in any case and with or without accents; all cities by default." example:"par"`
	PageInput

	prefix string // folded; Resolve sets it
}

// Resolve validates the request beyond the tags that huma reads. It implements huma.Resolver.
func (in *listCitiesInput) Resolve(ctx huma.Context) []error {
	r, _ := humago.Unwrap(ctx)
	errs := unknownParams(r.URL, nil, "prefix", "page_size", "page_token")
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

// unknownParams returns an error for each query parameter that is unknown, and for each but the repeatable ones that is given
// more than once. A misspelled filter must not return the unfiltered list.
func unknownParams(u *url.URL, repeatable []string, known ...string) []error {
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return []error{&huma.ErrorDetail{Location: "query", Message: "malformed query string; percent-encode parameter values"}}
	}
	var errs []error
	for name, values := range query {
		switch {
		case slices.Contains(repeatable, name):
		case !slices.Contains(known, name):
			valid := strings.Join(append(slices.Clone(repeatable), known...), ", ")
			errs = append(errs, &huma.ErrorDetail{Location: "query." + name, Message: "unknown parameter; valid parameters: " + valid})
		case len(values) > 1:
			errs = append(errs, &huma.ErrorDetail{Location: "query." + name, Message: "is given more than once"})
		}
	}
	slices.SortFunc(errs, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return errs
}
