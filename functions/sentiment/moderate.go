package main

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"unicode"

	embedded "github.com/hybrid-bts/functions/shared/engine/sentiment"
	"github.com/hybrid-bts/functions/shared/schema/review"
	"github.com/hybrid-bts/functions/shared/schema/review/reason"
)

// moderation says what looks for what must not be shown.
type moderation string

const (
	noModeration       moderation = "off"
	embeddedModeration moderation = "embedded" // contacts, and the embedded filter
	languageModeration moderation = "language" // these, and the Natural Language API where they do not suffice
)

func parseModeration(s string) (moderation, error) {
	if v := moderation(s); slices.Contains([]moderation{noModeration, embeddedModeration, languageModeration}, v) {
		return v, nil
	}
	return "", fmt.Errorf("%q is no moderation", s)
}

// How sure the embedded filter must be. Below clean a text needs no second opinion, from abusive on it gets
// none; where there is none to be had, alone decides. Of ordinary reviews about one in ten is above clean, one
// in a thousand above alone and none above abusive; of abusive ones nearly all, three in four, and a half.
const (
	clean   = 0.3
	alone   = 0.65
	abusive = 0.75
)

// filter is the embedded filter. It returns how sure it is that a text is abusive, and whether the text is
// in a language that it was trained for.
func filter(text string) (sure float64, known bool) {
	language := embedded.Analyze(text).Language
	return embedded.Abuse(text), language == "ko" || language == "en"
}

// authors tells who has written before.
type authors interface {
	// published reports whether a review under this name is published, other than the one with this id.
	published(ctx context.Context, author, except string) (bool, error)
}

// hold returns why a review must not be shown, "" when it may. What costs nothing is asked first. It never
// fails: where a part cannot answer, the others decide.
func (x *examiner) hold(ctx context.Context, r review.Review) reason.Code {
	if x.moderation == noModeration {
		return ""
	}
	if hasContact(r.Text) || hasContact(r.Author) {
		return reason.ContactDetails
	}
	if sure, _ := x.filter(r.Author); sure >= abusive { // a name is too short to be sure that it is not
		return reason.AbusiveLanguage
	}
	return x.judge(ctx, r)
}

// firstTime reports whether nothing by the author of r is published yet. Without accounts a name is all that
// an author is known by, and who gives none is always new.
func (x *examiner) firstTime(ctx context.Context, r review.Review) bool {
	if r.Author == "" {
		return true
	}
	known, err := x.authors.published(ctx, r.Author, r.ID)
	if err != nil {
		slog.WarnContext(ctx, "author taken for a new one", "err", err)
	}
	return !known
}

// judge returns why the text of a review must not be shown. The API is asked when the filter is unsure, or
// the review is one of those that it is asked about in any case.
func (x *examiner) judge(ctx context.Context, r review.Review) reason.Code {
	if !strings.ContainsFunc(r.Text, unicode.IsLetter) {
		return ""
	}
	sure, known := x.filter(r.Text)
	if sure >= abusive {
		return reason.AbusiveLanguage
	}
	if x.moderation == languageModeration && (!known || sure >= clean || len(r.Photos) > 0 || x.firstTime(ctx, r)) {
		found, err := x.language.moderate(ctx, r.Text)
		if err == nil {
			return flagFor(found)
		}
		slog.WarnContext(ctx, "moderated by the embedded filter alone", "err", err)
	}
	if known && sure >= alone {
		return reason.AbusiveLanguage
	}
	return ""
}

// severe is the severity from which a category counts that has one. The API's documentation gives no levels;
// in the sample of https://cloud.google.com/vertex-ai/docs/generative-ai/configure-safety-attributes-palm,
// whose categories are the same, 0.3 is called low and 0.6 medium.
const severe = 0.45

// harmful are the categories of https://cloud.google.com/natural-language/docs/moderating-text that hold a
// review, with the confidence from which they do. The others are subjects, such as health or religion, of
// which a review may well speak. The documentation recommends no numbers. These are ours, and high: an angry
// review is to be shown, and rude words about a box are no insult of a person.
var harmful = []struct {
	category   string
	confidence float64
	flag       reason.Code
}{
	{"Sexual", 0.8, reason.SexualContent},
	{"Violent", 0.8, reason.ViolentContent},
	{"Derogatory", 0.7, reason.AbusiveLanguage},
	{"Profanity", 0.8, reason.AbusiveLanguage},
	{"Insult", 0.85, reason.AbusiveLanguage},
	{"Toxic", 0.9, reason.AbusiveLanguage},
}

// flagFor returns why a text of these categories must not be shown, "" when it may.
func flagFor(found []category) reason.Code {
	for _, h := range harmful {
		for _, c := range found {
			if c.Name == h.category && c.Confidence >= h.confidence && (c.Severity == 0 || c.Severity >= severe) {
				return h.flag
			}
		}
	}
	return ""
}
