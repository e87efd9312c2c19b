package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
)

// format returns the headers and the body of a delivery. attempt counts from 1.
type format func(subscription string, m *pubsubpb.PubsubMessage, attempt int) (http.Header, []byte, error)

// pushFormat is the format of a push subscription:
// https://cloud.google.com/pubsub/docs/push#receive_push.
func pushFormat(subscription string, m *pubsubpb.PubsubMessage, attempt int) (http.Header, []byte, error) {
	body, err := json.Marshal(map[string]any{
		"subscription":    subscription,
		"deliveryAttempt": attempt,
		"message": map[string]any{
			"data": m.Data, "attributes": m.Attributes, "messageId": m.MessageId,
			"publishTime": m.PublishTime.AsTime().Format(time.RFC3339Nano),
		},
	})
	return http.Header{"Content-Type": {"application/json"}}, body, err
}

// storageFormat turns a notification of Cloud Storage into the CloudEvent that Eventarc delivers.
func storageFormat(_ string, m *pubsubpb.PubsubMessage, _ int) (http.Header, []byte, error) {
	bucket, object := m.Attributes["bucketId"], m.Attributes["objectId"]
	// Eventarc has a CloudEvent type for each eventType of a notification:
	// https://cloud.google.com/storage/docs/pubsub-notifications#events.
	kind := "finalized"
	if m.Attributes["eventType"] == "OBJECT_DELETE" {
		kind = "deleted"
	}
	h := http.Header{}
	for name, value := range map[string]string{
		"Content-Type": "application/json", "Ce-Specversion": "1.0", "Ce-Id": m.MessageId, "Ce-Bucket": bucket,
		"Ce-Type": "google.cloud.storage.object.v1." + kind, "Ce-Time": m.PublishTime.AsTime().Format(time.RFC3339Nano),
		"Ce-Source": "//storage.googleapis.com/projects/_/buckets/" + bucket, "Ce-Subject": inHeader("objects/" + object),
	} {
		h.Set(name, value)
	}
	return h, m.Data, nil
}

// inHeader percent-encodes a header value of a CloudEvent:
// https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md#3132-http-header-values.
func inHeader(s string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		if c <= ' ' || c > '~' || c == '"' || c == '%' {
			fmt.Fprintf(&b, "%%%02X", c)
			continue
		}
		b.WriteByte(c)
	}
	return b.String()
}
