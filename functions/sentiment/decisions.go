package main

import (
	"github.com/hybrid-bts/functions/shared/schema/review"
)

// addDecision adds an operator's decision to the history, once.
func (r *record) addDecision(d review.Decision) {
	for i, at := range r.DecidedAt {
		if at.Equal(d.At) && r.Verdicts[i] == string(d.Verdict) && r.DecidedOn[i] == d.Revision {
			return
		}
	}
	r.Verdicts, r.Reasons = append(r.Verdicts, string(d.Verdict)), append(r.Reasons, d.Reason)
	r.DecidedOn, r.DecidedAt = append(r.DecidedOn, d.Revision), append(r.DecidedAt, d.At)
}
