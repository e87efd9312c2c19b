package main

import (
	"cmp"
	"context"
	"iter"
	"net/http"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// spellingCount is a spelling of a place.
type spellingCount struct {
	As    string `json:"as" doc:"The city as customers wrote it." example:"PARIS CEDEX 08"`
	Count int64  `json:"count"`
}

// otherPlace is a further place with the name of a request.
type otherPlace struct {
	City    string `json:"city"`
	Country string `json:"country" example:"US-TX"`
	Count   int64  `json:"count"`
}

// Place is a place of a response. The type is exported because huma reads exported fields only.
type Place struct {
	City      string          `json:"city" doc:"The name of the place, or as requested if it has no customers." example:"Paris"`
	Country   string          `json:"country" doc:"The country or subdivision of the place; empty if it has no customers." example:"FR"`
	Ambiguous int64           `json:"ambiguous" doc:"The number of customers of the place whose address several places match. They count for the largest one. exact=true and ambiguous=false leave them out."`
	Spellings []spellingCount `json:"spellings" nullable:"false" doc:"The most frequent spellings of the city by the customers of the place."`
	Others    []otherPlace    `json:"others" nullable:"false" doc:"Further places with the name. Their customers are not in the response; the parameter country selects them."`
}

// answer returns the place of a response for a name with the given places, the first of which is meant.
func (s *server) answer(name string, places []city) Place {
	a := Place{City: strings.TrimSpace(name), Spellings: []spellingCount{}, Others: []otherPlace{}}
	for i, p := range places {
		masked := s.masking.text("city", p.City)
		if i > 0 {
			a.Others = append(a.Others, otherPlace{masked, p.Country, p.Count})
			continue
		}
		a.City, a.Country, a.Ambiguous = masked, p.Country, p.ambiguous
		for _, spelled := range p.spellings {
			a.Spellings = append(a.Spellings, spellingCount{s.masking.text("city", spelled.As), spelled.Count})
		}
	}
	return a
}

// CustomersResult is the part of a page that all queries for customers have. The type is exported because huma reads exported
// fields only.
type CustomersResult struct {
	Count         *int64           `json:"count,omitempty" doc:"The number of customers on all pages of the query, after the last completed load. It is absent if only reading the customers would show it: with joined_from, joined_to and postcode_prefix, with exact=true for some cities, and on later pages of a whole country. The parameter group counts the customers of every query."`
	Groups        []group          `json:"groups,omitempty" doc:"The answer to the parameter group."`
	Customers     []customerObject `json:"customers" nullable:"false"`
	NextPageToken string           `json:"next_page_token" doc:"The page_token of the next page; empty on the last page. With a filter, a page may have fewer customers than page_size, or none, and a next page."`
}

// customersPage is the JSON of GET /v1/cities/{city}/customers.
type customersPage struct {
	Place
	CustomersResult
}

// citiesCustomersPage is the JSON of GET /v1/customers.
type citiesCustomersPage struct {
	Cities []Place `json:"cities" nullable:"false" doc:"The places of the parameters city, in their order."`
	CustomersResult
}

// listCustomers answers GET /v1/cities/{city}/customers.
func (s *server) listCustomers(ctx context.Context, in *listCustomersInput) (*huma.StreamResponse, error) {
	ctx, cancel := s.withTimeout(ctx, &in.CustomersInput)
	places, err := s.resolve(ctx, in.City, in.city, in.country)
	if err != nil {
		cancel()
		return nil, err
	}
	var main []city
	if len(places) > 0 {
		main = places[:1]
	}
	in.filter.exactCities = exactly(in.Exact, in.city)
	return s.customersResponse(ctx, cancel, &in.CustomersInput, newScope(main), max(len(places)-1, 0), func(r CustomersResult) any {
		return customersPage{s.answer(in.City, places), r}
	})
}

// listCustomersOfCities answers GET /v1/customers.
func (s *server) listCustomersOfCities(ctx context.Context, in *listCustomersOfCitiesInput) (*huma.StreamResponse, error) {
	ctx, cancel := s.withTimeout(ctx, &in.CustomersInput)
	var main []city
	others := 0
	answers := []Place{}
	for i, name := range in.City {
		places, err := s.resolve(ctx, name, in.cities[i], in.country)
		if err != nil {
			cancel()
			return nil, err
		}
		if len(places) > 0 {
			main = append(main, places[0])
			others += len(places) - 1
		}
		answers = append(answers, s.answer(name, places))
	}
	selected := newScope(main)
	if len(in.City) == 0 {
		selected.country = in.country
	}
	in.filter.exactCities = exactly(in.Exact, in.cities...)
	return s.customersResponse(ctx, cancel, &in.CustomersInput, selected, others, func(r CustomersResult) any {
		return citiesCustomersPage{answers, r}
	})
}

// exactly returns the folded names of the parameter exact, nil if it is false.
func exactly(exact bool, cities ...string) []string {
	if exact {
		return cities
	}
	return nil
}

// withTimeout returns the context of a request. A stream has no time limit but that of each row.
func (s *server) withTimeout(ctx context.Context, in *CustomersInput) (context.Context, context.CancelFunc) {
	switch {
	case in.Group != "" || in.Sample > 0:
		return context.WithTimeout(ctx, passTimeout)
	case in.format.isStream():
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, deadline)
}

// customersResponse answers a request for the customers of a scope. page returns the JSON of a CustomersResult. others is the number of
// places that have a requested name and are not in the scope. customersResponse calls cancel when the reads are complete.
func (s *server) customersResponse(ctx context.Context, cancel context.CancelFunc, in *CustomersInput, of scope, others int, page func(CustomersResult) any) (*huma.StreamResponse, error) {
	if in.format.isStream() && in.Sample == 0 && !in.head {
		out, err := s.customersStream(ctx, in, of, others)
		if err != nil {
			cancel()
			return nil, err
		}
		body := out.Body
		out.Body = func(ctx huma.Context) {
			defer cancel()
			body(ctx)
		}
		return out, nil
	}
	defer cancel()
	if err := s.selectFields(in); err != nil {
		return nil, err
	}
	if in.format.isStream() && in.head {
		return s.streamOf(in, of, others).headResponse(), nil
	}
	r := CustomersResult{Customers: []customerObject{}}
	if !in.filter.filtersValues() && in.Group == "" && (of.country == "" || in.PageToken == "") {
		places, err := s.allPlaces(ctx, of)
		if err != nil {
			return nil, err
		}
		if n, ok := in.filter.count(places); ok {
			r.Count = &n
		}
	}
	var err error
	switch {
	case in.Group != "":
		r.Groups, err = s.groups(ctx, of, in.Group, in.filter)
		if err == nil {
			r.Count = sum(r.Groups)
		}
	case in.Sample > 0:
		var list []customer
		list, err = s.sample(ctx, in, of)
		if err == nil && in.format.isStream() {
			return s.streamOf(in, of, others).response(sequence(list))
		}
		for _, c := range list {
			r.Customers = append(r.Customers, customerObject{c, in.selected})
		}
	default:
		r.Customers, r.NextPageToken, err = s.readPage(ctx, in, of)
	}
	if err != nil {
		return nil, err
	}
	return jsonResponse(page(r))
}

// sum returns the number of customers in groups.
func sum(groups []group) *int64 {
	n := int64(0)
	for _, g := range groups {
		n += g.Count
	}
	return &n
}

// sequence yields a list without errors.
func sequence(list []customer) iter.Seq2[customer, error] {
	return func(yield func(customer, error) bool) {
		for _, c := range list {
			if !yield(c, nil) {
				return
			}
		}
	}
}

// selectFields applies the masking policy to the selection of a request.
func (s *server) selectFields(in *CustomersInput) error {
	if in.selected == nil {
		in.selected = s.masking.allFields()
	}
	if err := s.masking.check(in.selected); err != nil {
		return parameterProblem(http.StatusBadRequest, "fields", err.Error())
	}
	return nil
}

// streamOf returns the stream of a request. Its headers have the counters that a JSON page has: the numbers of customers, of
// ambiguous ones, and of further places with a requested name.
func (s *server) streamOf(in *CustomersInput, of scope, others int) stream {
	header := http.Header{"X-Other-Places": {strconv.Itoa(others)}}
	if of.country == "" {
		ambiguous := int64(0)
		for _, p := range of.places {
			ambiguous += p.ambiguous
		}
		header.Set("X-Ambiguous-Count", strconv.FormatInt(ambiguous, 10))
		if n, ok := in.filter.count(of.places); ok && in.Sample == 0 {
			header.Set("X-Customers-Count", strconv.FormatInt(n, 10))
		}
	}
	return stream{format: in.format, selected: in.selected, bom: in.bom, header: header}
}

// customersStream streams all customers of a scope that the filter of a request selects.
func (s *server) customersStream(ctx context.Context, in *CustomersInput, of scope, others int) (*huma.StreamResponse, error) {
	if err := s.selectFields(in); err != nil {
		return nil, err
	}
	mask, filtered := s.masking.masker(), !in.filter.isZero()
	return s.streamOf(in, of, others).response(func(yield func(customer, error) bool) {
		for c, err := range s.scan(ctx, of, "", 0, in.filter.columns(in.selected)) {
			if err == nil && filtered && !in.filter.matches(&c) {
				continue
			}
			mask(&c)
			if !yield(c, err) {
				return
			}
		}
	})
}

// sample returns a sample of the customers in a scope that the filter of a request selects.
func (s *server) sample(ctx context.Context, in *CustomersInput, of scope) ([]customer, error) {
	list, err := sampleOf(s.pass(ctx, of, in.filter, in.selected, "sample"), in.Sample)
	mask := s.masking.masker()
	for i := range list {
		mask(&list[i])
	}
	return list, err
}

// maxPageRows bounds the rows that a page with a filter reads.
const maxPageRows = 20_000

// readPage returns the customers of a page and the token of the next page.
func (s *server) readPage(ctx context.Context, in *CustomersInput, of scope) (page []customerObject, next string, err error) {
	query := in.identity(of)
	lastKey, err := in.lastKey(s.tokens, query...)
	if err != nil {
		return nil, "", err
	}
	startKey := lastKey
	if lastKey != "" {
		startKey += "\x00"
	}
	mask := s.masking.masker()
	// One row more than the page reads shows whether a next page exists.
	limit := in.PageSize + 1
	if !in.filter.isZero() {
		limit = cmp.Or(s.pageRows, maxPageRows) + 1
	}
	page = []customerObject{}
	rows := 0
	for c, err := range s.scan(ctx, of, startKey, limit, in.filter.columns(in.selected)) {
		if err != nil {
			return nil, "", err
		}
		if rows++; len(page) == in.PageSize || rows == limit {
			return page, s.tokens.sign(lastKey, query...), nil
		}
		lastKey = c.key
		if in.filter.matches(&c) {
			mask(&c)
			page = append(page, customerObject{c, in.selected})
		}
	}
	return page, "", nil
}

// identity returns the parts of the query that a page token is bound to.
func (in *CustomersInput) identity(of scope) []string {
	parts := []string{"customers", of.country, in.filter.joinedFrom, in.filter.joinedTo, in.filter.postcodePrefix, strconv.FormatBool(in.filter.unambiguous)}
	for _, p := range of.places {
		parts = append(parts, p.key)
	}
	return append(append(parts, "exact"), in.filter.exactCities...)
}
