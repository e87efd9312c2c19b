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
)

// scoring selects the scorer of texts: the value of SCORER.
type scoring string

// The values of SCORER.
const (
	scoringLanguage             scoring = "language"               // the Natural Language API, or a redelivery
	scoringEmbedded             scoring = "embedded"               // the embedded model
	scoringLanguageThenEmbedded scoring = "language-then-embedded" // the API, or the model when the API cannot
)

func parseScoring(s string) (scoring, error) {
	if v := scoring(s); slices.Contains([]scoring{scoringLanguage, scoringEmbedded, scoringLanguageThenEmbedded}, v) {
		return v, nil
	}
	return "", fmt.Errorf("unknown scorer %q", s)
}

// score returns the sentiment of a text and of the aspects that it mentions, the zero assessment for a blank text.
func (a *analyzer) score(ctx context.Context, text string) (assessment, error) {
	text = strings.TrimSpace(text) // many leading blanks would use up the characters to send; the API rejects a blank text
	if text == "" {
		return assessment{}, nil
	}
	found, sentences, err := a.analyze(ctx, text)
	return assessment{sentiment: found, aspects: findAspects(text, sentences)}, err
}

// analyze returns the sentiment of a non-empty text, and its sentences.
func (a *analyzer) analyze(ctx context.Context, text string) (sentiment, []sentence, error) {
	if a.scoring == scoringEmbedded {
		return scoreEmbedded(text)
	}
	sent := truncateAtSentence(text, a.characters)
	found, err := a.language.analyze(ctx, sent)
	switch {
	case status.Code(err) == codes.InvalidArgument:
		// No retry makes the API take this text. The review is stored without a score.
		slog.WarnContext(ctx, "Natural Language API rejects the text", "err", err)
	case err != nil && a.scoring == scoringLanguageThenEmbedded && isUnavailable(err):
		slog.WarnContext(ctx, "Natural Language API is unavailable; scoring by the embedded model", "err", err)
		return scoreEmbedded(text)
	case err != nil:
		return sentiment{}, nil, err
	}
	switch {
	case found.Scored:
		s := sentiment{language: found.Language, scored: true, score: found.Score, magnitude: found.Magnitude, scoredBy: apiName}
		// The rest of the text, which was not sent, has aspects too. Concat copies, because calls share the cached sentences.
		return s, slices.Concat(found.Sentences, embeddedSentences(text, len(sent))), nil
	case a.scoring == scoringLanguageThenEmbedded:
		s, sentences, err := scoreEmbedded(text)
		if !s.scored && found.Language != "" {
			s.language = found.Language
		}
		return s, sentences, err
	}
	return sentiment{language: found.Language}, nil, nil
}

// scoreEmbedded scores a text with the embedded model. Its error is always nil.
func scoreEmbedded(text string) (sentiment, []sentence, error) {
	r := embedded.Analyze(text)
	s := sentiment{language: languageCode(r.Language)}
	if !r.Scored {
		return s, nil, nil
	}
	s.scored, s.score, s.magnitude, s.scoredBy = true, roundToMicros(r.Score), roundToMicros(r.Magnitude), embedded.Name
	return s, embeddedSentences(text, 0), nil
}

// embeddedSentences returns the sentences of text[from:] with the scores of the embedded model. Their offsets count from the
// start of text.
func embeddedSentences(text string, from int) []sentence {
	var found []sentence
	for _, s := range embedded.AppendSentences(nil, text[from:]) {
		found = append(found, sentence{from + s.Start, from + s.End, roundToMicros(s.Score)})
	}
	return found
}

// truncateAtSentence returns the beginning of a text, at most the given number of characters (0: all). It ends with a sentence, or with a
// word if the last sentence end would drop more than half of the allowed characters.
func truncateAtSentence(text string, characters int) string {
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
	sentenceEnd := 0
	for _, s := range embedded.AppendSentences(nil, text) {
		if s.End <= end {
			sentenceEnd = s.End
		}
	}
	if sentenceEnd*2 >= end {
		return text[:sentenceEnd]
	}
	if space := strings.LastIndexFunc(text[:end], unicode.IsSpace); space*2 >= end {
		return text[:space]
	}
	return text[:end]
}
