// Package languagetest is a Cloud Natural Language API that runs anywhere: google.cloud.language.v2 over gRPC, on the embedded model of shared/engine/sentiment.
//
// It answers AnalyzeSentiment, ModerateText, and AnnotateText with these two features. What the API
// refuses gets INVALID_ARGUMENT; what only this server lacks gets UNIMPLEMENTED: entities,
// classification, HTML, and documents in Cloud Storage. It differs from the API in this:
//
//   - The score and the magnitude are the embedded model's. It scores ko, en, ja, zh, fr and es, the API
//     some more (https://cloud.google.com/natural-language/docs/languages).
//   - Of the sixteen categories of ModerateText come five. Toxic, Insult and Profanity have one
//     confidence, since the embedded filter does not tell them apart, and only for ko and en. Sexual and
//     Violent are found by a few words, in any language. With MODEL_VERSION_2 the first three have a
//     severity, that of their worst sentence.
//   - There is no quota, fault or delay but what its Gate is told.
package languagetest

import (
	"fmt"
	"net"

	"cloud.google.com/go/language/apiv2/languagepb"
	"google.golang.org/grpc"

	"github.com/hybrid-bts/functions/shared/fake/languagetest/gate"
)

// maxMessage is well above maxContent, so that it is the API and not gRPC that refuses a document.
const maxMessage = 16 << 20

// Server is an embedded Natural Language API.
type Server struct {
	Addr string
	*gate.Gate

	grpc *grpc.Server
}

// Start serves on addr; port 0 picks one.
func Start(addr string) (*Server, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("embedded Natural Language API: %w", err)
	}
	s := &Server{Addr: l.Addr().String(), Gate: gate.New("language.googleapis.com")}
	s.grpc = grpc.NewServer(grpc.UnaryInterceptor(s.Admit), grpc.MaxRecvMsgSize(maxMessage))
	languagepb.RegisterLanguageServiceServer(s.grpc, service{})
	go func() { _ = s.grpc.Serve(l) }() // returns when Close stops it
	return s, nil
}

// Close stops the server.
func (s *Server) Close() { s.grpc.Stop() }
