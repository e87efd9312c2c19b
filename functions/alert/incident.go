package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/hybrid-bts/functions/shared/event"
)

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
