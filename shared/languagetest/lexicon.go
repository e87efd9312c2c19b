package languagetest

import "strings"

// common are words that tell the languages in Latin script apart.
var common = map[string]string{
	"en": " the a an and is are was it this that i my you for with of to in very so but not ",
	"fr": " le la les un une des et est sont je tu il elle ce cette mon ma pour avec de du dans très mais pas ",
	"es": " el la los las un una y es son yo mi tu este esta para con de del en muy pero no que ",
}

// words are what a language's reviews praise and blame with.
type words struct {
	// spaced says that words stand apart; else they are looked for anywhere in the text.
	spaced              bool
	good, bad, negation []string
}

// sure is the score of a sentence in which all words agree.
const sure = 0.9

// score returns a sentence's score, -1 to 1: 0 when it has no word that we know.
func (w words) score(sentence string) float64 {
	text := strings.ToLower(sentence)
	count := func(list []string) int {
		n := 0
		for _, s := range list {
			n += strings.Count(text, s)
		}
		return n
	}
	if w.spaced {
		in := tokens(sentence)
		count = func(list []string) int {
			n := 0
			for _, t := range in {
				for _, s := range list {
					if t == s {
						n++
					}
				}
			}
			return n
		}
	}
	good, bad := count(w.good), count(w.bad)
	if good+bad == 0 {
		return 0
	}
	score := sure * float64(good-bad) / float64(good+bad)
	if count(w.negation)%2 == 1 {
		score = -score
	}
	return score
}

var lexicon = map[string]words{
	"ko": {
		good:     []string{"좋", "예쁘", "예뻐", "이쁘", "이뻐", "최고", "만족", "사랑", "추천", "완벽", "감동", "빠르", "빨라", "재밌", "재미있", "훌륭", "행복", "귀여", "튼튼"},
		bad:      []string{"별로", "실망", "최악", "나쁘", "나빠", "찢어", "구겨", "늦", "느리", "불량", "환불", "아깝", "싫", "재미없", "쓰레기", "비싸", "짜증", "지루", "더러"},
		negation: []string{"지 않", "지않", "안 좋", "못 ", "안 예"},
	},
	"ja": {
		good:     []string{"良", "いい", "よかった", "最高", "可愛", "かわいい", "嬉し", "綺麗", "きれい", "満足", "素敵", "大好き", "おすすめ", "素晴らし", "早く"},
		bad:      []string{"悪", "最悪", "残念", "遅", "破れ", "汚", "ひどい", "がっかり", "不良", "高すぎ", "つまらな", "壊れ"},
		negation: []string{"くない", "ではない", "じゃない"},
	},
	"zh": {
		good:     []string{"好", "喜欢", "喜歡", "漂亮", "满意", "滿意", "推荐", "推薦", "完美", "爱", "愛", "棒", "快", "精美", "值得"},
		bad:      []string{"差", "失望", "坏", "壞", "慢", "破", "退货", "退貨", "糟", "贵", "貴", "脏", "髒", "难看", "難看"},
		negation: []string{"不好", "不喜", "不推", "不值", "不满", "不滿", "没有"},
	},
	"en": {
		spaced: true,
		good: []string{"good", "great", "love", "loved", "lovely", "beautiful", "perfect", "amazing", "excellent", "best", "happy", "nice", "gorgeous",
			"recommend", "fast", "wonderful", "fun", "enjoyed", "funny", "brilliant", "cute", "soft", "sturdy", "pretty"},
		bad: []string{"bad", "terrible", "awful", "worst", "poor", "broken", "torn", "bent", "late", "slow", "disappointed", "disappointing", "hate",
			"waste", "boring", "refund", "ugly", "cheap", "dirty", "damaged", "horrible", "dull", "missing", "faded"},
		negation: []string{"not", "never", "don't", "doesn't", "didn't", "isn't", "wasn't", "don’t", "doesn’t", "didn’t", "isn’t", "wasn’t"},
	},
	"fr": {
		spaced: true,
		good: []string{"bon", "bonne", "bien", "beau", "belle", "magnifique", "parfait", "parfaite", "adore", "aime", "super", "excellent", "ravie", "ravi",
			"recommande", "rapide", "joli", "jolie"},
		bad:      []string{"mauvais", "mauvaise", "nul", "nulle", "déçu", "déçue", "horrible", "cassé", "cassée", "déchiré", "abîmé", "lent", "retard", "pire", "moche"},
		negation: []string{"pas", "jamais"},
	},
	"es": {
		spaced: true,
		good: []string{"bueno", "buena", "bien", "bonito", "bonita", "hermoso", "hermosa", "perfecto", "perfecta", "encanta", "encantó", "excelente",
			"mejor", "feliz", "recomiendo", "rápido", "genial"},
		bad:      []string{"malo", "mala", "mal", "peor", "roto", "rota", "feo", "fea", "tarde", "lento", "decepción", "decepcionado", "decepcionada", "horrible", "dañado"},
		negation: []string{"no", "nunca"},
	},
}
