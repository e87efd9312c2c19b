package main

// sortOrder is an order of reviews, a value of the parameter sort. Equal reviews are sorted newest first, reviews of the
// same time by id.
type sortOrder string

// The orders of the contract.
const (
	newest       sortOrder = "newest"
	oldest       sortOrder = "oldest"
	highest      sortOrder = "highest"
	lowest       sortOrder = "lowest"
	mostPositive sortOrder = "most_positive"
	mostNegative sortOrder = "most_negative"
	mostHelpful  sortOrder = "most_helpful"
)

// sortKey is the value of a review that an order compares before the time.
type sortKey int

// The sort keys.
const (
	byTime sortKey = iota // no such value
	byRating
	byScore
	byVotes
)

// sortRule describes a sortOrder.
type sortRule struct {
	key       sortKey
	ascending bool // of the key; of the time if the key is byTime
}

// sortRules has a rule for each order. A rule that is not ascending is descending.
var sortRules = map[sortOrder]sortRule{
	newest:       {key: byTime},
	oldest:       {key: byTime, ascending: true},
	highest:      {key: byRating},
	lowest:       {key: byRating, ascending: true},
	mostPositive: {key: byScore},
	mostNegative: {key: byScore, ascending: true},
	mostHelpful:  {key: byVotes},
}

// value returns the sort value of a review: nil if the order compares only the time or the review lacks the value. Reviews
// that lack it come last, whether the order is ascending or not.
func (s sortOrder) value(r *review) *float64 {
	switch sortRules[s].key {
	case byRating:
		v := float64(r.Rating)
		return &v
	case byScore:
		return r.Score
	case byVotes:
		if r.Votes != nil {
			v := float64(*r.Votes)
			return &v
		}
	}
	return nil
}
