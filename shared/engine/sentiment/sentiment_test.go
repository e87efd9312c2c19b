package sentiment

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"
)

// Reviews of 80 characters.
const (
	korean  = "배송이 정말 빨랐고 포장도 꼼꼼해서 좋았어요. 다만 생각보다 색이 어둡고 재질이 조금 얇아서 아쉬워요. 그래도 딸이 좋아해서 만족해요 또 살게요"
	english = "Arrived quickly, well packed, but the fabric isn't as soft as I hoped. Still OK!"
)

func BenchmarkAnalyze(b *testing.B) {
	for _, bc := range []struct{ name, text string }{{"korean", korean}, {"english", english}} {
		b.Run(bc.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				Analyze(bc.text)
			}
		})
	}
}

func BenchmarkAbuse(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		Abuse(korean)
	}
}

func TestBenchmarkReviewsHave80Characters(t *testing.T) {
	for _, text := range []string{korean, english} {
		if n := utf8.RuneCountInString(text); n != 80 {
			t.Errorf("%d characters, want 80: %s", n, text)
		}
	}
}

func TestFunctionsDoNotAllocate(t *testing.T) {
	dst := make([]Sentence, 0, 16)
	for name, f := range map[string]func(string){
		"Analyze":         func(s string) { Analyze(s) },
		"AppendSentences": func(s string) { AppendSentences(dst, s) },
		"Abuse":           func(s string) { Abuse(s) },
	} {
		for _, text := range []string{korean, english, "最高です。また買います", "质量很好，推荐！", "très déçue 😡", "Не работает"} {
			if n := testing.AllocsPerRun(10, func() { f(text) }); n != 0 {
				t.Errorf("%s(%q) has %v allocations, want 0", name, text, n)
			}
		}
	}
}

func TestPositiveAndNegativeReviewsHaveTheSignOfTheirScore(t *testing.T) {
	for _, tc := range []struct {
		language string
		positive []string
		negative []string
	}{
		{"ko", []string{"배송 빠르고 포장도 꼼꼼해요", "나쁘지 않아요", "재질이 부드럽고 따뜻해서 만족합니다", "후회 안 해요", "ㅋㅋㅋ 대박 예뻐요"},
			[]string{"완전 별로예요", "안 좋아요", "안좋아요", "좋지 않아요", "찢어져서 왔어요 환불해 주세요", "다시는 안 사요", "돈 아까워요"}},
		{"en", []string{"Great quality, fast shipping!", "not bad at all", "I love this hoodie so much", "never disappointed"},
			[]string{"Terrible quality, broke after one day", "not good", "I don't recommend this", "waste of money", "never again"}},
		{"ja", []string{"とても可愛くて大満足です", "買ってよかった"}, []string{"すぐ壊れました。最悪です", "がっかりしました"}},
		{"zh", []string{"质量很好，非常满意", "物流很快，推荐购买"}, []string{"质量太差了，很失望", "假货，要求退款"}},
		{"zh-Hant", []string{"品質很好，推薦給大家", "出貨很快，謝謝賣家"}, []string{"品質很差，後悔買了", "收到時壞掉了，很失望"}},
		{"fr", []string{"Très bonne qualité, je recommande", "Livraison rapide, je suis ravie"}, []string{"Très déçue, mauvaise qualité", "Je ne recommande pas du tout ce produit"}},
		{"es", []string{"Muy buena calidad, lo recomiendo", "Me encanta, llegó muy rápido"}, []string{"Muy mala calidad, no lo recomiendo", "Llegó roto y quiero mi dinero de vuelta"}},
	} {
		for _, text := range tc.positive {
			if r := Analyze(text); !r.Scored || r.Score <= 0 || r.Language != tc.language {
				t.Errorf("positive review %q: %+v, want language %s and a score above 0", text, r, tc.language)
			}
		}
		for _, text := range tc.negative {
			if r := Analyze(text); !r.Scored || r.Score >= 0 || r.Language != tc.language {
				t.Errorf("negative review %q: %+v, want language %s and a score below 0", text, r, tc.language)
			}
		}
	}
}

func TestLanguagesWithoutWeightsAreNotScored(t *testing.T) {
	for text, want := range map[string]string{
		"Очень хорошо, спасибо": "ru", "Дуже гарний альбом, він мені подобається": "uk", "สวยมากค่ะ": "th", "جميل جدا": "ar", "Πολύ καλό": "el",
		"Die Lieferung war schnell und alles ist gut angekommen": "de", "Giao hàng nhanh, rất hài lòng": "vi",
		"": "und", "   \n": "und", "\xff\xff": "und", "12345": "und",
	} {
		if r := Analyze(text); r.Scored || r.Language != want || r.Score != 0 || r.Magnitude != 0 {
			t.Errorf("%q: %+v, want language %s without a score", text, r, want)
		}
	}
}

func TestTextsOfSymbolsAreScored(t *testing.T) {
	if r := Analyze("💜💜💜👍"); !r.Scored || r.Score <= 0 || r.Language != "und" {
		t.Errorf("%+v", r)
	}
	if r := Analyze("😡👎"); !r.Scored || r.Score >= 0 {
		t.Errorf("%+v", r)
	}
}

func TestEquivalentSpellingsHaveEqualScores(t *testing.T) {
	for _, tc := range [][2]string{
		{"한국어 배송 값", "한국어 배송 값"},
		{"très déçu, ça va", "tre\u0300s de\u0301c\u0327u, c\u0327a va"},
		{"ガッカリ", "カ\u3099ッカリ"},
		{"かわいい", "カワイイ"},
		{"カワイイ", "ｶﾜｲｲ"},
		{"GOOD", "ｇｏｏｄ"},
		{"so goooood", "so goooooooood"},
		{"don't like it", "don’t like it"},
		{"좋아요ㅋㅋㅋ", "좋아요ㅋㅋㅋㅋㅋㅋㅋ"},
		{"❤", "💜"}, {"👍🏽", "👍"}, {"❤️", "❤"},
	} {
		if a, b := Analyze(tc[0]), Analyze(tc[1]); a != b {
			t.Errorf("%q: %+v, but %q: %+v", tc[0], a, tc[1], b)
		}
	}
}

func TestSentencesEndAtTerminatorsAndNewlines(t *testing.T) {
	for _, tc := range []struct {
		text string
		want []string
	}{
		{"배송 빨라요. 예뻐요! 또 살까요?", []string{"배송 빨라요.", "예뻐요!", "또 살까요?"}},
		{"좋아요ㅋㅋ ㅠㅠ", []string{"좋아요ㅋㅋ ㅠㅠ"}},
		{"좋아요! ㅋㅋㅋ 💜 또 살게요", []string{"좋아요! ㅋㅋㅋ 💜", "또 살게요"}},
		{"최고です。また買います！", []string{"최고です。", "また買います！"}},
		{"첫 줄\n둘째 줄\r\n\r\n셋째", []string{"첫 줄", "둘째 줄", "셋째"}},
		{"It costs 3.50 at shop.example.com. OK", []string{"It costs 3.50 at shop.example.com.", "OK"}},
		{"Great.Fast.", []string{"Great.", "Fast."}},
		{"음… 별로", []string{"음…", "별로"}},
		{`He said "no!" (really). Yes`, []string{`He said "no!"`, "(really).", "Yes"}},
		{"!!! 굿", []string{"!!! 굿"}},
		{"💜", []string{"💜"}},
		{" \n ", nil},
	} {
		var got []string
		for _, s := range AppendSentences(nil, tc.text) {
			got = append(got, tc.text[s.Start:s.End])
		}
		if strings.Join(got, "|") != strings.Join(tc.want, "|") {
			t.Errorf("%q: %q, want %q", tc.text, got, tc.want)
		}
	}
}

func TestScoreOfATextIsTheMeanOfItsSentences(t *testing.T) {
	for _, text := range []string{korean, english} {
		var sum, scores float64
		sentences := AppendSentences(nil, text)
		for _, s := range sentences {
			if s.Magnitude != math.Abs(s.Score) {
				t.Errorf("%+v", s)
			}
			sum += s.Magnitude
			scores += s.Score
		}
		got := Analyze(text)
		if math.Abs(got.Magnitude-sum) > 1e-9 || len(sentences) < 2 {
			t.Errorf("magnitude %v of %d sentences, want %v", got.Magnitude, len(sentences), sum)
		}
		if want := scores / float64(len(sentences)); math.Abs(got.Score-want) > 1e-9 {
			t.Errorf("score %v, want the mean %v", got.Score, want)
		}
	}
}

func TestAbuseIsDistinguishedFromComplaints(t *testing.T) {
	for _, text := range []string{"씨발 판매자 새끼 죽어라", "병신 같은 새끼들", "fuck you, seller is a bastard", "you stupid idiots, go to hell assholes"} {
		if p := Abuse(text); p < 0.6 {
			t.Errorf("%q: %.2f", text, p)
		}
	}
	for _, text := range []string{korean, english, "배송이 너무 늦어서 화가 나요", "terrible quality, I want a refund", "", "시작하자마자 고장"} {
		if p := Abuse(text); p > 0.4 {
			t.Errorf("%q: %.2f", text, p)
		}
	}
}

func TestConcurrentCallsReturnEqualResults(t *testing.T) {
	want := Analyze(korean)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 100 {
				if got := Analyze(korean); got != want {
					t.Errorf("%+v, want %+v", got, want)
				}
			}
		})
	}
	wg.Wait()
}

func TestEmbeddedWeightsAreComplete(t *testing.T) {
	m := embedded()
	if err := m.Check(); err != nil {
		t.Error(err)
	}
	files, err := filepath.Glob("weights/*.bin")
	if err != nil {
		t.Fatal(err)
	}
	var size int64
	for _, f := range files {
		info, err := os.Stat(f)
		if err != nil {
			t.Fatal(err)
		}
		size += info.Size()
	}
	if len(files) != 7 || size > 1_500_000 {
		t.Errorf("%d files of %d bytes", len(files), size)
	}
}

func TestIncompleteWeightsAreErrors(t *testing.T) {
	good := NewWeights(0.5, []int8{1, -1})
	if err := good.Check(); err != nil {
		t.Error(err)
	}
	for _, bad := range []Weights{"", "HBTS", good[:len(good)-1], good + "x", "X" + good[1:]} {
		if bad.Check() == nil {
			t.Errorf("Check of %q returns no error", bad)
		}
	}
	m := embedded()
	m.Scores = good
	if m.Check() == nil {
		t.Error("Check of a calibration with two scores returns no error")
	}
}

func TestTraditionalCharactersAreSorted(t *testing.T) {
	for i := range traditional[1:] {
		if traditional[i].from >= traditional[i+1].from {
			t.Errorf("%c is before %c", traditional[i].from, traditional[i+1].from)
		}
	}
	if !Traditional("品質很好") || Traditional("质量很好") {
		t.Error("Traditional does not distinguish traditional and simplified texts")
	}
}

func FuzzAnalyze(f *testing.F) {
	for _, s := range []string{korean, english, "", "\xff", "ㅋㅋ", "e\u0301", "각", "𠀀", "a\x00.\x00b", "좋지않아요없어요아니에요", "!!!…。。", "ｶﾞ", strings.Repeat("a", 200)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r := Analyze(text)
		if r.Score < -1 || r.Score > 1 || r.Magnitude < 0 || r.Language == "" || r.Score != r.Score {
			t.Fatalf("%+v", r)
		}
		if !r.Scored && (r.Score != 0 || r.Magnitude != 0) {
			t.Fatalf("unscored text has the result %+v", r)
		}
		if p := Abuse(text); !(p >= 0 && p <= 1) {
			t.Fatalf("abuse %v", p)
		}
		starts := map[int]bool{len(text): true}
		for i := range text {
			starts[i] = true
		}
		last := 0
		for _, s := range AppendSentences(nil, text) {
			if s.Start < last || s.End <= s.Start || !starts[s.Start] || !starts[s.End] || s.Score < -1 || s.Score > 1 {
				t.Fatalf("%+v after %d", s, last)
			}
			last = s.End
		}
		if again := Analyze(text); again != r {
			t.Fatalf("%+v, then %+v", r, again)
		}
	})
}

func ExampleAnalyze() {
	for _, text := range []string{"배송도 빠르고 너무 예뻐요!", "The zipper broke after two days.", "Vielen Dank, alles gut angekommen und sehr schön"} {
		r := Analyze(text)
		fmt.Println(r.Language, r.Scored, r.Score > 0)
	}
	// Output:
	// ko true true
	// en true false
	// de false false
}

func TestLongTextsKeepTheSignOfTheirScore(t *testing.T) {
	for text, times := range map[string]int{"최악. ": 3e6, "너무 실망이에요 ": 1e6} {
		if r := Analyze(strings.Repeat(text, times)); r.Language != "ko" || r.Score >= 0 {
			t.Errorf("%d times %q: %+v", times, text, r)
		}
	}
}
