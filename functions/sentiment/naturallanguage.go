package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"time"

	language "cloud.google.com/go/language/apiv2"
	"cloud.google.com/go/language/apiv2/languagepb"
	"golang.org/x/sync/singleflight"
)

// Names of the API's methods, which key cached results. apiName is also the value of scored_by. A new version of a method
// needs a new name, so that results of the old version are not reused.
const (
	apiName        = "natural-language-v2"
	moderationName = "natural-language-v2 moderation 2"
)

// openLanguage returns a client of the Natural Language API at endpoint, "" for the API's own.
func openLanguage(ctx context.Context, endpoint string) (*language.Client, error) {
	c, err := language.NewClient(ctx, clientOptions(endpoint)...)
	if err != nil {
		return nil, fmt.Errorf("open Natural Language API %q: %w", endpoint, err)
	}
	// The client's own retries would bypass the quota, and spend time that the embedded model or a redelivery uses better.
	c.CallOptions.AnalyzeSentiment, c.CallOptions.ModerateText = nil, nil
	return c, nil
}

// naturalLanguage calls the Natural Language API, at most once for the same method and text: it caches results, and
// simultaneous calls share one.
type naturalLanguage struct {
	client  *language.Client
	quota   quota
	budget  *unitBudget // of moderate
	results resultCache
	flights singleflight.Group
}

// resultCache holds results of the API as JSON. It may lose entries.
type resultCache interface {
	// get returns the result with the key, "" when there is none.
	get(ctx context.Context, key string) (string, error)
	// put stores a result for some weeks.
	put(ctx context.Context, key, result string) error
}

// cacheTimeout bounds a cache operation, so that a slow cache costs less time than a call.
const cacheTimeout = time.Second

// analysis is the sentiment of a text and of its sentences, as the cache holds it.
type analysis struct {
	Language  string     `json:"language,omitempty"`
	Scored    bool       `json:"scored"` // the API supports the language
	Score     float64    `json:"score"`
	Magnitude float64    `json:"magnitude"`
	Sentences []sentence `json:"sentences,omitempty"`
}

// check returns an error for an analysis that the API cannot have returned.
func (a *analysis) check() error {
	if a.Score < -1 || a.Score > 1 || a.Magnitude < 0 {
		return fmt.Errorf("score %v or magnitude %v is out of range", a.Score, a.Magnitude)
	}
	for _, s := range a.Sentences {
		if s.Score < -1 || s.Score > 1 {
			return fmt.Errorf("score %v of a sentence is out of range", s.Score)
		}
	}
	return nil
}

// analyze returns the sentiment of a non-empty text.
func (n *naturalLanguage) analyze(ctx context.Context, text string) (analysis, error) {
	return cachedResult(ctx, n, apiName, text, func(ctx context.Context) (found analysis, err error) {
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
		found.Scored, found.Score, found.Magnitude = true, score(d), roundToMicros(max(0, float64(d.GetMagnitude())))
		for _, s := range resp.GetSentences() {
			start := int(s.GetText().GetBeginOffset())
			found.Sentences = append(found.Sentences, sentence{start, start + len(s.GetText().GetContent()), score(s.GetSentiment())})
		}
		return found, nil
	})
}

// category is a moderation category of a text, as the cache holds it.
type category struct {
	Name       string  `json:"name"`
	Confidence float64 `json:"confidence"`         // 0 to 1
	Severity   float64 `json:"severity,omitempty"` // 0 to 1; 0: the category has no severity
}

// moderate returns the moderation categories of a non-empty text, or errBudgetExhausted.
func (n *naturalLanguage) moderate(ctx context.Context, text string) ([]category, error) {
	return cachedResult(ctx, n, moderationName, text, func(ctx context.Context) (found []category, err error) {
		if err := n.budget.take(ctx, text); err != nil {
			return nil, err
		}
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

// cachedResult returns the cached result of a method for a text. Without one it runs call, within the quota, and
// caches the result.
func cachedResult[T any](ctx context.Context, n *naturalLanguage, method, text string, call func(context.Context) (T, error)) (T, error) {
	var none T
	sum := sha256.Sum256([]byte(method + "\n" + text))
	key := hex.EncodeToString(sum[:])
	flight := n.flights.DoChan(key, func() (any, error) {
		// The end of one delivery must not cancel a paid call that other deliveries share.
		ctx := context.WithoutCancel(ctx)
		var found T
		if n.readCache(ctx, key, &found) {
			return found, nil
		}
		err := n.quota.do(ctx, func(ctx context.Context) (err error) {
			found, err = call(ctx)
			return err
		})
		if err != nil {
			return none, err
		}
		n.writeCache(ctx, key, found)
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

// readCache reads a cached result into found, and reports whether it did. An unreadable entry counts as missing: it costs
// another call.
func (n *naturalLanguage) readCache(ctx context.Context, key string, found any) bool {
	ctx, cancel := context.WithTimeout(ctx, cacheTimeout)
	defer cancel()
	result, err := n.results.get(ctx, key)
	if err == nil && result != "" {
		err = json.Unmarshal([]byte(result), found)
	}
	if a, ok := found.(*analysis); ok && err == nil {
		err = a.check()
	}
	if err != nil {
		slog.WarnContext(ctx, "cached result of the Natural Language API is unreadable; calling the API again", "err", err)
	}
	return err == nil && result != ""
}

// writeCache caches a result. It logs a failure, because the result is good without the cache.
func (n *naturalLanguage) writeCache(ctx context.Context, key string, found any) {
	ctx, cancel := context.WithTimeout(ctx, cacheTimeout)
	defer cancel()
	result, err := json.Marshal(found)
	if err == nil {
		err = n.results.put(ctx, key, string(result))
	}
	if err != nil {
		slog.WarnContext(ctx, "result of the Natural Language API is not cached", "err", err)
	}
}

// document returns a text as the API takes it. It has no language code, so the API detects the language: the locale is the
// browser's, and shoppers write in more than one language.
func document(text string) *languagepb.Document {
	return &languagepb.Document{Type: languagepb.Document_PLAIN_TEXT, Source: &languagepb.Document_Content{Content: text}}
}

// languageCode returns a BCP 47 code as the store holds it: "" for an undetermined language, or a code that is longer than
// its column.
func languageCode(code string) string {
	if code == "und" || len(code) > 35 {
		return ""
	}
	return code
}

// score returns a score of the API within -1 to 1.
func score(s *languagepb.Sentiment) float64 {
	return roundToMicros(max(-1, min(1, float64(s.GetScore()))))
}
