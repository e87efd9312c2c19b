package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"cloud.google.com/go/pubsub/v2/pstest"
	"cloud.google.com/go/spanner"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/hybrid-bts/functions/shared/fake/buckettest"
	"github.com/hybrid-bts/functions/shared/fake/contracttest"
	"github.com/hybrid-bts/functions/shared/fake/pubsubtest"
	"github.com/hybrid-bts/functions/shared/fake/spannerdbtest"
	"github.com/hybrid-bts/functions/shared/problem"
	"github.com/hybrid-bts/functions/shared/problem/requestbody"
	"github.com/hybrid-bts/functions/shared/schema/rendition/bucket"
	wire "github.com/hybrid-bts/functions/shared/schema/review"
	"github.com/hybrid-bts/functions/shared/schema/review/reason"
	"github.com/hybrid-bts/functions/shared/topic"
)

const butter = "butter-cream-peaches"

var noon = time.Date(2026, 11, 20, 12, 0, 0, 123456000, time.UTC)

// fixture is the function with an issuer, Spanner and Pub/Sub.
type fixture struct {
	http.Handler
	t          testing.TB
	db         *spanner.Client
	pubsub     *pstest.Server
	client     *pubsub.Client
	renditions bucket.Bucket
	bearer     string
}

func newFixture(t testing.TB, db *spanner.Client, opts ...pstest.ServerReactorOption) *fixture {
	t.Helper()
	i := startIssuer(t)
	queues := []string{"commands", "commands-dead", "reviews", "reviews-dead", "originals", "originals-dead"}
	client, srv := pubsubtest.Client(t, queues, opts...)
	for _, id := range queues {
		sub := &pubsubpb.Subscription{Name: "projects/shop/subscriptions/" + id, Topic: "projects/shop/topics/" + id, AckDeadlineSeconds: 60}
		if _, err := client.SubscriptionAdminClient.CreateSubscription(t.Context(), sub); err != nil {
			t.Fatal(err)
		}
	}
	commands, reviews, originals := topic.New(client.Publisher("commands")), topic.New(client.Publisher("reviews")), topic.New(client.Publisher("originals"))
	t.Cleanup(func() {
		commands.Stop()
		reviews.Stop()
		originals.Stop()
	})
	files, _ := buckettest.New(t, nil, "renditions")
	stored := bucket.Bucket{Handle: files.Bucket("renditions")}
	g := newGuard(i.URL, audience, "roles", "operator")
	s := &server{
		guard:   g,
		reviews: &reviewHandlers{store: spannerStore{db}, topic: commands, now: func() time.Time { return noon.Add(time.Hour) }},
		photos:  &photoHandlers{stored},
		deadLetters: &deadLetterHandlers{queues: []*deadLetterQueue{
			{client: client.SubscriptionAdminClient, name: "commands", subscription: "projects/shop/subscriptions/commands-dead", source: commands},
			{client: client.SubscriptionAdminClient, name: "reviews", subscription: "projects/shop/subscriptions/reviews-dead", source: reviews},
			{client: client.SubscriptionAdminClient, name: "originals", subscription: "projects/shop/subscriptions/originals-dead", source: originals},
		}, commands: commands, now: time.Now},
		page: &operatorPage{issuer: g.issuer, client: audience, scope: "openid"},
	}
	return &fixture{contracttest.Handler(t, "openapi.json", s.handler()), t, db, srv, client, stored, "Bearer " + i.Token(operator, nil)}
}

// send sends a request with the token of an operator.
func (d *fixture) send(method, path, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, apiRoot+path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", d.bearer)
	w := httptest.NewRecorder()
	d.ServeHTTP(w, r)
	return w
}

// mustDecode sends a request with the token of an operator and decodes the response. It fails the test unless the
// response has the given status and known fields only.
func mustDecode[T any](d *fixture, want int, method, path, body string) T {
	d.t.Helper()
	w := d.send(method, path, body)
	if w.Code != want {
		d.t.Fatalf("%s %s: %d %s, want %d", method, path, w.Code, w.Body, want)
	}
	var v T
	dec := json.NewDecoder(w.Body)
	dec.DisallowUnknownFields()
	if err := dec.Decode(&v); err != nil {
		d.t.Fatalf("%s %s: %v", method, path, err)
	}
	return v
}

// addReview inserts a row into Reviews: a published review with the given columns changed.
func (d *fixture) addReview(id string, change map[string]any) {
	d.t.Helper()
	row := map[string]any{
		"Product": butter, "Review": id, "Status": "published", "Rating": int64(5), "Text": "최고 💜", "Author": "아미", "Locale": "ko",
		"SubmittedAt": noon, "StoredAt": spanner.CommitTimestamp, "PublishedAt": noon,
	}
	maps.Copy(row, change)
	if row["Status"] != "published" {
		delete(row, "PublishedAt")
	}
	d.apply(spanner.InsertMap("Reviews", row))
}

func (d *fixture) apply(m *spanner.Mutation) {
	d.t.Helper()
	if _, err := d.db.Apply(d.t.Context(), []*spanner.Mutation{m}); err != nil {
		d.t.Fatal(err)
	}
}

// addRating inserts a row into Ratings, as the review writer does for a product with published reviews.
func (d *fixture) addRating(product string) {
	d.apply(spanner.Insert("Ratings", []string{"Product", "Shard", "Stars1", "Stars2", "Stars3", "Stars4", "Stars5", "Scored", "ScoreMicros"},
		[]any{product, 0, 0, 0, 0, 0, 1, 0, 0}))
}

// commands returns the commands that were published to the reviews topic.
func (d *fixture) commands() (all []wire.Message) {
	d.t.Helper()
	for _, m := range d.pubsub.Messages() {
		got, err := wire.Decode(m.Data, m.Attributes)
		if err != nil {
			d.t.Fatal(err)
		}
		all = append(all, got)
	}
	return all
}

type reviewList struct {
	Reviews []moderated `json:"reviews"`
	Next    string      `json:"next_page_token"`
}

// listIDs returns the review IDs on all pages of a list. It calls betweenPages, unless nil, after each page but the
// last.
func (d *fixture) listIDs(path string, betweenPages func()) (all []string) {
	d.t.Helper()
	token := ""
	for {
		page := mustDecode[reviewList](d, 200, http.MethodGet, path+"&page_token="+token, "")
		for _, r := range page.Reviews {
			all = append(all, r.ID)
		}
		if token = page.Next; token == "" {
			return all
		}
		if betweenPages != nil {
			betweenPages()
		}
	}
}

func TestListShowsReviewsWithReasonAndDecisions(t *testing.T) {
	spannerdbtest.Run(t, func(t *testing.T, db *spanner.Client) {
		d := newFixture(t, db)
		id := uuid.NewString()
		d.addReview(id, map[string]any{
			"Status": "held", "HeldFor": "it names a phone number", "HeldAt": noon, "Revision": noon.UnixMicro() + 7, "EditedAt": noon.Add(7 * time.Microsecond),
			"Language": "ko", "Score": 0.5, "ScoredBy": "model", "Photos": []string{"reviews/a.jpg"}, "Reply": "고마워요", "RepliedAt": noon,
			"Verdicts": []string{"hold"}, "Reasons": []string{"it names a phone number"}, "DecidedOn": []int64{7}, "DecidedAt": []time.Time{noon},
		})
		d.addReview(uuid.NewString(), nil)
		d.addReview(uuid.NewString(), map[string]any{"Status": "rejected", "HeldFor": "spam", "HeldAt": noon})
		w := d.send(http.MethodGet, "/reviews", "") // held reviews by default
		want := `{"reviews":[{"id":"` + id + `","product":"butter-cream-peaches","status":"held","reason":"it names a phone number","reason_code":"operator","held_at":"2026-11-20T12:00:00.123456Z",` +
			`"revision":1795176000123463,"rating":5,"text":"최고 💜","author":"아미","language":"ko","score":0.5,"scored_by":"model","photos":["reviews/a.jpg"],` +
			`"submitted_at":"2026-11-20T12:00:00.123456Z","edited_at":"2026-11-20T12:00:00.123463Z","published_at":null,` +
			`"reply":{"text":"고마워요","replied_at":"2026-11-20T12:00:00.123456Z","before_edit":true},"reports":0,` +
			`"decisions":[{"verdict":"hold","reason":"it names a phone number","revision":7,"at":"2026-11-20T12:00:00.123456Z"}]}],"next_page_token":""}`
		if diff := cmp.Diff(want, strings.TrimSpace(w.Body.String())); w.Code != 200 || diff != "" {
			t.Errorf("list: got %d, difference %s", w.Code, diff)
		}
		if one := d.send(http.MethodGet, "/reviews/"+butter+"/"+id, ""); one.Code != 200 || !strings.Contains(want, strings.TrimSpace(one.Body.String())) {
			t.Errorf("single review: got %d %s, want the entry of the list", one.Code, one.Body)
		}
		if got := d.listIDs("/reviews?status=rejected", nil); len(got) != 1 {
			t.Errorf("list has %d rejected reviews, want 1", len(got))
		}
	})
}

func TestReviewHasReasonCodeAndOperatorsWords(t *testing.T) {
	spannerdbtest.Run(t, func(t *testing.T, db *spanner.Client) {
		d := newFixture(t, db)
		held := func(change map[string]any) map[string]any {
			change["Status"], change["HeldAt"], change["PublishedAt"] = "held", noon, nil
			return change
		}
		for want, row := range map[string]map[string]any{
			`"reason":null,"reason_code":null`:                           {},
			`"reason":"contact details","reason_code":"contact_details"`: held(map[string]any{"HeldFor": "contact details", "HoldFor": "contact details"}),
			`"reason":"unknown product","reason_code":"unknown_product"`: held(map[string]any{"HeldFor": "unknown product", "ReasonCode": "unknown_product"}),
			`"reason":"edited after it was held","reason_code":"edited_after_hold"`: held(map[string]any{
				"HeldFor": "edited after it was held", "ReasonCode": "edited_after_hold",
				"Verdicts": []string{"hold"}, "Reasons": []string{"?"}, "DecidedOn": []int64{7}, "DecidedAt": []time.Time{noon},
			}),
			`"reason":"abusive language","reason_code":"operator"`: held(map[string]any{
				"HeldFor": "abusive language", "HoldFor": "abusive language", "ReasonCode": "operator", "OperatorReason": "abusive language",
				"Verdicts": []string{"hold"}, "Reasons": []string{"abusive language"}, "DecidedOn": []int64{7}, "DecidedAt": []time.Time{noon},
			}),
		} {
			id := uuid.NewString()
			d.addReview(id, row)
			if w := d.send(http.MethodGet, "/reviews/"+butter+"/"+id, ""); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), want) {
				t.Errorf("got %d %s, want %s", w.Code, w.Body, want)
			}
		}
	})
}

// The page translates each code into both languages, except operator: it shows the words of the operator.
func TestPageTranslatesEveryReasonCode(t *testing.T) {
	words, err := web.ReadFile("web/words.js")
	if err != nil {
		t.Fatal(err)
	}
	field, _ := reflect.TypeFor[moderated]().FieldByName("ReasonCode")
	documented := strings.Split(field.Tag.Get("enum"), ",")
	for _, code := range reason.Codes {
		want := 2
		if code == reason.Operator {
			want = 0
		}
		if n := strings.Count(string(words), " reason_"+string(code)+":"); n != want {
			t.Errorf("words.js has %d texts for %s, want %d", n, code, want)
		}
		if !slices.Contains(documented, string(code)) {
			t.Errorf("the API document lacks %s", code)
		}
	}
	if len(documented) != len(reason.Codes) {
		t.Errorf("the API document has the codes %v, want %v", documented, reason.Codes)
	}
}

func TestPagesOfListsCoverAllReviewsInOrder(t *testing.T) {
	spannerdbtest.Run(t, func(t *testing.T, db *spanner.Client) {
		d := newFixture(t, db)
		d.addRating(butter)
		d.addRating("hoodie-purple")
		want := map[string][]string{}
		// Two products, equal times, and published reviews that are months and decades old.
		for i := range 24 {
			product := []string{butter, "hoodie-purple"}[i%2]
			ago := []time.Duration{0, time.Minute, 3 * time.Hour, 40 * 24 * time.Hour, 900 * 24 * time.Hour, 20000 * 24 * time.Hour}[i/4]
			for _, status := range []string{"held", "published"} {
				id := uuid.NewString()
				d.addReview(id, map[string]any{"Product": product, "Status": status, "SubmittedAt": noon.Add(-ago)})
				if status == "held" {
					d.apply(spanner.UpdateMap("Reviews", map[string]any{"Product": product, "Review": id, "HeldAt": noon.Add(-ago), "SubmittedAt": noon.Add(ago)}))
				}
				key := fmt.Sprintf("%020d %s %s", ago, product, id)
				want[status] = append(want[status], key)
				if product == butter {
					want[status+"&product="+butter] = append(want[status+"&product="+butter], key)
				}
			}
		}
		for list, keys := range want {
			slices.Sort(keys)
			for _, size := range []int{1, 5, 100} {
				var ids []string
				for _, k := range keys {
					ids = append(ids, k[strings.LastIndex(k, " ")+1:])
				}
				n := 0
				got := d.listIDs(fmt.Sprintf("/reviews?status=%s&page_size=%d", list, size), func() {
					if n++; n%5 == 0 && size == 5 { // new reviews between two pages must not shift the next page
						d.addReview(uuid.NewString(), map[string]any{"Status": "rejected", "HeldAt": noon.Add(time.Hour)})
					}
				})
				if diff := cmp.Diff(ids, got); diff != "" {
					t.Errorf("status %s with page size %d: %s", list, size, diff)
				}
			}
		}
	})
}

func TestInvalidListParametersAreRejected(t *testing.T) {
	db, _ := spannerdbtest.New(t)
	d := newFixture(t, db)
	for range 2 {
		d.addReview(uuid.NewString(), map[string]any{"Status": "held", "HeldAt": noon})
	}
	token := mustDecode[reviewList](d, 200, http.MethodGet, "/reviews?page_size=1", "").Next
	for path, parameter := range map[string]string{
		"/reviews?status=erased":                              "status",
		"/reviews?page_size=0":                                "page_size",
		"/reviews?product=A%2Fb":                              "product",
		"/reviews?page_token=nonsense":                        "page_token",
		"/reviews?status=rejected&page_token=" + token:        "page_token",
		"/reviews?product=" + butter + "&page_token=" + token: "page_token",
		"/days?days=0":                                        "days",
		"/days?days=91":                                       "days",
	} {
		w := d.send(http.MethodGet, path, "")
		var p problem.Problem
		if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || w.Code != 422 || len(p.Errors) != 1 || p.Errors[0].Parameter != parameter {
			t.Errorf("GET %s: got %d %s, want 422 for parameter %s", path, w.Code, w.Body, parameter)
		}
	}
	for path, want := range map[string]int{
		"/reviews/" + butter + "/" + uuid.NewString(): 404, "/reviews/" + butter + "/nonsense": 422, "/nowhere": 404, "": 404,
	} {
		if w := d.send(http.MethodGet, path, ""); w.Code != want || w.Header().Get("Content-Type") != problem.ContentType || w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("GET %s: got %d %v %s, want an uncached problem %d", path, w.Code, w.Header(), w.Body, want)
		}
	}
	if w := d.send(http.MethodPatch, "/reviews", ""); w.Code != 405 {
		t.Errorf("PATCH: got %d, want 405", w.Code)
	}
}

// Unknown paths and methods answer 401 too, so the API reveals no routes.
func TestEveryPathOfTheAPIRequiresAnOperator(t *testing.T) {
	db, _ := spannerdbtest.New(t)
	d := newFixture(t, db)
	d.bearer = ""
	one := "/reviews/" + butter + "/" + uuid.NewString()
	for _, request := range []string{
		"GET /reviews", "GET " + one, "DELETE " + one, "POST " + one + "/decision", "PUT " + one + "/reply", "DELETE " + one + "/reply", "GET /days",
		"GET /dead-letters", "POST /dead-letters/reviews-1/replay", "GET /nowhere", "GET ", "GET /", "PATCH /reviews", "HEAD /reviews", "GET /%72eviews",
	} {
		method, path, _ := strings.Cut(request, " ")
		if w := d.send(method, path, ""); w.Code != http.StatusUnauthorized || w.Header().Get("WWW-Authenticate") == "" {
			t.Errorf("%s: got %d %s, want 401", request, w.Code, w.Body)
		}
	}
	for _, path := range []string{"/v1/%61dmin/reviews", "/v1%2Fadmin/reviews"} {
		w := httptest.NewRecorder()
		d.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		if w.Code == http.StatusOK {
			t.Errorf("%s: got %d %s, want an error", path, w.Code, w.Body)
		}
	}
	for _, path := range []string{"/admin", "/admin/admin.js"} {
		w := httptest.NewRecorder()
		d.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		if w.Code != http.StatusOK {
			t.Errorf("%s without token: got %d %s, want 200", path, w.Code, w.Body)
		}
	}
}

// applyLastCommand changes the review as the review writer does, as far as operators see it.
func (d *fixture) applyLastCommand(t testing.TB) {
	t.Helper()
	all := d.commands()
	if len(all) == 0 {
		t.Fatal("no command was published")
	}
	switch m := all[len(all)-1].(type) {
	case wire.Decision:
		status := map[wire.Verdict]string{wire.Publish: "published", wire.Hold: "held", wire.Reject: "rejected"}[m.Verdict]
		d.apply(spanner.UpdateMap("Reviews", map[string]any{
			"Product": m.Product, "Review": m.Review, "Status": status, "HeldFor": m.Reason, "Verdicts": []string{string(m.Verdict)},
			"Reasons": []string{m.Reason}, "DecidedOn": []int64{m.Revision}, "DecidedAt": []time.Time{m.At},
		}))
	case wire.Erasure:
		d.apply(spanner.Delete("Reviews", spanner.Key{m.Product, m.Review}))
		d.apply(spanner.InsertMap("Erased", map[string]any{"Product": m.Product, "Review": m.Review, "ErasedAt": spanner.CommitTimestamp}))
	case wire.Reply:
		d.apply(spanner.UpdateMap("Reviews", map[string]any{
			"Product": m.Product, "Review": m.Review, "Reply": spanner.NullString{StringVal: m.Text, Valid: m.Text != ""}, "RepliedAt": m.At,
		}))
	}
}

// withWriter runs f and applies the command that f publishes, after f has read the review a few times.
func (d *fixture) withWriter(t testing.TB, f func()) {
	before := len(d.pubsub.Messages())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for len(d.pubsub.Messages()) == before {
			if t.Context().Err() != nil {
				return
			}
			time.Sleep(time.Millisecond)
		}
		time.Sleep(2 * awaitInterval)
		d.applyLastCommand(t)
	}()
	f()
	<-done
}

func TestDecisionIsPublishedAndAwaited(t *testing.T) {
	db, _ := spannerdbtest.New(t)
	for verdict, status := range map[wire.Verdict]wire.Status{wire.Publish: wire.Published, wire.Hold: wire.Held, wire.Reject: wire.Rejected} {
		t.Run(string(verdict), func(t *testing.T) {
			d := newFixture(t, db)
			id := uuid.NewString()
			d.addReview(id, nil) // a row without a revision
			path, key := "/reviews/"+butter+"/"+id, wire.Key{Product: butter, Review: id}
			body := fmt.Sprintf(`{"verdict":%q,"reason":" 욕설\u0000 ","revision":%d}`, verdict, noon.UnixMicro())
			d.withWriter(t, func() {
				got := mustDecode[moderated](d, 200, http.MethodPost, path+"/decision", body)
				if got.Status != status || len(got.Decisions) != 1 {
					t.Errorf("got %+v, want status %s with one decision", got, status)
				}
			})
			want := []wire.Message{wire.Decision{Key: key, Verdict: verdict, Reason: "욕설", Revision: noon.UnixMicro(), At: noon.Add(time.Hour), Operator: "operator"}}
			if diff := cmp.Diff(want, d.commands()); diff != "" {
				t.Error(diff)
			}
			// Without a writer the response is 202. The second decision is later than the first.
			mustDecode[moderated](d, 202, http.MethodPost, path+"/decision", body)
			if last := d.commands()[1].(wire.Decision); !last.At.Equal(noon.Add(time.Hour + time.Microsecond)) {
				t.Errorf("second decision has time %v, want one microsecond after the first", last.At)
			}
		})
	}
}

func TestDecisionIsLaterThanContentFromAFastClock(t *testing.T) {
	db, _ := spannerdbtest.New(t)
	d := newFixture(t, db)
	id := uuid.NewString()
	ahead := noon.Add(2 * time.Hour)
	d.addReview(id, map[string]any{"Revision": ahead.UnixMicro(), "EditedAt": ahead})
	mustDecode[moderated](d, 202, http.MethodPost, "/reviews/"+butter+"/"+id+"/decision", fmt.Sprintf(`{"verdict":"publish","revision":%d}`, ahead.UnixMicro()))
	if got := d.commands()[0].(wire.Decision).At; !got.After(ahead) {
		t.Errorf("decision has time %v, want after the content of %v", got, ahead)
	}
}

func TestReplyIsSetAndDeleted(t *testing.T) {
	db, _ := spannerdbtest.New(t)
	d := newFixture(t, db)
	id := uuid.NewString()
	d.addReview(id, nil)
	path, key := "/reviews/"+butter+"/"+id+"/reply", wire.Key{Product: butter, Review: id}
	d.withWriter(t, func() {
		got := mustDecode[moderated](d, 200, http.MethodPut, path, `{"text":" 고마워요 💜\r\n또 오세요\u0000 "}`)
		if got.Reply == nil || got.Reply.Text != "고마워요 💜\n또 오세요" {
			t.Errorf("got reply %+v", got.Reply)
		}
	})
	d.withWriter(t, func() {
		if got := mustDecode[moderated](d, 200, http.MethodDelete, path, ""); got.Reply != nil {
			t.Errorf("got reply %+v, want none", got.Reply)
		}
	})
	at := noon.Add(time.Hour)
	want := []wire.Message{
		wire.Reply{Key: key, Text: "고마워요 💜\n또 오세요", Revision: noon.UnixMicro(), At: at, Operator: "operator"},
		wire.Reply{Key: key, Revision: noon.UnixMicro(), At: at.Add(time.Microsecond), Operator: "operator"},
	}
	if diff := cmp.Diff(want, d.commands()); diff != "" {
		t.Error(diff)
	}
}

func TestInvalidChangesAreRejected(t *testing.T) {
	db, _ := spannerdbtest.New(t)
	d := newFixture(t, db)
	id := uuid.NewString()
	d.addReview(id, nil)
	path, unknown := "/reviews/"+butter+"/"+id, "/reviews/"+butter+"/"+uuid.NewString()
	revision := fmt.Sprint(noon.UnixMicro())
	for name, tc := range map[string]struct {
		method, path, body string
		status             int
		pointer            string
	}{
		"old revision":               {"POST", path + "/decision", `{"verdict":"publish","revision":7}`, 409, ""},
		"no revision":                {"POST", path + "/decision", `{"verdict":"publish"}`, 422, "#/revision"},
		"no verdict":                 {"POST", path + "/decision", `{"revision":` + revision + `}`, 422, "#/verdict"},
		"unknown verdict":            {"POST", path + "/decision", `{"verdict":"burn","revision":` + revision + `}`, 422, "#/verdict"},
		"hold without reason":        {"POST", path + "/decision", `{"verdict":"hold","revision":` + revision + `}`, 422, "#/reason"},
		"reject with blank reason":   {"POST", path + "/decision", `{"verdict":"reject","reason":" \u0000\n","revision":` + revision + `}`, 422, "#/reason"},
		"too long reason":            {"POST", path + "/decision", `{"verdict":"hold","reason":"` + strings.Repeat("가", 201) + `","revision":` + revision + `}`, 422, "#/reason"},
		"unknown field":              {"POST", path + "/decision", `{"verdict":"publish","revision":` + revision + `,"force":true}`, 422, "#/force"},
		"not JSON":                   {"POST", path + "/decision", `verdict`, 400, "#"},
		"decision on unknown review": {"POST", unknown + "/decision", `{"verdict":"publish","revision":7}`, 404, ""},
		"reply to an old revision":   {"PUT", path + "/reply", `{"text":"a","revision":7}`, 409, ""},
		"empty reply":                {"PUT", path + "/reply", `{"text":" \n "}`, 422, "#/text"},
		"too long reply":             {"PUT", path + "/reply", `{"text":"` + strings.Repeat("가", 2001) + `"}`, 422, "#/text"},
		"reply to unknown review":    {"PUT", unknown + "/reply", `{"text":"a"}`, 404, ""},
		"delete of unknown reply":    {"DELETE", unknown + "/reply", ``, 404, ""},
		"body over 64 KiB":           {"PUT", path + "/reply", `{"text":"` + strings.Repeat("a", requestbody.MaxBytes) + `"}`, 413, ""},
		"verdict that is a number":   {"POST", path + "/decision", `{"verdict":7,"revision":` + revision + `}`, 422, "#/verdict"},
	} {
		t.Run(name, func(t *testing.T) {
			w := d.send(tc.method, tc.path, tc.body)
			var p problem.Problem
			if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || w.Code != tc.status {
				t.Fatalf("got %d %s, want %d", w.Code, w.Body, tc.status)
			}
			if tc.pointer != "" && (len(p.Errors) == 0 || p.Errors[0].Pointer != tc.pointer) {
				t.Errorf("got %s, want pointer %s", w.Body, tc.pointer)
			}
		})
	}
	if n := len(d.pubsub.Messages()); n > 0 {
		t.Errorf("%d commands were published, want none", n)
	}
}

func TestUnavailableServicesAnswer503(t *testing.T) {
	db, engine := spannerdbtest.New(t)
	d := newFixture(t, db, pstest.WithErrorInjection("Publish", codes.PermissionDenied, "no"))
	id := uuid.NewString()
	d.addReview(id, nil)
	w := d.send(http.MethodPost, "/reviews/"+butter+"/"+id+"/decision", fmt.Sprintf(`{"verdict":"publish","revision":%d}`, noon.UnixMicro()))
	if w.Code != 503 || w.Header().Get("Retry-After") != "2" {
		t.Errorf("without Pub/Sub: got %d %v %s, want 503 with Retry-After", w.Code, w.Header(), w.Body)
	}
	engine.Fail(status.Error(codes.ResourceExhausted, "quota of a secret"))
	for _, path := range []string{"/reviews", "/days", "/reviews/" + butter + "/" + id} {
		if w := d.send(http.MethodGet, path, ""); w.Code != 503 || strings.Contains(w.Body.String(), "secret") {
			t.Errorf("%s without Spanner: got %d %s, want 503 without details", path, w.Code, w.Body)
		}
	}
}

func TestReviewsAreCountedByDayInSeoul(t *testing.T) {
	spannerdbtest.Run(t, func(t *testing.T, db *spanner.Client) {
		d := newFixture(t, db) // the clock says 22:00 of 20 November in Seoul
		if w := d.send(http.MethodGet, "/days?days=1", ""); !strings.Contains(w.Body.String(), `[{"day":"2026-11-20","published":0,"held":0,"rejected":0}]`) {
			t.Errorf("without reviews: got %d %s", w.Code, w.Body)
		}
		d.addRating(butter)
		d.addRating("not-in-the-catalogue")
		midnight := time.Date(2026, 11, 19, 15, 0, 0, 0, time.UTC) // of 20 November in Seoul
		for _, r := range []struct {
			at      time.Time
			product string
			status  string
		}{
			{noon, butter, "published"}, {midnight, butter, "published"}, {midnight, "not-in-the-catalogue", "published"},
			{midnight.Add(-time.Microsecond), butter, "published"}, {midnight.Add(-time.Microsecond), butter, "held"},
			{midnight, butter, "rejected"}, {midnight, "nowhere", "held"}, {midnight.AddDate(0, 0, -2), butter, "published"},
		} {
			change := map[string]any{"Product": r.product, "Status": r.status, "SubmittedAt": r.at}
			if r.status != "published" {
				change["HeldAt"] = noon
			}
			d.addReview(uuid.NewString(), change)
		}
		w := d.send(http.MethodGet, "/days?days=2", "")
		const want = `{"time_zone":"Asia/Seoul","days":[{"day":"2026-11-19","published":1,"held":1,"rejected":0},{"day":"2026-11-20","published":3,"held":1,"rejected":1}]}`
		if got := strings.TrimSpace(w.Body.String()); w.Code != 200 || got != want {
			t.Errorf("got %d %s, want %s", w.Code, got, want)
		}
		month := mustDecode[struct {
			Days []day
			Zone string `json:"time_zone"`
		}](d, 200, http.MethodGet, "/days", "").Days
		if len(month) != 30 || month[0].Day != "2026-10-22" || month[27].Published != 1 {
			t.Errorf("got %+v, want 30 days up to today", month)
		}
	})
}

// Go's constants are the only source of the limits: the page gets them as attributes, and the document names them.
func TestPageAndDocumentHaveTheLimitsOfPackageReview(t *testing.T) {
	g := newGuard("http://127.0.0.1:1", audience, "roles", "operator")
	w := httptest.NewRecorder()
	(&operatorPage{issuer: g.issuer, client: audience, scope: "openid"}).index(w, httptest.NewRequest(http.MethodGet, "/admin", nil))
	page := w.Body.String()
	if want := fmt.Sprintf(`data-max-reason="%d" data-max-reply="%d"`, wire.MaxReason, wire.MaxReply); !strings.Contains(page, want) {
		t.Errorf("the page has no %s", want)
	}
	document, err := os.ReadFile("openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, limit := range []int{wire.MaxReason, wire.MaxReply} {
		if want := fmt.Sprintf("at most %d characters", limit); !strings.Contains(string(document), want) {
			t.Errorf("openapi.json does not say %q", want)
		}
	}
}

func TestPageHasStrictPolicyAndLogin(t *testing.T) {
	db, _ := spannerdbtest.New(t)
	d := newFixture(t, db)
	w := httptest.NewRecorder()
	d.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/admin?code=x", nil))
	body, err := io.ReadAll(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	policy := w.Header().Get("Content-Security-Policy")
	if w.Code != 200 || !strings.Contains(policy, "default-src 'none'; script-src 'self'; ") || strings.Contains(policy, "unsafe") ||
		!strings.Contains(policy, "connect-src 'self' http://127.0.0.1:") || w.Header().Get("Referrer-Policy") != "no-referrer" {
		t.Errorf("page: got %d %v, want 200 with a strict policy", w.Code, w.Header())
	}
	if !strings.Contains(string(body), "/authorize") || !strings.Contains(string(body), audience) {
		t.Errorf("page lacks the login configuration: %s", body)
	}
	for _, file := range []string{"admin.css", "admin.js", "api.js", "chart.js", "login.js", "words.js"} {
		w := httptest.NewRecorder()
		d.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/admin/"+file, nil))
		if w.Code != 200 || !strings.Contains(w.Header().Get("Content-Type"), strings.TrimPrefix(file[strings.LastIndex(file, "."):], ".")[:2]) && !strings.Contains(w.Header().Get("Content-Type"), "javascript") {
			t.Errorf("%s: got %d %v, want 200 with its content type", file, w.Code, w.Header())
		}
	}
}

func TestPageLoadsWhileIssuerIsUnavailable(t *testing.T) {
	g := newGuard("http://127.0.0.1:1", audience, "roles", "operator")
	mux := http.NewServeMux()
	(&operatorPage{issuer: g.issuer, client: audience, scope: "openid"}).register(mux)
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/admin", nil))
	if w.Code != 200 || !strings.Contains(w.Header().Get("Content-Security-Policy"), "connect-src 'self';") {
		t.Errorf("page: got %d %v, want 200 without the token endpoint in its policy", w.Code, w.Header())
	}
}

func TestDocument(t *testing.T) {
	s := &server{reviews: &reviewHandlers{}, photos: &photoHandlers{}, deadLetters: &deadLetterHandlers{}}
	contracttest.Golden(t, "openapi.json", s.register(http.NewServeMux()).OpenAPI())
}

func TestAllConfigurationErrorsAreReportedAtOnce(t *testing.T) {
	err := run(t.Context(), func(name string) (string, bool) {
		v, ok := map[string]string{"OIDC_ISSUER": "http://issuer.example", "OIDC_AUDIENCE": "a"}[name]
		return v, ok
	})
	for _, name := range []string{"GOOGLE_CLOUD_PROJECT", "COMMANDS_TOPIC", "COMMANDS_DEAD", "REVIEWS_TOPIC", "REVIEWS_DEAD", "ORIGINALS_TOPIC", "ORIGINALS_DEAD", "OIDC_ISSUER is not a"} {
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("run() = %v, want %s", err, name)
		}
	}
}

func TestPagesOfOtherOriginsCannotChangeAnything(t *testing.T) {
	db, _ := spannerdbtest.New(t)
	d := newFixture(t, db)
	path := apiRoot + "/reviews/" + butter + "/" + uuid.NewString() // an allowed request finds no review
	for _, tc := range []struct {
		name, contentType, site, origin string
		want                            int
	}{
		{"curl", "application/json", "", "", http.StatusNotFound},
		{"page of operators", "application/json", "same-origin", "http://example.com", http.StatusNotFound},
		{"other site", "application/json", "cross-site", "https://evil.example", http.StatusForbidden},
		{"other host of the site", "application/json", "same-site", "http://blog.example.com", http.StatusForbidden},
		{"other site in an old browser", "application/json", "", "https://evil.example", http.StatusForbidden},
		{"no Content-Type", "", "", "", http.StatusUnsupportedMediaType},
		{"text", "text/plain", "same-origin", "http://example.com", http.StatusUnsupportedMediaType},
	} {
		for _, request := range []struct{ method, path, body string }{
			{http.MethodPost, path + "/decision", `{"verdict":"hold","reason":"spam","revision":1}`}, {http.MethodPut, path + "/reply", `{"text":"Thanks"}`},
		} {
			r := httptest.NewRequest(request.method, request.path, strings.NewReader(request.body))
			r.Header.Set("Authorization", d.bearer)
			for name, value := range map[string]string{"Content-Type": tc.contentType, "Sec-Fetch-Site": tc.site, "Origin": tc.origin} {
				if value != "" {
					r.Header.Set(name, value)
				}
			}
			w := httptest.NewRecorder()
			d.ServeHTTP(w, r)
			if w.Code != tc.want || w.Header().Get("Content-Type") != problem.ContentType {
				t.Errorf("%s, %s: %d %s, want %d", tc.name, request.method, w.Code, w.Body, tc.want)
			}
		}
	}
}
