package main

import (
	"cmp"
	"net/url"
	"strings"
	"time"

	"github.com/hybrid-bts/functions/shared/event"
)

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
