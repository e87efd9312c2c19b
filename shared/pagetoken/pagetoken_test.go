package pagetoken_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hybrid-bts/functions/shared/pagetoken"
)

type cursor struct {
	ID string    `json:"i"`
	At time.Time `json:"t,omitzero"`
}

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

func TestDecodeReturnsTheEncodedCursor(t *testing.T) {
	for _, want := range []cursor{{}, {"butter", noon}, {"달 💜\x00", noon}} {
		token, err := pagetoken.Encode(want)
		if err != nil || strings.ContainsAny(token, "+/=&?# ") {
			t.Errorf("Encode(%v) = %q, %v", want, token, err)
		}
		if got, err := pagetoken.Decode[cursor](token); err != nil || got.ID != want.ID || !got.At.Equal(want.At) {
			t.Errorf("Decode() = %v, %v, want %v", got, err, want)
		}
	}
}

func TestDecodeRejectsOtherTexts(t *testing.T) {
	encoded := func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }
	for name, token := range map[string]string{
		"not base64": "%%%", "not JSON": encoded("butter"), "another type": encoded(`["butter"]`), "an unknown member": encoded(`{"x":1}`),
		"a duplicate member": encoded(`{"i":"a","i":"b"}`), "a second value": encoded(`{"i":"a"}{}`), "a line break": encoded(`{"i":"a"}`) + "\n",
		"padding": base64.URLEncoding.EncodeToString([]byte(`{"i":"ab"}`)), "nonzero trailing bits": encoded(`{"i":"a"}`)[:11] + "R",
		"invalid UTF-8": encoded("{\"i\":\"\xff\"}"), "empty": "",
	} {
		if got, err := pagetoken.Decode[cursor](token); !errors.Is(err, pagetoken.ErrToken) {
			t.Errorf("%s, %q: %v, %v", name, token, got, err)
		}
	}
}

func Example() {
	type cursor struct {
		ID string `json:"id"`
	}
	token, err := pagetoken.Encode(cursor{"butter"})
	fmt.Println(token, err)
	last, err := pagetoken.Decode[cursor](token)
	fmt.Println(last.ID, err)
	_, err = pagetoken.Decode[cursor]("butter")
	fmt.Println(err)
	// Output:
	// eyJpZCI6ImJ1dHRlciJ9 <nil>
	// butter <nil>
	// page token was not issued for this query
}

func FuzzDecode(f *testing.F) {
	f.Add("e30")
	f.Add("eyJpIjoiYSJ9")
	f.Fuzz(func(t *testing.T, token string) {
		p, err := pagetoken.Decode[cursor](token)
		if err != nil {
			if !errors.Is(err, pagetoken.ErrToken) {
				t.Errorf("%q: %v", token, err)
			}
			return
		}
		again, err := pagetoken.Encode(p)
		if err != nil {
			return // JSON has no form for the year; callers validate times
		}
		if p2, err := pagetoken.Decode[cursor](again); err != nil || p2.ID != p.ID || !p2.At.Equal(p.At) {
			t.Errorf("%q became %v, then %v: %v", token, p, p2, err)
		}
	})
}
