// Package visiontest is a gRPC server of google.cloud.vision.v1, the Cloud Vision API, that judges pictures by their colour.
//
// It implements BatchAnnotateImages with the feature SAFE_SEARCH_DETECTION for pictures in Cloud Storage. A picture whose
// middle pixel is mostly red is LIKELY violent, mostly magenta LIKELY adult; any other is VERY_UNLIKELY both.
package visiontest

import (
	"bytes"
	"context"
	"fmt"
	"image"
	_ "image/jpeg" // decodes the pictures of tests
	_ "image/png"  // decodes the pictures of tests
	"net"

	"cloud.google.com/go/vision/v2/apiv1/visionpb"
	rpcstatus "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"

	"github.com/hybrid-bts/functions/shared/fake/languagetest/gate"
)

// Server is an embedded Cloud Vision API. Its Gate injects quotas, faults and delays.
type Server struct {
	Addr string // host:port
	*gate.Gate

	grpc *grpc.Server
}

// Start serves on addr. Port 0 picks a free port. read returns the object at an address such as gs://bucket/object, and false if
// there is none.
func Start(addr string, read func(uri string) ([]byte, bool)) (*Server, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("start embedded Cloud Vision API: %w", err)
	}
	s := &Server{Addr: l.Addr().String(), Gate: gate.New("vision.googleapis.com")}
	s.grpc = grpc.NewServer(grpc.UnaryInterceptor(s.Admit))
	visionpb.RegisterImageAnnotatorServer(s.grpc, &service{read: read})
	go func() { _ = s.grpc.Serve(l) }() // ends at Close
	return s, nil
}

// Close stops the server.
func (s *Server) Close() { s.grpc.Stop() }

type service struct {
	visionpb.UnimplementedImageAnnotatorServer
	read func(uri string) ([]byte, bool)
}

// BatchAnnotateImages implements visionpb.ImageAnnotatorServer.
func (s *service) BatchAnnotateImages(_ context.Context, r *visionpb.BatchAnnotateImagesRequest) (*visionpb.BatchAnnotateImagesResponse, error) {
	var all visionpb.BatchAnnotateImagesResponse
	for _, one := range r.GetRequests() {
		all.Responses = append(all.Responses, s.annotate(one.GetImage().GetSource().GetImageUri()))
	}
	return &all, nil
}

func (s *service) annotate(uri string) *visionpb.AnnotateImageResponse {
	fail := func(code codes.Code, text string) *visionpb.AnnotateImageResponse {
		return &visionpb.AnnotateImageResponse{Error: &rpcstatus.Status{Code: int32(code), Message: text}}
	}
	data, ok := s.read(uri)
	if !ok {
		return fail(codes.NotFound, "embedded Cloud Vision API: no object "+uri)
	}
	m, _, err := image.Decode(bytes.NewReader(data))
	if err != nil {
		return fail(codes.InvalidArgument, "Bad image data.")
	}
	b := m.Bounds()
	red, green, blue, _ := m.At((b.Min.X+b.Max.X)/2, (b.Min.Y+b.Max.Y)/2).RGBA()
	const high, low = 0xc000, 0x4000
	a := &visionpb.SafeSearchAnnotation{
		Adult: visionpb.Likelihood_VERY_UNLIKELY, Violence: visionpb.Likelihood_VERY_UNLIKELY, Racy: visionpb.Likelihood_VERY_UNLIKELY,
	}
	switch {
	case red > high && green < low && blue > high:
		a.Adult = visionpb.Likelihood_LIKELY
	case red > high && green < low && blue < low:
		a.Violence = visionpb.Likelihood_LIKELY
	}
	return &visionpb.AnnotateImageResponse{SafeSearchAnnotation: a}
}
