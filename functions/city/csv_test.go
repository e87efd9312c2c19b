package main

import (
	"strings"
	"testing"
)

func TestFormulasInCSVCellsStartWithAnApostrophe(t *testing.T) {
	for _, s := range []string{"=1", "+1", "-1", "@x", "\t=1", " =1", "\r1", "\n1", "＝1", "\ufeff=1", "\x00=1", "=cmd|' /C calc'!A0"} {
		if got := string(appendCSVCell(nil, s)); !strings.HasPrefix(got, `"'`) {
			t.Errorf("cell of %q is %q, want an apostrophe", s, got)
		}
	}
	for _, s := range []string{"", "Léa", "1-2", "a=b", "'", " ", "ー", "•••67"} {
		if got := string(appendCSVCell(nil, s)); got != s {
			t.Errorf("cell of %q is %q, want the value", s, got)
		}
	}
}
