package main

import (
	"context"
	"io"
	"strings"
	"testing"
	"time"

	language "cloud.google.com/go/language/apiv2"
	"cloud.google.com/go/language/apiv2/languagepb"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"github.com/hybrid-bts/functions/shared/fake/languagetest"
)

func TestFlagsInjectFaultsIntoTheNaturalLanguageAPI(t *testing.T) {
	const ok = codes.OK
	for args, want := range map[string][]codes.Code{
		"":                                  {ok, ok, ok, ok},
		"-language-fail UNAVAILABLE":        {codes.Unavailable, codes.Unavailable},
		"-language-fail INTERNAL:0.5":       {ok, codes.Internal, ok, codes.Internal},
		"-language-fail UNAVAILABLE:0":      {ok, ok},
		"-language-qpm 2":                   {ok, ok, codes.ResourceExhausted, codes.ResourceExhausted},
		"-language-delay 1h":                {codes.DeadlineExceeded},
		"-language-qpm 1 -language-fail OK": {ok, codes.ResourceExhausted},
	} {
		o, err := parse(strings.Fields(args), io.Discard)
		if err != nil {
			t.Fatal(err)
		}
		s, err := languagetest.Start("127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		o.language.apply(s)
		c, err := language.NewClient(t.Context(), option.WithEndpoint(s.Addr), option.WithoutAuthentication(),
			option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		c.CallOptions.ModerateText = nil // without retries
		for i, code := range want {
			if got := status.Code(ask(t, c)); got != code {
				t.Errorf("%s: answer %d is %v, want %v", args, i, got, code)
			}
		}
	}
}

// ask calls the API once.
func ask(t *testing.T, c *language.Client) error {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	_, err := c.ModerateText(ctx, &languagepb.ModerateTextRequest{Document: &languagepb.Document{
		Type: languagepb.Document_PLAIN_TEXT, Source: &languagepb.Document_Content{Content: "good"},
	}})
	return err
}
