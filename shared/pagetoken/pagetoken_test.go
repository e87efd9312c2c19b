package pagetoken_test

import (
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/hybrid-bts/functions/shared/pagetoken"
)

type place struct {
	ID string    `json:"i"`
	At time.Time `json:"t,omitzero"`
}

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

func TestATokenIsThePlace(t *testing.T) {
	for _, want := range []place{{}, {"butter", noon}, {"달 💜\x00", noon}} {
		token, err := pagetoken.Encode(want)
		if err != nil || strings.ContainsAny(token, "+/=&?# ") {
			t.Errorf("Encode(%v) = %q, %v", want, token, err)
		}
		if got, err := pagetoken.Decode[place](token); err != nil || got.ID != want.ID || !got.At.Equal(want.At) {
			t.Errorf("Decode() = %v, %v, want %v", got, err, want)
		}
	}
}

func TestWhatIsNoTokenIsRefused(t *testing.T) {
	encoded := func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }
	for name, token := range map[string]string{
		"no base64": "%%%", "no JSON": encoded("butter"), "another type": encoded(`["butter"]`), "an unknown member": encoded(`{"x":1}`),
		"a member twice": encoded(`{"i":"a","i":"b"}`), "more after it": encoded(`{"i":"a"}{}`), "a line break": encoded(`{"i":"a"}`) + "\n",
		"padding": base64.URLEncoding.EncodeToString([]byte(`{"i":"ab"}`)), "bits that are left": encoded(`{"i":"a"}`)[:11] + "R",
		"no text": encoded("{\"i\":\"\xff\"}"), "nothing": "",
	} {
		if got, err := pagetoken.Decode[place](token); !errors.Is(err, pagetoken.ErrToken) {
			t.Errorf("%s, %q: %v, %v", name, token, got, err)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add("e30")
	f.Add("eyJpIjoiYSJ9")
	f.Fuzz(func(t *testing.T, token string) {
		p, err := pagetoken.Decode[place](token)
		if err != nil {
			if !errors.Is(err, pagetoken.ErrToken) {
				t.Errorf("%q: %v", token, err)
			}
			return
		}
		again, err := pagetoken.Encode(p)
		if err != nil {
			return // a year that JSON has not, which the caller refuses
		}
		if p2, err := pagetoken.Decode[place](again); err != nil || p2.ID != p.ID || !p2.At.Equal(p.At) {
			t.Errorf("%q became %v, then %v: %v", token, p, p2, err)
		}
	})
}
