package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/hybrid-bts/functions/shared/fake/pubsubtest"
	"github.com/hybrid-bts/functions/shared/problem/requestbody"
	"github.com/hybrid-bts/functions/shared/schema/review"
	"github.com/hybrid-bts/functions/shared/topic"
)

// BenchmarkIntake posts reviews over HTTP with 32 requests in flight: to the intake, which publishes to an embedded Pub/Sub
// in the same process, and to a plain handler that only decodes and validates the same JSON. The intake should reach 0.6 of
// the rate of the plain handler.
func BenchmarkIntake(b *testing.B) {
	p, _ := pubsubtest.New(b, "reviews")
	in := &intake{reviews: topic.New(p), tokens: tokens(b), now: time.Now}
	for _, bc := range []struct {
		name string
		h    http.Handler
	}{{"plain", http.HandlerFunc(plain)}, {"intake", in.handler()}} {
		b.Run(bc.name, func(b *testing.B) {
			srv := httptest.NewServer(bc.h)
			defer srv.Close()
			client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
			b.SetParallelism(16) // times 2 cores: 32 in flight
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					r, err := http.NewRequestWithContext(context.Background(), http.MethodPost, srv.URL+"/v1/reviews",
						strings.NewReader(`{"product":"butter-cream-peaches","rating":5,"text":"포토카드가 정말 예뻐요 💜 배송도 빨라서 감동이에요.","author":"보라","locale":"ko-KR"}`))
					if err != nil {
						b.Error(err)
						return
					}
					r.Header.Set("Content-Type", "application/json")
					resp, err := client.Do(r)
					if err != nil {
						b.Error(err)
						return
					}
					resp.Body.Close()
					if resp.StatusCode != http.StatusAccepted {
						b.Errorf("status %d", resp.StatusCode)
						return
					}
				}
			})
		})
	}
}

var slug = regexp.MustCompile(review.ProductPattern)

// plain decodes and validates a review and publishes nothing.
func plain(w http.ResponseWriter, r *http.Request) {
	var s struct {
		Product, Text, Author, Locale string
		Rating                        int
	}
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, requestbody.MaxBytes))
	d.DisallowUnknownFields()
	if d.Decode(&s) != nil || !slug.MatchString(s.Product) || s.Rating < 1 || s.Rating > 5 || utf8.RuneCountInString(s.Text) > review.MaxText {
		w.WriteHeader(http.StatusUnprocessableEntity)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusAccepted)
	fmt.Fprintf(w, `{"id":%q}`, s.Product)
}
