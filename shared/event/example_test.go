package event_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/hybrid-bts/functions/shared/event"
)

func ExampleHandler() {
	handle := func(_ context.Context, e event.Event) error {
		if len(e.Data) == 0 {
			return event.Permanent(errors.New("message has no data"))
		}
		fmt.Printf("%s: %s\n", e.ID, e.Data)
		return nil
	}
	dead := func(_ context.Context, e event.Event, reason error) error {
		fmt.Printf("dead letter %s: %v\n", e.ID, reason)
		return nil
	}
	h := event.Handler(handle, dead)
	for _, body := range []string{
		`{"message":{"messageId":"1","data":"aGVsbG8="},"subscription":"projects/shop/subscriptions/reviews"}`,
		`{"message":{"messageId":"2"},"subscription":"projects/shop/subscriptions/reviews"}`,
	} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body)))
		fmt.Println(w.Code)
	}
	// Output:
	// 1: hello
	// 204
	// dead letter 2: message has no data
	// 204
}
