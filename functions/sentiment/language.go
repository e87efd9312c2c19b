package main

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"net"
	"time"

	language "cloud.google.com/go/language/apiv2"
	"cloud.google.com/go/language/apiv2/languagepb"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"github.com/hybrid-bts/functions/shared/review"
)

// analyzeTimeout bounds one call of the Natural Language API, with the client's own retries.
const analyzeTimeout = 5 * time.Second

// apiName is what scored_by says of the Natural Language API.
const apiName = "natural-language-v2"

// openLanguage returns a client of the Natural Language API at endpoint, "" for the API's own.
func openLanguage(ctx context.Context, endpoint string) (*language.Client, error) {
	var opts []option.ClientOption
	if endpoint != "" {
		opts = append(opts, option.WithEndpoint(endpoint))
	}
	if isLoopback(endpoint) {
		opts = append(opts, option.WithoutAuthentication(),
			option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())))
	}
	c, err := language.NewClient(ctx, opts...)
	if err != nil {
		return nil, fmt.Errorf("open Natural Language API %q: %w", endpoint, err)
	}
	return c, nil
}

func isLoopback(endpoint string) bool {
	host, _, err := net.SplitHostPort(endpoint)
	if err != nil {
		return false
	}
	return host == "localhost" || net.ParseIP(host).IsLoopback()
}

// naturalLanguage is the Natural Language API as an assessor.
type naturalLanguage struct{ client *language.Client }

// assess scores the text of a review.
func (n naturalLanguage) assess(ctx context.Context, r review.Review) (found assessment, err error) {
	if r.Text != "" {
		found.sentiment, err = n.analyze(ctx, r.Text)
	}
	return found, err
}

func (n naturalLanguage) analyze(ctx context.Context, text string) (sentiment, error) {
	ctx, cancel := context.WithTimeout(ctx, analyzeTimeout)
	defer cancel()
	resp, err := n.client.AnalyzeSentiment(ctx, &languagepb.AnalyzeSentimentRequest{
		Document: &languagepb.Document{
			Type:   languagepb.Document_PLAIN_TEXT,
			Source: &languagepb.Document_Content{Content: text},
			// No language code: the locale is the browser's, and shoppers write in more than one.
		},
		EncodingType: languagepb.EncodingType_UTF8,
	})
	if status.Code(err) == codes.InvalidArgument {
		// A text that the API cannot take, which no retry changes. The review matters more than its score.
		slog.WarnContext(ctx, "text refused by the Natural Language API, stored without a score", "err", err)
		return sentiment{}, nil
	}
	if err != nil {
		return sentiment{}, fmt.Errorf("analyze sentiment of %d bytes: %w", len(text), err)
	}
	found := sentiment{language: languageCode(resp.GetLanguageCode())}
	if d := resp.GetDocumentSentiment(); resp.GetLanguageSupported() && d != nil {
		found.scored, found.by = true, apiName
		found.score = millionths(max(-1, min(1, float64(d.GetScore()))))
		found.magnitude = millionths(max(0, float64(d.GetMagnitude())))
	}
	return found, nil
}

// languageCode returns a code as we store it: nothing for a language that is not determined.
func languageCode(code string) string {
	if code == "und" || len(code) > 35 {
		return ""
	}
	return code
}

// millionths rounds to the precision that ratings are summed in.
func millionths(f float64) float64 { return math.Round(f*1e6) / 1e6 }
