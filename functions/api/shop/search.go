package shop

import (
	"encoding/xml"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"golang.org/x/text/currency"
)

// ldProduct is what search engines read of a product: https://schema.org/Product.
type ldProduct struct {
	Context string     `json:"@context"`
	Type    string     `json:"@type"`
	Name    string     `json:"name"`
	SKU     string     `json:"sku"`
	URL     string     `json:"url"`
	Image   []string   `json:"image,omitempty"`
	Offers  ldOffer    `json:"offers"`
	Rating  *ldRating  `json:"aggregateRating,omitempty"` // none while nobody rated it
	Reviews []ldReview `json:"review,omitempty"`
}

type ldOffer struct {
	Type     string `json:"@type"`
	Price    string `json:"price"`
	Currency string `json:"priceCurrency"`
	URL      string `json:"url"`
}

type ldRating struct {
	Type  string  `json:"@type"`
	Value float64 `json:"ratingValue"`
	Count int64   `json:"reviewCount,omitempty"`
	Best  int     `json:"bestRating"`
	Worst int     `json:"worstRating"`
}

type ldReview struct {
	Type      string   `json:"@type"`
	Rating    ldRating `json:"reviewRating"`
	Author    ldPerson `json:"author"`
	Published string   `json:"datePublished,omitempty"`
	Body      string   `json:"reviewBody,omitempty"`
}

type ldPerson struct {
	Type string `json:"@type"`
	Name string `json:"name"`
}

// newLDProduct says of a product what its page shows.
func (s *Site) newLDProduct(l *language, p product, r rating, shown []review) (*ldProduct, error) {
	url := s.absolute(l.path("products", p.ID))
	d := &ldProduct{
		Context: "https://schema.org", Type: "Product", Name: p.Title, SKU: p.ID, URL: url,
		Offers: ldOffer{Type: "Offer", Price: plainPrice(p.Price, p.Currency), Currency: p.Currency, URL: url},
	}
	if image := p.Picture.Largest(); image != "" {
		d.Image = []string{s.absolute(image)}
	}
	if r.Count == 0 {
		return d, nil
	}
	anonymous, err := l.T("anonymous")
	d.Rating = &ldRating{Type: "AggregateRating", Value: r.Average, Count: r.Count, Best: 5, Worst: 1}
	for _, one := range shown {
		author := one.Author
		if author == "" {
			author = anonymous
		}
		said := ldReview{
			Type: "Review", Rating: ldRating{Type: "Rating", Value: float64(one.Rating), Best: 5, Worst: 1},
			Author: ldPerson{"Person", author}, Body: one.Text,
		}
		if one.PublishedAt != nil {
			said.Published = one.PublishedAt.UTC().Format("2006-01-02")
		}
		d.Reviews = append(d.Reviews, said)
	}
	return d, err
}

// plainPrice returns an amount in the smallest unit of a currency as a number of the currency.
func plainPrice(amount int64, code string) string {
	unit, err := currency.ParseISO(code)
	if err != nil {
		return strconv.FormatInt(amount, 10)
	}
	digits, _ := currency.Standard.Rounding(unit)
	s := fmt.Sprintf("%0*d", digits+1, amount)
	if digits == 0 {
		return s
	}
	return s[:len(s)-digits] + "." + s[len(s)-digits:]
}

// robots answers GET /robots.txt.
func (s *Site) robots(w http.ResponseWriter, _ *http.Request) error {
	var b strings.Builder
	b.WriteString("User-agent: *\nDisallow: /v1/\n")
	for _, l := range s.languages.all {
		b.WriteString("Disallow: " + l.path("mine") + "\n")
	}
	if s.origin != "" {
		b.WriteString("\nSitemap: " + s.absolute("/sitemap.xml") + "\n")
	}
	send(w, "text/plain; charset=utf-8", rarely, []byte(b.String()))
	return nil
}

// rarely is how long search engines may keep what they are told.
const rarely = "public, max-age=3600"

// maxSitemap is how many addresses a sitemap may have: https://www.sitemaps.org/protocol.html.
const maxSitemap = 50_000

type sitemap struct {
	XMLName xml.Name     `xml:"http://www.sitemaps.org/schemas/sitemap/0.9 urlset"`
	XHTML   string       `xml:"xmlns:xhtml,attr"`
	URLs    []sitemapURL `xml:"url"`
}

type sitemapURL struct {
	Location   string        `xml:"loc"`
	Alternates []sitemapLink `xml:"xhtml:link"`
}

type sitemapLink struct {
	Rel      string `xml:"rel,attr"`
	Language string `xml:"hreflang,attr"`
	URL      string `xml:"href,attr"`
}

// sitemap answers GET /sitemap.xml: the pages of the goods, in every language.
func (s *Site) sitemap(w http.ResponseWriter, r *http.Request) error {
	if s.origin == "" {
		return notFound(r)
	}
	m := sitemap{XHTML: "http://www.w3.org/1999/xhtml"}
	add := func(parts ...string) bool {
		if len(m.URLs)+len(s.languages.all) > maxSitemap {
			return false
		}
		var links []sitemapLink
		for _, l := range s.languages.all {
			links = append(links, sitemapLink{"alternate", l.Code, s.absolute(l.path(parts...))})
		}
		links = append(links, sitemapLink{"alternate", "x-default", s.absolute("/" + strings.Join(parts, "/"))})
		for _, l := range s.languages.all {
			m.URLs = append(m.URLs, sitemapURL{s.absolute(l.path(parts...)), links})
		}
		return true
	}
	add()
	if err := s.api.everything(r.Context(), func(p product) bool { return add("products", p.ID) }); err != nil {
		return err
	}
	b, err := xml.Marshal(m)
	if err != nil {
		return fmt.Errorf("write the sitemap: %w", err)
	}
	send(w, "application/xml", rarely, append([]byte(xml.Header), b...))
	return nil
}
