package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/hybrid-bts/functions/shared/event"
)

// object identifies a generation of an object. Its JSON form is the part of a Cloud Storage object resource that the
// function reads: https://cloud.google.com/storage/docs/json_api/v1/objects#resource
type object struct {
	Bucket     string `json:"bucket"`
	Name       string `json:"name"`
	Generation int64  `json:"generation,string"`
}

// Types of the CloudEvents that the function handles.
const (
	eventFinalized    = "google.cloud.storage.object.v1.finalized"
	eventDeleted      = "google.cloud.storage.object.v1.deleted"
	eventNotification = "google.cloud.pubsub.topic.v1.messagePublished" // a Pub/Sub notification
)

// Values of the attribute eventType of Pub/Sub notifications: https://cloud.google.com/storage/docs/pubsub-notifications#events
const (
	notificationFinalized = "OBJECT_FINALIZE"
	notificationDeleted   = "OBJECT_DELETE"
)

// change is the kind of a change to an object.
type change int

const (
	changeNone    change = iota // irrelevant to renditions, such as new metadata
	changeCreated               // the generation became live
	changeDeleted               // the generation was deleted or replaced
)

// decodeEvent returns the object of an event and the kind of its change.
func decodeEvent(e event.Event) (object, change, error) {
	var kind change
	switch e.Type {
	case eventFinalized:
		kind = changeCreated
	case eventDeleted:
		kind = changeDeleted
	case eventNotification:
		return decodeNotification(e)
	default:
		return object{}, changeNone, nil
	}
	var o object
	if err := json.Unmarshal(e.Data, &o); err != nil {
		return object{}, changeNone, fmt.Errorf("decode event: %w", err)
	}
	return o, kind, o.validate()
}

// decodeNotification decodes a Pub/Sub notification. It reads the attributes alone, since the payload may be empty.
func decodeNotification(e event.Event) (object, change, error) {
	var kind change
	switch e.Attributes["eventType"] {
	case notificationFinalized:
		kind = changeCreated
	case notificationDeleted:
		kind = changeDeleted
	case "":
		return object{}, changeNone, errors.New("decode notification: attribute eventType is missing")
	default:
		return object{}, changeNone, nil
	}
	generation, err := strconv.ParseInt(e.Attributes["objectGeneration"], 10, 64)
	if err != nil {
		return object{}, changeNone, fmt.Errorf("decode notification: parse objectGeneration: %w", err)
	}
	o := object{e.Attributes["bucketId"], e.Attributes["objectId"], generation}
	return o, kind, o.validate()
}

func (o object) validate() error {
	if o.Name == "" || o.Generation < 1 {
		return fmt.Errorf("decode event: invalid object name %q or generation %d", o.Name, o.Generation)
	}
	return nil
}
