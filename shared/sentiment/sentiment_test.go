package sentiment_test

import (
	"testing"

	"github.com/hybrid-bts/functions/shared/sentiment"
)

const (
	korean  = "배송이 정말 빨랐고 포장도 꼼꼼해서 좋았어요. 다만 생각보다 색이 어둡고 재질이 얇지는 않지만 조금 아쉬워요. 그래도 딸이 좋아해서 만족해요!"
	english = "Arrived quickly and well packed, but the fabric isn't as soft as I hoped. OK buy"
)

func BenchmarkAnalyze(b *testing.B) {
	for name, text := range map[string]string{"korean": korean, "english": english} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				sentiment.Analyze(text)
			}
		})
	}
	b.Run("abuse", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			sentiment.Abuse(korean)
		}
	})
}
