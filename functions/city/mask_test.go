package main

import (
	"strings"
	"testing"
)

func TestContactDataIsMaskedUnlessUnmaskIsSet(t *testing.T) {
	engine := start(t)
	addCity(t, engine, "São Paulo", "BR", 1, nil)
	s := newServer(engine)
	want := map[string]string{
		"id": "c-000000", "name": "아미 0", "email": "j•••@example.com", "phone": "•••67", "joined": "2013-06-13",
		"city": "São Paulo", "country": "BR", "postcode": "75001", "street": "1, rue \"X\"",
	}
	for _, city := range []string{"S%C3%A3o%20Paulo", "sa%CC%83o%20paulo", "SÃO+PAULO"} {
		city = strings.ReplaceAll(city, "+", "%20")
		check(t, get200(t, checkedHandler(t, s), "/v1/cities/"+city+"/customers"), page{City: "São Paulo", Count: 1, Customers: []map[string]string{want}})
	}
	s.unmask = true
	want["email"], want["phone"] = "jimin@example.com", "+82 10 0123 4567"
	check(t, get200(t, checkedHandler(t, s), "/v1/cities/s%C3%A3o%20paulo/customers"), page{City: "São Paulo", Count: 1, Customers: []map[string]string{want}})
}

func TestMaskedValuesRevealLittle(t *testing.T) {
	for in, want := range map[string]string{
		"": "", "a@b.c": "•••@b.c", "jimin@example.com": "j•••@example.com", "정국@example.com": "정•••@example.com", "no address": "•••", "@x": "•••",
		"\"a@b\"@c.d": "\"•••@c.d",
	} {
		if got := maskEmail(in); got != want {
			t.Errorf("maskEmail(%q) = %q, want %q", in, got, want)
		}
	}
	for in, want := range map[string]string{"": "", "+82 10 0123 4567": "•••67", "12345": "•••", "١٢٣٤٥٦": "•••٥٦", "call me": "•••"} {
		if got := maskPhone(in); got != want {
			t.Errorf("maskPhone(%q) = %q, want %q", in, got, want)
		}
	}
}
