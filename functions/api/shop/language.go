package shop

import (
	"embed"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"golang.org/x/text/currency"
	"golang.org/x/text/feature/plural"
	tags "golang.org/x/text/language"
	"golang.org/x/text/message"
	"golang.org/x/text/number"
)

// codes are the languages of the shop, as they stand in addresses. The first is for those who speak none of them.
var codes = []string{"en", "ko", "ja", "fr", "es"}

//go:embed languages
var tables embed.FS

// language is one that the pages speak: its texts, and how it writes numbers, prices and dates.
type language struct {
	Code    string // BCP 47
	texts   map[string]string
	tag     tags.Tag
	printer *message.Printer
}

// languages are all of them.
type languages struct {
	all     []*language // in the order of codes
	matcher tags.Matcher
}

func loadLanguages() (*languages, error) {
	var l languages
	var known []tags.Tag
	for _, code := range codes {
		b, err := tables.ReadFile("languages/" + code + ".json")
		if err != nil {
			return nil, err
		}
		one := &language{Code: code, tag: tags.MustParse(code)}
		if err := json.Unmarshal(b, &one.texts); err != nil {
			return nil, fmt.Errorf("texts in %s: %w", code, err)
		}
		one.printer = message.NewPrinter(one.tag)
		l.all, known = append(l.all, one), append(known, one.tag)
	}
	l.matcher = tags.NewMatcher(known)
	return &l, nil
}

// named returns the language of a code, nil when there is none.
func (l *languages) named(code string) *language {
	for _, one := range l.all {
		if one.Code == code {
			return one
		}
	}
	return nil
}

// languageCookie is the cookie that keeps the language that a shopper chose.
const languageCookie = "language"

// wanted returns the language that a request is best answered in: the one of its address, the one that was
// chosen before, or what the browser says.
func (l *languages) wanted(r *http.Request) *language {
	first, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	if one := l.named(first); one != nil {
		return one
	}
	if c, err := r.Cookie(languageCookie); err == nil {
		if one := l.named(c.Value); one != nil {
			return one
		}
	}
	spoken, _, _ := tags.ParseAcceptLanguage(r.Header.Get("Accept-Language")) // what cannot be read is none
	_, i, _ := l.matcher.Match(spoken...)
	return l.all[i]
}

// T returns a text, with what stands in braces replaced: T("reply_of", "name", n). A key that has no text is an error,
// which fails the page, and a test before.
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

// Term returns the text for a name that the API gives, and the name itself while the pages do not know it yet.
func (l *language) Term(prefix, name string) string {
	if text, ok := l.texts[prefix+name]; ok {
		return text
	}
	return name
}

// Count returns the text for a number of things: that of key_one or of key_other, as the language counts.
func (l *language) Count(key string, n int64) (string, error) {
	form := "_other"
	if plural.Cardinal.MatchPlural(l.tag, int(n), 0, 0, 0, 0) == plural.One {
		form = "_one"
	}
	return l.T(key+form, "n", l.Number(n))
}

// Number returns a whole number.
func (l *language) Number(n int64) string { return l.printer.Sprint(number.Decimal(n)) }

// Average returns a mean of stars.
func (l *language) Average(f float64) string {
	return l.printer.Sprint(number.Decimal(f, number.MinFractionDigits(1), number.MaxFractionDigits(1)))
}

// Signed returns a sentiment, with its sign.
func (l *language) Signed(f float64) string {
	s := l.Average(f)
	if f > 0 {
		s = "+" + s
	}
	return strings.Replace(s, "-", "\u2212", 1)
}

// Price returns an amount in the smallest unit of a currency.
func (l *language) Price(amount int64, code string) (string, error) {
	unit, err := currency.ParseISO(code)
	if err != nil {
		return "", fmt.Errorf("currency %q: %w", code, err)
	}
	digits, _ := currency.Standard.Rounding(unit)
	f := float64(amount)
	for range digits {
		f /= 10
	}
	return l.T("price", "amount", l.printer.Sprint(number.Decimal(f, number.Scale(digits))), "symbol", l.printer.Sprint(currency.Symbol(unit)))
}

// Date returns a day.
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

// Day returns a calendar day such as 2021-07-09.
func (l *language) Day(s string) (string, error) {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return "", err
	}
	return l.Date(t)
}
