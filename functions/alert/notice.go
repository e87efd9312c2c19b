package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/slack-go/slack"

	"github.com/hybrid-bts/functions/shared/event"
)

// notice is something to tell, once.
type notice struct {
	key   string        // the same in every delivery; it may be logged
	again time.Duration // after which the same is told again; 0 for never

	icon, title, text string
	links             []link
}

type link struct{ text, url string }

// decode returns the notice that a message holds, or nil when it holds nothing to tell.
func decode(e event.Event) (*notice, error) {
	has := func(name string) bool { _, ok := e.Attributes[name]; return ok }
	switch {
	case has(event.ReasonAttribute), has(event.PubSubSubscription):
		return deadLetter(e), nil
	case has("budgetId"):
		return budget(e)
	}
	return incident(e)
}

// incident reads a notification of Cloud Monitoring, schema 1.2:
// https://cloud.google.com/monitoring/support/notification-options#schema-pubsub.
func incident(e event.Event) (*notice, error) {
	var body struct {
		Incident *struct {
			ID            string  `json:"incident_id"`
			State         string  `json:"state"`
			Policy        string  `json:"policy_name"`
			Condition     string  `json:"condition_name"`
			Summary       string  `json:"summary"`
			URL           string  `json:"url"`
			Started       float64 `json:"started_at"` // seconds since 1970
			Ended         float64 `json:"ended_at"`
			Documentation struct {
				Content string `json:"content"`
				Links   []struct {
					Name string `json:"displayName"`
					URL  string `json:"url"`
				} `json:"links"`
			} `json:"documentation"`
		} `json:"incident"`
	}
	err := json.Unmarshal(e.Data, &body)
	i := body.Incident
	// Better told without a field of another type than not at all: in the console's test notification documentation is text.
	var typ *json.UnmarshalTypeError
	if err != nil && !(errors.As(err, &typ) && i != nil && i.State != "") {
		return nil, readError("Cloud Monitoring notification", err)
	}
	if i == nil || i.State == "" {
		return nil, errors.New("neither a Cloud Monitoring notification nor a budget notice nor a dead letter")
	}
	i.State = strings.ToLower(i.State)
	n := &notice{
		key:   "incident " + cmp.Or(i.ID, e.ID) + " " + i.State,
		icon:  ":red_circle:",
		title: cmp.Or(i.Policy, i.Condition, "An alert") + " is " + i.State,
		text:  cmp.Or(i.Summary, i.Condition),
		links: []link{{"incident", i.URL}},
	}
	if i.State == "closed" {
		n.icon = ":large_green_circle:"
		if lasted := i.Ended - i.Started; i.Started > 0 && lasted > 0 && lasted < 1e9 {
			n.title += " after " + (time.Duration(lasted) * time.Second).String()
		}
	}
	if i.State == "open" && i.Documentation.Content != "" {
		n.text += "\n" + i.Documentation.Content
	}
	for _, l := range i.Documentation.Links {
		n.links = append(n.links, link{cmp.Or(l.Name, "documentation"), l.URL})
	}
	return n, nil
}

// budget reads a notice of Cloud Billing, which comes several times a day whatever is spent:
// https://cloud.google.com/billing/docs/how-to/budgets-programmatic-notifications#notification-format.
func budget(e event.Event) (*notice, error) {
	var b struct {
		Name     string  `json:"budgetDisplayName"`
		Cost     float64 `json:"costAmount"`
		Since    string  `json:"costIntervalStart"`
		Amount   float64 `json:"budgetAmount"`
		Currency string  `json:"currencyCode"`
		Spent    float64 `json:"alertThresholdExceeded"` // 1 is all of it, 0 nothing to tell
		Forecast float64 `json:"forecastThresholdExceeded"`
	}
	if err := json.Unmarshal(e.Data, &b); err != nil {
		return nil, readError("budget notice", err)
	}
	if b.Spent <= 0 && b.Forecast <= 0 {
		return nil, nil
	}
	var passed []string
	if b.Spent > 0 {
		passed = append(passed, fmt.Sprintf("more than %.0f%% is spent", 100*b.Spent))
	}
	if b.Forecast > 0 {
		passed = append(passed, fmt.Sprintf("more than %.0f%% is forecast", 100*b.Forecast))
	}
	threshold := strings.Join(passed, ", ")
	id := e.Attributes["budgetId"]
	n := &notice{
		key:   "budget " + id + " since " + b.Since + ": " + threshold,
		icon:  ":moneybag:",
		title: cmp.Or(b.Name, "Budget") + ": " + threshold,
		text:  fmt.Sprintf("%.2f of %.2f %s since %s", b.Cost, b.Amount, b.Currency, b.Since),
	}
	if account := e.Attributes["billingAccountId"]; account != "" {
		n.links = []link{{"budget", "https://console.cloud.google.com/billing/" + url.PathEscape(account) + "/budgets/" + url.PathEscape(id)}}
	}
	return n, nil
}

// deadLetter tells of a message that our functions or Pub/Sub gave up, by its attributes alone: its
// data may be a shopper's words.
func deadLetter(e event.Event) *notice {
	source, id := e.Attributes[event.SourceAttribute], e.Attributes[event.SourceIDAttribute]
	reason := e.Attributes[event.ReasonAttribute]
	if s := e.Attributes[event.PubSubSubscription]; s != "" {
		source, id = "projects/"+e.Attributes[event.PubSubSubscriptionProject]+"/subscriptions/"+s, e.ID
		reason = "delivered " + e.Attributes[event.PubSubDeliveryCount] + " times in vain"
	}
	n := &notice{
		key:   "dead letter of " + source + ": " + reason,
		again: time.Hour, // a flood of them is one thing to mend
		icon:  ":envelope:",
		title: "Dead letter of " + cmp.Or(source[strings.LastIndex(source, "/")+1:], "an unknown source"),
		text:  reason + "\nMessage " + id + ". More of this kind are not told for an hour.",
	}
	if f := strings.Split(source, "/"); len(f) == 4 && f[0] == "projects" && f[2] == "subscriptions" {
		n.links = []link{{"subscription", "https://console.cloud.google.com/cloudpubsub/subscription/detail/" +
			url.PathEscape(f[3]) + "?project=" + url.QueryEscape(f[1])}}
	}
	return n
}

// readError says what could not be read, without its bytes.
func readError(what string, err error) error {
	var typ *json.UnmarshalTypeError
	if errors.As(err, &typ) {
		return fmt.Errorf("read %s: %s is no %s", what, typ.Field, typ.Type)
	}
	return fmt.Errorf("read %s: %w", what, err)
}

// Bounds of what we send, in characters. Slack takes 3000 in a section.
const (
	maxTitle = 300
	maxText  = 2000
	maxLinks = 5
	maxLink  = 500
)

// message returns the notice as Slack shows it.
func (n *notice) message() *slack.WebhookMessage {
	title := n.icon + " *" + mrkdwn(oneLine(n.title), maxTitle) + "*"
	lines := title
	if text := mrkdwn(strings.TrimSpace(n.text), maxText); text != "" {
		lines += "\n" + text
	}
	blocks := []slack.Block{section(lines)}
	var links []string
	for _, l := range n.links[:min(len(n.links), maxLinks)] {
		u, err := url.Parse(l.url)
		if err != nil || u.Scheme != "https" || u.Host == "" {
			continue
		}
		address := strings.NewReplacer("|", "%7C", "<", "%3C", ">", "%3E", "&", "&amp;").Replace(u.String())
		if len(address) <= maxLink {
			links = append(links, "<"+address+"|"+mrkdwn(oneLine(l.text), 50)+">")
		}
	}
	if len(links) > 0 {
		blocks = append(blocks, section(strings.Join(links, " · ")))
	}
	no := false
	return &slack.WebhookMessage{Text: title, Blocks: &slack.Blocks{BlockSet: blocks}, UnfurlLinks: &no, UnfurlMedia: &no}
}

// section shows text whose links are those that we made: names and addresses in it stay text.
func section(text string) slack.Block {
	return slack.NewSectionBlock(slack.NewTextBlockObject(slack.MarkdownType, text, false, true), nil, nil)
}

// mrkdwn escapes text for Slack, so that it mentions nobody and links nowhere, and cuts it at most
// characters: https://docs.slack.dev/messaging/formatting-message-text#escaping.
func mrkdwn(s string, most int) string {
	var b strings.Builder
	left := most - 1 // room for the ellipsis
	for _, r := range s {
		c := string(r)
		switch {
		case r == '&':
			c = "&amp;"
		case r == '<':
			c = "&lt;"
		case r == '>':
			c = "&gt;"
		case unicode.IsControl(r) && r != '\n':
			c = " "
		}
		if left -= utf8.RuneCountInString(c); left < 0 {
			return b.String() + "…"
		}
		b.WriteString(c)
	}
	return b.String()
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
