package main

import (
	"encoding/json"
	"errors"
	"fmt"
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

// readError returns the error of decoding a message of the given format. It does not contain bytes of the message.
func readError(format string, err error) error {
	var typ *json.UnmarshalTypeError
	if errors.As(err, &typ) {
		return fmt.Errorf("decode %s: %s is not a %s", format, typ.Field, typ.Type)
	}
	return fmt.Errorf("decode %s: %w", format, err)
}
