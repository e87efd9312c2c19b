package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"math"
	"time"

	language "cloud.google.com/go/language/apiv2"
	"cloud.google.com/go/language/apiv2/languagepb"
	"golang.org/x/sync/singleflight"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/hybrid-bts/functions/shared/loopback"
)

// What is asked of the Natural Language API. The first is also what scored_by says of it; a new version is
// a new name, since answers are kept by it.
const (
	apiName        = "natural-language-v2"
	moderationName = "natural-language-v2 moderation 2"
)

// openLanguage returns a client of the Natural Language API at endpoint, "" for the API's own.
func openLanguage(ctx context.Context, endpoint string) (*language.Client, error) {
	var opts []option.ClientOption
	if endpoint != "" {
		opts = append(opts, option.WithEndpoint(endpoint))
	}
	if loopback.IsHostPort(endpoint) {
		opts = append(opts, option.WithoutAuthentication(),
			option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())))
	}
	c, err := language.NewClient(ctx, opts...)
	if err != nil {
		return nil, fmt.Errorf("open Natural Language API %q: %w", endpoint, err)
	}
	// The client's own retries would take from the quota what we have not counted, and from the deadline
	// what the embedded model, or a redelivery, makes better use of.
	c.CallOptions.AnalyzeSentiment, c.CallOptions.ModerateText = nil, nil
	return c, nil
}

// naturalLanguage is the Natural Language API. What it is asked about a text is paid for once: answers are
// kept, and who asks the same at the same time shares one call.
type naturalLanguage struct {
	client  *language.Client
	limit   limit
	answers answers
	flights singleflight.Group
}

// answers keeps what the API answered.
type answers interface {
	// answer returns what is kept for a key, "" when nothing is.
	answer(ctx context.Context, key string) (string, error)
	// keep keeps an answer, for some weeks.
	keep(ctx context.Context, key, answer string) error
}

// answersTimeout bounds a look at the answers, which are worth less than what they would hold up.
const answersTimeout = time.Second

// analysis is the sentiment of a text and of its sentences.
type analysis struct {
	Language  string     `json:"language,omitempty"`
	Scored    bool       `json:"scored"` // the language is one that the API scores
	Score     float64    `json:"score"`
	Magnitude float64    `json:"magnitude"`
	Sentences []sentence `json:"sentences,omitempty"`
}

// analyze returns the sentiment of a text that is not empty.
func (n *naturalLanguage) analyze(ctx context.Context, text string) (analysis, error) {
	return once(ctx, n, apiName, text, func(ctx context.Context) (found analysis, err error) {
		resp, err := n.client.AnalyzeSentiment(ctx, &languagepb.AnalyzeSentimentRequest{
			Document:     document(text),
			EncodingType: languagepb.EncodingType_UTF8,
		})
		if err != nil {
			return found, fmt.Errorf("analyze sentiment of %d bytes: %w", len(text), err)
		}
		found.Language = languageCode(resp.GetLanguageCode())
		d := resp.GetDocumentSentiment()
		if !resp.GetLanguageSupported() || d == nil {
			return found, nil
		}
		found.Scored, found.Score, found.Magnitude = true, score(d), millionths(max(0, float64(d.GetMagnitude())))
		for _, s := range resp.GetSentences() {
			start := int(s.GetText().GetBeginOffset())
			found.Sentences = append(found.Sentences, sentence{start, start + len(s.GetText().GetContent()), score(s.GetSentiment())})
		}
		return found, nil
	})
}

// category is one that moderation knows, with how sure it is that a text belongs to it.
type category struct {
	Name       string  `json:"name"`
	Confidence float64 `json:"confidence"`         // 0 to 1
	Severity   float64 `json:"severity,omitempty"` // 0 to 1; 0: the category has none
}

// moderate returns the categories of a text that is not empty.
func (n *naturalLanguage) moderate(ctx context.Context, text string) ([]category, error) {
	return once(ctx, n, moderationName, text, func(ctx context.Context) (found []category, err error) {
		resp, err := n.client.ModerateText(ctx, &languagepb.ModerateTextRequest{
			Document:     document(text),
			ModelVersion: languagepb.ModerateTextRequest_MODEL_VERSION_2,
		})
		if err != nil {
			return nil, fmt.Errorf("moderate %d bytes: %w", len(text), err)
		}
		for _, c := range resp.GetModerationCategories() {
			found = append(found, category{c.GetName(), float64(c.GetConfidence()), float64(c.GetSeverity())})
		}
		return found, nil
	})
}

// once returns what is kept of the answer that what gives about a text, or else asks for it.
func once[T any](ctx context.Context, n *naturalLanguage, what, text string, ask func(context.Context) (T, error)) (T, error) {
	var none T
	sum := sha256.Sum256([]byte(what + "\n" + text))
	key := hex.EncodeToString(sum[:])
	flight := n.flights.DoChan(key, func() (any, error) {
		// A delivery that is given up does not end the call that others share, and that is paid for.
		ctx := context.WithoutCancel(ctx)
		var found T
		if n.kept(ctx, key, &found) {
			return found, nil
		}
		err := n.limit.call(ctx, func(ctx context.Context) (err error) {
			found, err = ask(ctx)
			return err
		})
		if err != nil {
			return none, err
		}
		n.keep(ctx, key, found)
		return found, nil
	})
	select {
	case <-ctx.Done():
		return none, context.Cause(ctx)
	case r := <-flight:
		if r.Err != nil {
			return none, r.Err
		}
		return r.Val.(T), nil
	}
}

// kept reads an answer that is kept. That it cannot be read costs a call, no more.
func (n *naturalLanguage) kept(ctx context.Context, key string, found any) bool {
	ctx, cancel := context.WithTimeout(ctx, answersTimeout)
	defer cancel()
	answer, err := n.answers.answer(ctx, key)
	if err == nil && answer != "" {
		err = json.Unmarshal([]byte(answer), found)
	}
	if err != nil {
		slog.WarnContext(ctx, "kept answer not read, the Natural Language API is asked again", "err", err)
	}
	return err == nil && answer != ""
}

func (n *naturalLanguage) keep(ctx context.Context, key string, found any) {
	ctx, cancel := context.WithTimeout(ctx, answersTimeout)
	defer cancel()
	answer, err := json.Marshal(found)
	if err == nil {
		err = n.answers.keep(ctx, key, string(answer))
	}
	if err != nil {
		slog.WarnContext(ctx, "answer of the Natural Language API not kept", "err", err)
	}
}

// document is a text for the API. It has no language code: the locale is the browser's, and shoppers write
// in more than one.
func document(text string) *languagepb.Document {
	return &languagepb.Document{Type: languagepb.Document_PLAIN_TEXT, Source: &languagepb.Document_Content{Content: text}}
}

// languageCode returns a code as we store it: nothing for a language that is not determined.
func languageCode(code string) string {
	if code == "und" || len(code) > 35 {
		return ""
	}
	return code
}

func score(s *languagepb.Sentiment) float64 {
	return millionths(max(-1, min(1, float64(s.GetScore()))))
}

// millionths rounds to the precision that ratings are summed in.
func millionths(f float64) float64 { return math.Round(f*1e6) / 1e6 }
