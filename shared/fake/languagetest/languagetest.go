// Package languagetest is a gRPC server of google.cloud.language.v2, the Cloud Natural Language API, with the embedded model
// of shared/engine/sentiment.
//
// It implements AnalyzeSentiment, ModerateText, and AnnotateText with these two features. It answers INVALID_ARGUMENT to
// requests that the API rejects, and UNIMPLEMENTED to features that only this server lacks: entities, classification, HTML,
// and documents in Cloud Storage. It differs from the API:
//
//   - Score and magnitude come from the embedded model, for ko, en, ja, zh, fr and es. The API scores more languages
//     (https://cloud.google.com/natural-language/docs/languages).
//   - ModerateText returns five of the sixteen categories. Toxic, Insult and Profanity have the same confidence, since the
//     embedded filter does not distinguish them, and only for ko and en. A list of words decides on Sexual and Violent, in
//     any language. With MODEL_VERSION_2 the first three have a severity: the confidence of the worst sentence.
//   - Quotas, faults and delays exist only as set in the Gate.
package languagetest

import (
	"fmt"
	"net"

	"cloud.google.com/go/language/apiv2/languagepb"
	"google.golang.org/grpc"

	"github.com/hybrid-bts/functions/shared/fake/languagetest/gate"
)

// maxMessage bounds a request, in bytes. It exceeds maxContent, so that the service and not gRPC rejects large documents.
const maxMessage = 16 << 20

// Server is an embedded Natural Language API. Its Gate injects quotas, faults and delays.
type Server struct {
	Addr string // host:port
	*gate.Gate

	grpc *grpc.Server
}

// Start serves on addr. Port 0 picks a free port.
func Start(addr string) (*Server, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("start embedded Natural Language API: %w", err)
	}
	s := &Server{Addr: l.Addr().String(), Gate: gate.New("language.googleapis.com")}
	s.grpc = grpc.NewServer(grpc.UnaryInterceptor(s.Admit), grpc.MaxRecvMsgSize(maxMessage))
	languagepb.RegisterLanguageServiceServer(s.grpc, service{})
	go func() { _ = s.grpc.Serve(l) }() // ends at Close
	return s, nil
}

// Close stops the server.
func (s *Server) Close() { s.grpc.Stop() }
