//go:build unix

package main

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/fetch"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/google/uuid"
)

// testLive keeps the page of a product open while another shopper writes, edits and deletes a review.
func (r *running) testLive(t *testing.T) {
	const product = "proof-standard"
	for name, tc := range map[string]struct {
		prepare func(b *tab)
		within  time.Duration
	}{
		"by a stream": {func(*tab) {}, 2 * time.Second},
		"in a browser without streams": {func(b *tab) {
			call(b, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: "delete window.EventSource"})
		}, 15 * time.Second},
		"when streams are refused": {func(b *tab) {
			if err := chromedp.Listen(b.ctx, func(ev any) {
				if paused, ok := ev.(*fetch.EventRequestPaused); ok {
					go func() { // a listener must not block on the browser
						_, _ = chromedp.Call(b.ctx, fetch.FulfillRequest, fetch.FulfillRequestParams{
							RequestID: paused.RequestID, ResponseCode: http.StatusServiceUnavailable, Body: []byte("{}"),
						})
					}()
				}
			}); err != nil {
				b.t.Fatal(err)
			}
			call(b, fetch.Enable, fetch.EnableParams{Patterns: []*fetch.RequestPattern{{URLPattern: "*/events"}}})
		}, 15 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			b := browse(t, "en-US")
			b.do("open a page", chromedp.Navigate("about:blank"))
			tc.prepare(b)
			b.open(r.url + "/en/products/" + product)
			b.waitFor("the page is ready", `document.documentElement.classList.contains("scripted") && document.readyState === "complete"`)
			before := b.count(product)
			evaluated[bool](b, `window.stayed = true`)
			text := "Seen at once, " + name
			answer := r.call(t, http.DefaultClient, http.StatusAccepted, http.MethodPost, "/v1/reviews", `{"product":"`+product+`","rating":5,"text":"`+text+`"}`,
				"Idempotency-Key", uuid.NewString())
			began := time.Now()
			id := answer["id"].(string)
			article := `document.getElementById("r-` + id + `")`

			b.waitFor("the review appears", article+` !== null`)
			took := time.Since(began)
			t.Logf("the review appeared after %v", took)
			if took > tc.within {
				t.Errorf("the review appeared after %v, want %v", took, tc.within)
			}
			if got := b.text("#r-" + id + " .text"); got != text {
				t.Errorf("the announcement is %q", got)
			}
			b.waitFor("the rating has changed", `document.querySelector("#rating-count").dataset.count === "`+strconv.Itoa(before+1)+`"`)
			if got := evaluated[string](b, `document.querySelector("#live").textContent`); got != "A new review has arrived." {
				t.Errorf("the announcement for screen readers is %q", got)
			}
			if evaluated[string](b, `document.activeElement.tagName`) != "BODY" {
				t.Error("the update moved the focus")
			}

			token := answer["author_token"].(string)
			path := strings.TrimPrefix(answer["status_url"].(string), r.url)
			if name == "by a stream" { // polling compares the rating, which the edit does not change
				r.call(t, http.DefaultClient, http.StatusAccepted, http.MethodPatch, path, `{"text":"Edited"}`, "Author-Token", token)
				b.waitFor("the edit appears", article+`.querySelector(".text").textContent === "Edited"`)
			}
			r.call(t, http.DefaultClient, http.StatusAccepted, http.MethodDelete, path, "", "Author-Token", token)
			b.waitFor("the rating is as before", `document.querySelector("#rating-count").dataset.count === "`+strconv.Itoa(before)+`"`)
			if name == "by a stream" {
				b.waitFor("the review is gone", article+` === null`)
				b.requireNoComplaints()
			}
			if !evaluated[bool](b, `window.stayed === true`) {
				t.Error("the page reloaded")
			}
		})
	}
}

// testLiveOrder keeps lists of more reviews than a page open while reviews are added, changed and deleted.
func (r *running) testLiveOrder(t *testing.T) {
	const product = "bucket-hat-lavender"
	type sent struct{ id, path, token string }
	submit := func(rating int, text string) sent {
		answer := r.call(t, http.DefaultClient, http.StatusAccepted, http.MethodPost, "/v1/reviews", fmt.Sprintf(`{"product":%q,"rating":%d,"text":%q}`, product, rating, text))
		s := sent{answer["id"].(string), answer["status_url"].(string), answer["author_token"].(string)}
		published(t, r.url+s.path)
		return s
	}
	var reviews []sent
	for i := range 12 {
		reviews = append(reviews, submit(1+i%5, fmt.Sprint("In order ", i)))
	}
	b := browse(t, "en-US")
	// shown opens a list and changes reviews. The updated page must equal the reloaded page.
	shown := func(query string, change func()) {
		t.Helper()
		ids := `[...document.querySelectorAll("#reviews .review")].map((article) => article.dataset.id + article.querySelector(".stars").ariaLabel).slice(0, 10).join()`
		b.open(r.url + "/en/products/" + product + query)
		b.waitFor("the page is ready", `document.documentElement.classList.contains("scripted") && document.readyState === "complete"`)
		before := evaluated[string](b, ids)
		change()
		b.waitFor("the list changes", ids+` !== `+strconv.Quote(before))
		time.Sleep(time.Second) // for further updates
		live, said := evaluated[string](b, ids), evaluated[string](b, `document.querySelector("#live").textContent`)
		b.open(r.url + "/en/products/" + product + query)
		if again := evaluated[string](b, ids); live != again {
			t.Errorf("%s: the updated page has\n%s\nthe reloaded page has\n%s", query, live, again)
		}
		if query == "" && said != "" {
			t.Errorf("a review is gone, and the announcement for screen readers is %q", said)
		}
	}
	shown("", func() {
		r.call(t, http.DefaultClient, http.StatusAccepted, http.MethodDelete, reviews[9].path, "", "Author-Token", reviews[9].token)
	})
	shown("?sort=lowest", func() { submit(2, "Neither the best nor the worst") })
	shown("?rating=1", func() {
		r.call(t, http.DefaultClient, http.StatusAccepted, http.MethodPatch, reviews[5].path, `{"rating":3}`, "Author-Token", reviews[5].token)
	})
	b.requireNoComplaints()
}
