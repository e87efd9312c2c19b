package main

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/spanner"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"golang.org/x/net/html"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/hybrid-bts/functions/functions/api/shop"
	"github.com/hybrid-bts/functions/shared/authortoken"
	"github.com/hybrid-bts/functions/shared/fake/pubsubtest"
	"github.com/hybrid-bts/functions/shared/fake/spannerdbtest"
	"github.com/hybrid-bts/functions/shared/limit"
	"github.com/hybrid-bts/functions/shared/problem"
	wire "github.com/hybrid-bts/functions/shared/schema/review"
	"github.com/hybrid-bts/functions/shared/topic"
)

const (
	origin  = "https://shop.example"
	browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
)

var languageCodes = []string{"en", "ko", "ja", "fr", "es"}

// newShop returns the handler of s with the pages of the shop.
func newShop(t testing.TB, s *server) http.Handler {
	t.Helper()
	s.pages = shop.New(shop.Config{Origin: origin, Uploads: "https://storage.googleapis.com"})
	return checked(t, s)
}

// visit requests a page as a browser does.
func visit(h http.Handler, method, path string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, nil)
	r.Header.Set("Accept", browser)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// document is a parsed page, or a part of it.
type document struct {
	t    testing.TB
	path string
	root *html.Node
}

// read requests a page and parses it.
func read(t testing.TB, h http.Handler, path string) document {
	t.Helper()
	w := visit(h, http.MethodGet, path)
	if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "text/html; charset=utf-8" {
		t.Fatalf("GET %s: %d %s", path, w.Code, w.Header())
	}
	return parse(t, path, w)
}

func parse(t testing.TB, path string, w *httptest.ResponseRecorder) document {
	t.Helper()
	root, err := html.Parse(strings.NewReader(w.Body.String()))
	if err != nil {
		t.Fatalf("GET %s: %v", path, err)
	}
	return document{t, path, root}
}

// all returns the elements with the given name and all attributes, such as class=review or, with any value, srcset.
func (d document) all(name string, attributes ...string) (found []*html.Node) {
	for n := range d.root.Descendants() {
		if n.Type == html.ElementNode && n.Data == name && !slices.ContainsFunc(attributes, func(a string) bool {
			key, value, _ := strings.Cut(a, "=")
			got, ok := attribute(n, key)
			return !ok || value != "" && !slices.Contains(strings.Fields(got), value)
		}) {
			found = append(found, n)
		}
	}
	return found
}

// one returns the element of which all returns exactly one.
func (d document) one(name string, attributes ...string) *html.Node {
	d.t.Helper()
	found := d.all(name, attributes...)
	if len(found) != 1 {
		d.t.Fatalf("%s has %d elements <%s %s>, want one", d.path, len(found), name, attributes)
	}
	return found[0]
}

func attribute(n *html.Node, key string) (string, bool) {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val, true
		}
	}
	return "", false
}

// text returns the text of n with single spaces.
func text(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			b.WriteString(d.Data + " ")
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

// addCatalogue adds the product butter with two published reviews and a held one, and the product bare without reviews.
// It returns the ids of the newest published review and of the held one.
func addCatalogue(t testing.TB, db *spanner.Client) (published, held string) {
	t.Helper()
	addProducts(t, db, butter, "bare")
	published, held = uuid.NewString(), uuid.NewString()
	addReview(t, db, published, map[string]any{"Text": "최고 <b>💜</b>\n둘째 줄", "PublishedAt": time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)})
	addReview(t, db, held, map[string]any{"Status": "held", "Text": "HELD-TEXT", "Author": "HELD-AUTHOR", "PublishedAt": nil})
	addReview(t, db, uuid.NewString(), map[string]any{"Rating": int64(2), "Text": "", "Author": "", "Score": nil, "Magnitude": nil, "SubmittedAt": noon.Add(-time.Hour)})
	addRating(t, db, butter, 3, [5]int64{0, 1, 0, 0, 1}, 1, 900000)
	return published, held
}

func TestPagesHaveTheLanguageOfTheirPath(t *testing.T) {
	db, _ := spannerdbtest.New(t)
	addCatalogue(t, db)
	h := newShop(t, &server{store: spannerStore{db: db}})
	for _, code := range languageCodes {
		for _, path := range []string{"/", "/products/" + butter, "/products/bare", "/products/" + butter + "/review", "/review", "/mine", "/rules"} {
			d := read(t, h, "/"+code+path)
			if got, _ := attribute(d.one("html"), "lang"); got != code {
				t.Errorf("%s: lang=%q", d.path, got)
			}
			if len(d.all("h1")) != 1 || len(d.all("main")) != 1 || text(d.one("title")) == "" {
				t.Errorf("%s: want one h1, one main and a title", d.path)
			}
			for _, s := range append(d.all("script"), d.all("style")...) {
				src, _ := attribute(s, "src")
				kind, _ := attribute(s, "type")
				if !strings.HasPrefix(src, "/assets/") && kind != "application/json" && kind != "application/ld+json" {
					t.Errorf("%s: inline <%s>", d.path, s.Data)
				}
			}
			for n := range d.root.Descendants() {
				for _, a := range n.Attr {
					if a.Key == "style" || strings.HasPrefix(a.Key, "on") {
						t.Errorf("%s: inline attribute %s", d.path, a.Key)
					}
				}
			}
			if path == "/mine" {
				d.one("meta", "name=robots")
				continue
			}
			if got, _ := attribute(d.one("link", "rel=canonical"), "href"); got != origin+"/"+code+path {
				t.Errorf("%s: canonical URL %s", d.path, got)
			}
			for _, other := range append(languageCodes, "x-default") {
				want := origin + "/" + other + path
				if other == "x-default" {
					want = origin + path
				}
				if got, _ := attribute(d.one("link", "hreflang="+other), "href"); got != want {
					t.Errorf("%s: alternate URL of %s is %s", d.path, other, got)
				}
			}
		}
	}
}

func TestPathsWithoutALanguageRedirectToThePreferredOne(t *testing.T) {
	h := newShop(t, &server{})
	for _, tc := range []struct{ path, accept, cookie, want string }{
		{"/", "", "", "/en/"},
		{"/", "ko-KR,ko;q=0.9,en;q=0.8", "", "/ko/"},
		{"/", "zh-CN, fr-CA;q=0.5", "", "/fr/"},
		{"/", "ko", "language=ja", "/ja/"},
		{"/", "es-MX", "language=xx", "/es/"},
		{"/", ";;;q=banana", "", "/en/"},
		{"/products/x?rating=5", "ja", "", "/ja/products/x?rating=5"},
		{"/products/a%2Fb", "ja", "", "/ja/products/a%2Fb"},
		{"/products/x/review", "fr", "", "/fr/products/x/review"},
		{"/review", "es", "", "/es/review"},
		{"/mine", "en-GB", "", "/en/mine"},
		{"/rules", "ja", "", "/ja/rules"},
	} {
		w := visit(h, http.MethodGet, tc.path, "Accept-Language", tc.accept, "Cookie", tc.cookie)
		if w.Code != http.StatusFound || w.Header().Get("Location") != tc.want || w.Header().Get("Vary") == "" {
			t.Errorf("GET %s with Accept-Language %q, Cookie %q: %d %s, want a redirect to %s", tc.path, tc.accept, tc.cookie, w.Code, w.Header(), tc.want)
		}
	}
}

func TestProductPageShowsTheDataOfTheAPI(t *testing.T) {
	db, _ := spannerdbtest.New(t)
	published, held := addCatalogue(t, db)
	h := newShop(t, &server{store: spannerStore{db: db}, pictures: newPictures(newFakeManifests("products/" + butter + ".jpg"))})
	d := read(t, h, "/en/products/"+butter)
	api := get200[rating](t, h, "/v1/products/"+butter+"/rating")

	if got, _ := attribute(d.one("span", "id=rating-count"), "data-count"); got != "2" || api.Count != 2 {
		t.Errorf("page shows %s reviews, API returns %d, want 2", got, api.Count)
	}
	for i, votes := range d.all("span", "class=votes") {
		star := strconv.Itoa(5 - i)
		if got := text(votes); got != strconv.FormatInt(api.Stars[star], 10) {
			t.Errorf("page shows %s reviews with %s stars, API returns %d", got, star, api.Stars[star])
		}
	}
	articles := d.all("article", "class=review")
	if len(articles) != 2 {
		t.Fatalf("%d reviews, want 2", len(articles))
	}
	if id, _ := attribute(articles[0], "data-id"); id != published {
		t.Errorf("first review is %s, want the newest, %s", id, published)
	}
	if got := text(d.all("p", "class=text")[0]); got != "최고 <b>💜</b> 둘째 줄" {
		t.Errorf("text of the first review: %q", got)
	}
	if body := visit(h, http.MethodGet, "/en/products/"+butter).Body.String(); strings.Contains(body, "HELD") || strings.Contains(body, held) {
		t.Error("page shows a held review")
	}
	img := d.all("img", "srcset")
	if len(img) != 1 {
		t.Fatalf("%d pictures, want one", len(img))
	}
	for key, want := range map[string]string{
		"srcset": "/img/products/butter-cream-peaches.jpg?p=thumb&g=7 200w, /img/products/butter-cream-peaches.jpg?p=page&g=7 600w",
		"width":  "200", "height": "100", "fetchpriority": "high",
	} {
		if got, _ := attribute(img[0], key); got != want {
			t.Errorf("picture has %s=%q, want %q", key, got, want)
		}
	}
}

func TestProductPageShowsAllPartsOfAReview(t *testing.T) {
	db, _ := spannerdbtest.New(t)
	addProducts(t, db, butter)
	const photo = "reviews/6f2c5c0e-8a53-4d2e-9d2b-1e6f0a4f7c11.jpg"
	id := uuid.NewString()
	addReview(t, db, id, map[string]any{
		"Rating": int64(4), "Text": "배송이 느려요", "Aspects": []string{"delivery", "colour"}, "AspectScores": []float64{-0.6, 0.5}, "Helpful": int64(1200),
		"Reply": "죄송합니다 <i>", "RepliedAt": noon.Add(time.Hour), "EditedAt": noon.Add(time.Minute), "Revision": noon.Add(time.Minute).UnixMicro(), "RepliedOn": noon.UnixMicro(),
		"Photos": []string{photo},
	})
	apply(t, db, spanner.InsertMap("AspectSums", map[string]any{"Product": butter, "Shard": int64(1), "Aspect": "delivery", "Mentions": int64(3), "ScoreMicros": int64(-1_800_000)}))
	addRating(t, db, butter, 0, [5]int64{0, 0, 0, 1, 0}, 1, 900000)
	h := newShop(t, &server{store: spannerStore{db: db}, pictures: newPictures(newFakeManifests(photo))})
	d := read(t, h, "/fr/products/"+butter)
	review := document{t, d.path, d.one("article", "data-id="+id)}
	for name, want := range map[string]string{
		"reply": "Réponse de la boutique 죄송합니다 <i> 20 novembre 2026 (écrite avant la modification de l’avis)", "helpful": "Utile 1 200 personnes ont trouvé cet avis utile",
		"aspects": "Livraison : Négatif colour : Positif", "when": "(modifié)",
	} {
		got := ""
		for _, tag := range []string{"div", "form", "ul", "p"} {
			if found := review.all(tag, "class="+name); len(found) > 0 {
				got = text(found[0])
			}
		}
		if got = strings.ReplaceAll(got, "\u00a0", " "); !strings.HasSuffix(got, want) {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if href, _ := attribute(document{t, d.path, review.one("ul", "class=photos")}.one("a"), "href"); href != "/img/"+photo+"?p=page&g=7" {
		t.Errorf("photo links to %s", href)
	}
	section := document{t, d.path, d.one("section", "id=rating")}
	if got := text(section.one("ul", "class=aspects")); got != "Livraison Négatif, 3" {
		t.Errorf("aspects of the product: %q", got)
	}
	if got, _ := attribute(section.one("svg", "class=stars"), "aria-label"); got != "Note\u00a0: 4 sur 5" {
		t.Errorf("accessible name of the stars: %q", got)
	}
}

// structuredData is the JSON-LD of a product page (schema.org).
type structuredData struct {
	Context string `json:"@context"`
	Type    string `json:"@type"`
	Name    string
	URL     string
	Offers  struct{ Price, PriceCurrency string }
	Rating  *struct {
		Value float64 `json:"ratingValue"`
		Count int64   `json:"reviewCount"`
		Best  int     `json:"bestRating"`
	} `json:"aggregateRating"`
	Review []struct {
		Rating struct {
			Value float64 `json:"ratingValue"`
		} `json:"reviewRating"`
		Author struct{ Name string }
		Body   string `json:"reviewBody"`
	}
}

func TestStructuredDataMatchesTheAPI(t *testing.T) {
	db, _ := spannerdbtest.New(t)
	addCatalogue(t, db)
	h := newShop(t, &server{store: spannerStore{db: db}})
	for _, id := range []string{butter, "bare"} {
		var got structuredData
		if err := json.Unmarshal([]byte(read(t, h, "/fr/products/"+id).one("script", "type=application/ld+json").FirstChild.Data), &got); err != nil {
			t.Fatal(err)
		}
		p, r := get200[product](t, h, "/v1/products/"+id), get200[rating](t, h, "/v1/products/"+id+"/rating")
		if got.Context != "https://schema.org" || got.Type != "Product" || got.Name != p.Title || got.URL != origin+"/fr/products/"+id ||
			got.Offers.Price != "18900" || got.Offers.PriceCurrency != "KRW" {
			t.Errorf("%s: %+v", id, got)
		}
		switch {
		case r.Count == 0:
			if got.Rating != nil || got.Review != nil {
				t.Errorf("%s has no reviews but structured data of a rating: %+v", id, got)
			}
		case got.Rating == nil || got.Rating.Count != r.Count || got.Rating.Value != r.Average || got.Rating.Best != 5:
			t.Errorf("%s: rating %+v, API returns %+v", id, got.Rating, r)
		case len(got.Review) != 2 || got.Review[0].Body != "최고 <b>💜</b>\n둘째 줄" || got.Review[0].Rating.Value != 5 || got.Review[1].Author.Name != "Anonyme":
			t.Errorf("%s: reviews %+v", id, got.Review)
		}
	}
}

func TestSitemapHasEveryProductInEveryLanguage(t *testing.T) {
	db, _ := spannerdbtest.New(t)
	ids := make([]string, 120) // more than one page of the API
	for i := range ids {
		ids[i] = "p-" + strings.Repeat("x", i/50) + string(rune('a'+i%25)) + string(rune('a'+i/25))
	}
	addProducts(t, db, ids...)
	h := newShop(t, &server{store: spannerStore{db: db}})
	var got struct {
		URL []struct {
			Loc  string `xml:"loc"`
			Link []struct {
				Href string `xml:"href,attr"`
			} `xml:"link"`
		} `xml:"url"`
	}
	w := visit(h, http.MethodGet, "/sitemap.xml")
	if err := xml.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Header().Get("Content-Type") != "application/xml" {
		t.Fatalf("%v: %s", err, w.Header())
	}
	found := map[string]bool{}
	for _, u := range got.URL {
		found[u.Loc] = true
		if len(u.Link) != len(languageCodes)+1 {
			t.Errorf("%s has %d alternates", u.Loc, len(u.Link))
		}
	}
	for _, id := range append(ids, "") {
		for _, code := range languageCodes {
			want := origin + "/" + code + "/"
			if id != "" {
				want += "products/" + id
			}
			if !found[want] {
				t.Errorf("sitemap lacks %s", want)
			}
		}
	}
	robots := visit(h, http.MethodGet, "/robots.txt").Body.String()
	if !strings.Contains(robots, "Sitemap: "+origin+"/sitemap.xml") || !strings.Contains(robots, "Disallow: /ko/mine") {
		t.Errorf("robots.txt: %q", robots)
	}
}

func TestPagesAreRevalidatedAndAssetsAreImmutable(t *testing.T) {
	db, _ := spannerdbtest.New(t)
	addCatalogue(t, db)
	h := newShop(t, &server{store: spannerStore{db: db}})
	path := "/ko/products/" + butter
	first := visit(h, http.MethodGet, path)
	policy := first.Header().Get("Content-Security-Policy")
	for _, want := range []string{"default-src 'none'", "script-src 'self';", "style-src 'self';", "connect-src 'self' https://storage.googleapis.com;", "require-trusted-types-for 'script'"} {
		if !strings.Contains(policy, want) {
			t.Errorf("Content-Security-Policy %q lacks %q", policy, want)
		}
	}
	if w := visit(h, http.MethodGet, path, "If-None-Match", first.Header().Get("ETag")); w.Code != http.StatusNotModified || w.Body.Len() > 0 {
		t.Errorf("unchanged page: %d, want 304", w.Code)
	}
	if w := visit(h, http.MethodHead, path); w.Code != http.StatusOK || w.Header().Get("ETag") != first.Header().Get("ETag") {
		t.Errorf("HEAD: %d %s", w.Code, w.Header())
	}
	addReview(t, db, uuid.NewString(), nil)
	if w := visit(h, http.MethodGet, path, "If-None-Match", first.Header().Get("ETag")); w.Code != http.StatusOK {
		t.Errorf("page after a new review: %d, want 200", w.Code)
	}

	d := parse(t, path, first)
	href, _ := attribute(d.one("link", "rel=stylesheet"), "href")
	if w := visit(h, http.MethodGet, href); w.Code != http.StatusOK || !strings.Contains(w.Header().Get("Cache-Control"), "immutable") ||
		w.Header().Get("Content-Type") != "text/css; charset=utf-8" {
		t.Errorf("%s: %d %s", href, w.Code, w.Header())
	}
	if w := visit(h, http.MethodGet, "/assets/another/shop.css"); w.Code != http.StatusOK || w.Header().Get("Cache-Control") != "no-cache" {
		t.Errorf("style sheet of another release: %d %s", w.Code, w.Header())
	}
	if w := visit(h, http.MethodGet, "/assets/another/none.css"); w.Code != http.StatusNotFound {
		t.Errorf("missing style sheet: %d, want 404", w.Code)
	}
	for _, preloaded := range d.all("link", "rel=modulepreload") {
		href, _ := attribute(preloaded, "href")
		if w := visit(h, http.MethodGet, href); w.Code != http.StatusOK || w.Header().Get("Content-Type") != "text/javascript; charset=utf-8" {
			t.Errorf("%s: %d %s", href, w.Code, w.Header())
		}
	}
}

func TestReviewPagesAreLinkedWithoutScripts(t *testing.T) {
	db, _ := spannerdbtest.New(t)
	addProducts(t, db, butter)
	want := map[string]bool{}
	for i := range 23 {
		id := uuid.NewString()
		want[id] = true
		addReview(t, db, id, map[string]any{"SubmittedAt": noon.Add(time.Duration(i) * time.Minute)})
	}
	h := newShop(t, &server{store: spannerStore{db: db}})
	got := map[string]bool{}
	path, pages := "/ja/products/"+butter, 0
	for ; path != "" && pages < 5; pages++ {
		d := read(t, h, path)
		for _, a := range d.all("article", "class=review") {
			id, _ := attribute(a, "data-id")
			got[id] = true
		}
		next := ""
		if links := d.all("a", "rel=next"); len(links) == 1 {
			href, _ := attribute(links[0], "href")
			query, _, _ := strings.Cut(href, "#")
			next = "/ja/products/" + butter + query
		}
		path = next
	}
	if !maps.Equal(got, want) || pages != 3 {
		t.Errorf("%d reviews on %d pages, want 23 on 3", len(got), pages)
	}
}

// The form gets its limits from the constants that the API checks.
func TestFormHasTheLimitsOfPackageReview(t *testing.T) {
	db, _ := spannerdbtest.New(t)
	addProducts(t, db, butter)
	form := read(t, newShop(t, &server{store: spannerStore{db: db}}), "/en/review").one("form", "id=review-form")
	for name, want := range map[string]int{
		"data-max-text": wire.MaxText, "data-max-author": wire.MaxAuthor, "data-max-photos": wire.MaxPhotos, "data-max-photo-bytes": wire.MaxPhotoBytes,
	} {
		if got, _ := attribute(form, name); got != strconv.Itoa(want) {
			t.Errorf("%s is %q, want %d", name, got, want)
		}
	}
}

func TestPhotoHintHasTheLimitOfPackageReview(t *testing.T) {
	db, _ := spannerdbtest.New(t)
	addProducts(t, db, butter)
	h := newShop(t, &server{store: spannerStore{db: db}})
	for _, language := range languageCodes {
		hint := text(read(t, h, "/"+language+"/review").one("p", "id=photos-hint"))
		numbers := regexp.MustCompile(`\d+`).FindAllString(hint, -1)
		if want := strconv.Itoa(wire.MaxPhotoBytes / 1e6); !slices.Contains(numbers, want) {
			t.Errorf("%s: %q has the numbers %q, want %q among them", language, hint, numbers, want)
		}
	}
}

func TestCataloguePagesAreLinked(t *testing.T) {
	db, _ := spannerdbtest.New(t)
	want := map[string]bool{}
	for i := range 30 {
		id := fmt.Sprintf("p-%02d", i)
		want[id] = true
		addProducts(t, db, id)
	}
	h := newShop(t, &server{store: spannerStore{db: db}})
	got := map[string]bool{}
	first := read(t, h, "/es/?kind=album")
	next, _ := attribute(first.one("a", "rel=next"), "href")
	second := read(t, h, "/es/"+next)
	for _, d := range []document{first, second} {
		for _, card := range d.all("a", "class=product") {
			id, _ := attribute(card, "data-product")
			got[id] = true
		}
	}
	if !maps.Equal(got, want) || !strings.Contains(next, "kind=album") || len(second.all("a", "rel=next")) > 0 {
		t.Errorf("%d products, want %d; the second page is %s", len(got), len(want), next)
	}
	if len(first.all("meta", "name=robots")) != 0 || len(second.all("meta", "name=robots")) != 1 {
		t.Error("want noindex on the second page only")
	}
}

func TestErrorsArePagesForBrowsersAndProblemsForOthers(t *testing.T) {
	db, srv := spannerdbtest.New(t)
	addCatalogue(t, db)
	h := newShop(t, &server{store: spannerStore{db: db}})
	for _, tc := range []struct {
		path   string
		fault  error
		status int
	}{
		{"/ko/nothing", nil, 404},
		{"/nothing", nil, 404},
		{"/ko/products/none", nil, 404},
		{"/ko/products/NONE", nil, 422},
		{"/ko/products/" + butter + "?page_token=x", nil, 422},
		{"/ko/products/" + butter, status.Error(codes.ResourceExhausted, "secret detail"), 503},
		{"/ko/", status.Error(codes.PermissionDenied, "secret detail"), 500},
	} {
		srv.Fail(tc.fault)
		page := visit(h, http.MethodGet, tc.path, "Accept-Language", "ko")
		plain := visit(h, http.MethodGet, tc.path, "Accept", "application/json")
		srv.Fail(nil)
		if page.Code != tc.status || page.Header().Get("Content-Type") != "text/html; charset=utf-8" || page.Header().Get("Content-Security-Policy") == "" {
			t.Errorf("GET %s: %d %s, want a page with %d", tc.path, page.Code, page.Header(), tc.status)
			continue
		}
		d := parse(t, tc.path, page)
		if lang, _ := attribute(d.one("html"), "lang"); lang != "ko" || text(d.one("h1")) == "" {
			t.Errorf("GET %s: error page has lang=%q", tc.path, lang)
		}
		if strings.Contains(page.Body.String(), "secret") {
			t.Errorf("GET %s reveals the internal error: %s", tc.path, page.Body)
		}
		if plain.Code != tc.status || plain.Header().Get("Content-Type") != problem.ContentType {
			t.Errorf("GET %s with Accept: application/json: %d %s", tc.path, plain.Code, plain.Header())
		}
		if tc.status == 503 && page.Header().Get("Retry-After") == "" {
			t.Errorf("GET %s: no Retry-After", tc.path)
		}
	}
	if w := visit(h, http.MethodGet, "/v1/products/none"); w.Header().Get("Content-Type") != problem.ContentType {
		t.Errorf("API error for a browser: %s, want a problem", w.Header())
	}
	if w := visit(h, http.MethodPost, "/ko/"); w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") == "" {
		t.Errorf("POST of a page: %d %s", w.Code, w.Header())
	}
}

func TestVoteWithoutScripts(t *testing.T) {
	db, _ := spannerdbtest.New(t)
	published, held := addCatalogue(t, db)
	to, topicServer := pubsubtest.New(t, "commands")
	store := spannerStore{db: db}
	client := limit.New(limit.Rate{}, 0, nil).Client
	tokens, err := authortoken.ParseKeyRing("no secret in a test")
	if err != nil {
		t.Fatal(err)
	}
	h := newShop(t, &server{store: store, commands: &commands{revisions: store, topic: topic.New(to), tokens: tokens, client: client, now: time.Now}})
	d := commandServer{topic: topicServer}
	path := "/ko/products/" + butter + "/reviews/" + published + "/helpful"
	w := visit(h, http.MethodPost, path, "Sec-Fetch-Site", "same-origin")
	if w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/ko/products/"+butter+"#r-"+published {
		t.Errorf("%d %s", w.Code, w.Header())
	}
	if got := d.published(t); len(got) != 1 || got[0].About() != (wire.Key{Product: butter, Review: published}) {
		t.Errorf("published %v", got)
	}
	article := read(t, h, "/ko/products/"+butter).one("article", "data-id="+published)
	if action, _ := attribute(document{t, "", article}.one("form", "class=helpful"), "action"); action != path+"?revision="+strconv.FormatInt(noon.UnixMicro(), 10) {
		t.Errorf("the form votes at %s, want the revision that the page shows", action)
	}
	stale := visit(h, http.MethodPost, path+"?revision=7", "Sec-Fetch-Site", "same-origin")
	if stale.Code != http.StatusSeeOther || stale.Header().Get("Location") != "/ko/products/"+butter+"#r-"+published || len(d.published(t)) != 1 {
		t.Errorf("vote for content that was edited: %d %v and %d votes, want the page with the new content and no vote", stale.Code, stale.Header(), len(d.published(t)))
	}
	if w := visit(h, http.MethodPost, path, "Sec-Fetch-Site", "cross-site"); w.Code != http.StatusForbidden || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/html") {
		t.Errorf("browser on another site: %d %s, want 403 as a page", w.Code, w.Header())
	}
	if w := visit(h, http.MethodPost, path, "Sec-Fetch-Site", "cross-site", "Accept", "*/*"); w.Code != http.StatusForbidden || w.Header().Get("Content-Type") != problem.ContentType {
		t.Errorf("client of another site: %d %s, want 403 as a problem", w.Code, w.Header())
	}
	if w := visit(h, http.MethodPost, strings.Replace(path, published, held, 1)); w.Code != http.StatusNotFound {
		t.Errorf("vote for a held review: %d, want 404", w.Code)
	}
	if got := d.published(t); len(got) != 1 {
		t.Errorf("published %v", got)
	}
}

func TestReportWithoutScripts(t *testing.T) {
	db, _ := spannerdbtest.New(t)
	published, held := addCatalogue(t, db)
	to, topicServer := pubsubtest.New(t, "commands")
	store := spannerStore{db: db}
	client := limit.New(limit.Rate{}, 0, nil).Client
	tokens, err := authortoken.ParseKeyRing("no secret in a test")
	if err != nil {
		t.Fatal(err)
	}
	h := newShop(t, &server{store: store, commands: &commands{revisions: store, topic: topic.New(to), tokens: tokens, client: client, now: time.Now}})
	form := read(t, h, "/fr/products/"+butter).one("article", "id=r-"+published)
	path := "/fr/products/" + butter + "/reviews/" + published + "/report"
	if !strings.Contains(text(form), "Cet avis enfreint-il nos règles") {
		t.Errorf("the review has no form for a report: %s", text(form))
	}
	w := visit(h, http.MethodPost, path, "Sec-Fetch-Site", "same-origin")
	if w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/fr/rules#reported" || w.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("%d %s", w.Code, w.Header())
	}
	if got := text(read(t, h, "/fr/rules").one("p", "id=reported")); got != "Merci. Nous avons bien reçu votre signalement." {
		t.Errorf("the page says %q", got)
	}
	if w := visit(h, http.MethodPost, path, "Sec-Fetch-Site", "cross-site"); w.Code != http.StatusForbidden {
		t.Errorf("browser on another site: %d, want 403", w.Code)
	}
	if w := visit(h, http.MethodPost, strings.Replace(path, published, held, 1)); w.Code != http.StatusNotFound {
		t.Errorf("report of a held review: %d, want 404", w.Code)
	}
	if got := (commandServer{topic: topicServer}).published(t); len(got) != 1 || got[0].About() != (wire.Key{Product: butter, Review: published}) {
		t.Errorf("published %v", got)
	}
}

// Article 7(6) of Directive 2005/29/EC: pages with reviews say whether the shop checks that consumers wrote them, and how.
func TestEveryPageSaysHowReviewsAreChecked(t *testing.T) {
	db, _ := spannerdbtest.New(t)
	addCatalogue(t, db)
	h := newShop(t, &server{store: spannerStore{db: db, search: searchScan}})
	for code, want := range map[string][2]string{
		"en": {"not check whether the author bought", "We do not check whether the author bought or used the product."},
		"ko": {"구매했는지는 확인하지 않아요", "구매하거나 사용했는지는 확인하지 않아요"},
		"ja": {"購入したかどうかは確認していません", "購入または使用したかどうかは確認していません"},
		"fr": {"mais pas que leurs auteurs ont acheté", "Nous ne vérifions pas si l’auteur a acheté"},
		"es": {"pero no que sus autores hayan comprado", "No comprobamos si su autor ha comprado"},
	} {
		for _, path := range []string{"/", "/products/" + butter, "/review", "/mine", "/rules"} {
			foot := read(t, h, "/"+code+path).one("footer", "class=foot")
			if !strings.Contains(text(foot), want[0]) {
				t.Errorf("footer of /%s%s: %q", code, path, text(foot))
			}
			if link, _ := attribute(foot.FirstChild.LastChild, "href"); link != "/"+code+"/rules" {
				t.Errorf("footer of /%s%s links %q", code, path, link)
			}
		}
		rules := read(t, h, "/"+code+"/rules").one("article", "class=rules")
		if got := text(rules); !strings.Contains(got, want[1]) || !strings.Contains(got, "3") || strings.Contains(got, "{") {
			t.Errorf("rules in %s: %s", code, got)
		}
	}
}

func TestQueryIsEscapedInPages(t *testing.T) {
	db, _ := spannerdbtest.New(t)
	h := newShop(t, &server{store: spannerStore{db: db, search: searchScan}})
	const evil = `"><script>alert(1)</script>`
	d := read(t, h, "/en/?q="+strings.NewReplacer(`"`, "%22", "<", "%3C", ">", "%3E").Replace(evil))
	if got, _ := attribute(d.one("input", "id=q"), "value"); got != evil {
		t.Errorf("search box has value %q", got)
	}
	if diff := cmp.Diff("No results for “"+evil+"”.", text(d.one("div", "class=missing").FirstChild)); diff != "" {
		t.Error(diff)
	}
}
