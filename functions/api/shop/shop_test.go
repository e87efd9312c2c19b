package shop

import (
	"encoding/base64"
	"image"
	"image/color"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	wire "github.com/hybrid-bts/functions/shared/schema/review"
)

func newSite(t testing.TB) *Site {
	t.Helper()
	s := New(Config{})
	if err := s.ready(); err != nil {
		t.Fatal(err)
	}
	return s
}

// photoCauses returns the causes for which a review lacks a photo.
func photoCauses() (names []string) {
	for _, cause := range wire.PhotoCauses {
		names = append(names, string(cause))
	}
	return names
}

// composedKeys are text keys composed of a prefix and a name in a response of the API or the status of a review.
var composedKeys = map[string][]string{
	"kind_":   append([]string{""}, productKinds...),
	"aspect_": {"delivery", "packaging", "quality", "size", "price", "contents"},
	"tone_":   {tone(1), tone(0), tone(-1)},
	"sort_":   reviewSorts,
	"say_":    {"published", "held", "rejected"},

	"say_photo_missing_": append([]string{"other"}, photoCauses()...),
	"say_status_":        {"pending", "published", "held", "rejected", "waiting", "deleted", "unknown"},
}

// usedTexts returns the text keys that templates, modules and Go code use.
func usedTexts(t *testing.T) map[string]bool {
	t.Helper()
	used := map[string]bool{}
	for prefix, names := range composedKeys {
		for _, name := range names {
			used[prefix+name] = true
		}
	}
	for pattern, call := range map[string]string{
		"*.go": `\b[lp]\.(T|Count)\("(\w+)"`, "templates/*.html": `\b(t|count) "(\w+)"`, "assets/*.js": `\b(t)\('(\w+)'`, "errorpages.go": `(key) :?= "(\w+)"`,
	} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %v", pattern, err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range regexp.MustCompile(call).FindAllStringSubmatch(string(b), -1) {
				switch key := m[2]; {
				case strings.EqualFold(m[1], "count"):
					used[key+"_one"], used[key+"_other"] = true, true
				case m[1] == "key":
					used[key], used[key+"_title"] = true, true
				case strings.HasPrefix(pattern, "assets"):
					used["say_"+key] = true
				default:
					used[key] = true
				}
			}
		}
	}
	return used
}

func TestLanguagesHaveAllUsedTextsAndNoOthers(t *testing.T) {
	used := usedTexts(t)
	placeholder := regexp.MustCompile(`\{\w+\}`)
	placeholders := func(text string) []string {
		found := placeholder.FindAllString(text, -1)
		slices.Sort(found)
		return slices.Compact(found)
	}
	all := newSite(t).languages.all
	if len(all) != 5 {
		t.Errorf("shop has %d languages, want 5", len(all))
	}
	for _, l := range all {
		for key := range used {
			if l.texts[key] == "" {
				t.Errorf("%s lacks the text %q", l.Code, key)
			}
		}
		for key, text := range l.texts {
			if !used[key] {
				t.Errorf("%s has the unused text %q", l.Code, key)
			}
			if want := all[0].texts[key]; !slices.Equal(placeholders(text), placeholders(want)) && key != "date" {
				t.Errorf("%s: text %q has placeholders %q, in %s %q", l.Code, key, placeholders(text), all[0].Code, placeholders(want))
			}
			if strings.TrimSpace(text) != text || strings.Contains(text, "'") {
				t.Errorf("%s: text %q is %q; want no surrounding space and typographic apostrophes", l.Code, key, text)
			}
		}
	}
}

func TestLanguagesFormatNumbersPricesAndDates(t *testing.T) {
	s := newSite(t)
	for code, want := range map[string][]string{
		"en": {"₩32,900", "$1,234.50", "4.3", "−0.5", "July 9, 2021", "March 1, 2025", "1 review", "0 reviews", "1,234 reviews", "4.3 out of 5 stars", "5 out of 5 stars"},
		"ko": {"₩32,900", "US$1,234.50", "4.3", "−0.5", "2021년 7월 9일", "2025년 3월 1일", "리뷰 1개", "리뷰 0개", "리뷰 1,234개", "별 5개 중 4.3개", "별 5개 중 5개"},
		"ja": {"₩32,900", "$1,234.50", "4.3", "−0.5", "2021年7月9日", "2025年3月1日", "レビュー1件", "レビュー0件", "レビュー1,234件", "5つ星のうち4.3", "5つ星のうち5"},
		"fr": {"32 900 ₩", "1 234,50 $US", "4,3", "−0,5", "9 juillet 2021", "1er mars 2025", "1 avis", "0 avis", "1 234 avis", "Note : 4,3 sur 5", "Note : 5 sur 5"},
		"es": {"32.900 KRW", "1.234,50 US$", "4,3", "−0,5", "9 de julio de 2021", "1 de marzo de 2025", "1 opinión", "0 opiniones", "1.234 opiniones", "4,3 de 5 estrellas", "5 de 5 estrellas"},
	} {
		l := s.languages.byCode(code)
		check := func(i int, got string, err error) {
			t.Helper()
			if got = strings.ReplaceAll(got, "\u00a0", " "); err != nil || got != want[i] {
				t.Errorf("%s: got %q, %v, want %q", code, got, err, want[i])
			}
		}
		won, err := l.Price(32900, "KRW")
		check(0, won, err)
		dollars, err := l.Price(123450, "USD")
		check(1, dollars, err)
		check(2, l.Average(4.25000001), nil)
		check(3, l.Signed(-0.5), nil)
		day, err := l.Day("2021-07-09")
		check(4, day, err)
		first, err := l.Date(time.Date(2025, 3, 1, 23, 0, 0, 0, time.UTC))
		check(5, first, err)
		for i, n := range []int64{1, 0, 1234} {
			counted, err := l.Count("reviews", n)
			check(6+i, counted, err)
		}
		for i, mean := range []float64{4.3, 5} {
			drawn, err := l.newStarRating(mean)
			check(9+i, drawn.Label, err)
		}
		if _, err := l.Price(1, "nothing"); err == nil {
			t.Errorf("%s formats a price in an unknown currency", code)
		}
		if _, err := l.T("nothing"); err == nil {
			t.Errorf("%s has a text for an unknown key", code)
		}
		if got := l.Term("kind_", "poster"); got != "poster" {
			t.Errorf("%s: term of a new kind is %q, want the name itself", code, got)
		}
	}
}

func TestPlainPriceHasDigitsOfCurrency(t *testing.T) {
	for _, tc := range []struct {
		amount         int64
		currency, want string
	}{{18900, "KRW", "18900"}, {1999, "USD", "19.99"}, {5, "EUR", "0.05"}, {0, "USD", "0.00"}, {700, "JPY", "700"}} {
		if got := plainPrice(tc.amount, tc.currency); got != tc.want {
			t.Errorf("plainPrice(%d, %s) = %s, want %s", tc.amount, tc.currency, got, tc.want)
		}
	}
}

func TestPreloadCoversTransitiveImports(t *testing.T) {
	s := newSite(t)
	imports := regexp.MustCompile(`'\./([a-z]+\.js)'`)
	for name, b := range s.assets.all {
		for _, m := range imports.FindAllSubmatch(b, -1) {
			if s.assets.all[string(m[1])] == nil {
				t.Errorf("%s imports %s, which does not exist", name, m[1])
			}
		}
	}
	if got, want := s.assets.preload("site.js", "form.js"), []string{"api.js", "device.js", "outbox.js", "page.js", "photos.js", "status.js"}; !slices.Equal(got, want) {
		t.Errorf("preload of the form is %v, want %v", got, want)
	}
	if got, want := s.assets.preload("site.js"), []string{"page.js"}; !slices.Equal(got, want) {
		t.Errorf("preload of every page is %v, want %v", got, want)
	}
}

// The expected colours are those of the reference implementation, https://github.com/evanw/thumbhash, in the first and
// the last corner.
func TestPlaceholderHasColoursOfReferenceDecoder(t *testing.T) {
	for _, tc := range []struct {
		name, hash    string
		width, height int
		first, last   color.NRGBA
	}{
		{"wide", "4RYGXIQ1VnZvdYdUhoNmgPmJaQ==", 300, 150, color.NRGBA{69, 32, 209, 255}, color.NRGBA{145, 149, 57, 255}},
		{"tall", "3xYGNAgwlYSplWQYR+hUYPGOWQ==", 80, 160, color.NRGBA{56, 1, 215, 255}, color.NRGBA{129, 137, 157, 255}},
		{"with alpha channel, which is ignored", "nkWGK4Q3IlNHhzBUMNtvNL9XiIiIiIg=", 60, 40, color.NRGBA{26, 0, 174, 255}, color.NRGBA{119, 93, 138, 255}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			hash, err := base64.StdEncoding.DecodeString(tc.hash)
			if err != nil {
				t.Fatal(err)
			}
			img, ok := decodeThumbhash(hash, tc.width, tc.height)
			if !ok {
				t.Fatal("hash is not decoded")
			}
			corner := img.Bounds().Max
			if max(corner.X, corner.Y) != placeholderSide || (corner.X > corner.Y) != (tc.width > tc.height) {
				t.Errorf("placeholder has bounds %v", img.Bounds())
			}
			for at, want := range map[image.Point]color.NRGBA{{}: tc.first, corner.Sub(image.Pt(1, 1)): tc.last} {
				got := color.NRGBAModel.Convert(img.At(at.X, at.Y)).(color.NRGBA)
				for _, d := range []int{int(got.R) - int(want.R), int(got.G) - int(want.G), int(got.B) - int(want.B)} {
					if max(d, -d) > 10 { // the reference samples other positions
						t.Errorf("pixel %v is %v, want %v", at, got, want)
					}
				}
			}
			if uri := string(placeholder(hash, tc.width, tc.height)); !strings.HasPrefix(uri, "data:image/bmp;base64,") || len(uri) > 400 {
				t.Errorf("placeholder is %q, want a short BMP", uri)
			}
		})
	}
	if uri := placeholder([]byte{1}, 300, 150); uri != "" {
		t.Errorf("invalid hash gives %q, want none", uri)
	}
}

func FuzzPlaceholder(f *testing.F) {
	f.Add([]byte{0xdb, 0x28, 0x12, 0x17, 0x34, 0x83, 0x78}, 3, 4)
	f.Add([]byte{}, 0, -1)
	f.Fuzz(func(t *testing.T, hash []byte, width, height int) {
		if uri := placeholder(hash, width, height); len(uri) > 400 {
			t.Errorf("placeholder has %d bytes", len(uri))
		}
	})
}

func FuzzPreferredLanguage(f *testing.F) {
	l, err := loadLanguages()
	if err != nil {
		f.Fatal(err)
	}
	f.Add("ko-KR,ko;q=0.9", "language=ja", "fr")
	f.Fuzz(func(t *testing.T, accept, cookie, path string) {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.URL.Path = "/" + path
		r.Header.Set("Accept-Language", accept)
		r.Header.Set("Cookie", cookie)
		if l.preferred(r) == nil {
			t.Error("got no language")
		}
	})
}

func TestErrorPagesExistForAllStatusesAndLanguages(t *testing.T) {
	s := newSite(t)
	for _, l := range s.languages.all {
		titles := map[string]bool{}
		for _, status := range []int{400, 404, 405, 422, 429, 500, 503} {
			b, err := s.errorPage(l, status)
			if err != nil {
				t.Errorf("%s %d: %v", l.Code, status, err)
			}
			titles[regexp.MustCompile(`<h1>.*</h1>`).FindString(string(b))] = true
		}
		if len(titles) != 4 {
			t.Errorf("%s: got titles %v, want 4", l.Code, slices.Collect(maps.Keys(titles)))
		}
	}
}

func TestOnlyBrowsersPreferHTML(t *testing.T) {
	for accept, want := range map[string]bool{
		"text/html,application/xhtml+xml,*/*;q=0.8": true, "text/html": true, "": false, "*/*": false,
		"application/json": false, "application/json, text/html;q=0.5": false,
	} {
		if got := prefersHTML(accept); got != want {
			t.Errorf("prefersHTML(%q) = %v", accept, got)
		}
	}
}

func BenchmarkLoadSite(b *testing.B) {
	for b.Loop() {
		newSite(b)
	}
}
