//go:build unix

package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// tab is a page in a browser.
type tab struct {
	ctx context.Context
	t   *testing.T

	mu sync.Mutex
	// complaints are the browser's: errors of scripts, of the content security policy, of requests.
	complaints []string
}

// browse opens a tab of a browser that speaks a language.
func browse(t *testing.T, lang string) *tab {
	t.Helper()
	var binary string
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"} {
		if p, err := exec.LookPath(name); err == nil {
			binary = p
			break
		}
	}
	if binary == "" {
		t.Skip("no Chromium: apt-get install chromium, or put chromium on PATH")
	}
	opts := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(binary), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("lang", lang), chromedp.Flag("accept-lang", lang), chromedp.WindowSize(1280, 1000),
	)
	if os.Getuid() == 0 {
		opts = append(opts, chromedp.NoSandbox)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewExecAllocator(ctx, opts...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	b := &tab{ctx: ctx, t: t}
	if err := chromedp.Listen(ctx, b.listen); err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *tab) listen(ev any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch ev := ev.(type) {
	case *log.EventEntryAdded:
		// A review that is not stored yet is a 404, as it should be.
		if ev.Entry.Level == log.EntryLevelError && !strings.Contains(ev.Entry.Text, "404") {
			b.complaints = append(b.complaints, ev.Entry.Text+" "+ev.Entry.URL)
		}
	case *runtime.EventExceptionThrown:
		b.complaints = append(b.complaints, ev.ExceptionDetails.Text)
	}
}

// do takes steps; what says for what.
func (b *tab) do(what string, steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, steps...); err != nil {
		b.t.Fatalf("%s: %v", what, err)
	}
}

// text returns the visible text of an element.
func (b *tab) text(selector string) string {
	b.t.Helper()
	s, err := chromedp.Run(b.ctx, chromedp.Text(selector))
	if err != nil {
		b.t.Fatalf("text of %s: %v", selector, err)
	}
	return s
}

// waitFor waits until an expression is true.
func (b *tab) waitFor(what, expression string) {
	b.t.Helper()
	if _, err := chromedp.Run(b.ctx, chromedp.Poll[bool](expression, chromedp.WithPollingInterval(50*time.Millisecond))); err != nil {
		b.t.Fatalf("%s: %v", what, err)
	}
}

// calm fails the test when the browser complained.
func (b *tab) calm() {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range b.complaints {
		b.t.Errorf("the browser complains: %s", c)
	}
}

// testPage writes reviews as a shopper does, and waits for their scores.
func (r *running) testPage(t *testing.T) {
	for _, tc := range []struct {
		lang, path, heading, text, sign string
	}{
		{"en-US", "/#!/review", "BTS Single Album BUTTER [Cream + Peaches Ver.]", "I love this album, it is beautiful <b>💜</b>", "+"},
		{"ko-KR", "/#!/review/hoodie-purple", "Purple Heart Hoodie", "실망이에요. 환불해 주세요", "-"},
	} {
		t.Run(tc.lang, func(t *testing.T) {
			b := browse(t, tc.lang)
			b.do("open the form", chromedp.Navigate(r.url+tc.path), chromedp.WaitVisible("#review-form"), chromedp.WaitVisible("#rating-count"))
			b.waitFor("the page speaks the browser's language", `document.documentElement.lang === "`+tc.lang[:2]+`"`)
			if got := b.text("h1"); got != tc.heading {
				t.Errorf("heading %q, want %q", got, tc.heading)
			}
			before := b.text("#rating-count")

			b.do("submit without stars", chromedp.Click("#submit"), chromedp.WaitVisible("#rating-error"))
			if b.text("#rating-error") == "" {
				t.Error("a review without stars is not complained of at the field")
			}
			b.do("submit", chromedp.Focus("#star-4"), chromedp.SendKeys("#star-4", " "), chromedp.SendKeys("#text", tc.text),
				chromedp.SendKeys("#author", "chromium"), chromedp.Click("#submit"))
			const first = `document.querySelector("#reviews article.review")`
			b.waitFor("the review is shown", first+`?.querySelector(".text").textContent.includes("`+tc.text[:6]+`")`)
			b.waitFor("it is published with its score", first+`.dataset.status === "published" && `+first+`.querySelector(".score") !== null`)
			b.waitFor("the rating changes", `document.querySelector("#rating-count").textContent !== "`+before+`"`)
			if got := b.text("#reviews article.review"); strings.Contains(got, "null") || strings.Contains(got, "undefined") {
				t.Errorf("the page shows %q", got)
			}
			if got := b.text("#reviews article.review .text"); got != tc.text {
				t.Errorf("the page shows %q, want %q", got, tc.text)
			}
			if got := b.text("#reviews article.review .score"); !strings.Contains(strings.ReplaceAll(got, "\u2212", "-"), tc.sign) {
				t.Errorf("the score is %q, want one with %s", got, tc.sign)
			}
			b.calm()
		})
	}
	t.Run("photos", r.testPhotos)
	t.Run("products", func(t *testing.T) {
		b := browse(t, "en-US")
		b.do("open the shop", chromedp.Navigate(r.url+"/"), chromedp.WaitVisible("#product-list a.product"))
		b.waitFor("it shows all goods", `document.querySelectorAll("#product-list a.product").length >= 12`)
		b.waitFor("they have pictures", `document.querySelectorAll("#product-list img.cover").length >= 12 &&
			[...document.querySelectorAll("#product-list img.cover")].slice(0, 4).every((img) => img.complete && img.naturalWidth > 0)`)
		b.do("open one", chromedp.Click(`a.product[data-product="mug-galaxy"]`), chromedp.WaitVisible("#review-form"))
		b.calm()
	})
}

// testPhotos adds photos to a review, one of which it takes back, and waits until they are shown.
func (r *running) testPhotos(t *testing.T) {
	dir := t.TempDir()
	var files []string
	for i, name := range []string{"front.jpg", "back.png", "taken back.jpg", "notes.txt"} {
		data := sound(t, []int{0, 2, 5, 0}[i])
		if name == "notes.txt" {
			data = []byte("no photo")
		}
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	b := browse(t, "en-US")
	b.do("open the form", chromedp.Navigate(r.url+"/#!/review/mug-galaxy"), chromedp.WaitVisible("#review-form"))
	b.do("choose photos", chromedp.SetUploadFiles("#photos", files))
	b.waitFor("they are sent", `document.querySelectorAll("#photo-list li[data-object]").length === 3`)
	if got := b.text("#photos-error"); !strings.Contains(got, "notes.txt") {
		t.Errorf("a text is complained of with %q", got)
	}
	b.do("take one back", chromedp.Click(`#photo-list li:last-child .remove`))
	b.waitFor("it is gone", `document.querySelectorAll("#photo-list li").length === 2`)
	b.do("submit", chromedp.Focus("#star-5"), chromedp.SendKeys("#star-5", " "), chromedp.SendKeys("#text", "Look at it"), chromedp.Click("#submit"))
	const first = `document.querySelector("#reviews article.review")`
	b.waitFor("it is published", first+`?.dataset.status === "published"`)
	b.waitFor("its photos are shown", `(() => {
		const imgs = [...`+first+`.querySelectorAll(".photos img")];
		return imgs.length === 2 && imgs.every((img) => img.complete && img.naturalWidth > 0);
	})()`)
	b.waitFor("the form is empty", `document.querySelectorAll("#photo-list li").length === 0`)
	for range 100 { // until the renditions are there
		b.do("come back", chromedp.Reload(), chromedp.WaitVisible("#reviews article.review"))
		found, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool](`[...`+first+`.querySelectorAll(".photos a img")].length === 2`))
		if err != nil {
			t.Fatal(err)
		}
		if found {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	b.waitFor("another shopper sees their renditions", `[...`+first+`.querySelectorAll(".photos a img")].filter((img) =>
		img.currentSrc.includes("/img/reviews/") && img.complete && img.naturalWidth > 0).length === 2`)
	b.calm()
}
