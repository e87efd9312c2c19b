package main

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/hybrid-bts/functions/shared/fake/jsontest"
	"github.com/hybrid-bts/functions/shared/problem"
	wire "github.com/hybrid-bts/functions/shared/schema/review"
)

// oneReview is a store of one held review of revision 5. It is also the topic of the review writer, which applies each
// command at once. One goroutine uses it.
type oneReview struct {
	store            // nil: operations with a body call no other method
	latest time.Time // time of the latest command
}

// review implements store.
func (o *oneReview) review(_ context.Context, k wire.Key) (moderated, error) {
	return moderated{
		Product: k.Product, ID: k.Review, Status: wire.Held, Revision: 5, Photos: []string{}, SubmittedAt: noon,
		Decisions: []decision{{Verdict: wire.Hold, At: o.latest}}, repliedAt: o.latest,
	}, nil
}

// Publish implements topic.Publisher. It fails for a message that the review writer cannot decode.
func (o *oneReview) Publish(_ context.Context, data []byte, attributes map[string]string) error {
	m, err := wire.Decode(data, attributes)
	switch m := m.(type) {
	case wire.Decision:
		o.latest = m.At
	case wire.Reply:
		o.latest = m.At
	}
	return err
}

func FuzzBodies(f *testing.F) {
	one := &oneReview{latest: noon}
	s := &server{reviews: &reviewHandlers{store: one, topic: one, now: time.Now}, photos: &photoHandlers{}, deadLetters: &deadLetterHandlers{}}
	mux := http.NewServeMux()
	document := s.register(mux).OpenAPI()
	all := problem.Handler(mux)
	authorized := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		all.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), operatorKey{}, operator)))
	})
	jsontest.Fuzz(f, document, authorized, map[string]string{"product": butter, "review": "6f2c5c0e-8a53-5d2e-9d2b-1e6f0a4f7c11"}, nil,
		[]string{"publish", "hold", "reject", "고마워요 💜"})
}
