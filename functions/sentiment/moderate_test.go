package main

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"cloud.google.com/go/language/apiv2/languagepb"
	"cloud.google.com/go/spanner"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	embedded "github.com/hybrid-bts/functions/shared/engine/sentiment"
	"github.com/hybrid-bts/functions/shared/fake/spannerdbtest"
	"github.com/hybrid-bts/functions/shared/schema/review"
	"github.com/hybrid-bts/functions/shared/schema/review/reason"
)

// moderator is a Natural Language API that returns preset categories.
type moderator struct {
	languagepb.UnimplementedLanguageServiceServer

	mu     sync.Mutex
	answer []*languagepb.ClassificationCategory
	err    error
	asked  []string // texts in the order of their arrival
}

func (m *moderator) ModerateText(_ context.Context, r *languagepb.ModerateTextRequest) (*languagepb.ModerateTextResponse, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if r.GetModelVersion() != languagepb.ModerateTextRequest_MODEL_VERSION_2 {
		return nil, status.Errorf(codes.InvalidArgument, "model %v", r.GetModelVersion())
	}
	m.asked = append(m.asked, r.GetDocument().GetContent())
	return &languagepb.ModerateTextResponse{ModerationCategories: m.answer}, m.err
}

// knownAuthors are the authors with a published review.
type knownAuthors struct {
	names []string
	err   error
}

func (k knownAuthors) hasPublished(_ context.Context, author, _ string) (bool, error) {
	return slices.Contains(k.names, author), k.err
}

// startModerator starts an API, and returns an analyzer that moderates with it.
func startModerator(t testing.TB, how moderation) (*analyzer, *moderator) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	m, srv := &moderator{}, grpc.NewServer()
	languagepb.RegisterLanguageServiceServer(srv, m)
	go func() { _ = srv.Serve(l) }() // returns when Stop stops it
	client, err := openLanguage(t.Context(), l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		client.Close()
		srv.Stop()
	})
	return &analyzer{
		scoring: scoringEmbedded, moderation: how, filter: func(string) (float64, bool) { return 0, true }, authors: knownAuthors{names: []string{"아미"}},
		language: &naturalLanguage{client: client, quota: newQuota(languageName, 1e6, callTimeout, retryAfter), results: &memoryCache{}, budget: &unitBudget{}},
	}, m
}

func found(name string, confidence, severity float32) []*languagepb.ClassificationCategory {
	return []*languagepb.ClassificationCategory{
		{Name: "Finance", Confidence: 0.99}, {Name: name, Confidence: confidence, Severity: severity}, {Name: "Health", Confidence: 1, Severity: 1},
	}
}

func TestModerationAsksTheAPIOnlyWhenItMust(t *testing.T) {
	const abusive, doubtful, clean = 0.99, 0.4, 0.01
	photos := []string{"reviews/0a0e0a0e-0000-4000-8000-000000000000.jpg"}
	insult := found("Insult", 0.95, 0)
	for name, tc := range map[string]struct {
		how       moderation
		text      string
		author    string
		photos    []string
		filter    float64
		foreign   bool // the filter does not support the language
		authors   error
		answer    []*languagepb.ClassificationCategory
		err       error
		want      reason.Code
		unjudged  bool
		wantAsked int
	}{
		"a known author, a clean text":          {how: moderationLanguage, author: "아미", filter: clean, answer: insult},
		"a new author":                          {how: moderationLanguage, author: "새내기", filter: clean, wantAsked: 1},
		"a new author, the API finds an insult": {how: moderationLanguage, author: "새내기", filter: clean, answer: insult, want: reason.AbusiveLanguage, wantAsked: 1},
		"no author":                             {how: moderationLanguage, filter: clean, answer: insult, want: reason.AbusiveLanguage, wantAsked: 1},
		"photos":                                {how: moderationLanguage, author: "아미", photos: photos, filter: clean, answer: insult, want: reason.AbusiveLanguage, wantAsked: 1},
		"the filter is unsure":                  {how: moderationLanguage, author: "아미", filter: doubtful, wantAsked: 1},
		"the filter is sure":                    {how: moderationLanguage, author: "아미", filter: abusive, want: reason.AbusiveLanguage},
		"contact details":                       {how: moderationLanguage, text: "010-1234-5678", photos: photos, want: reason.ContactDetails},
		"contact details as a name":             {how: moderationLanguage, author: "army@example.com", want: reason.ContactDetails},
		"stars and photos, no text":             {how: moderationLanguage, text: " ", author: "아미", photos: photos, answer: insult},
		"authors cannot be looked up":           {how: moderationLanguage, author: "아미", authors: errors.New("injected"), wantAsked: 1},
		"the API is down, the text clean":       {how: moderationLanguage, photos: photos, author: "아미", filter: clean, err: status.Error(codes.Unavailable, "injected"), wantAsked: 1, unjudged: true},
		"the API is down, the text abusive":     {how: moderationLanguage, author: "아미", filter: 0.7, err: status.Error(codes.Unavailable, "injected"), want: reason.AbusiveLanguage, wantAsked: 1, unjudged: true},
		"the API is down, the filter unsure":    {how: moderationLanguage, author: "아미", filter: doubtful, err: status.Error(codes.Unavailable, "injected"), want: reason.PendingModeration, wantAsked: 1, unjudged: true},
		"the API rejects a clear text":          {how: moderationLanguage, filter: clean, err: status.Error(codes.InvalidArgument, "injected"), wantAsked: 1},
		"the API rejects a foreign text":        {how: moderationLanguage, foreign: true, err: status.Error(codes.InvalidArgument, "injected"), want: reason.Moderation, wantAsked: 1},
		"a role is missing":                     {how: moderationLanguage, photos: photos, author: "아미", filter: doubtful, err: status.Error(codes.PermissionDenied, "injected"), want: reason.PendingModeration, wantAsked: 1, unjudged: true},
		"embedded, clean":                       {how: moderationEmbedded, filter: doubtful, photos: photos, answer: insult},
		"embedded, abusive":                     {how: moderationEmbedded, filter: 0.7, want: reason.AbusiveLanguage},
		"solicitation":                          {how: moderationLanguage, text: "카톡 goods77 문의", photos: photos, want: reason.Solicitation},
		"solicitation as a name":                {how: moderationLanguage, author: "텔레그램 goods77", want: reason.Solicitation},
		"embedded, contact details":             {how: moderationEmbedded, text: "example.com", want: reason.ContactDetails},
		"another language":                      {how: moderationLanguage, author: "아미", filter: clean, foreign: true, answer: insult, want: reason.AbusiveLanguage, wantAsked: 1},
		"another language, the API is down":     {how: moderationLanguage, author: "아미", filter: 0.7, foreign: true, err: status.Error(codes.Unavailable, "injected"), want: reason.PendingModeration, wantAsked: 1, unjudged: true},
		"another language, embedded":            {how: moderationEmbedded, filter: clean, foreign: true, want: reason.PendingModeration, unjudged: true},
		"a title, embedded":                     {how: moderationEmbedded, text: "Hate You!", filter: clean, foreign: true},
		"an abusive title, embedded":            {how: moderationEmbedded, text: "Hate You!", filter: 0.7, foreign: true, want: reason.AbusiveLanguage},
		"another language, stars only":          {how: moderationEmbedded, text: " ", foreign: true},
		"stars and a heart":                     {how: moderationLanguage, text: "★★★★★ 💜", filter: doubtful, answer: insult},
		"off":                                   {how: moderationOff, text: "010-1234-5678", filter: abusive, photos: photos, answer: insult},
	} {
		t.Run(name, func(t *testing.T) {
			a, api := startModerator(t, tc.how)
			a.filter = func(string) (float64, bool) { return tc.filter, !tc.foreign }
			a.authors = knownAuthors{[]string{"아미"}, tc.authors}
			if tc.authors != nil {
				a.authors = knownAuthors{nil, tc.authors}
			}
			api.answer, api.err = tc.answer, tc.err
			r := newReview(3, "포카가 예뻐요")
			if tc.text != "" {
				r.Text = tc.text
			}
			r.Author, r.Photos = tc.author, tc.photos
			got, err := a.assess(t.Context(), r)
			if want := (judgement{tc.want, tc.unjudged}); err != nil || got.judgement != want {
				t.Errorf("%+v, %v, want %+v", got.judgement, err, want)
			}
			if len(api.asked) != tc.wantAsked {
				t.Errorf("API calls %q, want %d", api.asked, tc.wantAsked)
			}
		})
	}
}

func TestHarmfulCategoriesFlagFromTheirThresholds(t *testing.T) {
	for _, tc := range []struct {
		category             string
		confidence, severity float32
		want                 reason.Code
	}{
		{"Insult", 0.9, 0, reason.AbusiveLanguage},
		{"Insult", 0.6, 0, ""},
		{"Profanity", 0.9, 0, reason.AbusiveLanguage},
		{"Toxic", 0.95, 0.6, reason.AbusiveLanguage},
		{"Toxic", 0.95, 0.1, ""}, // likely, but mild
		{"Toxic", 0.7, 0.9, ""},  // an angry review
		{"Derogatory", 0.8, 0.7, reason.AbusiveLanguage},
		{"Sexual", 0.9, 0.5, reason.SexualContent},
		{"Violent", 0.9, 0, reason.ViolentContent},
		{"Religion & Belief", 1, 1, ""},
		{"Death, Harm & Tragedy", 1, 1, ""},
	} {
		a, api := startModerator(t, moderationLanguage)
		api.answer = found(tc.category, tc.confidence, tc.severity)
		if got := a.moderate(t.Context(), newReviewBy("새내기")).flag; got != tc.want {
			t.Errorf("%s of confidence %v and severity %v: flag %q, want %q", tc.category, tc.confidence, tc.severity, got, tc.want)
		}
	}
}

func newReviewBy(author string) review.Review {
	r := newReview(3, "그냥 그래요")
	r.Author = author
	return r
}

func TestSameTextIsModeratedOnceAndItsResultIsNotUsedAsAScore(t *testing.T) {
	a, api := startModerator(t, moderationLanguage)
	for range 3 {
		a.moderate(t.Context(), newReviewBy(""))
	}
	if len(api.asked) != 1 {
		t.Errorf("%d API calls, want 1", len(api.asked))
	}
	a.scoring = scoringLanguageThenEmbedded // the fake API does not implement scoring
	if got, err := a.assess(t.Context(), newReviewBy("")); err == nil {
		t.Errorf("scored %+v from a moderation result", got)
	}
}

// The shipped filter and thresholds decide clear cases.
func TestEmbeddedFilterFlagsAbuseAndNotComplaints(t *testing.T) {
	a := &analyzer{moderation: moderationEmbedded, filter: embeddedFilter}
	for text, want := range map[string]reason.Code{
		"포토카드가 정말 예뻐요. 배송도 빨라요!":                     "",
		"실망이에요. 포장이 엉망이고 배송도 늦었어요.":                  "",
		"최악이에요. 돈이 아까워요. 다시는 안 사요.":                  "",
		"The box was crushed and nobody answers me.": "",
		"씨발 개새끼들아":                                   reason.AbusiveLanguage,
		"You are fucking idiots, go to hell":         reason.AbusiveLanguage,
		"بطانية ناعمة جدا":                           reason.PendingModeration, "하하하": "", "💜": "", "굿": "", "ok": "",
	} {
		if got := a.moderate(t.Context(), review.Review{Text: text}).flag; got != want {
			t.Errorf("%q has flag %q, want %q (confidence %v)", text, got, want, embedded.Abuse(text))
		}
	}
}

// The training data has a file of reviews for each language. In the files named abuse-* the second column is 1 for an
// abusive text.
func TestThresholdsSeparateAbusiveFromOrdinaryReviews(t *testing.T) {
	files, err := filepath.Glob("../../scripts/model/train/lines/*.tsv")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	type tally struct{ all, unsure, likely, certain float64 }
	var ordinary, bad tally
	reviewFile := regexp.MustCompile(`^(abuse-)?[a-z]{2}(-[a-z])?\.tsv$`)
	for _, file := range files {
		if !reviewFile.MatchString(filepath.Base(file)) {
			continue // single words, and languages without weights
		}
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(b)) {
			columns := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
			if len(columns) != 3 {
				continue // a comment
			}
			to := &ordinary
			if strings.HasPrefix(filepath.Base(file), "abuse") {
				if columns[1] != "1" {
					continue // ordinary reviews that were chosen because they are hard
				}
				to = &bad
			}
			sure, _ := embeddedFilter(columns[2])
			to.all++
			for at, n := range map[float64]*float64{unsure: &to.unsure, likely: &to.likely, certain: &to.certain} {
				if sure >= at {
					*n++
				}
			}
		}
	}
	if o := ordinary; o.all < 1000 || o.unsure/o.all > 0.2 || o.likely/o.all > 0.01 || o.certain/o.all > 0.001 {
		t.Errorf("too many ordinary reviews reach a threshold: %+v", o)
	}
	if b := bad; b.all < 100 || b.unsure/b.all < 0.9 || b.likely/b.all < 0.7 || b.certain/b.all < 0.4 {
		t.Errorf("too few abusive reviews reach a threshold: %+v", b)
	}
	t.Logf("ordinary %+v, abusive %+v", ordinary, bad)
}

func TestDisguisedAbuseIsFlagged(t *testing.T) {
	a := &analyzer{moderation: moderationEmbedded, filter: embeddedFilter}
	for _, text := range []string{
		"ㅂ신", "ㅅ발", "병1신", "시!발", "씪발", "tlqkf", "판매자 ㅂ신이네", "이런 ㅅ발 진짜", "포장한 놈 병1신인가", "아 씪발 또 품절", "시!발 배송 언제 와", "환불 안 해줌 ㅆ1발", "병@신 같은 답변",
		"시ㅂ 왜 취소함", "ㅂ.신 판매자", "쒸발 색이 다르잖아", "qudtls 아님?", "ㅅ\u200b발", "ㅅㅣ발",
		"fuсk this shop", "you are a bіtch", "ѕhit seller", "Тhis is fuсking shіt", "ｆｕｃｋ you",
	} {
		if got := a.moderate(t.Context(), review.Review{Text: text}).flag; got != reason.AbusiveLanguage {
			confidence, _ := embeddedFilter(text)
			t.Errorf("%q has flag %q (confidence %v)", text, got, confidence)
		}
	}
}

func TestSlangOfPraiseAndTitlesAreNotFlagged(t *testing.T) {
	a := &analyzer{moderation: moderationEmbedded, filter: embeddedFilter}
	for _, text := range []string{
		"개좋아", "개쩐다", "존나 예쁨", "존나 예뻐요 진심", "개이득", "개예쁨", "졸라 귀여움", "this is the shit! love it", "These hoodies are the shit", "Hate You", "Hate You by Jung Kook is on the tracklist",
		"다시.발송 해주셨어요", "다시 발송", "시발점", "제 덕질의 시발점", "시발역에서 샀어요", "질병.신고 안내문", "3병,신선해요", "슈발리에 향수", "ㅅ자 모양", "ㅂ자 받침", "ㄱㅅㄱㅅ", "색 번호 1818", "dkssud",
	} {
		if got := a.moderate(t.Context(), review.Review{Text: text}).flag; got != "" {
			confidence, _ := embeddedFilter(text)
			t.Errorf("%q has flag %q (confidence %v)", text, got, confidence)
		}
	}
	for _, text := range []string{"сука — по-русски: собака", "Отличный альбом, спасибо", "Быстрая доставка"} {
		if got := a.moderate(t.Context(), review.Review{Text: text}).flag; got != reason.PendingModeration {
			t.Errorf("%q has flag %q, want %q, because the filter does not know the language", text, got, reason.PendingModeration)
		}
	}
	if got := a.moderate(t.Context(), review.Review{Text: "I Hate You, you fucking thief"}).flag; got != reason.AbusiveLanguage {
		t.Errorf("an insult with the words of a title has flag %q", got)
	}
}

func TestOrdinaryNamesAreNotFlagged(t *testing.T) {
	a := &analyzer{moderation: moderationEmbedded, filter: embeddedFilter}
	for _, name := range []string{"", "모아", "Emma", "نور", "아미", "달", "Mina K.", "은하수", "Jin-ah", "지민맘", "정국이", "user123", "小雨", "ナナ", "Sofía", "보라해💜", "BTS최고"} {
		if got := a.moderate(t.Context(), review.Review{Author: name, Text: "좋아요"}).flag; got != "" {
			t.Errorf("name %q has flag %q (confidence %v)", name, got, embedded.Abuse(name))
		}
	}
	if got := a.moderate(t.Context(), review.Review{Author: "씨발놈", Text: "좋아요"}).flag; got != reason.AbusiveLanguage {
		t.Errorf("an abusive name has flag %q", got)
	}
}

func TestFlaggedReviewIsHeldWithItsScore(t *testing.T) {
	s := start(t)
	s.reviewWriter.assessor.(*analyzer).moderation = moderationEmbedded
	r := newReview(5, "예뻐요. 문의는 010-1234-5678")
	if code := s.deliverReview(t, r); code != 204 {
		t.Fatalf("status %d", code)
	}
	got := stored(t, s.db, r)
	if got.Status != string(review.Held) || got.HeldFor.StringVal != reason.ContactDetails.Text() || !got.Score.Valid {
		t.Errorf("stored %+v, want held, with its score", got)
	}
}

func TestAuthorsAreKnownByAPublishedReview(t *testing.T) {
	spannerdbtest.Run(t, func(t *testing.T, db *spanner.Client) {
		stock(t, db)
		s := spannerStore{db}
		first, held := newReviewBy("아미"), newReviewBy("나쁜이")
		if _, err := s.add(t.Context(), first, assessment{}); err != nil {
			t.Fatal(err)
		}
		if _, err := s.add(t.Context(), held, assessment{judgement: judgement{flag: reason.AbusiveLanguage}}); err != nil {
			t.Fatal(err)
		}
		for _, tc := range []struct {
			author, except string
			want           bool
		}{
			{"아미", held.ID, true}, {"아미", first.ID, false}, {"나쁜이", first.ID, false}, {"새내기", first.ID, false}, {"아", "", false},
		} {
			if got, err := (spannerAuthors{db}).hasPublished(t.Context(), tc.author, tc.except); got != tc.want || err != nil {
				t.Errorf("hasPublished(%q, %s) = %v, %v, want %v", tc.author, tc.except, got, err, tc.want)
			}
		}
	})
}
