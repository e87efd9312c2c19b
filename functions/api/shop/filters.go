package shop

import (
	"maps"
	"net/url"
	"strconv"
)

// Values of the filters and of the sort order, in the order in which pages offer them. The first sort order is the
// default of the API.
var (
	productKinds    = []string{"album", "photobook", "clothing", "household", "video"}
	reviewSorts     = []string{"newest", "oldest", "highest", "lowest", "most_positive", "most_negative", "most_helpful"}
	reviewLanguages = []string{"ko", "en", "ja", "fr", "es", "zh"}
)

// option is one value of a filter, with the address of the list that it filters.
type option struct {
	Value, URL string
	Selected   bool
}

// options returns an option for each value of a query parameter.
func options(query url.Values, parameter string, values ...string) []option {
	var all []option
	for _, v := range values {
		all = append(all, option{v, withParam(query, parameter, v), query.Get(parameter) == v})
	}
	return all
}

// selectParams returns the given parameters of a query without empty values. Browsers send an empty value for each
// filter that is not set.
func selectParams(query url.Values, parameters ...string) url.Values {
	selected := url.Values{}
	for _, name := range parameters {
		for _, v := range query[name] {
			if v != "" {
				selected.Add(name, v)
			}
		}
	}
	return selected
}

// withParam returns a relative URL: the query with one parameter set, or removed if the value is "". It drops the page
// token, because a changed list starts at its first page.
func withParam(query url.Values, parameter, value string) string {
	changed := url.Values{}
	for k, v := range query {
		if k != parameter && k != "page_token" {
			changed[k] = v
		}
	}
	if value != "" {
		changed.Set(parameter, value)
	}
	return "?" + changed.Encode()
}

// withPageSize returns a copy of a query for the API that asks for n items.
func withPageSize(query url.Values, n int) url.Values {
	sized := maps.Clone(query)
	sized.Set("page_size", strconv.Itoa(n))
	return sized
}
