// Package languagetest is a Cloud Natural Language API that runs anywhere.
//
// It answers AnalyzeSentiment of google.cloud.language.v2 over gRPC, as the API does: a score and a
// magnitude for the document and for every sentence, the language, and whether that is supported.
// What is behind the interface is, for now, a short list of words in six languages: enough to tell a
// pleased review from an angry one on a laptop, and no measure of any text beyond that. A trained
// model takes its place.
package languagetest

import (
	"context"
	"fmt"
	"math"
	"net"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"cloud.google.com/go/language/apiv2/languagepb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Server is an embedded Natural Language API.
type Server struct {
	Addr string

	grpc    *grpc.Server
	service *service
}

// Start serves on addr; port 0 picks one.
func Start(addr string) (*Server, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("embedded Natural Language API: %w", err)
	}
	s := &Server{Addr: l.Addr().String(), grpc: grpc.NewServer(), service: &service{}}
	languagepb.RegisterLanguageServiceServer(s.grpc, s.service)
	go func() { _ = s.grpc.Serve(l) }() // returns when Close stops it
	return s, nil
}

// Close stops the server.
func (s *Server) Close() { s.grpc.Stop() }

// Fail makes every request fail with err; nil ends that.
func (s *Server) Fail(err error) { s.service.set(func(v *service) { v.fault = err }) }

// Delay makes every request take that much longer.
func (s *Server) Delay(d time.Duration) { s.service.set(func(v *service) { v.delay = d }) }

// Calls returns how many requests came, refused ones too: the API bills by them.
func (s *Server) Calls() int {
	var n int
	s.service.set(func(v *service) { n = v.calls })
	return n
}

type service struct {
	languagepb.UnimplementedLanguageServiceServer

	mu    sync.Mutex
	fault error
	delay time.Duration
	calls int
}

func (s *service) set(f func(*service)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(s)
}

func (s *service) AnalyzeSentiment(ctx context.Context, r *languagepb.AnalyzeSentimentRequest) (*languagepb.AnalyzeSentimentResponse, error) {
	var fault error
	var delay time.Duration
	s.set(func(v *service) { v.calls++; fault, delay = v.fault, v.delay })
	select {
	case <-ctx.Done():
		return nil, status.FromContextError(ctx.Err()).Err()
	case <-time.After(delay):
	}
	if fault != nil {
		return nil, fault
	}
	d := r.GetDocument()
	text := d.GetContent()
	switch {
	case d.GetType() != languagepb.Document_PLAIN_TEXT:
		return nil, status.Error(codes.InvalidArgument, "embedded Natural Language API: document type must be PLAIN_TEXT")
	case strings.TrimSpace(text) == "":
		return nil, status.Error(codes.InvalidArgument, "embedded Natural Language API: the document is empty")
	}
	lang := d.GetLanguageCode()
	if lang == "" {
		lang = detect(text)
	}
	base, _, _ := strings.Cut(lang, "-")
	words, ok := lexicon[base]
	resp := &languagepb.AnalyzeSentimentResponse{LanguageCode: lang, LanguageSupported: ok, DocumentSentiment: &languagepb.Sentiment{}}
	if !ok {
		return resp, nil
	}
	count := offsets(r.GetEncodingType())
	var sum float64
	for _, at := range sentences(text) {
		part := text[at[0]:at[1]]
		score := words.score(part)
		sum += score
		resp.DocumentSentiment.Magnitude += float32(math.Abs(score))
		resp.Sentences = append(resp.Sentences, &languagepb.Sentence{
			Text:      &languagepb.TextSpan{Content: part, BeginOffset: count(text[:at[0]])},
			Sentiment: &languagepb.Sentiment{Score: float32(score), Magnitude: float32(math.Abs(score))},
		})
	}
	resp.DocumentSentiment.Score = float32(sum / float64(len(resp.Sentences)))
	return resp, nil
}

// offsets returns what measures a prefix of the text in the encoding that the caller counts in.
func offsets(e languagepb.EncodingType) func(string) int32 {
	switch e {
	case languagepb.EncodingType_UTF8:
		return func(s string) int32 { return int32(len(s)) }
	case languagepb.EncodingType_UTF16:
		return func(s string) int32 { return int32(len(utf16.Encode([]rune(s)))) }
	case languagepb.EncodingType_UTF32:
		return func(s string) int32 { return int32(utf8.RuneCountInString(s)) }
	}
	return func(string) int32 { return -1 }
}

// sentences returns where the sentences of a text begin and end, in bytes, without the space around them.
func sentences(text string) [][2]int {
	var found [][2]int
	add := func(from, to int) {
		part := text[from:to]
		from += len(part) - len(strings.TrimLeftFunc(part, unicode.IsSpace))
		if part = strings.TrimSpace(part); part != "" {
			found = append(found, [2]int{from, from + len(part)})
		}
	}
	from := 0
	for i, r := range text {
		if strings.ContainsRune(".!?。！？\n", r) {
			to := i + utf8.RuneLen(r)
			add(from, to)
			from = to
		}
	}
	add(from, len(text))
	return found
}

// detect names the language of a text by its scripts and, in Latin script, by common words.
func detect(text string) string {
	var hangul, kana, han, latin, other int
	for _, r := range text {
		switch {
		case unicode.Is(unicode.Hangul, r):
			hangul++
		case unicode.In(r, unicode.Hiragana, unicode.Katakana):
			kana++
		case unicode.Is(unicode.Han, r):
			han++
		case unicode.Is(unicode.Latin, r):
			latin++
		case unicode.IsLetter(r):
			other++
		}
	}
	switch most := max(hangul, kana+han, latin, other); {
	case most == 0 || most == other:
		return "und"
	case most == hangul:
		return "ko"
	case most == latin:
		return detectLatin(text)
	case kana > 0:
		return "ja"
	}
	return "zh"
}

func detectLatin(text string) string {
	best, hits := "en", 0
	for _, lang := range []string{"en", "fr", "es"} {
		n := 0
		for _, w := range tokens(text) {
			if strings.Contains(common[lang], " "+w+" ") {
				n++
			}
		}
		if n > hits {
			best, hits = lang, n
		}
	}
	return best
}

func tokens(text string) []string {
	return strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) && r != '\'' && r != '’' })
}
