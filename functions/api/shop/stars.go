package shop

import (
	"net/url"
	"strconv"

	"golang.org/x/text/number"
)

// maxStars is the number of stars of the best rating.
const maxStars = 5

// starRating is a rating as the template "stars" draws it.
type starRating struct {
	Label string  // for screen readers, such as "4.3 out of 5 stars"
	Width float64 // of the filled part, in percent
}

// newStarRating returns the stars of a mean rating of 1 to 5. 0 means that nobody rated the product. The label
// of a whole mean has no decimals: 5.
func (l *language) newStarRating(mean float64) (starRating, error) {
	if mean == 0 {
		label, err := l.T("unrated")
		return starRating{Label: label}, err
	}
	label, err := l.T("out_of_five", "n", l.printer.Sprint(number.Decimal(mean, number.MaxFractionDigits(averageDecimals))))
	return starRating{label, mean * (100 / maxStars)}, err
}

// histogramRow is the number of reviews with one star value. Its link filters the reviews by that value, or removes the
// filter if it is set.
type histogramRow struct {
	Star, Count int64
	Percent     float64 // of all reviews
	URL         string
	Selected    bool
}

// histogram returns a row for each star value, best first.
func histogram(r rating, query url.Values) []histogramRow {
	var rows []histogramRow
	for star := int64(maxStars); star >= 1; star-- {
		value := strconv.FormatInt(star, 10)
		row := histogramRow{Star: star, Count: r.Stars[value], Percent: percent(r.Stars[value], r.Count), Selected: query.Get("rating") == value}
		if row.Selected {
			value = ""
		}
		row.URL = withParam(query, "rating", value)
		rows = append(rows, row)
	}
	return rows
}

// percent returns 0 for a part of 0 reviews.
func percent(part, whole int64) float64 {
	if whole == 0 {
		return 0
	}
	return float64(part) / float64(whole) * 100
}
