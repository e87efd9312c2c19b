package main

import (
	"maps"
	"math"

	"github.com/hybrid-bts/functions/shared/schema/review"
)

// counts are the numbers that one review, or the difference of two states of it, adds to the sums of its product.
type counts struct {
	stars          [5]int64 // reviews with 1 to 5 stars
	scored, micros int64    // reviews with a score, and the sum of their scores in millionths
	aspects        map[string]mentions
}

// mentions are the reviews that mention an aspect, and the sum of their scores for it in millionths.
type mentions struct{ reviews, micros int64 }

// counts returns the numbers that the review adds to the sums of its product: none unless it is published.
func (r *record) counts() counts {
	c := counts{}
	if r.Status != review.Published {
		return c
	}
	c.stars[r.Rating-1] = 1
	if r.Score.Valid {
		c.scored, c.micros = 1, micros(r.Score.Float64)
	}
	c.aspects = map[string]mentions{}
	for i, name := range r.Aspects {
		c.aspects[name] = mentions{1, micros(r.AspectScores[i])}
	}
	return c
}

// minus returns the difference c - d, without the aspects whose difference is zero.
func (c counts) minus(d counts) counts {
	diff := counts{scored: c.scored - d.scored, micros: c.micros - d.micros, aspects: map[string]mentions{}}
	for i := range c.stars {
		diff.stars[i] = c.stars[i] - d.stars[i]
	}
	maps.Copy(diff.aspects, c.aspects)
	for name, m := range d.aspects {
		diff.aspects[name] = mentions{diff.aspects[name].reviews - m.reviews, diff.aspects[name].micros - m.micros}
	}
	maps.DeleteFunc(diff.aspects, func(_ string, m mentions) bool { return m == mentions{} })
	return diff
}

// micros returns a score in millionths. Sums use whole numbers, because sums of floating-point numbers drift as reviews
// are added and removed.
func micros(score float64) int64 { return int64(math.Round(score * 1e6)) }

// roundToMicros rounds a score to the precision of the sums.
func roundToMicros(f float64) float64 { return math.Round(f*1e6) / 1e6 }
