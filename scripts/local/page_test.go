//go:build unix

package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2"
	"cloud.google.com/go/spanner"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/fetch"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/hybrid-bts/functions/shared/schema/review"
)

// tab is a page in a browser.
type tab struct {
	ctx context.Context
	t   *testing.T

	mu sync.Mutex
	// complaints are errors of scripts, violations of the content security policy, and failed requests.
	complaints []string
}

// browse opens a tab in a browser whose preferred language is lang.
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
		t.Skip("needs Chromium: apt-get install chromium, or put chromium on PATH")
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

// listen collects complaints from the events of the browser.
func (b *tab) listen(ev any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch ev := ev.(type) {
	case *log.EventEntryAdded:
		// The API answers 404 for a review that is not stored yet.
		if ev.Entry.Level == log.EntryLevelError && !strings.Contains(ev.Entry.Text, "404") {
			b.complaints = append(b.complaints, ev.Entry.Text+" "+ev.Entry.URL)
		}
	case *runtime.EventExceptionThrown:
		b.complaints = append(b.complaints, ev.ExceptionDetails.Text)
	}
}

// do performs steps. Failures name the purpose.
func (b *tab) do(purpose string, steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, steps...); err != nil {
		b.t.Fatalf("%s: %v", purpose, err)
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

// waitFor waits until a JavaScript expression is true, on this page or on the next. Failures name the condition.
func (b *tab) waitFor(condition, expression string) {
	b.t.Helper()
	for range 20 {
		_, err := chromedp.Run(b.ctx, chromedp.Poll[bool](expression, chromedp.WithPollingInterval(50*time.Millisecond)))
		if err == nil {
			return
		}
		if !strings.Contains(err.Error(), "navigated") && !strings.Contains(err.Error(), "context with specified id") {
			b.t.Fatalf("wait until %s: %v", condition, err)
		}
	}
	b.t.Fatalf("wait until %s: the browser navigates all the time", condition)
}

// requireNoComplaints fails the test if the browser complained.
func (b *tab) requireNoComplaints() {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range b.complaints {
		b.t.Errorf("the browser reports: %s", c)
	}
}

// evaluated returns the value of a JavaScript expression.
func evaluated[T any](b *tab, expression string) T {
	b.t.Helper()
	v, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Fatalf("%s: %v", expression, err)
	}
	return v
}

// call sends a command of the DevTools protocol.
func call[P, R any](b *tab, command cdp.Command[P, R], params P) {
	b.t.Helper()
	if _, err := chromedp.Call(b.ctx, command, params); err != nil {
		b.t.Fatalf("%s: %v", command.Method, err)
	}
}

// open navigates to a page, and waits until its modules have run.
func (b *tab) open(url string) {
	b.t.Helper()
	b.do("open "+url, chromedp.Navigate(url), chromedp.WaitVisible("#theme"))
}

// fill writes a review into the open form.
func (b *tab) fill(stars, text string) {
	b.t.Helper()
	b.waitFor("the form is ready", `document.querySelector("#submit")?.disabled === false`)
	evaluated[string](b, `document.querySelector("#text").value = ""`)
	b.do("write the review", chromedp.Focus("#star-"+stars), chromedp.SendKeys("#star-"+stars, " "), chromedp.SendKeys("#text", text))
}

// settled waits until the submitted review is published.
func (b *tab) settled() {
	b.t.Helper()
	b.waitFor("the review is published", `document.querySelector("#outcome")?.dataset.status === "published"`)
}

// count returns the number of a product's reviews in the API.
func (b *tab) count(product string) int {
	b.t.Helper()
	return evaluated[int](b, `fetch("/v1/products/`+product+`/rating").then((answer) => answer.json()).then((rating) => rating.count)`)
}

const first = `document.querySelector("#reviews article.review")`

// testPage runs the tests of the pages in a browser.
func (r *running) testPage(t *testing.T) {
	t.Run("a submitted review appears", r.testWriting)
	t.Run("photos of a review appear", r.testPhotos)
	t.Run("a review is edited and deleted", r.testOwnReviews)
	t.Run("an edit keeps the fields that the form could not load", r.testEditBlind)
	t.Run("products and reviews are found", r.testFinding)
	t.Run("all languages have complete pages", r.testLanguages)
	t.Run("the keyboard alone is enough", r.testKeyboard)
	t.Run("a review written offline is sent later", r.testOffline)
	t.Run("another tab sends a waiting review", r.testOtherTab)
	t.Run("a browser without storage submits reviews", r.testNoStorage)
	t.Run("a lost answer does not double a review", r.testLostAnswer)
	t.Run("a draft survives a reload", r.testDraft)
	t.Run("a helpful vote counts once", r.testHelpful)
	t.Run("readers report a review", r.testReport)
	t.Run("a page shows changes after a notice", r.testChangeNotice)
	t.Run("the author of a held review sees its reason", r.testHeld)
	t.Run("slow and deleted reviews are listed with their state", r.testMineStates)
	t.Run("changes appear while a page is open", r.testLive)
	t.Run("changes keep the order of the list", r.testLiveOrder)
	t.Run("pages work without scripts", r.testWithoutScripts)
	t.Run("the chosen theme stays", r.testThemes)
	t.Run("axe-core finds nothing", r.testAxe)
}

func (r *running) testWriting(t *testing.T) {
	for _, tc := range []struct {
		lang, path, product, text, sign string
	}{
		{"en-US", "/#!/review", "butter-cream-peaches", "I love this album, it is beautiful <b>💜</b>", "+"},
		{"ko-KR", "/#!/review/hoodie-purple", "hoodie-purple", "실망이에요. 환불해 주세요", "-"},
	} {
		t.Run(tc.lang, func(t *testing.T) {
			b := browse(t, tc.lang)
			b.do("open the form", chromedp.Navigate(r.url+tc.path), chromedp.WaitVisible("#review-form"))
			b.waitFor("the page speaks the browser's language", `document.documentElement.lang === "`+tc.lang[:2]+`"`)
			b.waitFor("the form is ready", `document.querySelector("#submit").disabled === false`)
			before := b.count(tc.product)

			b.do("submit without stars", chromedp.Click("#submit"), chromedp.WaitVisible("#rating-error"))
			b.do("submit a name that is too long", chromedp.SetValue("#author", strings.Repeat("y", 81)), chromedp.Click("#submit"), chromedp.WaitVisible("#author-error"))
			if edge := evaluated[string](b, `getComputedStyle(document.querySelector("#author")).borderColor`); edge != evaluated[string](b, `getComputedStyle(document.querySelector("#author-error")).color`) {
				t.Errorf("the invalid field has a border of %s", edge)
			}
			evaluated[string](b, `document.querySelector("#author").value = ""`)
			if b.text("#rating-error") == "" {
				t.Error("a review without stars has no error at the field")
			}
			if tc.path == "/#!/review" {
				if b.text("#product-error") == "" {
					t.Error("a review without a product has no error at the field")
				}
				b.do("choose the product", chromedp.SetValue("#product", tc.product))
			}
			b.fill("4", tc.text)
			b.do("submit the review", chromedp.SendKeys("#author", "chromium"), chromedp.Click("#submit"))
			b.settled()
			b.do("open the review", chromedp.Click("#see"), chromedp.WaitVisible("#reviews .own"))
			if got := b.text("#reviews article.review .text"); got != tc.text {
				t.Errorf("the page shows %q, want %q", got, tc.text)
			}
			if got := b.text("#reviews article.review .sentiment"); !strings.Contains(strings.ReplaceAll(got, "\u2212", "-"), tc.sign) {
				t.Errorf("the score is %q, want one with %s", got, tc.sign)
			}
			if got := evaluated[string](b, `document.querySelector("#rating-count").dataset.count`); got != strconv.Itoa(before+1) {
				t.Errorf("%s reviews, want %d and one more", got, before)
			}
			b.requireNoComplaints()
		})
	}
}

// testPhotos attaches photos to a review, removes one, and waits until the page shows the others.
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
	b.open(r.url + "/en/products/mug-galaxy/review")
	b.waitFor("the form is ready", `document.querySelector("#submit").disabled === false`)
	b.do("choose photos", chromedp.SetUploadFiles("#photos", files))
	b.waitFor("the photos are uploaded", `document.querySelectorAll("#photo-list li[data-object]").length === 3`)
	if got := b.text("#photos-error"); !strings.Contains(got, "notes.txt") {
		t.Errorf("the error of a file that is not a picture is %q", got)
	}
	b.do("remove a photo", chromedp.Click(`#photo-list li:last-child .remove`))
	b.waitFor("the photo is removed", `document.querySelectorAll("#photo-list li").length === 2`)
	b.do("reload", chromedp.Reload())
	b.waitFor("the other photos remain", `document.querySelectorAll("#photo-list li[data-object]").length === 2`)
	b.fill("5", "Look at it")
	b.do("submit the review", chromedp.Click("#submit"))
	b.settled()
	b.do("open the review", chromedp.Click("#see"), chromedp.WaitVisible("#reviews .own"))
	for range 100 { // until the renditions exist
		if evaluated[bool](b, first+`.querySelectorAll(".photos a img[srcset]").length === 2`) {
			break
		}
		time.Sleep(100 * time.Millisecond)
		b.do("reload", chromedp.Reload(), chromedp.WaitVisible("#reviews article.review"))
	}
	b.do("scroll to the photos", chromedp.ScrollIntoView("#reviews .photos"))
	b.waitFor("another shopper sees the renditions", `[...`+first+`.querySelectorAll(".photos a img[srcset]")].filter((img) =>
		img.currentSrc.includes("/img/reviews/") && img.complete && img.naturalWidth > 0).length === 2`)
	b.requireNoComplaints()
}

func (r *running) testOwnReviews(t *testing.T) {
	const product = "cushion-seven"
	b := browse(t, "en-US")
	b.open(r.url + "/en/products/" + product + "/review")
	before := b.count(product)
	b.fill("5", "Soft and lovely")
	b.do("submit the review", chromedp.Click("#submit"))
	b.settled()
	b.do("edit the review", chromedp.Click("#see"), chromedp.WaitVisible("#reviews .own a"), chromedp.Click("#reviews .own a"), chromedp.WaitVisible("#review-form"))
	b.waitFor("the form holds the review", `document.querySelector("#text").value === "Soft and lovely" && document.querySelector("#star-5").checked`)
	b.fill("1", "It fell apart. Terrible")
	b.do("save the edit", chromedp.Click("#submit"))
	b.settled()
	b.do("open the review", chromedp.Click("#see"), chromedp.WaitVisible("#reviews .own"))
	if got := b.text("#reviews article.review .text"); got != "It fell apart. Terrible" {
		t.Errorf("after the edit the page shows %q", got)
	}
	if got := b.count(product); got != before+1 {
		t.Errorf("%d reviews; there were %d before", got, before)
	}
	b.open(r.url + "/en/mine")
	b.waitFor("the review is listed", `document.querySelector("#mine article [data-status=published]") !== null`)
	b.do("cancel the deletion", chromedp.Click("#mine button"), chromedp.WaitVisible("#sure"), chromedp.Click("#sure .quiet"))
	b.waitFor("the review is still listed", `!document.querySelector("#sure").open && document.querySelector("#mine article") !== null`)
	evaluated[any](b, `(() => {
		const ask = document.querySelector("#mine button");
		ask.click();
		document.querySelector("#sure .quiet").click();
		ask.click(); // immediately, as on a slow phone
	})()`)
	b.do("delete the review", chromedp.WaitVisible("#sure"), chromedp.Click("#sure .danger"))
	b.waitFor("the review is gone and the page announces it", `document.querySelector("#mine article") === null && document.querySelector("#live").textContent !== ""`)
	for range 100 {
		if b.count(product) == before {
			b.requireNoComplaints()
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Errorf("the deleted review still counts")
}

// testEditBlind edits a review while the API does not return it. Fields that the form could not load stay as they are.
func (r *running) testEditBlind(t *testing.T) {
	const product = "cushion-seven"
	photo := r.sendPhoto(t, sound(t, 0))
	sent := r.call(t, http.DefaultClient, http.StatusAccepted, http.MethodPost, "/v1/reviews",
		fmt.Sprintf(`{"product":%q,"rating":5,"text":"As it was","author":"아미","photos":[%q]}`, product, photo))
	path := sent["status_url"].(string)
	published(t, r.url+path)
	review := func() map[string]any { return r.call(t, http.DefaultClient, http.StatusOK, http.MethodGet, path, "") }
	eventually(t, "the photo is shown", func() bool { return len(review()["photos"].([]any)) == 1 })

	b := browse(t, "en-US")
	b.open(r.url + "/en/mine")
	evaluated[bool](b, fmt.Sprintf(`localStorage.setItem("mine", JSON.stringify([{id: %q, token: %q, product: %q, title: "A thing", at: new Date().toISOString(), rating: 5, text: "As it was"}])), true`,
		sent["id"], sent["author_token"], product))
	if err := chromedp.Listen(b.ctx, func(ev any) {
		if paused, ok := ev.(*fetch.EventRequestPaused); ok {
			go func() { // a listener must not block on the browser
				if paused.Request.Method == http.MethodGet {
					_, _ = chromedp.Call(b.ctx, fetch.FailRequest, fetch.FailRequestParams{RequestID: paused.RequestID, ErrorReason: network.ErrorReasonFailed})
					return
				}
				_, _ = chromedp.Call(b.ctx, fetch.ContinueRequest, fetch.ContinueRequestParams{RequestID: paused.RequestID})
			}()
		}
	}); err != nil {
		t.Fatal(err)
	}
	call(b, fetch.Enable, fetch.EnableParams{Patterns: []*fetch.RequestPattern{{URLPattern: "*/v1/*/reviews/*"}}})
	b.open(r.url + "/en/products/" + product + "/review?edit=" + sent["id"].(string))
	b.fill("2", "As it is")
	b.do("save the edit", chromedp.Click("#submit"))
	eventually(t, "the edit is published", func() bool { return review()["text"] == "As it is" })
	got := review()
	if photos := got["photos"].([]any); got["rating"] != 2.0 || got["author"] != "아미" || len(photos) != 1 {
		t.Errorf("after an edit of stars and text the review is %v", got)
	}
}

func (r *running) testFinding(t *testing.T) {
	b := browse(t, "en-US")
	b.open(r.url + "/")
	b.waitFor("the list shows all products", `document.querySelectorAll("#product-list a.product").length >= 12`)
	b.waitFor("the products have pictures", `document.querySelectorAll("#product-list img[srcset]").length >= 12 &&
		[...document.querySelectorAll("#product-list img[srcset]")].slice(0, 4).every((img) => img.complete && img.naturalWidth > 0)`)
	b.do("filter photo books", chromedp.Click(`.chip[href*=photobook]`), chromedp.WaitVisible(`.chip[href*=photobook][aria-current]`))
	if got := evaluated[int](b, `document.querySelectorAll("#product-list a.product").length`); got != 2 {
		t.Errorf("%d photo books, want 2", got)
	}
	b.open(r.url + "/en/")
	b.do("search", chromedp.SendKeys("#q", "버터"), chromedp.KeyEvent(kb.Enter))
	b.waitFor("the product is found by its Korean name", `[...document.querySelectorAll("#product-list a.product")].map((card) => card.dataset.product).join() === "butter-cream-peaches"`)
	b.do("open the product", chromedp.Click(`a.product`), chromedp.WaitVisible("#reviews"))

	all := evaluated[int](b, `document.querySelectorAll("#reviews article").length`)
	b.do("filter reviews of two stars", chromedp.SetValue("select[name=rating]", "2"))
	evaluated[bool](b, `document.querySelector("select[name=rating]").dispatchEvent(new Event("change", {bubbles: true}))`)
	b.waitFor("only these reviews are shown", `location.search === "?sort=newest&rating=2" &&
		[...document.querySelectorAll("#reviews article .stars")].every((stars) => stars.getAttribute("aria-label") === "2 out of 5 stars")`)
	if got := evaluated[int](b, `document.querySelectorAll("#reviews article").length`); got == 0 || got >= all {
		t.Errorf("the filter of two stars shows %d of %d reviews", got, all)
	}
	b.do("navigate back", chromedp.NavigateBack())
	b.waitFor("all reviews are shown", `document.querySelectorAll("#reviews article").length === `+strconv.Itoa(all))
	b.do("filter by the histogram", chromedp.Click(`.histogram a[href*="rating=5"]`))
	b.waitFor("the reviews are shown and the heading has the focus", `location.search.includes("rating=5") && document.activeElement.id === "reviews-title" &&
		document.querySelector(".histogram a[aria-current]") !== null`)
	b.requireNoComplaints()
}

// testLanguages compares the server's number and date formats with those of the browser.
func (r *running) testLanguages(t *testing.T) {
	b := browse(t, "en-US")
	b.open(r.url + "/en/products/butter-cream-peaches?sort=oldest")
	for _, code := range []string{"ko", "ja", "fr", "es", "en"} {
		b.do("choose "+code, chromedp.Click(".languages summary"), chromedp.Click(".languages a[lang="+code+"]"), chromedp.WaitVisible(`html[lang=`+code+`] #theme`))
		said := evaluated[[]string](b, `[document.querySelector("h1 + .price").textContent, document.querySelector(".headline .muted").textContent,
			...[...document.querySelectorAll("time")].map((time) => time.textContent)].map((text) => text.replaceAll(/\s/gu, " "))`)
		want := evaluated[[]string](b, `[new Intl.NumberFormat("`+code+`", {style: "currency", currency: "KRW"}).format(32900),
			new Intl.DateTimeFormat("`+code+`", {dateStyle: "long"}).format(new Date(2021, 6, 9))].map((text) => text.replaceAll(/\s/gu, " "))`)
		if said[0] != want[0] || !strings.Contains(said[1], want[1]) {
			t.Errorf("%s: the page says %q, the browser %q", code, said[:2], want)
		}
	}
	if got := evaluated[string](b, `location.search`); got != "?sort=oldest" {
		t.Errorf("after the change of language the order of the reviews is %q", got)
	}
	b.do("choose Japanese", chromedp.Click(".languages summary"), chromedp.Click(".languages a[lang=ja]"), chromedp.WaitVisible(`html[lang=ja] #theme`))
	b.do("open the shop again", chromedp.Navigate(r.url+"/"), chromedp.WaitVisible(`html[lang=ja] #theme`))
	b.requireNoComplaints()
}

// testKeyboard goes from the list of products to a published review with the keyboard alone.
func (r *running) testKeyboard(t *testing.T) {
	b := browse(t, "en-US")
	b.open(r.url + "/en/")
	press := func(keys string) { b.do("press a key", chromedp.KeyEvent(keys)) }
	reach := func(selector string) {
		t.Helper()
		for range 60 {
			press(kb.Tab)
			if !evaluated[bool](b, `document.activeElement.matches("`+selector+`")`) {
				continue
			}
			if !evaluated[bool](b, `(() => { const marked = document.activeElement.closest(".star") ?? document.activeElement.previousElementSibling ?? document.activeElement;
				return [document.activeElement, marked].some((node) => getComputedStyle(node).outlineStyle !== "none"); })()`) {
				t.Errorf("%s has the focus, but no outline", selector)
			}
			return
		}
		t.Fatalf("the Tab key does not reach %s", selector)
	}
	press(kb.Tab)
	if !evaluated[bool](b, `document.activeElement.matches(".skip")`) {
		t.Error("the first element in the tab order is not the link to the content")
	}
	press(kb.Enter)
	reach("a.product[data-product=blanket-starry]")
	press(kb.Enter)
	b.waitFor("the page of the product is open", `document.querySelector("#write") !== null`)
	reach("#write")
	press(kb.Enter)
	b.waitFor("the form is ready", `document.querySelector("#submit")?.disabled === false`)
	reach("input[name=rating]")
	for range 3 {
		press(kb.ArrowRight)
	}
	if got := evaluated[string](b, `document.querySelector("#review-form").elements.rating.value`); got != "4" {
		t.Errorf("the arrow keys choose %s stars", got)
	}
	reach("#text")
	press("Warm and soft, I love it")
	reach("#photos")
	reach("#submit")
	press(kb.Enter)
	b.settled()
	if !evaluated[bool](b, `document.activeElement.id === "outcome-title"`) {
		t.Error("the focus does not move to the outcome of the review")
	}
	b.requireNoComplaints()
}

// offline disconnects the browser from the network, or connects it again.
func (b *tab) offline(now bool) {
	b.t.Helper()
	call(b, network.EmulateNetworkConditionsByRule, network.EmulateNetworkConditionsByRuleParams{
		MatchedNetworkConditions: []*network.Conditions{{Offline: now, DownloadThroughput: -1, UploadThroughput: -1}},
	})
	call(b, network.OverrideNetworkState, network.OverrideNetworkStateParams{Offline: now, DownloadThroughput: -1, UploadThroughput: -1})
}

func (r *running) testOffline(t *testing.T) {
	const product = "tour-tee-black"
	b := browse(t, "en-US")
	b.open(r.url + "/en/products/" + product + "/review")
	before := b.count(product)
	b.fill("5", "Fits well")
	b.offline(true)
	b.do("submit the review", chromedp.Click("#submit"))
	b.waitFor("the review waits and the page announces it", `document.querySelector("#outcome").dataset.status === "waiting"`)
	b.offline(false)
	b.settled()
	b.open(r.url + "/en/mine")
	b.waitFor("the review is listed once on the page of own reviews", `document.querySelectorAll("#mine article").length === 1`)
	if got := b.count(product); got != before+1 {
		t.Errorf("%d reviews; there were %d before", got, before)
	}

	form := r.url + "/en/products/" + product + "/review"
	b.open(form)
	b.fill("4", "Sent from another page")
	b.offline(true)
	b.do("submit the review", chromedp.Click("#submit"))
	b.waitFor("the review waits", `document.querySelector("#outcome").dataset.status === "waiting"`)
	b.offline(false)
	b.open(r.url + "/en/")
	b.waitFor("the next page that opens sends the review", `!localStorage.getItem("outbox") && JSON.parse(localStorage.getItem("mine")).length === 2`)
	b.open(form)
	b.waitFor("the form is ready", `document.querySelector("#submit")?.disabled === false`)
	if got := evaluated[string](b, `document.querySelector("#text").value`); got != "" {
		t.Errorf("the form holds %q, which is already sent", got)
	}
}

// testOtherTab writes a review in one tab while offline. Another tab sends it, and the first tab shows that.
func (r *running) testOtherTab(t *testing.T) {
	b := browse(t, "en-US")
	b.open(r.url + "/en/products/tour-tee-black/review")
	b.fill("5", "Two tabs")
	b.offline(true)
	b.do("submit the review", chromedp.Click("#submit"))
	b.waitFor("the review waits", `document.querySelector("#outcome").dataset.status === "waiting"`)
	ctx, cancel := chromedp.NewContext(b.ctx)
	defer cancel()
	other := &tab{ctx: ctx, t: t}
	other.open(r.url + "/en/")
	b.waitFor("the review is sent", `document.querySelector("#outcome").dataset.status === "pending"`)
	b.offline(false)
	b.settled()
}

// testNoStorage submits a review in a browser that blocks localStorage.
func (r *running) testNoStorage(t *testing.T) {
	b := browse(t, "en-US")
	b.do("open a page", chromedp.Navigate("about:blank"))
	call(b, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{
		Source: `Object.defineProperty(window, "localStorage", {get() { throw new DOMException("closed", "SecurityError"); }})`,
	})
	b.open(r.url + "/en/products/tour-tee-black/review")
	b.fill("5", "Nothing is kept")
	b.do("submit the review", chromedp.Click("#submit"))
	b.settled()
	b.requireNoComplaints()
}

// testLostAnswer drops the answer to a submitted review. The browser submits it again, and the shop stores it once.
func (r *running) testLostAnswer(t *testing.T) {
	const product = "bucket-hat-lavender"
	b := browse(t, "en-US")
	b.open(r.url + "/en/products/" + product + "/review")
	before := b.count(product)
	b.fill("5", "A fine hat")
	var tries atomic.Int64
	if err := chromedp.Listen(b.ctx, func(ev any) {
		paused, ok := ev.(*fetch.EventRequestPaused)
		if !ok {
			return
		}
		go func() { // a listener must not block on the browser
			if tries.Add(1) == 1 {
				_, _ = chromedp.Call(b.ctx, fetch.FailRequest, fetch.FailRequestParams{RequestID: paused.RequestID, ErrorReason: network.ErrorReasonFailed})
				return
			}
			_, _ = chromedp.Call(b.ctx, fetch.ContinueRequest, fetch.ContinueRequestParams{RequestID: paused.RequestID})
		}()
	}); err != nil {
		t.Fatal(err)
	}
	call(b, fetch.Enable, fetch.EnableParams{Patterns: []*fetch.RequestPattern{{URLPattern: "*/v1/reviews", RequestStage: fetch.RequestStageResponse}}})
	b.do("submit the review", chromedp.Click("#submit"))
	b.settled()
	if tries.Load() != 2 {
		t.Errorf("the review was submitted %d times", tries.Load())
	}
	if got := b.count(product); got != before+1 {
		t.Errorf("%d reviews; there were %d before", got, before)
	}
}

func (r *running) testDraft(t *testing.T) {
	b := browse(t, "en-US")
	b.open(r.url + "/en/review")
	b.fill("2", "Of what, I will say later")
	b.open(r.url + "/en/mine")
	b.open(r.url + "/en/review")
	b.waitFor("the draft survives before a product is chosen", `document.querySelector("#text").value === "Of what, I will say later" && document.querySelector("#star-2").checked`)
	b.do("choose the product", chromedp.SetValue("#product", "memories-2021-bluray"))
	evaluated[bool](b, `document.querySelector("#product").dispatchEvent(new Event("input", {bubbles: true}))`)
	b.open(r.url + "/en/review")
	b.waitFor("the draft belongs to the chosen product", `document.querySelector("#submit").disabled === false && document.querySelector("#text").value === ""`)
	b.open(r.url + "/en/products/memories-2021-bluray/review")
	b.waitFor("the draft is in the form of that product", `document.querySelector("#text").value === "Of what, I will say later"`)

	b.open(r.url + "/en/products/map-of-the-soul-7/review")
	b.fill("3", "Half written, in 한국어 💜")
	b.do("reload", chromedp.Reload())
	b.waitFor("the draft is in the form", `document.querySelector("#text").value === "Half written, in 한국어 💜" && document.querySelector("#star-3").checked`)
	if got := b.text("#text-count"); got != "22 / 5,000" {
		t.Errorf("the counter shows %q", got)
	}
	b.open(r.url + "/en/products/be-deluxe/review")
	b.waitFor("another product has no draft", `document.querySelector("#text-count").textContent.startsWith("0 ") && document.querySelector("#text").value === ""`)
	evaluated[bool](b, `(() => { const text = document.querySelector("#text"); text.value = "x".repeat(5001); return text.dispatchEvent(new Event("input", {bubbles: true})); })()`)
	if got := b.text("#text-error"); !strings.Contains(got, "5,000") {
		t.Errorf("the error of a text that is too long is %q", got)
	}
	b.requireNoComplaints()
}

func (r *running) testHelpful(t *testing.T) {
	b := browse(t, "en-US")
	b.open(r.url + "/en/products/proof-standard")
	b.waitFor("the page is ready", `document.documentElement.classList.contains("scripted")`)
	b.do("vote helpful", chromedp.Click("#reviews .helpful button"))
	b.waitFor("the page thanks for the vote", first+`.querySelector("[data-helpful]").textContent === "Thanks for your feedback!"`)
	id := evaluated[string](b, first+`.dataset.id`)
	for range 100 {
		b.do("reload", chromedp.Reload(), chromedp.WaitVisible("#reviews article.review"))
		if evaluated[bool](b, `document.getElementById("r-`+id+`").querySelector("[data-helpful]").textContent === "1 person found this helpful"`) {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	b.waitFor("the vote counts and the button is gone", `document.getElementById("r-`+id+`").querySelector("[data-helpful]").dataset.helpful === "1" &&
		document.getElementById("r-`+id+`").querySelector(".helpful button").disabled`)
	b.requireNoComplaints()
}

// testReport reports a review by keyboard. Two other clients report it too, so it disappears.
func (r *running) testReport(t *testing.T) {
	const product = "beyond-the-stage"
	sent := r.call(t, http.DefaultClient, http.StatusAccepted, http.MethodPost, "/v1/reviews", `{"product":"`+product+`","rating":1,"text":"Nobody needs this one."}`)
	id, path := sent["id"].(string), sent["status_url"].(string)
	published(t, r.url+path)
	b := browse(t, "en-US")
	b.open(r.url + "/en/products/" + product)
	b.waitFor("the page is ready", `document.documentElement.classList.contains("scripted")`)
	details := `document.querySelector("#r-` + id + ` .report")`
	b.do("open the report by keyboard", chromedp.Focus("#r-"+id+" .report summary"), chromedp.KeyEvent(kb.Enter))
	b.waitFor("the report asks first", details+`.open && `+details+`.querySelector("button").textContent === "Report this review"`)
	b.accessible(axeCore(t), "an open report")
	b.do("report the review", chromedp.Focus("#r-"+id+" .report button"), chromedp.KeyEvent(kb.Enter))
	b.waitFor("the page thanks for the report", `document.activeElement.matches("#r-`+id+` .report .result") && document.activeElement.textContent === "Thank you. We have received your report."`)
	db := r.spanner(t)
	k := review.Key{Product: product, Review: id}
	var reported []time.Time
	var on []int64
	eventually(t, "the report is stored", func() bool {
		row, err := db.Single().ReadRow(t.Context(), "Reviews", spanner.Key{product, id}, []string{"ReportedAt", "ReportedOn"})
		return err == nil && row.Columns(&reported, &on) == nil && len(reported) == 1
	})
	topic := r.pubsub(t).Publisher(prefix + "commands")
	defer topic.Stop()
	for _, client := range []string{"b", "c"} {
		data, attributes, err := review.Encode(review.Report{Key: k, Revision: on[0], Reporter: strings.Repeat(client, 43), At: time.Now().UTC()})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := topic.Publish(t.Context(), &pubsub.Message{Data: data, Attributes: attributes}).Get(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "the review is held", func() bool {
		return r.call(t, http.DefaultClient, http.StatusOK, http.MethodGet, path, "")["status"] == "held"
	})
	b.do("open the rules", chromedp.Navigate(r.url+"/en/rules"), chromedp.WaitVisible(".rules"))
	b.waitFor("thanks for a report are shown after a report only", `getComputedStyle(document.querySelector("#reported")).display === "none"`)
	b.requireNoComplaints()
}

// testChangeNotice submits a review from elsewhere. An open page shows it after the change notice.
func (r *running) testChangeNotice(t *testing.T) {
	const product = "busan-concert-dvd"
	b := browse(t, "en-US")
	b.open(r.url + "/en/products/" + product)
	b.waitFor("the page is ready", `document.documentElement.classList.contains("scripted")`)
	before := b.count(product)
	published(t, r.submit(t, "", `{"product":"`+product+`","rating":5,"text":"News from elsewhere"}`))
	evaluated[bool](b, `document.dispatchEvent(new Event("shop:changed"))`)
	b.waitFor("the page shows the review", first+`.querySelector(".text")?.textContent === "News from elsewhere"`)
	b.waitFor("the page shows the rating and announces it", `document.querySelector("#rating-count").dataset.count === "`+strconv.Itoa(before+1)+`" &&
		document.querySelector("#live").textContent === "A new review has arrived."`)
	b.requireNoComplaints()
}

// testHeld opens the author's view of a held review.
func (r *running) testHeld(t *testing.T) {
	b := browse(t, "en-US")
	b.open(r.url + "/en/mine")
	evaluated[bool](b, `fetch("/v1/reviews", {method: "POST", headers: {"Content-Type": "application/json"},
		body: JSON.stringify({product: "not-sold-here", rating: 5, text: "Where is it?"})}).then((answer) => answer.json()).then(({id, author_token: token}) => {
			localStorage.setItem("mine", JSON.stringify([{id, token, product: "not-sold-here", title: "A thing", at: new Date().toISOString(), rating: 5}]));
			return true;
		})`)
	for range 100 {
		b.do("reload", chromedp.Reload())
		b.waitFor("the review is listed", `document.querySelector("#mine article .badge") !== null`)
		if evaluated[string](b, `document.querySelector("#mine .badge").dataset.status`) == "held" {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	if got := b.text("#mine article"); !strings.Contains(got, "Being checked") || !strings.Contains(got, "not shown to others") || !strings.Contains(got, "Where is it?") {
		t.Errorf("the author sees %q", got)
	}
	b.requireNoComplaints()
}

// testMineStates lists two own reviews: one that is not stored yet, and one that was deleted in another browser.
func (r *running) testMineStates(t *testing.T) {
	const product = "mug-galaxy"
	gone := r.call(t, http.DefaultClient, http.StatusAccepted, http.MethodPost, "/v1/reviews", `{"product":"`+product+`","rating":3}`)
	path := gone["status_url"].(string)
	published(t, r.url+path)
	r.call(t, http.DefaultClient, http.StatusAccepted, http.MethodDelete, path, "", "Author-Token", gone["author_token"].(string))
	eventually(t, "the review is deleted", func() bool {
		resp, err := http.Get(r.url + path)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return resp.StatusCode == http.StatusNotFound
	})
	b := browse(t, "en-US")
	b.open(r.url + "/en/mine")
	b.waitFor("the list is empty", `document.querySelector("#mine .note") !== null`)
	evaluated[bool](b, fmt.Sprintf(`localStorage.setItem("mine", JSON.stringify([[%q, %q], [crypto.randomUUID(), "not looked at"]].map(([id, token]) =>
		({id, token, product: %q, title: "A thing", at: new Date(Date.now() - 7_200_000).toISOString(), rating: 3})))), true`, gone["id"], gone["author_token"], product))
	b.do("reload", chromedp.Reload())
	b.waitFor("both reviews are listed", `document.querySelectorAll("#mine article .badge").length === 2`)
	got := evaluated[[]string](b, `[...document.querySelectorAll("#mine article")].map((article) =>
		[article.querySelector(".badge").dataset.status, ...[...article.querySelectorAll(".pages > *")].map((one) => one.textContent)].join())`)
	if want := []string{"pending,Edit,Delete", "deleted,Discard"}; !slices.Equal(got, want) {
		t.Errorf("the list shows %q, want %q", got, want)
	}
}

func (r *running) testWithoutScripts(t *testing.T) {
	b := browse(t, "ko-KR")
	call(b, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
	b.do("open the shop", chromedp.Navigate(r.url+"/"), chromedp.WaitVisible("#product-list"))
	b.do("search", chromedp.SendKeys("#q", "hoodie"), chromedp.KeyEvent(kb.Enter), chromedp.WaitVisible(`#product-list li:only-child a[data-product="hoodie-purple"]`))
	b.do("open a product", chromedp.Click("a.product"), chromedp.WaitVisible("#reviews article"))
	b.do("filter", chromedp.Click(".filters [type=checkbox]"), chromedp.Click(".filters button"), chromedp.WaitVisible(".filters input[checked]"))
	b.do("vote helpful", chromedp.Navigate(r.url+"/ko/products/memories-2021-bluray"), chromedp.WaitVisible("#reviews article"),
		chromedp.Click(".helpful button"), chromedp.WaitVisible("#reviews article:target"))
	b.do("open the form", chromedp.SendKeys("#write", kb.Enter), chromedp.WaitVisible("noscript .notice"))
	b.requireNoComplaints()
}

// testThemes chooses a theme, which replaces the theme of the system from the first paint on.
func (r *running) testThemes(t *testing.T) {
	b := browse(t, "en-US")
	call(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: "dark"}}})
	const paper = `getComputedStyle(document.documentElement).backgroundColor`
	b.open(r.url + "/en/")
	dark := evaluated[string](b, paper)
	b.do("choose the light theme", chromedp.Click("#theme"))
	light := evaluated[string](b, paper)
	if light == dark {
		t.Errorf("both themes have the background %s", dark)
	}
	b.do("reload", chromedp.Reload(), chromedp.WaitVisible("#theme"))
	if got := evaluated[string](b, paper); got != light {
		t.Errorf("after a reload the background is %s, want %s", got, light)
	}
	if got := evaluated[string](b, `document.querySelector("#theme").getAttribute("aria-label")`); got != "Switch to dark mode" {
		t.Errorf("the label of the button is %q", got)
	}
	b.requireNoComplaints()
}
