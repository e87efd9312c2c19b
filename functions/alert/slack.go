package main

import (
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/slack-go/slack"
)

// Limits of a message, in characters except maxLinks. Slack accepts 3000 characters in a section.
const (
	maxTitle = 300
	maxText  = 2000
	maxLinks = 5
	maxLink  = 500
)

// message returns the notice in the format of Slack: a section with title and text, and a section with the links. It drops
// links without HTTPS.
func (n *notice) message() *slack.WebhookMessage {
	title := n.icon + " *" + mrkdwn(oneLine(n.title), maxTitle) + "*"
	lines := title
	if text := mrkdwn(strings.TrimSpace(n.text), maxText); text != "" {
		lines += "\n" + text
	}
	blocks := []slack.Block{section(lines)}
	var links []string
	for _, l := range n.links[:min(len(n.links), maxLinks)] {
		u, err := url.Parse(l.url)
		if err != nil || u.Scheme != "https" || u.Host == "" {
			continue
		}
		address := strings.NewReplacer("|", "%7C", "<", "%3C", ">", "%3E", "&", "&amp;").Replace(u.String())
		if len(address) <= maxLink {
			links = append(links, "<"+address+"|"+mrkdwn(oneLine(l.text), 50)+">")
		}
	}
	if len(links) > 0 {
		blocks = append(blocks, section(strings.Join(links, " · ")))
	}
	no := false
	return &slack.WebhookMessage{Text: title, Blocks: &slack.Blocks{BlockSet: blocks}, UnfurlLinks: &no, UnfurlMedia: &no}
}

// section returns a section of mrkdwn. It is verbatim: Slack does not convert names and URLs in the text to links.
func section(text string) slack.Block {
	return slack.NewSectionBlock(slack.NewTextBlockObject(slack.MarkdownType, text, false, true), nil, nil)
}

// mrkdwn escapes a text, so that it contains no mentions and no links, and truncates it to maxLen characters:
// https://docs.slack.dev/messaging/formatting-message-text#escaping.
func mrkdwn(s string, maxLen int) string {
	var b strings.Builder
	left := maxLen - 1 // room for the ellipsis
	for _, r := range s {
		c := string(r)
		switch {
		case r == '&':
			c = "&amp;"
		case r == '<':
			c = "&lt;"
		case r == '>':
			c = "&gt;"
		case unicode.IsControl(r) && r != '\n':
			c = " "
		}
		if left -= utf8.RuneCountInString(c); left < 0 {
			return b.String() + "…"
		}
		b.WriteString(c)
	}
	return b.String()
}

// oneLine replaces each run of white space by one blank.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
