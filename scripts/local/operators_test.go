//go:build unix

package main

import (
	"fmt"
	"net/http"
	"testing"

	"cloud.google.com/go/pubsub/v2"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/hybrid-bts/functions/shared/event"
)

// testQueue works through a queue of held reviews and dead letters in the tab of a Korean operator.
func (r *running) testQueue(t *testing.T, b *tab) {
	const product = "mug-galaxy"
	axe := axeCore(t)
	status := func(path string) any {
		return r.call(t, http.DefaultClient, http.StatusOK, http.MethodGet, path, "")["status"]
	}
	// submit submits a review that moderation holds, and returns its ID and path.
	submit := func(words string) (id, path string) {
		t.Helper()
		sent := r.call(t, http.DefaultClient, http.StatusAccepted, http.MethodPost, "/v1/reviews",
			fmt.Sprintf(`{"product":%q,"rating":1,"text":"%s 010-2345-6789 연락 주세요","author":"줄"}`, product, words))
		path = sent["status_url"].(string)
		published(t, r.url+path)
		if got := status(path); got != "held" {
			t.Fatalf("the review is %v", got)
		}
		return sent["id"].(string), path
	}
	card := func(id string) string { return `article[data-id="` + id + `"]` }
	one, onePath := submit("첫째")

	b.do("list held reviews", chromedp.Navigate(r.url+"/admin#reviews"), chromedp.WaitVisible(".filter select"), chromedp.SetValue(".filter select", "held"),
		chromedp.SetValue(".filter [name=product]", product), chromedp.Click(".filter button"), chromedp.WaitVisible(card(one)))
	b.waitFor("the page counts the queue", `/^보류 [1-9][0-9]*개, 거절 [0-9]+개\.$/.test(document.querySelector("#counts").textContent)`)

	b.do("type a reply and a reason", chromedp.Click(card(one)+" .reply summary"), chromedp.WaitVisible(card(one)+" textarea"),
		chromedp.SendKeys(card(one)+" textarea", "죄송합니다 💜"), chromedp.SendKeys(card(one)+" .decide input", "전화번호"))
	two, twoPath := submit("둘째")
	b.do("wait for a held review that arrives", chromedp.WaitVisible(card(two)))
	b.waitFor("the typed reply is untouched", `document.querySelector('`+card(one)+` textarea').value === "죄송합니다 💜"`)
	b.do("reload", chromedp.Reload(), chromedp.WaitVisible(card(one)+" textarea"))
	b.waitFor("the reply, the reason and the filters survive", `document.querySelector('`+card(one)+` textarea').value === "죄송합니다 💜" &&
		document.querySelector('`+card(one)+` .decide input').value === "전화번호" && document.querySelector(".filter [name=product]").value === "`+product+`"`)

	t.Run("a search finds text and ID", func(t *testing.T) {
		b := &tab{ctx: b.ctx, t: t}
		b.do("search a text", chromedp.SetValue(".filter [name=q]", "둘째"), chromedp.Click(".filter button"), chromedp.WaitNotPresent(card(one)), chromedp.WaitVisible(card(two)))
		b.do("search an ID", chromedp.SetValue(".filter [name=q]", one), chromedp.Click(".filter button"), chromedp.WaitNotPresent(card(two)), chromedp.WaitVisible(card(one)))
		b.waitFor("the search is empty", `(document.querySelector(".filter [name=q]").value = "", true)`)
		b.do("search nothing", chromedp.Click(".filter button"), chromedp.WaitVisible(card(one)), chromedp.WaitVisible(card(two)))
	})

	t.Run("verdicts on several reviews can be undone", func(t *testing.T) {
		b := &tab{ctx: b.ctx, t: t}
		b.do("reject without a choice", chromedp.Click(".bulk button[value=reject]"))
		b.waitFor("the form asks for reviews", `document.querySelector(".bulk .error").textContent === "리뷰를 하나 이상 선택해 주세요."`)
		b.do("press Enter in the reason", chromedp.SendKeys(".bulk [name=reason]", kb.Enter))
		b.waitFor("Enter decides nothing", `document.querySelector(".bulk .error").textContent === "결정 버튼을 눌러 주세요." && document.querySelector("#undo").hidden`)
		b.do("reject without a reason", chromedp.Click(card(one)+" .choose"), chromedp.Click(card(two)+" .choose"), chromedp.Click(".bulk button[value=reject]"))
		b.waitFor("the form asks for a reason", `document.activeElement.matches(".bulk [name=reason]")`)
		b.do("reject two reviews", chromedp.SendKeys(".bulk [name=reason]", "연락처 광고"), chromedp.Click(".bulk button[value=reject]"), chromedp.WaitVisible("#undo button"))
		b.accessible(axe, "verdicts that wait")
		b.waitFor("the undo has the focus", `document.activeElement.matches("#undo button") && document.querySelectorAll(".waiting").length === 2`)
		b.do("undo by keyboard", chromedp.KeyEvent(kb.Enter), chromedp.WaitNotVisible("#undo"))
		b.waitFor("no card waits", `document.querySelectorAll(".waiting").length === 0`)

		b.do("reject them again", chromedp.Click(card(one)+" .choose"), chromedp.Click(card(two)+" .choose"), chromedp.SendKeys(".bulk [name=reason]", "연락처 광고"),
			chromedp.Click(".bulk button[value=reject]"), chromedp.WaitVisible("#undo button"))
		if status(onePath) != "held" || status(twoPath) != "held" {
			t.Error("the verdicts did not wait")
		}
		b.do("reload while they wait", chromedp.Reload(), chromedp.WaitVisible("#undo button"), chromedp.WaitVisible(card(one)))
		eventually(t, "both are rejected", func() bool { return status(onePath) == "rejected" && status(twoPath) == "rejected" })
		b.waitFor("the cards show it", `document.querySelector('`+card(one)+` .badge').textContent === "거절" && document.querySelector('`+card(two)+` .done') !== null`)
	})

	t.Run("the history says who decided", func(t *testing.T) {
		b := &tab{ctx: b.ctx, t: t}
		b.do("open the history", chromedp.Click(card(one)+" .history summary"))
		b.waitFor("it names the operator, the states and the reason", `/operator.* · 거절 · 보류 → 거절 · “연락처 광고”/.test(document.querySelector('`+card(one)+` .history li').textContent)`)
		b.accessible(axe, "an open history")
		b.do("open the audit", chromedp.Click(`#places a[href="#audit"]`), chromedp.WaitVisible("#audit-list li"))
		b.waitFor("it lists both decisions and the erasure", `[...document.querySelectorAll("#audit-list [data-action=reject]")].filter((e) => e.textContent.includes("`+product+`")).length === 2 &&
			document.querySelector("#audit-list [data-action=erase]") !== null && document.querySelector("#audit-list [data-action=replay]") !== null`)
		b.do("follow the link to a review", chromedp.Click(`#audit-list a[href="#reviews?q=`+two+`"]`), chromedp.WaitVisible(card(two)))
	})

	t.Run("dead letters are discarded", func(t *testing.T) {
		b := &tab{ctx: b.ctx, t: t}
		topic := r.pubsub(t).Publisher(prefix + "originals-dead")
		defer topic.Stop()
		b.do("open the dead letters", chromedp.Navigate(r.url+"/admin#letters"))
		b.waitFor("they are listed", `document.querySelector("[aria-busy=false]") !== null`)
		earlier := evaluated[int](b, `document.querySelectorAll(".letter[data-queue=originals]").length`)
		const letters = 205 // the list shows 200
		var results []*pubsub.PublishResult
		for i := range letters {
			results = append(results, topic.Publish(t.Context(), &pubsub.Message{Data: fmt.Append(nil, "broken ", i), Attributes: map[string]string{event.ReasonAttribute: "no picture"}}))
		}
		for _, result := range results {
			if _, err := result.Get(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		b.do("list dead letters", chromedp.Click("main > div > .quiet"), chromedp.WaitVisible(".letter[data-queue=originals]"))
		first := evaluated[string](b, `document.querySelector(".letter[data-queue=originals]").dataset.id`)
		letter := `.letter[data-id="` + first + `"]`
		b.do("discard one", chromedp.Click(letter+" .discard"), chromedp.WaitVisible(letter+" dialog"))
		b.accessible(axe, "the dialog of a discard")
		b.do("confirm", chromedp.Click(letter+" .confirmed"), chromedp.WaitVisible(letter+" .done"))
		const queue = ".queue[data-queue=originals]"
		b.do("discard all", chromedp.Click(queue+" .discard-all"), chromedp.WaitVisible(queue+" dialog[open] .confirmed"), chromedp.Click(queue+" dialog[open] .confirmed"), chromedp.WaitVisible(queue+" .done"))
		if got := b.text(queue + " .done"); got != fmt.Sprintf("버렸어요: %d개.", earlier+letters-1) {
			t.Errorf("it says %q, with %d earlier dead letters", got, earlier)
		}
		b.do("reload the dead letters", chromedp.Click("main > div > .quiet"))
		b.waitFor("the queue is empty", `document.querySelector("[aria-busy=false]") !== null && document.querySelector("[data-queue=originals]") === null`)
	})
	b.requireNoComplaints()
}
