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
	// perMinute is the quota of requests a minute; 0 is unlimited. Further requests fail with RESOURCE_EXHAUSTED.
	perMinute int
	// delay is added to every answer.
	delay time.Duration
	// code is the status of failing requests; OK if none fails.
	code codes.Code
	// share is the share of failing requests, 0 to 1.
	share float64
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
	s.SetQuota(o.perMinute)
	s.Delay(o.delay)
	s.FailShare(status.Error(o.code, "injected by -language-fail"), o.share) // nil when the code is OK
}
