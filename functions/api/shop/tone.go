package shop

// minTone is the least absolute sentiment score, of at most 1, that pages label positive or negative. Most readers call
// a text with a lower score neutral.
const minTone = 0.25

// tone returns the label of a sentiment score: a suffix of text keys and a CSS class.
func tone(score float64) string {
	switch {
	case score >= minTone:
		return "positive"
	case score <= -minTone:
		return "negative"
	}
	return "neutral"
}
