package main

import (
	"net/http"
	"strings"
	"testing"

	"github.com/hybrid-bts/functions/shared/problem"
)

func TestInvalidRequestIsAProblemThatNamesTheParameter(t *testing.T) {
	engine := start(t)
	addCity(t, engine, "Paris", "FR", 3, nil)
	h := checkedHandler(t, newServer(engine))
	token := get200(t, h, "/v1/cities/paris/customers?page_size=1").Next
	for _, tc := range []struct {
		target    string
		status    int
		parameter string
		header    []string
	}{
		{"/v1/cities//customers", 400, "city", nil},
		{"/v1/cities/customers", 400, "city", nil},
		{"/v1/cities/../customers", 400, "city", nil},
		{"/v1/cities/%20%09/customers", 400, "city", nil},
		{"/v1/cities/%2F/customers", 400, "city", nil},
		{"/v1/cities/%E2%80%8B/customers", 400, "city", nil},
		{"/v1/cities/%FF/customers", 400, "city", nil},
		{"/v1/cities/" + strings.Repeat("x", 513) + "/customers", 400, "city", nil},
		{"/v1/cities/" + strings.Repeat("x", 20000) + "/customers", 400, "city", nil},
		{"/v1/cities/paris/customers?country=France", 400, "country", nil},
		{"/v1/cities/paris/customers?country=", 400, "country", nil},
		{"/v1/cities/paris/customers?page_size=0", 400, "page_size", nil},
		{"/v1/cities/paris/customers?page_size=1001", 400, "page_size", nil},
		{"/v1/cities/paris/customers?page_size=x", 400, "page_size", nil},
		{"/v1/cities/paris/customers?page_size=99999999999999999999", 400, "page_size", nil},
		{"/v1/cities/paris/customers?page_token=x", 400, "page_token", nil},
		{"/v1/cities/paris/customers?page_token=" + strings.Repeat("A", 5000), 400, "page_token", nil},
		{"/v1/cities/paris/customers?page_token=" + token[:len(token)-1] + "A", 400, "page_token", nil},
		{"/v1/cities/lyon/customers?page_token=" + token, 400, "page_token", nil},
		{"/v1/cities/paris/customers?country=DE&page_token=" + token, 400, "page_token", nil},
		{"/v1/cities/paris/customers?exact=true&page_token=" + token, 400, "page_token", nil},
		{"/v1/cities/paris/customers?ambiguous=false&page_token=" + token, 400, "page_token", nil},
		{"/v1/cities/paris/customers?joined_from=2020-01-01&page_token=" + token, 400, "page_token", nil},
		{"/v1/cities/paris/customers?joined_to=2020-01-01&page_token=" + token, 400, "page_token", nil},
		{"/v1/cities/paris/customers?postcode_prefix=7&page_token=" + token, 400, "page_token", nil},
		{"/v1/customers?country=FR&page_token=" + token, 400, "page_token", nil},
		{"/v1/cities/paris/customers?exact=perhaps", 400, "exact", nil},
		{"/v1/cities/paris/customers?ambiguous=", 400, "ambiguous", nil},
		{"/v1/cities/paris/customers?joined_from=2020", 400, "joined_from", nil},
		{"/v1/cities/paris/customers?joined_from=", 400, "joined_from", nil},
		{"/v1/cities/paris/customers?joined_to=31.01.2020", 400, "joined_to", nil},
		{"/v1/cities/paris/customers?joined_from=2020-01-02&joined_to=2020-01-01", 400, "joined_to", nil},
		{"/v1/cities/paris/customers?postcode_prefix=%20-", 400, "postcode_prefix", nil},
		{"/v1/cities/paris/customers?postcode_prefix=" + strings.Repeat("7", 21), 400, "postcode_prefix", nil},
		{"/v1/cities/paris/customers?group=name", 400, "group", nil},
		{"/v1/cities/paris/customers?group=part&format=csv", 400, "group", nil},
		{"/v1/cities/paris/customers?group=part&page_size=3", 400, "page_size", nil},
		{"/v1/cities/paris/customers?group=part&sample=3", 400, "sample", nil},
		{"/v1/cities/paris/customers?sample=3&page_token=" + token, 400, "page_token", nil},
		{"/v1/cities/paris/customers?sample=0", 400, "sample", nil},
		{"/v1/cities/paris/customers?sample=1001", 400, "sample", nil},
		{"/v1/cities/paris/customers?city=Lyon", 400, "city", nil},
		{"/v1/customers", 400, "city", nil},
		{"/v1/customers?city=", 400, "city", nil},
		{"/v1/customers?city=Paris&city=%20", 400, "city", nil},
		{"/v1/customers?city=Paris&contry=FR", 400, "contry", nil},
		{"/v1/customers?city=Paris&country=FR&country=DE", 400, "country", nil},
		{"/v1/customers?" + strings.Repeat("city=Paris&", 20) + "city=Lyon", 400, "city", nil},
		{"/v1/customers?country=France", 400, "country", nil},
		{"/v1/customers?country=FR&exact=true", 400, "exact", nil},
		{"/v1/customers?city=paris&fields=street", 400, "fields", nil},
		{"/v1/cities?prefix=paris&page_token=" + token, 400, "page_token", nil},
		{"/v1/cities/paris/customers?fields=name,shoe", 400, "fields", nil},
		{"/v1/cities/paris/customers?fields=name,name", 400, "fields", nil},
		{"/v1/cities/paris/customers?fields=,", 400, "fields", nil},
		{"/v1/cities/paris/customers?format=xml", 400, "format", nil},
		{"/v1/cities/paris/customers?contry=FR", 400, "contry", nil},
		{"/v1/cities/paris/customers?page_size=1&page_size=2", 400, "page_size", nil},
		{"/v1/cities/paris/customers?format=csv&page_size=1", 400, "page_size", nil},
		{"/v1/cities/paris/customers?format=csv&page_token=" + token, 400, "page_token", nil},
		{"/v1/cities/paris/customers?fields=%zz", 400, "", nil},
		{"/v1/cities/paris/customers?country=F%R", 400, "", nil},
		{"/v1/cities/paris/customers?country=US;page_size=1", 400, "", nil},
		{"/v1/cities/paris/customers?bom=true", 400, "bom", nil},
		{"/v1/cities/paris/customers?format=ndjson&bom=false", 400, "bom", nil},
		{"/v1/cities/paris/customers?format=csv&bom=perhaps", 400, "bom", nil},
		{"/v1/cities/paris/customers?format=parquet&page_size=1", 400, "page_size", nil},
		{"/v1/cities/paris/customers", 406, "Accept", []string{"Accept", "application/xml"}},
		{"/v1/cities/paris/customers", 406, "Accept", []string{"Accept", "text/csv;q=0, image/*"}},
		{"/v1/cities", 406, "Accept", []string{"Accept", "text/csv"}},
		{"/v1/cities?prefix=%20", 400, "prefix", nil},
		{"/v1/cities?page_size=0", 400, "page_size", nil},
	} {
		w := do(h, http.MethodGet, tc.target, tc.header...)
		p := decode[problem.Problem](t, w, tc.status)
		if w.Header().Get("Content-Type") != problem.ContentType || len(p.Errors) != 1 || p.Errors[0].Parameter != tc.parameter || p.Errors[0].Detail == "" {
			t.Errorf("%.80s: %+v, want a problem that names %q", tc.target, p, tc.parameter)
		}
	}
	for _, tc := range []struct {
		method, target string
		status         int
	}{{"POST", "/v1/cities/paris/customers", 405}, {"GET", "/v1/cities/paris", 404}, {"GET", "/", 404}, {"GET", "/v1/cities/paris/customers/1", 404}} {
		decode[problem.Problem](t, do(h, tc.method, tc.target), tc.status)
	}
}
