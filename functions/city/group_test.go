package main

import (
	"fmt"
	"net/http"
	"slices"
	"testing"

	"github.com/hybrid-bts/functions/shared/problem"
	"github.com/hybrid-bts/functions/shared/schema/customers"
)

func TestGroupsCountTheCustomersOfAQuery(t *testing.T) {
	engine := start(t)
	addPlaces(t, engine)
	h := checkedHandler(t, newServer(engine))
	for target, want := range map[string]string{
		at("Paris", "group=country"): "[{FR 6}]", at("Paris", "group=part&country=US"): "[{US-TX 2}]", at("Paris", "group=country&country=US"): "[{US 2}]",
		at("Paris", "group=postcode"):     "[{75 015 1} {75001 3} {75008 2}]",
		at("Paris", "group=joined_month"): "[{2013-06 3} {2014-07 2} {2015-01 1}]", at("São Paulo", "group=joined_month"): "[{ 2}]",
		at("Paris", "group=country&ambiguous=false"): "[{FR 5}]", at("Paris", "group=country&exact=true"): "[{FR 3}]", at("Paris", "group=postcode&ambiguous=false"): "[{75001 3} {75008 2}]",
		at("Atlantis", "group=country"):                                           "[]",
		"/v1/customers?country=FR&group=part":                                     "[{FR 9}]",
		"/v1/customers?country=FR&group=joined_month":                             "[{2013-06 3} {2014-07 5} {2015-01 1}]",
		"/v1/customers?city=Paris&city=서울&group=country":                          "[{FR 6} {KR 5}]",
		"/v1/customers?city=Paris&group=part&country=FR":                          "[{FR 6}]",
		"/v1/customers?city=Lyon&city=Paris&group=country&joined_from=2014-07-02": "[{FR 2}]",
	} {
		p := get200(t, h, target)
		total := int64(0)
		for _, g := range p.Groups {
			total += g.Count
		}
		if got := fmt.Sprint(p.Groups); got != want || p.count() != total || len(p.Customers) != 0 {
			t.Errorf("%s: %s with the count %d, want %s", target, got, p.count(), want)
		}
	}
}

func TestGroupsAreMaskedAndBounded(t *testing.T) {
	engine := start(t)
	rows := []storedRow{{"Paris", "jimin@example.com", "jimin@example.com", 1, false}}
	addPlace(t, engine, storedPlace{customers.Key{City: "paris", Country: "fr"}, "Paris", nil, rows})
	h := checkedHandler(t, newServer(engine))
	for by, want := range map[string]string{"postcode": "[{***@*** 1}]", "joined_month": "[{ 1}]"} {
		if got := fmt.Sprint(get200(t, h, at("Paris", "group="+by)).Groups); got != want {
			t.Errorf("groups by %s are %s, want %s", by, got, want)
		}
	}
	many := addNumbered(t, engine, "Lyon", maxGroups+1)
	p := decode[problem.Problem](t, do(h, http.MethodGet, at(many, "group=postcode")), 400)
	if len(p.Errors) != 1 || p.Errors[0].Parameter != "group" {
		t.Errorf("%+v, want a problem of the parameter group", p)
	}
	if got := len(get200(t, h, at(many, "group=postcode&postcode_prefix=1")).Groups); got != 1112 {
		t.Errorf("%d groups with a filter, want 1112", got)
	}
}

// A pass over more customers than its bound must fail before it reads them, and if the count is stale while it reads.
func TestPassOverTooManyCustomersIsAnError(t *testing.T) {
	engine := start(t)
	addCity(t, engine, "Paris", "FR", 3, nil)
	setCount(t, engine, "paris#fr#", maxPassRows+1)
	h := checkedHandler(t, newServer(engine))
	for _, query := range []string{"group=postcode", "sample=3", "sample=3&format=csv"} {
		p := decode[problem.Problem](t, do(h, http.MethodGet, at("Paris", query)), 400)
		if len(p.Errors) != 1 || !slices.Contains([]string{"group", "sample"}, p.Errors[0].Parameter) {
			t.Errorf("%s: %+v, want a problem of the parameter", query, p)
		}
	}
	setCount(t, engine, "paris#fr#", maxPassRows)
	if p := get200(t, h, at("Paris", "group=postcode")); fmt.Sprint(p.Groups) != "[{75001 3}]" {
		t.Errorf("groups %v, want the customers read", p.Groups)
	}
}
