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

// languageOptions are how the Natural Language API misbehaves.
type languageOptions struct {
	perMinute int // requests; 0: any number
	delay     time.Duration
	code      codes.Code // OK: none fails
	share     float64    // of the requests that fail
}

// fail reads CODE or CODE:SHARE.
func (o *languageOptions) fail(s string) error {
	name, share, found := strings.Cut(s, ":")
	o.share = 1
	if found {
		var err error
		if o.share, err = strconv.ParseFloat(share, 64); err != nil || !(o.share >= 0 && o.share <= 1) {
			return fmt.Errorf("the share %q is not between 0 and 1", share)
		}
	}
	if err := o.code.UnmarshalJSON([]byte(strconv.Quote(name))); err != nil {
		return fmt.Errorf("%q is no code of gRPC, such as UNAVAILABLE", name)
	}
	return nil
}

func (o *languageOptions) apply(s *languagetest.Server) {
	s.Limit(o.perMinute)
	s.Delay(o.delay)
	s.FailShare(status.Error(o.code, "injected by -language-fail"), o.share) // nil when the code is OK
}
