package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"cloud.google.com/go/spanner"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	embedded "github.com/hybrid-bts/functions/shared/engine/sentiment"
	"github.com/hybrid-bts/functions/shared/fake/languagetest"
	"github.com/hybrid-bts/functions/shared/fake/spannerdbtest"
)

// memoryCache is a result cache in memory, whose operations fail with fail if it is set.
type memoryCache struct {
	mu      sync.Mutex
	results map[string]string
	fail    error
}

func (m *memoryCache) get(_ context.Context, key string) (string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.results[key], m.fail
}

func (m *memoryCache) put(_ context.Context, key, result string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.results == nil {
		m.results = map[string]string{}
	}
	m.results[key] = result
	return m.fail
}

// startAPI starts an embedded Natural Language API, and returns an analyzer that scores with it and does not moderate.
func startAPI(t testing.TB, how scoring) (*analyzer, *languagetest.Server) {
	t.Helper()
	srv, err := languagetest.Start("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	client, err := openLanguage(t.Context(), srv.Addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		client.Close()
		srv.Close()
	})
	n := &naturalLanguage{client: client, quota: newQuota(languageName, 1e6, callTimeout, retryAfter), results: &memoryCache{}}
	return &analyzer{scoring: how, moderation: moderationOff, filter: embeddedFilter, language: n}, srv
}

const (
	praise = "정말 예쁘고 좋아요. 최고예요!"
	blame  = "너무 실망이에요. 최악입니다."
)

func TestScorerDependsOnSettingAndFault(t *testing.T) {
	const arabic = "المنتج رائع"
	fault := func(c codes.Code) func(*analyzer, *languagetest.Server) {
		return func(_ *analyzer, s *languagetest.Server) { s.Fail(status.Error(c, "injected")) }
	}
	slow := func(a *analyzer, s *languagetest.Server) {
		a.language.quota = newQuota(languageName, 1e6, 50*time.Millisecond, retryAfter)
		s.Delay(time.Minute)
	}
	const unscored, redelivery = "unscored", "redelivery"
	for name, tc := range map[string]struct {
		text  string
		fault func(*analyzer, *languagetest.Server)
		want  map[scoring]string
	}{
		"no fault":           {praise, nil, map[scoring]string{scoringLanguage: apiName, scoringLanguageThenEmbedded: apiName, scoringEmbedded: embedded.Name}},
		"RESOURCE_EXHAUSTED": {praise, fault(codes.ResourceExhausted), map[scoring]string{scoringLanguage: redelivery, scoringLanguageThenEmbedded: embedded.Name, scoringEmbedded: embedded.Name}},
		"UNAVAILABLE":        {praise, fault(codes.Unavailable), map[scoring]string{scoringLanguage: redelivery, scoringLanguageThenEmbedded: embedded.Name, scoringEmbedded: embedded.Name}},
		"DEADLINE_EXCEEDED":  {praise, fault(codes.DeadlineExceeded), map[scoring]string{scoringLanguage: redelivery, scoringLanguageThenEmbedded: embedded.Name}},
		"INTERNAL":           {praise, fault(codes.Internal), map[scoring]string{scoringLanguage: redelivery, scoringLanguageThenEmbedded: embedded.Name}},
		"too slow":           {praise, slow, map[scoring]string{scoringLanguage: redelivery, scoringLanguageThenEmbedded: embedded.Name, scoringEmbedded: embedded.Name}},
		"PERMISSION_DENIED":  {praise, fault(codes.PermissionDenied), map[scoring]string{scoringLanguage: redelivery, scoringLanguageThenEmbedded: redelivery, scoringEmbedded: embedded.Name}},
		"INVALID_ARGUMENT":   {praise, fault(codes.InvalidArgument), map[scoring]string{scoringLanguage: unscored, scoringLanguageThenEmbedded: embedded.Name}},
		"Arabic":             {arabic, nil, map[scoring]string{scoringLanguage: unscored, scoringLanguageThenEmbedded: unscored, scoringEmbedded: unscored}},
		"blanks":             {" \n", nil, map[scoring]string{scoringLanguage: unscored, scoringLanguageThenEmbedded: unscored, scoringEmbedded: unscored}},
		"no text":            {"", nil, map[scoring]string{scoringLanguage: unscored, scoringLanguageThenEmbedded: unscored, scoringEmbedded: unscored}},
	} {
		for how, want := range tc.want {
			t.Run(name+", "+string(how), func(t *testing.T) {
				a, srv := startAPI(t, how)
				if tc.fault != nil {
					tc.fault(a, srv)
				}
				found, err := a.assess(t.Context(), newReview(5, tc.text))
				got := found.scoredBy
				switch {
				case err != nil:
					got = redelivery
				case !found.scored:
					got = unscored
				}
				if got != want {
					t.Errorf("scored by %s, want %s (%+v, %v)", got, want, found, err)
				}
				if found.scored && (found.score <= 0 || found.language != "ko") {
					t.Errorf("found %+v", found)
				}
				most := 1
				if how == scoringEmbedded || strings.TrimSpace(tc.text) == "" {
					most = 0
				}
				if n := srv.Calls(); n > most {
					t.Errorf("%d calls, want %d", n, most)
				}
			})
		}
	}
}

func TestExhaustedQuotaFallsBackToTheEmbeddedModel(t *testing.T) {
	a, srv := startAPI(t, scoringLanguageThenEmbedded)
	a.language.quota = newQuota(languageName, 1, callTimeout, retryAfter)
	for i, want := range []string{apiName, embedded.Name, embedded.Name} {
		found, err := a.assess(t.Context(), newReview(5, praise+strings.Repeat("!", i)))
		if err != nil || found.scoredBy != want {
			t.Errorf("review %d is scored by %q, %v, want %q", i, found.scoredBy, err, want)
		}
	}
	if n := srv.Calls(); n != 1 {
		t.Errorf("%d calls, want 1, the quota", n)
	}
}

func TestOutageStopsCallsAfterFewFailures(t *testing.T) {
	a, srv := startAPI(t, scoringLanguageThenEmbedded)
	srv.Fail(status.Error(codes.Unavailable, "injected"))
	for i := range 10 * tripAfter {
		found, err := a.assess(t.Context(), newReview(1, blame+strings.Repeat("!", i)))
		if err != nil || found.scoredBy != embedded.Name || found.score >= 0 {
			t.Fatalf("found %+v, %v", found, err)
		}
	}
	if n := srv.Calls(); n != tripAfter {
		t.Errorf("%d calls, want %d", n, tripAfter)
	}
}

func TestAPIScoresAgainAfterAnOutage(t *testing.T) {
	a, srv := startAPI(t, scoringLanguageThenEmbedded)
	a.language.quota = newQuota(languageName, 1e6, callTimeout, 50*time.Millisecond)
	srv.Fail(status.Error(codes.Unavailable, "injected"))
	for i := range tripAfter {
		if _, err := a.assess(t.Context(), newReview(1, blame+strings.Repeat("!", i))); err != nil {
			t.Fatal(err)
		}
	}
	srv.Fail(nil)
	for until := time.Now().Add(callTimeout); ; time.Sleep(20 * time.Millisecond) {
		found, err := a.assess(t.Context(), newReview(1, blame))
		if err != nil {
			t.Fatal(err)
		}
		if found.scoredBy == apiName {
			return
		}
		if time.Now().After(until) {
			t.Fatal("the API is not called again")
		}
	}
}

func TestRejectedTextsDoNotOpenTheCircuitBreaker(t *testing.T) {
	a, srv := startAPI(t, scoringLanguageThenEmbedded)
	srv.Fail(status.Error(codes.InvalidArgument, "injected"))
	for i := range 5 * tripAfter {
		if _, err := a.assess(t.Context(), newReview(5, praise+strings.Repeat("!", i))); err != nil {
			t.Fatal(err)
		}
	}
	srv.Fail(nil)
	if found, err := a.assess(t.Context(), newReview(5, praise)); err != nil || found.scoredBy != apiName {
		t.Errorf("the next text is scored by %q, %v", found.scoredBy, err)
	}
}

func TestCancelledDeliveryEndsAtOnceAndItsResultIsCached(t *testing.T) {
	a, srv := startAPI(t, scoringLanguageThenEmbedded)
	const delay = 500 * time.Millisecond
	srv.Delay(delay)
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(delay/20, cancel)
	for i := range 3 * tripAfter {
		began := time.Now()
		if _, err := a.assess(ctx, newReview(5, praise+strings.Repeat("!", i))); !errors.Is(err, context.Canceled) {
			t.Fatalf("err = %v, want context.Canceled", err)
		}
		if took := time.Since(began); took > delay*3/4 {
			t.Errorf("the delivery ended after %v", took)
		}
	}
	for i := range 3 * tripAfter {
		if found, err := a.assess(t.Context(), newReview(5, praise+strings.Repeat("!", i))); err != nil || found.scoredBy != apiName {
			t.Errorf("scored by %q, %v", found.scoredBy, err)
		}
	}
	if n := srv.Calls(); n != 3*tripAfter {
		t.Errorf("%d calls for %d texts", n, 3*tripAfter)
	}
}

func TestSameTextIsPaidForOnce(t *testing.T) {
	spannerdbtest.Run(t, func(t *testing.T, db *spanner.Client) {
		a, srv := startAPI(t, scoringLanguageThenEmbedded)
		a.language.results = spannerResults{db}
		srv.Delay(50 * time.Millisecond)
		first, err := a.assess(t.Context(), newReview(5, praise))
		if err != nil {
			t.Fatal(err)
		}
		again := *a
		again.language = &naturalLanguage{client: a.language.client, quota: a.language.quota, results: spannerResults{db}} // another instance
		second, err := again.assess(t.Context(), newReview(1, praise))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(first, second, cmp.AllowUnexported(assessment{}, judgement{}, sentiment{}, aspect{})); diff != "" {
			t.Errorf("the cached result differs from the first one: %s", diff)
		}
		if n := srv.Calls(); n != 1 {
			t.Errorf("%d calls, want 1", n)
		}
	})
}

func TestSimultaneousCallsForOneTextAreOneCall(t *testing.T) {
	a, srv := startAPI(t, scoringLanguage)
	srv.Delay(50 * time.Millisecond)
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			if found, err := a.assess(t.Context(), newReview(5, praise)); err != nil || !found.scored {
				t.Errorf("found %+v, %v", found, err)
			}
		})
	}
	wg.Wait()
	if n := srv.Calls(); n != 1 {
		t.Errorf("%d calls, want 1", n)
	}
}

func TestUnusableCacheDoesNotStopScoring(t *testing.T) {
	a, srv := startAPI(t, scoringLanguage)
	key := func() string {
		t.Helper()
		m := &memoryCache{}
		a.language.results = m
		if _, err := a.assess(t.Context(), newReview(5, praise)); err != nil {
			t.Fatal(err)
		}
		for k := range m.results {
			return k
		}
		t.Fatal("no result is cached")
		return ""
	}()
	for name, m := range map[string]*memoryCache{
		"down":                    {fail: errors.New("injected")},
		"no JSON":                 {results: map[string]string{key: "\x00"}},
		"out of range":            {results: map[string]string{key: `{"scored":true,"score":1e300}`}},
		"a sentence out of range": {results: map[string]string{key: `{"scored":true,"score":1,"sentences":[{"end":3,"score":-2}]}`}},
		"negative magnitude":      {results: map[string]string{key: `{"scored":true,"score":1,"magnitude":-1}`}},
		"not an object":           {results: map[string]string{key: "[1]"}},
	} {
		a.language.results = m
		before := srv.Calls()
		found, err := a.assess(t.Context(), newReview(5, praise))
		if err != nil || found.scoredBy != apiName || found.score <= 0 {
			t.Errorf("%s: found %+v, %v", name, found, err)
		}
		if n := srv.Calls() - before; n != 1 {
			t.Errorf("%s: %d calls, want 1", name, n)
		}
	}
}

func TestAspectsHaveTheScoresOfTheScorer(t *testing.T) {
	const text = "배송은 정말 좋아요. 포장은 최악이에요."
	for _, how := range []scoring{scoringLanguage, scoringEmbedded} {
		a, _ := startAPI(t, how)
		found, err := a.assess(t.Context(), newReview(3, text))
		if err != nil {
			t.Fatal(err)
		}
		if a := found.aspects; len(a) != 2 || a[0].name != "delivery" || a[0].score <= 0 || a[1].name != "packaging" || a[1].score >= 0 {
			t.Errorf("%s: aspects %+v", how, a)
		}
	}
}

func TestAspectsComeFromTheWholeTextThoughPartOfItIsSent(t *testing.T) {
	a, _ := startAPI(t, scoringLanguage)
	a.characters = 40
	text := strings.Repeat("노래가 좋아요. ", 20) + "배송이 최악이에요."
	found, err := a.assess(t.Context(), newReview(3, text))
	if err != nil {
		t.Fatal(err)
	}
	if found.scoredBy != apiName || found.score <= 0 {
		t.Errorf("found %+v, want the score of the sent part", found)
	}
	if a := found.aspects; len(a) != 1 || a[0].name != "delivery" || a[0].score >= 0 {
		t.Errorf("aspects %+v", a)
	}
}

func TestLeadingBlanksAreNotSent(t *testing.T) {
	a, srv := startAPI(t, scoringLanguage)
	a.characters = 1000
	for _, before := range []string{"", strings.Repeat(" ", 600), strings.Repeat("\n", 1200)} {
		text := before + "배송이" + strings.Repeat("정말", 300) + "좋아요"
		found, err := a.assess(t.Context(), newReview(5, text))
		if err != nil || found.scoredBy != apiName || len(found.aspects) != 1 {
			t.Errorf("after %d blanks: found %+v, %v", len(before), found, err)
		}
	}
	if n := srv.Calls(); n != 1 {
		t.Errorf("%d calls for one text", n)
	}
}

func TestTextsWithTheSameBeginningKeepTheirOwnAspects(t *testing.T) {
	head := strings.Repeat("노래가 좋아요. ", 3) // a slice of three sentences has capacity for a fourth
	a, srv := startAPI(t, scoringLanguage)
	a.characters = utf8.RuneCountInString(head)
	srv.Delay(50 * time.Millisecond)
	var texts []string
	for range 10 {
		texts = append(texts, head+"배송이 최악이에요.", head+"포장이 최고예요.")
	}
	found := make([]assessment, len(texts))
	var wg sync.WaitGroup
	for i, text := range texts {
		wg.Go(func() {
			var err error
			if found[i], err = a.assess(t.Context(), newReview(3, text)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := srv.Calls(); n != 1 {
		t.Errorf("%d calls, want 1 for all texts", n)
	}
	for i, f := range found {
		if want := []string{"delivery", "packaging"}[i%2]; len(f.aspects) != 1 || f.aspects[0].name != want {
			t.Errorf("%q mentions %+v, want %s", texts[i], f.aspects, want)
		}
	}
}

func TestCutEndsWithASentenceOrAWord(t *testing.T) {
	for _, tc := range []struct {
		text       string
		characters int
		want       string
	}{
		{"좋아요. 예뻐요.", 0, "좋아요. 예뻐요."},
		{"좋아요. 예뻐요.", 9, "좋아요. 예뻐요."},
		{"좋아요. 예뻐요.", 8, "좋아요."},
		{"Good. Nice. Very nice", 15, "Good. Nice."},
		{"Good. A sentence that has no end in sight", 30, "Good. A sentence that has no"},
		{"한문장인데띄어쓰기도없고끝도없어요", 10, "한문장인데띄어쓰기도"},
		{"", 5, ""},
	} {
		if got := truncateAtSentence(tc.text, tc.characters); got != tc.want {
			t.Errorf("truncateAtSentence(%q, %d) = %q, want %q", tc.text, tc.characters, got, tc.want)
		}
	}
}

func FuzzCut(f *testing.F) {
	f.Add("좋아요. 예뻐요. 💜", 5)
	f.Add("\xff\xfe. a", 1)
	f.Add("", 0)
	f.Fuzz(func(t *testing.T, text string, characters int) {
		got := truncateAtSentence(text, characters)
		if !strings.HasPrefix(text, got) {
			t.Errorf("truncateAtSentence(%q, %d) = %q, not a prefix of the text", text, characters, got)
		}
		n := utf8.RuneCountInString(text)
		if characters <= 0 || n <= characters {
			if got != text {
				t.Errorf("truncateAtSentence(%q, %d) = %q", text, characters, got)
			}
			return
		}
		if m := utf8.RuneCountInString(got); m > characters || m == 0 {
			t.Errorf("truncateAtSentence(%q, %d) has %d characters", text, characters, m)
		}
		if utf8.ValidString(text) && !utf8.ValidString(got) {
			t.Errorf("truncateAtSentence(%q, %d) splits a character", text, characters)
		}
	})
}

func TestSentenceOffsetsOfTheAPILieInTheText(t *testing.T) {
	a, _ := startAPI(t, scoringLanguage)
	const text = "좋아요! 💜 배송은 최악."
	found, err := a.language.analyze(t.Context(), text)
	if err != nil {
		t.Fatal(err)
	}
	if len(found.Sentences) < 2 {
		t.Fatalf("sentences %+v", found.Sentences)
	}
	for _, s := range found.Sentences {
		if s.Start < 0 || s.End > len(text) || !utf8.ValidString(text[s.Start:s.End]) {
			t.Errorf("sentence %+v of %d bytes", s, len(text))
		}
	}
}

// FuzzCachedResult checks that an arbitrary cache entry never yields a score out of range, and never stops scoring.
func FuzzCachedResult(f *testing.F) {
	f.Add([]byte(`{"language":"ko","scored":true,"score":0.9,"magnitude":1.8,"sentences":[{"start":0,"end":9,"score":0.9}]}`))
	f.Add([]byte(`{"scored":true,"score":-3,"sentences":[{"start":-1,"end":99,"score":7}]}`))
	f.Add([]byte(`null`))
	f.Add([]byte(`[{"name":"Insult","confidence":1}]`))
	a, _ := startAPI(f, scoringLanguage)
	f.Fuzz(func(t *testing.T, entry []byte) {
		cache := &memoryCache{results: map[string]string{}}
		for _, method := range []string{apiName, moderationName} {
			sum := sha256.Sum256([]byte(method + "\n" + praise))
			cache.results[hex.EncodeToString(sum[:])] = string(entry)
		}
		cached := *a
		cached.language = &naturalLanguage{client: a.language.client, quota: a.language.quota, results: cache}
		found, err := cached.score(t.Context(), praise)
		if err != nil {
			t.Fatal(err)
		}
		if found.score < -1 || found.score > 1 || found.magnitude < 0 {
			t.Errorf("score %v, magnitude %v", found.score, found.magnitude)
		}
		for _, aspect := range found.aspects {
			if aspect.score < -1 || aspect.score > 1 {
				t.Errorf("aspect %+v", aspect)
			}
		}
		var analyzed analysis
		if cached.language.readCache(t.Context(), "missing", &analyzed) {
			t.Error("an entry for a missing key")
		}
		var categories []category
		sum := sha256.Sum256([]byte(moderationName + "\n" + praise))
		if cached.language.readCache(t.Context(), hex.EncodeToString(sum[:]), &categories) {
			flagOf(categories)
		}
	})
}
