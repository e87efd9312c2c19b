package languagetest_test

import (
	"testing"

	language "cloud.google.com/go/language/apiv2"
	"cloud.google.com/go/language/apiv2/languagepb"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"github.com/hybrid-bts/functions/shared/languagetest"
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

func request(text string) *languagepb.AnalyzeSentimentRequest {
	return &languagepb.AnalyzeSentimentRequest{
		Document:     &languagepb.Document{Type: languagepb.Document_PLAIN_TEXT, Source: &languagepb.Document_Content{Content: text}},
		EncodingType: languagepb.EncodingType_UTF16,
	}
}

func TestAnalyzeSentiment(t *testing.T) {
	_, c := start(t)
	for _, tc := range []struct {
		text, lang string
		supported  bool
		sign       int
	}{
		{"포토카드가 너무 예뻐요! 배송도 빨라요.", "ko", true, 1},
		{"앨범이 구겨져서 왔어요. 실망입니다.", "ko", true, -1},
		{"생각보다 예쁘지 않아요", "ko", true, -1},
		{"This is a beautiful album and I love it", "en", true, 1},
		{"It arrived late and the box was torn", "en", true, -1},
		{"This is not good", "en", true, -1},
		{"写真集がとてもきれいで大好きです", "ja", true, 1},
		{"质量很差，很失望", "zh", true, -1},
		{"Le poster est magnifique et je l’adore", "fr", true, 1},
		{"El disco está roto y es una decepción", "es", true, -1},
		{"It is a box", "en", true, 0},
		{"المنتج رائع", "und", false, 0},
		{"💜💜💜", "und", false, 0},
	} {
		t.Run(tc.text, func(t *testing.T) {
			got, err := c.AnalyzeSentiment(t.Context(), request(tc.text))
			if err != nil {
				t.Fatal(err)
			}
			if got.LanguageCode != tc.lang || got.LanguageSupported != tc.supported {
				t.Errorf("language %q supported %v, want %q %v", got.LanguageCode, got.LanguageSupported, tc.lang, tc.supported)
			}
			score := got.DocumentSentiment.Score
			if score < -1 || score > 1 || score*float32(tc.sign) < 0 || (score == 0) != (tc.sign == 0) {
				t.Errorf("score %v, want sign %d", score, tc.sign)
			}
			if m := got.DocumentSentiment.Magnitude; (m == 0) != (tc.sign == 0) {
				t.Errorf("magnitude %v at score %v", m, score)
			}
		})
	}
}

func TestOffsetsAreCountedAsAsked(t *testing.T) {
	_, c := start(t)
	got, err := c.AnalyzeSentiment(t.Context(), request("💜 good! 나빠요"))
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Sentences) != 2 || got.Sentences[1].Text.BeginOffset != 9 || got.Sentences[1].Text.Content != "나빠요" {
		t.Errorf("sentences = %v, want the second at UTF-16 unit 9", got.Sentences)
	}
}

func TestRefusals(t *testing.T) {
	s, c := start(t)
	if _, err := c.AnalyzeSentiment(t.Context(), request(" \n")); status.Code(err) != codes.InvalidArgument {
		t.Errorf("an empty document gives %v, want InvalidArgument", err)
	}
	s.Fail(status.Error(codes.ResourceExhausted, "quota"))
	if _, err := c.AnalyzeSentiment(t.Context(), request("good")); status.Code(err) != codes.ResourceExhausted {
		t.Errorf("got %v, want what was injected", err)
	}
	s.Fail(nil)
	if _, err := c.AnalyzeSentiment(t.Context(), request("good")); err != nil {
		t.Error(err)
	}
	if got := s.Calls(); got != 3 {
		t.Errorf("Calls() = %d, want 3", got)
	}
}

func FuzzAnalyzeSentiment(f *testing.F) {
	_, c := start(f)
	f.Add("좋아요! 💜 bad.")
	f.Add("...!!!\n\n")
	f.Fuzz(func(t *testing.T, text string) {
		got, err := c.AnalyzeSentiment(t.Context(), request(text))
		if err != nil {
			return // gRPC refuses invalid UTF-8, the server what is empty
		}
		if s := got.DocumentSentiment.Score; !(s >= -1 && s <= 1) {
			t.Errorf("%q: score %v", text, s)
		}
	})
}
