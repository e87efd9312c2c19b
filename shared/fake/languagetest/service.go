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

// prefix tells our errors from those of the API.
const prefix = "embedded Natural Language API: "

// maxContent is the API's limit of a document, in bytes (https://cloud.google.com/natural-language/quotas).
const maxContent = 1_000_000

// service answers as the API does. What it does not answer is UNIMPLEMENTED.
type service struct {
	languagepb.UnimplementedLanguageServiceServer
}

func invalid(format string, args ...any) error {
	return status.Errorf(codes.InvalidArgument, prefix+format, args...)
}

func lacking(what string) error { return status.Error(codes.Unimplemented, prefix+what) }

func (service) AnalyzeSentiment(_ context.Context, r *languagepb.AnalyzeSentimentRequest) (*languagepb.AnalyzeSentimentResponse, error) {
	d, err := read(r.GetDocument(), r.GetEncodingType())
	if err != nil {
		return nil, err
	}
	if err := d.refuse(scored); err != nil {
		return nil, err
	}
	resp := &languagepb.AnalyzeSentimentResponse{LanguageCode: d.code, LanguageSupported: d.in(scored)}
	resp.DocumentSentiment, resp.Sentences = d.sentiment()
	return resp, nil
}

func (service) ModerateText(_ context.Context, r *languagepb.ModerateTextRequest) (*languagepb.ModerateTextResponse, error) {
	version := r.GetModelVersion()
	if _, ok := languagepb.ModerateTextRequest_ModelVersion_name[int32(version)]; !ok {
		return nil, invalid("there is no model version %d", version)
	}
	d, err := read(r.GetDocument(), languagepb.EncodingType_NONE)
	if err != nil {
		return nil, err
	}
	if err := d.refuse(moderated); err != nil {
		return nil, err
	}
	return &languagepb.ModerateTextResponse{
		ModerationCategories: d.categories(version == languagepb.ModerateTextRequest_MODEL_VERSION_2),
		LanguageCode:         d.code, LanguageSupported: d.in(moderated),
	}, nil
}

func (service) AnnotateText(_ context.Context, r *languagepb.AnnotateTextRequest) (*languagepb.AnnotateTextResponse, error) {
	f := r.GetFeatures()
	switch {
	case f.GetExtractEntities(), f.GetClassifyText():
		return nil, lacking("it extracts no entities and classifies no text")
	case !f.GetExtractDocumentSentiment() && !f.GetModerateText():
		return nil, invalid("no feature is asked for")
	}
	d, err := read(r.GetDocument(), r.GetEncodingType())
	if err != nil {
		return nil, err
	}
	resp := &languagepb.AnnotateTextResponse{LanguageCode: d.code, LanguageSupported: true}
	if f.GetExtractDocumentSentiment() {
		if err := d.refuse(scored); err != nil {
			return nil, err
		}
		resp.LanguageSupported = d.in(scored)
		resp.DocumentSentiment, resp.Sentences = d.sentiment()
	}
	if f.GetModerateText() {
		if err := d.refuse(moderated); err != nil {
			return nil, err
		}
		resp.LanguageSupported = resp.LanguageSupported && d.in(moderated)
		resp.ModerationCategories = d.categories(false) // the request names no model, which means the first
	}
	return resp, nil
}

// document is a text to be analysed.
type document struct {
	text     string
	code     string // of the language: as the caller says, or as it is detected
	asked    bool   // the caller said
	base     string // the language without script and region
	encoding languagepb.EncodingType
}

// read checks what all methods want of a document.
func read(d *languagepb.Document, encoding languagepb.EncodingType) (document, error) {
	text := d.GetContent()
	_, inCloudStorage := d.GetSource().(*languagepb.Document_GcsContentUri)
	_, known := languagepb.EncodingType_name[int32(encoding)]
	switch {
	case d.GetType() == languagepb.Document_HTML:
		return document{}, lacking("it reads no HTML, only PLAIN_TEXT")
	case d.GetType() != languagepb.Document_PLAIN_TEXT:
		return document{}, invalid("the document has no type")
	case inCloudStorage:
		return document{}, lacking("it reads no document from Cloud Storage, only content")
	case strings.TrimSpace(text) == "":
		return document{}, invalid("the document is empty")
	case len(text) > maxContent:
		return document{}, invalid("the document has %d bytes, more than %d", len(text), maxContent)
	case !known:
		return document{}, invalid("there is no encoding type %d", encoding)
	}
	found := document{text: text, encoding: encoding, code: d.GetLanguageCode(), asked: d.GetLanguageCode() != ""}
	if !found.asked {
		found.code = sentiment.Analyze(text).Language
	}
	tag, err := language.Parse(found.code)
	if err != nil {
		return document{}, invalid("language code %q: %v", found.code, err)
	}
	base, _, _ := tag.Raw() // Base would take what is not determined for English
	found.base = base.String()
	return found, nil
}

// The languages of a method.
var (
	scored    = []string{"ko", "en", "ja", "zh", "fr", "es"}
	moderated = []string{"ko", "en"} // what the filter is trained for
)

// in reports whether the document is in one of these languages.
func (d document) in(languages []string) bool { return slices.Contains(languages, d.base) }

// refuse refuses a language that the caller asks for and a method does not know. The API documents both
// an error and language_supported; to us the first is for one that is asked for, the second for one that
// is detected.
func (d document) refuse(languages []string) error {
	if d.asked && !d.in(languages) {
		return invalid("the language %q is not supported", d.code)
	}
	return nil
}

// sentiment returns the sentiment of the document and of its sentences; that of a language which is not
// supported is empty.
func (d document) sentiment() (*languagepb.Sentiment, []*languagepb.Sentence) {
	whole := sentiment.Analyze(d.text)
	if !d.in(scored) {
		return &languagepb.Sentiment{}, nil
	}
	var sentences []*languagepb.Sentence
	offset := counter{encoding: d.encoding, text: d.text}
	for _, s := range sentiment.AppendSentences(nil, d.text) {
		one := &languagepb.Sentiment{}
		if whole.Scored { // else the text is not in the language that the caller says
			one = &languagepb.Sentiment{Score: rounded(s.Score), Magnitude: rounded(s.Magnitude)}
		}
		sentences = append(sentences, &languagepb.Sentence{
			Text:      &languagepb.TextSpan{Content: d.text[s.Start:s.End], BeginOffset: offset.at(s.Start)},
			Sentiment: one,
		})
	}
	return &languagepb.Sentiment{Score: rounded(whole.Score), Magnitude: rounded(whole.Magnitude)}, sentences
}

// rounded rounds to what the API gives: thousandths.
func rounded(f float64) float32 { return float32(math.Round(f*1000) / 1000) }

// counter counts how far a text has been read, in units of an encoding.
type counter struct {
	encoding languagepb.EncodingType
	text     string
	bytes    int
	units    int32
}

// at returns the offset of a byte, which is not before the last one that was asked for.
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

// words are those that a category is told by: enough to see on a laptop what comes of such a review.
var words = []struct {
	category string
	pattern  *regexp.Regexp
}{
	{"Sexual", regexp.MustCompile(`(?i)\b(sex|porn\w*)\b|야동|포르노|음란물`)},
	{"Violent", regexp.MustCompile(`(?i)\b(kill|murder|stab) (you|him|her|them)\b|죽여 ?버|찔러 ?죽|패 ?죽`)},
}

// sureOfWords is the confidence of a category that has one of its words.
const sureOfWords = 0.9

// categories returns what moderation says of the document.
func (d document) categories(severity bool) []*languagepb.ClassificationCategory {
	var found []*languagepb.ClassificationCategory
	add := func(name string, confidence, severity float64) {
		found = append(found, &languagepb.ClassificationCategory{Name: name, Confidence: rounded(confidence), Severity: rounded(severity)})
	}
	if d.in(moderated) {
		sure, worst := sentiment.Abuse(d.text), 0.
		if severity {
			for _, s := range sentiment.AppendSentences(nil, d.text) {
				worst = max(worst, sentiment.Abuse(d.text[s.Start:s.End]))
			}
		}
		for _, name := range []string{"Toxic", "Insult", "Profanity"} {
			add(name, sure, worst)
		}
	}
	for _, w := range words {
		confidence := 0.
		if w.pattern.MatchString(d.text) {
			confidence = sureOfWords
		}
		add(w.category, confidence, 0)
	}
	return found
}
