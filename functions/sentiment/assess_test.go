package main

import (
	"context"
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

// memory is answers that are kept in memory.
type memory struct {
	mu   sync.Mutex
	kept map[string]string
	fail error
}

func (m *memory) answer(_ context.Context, key string) (string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.kept[key], m.fail
}

func (m *memory) keep(_ context.Context, key, answer string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.kept == nil {
		m.kept = map[string]string{}
	}
	m.kept[key] = answer
	return m.fail
}

// startAPI starts an embedded Natural Language API, and returns an examiner that scores by it, without moderation.
func startAPI(t testing.TB, how scoring) (*examiner, *languagetest.Server) {
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
	n := &naturalLanguage{client: client, limit: newLimit(1e6, callTimeout, retryAfter), answers: &memory{}}
	return &examiner{scoring: how, moderation: noModeration, filter: filter, language: n}, srv
}

const (
	praise = "정말 예쁘고 좋아요. 최고예요!"
	blame  = "너무 실망이에요. 최악입니다."
)

func TestWhoScores(t *testing.T) {
	const arabic = "المنتج رائع"
	fault := func(c codes.Code) func(*examiner, *languagetest.Server) {
		return func(_ *examiner, s *languagetest.Server) { s.Fail(status.Error(c, "injected")) }
	}
	slow := func(x *examiner, s *languagetest.Server) {
		x.language.limit = newLimit(1e6, 50*time.Millisecond, retryAfter)
		s.Delay(time.Minute)
	}
	const nobody, redelivery = "nobody", "redelivery"
	for name, tc := range map[string]struct {
		text  string
		fault func(*examiner, *languagetest.Server)
		want  map[scoring]string
	}{
		"all is well":        {praise, nil, map[scoring]string{byLanguage: apiName, byLanguageThenEmbedded: apiName, byEmbedded: embedded.Name}},
		"RESOURCE_EXHAUSTED": {praise, fault(codes.ResourceExhausted), map[scoring]string{byLanguage: redelivery, byLanguageThenEmbedded: embedded.Name, byEmbedded: embedded.Name}},
		"UNAVAILABLE":        {praise, fault(codes.Unavailable), map[scoring]string{byLanguage: redelivery, byLanguageThenEmbedded: embedded.Name, byEmbedded: embedded.Name}},
		"DEADLINE_EXCEEDED":  {praise, fault(codes.DeadlineExceeded), map[scoring]string{byLanguage: redelivery, byLanguageThenEmbedded: embedded.Name}},
		"INTERNAL":           {praise, fault(codes.Internal), map[scoring]string{byLanguage: redelivery, byLanguageThenEmbedded: embedded.Name}},
		"too slow":           {praise, slow, map[scoring]string{byLanguage: redelivery, byLanguageThenEmbedded: embedded.Name, byEmbedded: embedded.Name}},
		"PERMISSION_DENIED":  {praise, fault(codes.PermissionDenied), map[scoring]string{byLanguage: redelivery, byLanguageThenEmbedded: redelivery, byEmbedded: embedded.Name}},
		"INVALID_ARGUMENT":   {praise, fault(codes.InvalidArgument), map[scoring]string{byLanguage: nobody, byLanguageThenEmbedded: embedded.Name}},
		"Arabic":             {arabic, nil, map[scoring]string{byLanguage: nobody, byLanguageThenEmbedded: nobody, byEmbedded: nobody}},
		"blanks":             {" \n", nil, map[scoring]string{byLanguage: nobody, byLanguageThenEmbedded: nobody, byEmbedded: nobody}},
		"no text":            {"", nil, map[scoring]string{byLanguage: nobody, byLanguageThenEmbedded: nobody, byEmbedded: nobody}},
	} {
		for how, want := range tc.want {
			t.Run(name+", "+string(how), func(t *testing.T) {
				x, srv := startAPI(t, how)
				if tc.fault != nil {
					tc.fault(x, srv)
				}
				found, err := x.assess(t.Context(), newReview(5, tc.text))
				got := found.by
				switch {
				case err != nil:
					got = redelivery
				case !found.scored:
					got = nobody
				}
				if got != want {
					t.Errorf("scored by %s, want %s (%+v, %v)", got, want, found, err)
				}
				if found.scored && (found.score <= 0 || found.language != "ko") {
					t.Errorf("found %+v", found)
				}
				most := 1
				if how == byEmbedded || strings.TrimSpace(tc.text) == "" {
					most = 0
				}
				if n := srv.Calls(); n > most {
					t.Errorf("%d calls, want %d", n, most)
				}
			})
		}
	}
}

func TestEmptyBucketGoesToTheEmbeddedModel(t *testing.T) {
	x, srv := startAPI(t, byLanguageThenEmbedded)
	x.language.limit = newLimit(1, callTimeout, retryAfter)
	for i, want := range []string{apiName, embedded.Name, embedded.Name} {
		found, err := x.assess(t.Context(), newReview(5, praise+strings.Repeat("!", i)))
		if err != nil || found.by != want {
			t.Errorf("review %d is scored by %q, %v, want %q", i, found.by, err, want)
		}
	}
	if n := srv.Calls(); n != 1 {
		t.Errorf("%d calls, want the one that there is quota for", n)
	}
}

func TestOutageCostsFewCalls(t *testing.T) {
	x, srv := startAPI(t, byLanguageThenEmbedded)
	srv.Fail(status.Error(codes.Unavailable, "injected"))
	for i := range 10 * tripAfter {
		found, err := x.assess(t.Context(), newReview(1, blame+strings.Repeat("!", i)))
		if err != nil || found.by != embedded.Name || found.score >= 0 {
			t.Fatalf("found %+v, %v", found, err)
		}
	}
	if n := srv.Calls(); n != tripAfter {
		t.Errorf("%d calls, want %d", n, tripAfter)
	}
}

func TestAfterAnOutageTheAPIScoresAgain(t *testing.T) {
	x, srv := startAPI(t, byLanguageThenEmbedded)
	x.language.limit = newLimit(1e6, callTimeout, 50*time.Millisecond)
	srv.Fail(status.Error(codes.Unavailable, "injected"))
	for i := range tripAfter {
		if _, err := x.assess(t.Context(), newReview(1, blame+strings.Repeat("!", i))); err != nil {
			t.Fatal(err)
		}
	}
	srv.Fail(nil)
	for until := time.Now().Add(callTimeout); ; time.Sleep(20 * time.Millisecond) {
		found, err := x.assess(t.Context(), newReview(1, blame))
		if err != nil {
			t.Fatal(err)
		}
		if found.by == apiName {
			return
		}
		if time.Now().After(until) {
			t.Fatal("the API is not asked again")
		}
	}
}

func TestPoisonTextsDoNotKeepOthersFromTheAPI(t *testing.T) {
	x, srv := startAPI(t, byLanguageThenEmbedded)
	srv.Fail(status.Error(codes.InvalidArgument, "injected"))
	for i := range 5 * tripAfter {
		if _, err := x.assess(t.Context(), newReview(5, praise+strings.Repeat("!", i))); err != nil {
			t.Fatal(err)
		}
	}
	srv.Fail(nil)
	if found, err := x.assess(t.Context(), newReview(5, praise)); err != nil || found.by != apiName {
		t.Errorf("the next text is scored by %q, %v", found.by, err)
	}
}

func TestCancelledDeliveryEndsAtOnceAndItsAnswerIsKept(t *testing.T) {
	x, srv := startAPI(t, byLanguageThenEmbedded)
	const delay = 500 * time.Millisecond
	srv.Delay(delay)
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(delay/20, cancel)
	for i := range 3 * tripAfter {
		began := time.Now()
		if _, err := x.assess(ctx, newReview(5, praise+strings.Repeat("!", i))); !errors.Is(err, context.Canceled) {
			t.Fatalf("err = %v, want that the delivery was cancelled", err)
		}
		if took := time.Since(began); took > delay*3/4 {
			t.Errorf("it took %v to end", took)
		}
	}
	for i := range 3 * tripAfter {
		if found, err := x.assess(t.Context(), newReview(5, praise+strings.Repeat("!", i))); err != nil || found.by != apiName {
			t.Errorf("scored by %q, %v", found.by, err)
		}
	}
	if n := srv.Calls(); n != 3*tripAfter {
		t.Errorf("%d calls for %d texts", n, 3*tripAfter)
	}
}

func TestSameTextIsPaidForOnce(t *testing.T) {
	spannerdbtest.Run(t, func(t *testing.T, db *spanner.Client) {
		x, srv := startAPI(t, byLanguageThenEmbedded)
		x.language.answers = spannerAnswers{db}
		srv.Delay(50 * time.Millisecond)
		first, err := x.assess(t.Context(), newReview(5, praise))
		if err != nil {
			t.Fatal(err)
		}
		again := *x
		again.language = &naturalLanguage{client: x.language.client, limit: x.language.limit, answers: spannerAnswers{db}} // another instance
		second, err := again.assess(t.Context(), newReview(1, praise))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(first, second, cmp.AllowUnexported(assessment{}, sentiment{}, aspect{})); diff != "" {
			t.Errorf("what is kept differs from what was answered: %s", diff)
		}
		if n := srv.Calls(); n != 1 {
			t.Errorf("%d calls, want 1", n)
		}
	})
}

func TestSameTextAtTheSameTimeIsOneCall(t *testing.T) {
	x, srv := startAPI(t, byLanguage)
	srv.Delay(50 * time.Millisecond)
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			if found, err := x.assess(t.Context(), newReview(5, praise)); err != nil || !found.scored {
				t.Errorf("found %+v, %v", found, err)
			}
		})
	}
	wg.Wait()
	if n := srv.Calls(); n != 1 {
		t.Errorf("%d calls, want 1", n)
	}
}

func TestAnswersThatCannotBeReadOrKeptDoNotStopScoring(t *testing.T) {
	x, srv := startAPI(t, byLanguage)
	key := func() string {
		t.Helper()
		m := &memory{}
		x.language.answers = m
		if _, err := x.assess(t.Context(), newReview(5, praise)); err != nil {
			t.Fatal(err)
		}
		for k := range m.kept {
			return k
		}
		t.Fatal("nothing is kept")
		return ""
	}()
	for name, m := range map[string]*memory{
		"down":          {fail: errors.New("injected")},
		"no JSON":       {kept: map[string]string{key: "\x00"}},
		"not an object": {kept: map[string]string{key: "[1]"}},
	} {
		x.language.answers = m
		before := srv.Calls()
		found, err := x.assess(t.Context(), newReview(5, praise))
		if err != nil || found.by != apiName || found.score <= 0 {
			t.Errorf("%s: found %+v, %v", name, found, err)
		}
		if n := srv.Calls() - before; n != 1 {
			t.Errorf("%s: %d calls, want 1", name, n)
		}
	}
}

func TestAspectsAreScoredByWhoScoredTheText(t *testing.T) {
	const text = "배송은 정말 좋아요. 포장은 최악이에요."
	for _, how := range []scoring{byLanguage, byEmbedded} {
		x, _ := startAPI(t, how)
		found, err := x.assess(t.Context(), newReview(3, text))
		if err != nil {
			t.Fatal(err)
		}
		if a := found.aspects; len(a) != 2 || a[0].name != "delivery" || a[0].score <= 0 || a[1].name != "packaging" || a[1].score >= 0 {
			t.Errorf("%s: aspects %+v", how, a)
		}
	}
}

func TestLongTextIsSentInPartButAllOfItSpeaksOfAspects(t *testing.T) {
	x, _ := startAPI(t, byLanguage)
	x.characters = 40
	text := strings.Repeat("노래가 좋아요. ", 20) + "배송이 최악이에요."
	found, err := x.assess(t.Context(), newReview(3, text))
	if err != nil {
		t.Fatal(err)
	}
	if found.by != apiName || found.score <= 0 {
		t.Errorf("found %+v, want the score of the part that was sent", found)
	}
	if a := found.aspects; len(a) != 1 || a[0].name != "delivery" || a[0].score >= 0 {
		t.Errorf("aspects %+v", a)
	}
}

func TestBlanksAreNotSent(t *testing.T) {
	x, srv := startAPI(t, byLanguage)
	x.characters = 1000
	for _, before := range []string{"", strings.Repeat(" ", 600), strings.Repeat("\n", 1200)} {
		text := before + "배송이" + strings.Repeat("정말", 300) + "좋아요"
		found, err := x.assess(t.Context(), newReview(5, text))
		if err != nil || found.by != apiName || len(found.aspects) != 1 {
			t.Errorf("after %d blanks: found %+v, %v", len(before), found, err)
		}
	}
	if n := srv.Calls(); n != 1 {
		t.Errorf("%d calls for one text", n)
	}
}

func TestTextsThatBeginTheSameSpeakOfTheirOwnAspects(t *testing.T) {
	head := strings.Repeat("노래가 좋아요. ", 3) // an answer of three sentences has room for a fourth
	x, srv := startAPI(t, byLanguage)
	x.characters = utf8.RuneCountInString(head)
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
			if found[i], err = x.assess(t.Context(), newReview(3, text)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := srv.Calls(); n != 1 {
		t.Errorf("%d calls, want the one that all share", n)
	}
	for i, f := range found {
		if want := []string{"delivery", "packaging"}[i%2]; len(f.aspects) != 1 || f.aspects[0].name != want {
			t.Errorf("%q speaks of %+v, want %s", texts[i], f.aspects, want)
		}
	}
}

func TestCut(t *testing.T) {
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
		if got := cut(tc.text, tc.characters); got != tc.want {
			t.Errorf("cut(%q, %d) = %q, want %q", tc.text, tc.characters, got, tc.want)
		}
	}
}

func FuzzCut(f *testing.F) {
	f.Add("좋아요. 예뻐요. 💜", 5)
	f.Add("\xff\xfe. a", 1)
	f.Add("", 0)
	f.Fuzz(func(t *testing.T, text string, characters int) {
		got := cut(text, characters)
		if !strings.HasPrefix(text, got) {
			t.Errorf("cut(%q, %d) = %q, which is not its beginning", text, characters, got)
		}
		n := utf8.RuneCountInString(text)
		if characters <= 0 || n <= characters {
			if got != text {
				t.Errorf("cut(%q, %d) = %q", text, characters, got)
			}
			return
		}
		if m := utf8.RuneCountInString(got); m > characters || m == 0 {
			t.Errorf("cut(%q, %d) has %d characters", text, characters, m)
		}
		if utf8.ValidString(text) && !utf8.ValidString(got) {
			t.Errorf("cut(%q, %d) splits a character", text, characters)
		}
	})
}

func TestSentencesOfTheAPIAreWhereItSaysTheyAre(t *testing.T) {
	x, _ := startAPI(t, byLanguage)
	const text = "좋아요! 💜 배송은 최악."
	found, err := x.language.analyze(t.Context(), text)
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

// What a review costs besides the API and the database: the model, the lexicon, the shapes of contacts.
func BenchmarkAssess(b *testing.B) {
	x := &examiner{scoring: byEmbedded, moderation: embeddedModeration, filter: filter}
	r := newReview(5, "포토카드가 정말 예뻐요! 배송은 이틀 걸렸고 포장도 꼼꼼했어요. 가격은 18,900원이라 부담 없고 사이즈도 딱 맞아서 만족합니다.")
	for b.Loop() {
		if _, err := x.assess(b.Context(), r); err != nil {
			b.Fatal(err)
		}
	}
}
