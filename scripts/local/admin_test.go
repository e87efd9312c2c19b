//go:build unix

package main

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/google/uuid"

	"github.com/hybrid-bts/functions/shared/event"
	"github.com/hybrid-bts/functions/shared/schema/review"
)

// testAdmin holds, publishes, answers and erases a review on the operators' page, and replays a dead letter.
func (r *running) testAdmin(t *testing.T) {
	const product = "bucket-hat-lavender"
	db := r.spanner(t)
	sent := r.call(t, http.DefaultClient, http.StatusAccepted, http.MethodPost, "/v1/reviews",
		fmt.Sprintf(`{"product":%q,"rating":1,"text":"<b>스팸</b> & spam","author":"아미"}`, product))
	path, id := sent["status_url"].(string), sent["id"].(string)
	published(t, r.url+path)
	// shown returns the number of reviews that shoppers see, and whether this review is one of them.
	shown := func() (n int, found bool) {
		all := r.call(t, http.DefaultClient, http.StatusOK, http.MethodGet, "/v1/products/"+product+"/reviews?page_size=100", "")["reviews"].([]any)
		for _, v := range all {
			found = found || v.(map[string]any)["id"] == id
		}
		return len(all), found
	}
	counted := func() int {
		return int(r.call(t, http.DefaultClient, http.StatusOK, http.MethodGet, "/v1/products/"+product+"/rating", "")["count"].(float64))
	}
	before, there := shown()
	if !there || counted() != before {
		t.Fatalf("the rating counts %d of %d reviews; this one is shown: %v", counted(), before, there)
	}

	t.Run("a visitor without the role sees nothing", func(t *testing.T) {
		r.call(t, http.DefaultClient, http.StatusUnauthorized, http.MethodGet, "/v1/admin/reviews", "")
		b := browse(t, "en-US")
		b.do("open the page", chromedp.Navigate(r.url+"/admin"), chromedp.WaitVisible("#login"))
		b.requireNoComplaints()
		b.do("log in as a visitor", chromedp.Click("#login"), chromedp.WaitVisible("#visitor"), chromedp.Click("#visitor"), chromedp.WaitVisible("main .failure"))
		if got := b.text("main .failure p"); got != "Your account does not have the operator role. Ask an administrator for it." {
			t.Errorf("it says %q", got)
		}
	})

	b := browse(t, "ko-KR")
	b.do("log in", chromedp.Navigate(r.url+"/admin#letters"), chromedp.WaitVisible("#login"), chromedp.Click("#login"),
		chromedp.WaitVisible("#operator"), chromedp.Click("#operator"), chromedp.WaitVisible("#places"))
	b.waitFor("the operator is back at the dead letters, without the code in the address", `location.hash === "#letters" && location.search === "" && document.documentElement.lang === "ko"`)
	b.do("reload", chromedp.Reload(), chromedp.WaitVisible("#places"))

	card := fmt.Sprintf(`article[data-id="%s"]`, id)
	list := func(status string) {
		t.Helper()
		b.do("list reviews", chromedp.Navigate(r.url+"/admin#reviews"), chromedp.WaitVisible(".filter select"),
			chromedp.SetValue(".filter select", status), chromedp.SetValue(".filter input", product), chromedp.Click(".filter button"),
			chromedp.WaitVisible(card))
	}
	list("published")
	if got := b.text(card + " .text"); got != "<b>스팸</b> & spam" {
		t.Errorf("the text is %q", got)
	}
	b.do("hold the review without a reason", chromedp.Click(card+` button[value=hold]`), chromedp.WaitVisible(card+" .decide .error"))
	b.do("hold the review", chromedp.SendKeys(card+" .decide input", "광고예요"), chromedp.Click(card+` button[value=hold]`), chromedp.WaitVisible(card+" .done"))
	b.waitFor("the focus is on the changed review", `document.activeElement.closest("article")?.dataset.id === "`+id+`"`)
	eventually(t, "shoppers do not see the review and the rating does not count it", func() bool {
		n, there := shown()
		return !there && n == before-1 && counted() == before-1
	})

	list("held")
	if got := b.text(card + " p.why"); got != "이유: 광고예요" {
		t.Errorf("the reason of the held review is %q", got)
	}
	published(t, r.url+r.call(t, http.DefaultClient, http.StatusAccepted, http.MethodPost, "/v1/reviews", `{"product":"nowhere-to-be-found","rating":1}`)["status_url"].(string))
	b.do("list reviews of an unknown product", chromedp.SetValue(".filter input", "nowhere-to-be-found"), chromedp.Click(".filter button"), chromedp.WaitNotPresent(card), chromedp.WaitVisible("article.review p.why"))
	if got := b.text("article.review p.why"); got != "이유: 상점에 없는 상품" {
		t.Errorf("the reason of the held review is %q", got)
	}
	list("held")
	b.do("reply to the review", chromedp.Click(card+" .reply summary"), chromedp.WaitVisible(card+" textarea"), chromedp.SendKeys(card+" .reply textarea", "고마워요 💜"), chromedp.Click(card+" .reply button"), chromedp.WaitVisible(card+" .done"))
	b.do("press Enter in the reason", chromedp.SendKeys(card+" .decide input", "확인했어요"+kb.Enter))
	b.waitFor("Enter decides nothing and asks for a button", `document.querySelector('`+card+` .decide .error').textContent === "결정 버튼을 눌러 주세요."`)
	b.do("publish the review by keyboard", chromedp.Focus(card+" .decide input"), chromedp.KeyEvent(kb.Tab))
	b.waitFor("the button of the verdict has the focus", `document.activeElement.value === "publish"`)
	b.do("press Enter on the button", chromedp.KeyEvent(kb.Enter), chromedp.WaitVisible(card+" .done"))
	b.waitFor("the operator decided twice", `document.querySelectorAll('`+card+` details:not(.reply) li').length === 2`)
	eventually(t, "shoppers see the review again and the rating counts it", func() bool {
		n, there := shown()
		return there && n == before && counted() == before
	})
	if got, want := ratingSums(t, db, product), recount(t, db, product); got != want {
		t.Errorf("the rating is %+v, a recount gives %+v", got, want)
	}
	list("published")
	if got := b.text(card + " .badge"); got != "공개" {
		t.Errorf("the badge is %q", got)
	}
	b.waitFor("the reply is stored", `document.querySelector('`+card+` textarea').value === "고마워요 💜"`)

	t.Run("an operator erases the review after a confirmation", func(t *testing.T) {
		b.do("cancel", chromedp.Click(card+" .erase"), chromedp.WaitVisible(card+" dialog"))
		b.waitFor("the dialog offers to cancel first", `document.activeElement.matches("dialog .cancel")`)
		b.accessible(axeCore(t), "the dialog")
		b.do("press Enter", chromedp.KeyEvent(kb.Enter), chromedp.WaitNotVisible(card+" dialog"))
		b.waitFor("the focus is back on the button", `document.activeElement.matches(".erase")`)
		if _, there := shown(); !there {
			t.Fatal("the canceled erasure hides the review")
		}
		b.do("erase the review", chromedp.Click(card+" .erase"), chromedp.Click(card+" .confirmed"), chromedp.WaitNotPresent(card))
		b.waitFor("the page reports the erasure", `document.activeElement.textContent === "삭제했어요. 이 리뷰는 복구할 수 없어요."`)
		if n, there := shown(); there || n != before-1 || counted() != before-1 {
			t.Errorf("%d reviews are shown, %d counted, the erased one is shown: %v; want %d", n, counted(), there, before-1)
		}
		if got, want := ratingSums(t, db, product), recount(t, db, product); got != want {
			t.Errorf("the rating is %+v, a recount gives %+v", got, want)
		}
	})

	t.Run("a dead letter is replayed", func(t *testing.T) {
		// As if sentiment had rejected every delivery.
		key := review.Key{Product: product, Review: uuid.NewString()}
		data, attributes, err := review.Encode(review.Review{ID: key.Review, Product: product, Rating: 5, Text: "늦었어요 💜", SubmittedAt: time.Now().UTC()})
		if err != nil {
			t.Fatal(err)
		}
		attributes[event.PubSubDeliveryCount], attributes[event.PubSubSubscription] = "100", prefix+"reviews-sentiment"
		topic := r.pubsub(t).Publisher(prefix + "reviews-dead")
		defer topic.Stop()
		if _, err := topic.Publish(t.Context(), &pubsub.Message{Data: data, Attributes: attributes}).Get(t.Context()); err != nil {
			t.Fatal(err)
		}
		b.do("list dead letters", chromedp.Navigate(r.url+"/admin#letters"), chromedp.WaitVisible(".letter"))
		const letter = `[...document.querySelectorAll(".letter")].find((e) => e.textContent.includes("늦었어요"))`
		b.waitFor("the dead letter is listed with its reason", letter+`.textContent.includes("100 deliveries failed")`)
		b.waitFor("the button of the dead letter is clicked", letter+`.querySelector(".button").click() === undefined`)
		b.waitFor("the dead letter is published again", letter+`.querySelector(".done") === document.activeElement`)
		published(t, r.url+"/v1/products/"+product+"/reviews/"+key.Review)
		b.do("reload the dead letters", chromedp.Click("main > div > .quiet"))
		b.waitFor("the dead letter is gone", `document.querySelector("[aria-busy=false]") !== null && `+letter+` === undefined`)
	})

	t.Run("operators work through a queue", func(t *testing.T) { r.testQueue(t, &tab{ctx: b.ctx, t: t}) })

	b.do("open the days", chromedp.Click(`#places a[href="#days"]`), chromedp.WaitVisible("svg.chart"))
	b.waitFor("the chart and the table have reviews of today", `document.querySelector("svg.chart .published") !== null &&
		document.querySelectorAll("tbody tr").length === 30 && Number(document.querySelector("tbody td").textContent) > 0`)
	t.Run("axe-core finds nothing in the views", func(t *testing.T) {
		axe := axeCore(t)
		b := &tab{ctx: b.ctx, t: t}
		for _, theme := range []string{"light", "dark"} {
			call(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: theme}}})
			for _, width := range []int64{360, 1440} {
				b.do("resize the window", chromedp.EmulateViewport(width, 900))
				for _, view := range []string{"days", "letters", "audit", "reviews"} {
					b.do("open "+view, chromedp.Click(`#places a[href="#`+view+`"]`))
					b.waitFor("the view is complete", `location.hash === "#`+view+`" && document.querySelector("[aria-busy=true]") === null &&
						document.querySelector("h1").textContent === document.querySelector("#places [aria-current]").textContent`)
					b.accessible(axe, fmt.Sprintf("%s, %s, %d pixels", view, theme, width))
				}
			}
		}
	})
	b.do("log out", chromedp.Click("#logout"), chromedp.WaitVisible("#login"))
	b.waitFor("the token is deleted", `sessionStorage.getItem("token") === null && localStorage.getItem("token") === null && document.cookie === ""`)
	b.requireNoComplaints()
}
