package languagetest

import (
	"context"
	"math"
	"regexp"
	"slices"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"cloud.google.com/go/language/apiv2/languagepb"
	"golang.org/x/text/language"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/hybrid-bts/functions/shared/engine/sentiment"
)

// prefix marks errors of this server, which could be mistaken for errors of the API.
const prefix = "embedded Natural Language API: "

// maxContent is the limit of the API for a document, in bytes (https://cloud.google.com/natural-language/quotas).
const maxContent = 1_000_000

// service implements the API. The embedded server answers UNIMPLEMENTED to other methods.
type service struct {
	languagepb.UnimplementedLanguageServiceServer
}

// invalid returns the error of a request that the API rejects.
func invalid(format string, args ...any) error {
	return status.Errorf(codes.InvalidArgument, prefix+format, args...)
}

// unsupported returns the error of a request that only this server rejects.
func unsupported(text string) error { return status.Error(codes.Unimplemented, prefix+text) }

// AnalyzeSentiment implements languagepb.LanguageServiceServer.
func (service) AnalyzeSentiment(_ context.Context, r *languagepb.AnalyzeSentimentRequest) (*languagepb.AnalyzeSentimentResponse, error) {
	d, err := read(r.GetDocument(), r.GetEncodingType())
	if err != nil {
		return nil, err
	}
	if err := d.requireSupport(scored); err != nil {
		return nil, err
	}
	resp := &languagepb.AnalyzeSentimentResponse{LanguageCode: d.code, LanguageSupported: d.in(scored)}
	resp.DocumentSentiment, resp.Sentences = d.sentiment()
	return resp, nil
}

// ModerateText implements languagepb.LanguageServiceServer.
func (service) ModerateText(_ context.Context, r *languagepb.ModerateTextRequest) (*languagepb.ModerateTextResponse, error) {
	version := r.GetModelVersion()
	if _, ok := languagepb.ModerateTextRequest_ModelVersion_name[int32(version)]; !ok {
		return nil, invalid("unknown model version %d", version)
	}
	d, err := read(r.GetDocument(), languagepb.EncodingType_NONE)
	if err != nil {
		return nil, err
	}
	if err := d.requireSupport(moderated); err != nil {
		return nil, err
	}
	return &languagepb.ModerateTextResponse{
		ModerationCategories: d.categories(version == languagepb.ModerateTextRequest_MODEL_VERSION_2),
		LanguageCode:         d.code, LanguageSupported: d.in(moderated),
	}, nil
}

// AnnotateText implements languagepb.LanguageServiceServer.
func (service) AnnotateText(_ context.Context, r *languagepb.AnnotateTextRequest) (*languagepb.AnnotateTextResponse, error) {
	f := r.GetFeatures()
	switch {
	case f.GetExtractEntities(), f.GetClassifyText():
		return nil, unsupported("entities and classification are not implemented")
	case !f.GetExtractDocumentSentiment() && !f.GetModerateText():
		return nil, invalid("request has no feature")
	}
	d, err := read(r.GetDocument(), r.GetEncodingType())
	if err != nil {
		return nil, err
	}
	resp := &languagepb.AnnotateTextResponse{LanguageCode: d.code, LanguageSupported: true}
	if f.GetExtractDocumentSentiment() {
		if err := d.requireSupport(scored); err != nil {
			return nil, err
		}
		resp.LanguageSupported = d.in(scored)
		resp.DocumentSentiment, resp.Sentences = d.sentiment()
	}
	if f.GetModerateText() {
		if err := d.requireSupport(moderated); err != nil {
			return nil, err
		}
		resp.LanguageSupported = resp.LanguageSupported && d.in(moderated)
		resp.ModerationCategories = d.categories(false) // AnnotateText has no model version, so it uses version 1
	}
	return resp, nil
}

// document is a text with its language.
type document struct {
	text     string
	code     string // language code of the request, or the detected one
	declared bool   // whether the request has a language code
	base     string // language code without script and region
	encoding languagepb.EncodingType
}

// read validates the document of a request and detects its language when the request has none.
func read(d *languagepb.Document, encoding languagepb.EncodingType) (document, error) {
	text := d.GetContent()
	_, inCloudStorage := d.GetSource().(*languagepb.Document_GcsContentUri)
	_, known := languagepb.EncodingType_name[int32(encoding)]
	switch {
	case d.GetType() == languagepb.Document_HTML:
		return document{}, unsupported("HTML is not implemented, only PLAIN_TEXT")
	case d.GetType() != languagepb.Document_PLAIN_TEXT:
		return document{}, invalid("document has no type")
	case inCloudStorage:
		return document{}, unsupported("documents in Cloud Storage are not implemented, only content")
	case strings.TrimSpace(text) == "":
		return document{}, invalid("document is empty")
	case len(text) > maxContent:
		return document{}, invalid("document has %d bytes, more than %d", len(text), maxContent)
	case !known:
		return document{}, invalid("unknown encoding type %d", encoding)
	}
	found := document{text: text, encoding: encoding, code: d.GetLanguageCode(), declared: d.GetLanguageCode() != ""}
	if !found.declared {
		found.code = sentiment.Analyze(text).Language
	}
	tag, err := language.Parse(found.code)
	if err != nil {
		return document{}, invalid("language code %q: %v", found.code, err)
	}
	base, _, _ := tag.Raw() // Base returns en for und
	found.base = base.String()
	return found, nil
}

// Languages of the methods.
var (
	scored    = []string{"ko", "en", "ja", "zh", "fr", "es"}
	moderated = []string{"ko", "en"} // training languages of the filter
)

// in reports whether the document is in one of the languages.
func (d document) in(languages []string) bool { return slices.Contains(languages, d.base) }

// requireSupport returns an error when the request declares a language that the method does not support. The documentation
// of the API has both an error and language_supported = false. This server returns the error for declared languages, and
// false for detected ones.
func (d document) requireSupport(languages []string) error {
	if d.declared && !d.in(languages) {
		return invalid("language %q is not supported", d.code)
	}
	return nil
}

// sentiment returns the sentiments of the document and of its sentences. In unsupported languages the sentiment is empty,
// without sentences.
func (d document) sentiment() (*languagepb.Sentiment, []*languagepb.Sentence) {
	whole := sentiment.Analyze(d.text)
	if !d.in(scored) {
		return &languagepb.Sentiment{}, nil
	}
	var sentences []*languagepb.Sentence
	offset := counter{encoding: d.encoding, text: d.text}
	for _, s := range sentiment.AppendSentences(nil, d.text) {
		one := &languagepb.Sentiment{}
		if whole.Scored { // otherwise the text is not in the declared language
			one = &languagepb.Sentiment{Score: rounded(s.Score), Magnitude: rounded(s.Magnitude)}
		}
		sentences = append(sentences, &languagepb.Sentence{
			Text:      &languagepb.TextSpan{Content: d.text[s.Start:s.End], BeginOffset: offset.at(s.Start)},
			Sentiment: one,
		})
	}
	return &languagepb.Sentiment{Score: rounded(whole.Score), Magnitude: rounded(whole.Magnitude)}, sentences
}

// rounded rounds to thousandths, the precision of the API.
func rounded(f float64) float32 { return float32(math.Round(f*1000) / 1000) }

// counter converts byte offsets of a text to offsets in the units of an encoding.
type counter struct {
	encoding languagepb.EncodingType
	text     string
	bytes    int
	units    int32
}

// at returns the offset of a byte, or -1 without an encoding. Calls must have increasing bytes.
func (c *counter) at(byte int) int32 {
	part := c.text[c.bytes:byte]
	c.bytes = byte
	switch c.encoding {
	case languagepb.EncodingType_UTF8:
		c.units += int32(len(part))
	case languagepb.EncodingType_UTF16:
		for _, r := range part {
			c.units += int32(utf16.RuneLen(r))
		}
	case languagepb.EncodingType_UTF32:
		c.units += int32(utf8.RuneCountInString(part))
	default:
		return -1
	}
	return c.units
}

// words are the patterns of the categories that the model lacks. They suffice for demonstrations, not for moderation.
var words = []struct {
	category string
	pattern  *regexp.Regexp
}{
	{"Sexual", regexp.MustCompile(`(?i)\b(sex|porn\w*)\b|야동|포르노|음란물`)},
	{"Violent", regexp.MustCompile(`(?i)\b(kill|murder|stab) (you|him|her|them)\b|죽여 ?버|찔러 ?죽|패 ?죽`)},
}

// matchConfidence is the confidence of a category when the text matches its pattern.
const matchConfidence = 0.9

// categories returns the moderation categories of the document, with severities when the model version has them.
func (d document) categories(severity bool) []*languagepb.ClassificationCategory {
	var found []*languagepb.ClassificationCategory
	add := func(name string, confidence, severity float64) {
		found = append(found, &languagepb.ClassificationCategory{Name: name, Confidence: rounded(confidence), Severity: rounded(severity)})
	}
	if d.in(moderated) {
		confidence, worst := sentiment.Abuse(d.text), 0.
		if severity {
			for _, s := range sentiment.AppendSentences(nil, d.text) {
				worst = max(worst, sentiment.Abuse(d.text[s.Start:s.End]))
			}
		}
		for _, name := range []string{"Toxic", "Insult", "Profanity"} {
			add(name, confidence, worst)
		}
	}
	for _, w := range words {
		confidence := 0.
		if w.pattern.MatchString(d.text) {
			confidence = matchConfidence
		}
		add(w.category, confidence, 0)
	}
	return found
}
