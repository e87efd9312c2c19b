package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/hybrid-bts/functions/shared/event"
)

// notice is a message for operators.
type notice struct {
	key         string        // equal in all deliveries; contains no personal data, so logs may show it
	repeatAfter time.Duration // interval after which the same notice is posted again; 0 for never

	icon, title, text string
	links             []link
}

// link is a link below the text of a notice.
type link struct{ text, url string }

// decode returns the notice for an event, or nil when operators need none.
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

// incident decodes a notification of Cloud Monitoring, schema 1.2:
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
	// A notice without a field is better than none. The test notification of the console has a string as documentation.
	var typ *json.UnmarshalTypeError
	if err != nil && !(errors.As(err, &typ) && i != nil && i.State != "") {
		return nil, readError("Cloud Monitoring notification", err)
	}
	if i == nil || i.State == "" {
		return nil, errors.New("message is neither a notification of Cloud Monitoring, nor a budget notice, nor a dead letter")
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

// budget decodes a budget notice of Cloud Billing. They arrive several times a day, whether or not a threshold is passed:
// https://cloud.google.com/billing/docs/how-to/budgets-programmatic-notifications#notification-format.
func budget(e event.Event) (*notice, error) {
	var b struct {
		Name     string  `json:"budgetDisplayName"`
		Cost     float64 `json:"costAmount"`
		Since    string  `json:"costIntervalStart"`
		Amount   float64 `json:"budgetAmount"`
		Currency string  `json:"currencyCode"`
		Spent    float64 `json:"alertThresholdExceeded"` // fraction of the budget; 0 for no threshold
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

// deadLetter returns the notice for a dead letter of a function or of Pub/Sub. It uses only the attributes, since the data
// may contain the text of a shopper.
func deadLetter(e event.Event) *notice {
	source, id := e.Attributes[event.SourceAttribute], e.Attributes[event.SourceIDAttribute]
	reason := e.Attributes[event.ReasonAttribute]
	if s := e.Attributes[event.PubSubSubscription]; s != "" {
		source, id = "projects/"+e.Attributes[event.PubSubSubscriptionProject]+"/subscriptions/"+s, e.ID
		reason = e.Attributes[event.PubSubDeliveryCount] + " deliveries failed"
	}
	n := &notice{
		key:         "dead letter of " + source + ": " + reason,
		repeatAfter: time.Hour, // many dead letters usually have one cause
		icon:        ":envelope:",
		title:       "Dead letter of " + cmp.Or(source[strings.LastIndex(source, "/")+1:], "an unknown source"),
		text:        reason + "\nMessage " + id + ". Similar dead letters are not shown for one hour.",
	}
	if f := strings.Split(source, "/"); len(f) == 4 && f[0] == "projects" && f[2] == "subscriptions" {
		n.links = []link{{"subscription", "https://console.cloud.google.com/cloudpubsub/subscription/detail/" +
			url.PathEscape(f[3]) + "?project=" + url.QueryEscape(f[1])}}
	}
	return n
}

// readError returns the error of decoding a message of the given format. It does not contain bytes of the message.
func readError(format string, err error) error {
	var typ *json.UnmarshalTypeError
	if errors.As(err, &typ) {
		return fmt.Errorf("decode %s: %s is not a %s", format, typ.Field, typ.Type)
	}
	return fmt.Errorf("decode %s: %w", format, err)
}
