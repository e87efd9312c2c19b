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
	// postTimeout bounds one call of Slack.
	postTimeout = 10 * time.Second
	// defaultPause is how long we leave Slack alone when it is told too much, and does not say for how long.
	defaultPause = 30 * time.Second
	// longestPause is the most that we take from Slack's Retry-After.
	longestPause = time.Hour
)

// webhook is a channel of Slack's incoming webhooks. Whoever knows its URL may post: it prints as nothing.
type webhook struct{ url *url.URL }

func (w webhook) String() string   { return "webhook" }
func (w webhook) GoString() string { return "webhook" }

// parseWebhook reads the URL of a webhook. Its errors do not hold it.
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

// client follows no redirects: a message is for Slack, and its redirects would tell others the path.
var client = &http.Client{
	Timeout:       postTimeout,
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

func (w webhook) post(ctx context.Context, m *slack.WebhookMessage) error {
	err := slack.PostWebhookCustomHTTPContext(ctx, w.url.String(), client, m)
	if err == nil {
		return nil
	}
	var limited *slack.RateLimitedError
	if errors.As(err, &limited) {
		return fmt.Errorf("post to Slack: %w", paused{min(max(limited.RetryAfter, time.Second), longestPause)})
	}
	var status slack.StatusCodeError
	if errors.As(err, &status) {
		switch {
		case status.Code == http.StatusTooManyRequests:
			return fmt.Errorf("post to Slack: %w", paused{defaultPause})
		case status.Code == http.StatusRequestTimeout, status.Code/100 != 4:
			return fmt.Errorf("post to Slack: status %d", status.Code)
		}
		// Such as invalid_payload (400), no_service (404) and channel_is_archived (410):
		// https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks#handling_errors.
		return event.Permanent(fmt.Errorf("post to Slack: refused for ever with status %d", status.Code))
	}
	return fmt.Errorf("post to Slack: %w", w.hide(err))
}

// hide returns err without the URL, which net/http puts into its own.
func (w webhook) hide(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	if strings.Contains(err.Error(), w.url.EscapedPath()) || strings.Contains(err.Error(), w.url.Path) {
		return errors.New("an error whose text holds the webhook")
	}
	return err
}
