//go:build unix

package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"cloud.google.com/go/spanner"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/hybrid-bts/functions/shared/event"
	"github.com/hybrid-bts/functions/shared/fake/contracttest"
	"github.com/hybrid-bts/functions/shared/schema/review"
	"github.com/hybrid-bts/functions/shared/schema/spannerdb"
)

// running is a local run that a test started with "go run", as README.md shows.
type running struct {
	url    string
	envDir string
	env    map[string]map[string]string // variables of each function, as -env wrote them
	cmd    *exec.Cmd
	log    *records
}

// records collects the log records of a run with -json. It is safe for concurrent use.
type records struct {
	mu   sync.Mutex
	all  []map[string]any
	rest bytes.Buffer
}

// add adds a line of the log.
func (l *records) add(line []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var r map[string]any
	if json.Unmarshal(line, &r) != nil {
		fmt.Fprintf(&l.rest, "%s\n", line)
		return
	}
	l.all = append(l.all, r)
}

// pids returns the process ids of all starts of a function, or of all functions if name is "".
func (l *records) pids(name string) []int {
	l.mu.Lock()
	defer l.mu.Unlock()
	var pids []int
	for _, r := range l.all {
		if r["function"] == "local" && r["message"] == "started" && (name == "" || r["name"] == name) {
			pids = append(pids, int(r["pid"].(float64)))
		}
	}
	return pids
}

// String returns the log as readable lines.
func (l *records) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var b strings.Builder
	b.WriteString(l.rest.String())
	for _, r := range l.all {
		fmt.Fprintln(&b, readable(fmt.Sprint(r["function"]), r))
	}
	return b.String()
}

// start runs "go run ./scripts/local" until the test ends, and returns once the run prints that it is ready.
func start(t *testing.T, args ...string) *running {
	t.Helper()
	root, err := moduleRoot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	envDir := filepath.Join(t.TempDir(), "env")
	r := &running{log: &records{}, envDir: envDir, env: map[string]map[string]string{}}
	r.cmd = exec.Command("go", append([]string{"run", "./scripts/local", "-addr", "127.0.0.1:0", "-env", envDir, "-json"}, args...)...)
	r.cmd.Dir = root
	r.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // as a terminal does, which sends Ctrl-C to the group
	r.cmd.Stderr = &lineWriter{line: r.log.add}
	out, err := r.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { // if the test failed before it stopped the run
		if r.cmd.ProcessState == nil {
			_ = syscall.Kill(-r.cmd.Process.Pid, syscall.SIGTERM)
			_ = r.cmd.Wait()
		}
		if t.Failed() {
			t.Logf("log of the run:\n%s", r.log)
		}
	})
	ready := make(chan string, 1)
	go func() {
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			if url, ok := strings.CutPrefix(lines.Text(), "ready "); ok {
				ready <- url
			}
		}
		close(ready)
	}()
	select {
	case url, ok := <-ready:
		if !ok {
			t.Fatal("the run ended before it was ready")
		}
		r.url = url
	case <-time.After(10 * time.Minute):
		t.Fatal("the run is not ready after 10 minutes")
	}
	r.checkAnswers(t, root)
	names, err := functionNames(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, function := range names {
		b, err := os.ReadFile(filepath.Join(envDir, function+".env"))
		if err != nil {
			t.Fatal(err)
		}
		r.env[function] = map[string]string{}
		for line := range strings.Lines(string(b)) {
			name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
			r.env[function][name] = value
		}
	}
	return r
}

// checkAnswers fails the test at every answer to http.DefaultClient that violates the contract of the API.
func (r *running) checkAnswers(t *testing.T, root string) {
	t.Helper()
	document, err := os.ReadFile(filepath.Join(root, "functions", "api", "contract", "openapi.json"))
	if err != nil {
		t.Fatal(err)
	}
	contract, err := contracttest.Parse(document)
	if err != nil {
		t.Fatal(err)
	}
	before := http.DefaultTransport
	t.Cleanup(func() { http.DefaultTransport = before })
	http.DefaultTransport = byHost{strings.TrimPrefix(r.url, "http://"), contracttest.Transport(t, contract, before), before}
}

// byHost is a transport that sends requests to one host through atHost, and other requests through others.
type byHost struct {
	host           string
	atHost, others http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (o byHost) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Host == o.host {
		return o.atHost.RoundTrip(r)
	}
	return o.others.RoundTrip(r)
}

// stop sends a signal to the process with the given id, or to the process group if pid is negative, and checks that every
// process of the run ends within 5 s. It returns the result of "go run".
func (r *running) stop(t *testing.T, pid int, sig syscall.Signal) error {
	t.Helper()
	if err := syscall.Kill(pid, sig); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	err := r.cmd.Wait()
	deadline := began.Add(5 * time.Second)
	for _, pid := range r.log.pids("") {
		for !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
			if time.Now().After(deadline) {
				t.Errorf("process %d still runs 5 s after the signal", pid)
				break
			}
			time.Sleep(20 * time.Millisecond)
		}
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("the run took %v to stop", took)
	}
	return err
}

// spanner returns a client of the embedded Spanner.
func (r *running) spanner(t *testing.T) *spanner.Client {
	t.Helper()
	t.Setenv("SPANNER_EMULATOR_HOST", r.env["sentiment"]["SPANNER_EMULATOR_HOST"])
	db, err := spannerdb.Open(t.Context(), databaseName())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	return db
}

// pubsub returns a client of the embedded Pub/Sub.
func (r *running) pubsub(t *testing.T) *pubsub.Client {
	t.Helper()
	conn, err := grpc.NewClient(r.env["sentiment"]["PUBSUB_EMULATOR_HOST"], grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	client, err := pubsub.NewClient(context.WithoutCancel(t.Context()), project, option.WithGRPCConn(conn))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		client.Close()
		conn.Close()
	})
	return client
}

// deadLetters returns a function that returns the messages on a dead-letter topic since this call.
func (r *running) deadLetters(t *testing.T, topic string) func() []*pubsub.Message {
	t.Helper()
	client := r.pubsub(t)
	sub := subscriptionPath(fmt.Sprintf("test-%d", time.Now().UnixNano()))
	if _, err := client.SubscriptionAdminClient.CreateSubscription(t.Context(), &pubsubpb.Subscription{
		Name: sub, Topic: topicPath(topic), AckDeadlineSeconds: 60,
	}); err != nil {
		t.Fatal(err)
	}
	return func() []*pubsub.Message {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var mu sync.Mutex
		var got []*pubsub.Message
		if err := client.Subscriber(sub).Receive(ctx, func(_ context.Context, m *pubsub.Message) {
			mu.Lock()
			defer mu.Unlock()
			got = append(got, m)
			m.Ack()
		}); err != nil {
			t.Fatal(err)
		}
		return got
	}
}

// submit posts a review until function review accepts it, and returns its status URL.
func (r *running) submit(t *testing.T, key, body string) string {
	for range 100 {
		req, err := http.NewRequest(http.MethodPost, r.url+"/v1/reviews", strings.NewReader(body))
		if err != nil {
			t.Error(err)
			return ""
		}
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Idempotency-Key", key)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Error(err)
			return ""
		}
		var a struct {
			StatusURL string `json:"status_url"`
			Detail    string
		}
		err = json.NewDecoder(resp.Body).Decode(&a)
		resp.Body.Close()
		if resp.StatusCode == http.StatusAccepted && err == nil {
			return r.url + a.StatusURL
		}
		if resp.StatusCode != http.StatusServiceUnavailable {
			t.Errorf("POST /v1/reviews: %s %s", resp.Status, a.Detail)
			return ""
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Error("POST /v1/reviews stays 503")
	return ""
}

// published waits until the review at url is stored, and returns it.
func published(t *testing.T, url string) map[string]any {
	for range 600 {
		resp, err := http.Get(url)
		if err != nil {
			t.Error(err)
			return nil
		}
		var got map[string]any
		err = json.NewDecoder(resp.Body).Decode(&got)
		resp.Body.Close()
		if resp.StatusCode == http.StatusOK && err == nil {
			return got
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Errorf("%s is not stored within 30 s", url)
	return nil
}

func TestWholeSystem(t *testing.T) {
	sys := start(t, "-redeliver", "0.2", "-shuffle")

	t.Run("the seed has products of all kinds and reviews", sys.testSeeded)
	t.Run("a submitted review is published with a score", sys.testReview)
	t.Run("reviews survive killed functions, duplicates and any order", sys.testChaos)
	t.Run("an author edits and deletes a review with its photos", sys.testChanges)
	t.Run("an operator holds and publishes a review and replays a dead letter", sys.testAdmin)
	t.Run("an invalid message is dead-lettered once and the next message is handled", sys.testPoison)
	t.Run("the commands in README print the shown answers", sys.testReadme)
	t.Run("each function runs alone with its variables", sys.testFunctionsAlone)
	t.Run("pages", sys.testPage)

	if err := sys.stop(t, sys.log.pids("local")[0], syscall.SIGINT); err != nil {
		t.Errorf("SIGINT ends the run with %v, want exit status 0", err)
	}
}

// "go run" exits with a status of its own after these signals.
func TestAllProcessesEndAfterASignal(t *testing.T) {
	t.Run("SIGINT to the process group, as Ctrl-C sends it", func(t *testing.T) {
		sys := start(t, "-seed=false")
		_ = sys.stop(t, -sys.cmd.Process.Pid, syscall.SIGINT)
	})
	t.Run("SIGHUP to the process group, as a closing terminal sends it", func(t *testing.T) {
		sys := start(t, "-seed=false")
		_ = sys.stop(t, -sys.cmd.Process.Pid, syscall.SIGHUP)
	})
	t.Run("SIGTERM to go run alone", func(t *testing.T) {
		sys := start(t, "-seed=false")
		_ = sys.stop(t, sys.cmd.Process.Pid, syscall.SIGTERM)
	})
}

func (r *running) testSeeded(t *testing.T) {
	resp, err := http.Get(r.url + "/v1/products?page_size=100")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var list struct {
		Products []struct {
			Kind   string
			Rating struct{ Count int }
		}
	}
	if err := json.NewDecoder(resp.Body).Decode(&list); err != nil {
		t.Fatal(err)
	}
	kinds, reviews := map[string]bool{}, 0
	for _, p := range list.Products {
		kinds[p.Kind] = true
		reviews += p.Rating.Count
	}
	if len(list.Products) < 12 || len(kinds) != 5 || reviews < 20 {
		t.Errorf("%d products of kinds %v with %d reviews", len(list.Products), kinds, reviews)
	}
}

func (r *running) testReview(t *testing.T) {
	got := published(t, r.submit(t, "e2e", `{"product":"butter-cream-peaches","rating":5,"text":"포토카드가 너무 예뻐요 💜","author":"아미","locale":"ko"}`))
	score, _ := got["score"].(float64)
	if got["status"] != "published" || got["language"] != "ko" || score <= 0 || got["scored_by"] == nil || got["text"] != "포토카드가 너무 예뻐요 💜" {
		t.Errorf("published as %v", got)
	}
	held := published(t, r.submit(t, "e2e", `{"product":"not-in-the-catalogue","rating":5}`))
	if held["status"] != "held" {
		t.Errorf("the review of an unknown product has the status %v, want held", held)
	}
}

// testChaos submits reviews while it kills the functions again and again.
func (r *running) testChaos(t *testing.T) {
	const product, reviews, inFlight = "proof-standard", 300, 32
	dead := r.deadLetters(t, r.env["sentiment"]["DEAD_LETTER_TOPIC"])
	db := r.spanner(t)
	before := recount(t, db, product)

	ctx, stopKilling := context.WithCancel(t.Context())
	var killing sync.WaitGroup
	killing.Go(func() {
		for n := 0; ctx.Err() == nil; n++ {
			name := "sentiment"
			if n%3 == 2 {
				name = "review"
			}
			pids := r.log.pids(name)
			_ = syscall.Kill(pids[len(pids)-1], syscall.SIGKILL)
			sleep(ctx, 400*time.Millisecond)
		}
	})
	texts := []string{"좋아요", "실망이에요. 환불해 주세요", "I love it", "The box was torn", "かわいいです", "", "رائع", "💜"}
	work := make(chan int)
	urls := make([]string, reviews)
	var workers sync.WaitGroup
	for range inFlight {
		workers.Go(func() {
			for i := range work {
				body, err := json.Marshal(map[string]any{"product": product, "rating": 1 + i%5, "text": texts[i%len(texts)]})
				if err != nil {
					t.Error(err)
				}
				urls[i] = r.submit(t, "chaos-"+strconv.Itoa(i), string(body))
			}
		})
	}
	for i := range reviews {
		work <- i
	}
	close(work)
	workers.Wait()
	time.Sleep(time.Second) // kill functions while messages wait
	stopKilling()
	killing.Wait()
	for _, url := range urls {
		if url != "" {
			published(t, url)
		}
	}
	// -redeliver delays the second delivery by less than a second.
	time.Sleep(time.Second)
	after := recount(t, db, product)
	if n := after.count() - before.count(); n != reviews {
		t.Errorf("%d reviews stored, want %d", n, reviews)
	}
	if got := ratingSums(t, db, product); got != after {
		t.Errorf("the rating is %+v, a recount gives %+v", got, after)
	}
	if letters := dead(); len(letters) != 0 {
		t.Errorf("%d dead letters, want none", len(letters))
	}
	if starts := len(r.log.pids("sentiment")); starts < 3 {
		t.Errorf("sentiment was started %d times, want 3 or more", starts)
	}
}

// testPoison publishes messages that the function cannot handle, and an erasure that only the topic commands may carry.
func (r *running) testPoison(t *testing.T) {
	dead := r.deadLetters(t, r.env["sentiment"]["DEAD_LETTER_TOPIC"])
	topic := r.pubsub(t).Publisher(r.env["review"]["REVIEWS_TOPIC"])
	defer topic.Stop()
	victim := r.submit(t, "before poison", `{"product":"mug-galaxy","rating":4}`)
	published(t, victim)
	erasure, erasureAttributes, err := review.Encode(review.Erasure{Key: review.Key{Product: "mug-galaxy", Review: path.Base(victim)}})
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range []*pubsub.Message{
		{Data: []byte("not JSON"), Attributes: map[string]string{review.VersionAttribute: review.SubmissionVersion}},
		{Data: []byte(`{}`), Attributes: map[string]string{"origin": "unknown"}}, // no version
		{Data: []byte(`{"product":"p","rating":1}`), Attributes: map[string]string{review.VersionAttribute: review.SubmissionVersion}},
		{Data: erasure, Attributes: erasureAttributes},
	} {
		if _, err := topic.Publish(t.Context(), m).Get(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	published(t, r.submit(t, "after poison", `{"product":"mug-galaxy","rating":4}`))
	time.Sleep(2 * maxDelay)
	reasons := map[string]string{}
	letters := dead()
	for _, m := range letters {
		reasons[m.Attributes[event.SourceIDAttribute]] = m.Attributes[event.ReasonAttribute]
	}
	if len(letters) != 4 || len(reasons) != 4 {
		t.Errorf("%d dead letters of %d messages, want one of each of 4 messages", len(letters), len(reasons))
	}
	published(t, victim)
	for id, reason := range reasons {
		if reason == "" {
			t.Errorf("dead letter %s has no reason", id)
		}
	}
	notified := func() bool { return strings.Contains(r.log.String(), "Dead letter of "+prefix+"reviews-sentiment") }
	for began := time.Now(); !notified(); time.Sleep(50 * time.Millisecond) {
		if time.Since(began) > 10*time.Second {
			t.Fatal("Slack has no message about the dead letters")
		}
	}
}

// sums are the sums of a product's rating.
type sums struct {
	stars               [5]int64
	scored, scoreMicros int64
}

func (s sums) count() (n int64) {
	for _, stars := range s.stars {
		n += stars
	}
	return n
}

// ratingSums adds up the stored shards of a product's rating.
func ratingSums(t *testing.T, db *spanner.Client, product string) (s sums) {
	t.Helper()
	columns := []string{"Stars1", "Stars2", "Stars3", "Stars4", "Stars5", "Scored", "ScoreMicros"}
	err := db.Single().Read(t.Context(), "Ratings", spanner.Key{product}.AsPrefix(), columns).Do(func(row *spanner.Row) error {
		var v [7]int64
		if err := row.Columns(&v[0], &v[1], &v[2], &v[3], &v[4], &v[5], &v[6]); err != nil {
			return err
		}
		for i := range s.stars {
			s.stars[i] += v[i]
		}
		s.scored += v[5]
		s.scoreMicros += v[6]
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// recount computes the rating of a product from its published reviews.
func recount(t *testing.T, db *spanner.Client, product string) (s sums) {
	t.Helper()
	err := db.Single().Read(t.Context(), "Reviews", spanner.Key{product}.AsPrefix(), []string{"Status", "Rating", "Score"}).Do(func(row *spanner.Row) error {
		var status string
		var stars int64
		var score spanner.NullFloat64
		if err := row.Columns(&status, &stars, &score); err != nil || status != "published" {
			return err
		}
		s.stars[stars-1]++
		if score.Valid {
			s.scored++
			s.scoreMicros += int64(math.Round(score.Float64 * 1e6))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}
