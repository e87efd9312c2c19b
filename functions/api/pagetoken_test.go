package main

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/hybrid-bts/functions/shared/fake/spannerdbtest"
	"github.com/hybrid-bts/functions/shared/pagetoken"
)

// A page token is valid for its query only. A forged one never causes a 500.
func TestPageTokenIsBoundToItsQuery(t *testing.T) {
	db, _ := spannerdbtest.New(t)
	h := checked(t, &server{store: spannerStore{db: db}})
	addProducts(t, db, butter, "other")
	for i := range 5 {
		addReview(t, db, uuid.NewString(), map[string]any{"Score": float64(i) / 10})
	}
	const list = "/v1/products/" + butter + "/reviews?page_size=2"
	queries := []string{list, list + "&sort=lowest", list + "&sort=most_negative", list + "&rating=5", list + "&language=ko", list + "&sort=most_helpful&rating=5",
		"/v1/products/other/reviews?page_size=2", "/v1/products?page_size=2", "/v1/products?q=butter", "/v1/products?kind=album"}
	for _, from := range queries[:6] {
		token := get200[reviewPage](t, h, from).Next
		if token == "" {
			t.Fatalf("%s: only one page", from)
		}
		for _, to := range queries {
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, to+"&page_token="+token, nil))
			if ok := w.Code == http.StatusOK; ok != (from == to) {
				t.Errorf("token of %s used with %s: %d %s", from, to, w.Code, w.Body)
			}
		}
	}
	if token := get200[reviewPage](t, h, list+"&rating=4&rating=5").Next; token != "" {
		get200[reviewPage](t, h, list+"&rating=5&rating=4&page_token="+token) // the same query
	}
	for _, value := range []string{"null", "0", "-1e9", "0.5"} {
		q := reviewQuery{sort: mostNegative}
		forged := fmt.Sprintf(`{"l":%q,"i":"x","t":"2026-11-20T12:00:00Z","v":%s}`, q.id(butter), value)
		get200[reviewPage](t, h, list+"&sort=most_negative&page_token="+url.QueryEscape(base64.RawURLEncoding.EncodeToString([]byte(forged))))
	}
}

func FuzzDecodeCursor(f *testing.F) {
	token, err := pagetoken.Encode(cursor{Query: "list", ID: "id", SubmittedAt: noon, SortValue: &[]float64{-0.25}[0]})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(token)
	f.Add("e30")
	f.Fuzz(func(t *testing.T, token string) {
		c, err := decodeCursor(token, "list")
		if err != nil || c == nil {
			if err != nil && !errors.Is(err, pagetoken.ErrToken) {
				t.Errorf("%q: %v", token, err)
			}
			return
		}
		again, err := pagetoken.Encode(*c)
		if err != nil {
			t.Fatalf("%q: %+v does not encode: %v", token, c, err)
		}
		if c2, err := decodeCursor(again, "list"); err != nil || c2.ID != c.ID || !c2.SubmittedAt.Equal(c.SubmittedAt) || !cmp.Equal(c2.SortValue, c.SortValue) {
			t.Errorf("%q decodes to %+v, after encoding to %+v: %v", token, c, c2, err)
		}
	})
}
