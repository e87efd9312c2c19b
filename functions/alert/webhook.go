package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"github.com/hybrid-bts/functions/shared/event"
	"github.com/hybrid-bts/functions/shared/loopback"
)

const (
	// postTimeout bounds one request to Slack.
	postTimeout = 10 * time.Second
	// defaultPause is the pause after a 429 response of Slack without Retry-After.
	defaultPause = 30 * time.Second
	// maxPause bounds the pause after a 429 response of Slack with Retry-After.
	maxPause = time.Hour
)

// webhook is an incoming webhook of Slack. Its URL is a secret: anyone who knows it may post. The fmt verbs do not print it.
type webhook struct{ url *url.URL }

// String implements fmt.Stringer.
func (w webhook) String() string { return "webhook" }

// GoString implements fmt.GoStringer.
func (w webhook) GoString() string { return "webhook" }

// parseWebhook returns the webhook with the given URL: HTTPS, or HTTP on a loopback address, with a path and without user
// information. Its errors do not contain the URL.
func parseWebhook(s string) (webhook, error) {
	u, err := url.Parse(s)
	if err != nil {
		return webhook{}, errors.New("not a URL")
	}
	if !loopback.IsConfidential(u) || u.User != nil || strings.Trim(u.Path, "/") == "" {
		return webhook{}, errors.New("not an HTTPS URL with a path")
	}
	return webhook{u}, nil
}

// client follows no redirects, since these would send the message, and the secret path in Referer, to another host.
var client = &http.Client{
	Timeout:       postTimeout,
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// post implements channel.
func (w webhook) post(ctx context.Context, m *slack.WebhookMessage) error {
	err := slack.PostWebhookCustomHTTPContext(ctx, w.url.String(), client, m)
	if err == nil {
		return nil
	}
	var limited *slack.RateLimitedError
	if errors.As(err, &limited) {
		return fmt.Errorf("post to Slack: %w", pausedError{min(max(limited.RetryAfter, time.Second), maxPause)})
	}
	var status slack.StatusCodeError
	if errors.As(err, &status) {
		switch {
		case status.Code == http.StatusTooManyRequests:
			return fmt.Errorf("post to Slack: %w", pausedError{defaultPause})
		case status.Code == http.StatusRequestTimeout, status.Code/100 != 4:
			return fmt.Errorf("post to Slack: status %d", status.Code)
		}
		// Such as invalid_payload (400), no_service (404) and channel_is_archived (410):
		// https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks#handling_errors.
		return event.Permanent(fmt.Errorf("post to Slack: rejected with status %d", status.Code))
	}
	return fmt.Errorf("post to Slack: %w", w.redact(err))
}

// redact returns err without the URL. Errors of net/http contain it.
func (w webhook) redact(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	if strings.Contains(err.Error(), w.url.EscapedPath()) || strings.Contains(err.Error(), w.url.Path) {
		return errors.New("post failed (the text names the webhook and is omitted)")
	}
	return err
}
