package spelling

import (
	"cmp"
	"iter"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Candidate is a reading of a city as written.
type Candidate struct {
	// Key is the alias key of the name that the reading leaves. It is not empty.
	Key string
	// Country is the lower-case code of a country that the text names after the city, or "". A place in another country does
	// not match the reading.
	Country string
	// Part is the key of a text that may name the part of the country, such as "tx" or "texas", or "".
	Part string
	// Postcode is a postcode in the text, in lower case without spaces, or "".
	Postcode string
}

// maxCandidates bounds the readings of a name, and so the keys that a look-up reads.
const maxCandidates = 24

// reading is a candidate before its words are joined.
type reading struct {
	words                   []string
	country, part, postcode string
	plain                   bool // only additions that no name has were removed
}

// Candidates returns the readings of a city as written, the strictest first: the whole name, then the name without
// additions such as a postcode, a country, CEDEX, the number or the arrondissement of a district, "City of" or the suffix of
// a Korean or Japanese city. country is the code of the country if it is known, such as "FR"; "" applies the rules of all
// countries. The first reading whose key a gazetteer knows is the best one. Candidates returns nil for a name without
// letters and digits.
func Candidates(city, country string) []Candidate { return slices.Collect(All(city, country)) }

// All yields the readings of Candidates. It computes each one when the caller asks for it.
func All(city, country string) iter.Seq[Candidate] {
	return func(yield func(Candidate) bool) {
		for r := range read(city, countryCode(country)) {
			if !yield(Candidate{compact(r.words), r.country, r.part, r.postcode}) {
				return
			}
		}
	}
}

// Plain returns the key under which a city that no gazetteer knows is its own place: its name without a postcode, CEDEX, the
// country, and the state of a country whose addresses have one. It is "" for a name without letters and digits.
func Plain(city, country string) string {
	key := ""
	for r := range read(city, countryCode(country)) {
		if k := compact(r.words); r.plain && (key == "" || len(k) < len(key)) {
			key = k
		}
	}
	return key
}

// countryCode returns the lower-case country of a country or subdivision code.
func countryCode(country string) string {
	return strings.ToLower(country[:min(2, len(country))])
}

// read applies the rules to a name, and to their results, breadth first. It yields each reading once.
func read(city, country string) iter.Seq[reading] {
	return func(yield func(reading) bool) {
		var found []reading
		queue := segments(city, country)
		for i := 0; i < len(queue) && i < 4*maxCandidates; i++ {
			r := queue[i]
			repeats := func(f reading) bool {
				return f.country == r.country && f.part == r.part && slices.Equal(f.words, r.words)
			}
			if len(r.words) == 0 || slices.ContainsFunc(found, repeats) {
				continue
			}
			if found = append(found, r); !yield(r) || len(found) == maxCandidates {
				return
			}
			for _, rule := range rules {
				queue = append(queue, rule(r, country)...)
			}
		}
	}
}

// isBreak reports whether r separates a city from an addition.
func isBreak(r rune) bool { return strings.ContainsRune(",;()[]/|，、；（）［］／", r) }

// segments returns the whole name and, if commas, parentheses or slashes divide it, the name without the text after the first of
// them, then the name after a slash.
func segments(city, country string) []reading {
	whole := words(city)
	if len(whole) == 0 {
		return nil
	}
	queue := []reading{{words: whole, plain: true}}
	var parts [][]string
	for part := range strings.FieldsFuncSeq(city, isBreak) {
		if w := words(part); len(w) > 0 {
			parts = append(parts, w)
		}
	}
	if len(parts) < 2 {
		return queue
	}
	first := reading{words: parts[0], plain: true}
	for _, p := range parts[1:] {
		if n := postcodeLength(p); n > 0 {
			first.postcode = compact(p[len(p)-n:])
			p = p[:len(p)-n]
		}
		key := compact(p)
		code := countryIndex()[key]
		switch {
		case key == "":
		case articles[key]:
			queue = append(queue, reading{words: append(slices.Clone(p), parts[0]...), plain: true})
		case code != "" && (country == "" || code == country):
			first.country = code
			if country == "" && isRegionCode(key, "") { // CA is Canada and California
				queue = append(queue, reading{words: parts[0], part: key, postcode: first.postcode})
			}
		default:
			first.plain = first.plain && country != "" && (isRegionCode(key, country) || regionNames()[key])
			first.part = key
		}
	}
	queue = append(queue, first)
	if len(parts) > 2 {
		queue = append(queue, reading{words: slices.Concat(parts[:len(parts)-1]...)})
	}
	if strings.ContainsAny(city, "/／") { // "Biel/Bienne"
		queue = append(queue, reading{words: parts[1]})
	}
	return queue
}

// articles are the words that lists set behind a name: "Mans (Le)".
var articles = map[string]bool{
	"le": true, "la": true, "les": true, "l": true, "the": true, "el": true, "los": true, "las": true, "der": true, "die": true,
	"das": true, "den": true, "de": true, "a": true, "o": true, "as": true, "os": true, "il": true, "lo": true,
}

// rules derive looser readings from a reading. country is "" if it is unknown. No rule removes all words.
var rules = []func(r reading, country string) []reading{
	cedex, leadingPostcode, trailingPostcode, trailingCountry, arrondissement, trailingNumber, trailingPart, titles, asianSuffix, directions, umlauts,
}

// with returns r with other words. It stays plain if the rule removes no part of a name.
func (r reading) with(words []string, plain bool) reading {
	r.words, r.plain = words, r.plain && plain
	return r
}

// cedex removes CEDEX, the French mark of business mail, and its number.
func cedex(r reading, country string) []reading {
	i := slices.Index(r.words, "cedex")
	if i < 1 || country != "" && country != "fr" && country != "mc" {
		return nil
	}
	return []reading{r.with(r.words[:i], true)}
}

// isDigits reports whether s has digits only.
func isDigits(s string) bool {
	return s != "" && strings.IndexFunc(s, func(r rune) bool { return r < '0' || r > '9' }) < 0
}

func hasDigit(s string) bool { return strings.ContainsFunc(s, unicode.IsDigit) }

// isPostcode reports whether words are a postcode: 4 to 10 characters with two digits or more, in at most three words.
func isPostcode(w []string) bool {
	n, digits := 0, 0
	for _, s := range w {
		if isOrdinal(s) {
			return false
		}
		n += len(s)
		for _, c := range s {
			if unicode.IsDigit(c) {
				digits++
			} else if c >= utf8.RuneSelf {
				return false
			}
		}
		if len(s) > 3 && !hasDigit(s) {
			return false
		}
	}
	return len(w) > 0 && len(w) <= 3 && n >= 4 && n <= 10 && digits >= 2
}

// leadingPostcode removes a postcode or the number of a department before the name, with or without the code of the country:
// "F-75015 Paris". Only Dutch postcodes end with a word of letters: "1012 AB Amsterdam".
func leadingPostcode(r reading, country string) []reading {
	var rest []reading
	for n := min(3, len(r.words)-1); n > 0; n-- {
		w := r.words[:n]
		dutch := n == 2 && len(w[0]) == 4 && len(w[1]) == 2 && isDigits(w[0]) && (country == "" || country == "nl")
		if !isPostcode(w) || !hasDigit(w[n-1]) && !dutch {
			continue
		}
		next := r.with(r.words[n:], !dutch || country == "nl")
		next.postcode = compact(w)
		if n > 1 && (countryIndex()[w[0]] != "" || len(w[0]) == 1) {
			next.postcode = compact(w[1:])
		}
		rest = append(rest, next)
	}
	if len(r.words) > 1 && isDistrictNumber(r.words[0]) {
		rest = append(rest, r.with(r.words[1:], false))
	}
	return rest
}

// trailingPostcode removes a postcode after the name.
func trailingPostcode(r reading, _ string) []reading {
	n := postcodeLength(r.words)
	if n == 0 || n == len(r.words) {
		return nil
	}
	end := len(r.words) - n
	rest := r.with(r.words[:end], true)
	rest.postcode = compact(r.words[end:])
	return []reading{rest}
}

// postcodeLength returns the number of words at the end that are a postcode.
func postcodeLength(w []string) int {
	for n := min(2, len(w)); n > 0; n-- {
		if end := w[len(w)-n:]; isPostcode(end) && hasDigit(end[0]) {
			return n
		}
	}
	return 0
}

// trailingCountry removes the name of a country after the city. Without a country the reading is not plain, as the words may
// belong to the name.
func trailingCountry(r reading, country string) []reading {
	for n := min(5, len(r.words)-1); n > 0; n-- {
		code := countryIndex()[compact(r.words[len(r.words)-n:])]
		if code == "" || country != "" && code != country || r.country != "" {
			continue
		}
		rest := r.with(r.words[:len(r.words)-n], country != "" && n+len(code) > 3)
		rest.country = code
		return []reading{rest}
	}
	return nil
}

// arrondissement removes the number and the name of a district of a large city: "15e Arrondissement", "XV", "1er arrdt".
func arrondissement(r reading, _ string) []reading {
	w := r.words
	if n := len(w); n > 1 && districtWords[w[n-1]] {
		w = w[:n-1]
	}
	n := len(w)
	if n > 2 && ordinalSuffixes[w[n-1]] && isDistrictNumber(w[n-2]) { // "15 ème"
		return []reading{r.with(w[:n-2], false)}
	}
	if n > 1 && isOrdinal(w[n-1]) {
		return []reading{r.with(w[:n-1], false)}
	}
	if n > 2 && districtWords[w[n-2]] && isDistrictNumber(w[n-1]) { // "arrondissement 15"
		return []reading{r.with(w[:n-2], false)}
	}
	if n < len(r.words) && n > 0 {
		return []reading{r.with(w, false)}
	}
	return nil
}

var districtWords = map[string]bool{
	"arrondissement": true, "arrondissements": true, "arrondisement": true, "arrdt": true, "arr": true, "ardt": true, "ar": true, "district": true,
	"bezirk": true, "sector": true, "sectorul": true, "centre": true, "center": true, "centro": true, "downtown": true, "kerulet": true,
}

var ordinalSuffixes = map[string]bool{
	"e": true, "er": true, "re": true, "eme": true, "ieme": true, "em": true, "nd": true, "nde": true, "st": true, "rd": true, "th": true, "o": true,
}

// isDistrictNumber reports whether s is a number of one or two digits.
func isDistrictNumber(s string) bool { return len(s) <= 2 && isDigits(s) }

// isOrdinal reports whether s is an ordinal number of a district: "15e", "1er", "15eme", "XV", "xve".
func isOrdinal(s string) bool {
	digits := strings.TrimRight(s, "abcdefghijklmnopqrstuvwxyz")
	if digits != "" && digits != s {
		return isDistrictNumber(digits) && ordinalSuffixes[s[len(digits):]]
	}
	s = strings.TrimSuffix(strings.TrimSuffix(strings.TrimSuffix(s, "eme"), "er"), "e")
	return slices.Contains(romanNumerals, s)
}

var romanNumerals = []string{"i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x", "xi", "xii", "xiii", "xiv", "xv", "xvi", "xvii", "xviii", "xix", "xx"}

// trailingNumber removes the number of a postal district: "PARIS 15", "Praha 5".
func trailingNumber(r reading, _ string) []reading {
	if n := len(r.words); n > 1 && isDistrictNumber(r.words[n-1]) {
		return []reading{r.with(r.words[:n-1], false)}
	}
	return nil
}

// trailingPart removes the part of a country after the city: "SAINT LOUIS MO". In countries whose addresses have a code of
// two or three letters, every such word may be one.
func trailingPart(r reading, country string) []reading {
	if r.part != "" {
		return nil
	}
	for n := min(3, len(r.words)-1); n > 0; n-- {
		key := compact(r.words[len(r.words)-n:])
		isCode := n == 1 && isRegionCode(key, country)
		mayBeCode := n == 1 && len(key) <= 3 && country != "" && strings.Contains(partCodeCountries, country)
		if isCode || mayBeCode || regionNames()[key] && (country == "" || strings.Contains(partCodeCountries, country)) {
			rest := r.with(r.words[:len(r.words)-n], isCode && country != "")
			rest.part = key
			return []reading{rest}
		}
	}
	return nil
}

// partCodeCountries are the countries whose addresses have the code of a part beside the city.
const partCodeCountries = "us ca au br it mx in ar my"

// isRegionCode reports whether s is the code of a state or province that addresses of a country have beside the city; without a
// country, of a state of the USA.
func isRegionCode(s, country string) bool {
	return s != "" && strings.Contains(regionCodes[cmp.Or(country, "us")], " "+s+" ")
}

var regionCodes = map[string]string{
	"us": " al ak az ar ca co ct de dc fl ga hi id il in ia ks ky la me md ma mi mn ms mo mt ne nv nh nj nm ny nc nd oh ok or pa ri sc sd tn tx ut vt va wa wv wi wy pr ",
	"ca": " ab bc mb nb nl ns nt nu on pe qc sk yt ",
	"au": " act nsw nt qld sa tas vic wa ",
	"br": " ac al ap am ba ce df es go ma mt ms mg pa pb pr pe pi rj rn rs ro rr sc sp se to ",
}
