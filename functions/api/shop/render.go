package shop

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"strings"

	"golang.org/x/text/number"
)

//go:embed templates
var sources embed.FS

// page is what every page tells its frame.
type page struct {
	*language
	Title, Description string
	Path               string   // below the language, such as "products/be-deluxe"
	Image              string   // for those who share the page
	Modules            []string // that the page is enhanced by, besides site.js
	Private            bool     // of nobody but who looks at it: not for search engines
}

// Texts are what the modules of the page say.
func (p page) Texts() map[string]string {
	said := map[string]string{}
	for key, text := range p.texts {
		if name, ok := strings.CutPrefix(key, "say_"); ok && len(p.Modules) > 0 {
			said[name] = text
		}
	}
	return said
}

// loadTemplates parses the templates once, and gives each language its own functions in them.
func (s *Site) loadTemplates() error {
	parsed, err := template.New("").Funcs(s.functions(s.languages.all[0])).ParseFS(sources, "templates/*.html")
	if err != nil {
		return err
	}
	s.templates = map[string]*template.Template{}
	for _, l := range s.languages.all {
		own, err := parsed.Clone()
		if err != nil {
			return err
		}
		s.templates[l.Code] = own.Funcs(s.functions(l))
	}
	return nil
}

// functions are what templates call, in a language.
func (s *Site) functions(l *language) template.FuncMap {
	return template.FuncMap{
		"t": l.T, "term": l.Term, "count": l.Count, "number": l.Number, "average": l.Average, "signed": l.Signed, "price": l.Price, "date": l.Date, "day": l.Day,
		"asset":     s.assets.url,
		"preload":   func(modules []string) []string { return s.assets.preload(append([]string{"site.js"}, modules...)...) },
		"absolute":  s.absolute,
		"path":      l.path,
		"languages": func() []*language { return s.languages.all },
		"name":      func(code string) string { return endonyms[code] },
		"tone":      tone,
		"stars":     l.newStars,
		"show":      show,
	}
}

// endonyms are what languages call themselves: those of the shop, and some that reviews are written in.
var endonyms = map[string]string{
	"en": "English", "ko": "한국어", "ja": "日本語", "fr": "Français", "es": "Español", "zh": "中文", "pt": "Português", "id": "Bahasa Indonesia",
	"th": "ไทย", "vi": "Tiếng Việt", "de": "Deutsch", "it": "Italiano",
}

// path returns the address of a page in the language.
func (l *language) path(parts ...string) string {
	escaped := make([]string, len(parts))
	for i, p := range parts {
		escaped[i] = url.PathEscape(p)
	}
	return "/" + l.Code + "/" + strings.Join(escaped, "/")
}

// absolute returns an address with the origin that the shop is known by, if it is configured.
func (s *Site) absolute(path string) string { return s.origin + path }

// tone is how a sentiment is called: the thresholds are those of what most readers call neutral.
func tone(score float64) string {
	switch {
	case score >= 0.25:
		return "positive"
	case score <= -0.25:
		return "negative"
	}
	return "neutral"
}

// share returns a part of a whole, in percent.
func share(part, whole int64) float64 {
	if whole == 0 {
		return 0
	}
	return float64(part) / float64(whole) * 100
}

// stars are drawn, and read aloud once.
type stars struct {
	Label string
	Width float64 // of 100
}

func (l *language) newStars(value float64) (stars, error) {
	if value == 0 {
		label, err := l.T("unrated")
		return stars{Label: label}, err
	}
	label, err := l.T("out_of_five", "n", l.printer.Sprint(number.Decimal(value, number.MaxFractionDigits(1))))
	return stars{label, value * 20}, err
}

// shown is a picture with how it is shown.
type shown struct {
	Blur          template.URL
	Src, Srcset   string
	Width, Height int
	Sizes, Alt    string
	First         bool // it is seen before anything is scrolled
}

// show returns a picture as its template takes it, in the space that sizes tells a browser.
func show(p *picture, sizes, alt string, first bool) *shown {
	if p == nil || len(p.Sizes) == 0 {
		return nil
	}
	var set []string
	for _, one := range p.Sizes {
		set = append(set, fmt.Sprintf("%s %dw", one.URL, one.Width))
	}
	small := p.Sizes[0]
	return &shown{
		Blur: blur(p.Thumbhash, p.Width, p.Height), Src: small.URL, Srcset: strings.Join(set, ", "), Width: small.Width, Height: small.Height,
		Sizes: sizes, Alt: alt, First: first,
	}
}

// policy lets pages load what is ours, show photos that are being sent, speak to their own host and to the one that
// photos are sent to, and nothing else. No script makes markup of a string.
func policy(uploads string) string {
	return "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; " +
		"connect-src " + strings.TrimSpace("'self' "+uploads) + "; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; " +
		"require-trusted-types-for 'script'; trusted-types 'none'"
}

// secure sets what every answer tells browsers to be strict about.
func (s *Site) secure(h http.Header) {
	h.Set("Content-Security-Policy", s.policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin")
}

// fresh is how long a cache between us and a shopper may keep a page. A browser asks each time whether it changed.
const fresh = "public, max-age=0, s-maxage=5"

// render answers with a page.
func (s *Site) render(w http.ResponseWriter, l *language, name string, data any) error {
	body, err := s.execute(l, name, data)
	if err != nil {
		return err
	}
	send(w, "text/html; charset=utf-8", fresh, body)
	return nil
}

// send answers with a body that may be kept as caching says.
func send(w http.ResponseWriter, contentType, caching string, body []byte) {
	h := w.Header()
	h.Set("Content-Type", contentType)
	h.Set("Cache-Control", caching)
	_, _ = w.Write(body) // a caller who is gone cannot be told
}

func (s *Site) execute(l *language, name string, data any) ([]byte, error) {
	var body bytes.Buffer
	if err := s.templates[l.Code].ExecuteTemplate(&body, name, data); err != nil {
		return nil, fmt.Errorf("page %s in %s: %w", name, l.Code, err)
	}
	return body.Bytes(), nil
}
