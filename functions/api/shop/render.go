package shop

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"net/http"
	"strings"
)

//go:embed templates
var templateFiles embed.FS

// layout holds the fields that the templates "top" and "bottom" read. The data of every page embeds it.
type layout struct {
	*language
	Title, Description string
	Path               string   // path below the language, such as "products/be-deluxe"
	Image              string   // URL of the preview image for social networks; "" for none
	Modules            []string // ES modules of the page besides site.js
	Private            bool     // excluded from search engines
}

// Texts returns the texts of the modules of the page, by key without the prefix "say_".
func (p layout) Texts() map[string]string {
	texts := map[string]string{}
	for key, text := range p.texts {
		if name, ok := strings.CutPrefix(key, "say_"); ok && len(p.Modules) > 0 {
			texts[name] = text
		}
	}
	return texts
}

// loadTemplates parses the templates once and clones them for each language with its template functions.
func (s *Site) loadTemplates() error {
	parsed, err := template.New("").Funcs(s.templateFuncs(s.languages.all[0])).ParseFS(templateFiles, "templates/*.html")
	if err != nil {
		return err
	}
	s.templates = map[string]*template.Template{}
	for _, l := range s.languages.all {
		clone, err := parsed.Clone()
		if err != nil {
			return err
		}
		s.templates[l.Code] = clone.Funcs(s.templateFuncs(l))
	}
	return nil
}

// templateFuncs returns the template functions in a language.
func (s *Site) templateFuncs(l *language) template.FuncMap {
	return template.FuncMap{
		"t": l.T, "term": l.Term, "count": l.Count, "number": l.Number, "average": l.Average, "signed": l.Signed, "price": l.Price, "date": l.Date, "day": l.Day,
		"asset":     s.assets.url,
		"preload":   func(modules []string) []string { return s.assets.preload(append([]string{"site.js"}, modules...)...) },
		"absolute":  s.absoluteURL,
		"path":      l.path,
		"languages": func() []*language { return s.languages.all },
		"endonym":   func(code string) string { return endonyms[code] },
		"tone":      tone,
		"stars":     l.newStarRating,
		"image":     newResponsiveImage,
	}
}

// absoluteURL returns a path with the configured origin of the shop, or the path itself without one.
func (s *Site) absoluteURL(path string) string { return s.origin + path }

// render writes a page.
func (s *Site) render(w http.ResponseWriter, l *language, name string, data any) error {
	body, err := s.execute(l, name, data)
	if err != nil {
		return err
	}
	writeBody(w, "text/html; charset=utf-8", cacheShared5s, body)
	return nil
}

// execute returns the HTML of a page. It buffers the page, so an error of a template never leaves a partial response.
func (s *Site) execute(l *language, name string, data any) ([]byte, error) {
	var body bytes.Buffer
	if err := s.templates[l.Code].ExecuteTemplate(&body, name, data); err != nil {
		return nil, fmt.Errorf("render page %s in %s: %w", name, l.Code, err)
	}
	return body.Bytes(), nil
}
