package main

import (
	"net/http"
	"strings"
	"testing"

	"github.com/hybrid-bts/functions/shared/problem"
)

func TestContactDataIsMaskedUnlessUnmaskIsSet(t *testing.T) {
	engine := start(t)
	addCity(t, engine, "São Paulo", "BR", 1, nil)
	s := newServer(engine)
	want := map[string]string{
		"id": "c-000000", "name": "아***", "email": "j***@***", "phone": "***67", "joined": "2013-06-13",
		"city": "São Paulo", "country": "BR", "postcode": "75001",
	}
	for _, city := range []string{"S%C3%A3o%20Paulo", "sa%CC%83o%20paulo", "SÃO+PAULO"} {
		city = strings.ReplaceAll(city, "+", "%20")
		check(t, get200(t, checkedHandler(t, s), "/v1/cities/"+city+"/customers").Customers, []map[string]string{want})
	}
	s.masking = masking{maskedFields}
	want["name"], want["email"], want["phone"], want["street"] = "아미 0", "jimin@example.com", "+82 10 0123 4567", "1, rue \"X\""
	check(t, get200(t, checkedHandler(t, s), "/v1/cities/s%C3%A3o%20paulo/customers").Customers, []map[string]string{want})
}

func TestUnmaskIsAPolicyOfFields(t *testing.T) {
	for value, want := range map[string]string{
		"false": "", "0": "", "true": "name,email,phone,street", "name": "name", "street,email": "street,email",
	} {
		if got, err := parseMasking(value); err != nil || strings.Join(got.shown, ",") != want {
			t.Errorf("parseMasking(%q) = %v, %v, want %q", value, got, err, want)
		}
	}
	for _, value := range []string{"perhaps", "joined", "name,", "name, email", ""} {
		if got, err := parseMasking(value); err == nil {
			t.Errorf("parseMasking(%q) = %v, want an error", value, got)
		}
	}
}

// Each value of a customer is the same secret. No field, list of fields or format may show it.
func TestNoSelectionOfFieldsRevealsMaskedData(t *testing.T) {
	engine := start(t)
	secret := "jimin.park@bighit.example"
	phone := "+82 10-9876-5432"
	row := map[string]string{}
	for _, name := range fieldNames[1:] {
		row[name] = secret + " " + phone
	}
	addCity(t, engine, "Paris", "FR", 1, row)
	h := checkedHandler(t, newServer(engine))
	for _, format := range []string{"json", "ndjson", "csv", "parquet"} {
		for _, fields := range append(fieldNames[:], "", strings.Join(fieldNames[:8], ",")) {
			w := do(h, http.MethodGet, "/v1/cities/paris/customers?format="+format+"&fields="+fields)
			body := w.Body.String()
			if format == "parquet" && w.Code == 200 {
				body = strings.Join(readParquet(t, w.Body.Bytes()).texts(), "\n")
			}
			for _, part := range []string{"park", "bighit", "9876", "5432", "rue"} {
				if strings.Contains(body, part) {
					t.Errorf("%s with fields %q reveals %q: %s", format, fields, part, body)
				}
			}
			if want := map[bool]int{true: 400, false: 200}[fields == "street"]; w.Code != want {
				t.Errorf("%s with fields %q: %d, want %d", format, fields, w.Code, want)
			}
		}
	}
	p := decode[problem.Problem](t, do(h, http.MethodGet, "/v1/cities/paris/customers?fields=name,street"), 400)
	if len(p.Errors) != 1 || p.Errors[0].Parameter != "fields" || p.Errors[0].Detail != errStreet.Error() {
		t.Errorf("%+v, want the policy as the reason", p)
	}
}

func TestMaskedValuesRevealLittle(t *testing.T) {
	for in, want := range map[string]string{
		"": "***", "a@b.c": "***@***", "jimin@example.com": "j***@***", "정국@example.com": "정***@***", "no address": "***", "@x": "***",
		"\"a@b\"@c.d": "\"***@***",
	} {
		if got := maskEmail(in); got != want {
			t.Errorf("maskEmail(%q) = %q, want %q", in, got, want)
		}
	}
	for in, want := range map[string]string{"": "***", "+82 10 0123 4567": "***67", "12345": "***", "١٢٣٤٥٦": "***٥٦", "call me": "***"} {
		if got := maskPhone(in); got != want {
			t.Errorf("maskPhone(%q) = %q, want %q", in, got, want)
		}
	}
	for in, want := range map[string]string{
		" ": "", "Éloïse Roux": "É***", "E\u0301loïse": "E\u0301***", "김민준": "김***", "X": "***", "E\u0301": "***", " 민 ": "***", "jimin@example.com": "j***",
	} {
		if got := maskName(in); got != want {
			t.Errorf("maskName(%q) = %q, want %q", in, got, want)
		}
	}
	for _, s := range []string{maskText, maskName("=1"), maskEmail("jimin@example.com"), maskPhone("123456")} {
		if strings.IndexFunc(s, func(r rune) bool { return r > 0x7e }) >= 0 {
			t.Errorf("mask %q is not ASCII", s)
		}
	}
}
