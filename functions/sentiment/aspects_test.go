package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// names returns the aspects that a sentence mentions, joined by spaces.
func names(text string) string {
	var found []string
	for _, a := range findAspects(text, []sentence{{0, len(text), 1}}) {
		found = append(found, a.name)
	}
	return strings.Join(found, " ")
}

func TestSentencesMentionAspects(t *testing.T) {
	for _, tc := range [][2]string{
		// Korean
		{"배송이 정말 빨라요", "delivery"},
		{"새벽배송이라 눈 뜨니 와 있네요", "delivery"},
		{"택배 기사님이 친절하세요", "delivery"},
		{"이틀 만에 도착했어요ㅠㅠ", "delivery"},
		{"송장번호만 찍어 놓고 물건은 나흘째 움직이질 않네요", "delivery"},
		{"배송비가 아까워요", "price"},
		{"무료배송이라 좋아요", "delivery"},
		{"포장이 꼼꼼해요", "packaging"},
		{"뽁뽁이를 세 겹이나 둘러 주셨어요", "packaging"},
		{"택배 상자가 다 찌그러졌어요", "packaging"},
		{"모서리가 찍혔어요", "packaging"},
		{"배송은빠른데포장이별로", "delivery packaging"},
		{"품질이 기대 이하입니다", "quality"},
		{"질이 좋아요", "quality"},
		{"질문에 답이 없어요", ""},
		{"원단이 얇아요", "quality"},
		{"색감이 사진이랑 똑같아요", "quality"},
		{"마감 처리가 깔끔해요", "quality"},
		{"예약 마감 직전에 샀어요", ""},
		{"사이즈가 딱 맞아요", "size"},
		{"미니사이즈라 귀여워요", "size"},
		{"추석 사이즈음 왔으면 했는데", ""},
		{"핏도 이쁘고", "size"},
		{"해피핏자 먹으면서 봤어요", ""},
		{"소매가 손목 위로 올라와요", "size"},
		{"저한텐 작아요", "size"},
		{"작품이네요", ""},
		{"크기는 손바닥만 해요", "size"},
		{"기대가 너무 커서 그런지 아쉬워요", ""},
		{"가격이 착해요", "price"},
		{"값이 올랐네요", "price"},
		{"값진 선물이었어요", ""},
		{"나잇값 못하고 샀어요", ""},
		{"돈이 하나도 안 아까워요", "price"},
		{"너무 비싸요", "price"},
		{"싸게 잘 샀습니다", "price"},
		{"싸인이 예뻐요", ""},
		{"기모가 빵빵하고 냄새도 없어요", "quality"},
		{"제 것만 흠집이 있어요", "quality"},
		{"머리를 감싸고 울었어요", ""},
		{"가성비 최고", "price"},
		{"포토카드 두 장이 빠져 있어요", "contents"},
		{"포카가 최애라 울었어요", "contents"},
		{"포카칩 먹으면서 들어요", ""},
		{"구성도 알차요", "contents"},
		{"구성원 모두 멋져요", ""},
		{"포장마차에서 듣는 노래 같아요", ""},
		{"특전이 누락됐어요", "contents"},
		{"포스터가 구겨져서 왔어요", "packaging contents"},
		{"가격 대비 품질이 좋고 배송도 빨라요", "delivery quality price"},
		{"포토 카드가 없어요", "contents"},
		{"일주일이나 걸렸어요", "delivery"},
		{"시간 가는 줄 모르고 봤어요", ""},
		{"에어캡에 두 번 싸서 보내주셨어요", "packaging"},
		{"꼼꼼하게 싸주셨네요", "packaging"},
		{"싸서 두 개 샀어요", "price"},
		{"바느질이 삐뚤빼뚤해요", "quality"},
		{"찢어져 있었어요", "quality"},
		{"생각보다 커요", "size"},
		{"마음이 커요", ""},
		{"생각보다 작품성이 있어요", ""},
		{"가슴이 찢어지는 노래", ""},
		{"비싸 주저했지만 만족", "price"},
		{"꽉 껴요", "size"},
		{"길이가 길어요", "size"},
		{"그냥 다 좋아요 보라해 💜", ""},
		// English
		{"Delivery took three weeks", "delivery"},
		{"It arrived on time", "delivery"},
		{"Shipping was fast but the box was crushed", "delivery packaging"},
		{"The shipping fee is too high", "price"},
		{"It really delivers on the hype", ""},
		{"Well packaged, thank you", "packaging"},
		{"The box set is gorgeous", ""},
		{"The quality is great", "quality"},
		{"Thin fabric and loose stitching", "quality"},
		{"it looks cheap", "quality"},
		{"Cheap and cheerful", "price"},
		{"SIZE M FITS PERFECTLY", "size"},
		{"Sizes run small", "size"},
		{"runs small", "size"},
		{"he runs to small shops", ""},
		{"a benefit for everyone", ""},
		{"The oversized hoodie is baggy", "size"},
		{"Worth every penny", "price"},
		{"it was worth the wait", ""},
		{"Overpriced for what it is", "price"},
		{"a priceless memory", ""},
		{"My photocard was missing", "contents"},
		{"I keep missing them since the tour", ""},
		{"got my bias and a duplicate pc", "contents"},
		{"I love this so much", ""},
		// Japanese
		{"配送がとても早かったです", "delivery"},
		{"翌日に届きました", "delivery"},
		{"送料が高いです", "price"},
		{"梱包がとても丁寧でした", "packaging"},
		{"箱が潰れていました", "packaging"},
		{"箱推しなので嬉しい", ""},
		{"生地が薄いです", "quality"},
		{"丈夫で長持ちしそう", "quality"},
		{"大丈夫です", ""},
		{"手作りケーキと一緒に", ""},
		{"サイズがちょうどいい", "size"},
		{"丈が短い", "size"},
		{"思ったより大きめでした", "size"},
		{"値段が高すぎます", "price"},
		{"コスパ最高", "price"},
		{"安心して買えます", ""},
		{"目安になります", ""},
		{"トレカがダブりました", "contents"},
		{"特典が入っていなかった", "contents"},
		{"すぐに破れた", "quality"},
		{"少し大きいです", "size"},
		{"ちょうどいい長さ", "size"},
		{"ちょっと高いです", "price"},
		{"とても可愛い", ""},
		// two languages in one sentence
		{"size가 좀 크네요", "size"},
		{"photocard는 귀여운데 배송이 늦음", "delivery contents"},
		{"", ""},
	} {
		if got := names(tc[0]); got != tc[1] {
			t.Errorf("%q mentions %q, want %q", tc[0], got, tc[1])
		}
	}
}

func TestAspectScoreIsTheMeanOfItsSentences(t *testing.T) {
	const text = "배송은 빨라요. 그런데 포장이 엉망. 배송 기사님도 별로. 노래는 좋아요."
	var sentences []sentence
	at := 0
	for i, part := range strings.SplitAfter(text, ".") {
		if part != "" {
			sentences = append(sentences, sentence{at, at + len(part), []float64{0.9, -0.8, -0.2, 0.7}[i]})
		}
		at += len(part)
	}
	want := []aspect{{"delivery", 0.35}, {"packaging", -0.8}}
	if diff := cmp.Diff(want, findAspects(text, sentences), cmp.AllowUnexported(aspect{})); diff != "" {
		t.Error(diff)
	}
	for _, outside := range []sentence{{-1, 3, 1}, {0, len(text) + 1, 1}, {5, 5, 1}, {6, 5, 1}} {
		if got := findAspects(text, []sentence{outside}); got != nil {
			t.Errorf("aspects %v of a sentence at %d to %d", got, outside.Start, outside.End)
		}
	}
}

func TestLexiconIsWellFormed(t *testing.T) {
	for i, entry := range lexicon {
		for _, w := range append(slices.Clone(entry.words), entry.except...) {
			if w != strings.ToLower(w) || strings.Trim(w, "|") == "" {
				t.Errorf("%s: word %q is empty or not in lower case", entry.aspect, w)
			}
		}
		if n := slices.Compact(slices.Sorted(slices.Values(entry.words))); len(n) != len(entry.words) {
			t.Errorf("%s lists a word twice", entry.aspect)
		}
		for _, e := range entry.except {
			if !slices.ContainsFunc(entry.words, func(w string) bool { return strings.Contains(e, strings.Trim(w, "|")) }) {
				t.Errorf("%s: exception %q contains no word of the aspect", entry.aspect, e)
			}
		}
		if len(matchers) != len(lexicon) || matchers[i].aspect != entry.aspect {
			t.Errorf("%s is not matcher %d", entry.aspect, i)
		}
	}
}

func FuzzFindAspects(f *testing.F) {
	f.Add("배송이 빨라요", 0, 19)
	f.Add("\xffsize", -1, 99)
	f.Fuzz(func(t *testing.T, text string, start, end int) {
		for _, a := range findAspects(text, []sentence{{start, end, -1}, {0, len(text), 1}}) {
			if a.score < -1 || a.score > 1 {
				t.Errorf("score %v of %s is out of range", a.score, a.name)
			}
		}
	})
}

func BenchmarkFindAspects(b *testing.B) {
	const text = "포토카드가 정말 예뻐요! 배송은 이틀 걸렸고 포장도 꼼꼼했어요. 가격은 18,900원이라 부담 없고 사이즈도 딱 맞아서 만족합니다."
	for b.Loop() {
		findAspects(text, []sentence{{0, len(text), 1}})
	}
}
