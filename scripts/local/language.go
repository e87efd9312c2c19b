package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/hybrid-bts/functions/shared/fake/languagetest"
)

// languageOptions are the faults of the embedded Natural Language API. The zero value has none.
type languageOptions struct {
	perMinute int           // quota of requests a minute; 0 is unlimited
	delay     time.Duration // added to every answer
	code      codes.Code    // of failing requests; OK if none fails
	share     float64       // of failing requests, 0 to 1
}

// fail parses CODE or CODE:SHARE.
func (o *languageOptions) fail(s string) error {
	name, share, found := strings.Cut(s, ":")
	o.share = 1
	if found {
		var err error
		if o.share, err = strconv.ParseFloat(share, 64); err != nil || !(o.share >= 0 && o.share <= 1) {
			return fmt.Errorf("share %q must be 0 to 1", share)
		}
	}
	if err := o.code.UnmarshalJSON([]byte(strconv.Quote(name))); err != nil {
		return fmt.Errorf("unknown gRPC code %q; use a code such as UNAVAILABLE", name)
	}
	return nil
}

// apply injects the faults into a server.
func (o *languageOptions) apply(s *languagetest.Server) {
	s.Limit(o.perMinute)
	s.Delay(o.delay)
	s.FailShare(status.Error(o.code, "injected by -language-fail"), o.share) // nil when the code is OK
}
