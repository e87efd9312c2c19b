package main

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
)

// startSlack starts a server that takes the place of Slack. Every path is an incoming webhook, which logs its messages. Format
// and answers: https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks. The caller closes the server.
func startSlack() *httptest.Server {
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, err := slackText(w, r)
		if err != nil {
			http.Error(w, "invalid_payload", http.StatusBadRequest)
			return
		}
		slog.Info("Slack message", "text", text)
		_, _ = w.Write([]byte("ok")) // a client that closed the connection posts again
	}))
}

// slackText returns the text of a webhook message: one line for each section, or the fallback text of a message without
// sections. It fails if the message is not JSON or has more than 1 MiB.
func slackText(w http.ResponseWriter, r *http.Request) (string, error) {
	var m struct {
		Text   string `json:"text"`
		Blocks []struct {
			Text struct {
				Text string `json:"text"`
			} `json:"text"`
		} `json:"blocks"`
	}
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20)).Decode(&m); err != nil {
		return "", err
	}
	var sections []string
	for _, b := range m.Blocks {
		sections = append(sections, b.Text.Text)
	}
	if len(sections) == 0 {
		return m.Text, nil
	}
	return strings.Join(sections, "\n"), nil
}
