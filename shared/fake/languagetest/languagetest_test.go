package languagetest_test

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf16"
	"unicode/utf8"

	language "cloud.google.com/go/language/apiv2"
	"cloud.google.com/go/language/apiv2/languagepb"
	"github.com/googleapis/gax-go/v2/apierror"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"github.com/hybrid-bts/functions/shared/fake/languagetest"
)

func start(t testing.TB) (*languagetest.Server, *language.Client) {
	t.Helper()
	s, err := languagetest.Start("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	c, err := language.NewClient(t.Context(), option.WithEndpoint(s.Addr), option.WithoutAuthentication(),
		option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return s, c
}

func plain(text string) *languagepb.Document {
	return &languagepb.Document{Type: languagepb.Document_PLAIN_TEXT, Source: &languagepb.Document_Content{Content: text}}
}

// in returns a document with a declared language.
func in(code, text string) *languagepb.Document {
	d := plain(text)
	d.LanguageCode = code
	return d
}

func TestSentimentHasTheSignOfTheText(t *testing.T) {
	_, c := start(t)
	for _, tc := range []struct {
		text, language string
		sign           float32 // 0 for an unsupported language
	}{
		{"정말 예쁘고 좋아요. 최고예요!", "ko", 1},
		{"너무 실망이에요. 최악입니다.", "ko", -1},
		{"This is a beautiful album and I love it", "en", 1},
		{"Terrible quality, I am very disappointed. A waste of money.", "en", -1},
		{"写真集がとてもきれいで大好きです", "ja", 1},
		{"包装很精美，非常喜欢，很满意", "zh", 1},
		{"包裝很精美，非常喜歡這個專輯", "zh-Hant", 1},
		{"Ce disque est magnifique et je suis très contente de mon achat", "fr", 1},
		{"El disco está roto y es una decepción", "es", -1},
		{"المنتج رائع", "ar", 0},
		{"Это очень хороший альбом", "ru", 0},
		{"💜💜💜", "und", 0},
	} {
		t.Run(tc.text, func(t *testing.T) {
			got, err := c.AnalyzeSentiment(t.Context(), &languagepb.AnalyzeSentimentRequest{Document: plain(tc.text)})
			if err != nil {
				t.Fatal(err)
			}
			if got.LanguageCode != tc.language || got.LanguageSupported != (tc.sign != 0) {
				t.Errorf("language %q supported %v, want %q", got.LanguageCode, got.LanguageSupported, tc.language)
			}
			d := got.DocumentSentiment
			if tc.sign == 0 {
				if d.Score != 0 || d.Magnitude != 0 || len(got.Sentences) != 0 {
					t.Errorf("sentiment %v of sentences %v, want none", d, got.Sentences)
				}
				return
			}
			if d.Score*tc.sign <= 0.3 || d.Score*tc.sign > 1 {
				t.Errorf("score %v, want one of sign %v", d.Score, tc.sign)
			}
			var sum float32
			for _, s := range got.Sentences {
				if s.Text.BeginOffset != -1 {
					t.Errorf("offset %d without an encoding, want -1", s.Text.BeginOffset)
				}
				sum += s.Sentiment.Magnitude
			}
			if diff := d.Magnitude - sum; d.Magnitude <= 0 || diff < -0.01 || diff > 0.01 {
				t.Errorf("magnitude %v, the sentences' is %v", d.Magnitude, sum)
			}
		})
	}
}

func TestDeclaredLanguageWins(t *testing.T) {
	_, c := start(t)
	const text = "정말 예쁘고 좋아요!"
	for _, code := range []string{"ko", "ko-KR", "en"} {
		got, err := c.AnalyzeSentiment(t.Context(), &languagepb.AnalyzeSentimentRequest{Document: in(code, text)})
		if err != nil || got.LanguageCode != code || !got.LanguageSupported {
			t.Errorf("%s: %v, %v", code, got, err)
		}
	}
	got, err := c.AnalyzeSentiment(t.Context(), &languagepb.AnalyzeSentimentRequest{Document: in("ko", "المنتج رائع")})
	if err != nil || got.DocumentSentiment.GetScore() != 0 || len(got.Sentences) != 1 || got.Sentences[0].Sentiment.GetScore() != 0 {
		t.Errorf("text in another language than the declared one: %v, %v, want neutral", got, err)
	}
}

func TestOffsetsAreInTheUnitsOfTheEncoding(t *testing.T) {
	_, c := start(t)
	for encoding, want := range map[languagepb.EncodingType]int32{
		languagepb.EncodingType_NONE: -1, languagepb.EncodingType_UTF8: 11, languagepb.EncodingType_UTF16: 9, languagepb.EncodingType_UTF32: 8,
	} {
		got, err := c.AnalyzeSentiment(t.Context(), &languagepb.AnalyzeSentimentRequest{Document: plain("💜 good! 나빠요"), EncodingType: encoding})
		if err != nil {
			t.Fatal(err)
		}
		if len(got.Sentences) != 2 || got.Sentences[1].Text.BeginOffset != want || got.Sentences[1].Text.Content != "나빠요" {
			t.Errorf("%v: sentences %v, want the second at %d", encoding, got.Sentences, want)
		}
	}
}

func TestModerationFindsTheCategoriesOfAText(t *testing.T) {
	_, c := start(t)
	abuse := []string{"Toxic", "Insult", "Profanity"}
	for _, tc := range []struct {
		text      string
		supported bool
		high      []string
	}{
		{"정말 예쁘고 좋아요. 최고예요!", true, nil},
		{"The box was a little bent, but the album is beautiful.", true, nil},
		{"씨발놈아 꺼져", true, abuse},
		{"You are a stupid fucking idiot", true, abuse},
		{"야동 보러 오세요", true, []string{"Sexual"}},
		{"I will kill you, seller", true, []string{"Violent"}},
		{"유니섹스 후드라 좋아요", true, nil},
		{"Un coffret magnifique, je l’adore", false, nil},
	} {
		for version := range languagepb.ModerateTextRequest_ModelVersion_name {
			version := languagepb.ModerateTextRequest_ModelVersion(version)
			t.Run(tc.text+", "+version.String(), func(t *testing.T) {
				got, err := c.ModerateText(t.Context(), &languagepb.ModerateTextRequest{Document: plain(tc.text), ModelVersion: version})
				if err != nil {
					t.Fatal(err)
				}
				if got.LanguageSupported != tc.supported || got.LanguageCode == "" {
					t.Errorf("language %q supported %v", got.LanguageCode, got.LanguageSupported)
				}
				found := map[string]*languagepb.ClassificationCategory{}
				for _, m := range got.ModerationCategories {
					found[m.Name] = m
				}
				for name, m := range found {
					if m.Confidence < 0 || m.Confidence > 1 || m.Severity < 0 || m.Severity > 1 {
						t.Errorf("%v", m)
					}
					if m.Confidence > 0.8 && len(tc.high) == 0 {
						t.Errorf("%s has %v", name, m.Confidence)
					}
				}
				for _, name := range tc.high {
					if m := found[name]; m.GetConfidence() < 0.8 {
						t.Errorf("%s has %v", name, m.GetConfidence())
					}
				}
				if _, ok := found["Toxic"]; ok != tc.supported || found["Sexual"] == nil || found["Violent"] == nil {
					t.Errorf("categories %v", got.ModerationCategories)
				}
				severe := version == languagepb.ModerateTextRequest_MODEL_VERSION_2 && tc.supported
				if (found["Toxic"].GetSeverity() > 0) != severe || found["Violent"].GetSeverity() != 0 {
					t.Errorf("severities of %v: %v", version, got.ModerationCategories)
				}
			})
		}
	}
}

func TestSeverityIsTheConfidenceOfTheWorstSentence(t *testing.T) {
	_, c := start(t)
	got, err := c.ModerateText(t.Context(), &languagepb.ModerateTextRequest{
		Document:     plain("The album is beautiful and the photos are lovely. You are a stupid fucking idiot. Delivery was fast and the box well packed."),
		ModelVersion: languagepb.ModerateTextRequest_MODEL_VERSION_2,
	})
	if err != nil {
		t.Fatal(err)
	}
	if m := got.ModerationCategories[0]; m.Name != "Toxic" || m.Severity <= m.Confidence {
		t.Errorf("%v, want it more severe than the whole is sure", m)
	}
}

func TestAnnotateTextReturnsTheRequestedFeatures(t *testing.T) {
	_, c := start(t)
	for _, tc := range []struct {
		text      string
		features  *languagepb.AnnotateTextRequest_Features
		supported bool
	}{
		{"정말 예뻐요! 최고예요.", &languagepb.AnnotateTextRequest_Features{ExtractDocumentSentiment: true}, true},
		{"정말 예뻐요! 최고예요.", &languagepb.AnnotateTextRequest_Features{ModerateText: true}, true},
		{"정말 예뻐요! 최고예요.", &languagepb.AnnotateTextRequest_Features{ExtractDocumentSentiment: true, ModerateText: true}, true},
		{"Un coffret magnifique, je l’adore", &languagepb.AnnotateTextRequest_Features{ExtractDocumentSentiment: true}, true},
		{"Un coffret magnifique, je l’adore", &languagepb.AnnotateTextRequest_Features{ExtractDocumentSentiment: true, ModerateText: true}, false},
	} {
		got, err := c.AnnotateText(t.Context(), &languagepb.AnnotateTextRequest{Document: plain(tc.text), Features: tc.features})
		if err != nil {
			t.Fatal(err)
		}
		if got.LanguageSupported != tc.supported {
			t.Errorf("%q, %v: language_supported %v", tc.text, tc.features, got.LanguageSupported)
		}
		if want := tc.features.ExtractDocumentSentiment; (got.DocumentSentiment != nil) != want || (len(got.Sentences) > 0) != want {
			t.Errorf("%q, %v: sentiment %v of %v", tc.text, tc.features, got.DocumentSentiment, got.Sentences)
		}
		if want := tc.features.ModerateText; (len(got.ModerationCategories) > 0) != want {
			t.Errorf("%q, %v: categories %v", tc.text, tc.features, got.ModerationCategories)
		}
	}
}

func TestInvalidRequestsAreRejected(t *testing.T) {
	_, c := start(t)
	both := &languagepb.AnnotateTextRequest_Features{ExtractDocumentSentiment: true, ModerateText: true}
	inCloudStorage := &languagepb.Document{Type: languagepb.Document_PLAIN_TEXT, Source: &languagepb.Document_GcsContentUri{GcsContentUri: "gs://b/o"}}
	for name, tc := range map[string]struct {
		document *languagepb.Document
		want     codes.Code
	}{
		"no document":        {nil, codes.InvalidArgument},
		"no type":            {&languagepb.Document{Source: plain("good").Source}, codes.InvalidArgument},
		"unknown type":       {&languagepb.Document{Type: 9, Source: plain("good").Source}, codes.InvalidArgument},
		"no source":          {&languagepb.Document{Type: languagepb.Document_PLAIN_TEXT}, codes.InvalidArgument},
		"blanks":             {plain(" \n"), codes.InvalidArgument},
		"a language code":    {in("no code", "good"), codes.InvalidArgument},
		"a language":         {in("th", "good"), codes.InvalidArgument},
		"all that is taken":  {plain(strings.Repeat("x", 1_000_000)), codes.OK},
		"one byte more":      {plain(strings.Repeat("x", 1_000_001)), codes.InvalidArgument},
		"much more":          {plain(strings.Repeat("x", 10_000_000)), codes.InvalidArgument},
		"HTML":               {&languagepb.Document{Type: languagepb.Document_HTML, Source: plain("<p>good").Source}, codes.Unimplemented},
		"from Cloud Storage": {inCloudStorage, codes.Unimplemented},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := c.AnalyzeSentiment(t.Context(), &languagepb.AnalyzeSentimentRequest{Document: tc.document})
			_, err2 := c.ModerateText(t.Context(), &languagepb.ModerateTextRequest{Document: tc.document})
			_, err3 := c.AnnotateText(t.Context(), &languagepb.AnnotateTextRequest{Document: tc.document, Features: both})
			for _, err := range []error{err, err2, err3} {
				if status.Code(err) != tc.want {
					t.Errorf("%v, want %v", err, tc.want)
				}
			}
		})
	}
	for want, ask := range map[codes.Code][]func() error{
		codes.InvalidArgument: {
			func() error {
				_, err := c.AnalyzeSentiment(t.Context(), &languagepb.AnalyzeSentimentRequest{Document: plain("good"), EncodingType: 9})
				return err
			},
			func() error {
				_, err := c.ModerateText(t.Context(), &languagepb.ModerateTextRequest{Document: plain("good"), ModelVersion: 9})
				return err
			},
			func() error {
				_, err := c.AnnotateText(t.Context(), &languagepb.AnnotateTextRequest{Document: plain("good")})
				return err
			},
			func() error { // French has a score but no moderation
				_, err := c.AnnotateText(t.Context(), &languagepb.AnnotateTextRequest{Document: in("fr", "bon"), Features: both})
				return err
			},
		},
		codes.Unimplemented: {
			func() error {
				_, err := c.AnnotateText(t.Context(), &languagepb.AnnotateTextRequest{Document: plain("good"), Features: &languagepb.AnnotateTextRequest_Features{ExtractEntities: true, ModerateText: true}})
				return err
			},
			func() error {
				_, err := c.AnnotateText(t.Context(), &languagepb.AnnotateTextRequest{Document: plain("good"), Features: &languagepb.AnnotateTextRequest_Features{ClassifyText: true}})
				return err
			},
			func() error {
				_, err := c.ClassifyText(t.Context(), &languagepb.ClassifyTextRequest{Document: plain("good")})
				return err
			},
			func() error {
				_, err := c.AnalyzeEntities(t.Context(), &languagepb.AnalyzeEntitiesRequest{Document: plain("good")})
				return err
			},
		},
	} {
		for i, f := range ask {
			if err := f(); status.Code(err) != want {
				t.Errorf("%d: %v, want %v", i, err, want)
			}
		}
	}
}

func TestClientSeesTheQuotaAndInjectedFaults(t *testing.T) {
	s, c := start(t)
	c.CallOptions.AnalyzeSentiment = nil // without retries
	ask := func() error {
		_, err := c.AnalyzeSentiment(t.Context(), &languagepb.AnalyzeSentimentRequest{Document: plain("good")})
		return err
	}
	s.FailShare(status.Error(codes.Unavailable, "injected"), 0.5)
	for i := range 4 {
		if got, want := status.Code(ask()), []codes.Code{codes.OK, codes.Unavailable}[i%2]; got != want {
			t.Errorf("request %d: %v, want %v", i, got, want)
		}
	}
	s.Fail(nil)
	s.SetQuota(1)
	if err := ask(); err != nil {
		t.Error(err)
	}
	var exhausted *apierror.APIError
	if err := ask(); !errors.As(err, &exhausted) || exhausted.GRPCStatus().Code() != codes.ResourceExhausted ||
		exhausted.Reason() != "RATE_LIMIT_EXCEEDED" || exhausted.Details().RetryInfo == nil {
		t.Errorf("beyond the quota: %v", err)
	}
	if n := s.Calls(); n != 6 {
		t.Errorf("Calls() = %d, want 6", n)
	}
}

func FuzzAnnotateText(f *testing.F) {
	_, c := start(f)
	f.Add("좋아요! 💜 bad.", int32(1))
	f.Add("...!!!\n\n", int32(2))
	f.Add("\xff좋아요\u0301. e\u0301!", int32(3))
	f.Add("Good. 씨발", int32(0))
	f.Fuzz(func(t *testing.T, text string, encoding int32) {
		got, err := c.AnnotateText(t.Context(), &languagepb.AnnotateTextRequest{
			Document: plain(text), EncodingType: languagepb.EncodingType(encoding),
			Features: &languagepb.AnnotateTextRequest_Features{ExtractDocumentSentiment: true, ModerateText: true},
		})
		if !utf8.ValidString(text) {
			if err == nil {
				t.Fatalf("%q is taken", text)
			}
			return // the client rejects it
		}
		if strings.TrimSpace(text) == "" || len(text) > 1_000_000 || encoding < 0 || encoding > 3 {
			if status.Code(err) != codes.InvalidArgument {
				t.Fatalf("%q in encoding %d gives %v", text, encoding, err)
			}
			return
		}
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		if d := got.DocumentSentiment; !(d.Score >= -1 && d.Score <= 1) || !(d.Magnitude >= 0 && d.Magnitude <= float32(len(got.Sentences))) {
			t.Errorf("%q: %v", text, d)
		}
		for _, m := range got.ModerationCategories {
			if !(m.Confidence >= 0 && m.Confidence <= 1) || m.Severity != 0 {
				t.Errorf("%q: %v", text, m)
			}
		}
		rest := units(text, languagepb.EncodingType(encoding))
		at := 0
		for _, s := range got.Sentences {
			if encoding == 0 {
				if s.Text.BeginOffset != -1 {
					t.Errorf("%q: offset %d", text, s.Text.BeginOffset)
				}
				continue
			}
			part := units(s.Text.Content, languagepb.EncodingType(encoding))
			from := int(s.Text.BeginOffset)
			if from < at || from+len(part) > len(rest) || len(part) == 0 {
				t.Fatalf("%q: sentence %v after %d", text, s.Text, at)
			}
			for i := range part {
				if rest[from+i] != part[i] {
					t.Fatalf("%q: sentence %v is not there", text, s.Text)
				}
			}
			at = from + len(part)
		}
	})
}

// units returns the number of units of a text in an encoding.
func units(text string, encoding languagepb.EncodingType) []uint32 {
	var found []uint32
	switch encoding {
	case languagepb.EncodingType_UTF8:
		for _, b := range []byte(text) {
			found = append(found, uint32(b))
		}
	case languagepb.EncodingType_UTF16:
		for _, u := range utf16.Encode([]rune(text)) {
			found = append(found, uint32(u))
		}
	case languagepb.EncodingType_UTF32:
		for _, r := range text {
			found = append(found, uint32(r))
		}
	}
	return found
}
