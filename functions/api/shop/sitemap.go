package shop

import (
	"encoding/xml"
	"fmt"
	"net/http"
	"strings"
)

// maxSitemap is the maximum number of URLs in a sitemap: https://www.sitemaps.org/protocol.html.
const maxSitemap = 50_000

// sitemap is the root element of a sitemap.
type sitemap struct {
	XMLName xml.Name     `xml:"http://www.sitemaps.org/schemas/sitemap/0.9 urlset"`
	XHTML   string       `xml:"xmlns:xhtml,attr"`
	URLs    []sitemapURL `xml:"url"`
}

// sitemapURL is a page in one language, with links to the page in all languages:
// https://developers.google.com/search/docs/specialty/international/localized-versions#sitemap.
type sitemapURL struct {
	Location   string        `xml:"loc"`
	Alternates []sitemapLink `xml:"xhtml:link"`
}

type sitemapLink struct {
	Rel      string `xml:"rel,attr"`
	Language string `xml:"hreflang,attr"`
	URL      string `xml:"href,attr"`
}

// sitemap answers GET /sitemap.xml with the URLs of the catalogue, the rules and each product, in every language. It answers 404
// without a configured origin, because a sitemap needs absolute URLs.
func (s *Site) sitemap(w http.ResponseWriter, r *http.Request) error {
	if s.origin == "" {
		return notFound(r)
	}
	m := sitemap{XHTML: "http://www.w3.org/1999/xhtml"}
	m.add(s)
	m.add(s, "rules")
	err := s.api.eachProduct(r.Context(), func(p product) bool { return m.add(s, "products", p.ID) })
	if err != nil {
		return err
	}
	b, err := xml.Marshal(m)
	if err != nil {
		return fmt.Errorf("encode sitemap: %w", err)
	}
	writeBody(w, "application/xml", cache1h, append([]byte(xml.Header), b...))
	return nil
}

// add adds the URLs of a page in every language, each with links to the other languages. It reports whether they fit.
func (m *sitemap) add(s *Site, pathParts ...string) bool {
	if len(m.URLs)+len(s.languages.all) > maxSitemap {
		return false
	}
	var links []sitemapLink
	for _, l := range s.languages.all {
		links = append(links, sitemapLink{"alternate", l.Code, s.absoluteURL(l.path(pathParts...))})
	}
	links = append(links, sitemapLink{"alternate", "x-default", s.absoluteURL("/" + strings.Join(pathParts, "/"))})
	for _, l := range s.languages.all {
		m.URLs = append(m.URLs, sitemapURL{s.absoluteURL(l.path(pathParts...)), links})
	}
	return true
}

// robots answers GET /robots.txt. It excludes the API and the pages that show only the reviews of one browser.
func (s *Site) robots(w http.ResponseWriter, _ *http.Request) error {
	var b strings.Builder
	b.WriteString("User-agent: *\nDisallow: /v1/\n")
	for _, l := range s.languages.all {
		b.WriteString("Disallow: " + l.path("mine") + "\n")
	}
	if s.origin != "" {
		b.WriteString("\nSitemap: " + s.absoluteURL("/sitemap.xml") + "\n")
	}
	writeBody(w, "text/plain; charset=utf-8", cache1h, []byte(b.String()))
	return nil
}
