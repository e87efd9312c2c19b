package main

import "testing"

// BenchmarkAssess measures the model, the lexicon and the patterns of contact details, without the API and the database.
func BenchmarkAssess(b *testing.B) {
	a := &analyzer{scoring: scoringEmbedded, moderation: moderationEmbedded, filter: embeddedFilter}
	r := newReview(5, "포토카드가 정말 예뻐요! 배송은 이틀 걸렸고 포장도 꼼꼼했어요. 가격은 18,900원이라 부담 없고 사이즈도 딱 맞아서 만족합니다.")
	for b.Loop() {
		if _, err := a.assess(b.Context(), r); err != nil {
			b.Fatal(err)
		}
	}
}
