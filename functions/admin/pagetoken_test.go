package main

import (
	"errors"
	"testing"

	"github.com/google/uuid"

	"github.com/hybrid-bts/functions/shared/pagetoken"
)

func FuzzCursor(f *testing.F) {
	token, err := pagetoken.Encode(cursor{"held of ", butter, uuid.NewString(), noon})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(token)
	f.Add("")
	f.Add("e30")
	f.Fuzz(func(t *testing.T, token string) {
		c, err := decodeCursor(token, "held of ")
		if err != nil || c == nil {
			if err != nil && !errors.Is(err, pagetoken.ErrToken) {
				t.Errorf("decodeCursor: got %v, want ErrToken", err)
			}
			return
		}
		again, err := pagetoken.Encode(*c)
		if err != nil {
			t.Fatal(err)
		}
		if c2, err := decodeCursor(again, "held of "); err != nil || *c2 != *c {
			t.Errorf("cursor %+v becomes %+v, %v", c, c2, err)
		}
	})
}
