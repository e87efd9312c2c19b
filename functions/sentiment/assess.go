package main

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	embedded "github.com/hybrid-bts/functions/shared/engine/sentiment"
	"github.com/hybrid-bts/functions/shared/schema/review"
)

// scoring says what scores a text.
type scoring string

const (
	byLanguage             scoring = "language"               // the Natural Language API, or a redelivery
	byEmbedded             scoring = "embedded"               // the embedded model
	byLanguageThenEmbedded scoring = "language-then-embedded" // the API, or the model when it cannot
)

func parseScoring(s string) (scoring, error) {
	if v := scoring(s); slices.Contains([]scoring{byLanguage, byEmbedded, byLanguageThenEmbedded}, v) {
		return v, nil
	}
	return "", fmt.Errorf("%q is not a scorer", s)
}

// examiner finds what there is to know of a review's content.
type examiner struct {
	scoring    scoring
	moderation moderation
	filter     func(text string) (sure float64, known bool)
	language   *naturalLanguage // nil when neither scoring nor moderation asks it
	characters int              // of a text, that are sent to be scored; 0: all
	authors    authors
}

// assess returns what is found in the content of a review. It fails only when a redelivery would do better.
func (x *examiner) assess(ctx context.Context, r review.Review) (assessment, error) {
	found, err := x.score(ctx, r.Text)
	if err != nil {
		return assessment{}, err
	}
	found.contentFlag = x.hold(ctx, r)
	return found, nil
}

// score returns the sentiment of a text, and of the aspects that it speaks of.
func (x *examiner) score(ctx context.Context, text string) (assessment, error) {
	text = strings.TrimSpace(text) // the API refuses what begins with so many blanks that nothing else is sent
	if text == "" {
		return assessment{}, nil
	}
	found, sentences, err := x.analyze(ctx, text)
	return assessment{sentiment: found, aspects: findAspects(text, sentences)}, err
}

// analyze returns the sentiment of a text that is not empty, and of its sentences.
func (x *examiner) analyze(ctx context.Context, text string) (sentiment, []sentence, error) {
	if x.scoring == byEmbedded {
		return scoreEmbedded(text)
	}
	sent := cut(text, x.characters)
	found, err := x.language.analyze(ctx, sent)
	switch {
	case status.Code(err) == codes.InvalidArgument:
		// A text that the API does not take, which no retry changes. The review matters more than its score.
		slog.WarnContext(ctx, "text refused by the Natural Language API", "err", err)
	case err != nil && x.scoring == byLanguageThenEmbedded && unavailable(err):
		slog.WarnContext(ctx, "scored by the embedded model, the Natural Language API is not available", "err", err)
		return scoreEmbedded(text)
	case err != nil:
		return sentiment{}, nil, err
	}
	switch {
	case found.Scored:
		s := sentiment{language: found.Language, scored: true, score: found.Score, magnitude: found.Magnitude, by: apiName}
		// What was not sent speaks of aspects too. Others may have the same answer: theirs is not appended to.
		return s, slices.Concat(found.Sentences, embeddedSentences(text, len(sent))), nil
	case x.scoring == byLanguageThenEmbedded:
		s, sentences, err := scoreEmbedded(text)
		if !s.scored && found.Language != "" {
			s.language = found.Language
		}
		return s, sentences, err
	}
	return sentiment{language: found.Language}, nil, nil
}

// scoreEmbedded scores a text with the embedded model. It never fails.
func scoreEmbedded(text string) (sentiment, []sentence, error) {
	r := embedded.Analyze(text)
	s := sentiment{language: languageCode(r.Language)}
	if !r.Scored {
		return s, nil, nil
	}
	s.scored, s.score, s.magnitude, s.by = true, millionths(r.Score), millionths(r.Magnitude), embedded.Name
	return s, embeddedSentences(text, 0), nil
}

// embeddedSentences returns the sentences of text[from:], as the embedded model scores them.
func embeddedSentences(text string, from int) []sentence {
	var found []sentence
	for _, s := range embedded.AppendSentences(nil, text[from:]) {
		found = append(found, sentence{from + s.Start, from + s.End, millionths(s.Score)})
	}
	return found
}

// cut returns the beginning of a text, at most so many characters of it (0: all), up to the end of a
// sentence; or of a word, when more than half of what it may be would be lost.
func cut(text string, characters int) string {
	if characters <= 0 || utf8.RuneCountInString(text) <= characters {
		return text
	}
	end, n := 0, 0
	for i := range text {
		if n == characters {
			end = i
			break
		}
		n++
	}
	best := 0
	for _, s := range embedded.AppendSentences(nil, text) {
		if s.End <= end {
			best = s.End
		}
	}
	if best*2 >= end {
		return text[:best]
	}
	if space := strings.LastIndexFunc(text[:end], unicode.IsSpace); space*2 >= end {
		return text[:space]
	}
	return text[:end]
}
