package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"cloud.google.com/go/pubsub/v2/pstest"
	"github.com/google/go-cmp/cmp"

	"github.com/hybrid-bts/functions/shared/event"
	"github.com/hybrid-bts/functions/shared/fake/pubsubtest"
	"github.com/hybrid-bts/functions/shared/topic"
)

// secret is the path of the webhook.
const secret = "/services/T0/B0/the-secret"

// fakeSlack is a server with the webhook.
type fakeSlack struct {
	*httptest.Server

	mu     sync.Mutex
	posted []string // the text of each accepted message, one section on each line
	calls  int
	answer func(w http.ResponseWriter) // nil to accept messages
}

func newFakeSlack(t testing.TB) *fakeSlack {
	t.Helper()
	s := &fakeSlack{}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func (s *fakeSlack) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls++
	if s.answer != nil {
		s.answer(w)
		return
	}
	var m struct {
		Blocks []struct{ Text struct{ Text string } }
	}
	if r.URL.Path != secret || json.NewDecoder(r.Body).Decode(&m) != nil {
		http.Error(w, "no_service", http.StatusNotFound)
		return
	}
	var sections []string
	for _, b := range m.Blocks {
		sections = append(sections, b.Text.Text)
	}
	s.posted = append(s.posted, strings.Join(sections, "\n"))
	_, _ = io.WriteString(w, "ok")
}

func (s *fakeSlack) answers(f func(w http.ResponseWriter)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer = f
}

func (s *fakeSlack) got() (messages []string, calls int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.posted, s.calls
}

func status(code int) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) { w.WriteHeader(code) }
}

// system is the function with its services and its clock.
type system struct {
	http.Handler
	slack  *fakeSlack
	pubsub *pstest.Server
	now    *time.Time
	logs   *bytes.Buffer
}

func start(t testing.TB) system {
	t.Helper()
	fake := newFakeSlack(t)
	w, err := parseWebhook(fake.URL + secret)
	if err != nil {
		t.Fatal(err)
	}
	dead, ps := pubsubtest.New(t, "dead")
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	var logs bytes.Buffer
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&logs, nil)))
	t.Cleanup(func() { slog.SetDefault(before) })
	h := event.Handler(newNotifier(w, func() time.Time { return now }).handle, event.DeadLetterTopic(topic.New(dead)))
	return system{h, fake, ps, &now, &logs}
}

// message is a Pub/Sub message.
type message struct {
	Attributes map[string]string
	Data       json.RawMessage
}

// read returns a message from testdata.
func read(t testing.TB, file string) message {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", file))
	if err != nil {
		t.Fatal(err)
	}
	var m message
	if err := json.Unmarshal(b, &m); err != nil {
		t.Fatal(err)
	}
	return m
}

// deliver posts a message as a push subscription does and returns the status.
func (s system) deliver(t testing.TB, m message) int {
	t.Helper()
	body, err := json.Marshal(map[string]any{
		"subscription": "projects/shop/subscriptions/alerts",
		"message":      map[string]any{"messageId": "1", "data": []byte(m.Data), "attributes": m.Attributes},
	})
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(body)))
	return w.Code
}

// incidentOf returns a notification of an incident.
func incidentOf(t testing.TB, fields map[string]any) message {
	t.Helper()
	b, err := json.Marshal(map[string]any{"version": "1.2", "incident": fields})
	if err != nil {
		t.Fatal(err)
	}
	return message{Data: b}
}

func TestEachNoticeIsPostedOnce(t *testing.T) {
	const (
		incidentLink = "<https://console.cloud.google.com/monitoring/alerting/incidents/0.mzk1c6fbjtgx?channelType=pubsub&amp;project=hybrid-bts|incident>"
		runbookLink  = "<https://github.com/hybrid-bts/functions/blob/main/scripts/deploy/monitoring/RUNBOOK.md#latency|Runbook>"
		deadLink     = "<https://console.cloud.google.com/cloudpubsub/subscription/detail/prod-hybridbts-reviews-sentiment?project=hybrid-bts|subscription>"
		budgetLink   = "<https://console.cloud.google.com/billing/01D4EE-079462-DFD6EC/budgets/de72f49d-779b-4945-a127-4d6ce8def0bb|budget>"
		latency      = "Request latency for hybrid-bts prod-hybridbts-api with metric labels {response_code_class=2xx} "
	)
	for file, want := range map[string]string{
		"incident_open.json": ":red_circle: *Latency is open*\n" + latency + "is above the threshold of 500.000 with a value of 812.500.\n" +
			"Requests of &lt;api&gt; take long &amp; shoppers wait.\n" + incidentLink + " · " + runbookLink,
		"incident_closed.json": ":large_green_circle: *Latency is closed after 12m34s*\n" + latency + "returned to normal with a value of 301.250.\n" +
			incidentLink + " · " + runbookLink,
		"budget.json": ":moneybag: *prod-hybridbts-month: more than 90% is spent*\n" +
			"274.50 of 300.00 USD since 2026-11-01T08:00:00Z\n" + budgetLink,
		"budget_forecast.json": ":moneybag: *prod-hybridbts-month: more than 100% is forecast*\n" +
			"120.25 of 300.00 USD since 2026-11-01T08:00:00Z\n" + budgetLink,
		"dead_letter_ours.json": ":envelope: *Dead letter of prod-hybridbts-reviews-sentiment*\ndecode review: schema version \"2\", want \"1\"\n" +
			"Message 13207840195472021. Similar dead letters are not shown for one hour.\n" + deadLink,
		"dead_letter_pubsub.json": ":envelope: *Dead letter of prod-hybridbts-reviews-sentiment*\n5 deliveries failed\n" +
			"Message 1. Similar dead letters are not shown for one hour.\n" + deadLink,
	} {
		t.Run(file, func(t *testing.T) {
			s := start(t)
			for range 3 {
				if code := s.deliver(t, read(t, file)); code != http.StatusNoContent {
					t.Fatalf("status %d, want 204", code)
				}
			}
			got, _ := s.slack.got()
			if diff := cmp.Diff([]string{want}, got); diff != "" {
				t.Errorf("posts of three deliveries: %s", diff)
			}
		})
	}
}

func TestBudgetNoticeBelowAllThresholdsIsNotPosted(t *testing.T) {
	s := start(t)
	if code := s.deliver(t, read(t, "budget_quiet.json")); code != http.StatusNoContent {
		t.Errorf("status %d, want 204", code)
	}
	if _, calls := s.slack.got(); calls != 0 {
		t.Errorf("%d calls of Slack, want none", calls)
	}
}

func TestEachStateOfEachIncidentIsOneMessage(t *testing.T) {
	s := start(t)
	var wg sync.WaitGroup
	for range 20 {
		for _, id := range []string{"0.a", "0.b"} {
			for _, state := range []string{"open", "closed"} {
				wg.Go(func() {
					if code := s.deliver(t, incidentOf(t, map[string]any{"incident_id": id, "state": state})); code != http.StatusNoContent {
						t.Errorf("status %d, want 204", code)
					}
				})
			}
		}
	}
	wg.Wait()
	if got, calls := s.slack.got(); len(got) != 4 || calls != 4 {
		t.Errorf("%d messages by %d calls, want one for each of 4: %q", len(got), calls, got)
	}
}

func TestNextThresholdAndNextMonthArePosted(t *testing.T) {
	s := start(t)
	for _, change := range []map[string]string{{}, {"0.9": "1.0"}, {"2026-11-01": "2026-12-01"}, {}} {
		m := read(t, "budget.json")
		for from, to := range change {
			m.Data = bytes.ReplaceAll(m.Data, []byte(from), []byte(to))
		}
		if code := s.deliver(t, m); code != http.StatusNoContent {
			t.Errorf("status %d, want 204", code)
		}
	}
	if got, _ := s.slack.got(); len(got) != 3 {
		t.Errorf("posted %q, want three messages", got)
	}
}

// A forecast above the budget is a new notice even when the spent threshold is unchanged.
func TestForecastIsPostedAfterASpentThreshold(t *testing.T) {
	s := start(t)
	for _, thresholds := range []string{`0.5`, `0.5`, `0.5, "forecastThresholdExceeded": 1.0`, `0.5, "forecastThresholdExceeded": 1.0`} {
		m := read(t, "budget.json")
		m.Data = bytes.Replace(m.Data, []byte("0.9"), []byte(thresholds), 1)
		if code := s.deliver(t, m); code != http.StatusNoContent {
			t.Errorf("status %d, want 204", code)
		}
	}
	got, _ := s.slack.got()
	if len(got) != 2 || !strings.Contains(got[1], "more than 50% is spent, more than 100% is forecast") {
		t.Errorf("posted %q, want the spent threshold, then also the forecast", got)
	}
}

// The test notification of the console has other types than schema 1.2.
func TestTestNotificationIsPosted(t *testing.T) {
	s := start(t)
	m := message{Data: []byte(`{"version":"test","incident":{"incident_id":"12345","state":"OPEN","started_at":0,"ended_at":0,` +
		`"url":"http://www.example.com","summary":"Test Incident","documentation":"Test documentation"}}`)}
	if code := s.deliver(t, m); code != http.StatusNoContent {
		t.Errorf("status %d, want 204", code)
	}
	if got, _ := s.slack.got(); !slices.Equal(got, []string{":red_circle: *An alert is open*\nTest Incident"}) || len(s.pubsub.Messages()) != 0 {
		t.Errorf("posted %q with %d dead letters, want one message and none", got, len(s.pubsub.Messages()))
	}
}

func TestSimilarDeadLettersArePostedOncePerHour(t *testing.T) {
	s := start(t)
	for i, want := range []int{1, 1, 2} {
		m := read(t, "dead_letter_ours.json")
		m.Attributes[event.SourceIDAttribute] = fmt.Sprint(i)
		if code := s.deliver(t, m); code != http.StatusNoContent {
			t.Errorf("status %d, want 204", code)
		}
		if got, _ := s.slack.got(); len(got) != want {
			t.Errorf("%d messages after dead letter %d, want %d", len(got), i+1, want)
		}
		*s.now = s.now.Add(40 * time.Minute)
	}
}

func TestNumberOfRememberedPostsIsBounded(t *testing.T) {
	s := start(t)
	w, err := parseWebhook(s.slack.URL + secret)
	if err != nil {
		t.Fatal(err)
	}
	n := newNotifier(w, time.Now)
	for i := range maxPosts + 10 {
		e := event.Event{ID: "1", Data: incidentOf(t, map[string]any{"incident_id": fmt.Sprint(i), "state": "open"}).Data}
		if err := n.handle(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	if len(n.posts) != maxPosts || cap(n.posts) > 4*maxPosts {
		t.Errorf("%d posts with capacity %d, want %d", len(n.posts), cap(n.posts), maxPosts)
	}
}

func TestRetryAfterOfSlackIsRespected(t *testing.T) {
	for name, tc := range map[string]struct {
		header string
		pause  time.Duration
	}{
		"seconds":  {"90", 90 * time.Second},
		"none":     {"", defaultPause},
		"too long": {"864000", maxPause},
		"negative": {"-5", time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t)
			s.slack.answers(func(w http.ResponseWriter) {
				if tc.header != "" {
					w.Header().Set("Retry-After", tc.header)
				}
				w.WriteHeader(http.StatusTooManyRequests)
			})
			m := read(t, "incident_open.json")
			if code := s.deliver(t, m); code != http.StatusServiceUnavailable {
				t.Fatalf("status %d, want 503", code)
			}
			s.slack.answers(nil)
			*s.now = s.now.Add(tc.pause - time.Millisecond)
			for _, early := range []string{"incident_open.json", "budget.json"} {
				if code := s.deliver(t, read(t, early)); code != http.StatusServiceUnavailable {
					t.Errorf("status %d during the pause, want 503", code)
				}
			}
			if _, calls := s.slack.got(); calls != 1 {
				t.Errorf("%d calls during the pause, want 1", calls)
			}
			*s.now = s.now.Add(time.Millisecond)
			if code := s.deliver(t, m); code != http.StatusNoContent {
				t.Errorf("status %d after the pause, want 204", code)
			}
			if got, _ := s.slack.got(); len(got) != 1 {
				t.Errorf("posted %q, want one message", got)
			}
			if n := len(s.pubsub.Messages()); n != 0 {
				t.Errorf("%d dead letters, want none", n)
			}
		})
	}
}

func TestPermanentRejectionIsDeadLettered(t *testing.T) {
	for _, code := range []int{400, 403, 404, 410, 413} {
		t.Run(fmt.Sprint(code), func(t *testing.T) {
			s := start(t)
			s.slack.answers(status(code))
			if got := s.deliver(t, read(t, "incident_open.json")); got != http.StatusNoContent {
				t.Errorf("status %d, want 204", got)
			}
			letters := s.pubsub.Messages()
			if want := fmt.Sprintf("status %d", code); len(letters) != 1 || !strings.Contains(letters[0].Attributes[event.ReasonAttribute], want) {
				t.Errorf("dead letters %v, want one with reason %q", letters, want)
			}
		})
	}
}

func TestTransientFailuresCauseRedelivery(t *testing.T) {
	for name, answer := range map[string]func(http.ResponseWriter){
		"500":                 status(500),
		"503":                 status(503),
		"timeout":             status(408),
		"redirect":            func(w http.ResponseWriter) { w.Header().Set("Location", "/elsewhere"); w.WriteHeader(302) },
		"unreadable location": func(w http.ResponseWriter) { w.Header().Set("Location", "http://[::1"+secret); w.WriteHeader(302) },
		"bad Retry-After":     func(w http.ResponseWriter) { w.Header().Set("Retry-After", "soon"); w.WriteHeader(429) },
		"broken connection": func(w http.ResponseWriter) {
			if c, _, err := http.NewResponseController(w).Hijack(); err == nil {
				_ = c.Close()
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t)
			s.slack.answers(answer)
			m := read(t, "incident_open.json")
			if code := s.deliver(t, m); code != http.StatusServiceUnavailable {
				t.Errorf("status %d during the failure, want 503", code)
			}
			if strings.Contains(s.logs.String(), "the-secret") {
				t.Errorf("the log contains the webhook: %s", s.logs)
			}
			s.slack.answers(nil)
			if code := s.deliver(t, m); code != http.StatusNoContent {
				t.Errorf("status %d after the failure, want 204", code)
			}
			if got, _ := s.slack.got(); len(got) != 1 || len(s.pubsub.Messages()) != 0 {
				t.Errorf("posted %q with %d dead letters, want one message and none", got, len(s.pubsub.Messages()))
			}
		})
	}
}

func TestWaitForEarlierMessagesEndsAtTheDeadline(t *testing.T) {
	s := start(t)
	w, err := parseWebhook(s.slack.URL + secret)
	if err != nil {
		t.Fatal(err)
	}
	n := newNotifier(w, time.Now)
	n.busy <- struct{}{} // an earlier message is being posted
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	e := event.Event{ID: "1", Data: read(t, "incident_open.json").Data}
	if err := n.handle(ctx, e); err == nil {
		t.Error("a message was posted before an earlier one")
	}
}

func TestUnknownMessagesAreDeadLettered(t *testing.T) {
	for name, m := range map[string]message{
		"empty":                           {},
		"not JSON":                        {Data: []byte("\xffhello")},
		"another object":                  {Data: []byte(`{"id":1}`)},
		"incident without state":          {Data: []byte(`{"incident":{}}`)},
		"incident with a number as state": {Data: []byte(`{"incident":{"state":1}}`)},
		"string as budget notice":         {Data: []byte(`"budget"`), Attributes: map[string]string{"budgetId": "b"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t)
			if code := s.deliver(t, m); code != http.StatusNoContent {
				t.Errorf("status %d, want 204, since each redelivery would fail", code)
			}
			if n := len(s.pubsub.Messages()); n != 1 {
				t.Errorf("%d dead letters, want 1", n)
			}
			if _, calls := s.slack.got(); calls != 0 {
				t.Errorf("%d calls of Slack, want none", calls)
			}
		})
	}
}

func TestTextHasNoMentionsAndIsBounded(t *testing.T) {
	n := &notice{
		icon: ":red_circle:", title: strings.Repeat("<!channel>\n", 100), text: strings.Repeat("&<@U1>\x00", 1000),
		links: []link{
			{"bad|<!here>", "https://example.org/?a=<b>|c&d"}, {"script", "javascript:alert(1)"}, {"relative", "/etc"},
			{"long", "https://example.org/" + strings.Repeat("&", 400)}, {"ok", "https://example.org/"}, {"the sixth", "https://example.org/6"},
		},
	}
	m := n.message()
	b, err := json.Marshal(m.Blocks)
	if err != nil {
		t.Fatal(err)
	}
	var sections []struct{ Text struct{ Text string } }
	if err := json.Unmarshal(b, &sections); err != nil {
		t.Fatal(err)
	}
	if len(sections) != 2 {
		t.Fatalf("%d sections, want the text and the links", len(sections))
	}
	text := sections[0].Text.Text
	if strings.ContainsAny(text, "<>\x00") || strings.Contains(m.Text, "<") || strings.Count(text, "\n") != 1 {
		t.Errorf("not escaped, or more than two lines: %q", text)
	}
	const links = "<https://example.org/?a=%3Cb%3E%7Cc&amp;d|bad|&lt;!here&gt;> · <https://example.org/|ok>"
	if diff := cmp.Diff(links, sections[1].Text.Text); diff != "" {
		t.Error(diff)
	}
	for _, s := range sections {
		if n := utf8.RuneCountInString(s.Text.Text); n > 3000 {
			t.Errorf("a section has %d characters, Slack accepts 3000", n)
		}
	}
}

func TestTextOfShoppersIsNeitherPostedNorLogged(t *testing.T) {
	for _, file := range []string{"dead_letter_ours.json", "dead_letter_pubsub.json"} {
		s := start(t)
		for _, answer := range []func(http.ResponseWriter){status(500), nil, status(404)} {
			s.slack.answers(answer)
			m := read(t, file)
			m.Attributes[event.ReasonAttribute] += " "
			s.deliver(t, m)
			*s.now = s.now.Add(2 * time.Hour)
		}
		got, calls := s.slack.got()
		if calls != 3 || len(got) != 1 {
			t.Errorf("posted %q with %d calls, want one message with three", got, calls)
		}
		for _, words := range []string{"shopper", "example.org"} {
			if strings.Contains(s.logs.String()+got[0], words) {
				t.Errorf("%s: %q is posted or logged: %s %s", file, words, got[0], s.logs)
			}
		}
	}
}

func TestWebhookIsAnHTTPSURLWithAPath(t *testing.T) {
	for s, want := range map[string]bool{
		"https://hooks.slack.com/services/T0/B0/x": true,
		"http://127.0.0.1:8080/services/x":         true,
		"http://localhost/services/x":              true,
		"http://hooks.slack.com/services/T0/B0/x":  false,
		"https://hooks.slack.com":                  false,
		"https://hooks.slack.com/":                 false,
		"https://me:it@hooks.slack.com/services":   false,
		"https:///services/x":                      false,
		"hooks.slack.com/services/x":               false,
		"ftp://hooks.slack.com/services":           false,
		"https://hooks.slack.com/%zz":              false,
	} {
		w, err := parseWebhook(s)
		if (err == nil) != want {
			t.Errorf("parseWebhook(%q) = %v", s, err)
		}
		if err != nil && strings.Contains(err.Error(), "slack.com") {
			t.Errorf("the error contains the webhook: %v", err)
		}
		if printed := fmt.Sprintf("%v %+v %#v %s", w, w, w, w); strings.Contains(printed, "services") {
			t.Errorf("the webhook prints as %s", printed)
		}
	}
}

func TestErrorsDoNotContainTheWebhook(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil { // the port is closed now
		t.Fatal(err)
	}
	w, err := parseWebhook("http://" + l.Addr().String() + secret)
	if err != nil {
		t.Fatal(err)
	}
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	for name, ctx := range map[string]context.Context{"closed port": t.Context(), "canceled": canceled} {
		err := w.post(ctx, (&notice{title: "t"}).message())
		if err == nil || strings.Contains(err.Error(), "the-secret") {
			t.Errorf("%s: post() = %v, want an error without the webhook", name, err)
		}
	}
	if err := w.redact(&url.Error{Op: "Post", URL: w.url.String(), Err: fmt.Errorf("at %s", secret)}); strings.Contains(err.Error(), "the-secret") {
		t.Errorf("redact() = %v", err)
	}
}

func TestConfigurationProblemsAreReportedTogether(t *testing.T) {
	for _, address := range []string{"", "http://hooks.slack.com/services/the-secret"} {
		err := run(t.Context(), func(name string) (string, bool) {
			if name == "SLACK_WEBHOOK_URL" {
				return address, true
			}
			return "", false
		})
		for _, name := range []string{"GOOGLE_CLOUD_PROJECT", "SLACK_WEBHOOK_URL", "DEAD_LETTER_TOPIC"} {
			if !strings.Contains(fmt.Sprint(err), name) {
				t.Errorf("run() = %v, want the name %s", err, name)
			}
		}
		if strings.Contains(fmt.Sprint(err), "the-secret") {
			t.Errorf("run() = %v contains the webhook", err)
		}
	}
}

func FuzzParseWebhook(f *testing.F) {
	for _, s := range []string{"", "https://hooks.slack.com/services/T0/B0/x", "http://localhost/x", "http://[::1]:80/x", "https://a@b/c", "https:///x", "http://localhost.example/x", "https://b/%zz"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		w, err := parseWebhook(s)
		if err != nil {
			if len(s) > 20 && strings.Contains(err.Error(), s) {
				t.Errorf("the error contains the URL %q", s)
			}
			return
		}
		u := w.url
		local := u.Hostname() == "localhost" || strings.Contains(u.Hostname(), "127.") || strings.Contains(u.Hostname(), ":")
		if u.Scheme != "https" && !local || u.Host == "" || u.User != nil || strings.Trim(u.Path, "/") == "" {
			t.Errorf("parseWebhook(%q) accepts %v", s, u)
		}
		if err := w.redact(&url.Error{Op: "Post", URL: s, Err: errors.New("post " + s)}); len(u.Path) > 8 && strings.Contains(err.Error(), u.Path) {
			t.Errorf("redact() = %v", err)
		}
	})
}

func FuzzDecode(f *testing.F) {
	files, err := filepath.Glob("testdata/*.json")
	if err != nil || len(files) == 0 {
		f.Fatalf("testdata: %v, %v", files, err)
	}
	for _, file := range files {
		m := read(f, filepath.Base(file))
		f.Add([]byte(m.Data), m.Attributes["budgetId"], m.Attributes[event.ReasonAttribute], m.Attributes[event.PubSubSubscription])
	}
	f.Fuzz(func(t *testing.T, data []byte, budgetID, reason, sub string) {
		e := event.Event{ID: "1", Data: data, Attributes: map[string]string{}}
		for name, value := range map[string]string{"budgetId": budgetID, event.ReasonAttribute: reason, event.PubSubSubscription: sub} {
			if value != "" {
				e.Attributes[name] = value
			}
		}
		n, err := decode(e)
		if err != nil || n == nil {
			return
		}
		if n.key == "" {
			t.Error("a notice without a key")
		}
		m := n.message()
		b, err := json.Marshal(m.Blocks)
		if err != nil {
			t.Fatal(err)
		}
		var sections []struct{ Text struct{ Text string } }
		if err := json.Unmarshal(b, &sections); err != nil {
			t.Fatal(err)
		}
		for i, s := range sections {
			text := s.Text.Text
			if n := utf8.RuneCountInString(text); n == 0 || n > 3000 || !utf8.ValidString(text) {
				t.Errorf("a section has %d characters", n)
			}
			if i == 0 && strings.ContainsAny(text, "<>") {
				t.Errorf("not escaped: %q", text)
			}
		}
	})
}
