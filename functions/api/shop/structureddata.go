package shop

import "time"

// ldProduct is the structured data of a product page, as JSON-LD: https://schema.org/Product. Search engines show its
// price and rating in their results.
type ldProduct struct {
	Context string     `json:"@context"`
	Type    string     `json:"@type"`
	Name    string     `json:"name"`
	SKU     string     `json:"sku"`
	URL     string     `json:"url"`
	Image   []string   `json:"image,omitempty"`
	Offers  ldOffer    `json:"offers"`
	Rating  *ldRating  `json:"aggregateRating,omitempty"` // absent until somebody rates the product
	Reviews []ldReview `json:"review,omitempty"`
}

// ldOffer is the price of a product: https://schema.org/Offer. Price is a decimal number without the currency.
type ldOffer struct {
	Type     string `json:"@type"`
	Price    string `json:"price"`
	Currency string `json:"priceCurrency"`
	URL      string `json:"url"`
}

// ldRating is an AggregateRating of a product or the Rating of one review: https://schema.org/Rating. Count is 0, and
// absent in JSON, in the latter.
type ldRating struct {
	Type  string  `json:"@type"`
	Value float64 `json:"ratingValue"`
	Count int64   `json:"reviewCount,omitempty"`
	Best  int     `json:"bestRating"`
	Worst int     `json:"worstRating"`
}

// ldReview is a review: https://schema.org/Review. Published is a UTC date such as 2021-07-09.
type ldReview struct {
	Type      string   `json:"@type"`
	Rating    ldRating `json:"reviewRating"`
	Author    ldPerson `json:"author"`
	Published string   `json:"datePublished,omitempty"`
	Body      string   `json:"reviewBody,omitempty"`
}

// ldPerson is the author of a review: https://schema.org/Person.
type ldPerson struct {
	Type string `json:"@type"`
	Name string `json:"name"`
}

// newLDProduct returns the structured data of a product page. It contains the reviews on the page and no others, because
// search engines reject data that the page does not show.
func (s *Site) newLDProduct(l *language, p product, r rating, onPage []review) (*ldProduct, error) {
	url := s.absoluteURL(l.path("products", p.ID))
	d := &ldProduct{
		Context: "https://schema.org", Type: "Product", Name: p.Title, SKU: p.ID, URL: url,
		Offers: ldOffer{Type: "Offer", Price: plainPrice(p.Price, p.Currency), Currency: p.Currency, URL: url},
	}
	if image := p.Picture.Largest(); image != "" {
		d.Image = []string{s.absoluteURL(image)}
	}
	if r.Count == 0 {
		return d, nil
	}
	anonymous, err := l.T("anonymous")
	d.Rating = &ldRating{Type: "AggregateRating", Value: r.Average, Count: r.Count, Best: maxStars, Worst: 1}
	for _, one := range onPage {
		d.Reviews = append(d.Reviews, newLDReview(one, anonymous))
	}
	return d, err
}

// newLDReview returns the structured data of a review. The author is anonymous if the review names none.
func newLDReview(r review, anonymous string) ldReview {
	author := r.Author
	if author == "" {
		author = anonymous
	}
	d := ldReview{
		Type: "Review", Rating: ldRating{Type: "Rating", Value: float64(r.Rating), Best: maxStars, Worst: 1},
		Author: ldPerson{"Person", author}, Body: r.Text,
	}
	if r.PublishedAt != nil {
		d.Published = r.PublishedAt.UTC().Format(time.DateOnly)
	}
	return d
}
