package shop

import (
	"embed"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"golang.org/x/text/feature/plural"
	tags "golang.org/x/text/language"
	"golang.org/x/text/message"
	"golang.org/x/text/number"
)

// languageCodes are the languages of the shop, as BCP 47 tags in paths. The first is the default.
var languageCodes = []string{"en", "ko", "ja", "fr", "es"}

//go:embed languages
var languageFiles embed.FS

// endonyms are the names of languages in themselves: the languages of the shop and the most frequent languages of
// reviews.
var endonyms = map[string]string{
	"en": "English", "ko": "한국어", "ja": "日本語", "fr": "Français", "es": "Español", "zh": "中文", "pt": "Português", "id": "Bahasa Indonesia",
	"th": "ไทย", "vi": "Tiếng Việt", "de": "Deutsch", "it": "Italiano",
}

// language is a language of the pages: its texts and its formats of numbers, prices and dates. Its methods may be called
// concurrently.
type language struct {
	Code    string            // BCP 47
	texts   map[string]string // by key; placeholders are in braces
	tag     tags.Tag
	printer *message.Printer
}

// languages are the languages of the shop.
type languages struct {
	all     []*language // in the order of languageCodes
	matcher tags.Matcher
}

// loadLanguages parses the embedded texts of all languages.
func loadLanguages() (*languages, error) {
	var l languages
	var known []tags.Tag
	for _, code := range languageCodes {
		b, err := languageFiles.ReadFile("languages/" + code + ".json")
		if err != nil {
			return nil, err
		}
		one := &language{Code: code, tag: tags.MustParse(code)}
		if err := json.Unmarshal(b, &one.texts); err != nil {
			return nil, fmt.Errorf("decode texts in %s: %w", code, err)
		}
		one.printer = message.NewPrinter(one.tag)
		l.all, known = append(l.all, one), append(known, one.tag)
	}
	l.matcher = tags.NewMatcher(known)
	return &l, nil
}

// byCode returns the language with a code, nil if the shop does not have it.
func (l *languages) byCode(code string) *language {
	for _, one := range l.all {
		if one.Code == code {
			return one
		}
	}
	return nil
}

// languageCookie is the name of the cookie with the language that the shopper chose. site.js sets it.
const languageCookie = "language"

// preferred returns the language of the path, else of the cookie, else the best match of Accept-Language. It is never
// nil.
func (l *languages) preferred(r *http.Request) *language {
	first, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	if one := l.byCode(first); one != nil {
		return one
	}
	if c, err := r.Cookie(languageCookie); err == nil {
		if one := l.byCode(c.Value); one != nil {
			return one
		}
	}
	spoken, _, _ := tags.ParseAcceptLanguage(r.Header.Get("Accept-Language")) // an invalid header matches the default
	_, i, _ := l.matcher.Match(spoken...)
	return l.all[i]
}

// T returns a text with its placeholders replaced: T("no_results", "q", words) replaces {q}. An unknown key is an error,
// which fails the page; a test excludes it.
func (l *language) T(key string, args ...any) (string, error) {
	text, ok := l.texts[key]
	if !ok {
		return "", fmt.Errorf("no text %q in %s", key, l.Code)
	}
	for i := 0; i+1 < len(args); i += 2 {
		text = strings.ReplaceAll(text, "{"+fmt.Sprint(args[i])+"}", fmt.Sprint(args[i+1]))
	}
	return text, nil
}

// Term returns the text of a name in a response of the API, such as a kind of product. It returns the name itself if no
// text exists, because the API may add names before the pages know them.
func (l *language) Term(prefix, name string) string {
	if text, ok := l.texts[prefix+name]; ok {
		return text
	}
	return name
}

// Count returns the text of key_one or key_other, by the plural rules of the language, with the number in place of {n}.
func (l *language) Count(key string, n int64) (string, error) {
	form := "_other"
	if plural.Cardinal.MatchPlural(l.tag, int(n), 0, 0, 0, 0) == plural.One {
		form = "_one"
	}
	return l.T(key+form, "n", l.Number(n))
}

// Number formats a whole number.
func (l *language) Number(n int64) string { return l.printer.Sprint(number.Decimal(n)) }

// averageDecimals is the number of decimals that pages round means and sentiment scores to.
const averageDecimals = 1

// Average formats a mean with averageDecimals decimals, including a zero: 5.0.
func (l *language) Average(f float64) string {
	return l.printer.Sprint(number.Decimal(f, number.MinFractionDigits(averageDecimals), number.MaxFractionDigits(averageDecimals)))
}

// Signed formats a sentiment score with its sign. The sign of negative scores is U+2212, which is as wide as a plus.
func (l *language) Signed(f float64) string {
	s := l.Average(f)
	if f > 0 {
		s = "+" + s
	}
	return strings.Replace(s, "-", "\u2212", 1)
}

// Date formats the calendar day of a time, in the time zone of the time.
func (l *language) Date(t time.Time) (string, error) {
	months, err := l.T("months")
	if err != nil {
		return "", err
	}
	day := strconv.Itoa(t.Day())
	if t.Day() == 1 {
		if day, err = l.T("first_of_month"); err != nil {
			return "", err
		}
	}
	return l.T("date", "year", t.Year(), "month", strings.Split(months, " ")[t.Month()-1], "day", day)
}

// Day formats a calendar day given as 2021-07-09.
func (l *language) Day(s string) (string, error) {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return "", err
	}
	return l.Date(t)
}

// path returns the path of a page in the language. It escapes each part.
func (l *language) path(parts ...string) string {
	escaped := make([]string, len(parts))
	for i, p := range parts {
		escaped[i] = url.PathEscape(p)
	}
	return "/" + l.Code + "/" + strings.Join(escaped, "/")
}
