package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	embedded "github.com/hybrid-bts/functions/shared/engine/sentiment"
	"github.com/hybrid-bts/functions/shared/schema/review"
	"github.com/hybrid-bts/functions/shared/schema/review/reason"
)

// moderation selects the checks that flag content: the value of MODERATION.
type moderation string

// The values of MODERATION.
const (
	moderationOff      moderation = "off"
	moderationEmbedded moderation = "embedded" // contact details, solicitation and the embedded filter
	moderationLanguage moderation = "language" // these, and the Natural Language API where the filter is not enough
)

func parseModeration(s string) (moderation, error) {
	if v := moderation(s); slices.Contains([]moderation{moderationOff, moderationEmbedded, moderationLanguage}, v) {
		return v, nil
	}
	return "", fmt.Errorf("unknown moderation %q", s)
}

// Thresholds of the embedded filter's confidence, 0 to 1, that a text is abusive. Below unsure the API is not needed; from
// certain on the filter decides alone. If the API is unavailable, texts from likely on are flagged. Texts that the
// model was trained on score higher than new ones: scripts/model/train/REPORT.md has the cross-validated recall, 0.87 above
// 0.2 but only 0.24 above 0.8 for Korean comments.
const (
	unsure  = 0.3
	likely  = 0.65
	certain = 0.75
)

// embeddedFilter returns the confidence, 0 to 1, that a text is abusive. supported reports whether the filter is trained for
// the language of the text; otherwise a low confidence means nothing.
func embeddedFilter(text string) (confidence float64, supported bool) {
	if hasDisguisedAbuse(text) {
		return 1, true
	}
	text = foldLookAlikes(strings.ToLower(plainWords(text)))
	language := embedded.Analyze(text).Language
	composed := norm.NFKC.String(text) // ㅅㅣ발 is 시발
	return max(embedded.Abuse(text), embedded.Abuse(composed)), language == "ko" || language == "en"
}

// authors looks up authors of stored reviews.
type authors interface {
	// hasPublished reports whether a published review has the author's name. It ignores the review with the id except.
	hasPublished(ctx context.Context, author, except string) (bool, error)
}

// judgement is the result of moderation.
type judgement struct {
	flag     reason.Code // "": the content may be published
	unjudged bool        // a moderator could not answer now, so a sweep judges the content again; see sweep.go
}

// moderate judges the content of a review, first its words, then its photos. It always returns: content that no check could
// judge has the flag reason.PendingModeration.
func (a *analyzer) moderate(ctx context.Context, r review.Review) judgement {
	found := a.moderateWords(ctx, r)
	if found.flag != "" && found.flag != reason.PendingModeration {
		return found // certain, so the photos need no paid call
	}
	photos, err := a.moderatePhotos(ctx, r.Photos)
	if err != nil {
		slog.WarnContext(ctx, "photos are not judged; the review waits", "review", r.ID, "err", err)
	}
	if photos.flag == "" {
		return found
	}
	return photos
}

// moderateWords judges the text and the author's name. It runs the free checks first.
func (a *analyzer) moderateWords(ctx context.Context, r review.Review) judgement {
	if a.moderation == moderationOff {
		return judgement{}
	}
	if hasContact(r.Text) || hasContact(r.Author) {
		return judgement{flag: reason.ContactDetails}
	}
	if isSolicitation(r.Text) || isSolicitation(r.Author) {
		return judgement{flag: reason.Solicitation}
	}
	if confidence, _ := a.filter(r.Author); confidence >= certain { // a name is too short for a lower threshold
		return judgement{flag: reason.AbusiveLanguage}
	}
	return a.moderateText(ctx, r)
}

// isFirstReview reports whether no review of the author is published yet. Without accounts the name alone identifies an
// author, so an anonymous author is always new.
func (a *analyzer) isFirstReview(ctx context.Context, r review.Review) bool {
	if r.Author == "" {
		return true
	}
	known, err := a.authors.hasPublished(ctx, r.Author, r.ID)
	if err != nil {
		slog.WarnContext(ctx, "author lookup fails; treating the author as new", "err", err)
	}
	return !known
}

// moderateText judges the text. The API decides if the filter is unsure, or the review has photos or a new author.
func (a *analyzer) moderateText(ctx context.Context, r review.Review) judgement {
	if !strings.ContainsFunc(r.Text, unicode.IsLetter) {
		return judgement{}
	}
	confidence, supported := a.filter(r.Text)
	if confidence >= certain {
		return judgement{flag: reason.AbusiveLanguage}
	}
	if a.moderation != moderationLanguage {
		return filterAlone(r.Text, confidence, supported)
	}
	if supported && confidence < unsure && len(r.Photos) == 0 && !a.isFirstReview(ctx, r) {
		return judgement{}
	}
	found, err := a.language.moderate(ctx, r.Text)
	switch {
	case err == nil:
		return judgement{flag: flagOf(found)}
	case errors.Is(err, errBudgetExhausted):
		return filterAlone(r.Text, confidence, supported)
	case status.Code(err) == codes.InvalidArgument:
		slog.WarnContext(ctx, "Natural Language API rejects the text; moderating by the embedded filter", "err", err)
		return withoutAPI(confidence, supported, judgement{flag: reason.Moderation}) // no later call judges it, so an operator does
	}
	slog.WarnContext(ctx, "Natural Language API is unavailable; moderating by the embedded filter until it answers", "err", err)
	provisional := withoutAPI(confidence, supported, judgement{flag: reason.PendingModeration})
	provisional.unjudged = true
	return provisional
}

// filterAlone returns the judgement of the embedded filter where the API must not be asked. A text in a language that the filter
// does not support waits for an operator, or until the API may be asked again. The language of one or two words of plain Latin
// letters, such as a title, is a guess, so the filter decides on them.
func filterAlone(text string, confidence float64, supported bool) judgement {
	switch {
	case !supported && !isShortLatin(text):
		return judgement{flag: reason.PendingModeration, unjudged: true}
	case confidence >= likely:
		return judgement{flag: reason.AbusiveLanguage}
	}
	return judgement{}
}

// isShortLatin reports whether a text has at most two words and no letters but those of ASCII.
func isShortLatin(text string) bool {
	return len(strings.Fields(text)) <= 2 && !strings.ContainsFunc(text, func(r rune) bool { return r > unicode.MaxASCII && unicode.IsLetter(r) })
}

// withoutAPI returns the judgement of the embedded filter on a text that the API should have judged, and doubtful if the filter
// does not support the language or is unsure.
func withoutAPI(confidence float64, supported bool, doubtful judgement) judgement {
	switch {
	case supported && confidence >= likely:
		return judgement{flag: reason.AbusiveLanguage}
	case supported && confidence < unsure:
		return judgement{}
	}
	return doubtful
}

// minSeverity is the severity from which a category flags a text, if the category has a severity. The API's documentation
// gives no levels. The sample at https://cloud.google.com/vertex-ai/docs/generative-ai/configure-safety-attributes-palm has
// the same categories, and calls 0.3 low and 0.6 medium.
const minSeverity = 0.45

// harmfulCategories are the categories of https://cloud.google.com/natural-language/docs/moderating-text that flag a text,
// with their minimum confidence. The other categories are subjects, such as health or religion, that a review may mention. The
// documentation recommends no thresholds. These are high on purpose: the shop publishes angry reviews, and rude words
// about a box insult nobody.
var harmfulCategories = []struct {
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

// flagOf returns the flag of a text with the given categories, "" when it may be published.
func flagOf(found []category) reason.Code {
	for _, h := range harmfulCategories {
		for _, c := range found {
			if c.Name == h.category && c.Confidence >= h.confidence && (c.Severity == 0 || c.Severity >= minSeverity) {
				return h.flag
			}
		}
	}
	return ""
}
