package delivery

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	cloudevents "github.com/cloudevents/sdk-go/v2"
)

// Header fields of a push without envelope (payload unwrapping) with metadata:
// https://cloud.google.com/pubsub/docs/payload-unwrapping.
const (
	messageIDField    = "X-Goog-Pubsub-Message-Id"
	subscriptionField = "X-Goog-Pubsub-Subscription-Name"
)

// decode returns the event in a request with the given header and body.
func decode(header http.Header, body []byte) (Event, error) {
	format, _, _ := strings.Cut(header.Get("Content-Type"), ";")
	format = strings.ToLower(strings.TrimSpace(format))
	switch {
	case header.Get(messageIDField) != "": // first, because an attribute may have the name of any other field
		return Event{
			ID: header.Get(messageIDField), Type: MessagePublished, Source: header.Get(subscriptionField),
			Data: body, Attributes: headerAttributes(header),
		}, nil
	case format == cloudevents.ApplicationCloudEventsJSON || header.Get("Ce-Specversion") != "":
		e, err := decodeCloudEvent(header, format, body)
		if err != nil {
			return Event{}, fmt.Errorf("read CloudEvent: %w", err)
		}
		if e.Type == MessagePublished {
			enveloped, err := decodeEnvelope(e.Data, &e)
			if err == nil && !enveloped {
				err = errors.New("read CloudEvent: its data has no Pub/Sub message")
			}
			return e, err
		}
		return e, nil
	case strings.HasPrefix(format, "application/cloudevents"):
		return Event{}, fmt.Errorf("read CloudEvent of type %.100q: valid types: %s", format, cloudevents.ApplicationCloudEventsJSON)
	}
	e := Event{Type: MessagePublished}
	enveloped, err := decodeEnvelope(body, &e)
	if enveloped || err != nil {
		return e, err
	}
	if len(body) == 0 {
		return Event{}, errors.New("read event: the body is empty")
	}
	// A push without envelope and metadata. A hash is the only ID that is equal in all deliveries.
	sum := sha256.Sum256(body)
	return Event{ID: "sha256-" + hex.EncodeToString(sum[:16]), Type: MessagePublished, Data: body}, nil
}

// decodeCloudEvent returns the CloudEvent of a request: in structured mode if the format is that of CloudEvents.
func decodeCloudEvent(header http.Header, format string, body []byte) (Event, error) {
	var ce cloudevents.Event
	data := body
	if format == cloudevents.ApplicationCloudEventsJSON {
		var has struct {
			Data   present `json:"data"`
			Base64 present `json:"data_base64"`
		}
		if err := json.Unmarshal(body, &has); err != nil {
			return Event{}, err
		}
		if has.Data && has.Base64 {
			return Event{}, errors.New("both data and data_base64; want one of them")
		}
		if err := json.Unmarshal(body, &ce); err != nil {
			return Event{}, err
		}
		data = ce.Data()
	} else {
		// The SDK would copy the body.
		read, err := cloudevents.NewEventFromHTTPRequest(&http.Request{Header: header, Body: http.NoBody})
		if err != nil {
			return Event{}, err
		}
		ce = *read
	}
	if err := ce.Validate(); err != nil {
		return Event{}, err
	}
	return Event{ID: ce.ID(), Type: ce.Type(), Source: ce.Source(), Subject: ce.Subject(), Data: data}, nil
}

// present reports whether a JSON object has a member other than null. It keeps no copy of the member.
type present bool

// UnmarshalJSON implements json.Unmarshaler.
func (p *present) UnmarshalJSON(value []byte) error {
	*p = *p || string(value) != "null"
	return nil
}

// envelope is the body of a request of a push subscription, and the data of a CloudEvent that carries a message. Pub/Sub
// writes the ID under both names: https://cloud.google.com/pubsub/docs/push#receive_push.
type envelope struct {
	Message *struct {
		Data       []byte            `json:"data"`
		Attributes map[string]string `json:"attributes"`
		MessageID  string            `json:"messageId"`
		SnakeID    string            `json:"message_id"`
	} `json:"message"`
	Subscription string `json:"subscription"`
}

// decodeEnvelope sets the message of e to that in body. It reports false, and leaves e as it is, for a body that is not
// the envelope of a message. The source of e wins over the subscription.
func decodeEnvelope(body []byte, e *Event) (enveloped bool, err error) {
	var p envelope
	err = json.Unmarshal(body, &p)
	if p.Message == nil {
		return false, nil
	}
	if err != nil {
		return true, fmt.Errorf("read Pub/Sub envelope: %w", err)
	}
	e.ID = cmp.Or(p.Message.MessageID, p.Message.SnakeID)
	if e.ID == "" {
		return true, errors.New("read Pub/Sub envelope: the message has no messageId")
	}
	e.Source = cmp.Or(e.Source, p.Subscription)
	e.Data, e.Attributes = p.Message.Data, p.Message.Attributes
	return true, nil
}

// transportFields are the header fields of a push that are no attributes, besides those that begin with X-. Credentials are
// among them, so that no dead letter contains any.
var transportFields = map[string]bool{
	"Accept": true, "Accept-Encoding": true, "Accept-Language": true, "Authorization": true, "Cache-Control": true,
	"Connection": true, "Content-Encoding": true, "Content-Length": true, "Content-Type": true, "Cookie": true, "Date": true,
	"Expect": true, "Forwarded": true, "From": true, "Grpc-Trace-Bin": true, "Host": true, "Keep-Alive": true, "Pragma": true,
	"Proxy-Authorization": true, "Te": true, "Traceparent": true, "Tracestate": true, "Trailer": true,
	"Transfer-Encoding": true, "Upgrade": true, "User-Agent": true, "Via": true,
}

// camelNames are the attribute names of other services that have capital letters: notifications of Cloud Storage, budget
// notices of Cloud Billing, and dead letters of Pub/Sub.
var camelNames = strings.Fields("eventType bucketId objectId objectGeneration payloadFormat eventTime notificationConfig " +
	"overwroteGeneration overwrittenByGeneration budgetId billingAccountId schemaVersion CloudPubSubDeadLetterSourceDeliveryCount " +
	"CloudPubSubDeadLetterSourceSubscription CloudPubSubDeadLetterSourceSubscriptionProject CloudPubSubDeadLetterSourceTopicPublishTime")

// headerAttributes returns the attributes of a message that Pub/Sub wrote as header fields. HTTP does not keep the case of
// names, so those outside camelNames are in lower case.
func headerAttributes(header http.Header) map[string]string {
	attributes := map[string]string{}
	for field, values := range header {
		field = http.CanonicalHeaderKey(field)
		if len(values) == 0 || transportFields[field] || strings.HasPrefix(field, "X-") {
			continue
		}
		name := strings.ToLower(field)
		for _, camel := range camelNames {
			if strings.EqualFold(camel, name) {
				name = camel
			}
		}
		attributes[name] = values[0]
	}
	return attributes
}
