package main

import (
	"bytes"
	"context"
	"encoding/json"
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

// fakeSlack takes what is posted to the webhook, and answers as it is told.
type fakeSlack struct {
	*httptest.Server

	mu     sync.Mutex
	posted []string // the text of each message that it took, a section a line
	calls  int
	answer func(w http.ResponseWriter) // nil for ok
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

// system is the function with all that it speaks to, at a time that the test sets.
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
	hook, err := parseWebhook(fake.URL + secret)
	if err != nil {
		t.Fatal(err)
	}
	dead, ps := pubsubtest.New(t, "dead")
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	var logs bytes.Buffer
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&logs, nil)))
	t.Cleanup(func() { slog.SetDefault(before) })
	h := event.Handler(newTeller(hook, func() time.Time { return now }).happened, event.DeadLetterTopic(topic.New(dead)))
	return system{h, fake, ps, &now, &logs}
}

// message is a message of the topic.
type message struct {
	Attributes map[string]string
	Data       json.RawMessage
}

// read returns a message of testdata.
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

// deliver posts a message as a push subscription does, and returns the status.
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

func TestWhatHappenedIsTold(t *testing.T) {
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
			"Message 13207840195472021. More of this kind are not told for an hour.\n" + deadLink,
		"dead_letter_pubsub.json": ":envelope: *Dead letter of prod-hybridbts-reviews-sentiment*\ndelivered 5 times in vain\n" +
			"Message 1. More of this kind are not told for an hour.\n" + deadLink,
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
				t.Errorf("told in three deliveries: %s", diff)
			}
		})
	}
}

func TestBudgetNoticeBelowEveryThresholdIsNotTold(t *testing.T) {
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

func TestNextThresholdAndNextMonthAreTold(t *testing.T) {
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
		t.Errorf("told %q, want three messages", got)
	}
}

// Half a budget is spent in peace; that all of it will be is news.
func TestForecastIsToldAfterWhatIsSpent(t *testing.T) {
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
		t.Errorf("told %q, want what is spent, and then the forecast too", got)
	}
}

// What the console sends when somebody tries a channel has types of its own.
func TestTestNotificationIsTold(t *testing.T) {
	s := start(t)
	m := message{Data: []byte(`{"version":"test","incident":{"incident_id":"12345","state":"OPEN","started_at":0,"ended_at":0,` +
		`"url":"http://www.example.com","summary":"Test Incident","documentation":"Test documentation"}}`)}
	if code := s.deliver(t, m); code != http.StatusNoContent {
		t.Errorf("status %d, want 204", code)
	}
	if got, _ := s.slack.got(); !slices.Equal(got, []string{":red_circle: *An alert is open*\nTest Incident"}) || len(s.pubsub.Messages()) != 0 {
		t.Errorf("told %q with %d dead letters, want one message and none", got, len(s.pubsub.Messages()))
	}
}

func TestDeadLettersOfOneKindAreToldOnceAnHour(t *testing.T) {
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

func TestMemoryIsBounded(t *testing.T) {
	s := start(t)
	hook, err := parseWebhook(s.slack.URL + secret)
	if err != nil {
		t.Fatal(err)
	}
	tell := newTeller(hook, time.Now)
	for i := range remembered + 10 {
		e := event.Event{ID: "1", Data: incidentOf(t, map[string]any{"incident_id": fmt.Sprint(i), "state": "open"}).Data}
		if err := tell.happened(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	if len(tell.told) != remembered || cap(tell.told) > 4*remembered {
		t.Errorf("it remembers %d, with room for %d, want %d", len(tell.told), cap(tell.told), remembered)
	}
}

func TestRetryAfterIsKept(t *testing.T) {
	for name, tc := range map[string]struct {
		header string
		pause  time.Duration
	}{
		"seconds":         {"90", 90 * time.Second},
		"none":            {"", defaultPause},
		"longer than any": {"864000", longestPause},
		"negative":        {"-5", time.Second},
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
					t.Errorf("status %d before the time is over, want 503", code)
				}
			}
			if _, calls := s.slack.got(); calls != 1 {
				t.Errorf("%d calls before the time is over, want 1", calls)
			}
			*s.now = s.now.Add(time.Millisecond)
			if code := s.deliver(t, m); code != http.StatusNoContent {
				t.Errorf("status %d when it is over, want 204", code)
			}
			if got, _ := s.slack.got(); len(got) != 1 {
				t.Errorf("told %q, want one message", got)
			}
			if n := len(s.pubsub.Messages()); n != 0 {
				t.Errorf("%d dead letters, want none", n)
			}
		})
	}
}

func TestRefusalForEverIsDeadLettered(t *testing.T) {
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

func TestPassingFailuresAskForRedelivery(t *testing.T) {
	for name, answer := range map[string]func(http.ResponseWriter){
		"500":                 status(500),
		"503":                 status(503),
		"time-out":            status(408),
		"a moved webhook":     func(w http.ResponseWriter) { w.Header().Set("Location", "/elsewhere"); w.WriteHeader(302) },
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
				t.Errorf("status %d while it fails, want 503", code)
			}
			if strings.Contains(s.logs.String(), "the-secret") {
				t.Errorf("the log holds the webhook: %s", s.logs)
			}
			s.slack.answers(nil)
			if code := s.deliver(t, m); code != http.StatusNoContent {
				t.Errorf("status %d after it came back, want 204", code)
			}
			if got, _ := s.slack.got(); len(got) != 1 || len(s.pubsub.Messages()) != 0 {
				t.Errorf("told %q with %d dead letters, want one message and none", got, len(s.pubsub.Messages()))
			}
		})
	}
}

func TestWaitForASlowSlackEnds(t *testing.T) {
	s := start(t)
	hook, err := parseWebhook(s.slack.URL + secret)
	if err != nil {
		t.Fatal(err)
	}
	tell := newTeller(hook, time.Now)
	tell.turn <- struct{}{} // another message is being posted
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	e := event.Event{ID: "1", Data: read(t, "incident_open.json").Data}
	if err := tell.happened(ctx, e); err == nil {
		t.Error("it went ahead of the message before it")
	}
}

func TestPoisonIsDeadLettered(t *testing.T) {
	for name, m := range map[string]message{
		"nothing":                   {},
		"no JSON":                   {Data: []byte("\xffhello")},
		"another object":            {Data: []byte(`{"id":1}`)},
		"an incident without state": {Data: []byte(`{"incident":{}}`)},
		"an incident of text":       {Data: []byte(`{"incident":{"state":1}}`)},
		"a budget notice of text":   {Data: []byte(`"budget"`), Attributes: map[string]string{"budgetId": "b"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t)
			if code := s.deliver(t, m); code != http.StatusNoContent {
				t.Errorf("status %d, want 204: it would come back for ever", code)
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

func TestTextMentionsNobodyAndIsBounded(t *testing.T) {
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
		t.Errorf("not escaped, or of more than two lines: %q", text)
	}
	const links = "<https://example.org/?a=%3Cb%3E%7Cc&amp;d|bad|&lt;!here&gt;> · <https://example.org/|ok>"
	if diff := cmp.Diff(links, sections[1].Text.Text); diff != "" {
		t.Error(diff)
	}
	for _, s := range sections {
		if n := utf8.RuneCountInString(s.Text.Text); n > 3000 {
			t.Errorf("a section of %d characters, Slack takes 3000", n)
		}
	}
}

func TestShoppersWordsAreNeverTold(t *testing.T) {
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
			t.Errorf("told %q by %d calls, want one message by three", got, calls)
		}
		for _, words := range []string{"shopper", "example.org"} {
			if strings.Contains(s.logs.String()+got[0], words) {
				t.Errorf("%s: %q is told or logged: %s %s", file, words, got[0], s.logs)
			}
		}
	}
}

func TestWebhook(t *testing.T) {
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
			t.Errorf("the error holds the webhook: %v", err)
		}
		if printed := fmt.Sprintf("%v %+v %#v %s", w, w, w, w); strings.Contains(printed, "services") {
			t.Errorf("the webhook prints as %s", printed)
		}
	}
}

func TestErrorsOfNetHTTPLoseTheWebhook(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil { // nobody listens there now
		t.Fatal(err)
	}
	w, err := parseWebhook("http://" + l.Addr().String() + secret)
	if err != nil {
		t.Fatal(err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	for name, ctx := range map[string]context.Context{"refused": t.Context(), "cancelled": gone} {
		err := w.post(ctx, (&notice{title: "t"}).message())
		if err == nil || strings.Contains(err.Error(), "the-secret") {
			t.Errorf("%s: post() = %v, want an error without the webhook", name, err)
		}
	}
	if err := w.hide(&url.Error{Op: "Post", URL: w.url.String(), Err: fmt.Errorf("at %s", secret)}); strings.Contains(err.Error(), "the-secret") {
		t.Errorf("hide() = %v", err)
	}
}

func TestConfigurationProblemsAreReportedTogether(t *testing.T) {
	for _, hook := range []string{"", "http://hooks.slack.com/services/the-secret"} {
		err := run(t.Context(), func(name string) (string, bool) {
			if name == "SLACK_WEBHOOK_URL" {
				return hook, true
			}
			return "", false
		})
		for _, name := range []string{"GOOGLE_CLOUD_PROJECT", "SLACK_WEBHOOK_URL", "DEAD_LETTER_TOPIC"} {
			if !strings.Contains(fmt.Sprint(err), name) {
				t.Errorf("run() = %v, want %s named", err, name)
			}
		}
		if strings.Contains(fmt.Sprint(err), "the-secret") {
			t.Errorf("run() = %v: it holds the webhook", err)
		}
	}
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
				t.Errorf("a section of %d characters", n)
			}
			if i == 0 && strings.ContainsAny(text, "<>") {
				t.Errorf("not escaped: %q", text)
			}
		}
	})
}
