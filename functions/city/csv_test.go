package main

import (
	"net/http"
	"strings"
	"testing"
)

func TestFormulasInCSVCellsStartWithAnApostrophe(t *testing.T) {
	for _, s := range []string{"=1", "+1", "-1", "@x", "\t=1", " =1", "\r1", "\n1", "＝1", "\ufeff=1", "\x00=1", "=cmd|' /C calc'!A0"} {
		if got := string(appendCSVCell(nil, s)); !strings.HasPrefix(got, `"'`) {
			t.Errorf("cell of %q is %q, want an apostrophe", s, got)
		}
	}
	for _, s := range []string{"", "Léa", "1-2", "a=b", "'", " ", "ー", "***67"} {
		if got := string(appendCSVCell(nil, s)); got != s {
			t.Errorf("cell of %q is %q, want the value", s, got)
		}
	}
}

func TestCSVForBrowsersStartsWithAByteOrderMark(t *testing.T) {
	engine := start(t)
	addCity(t, engine, "Paris", "FR", 1, nil)
	h := checkedHandler(t, newServer(engine))
	const chrome = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
	for _, tc := range []struct {
		name, query string
		header      []string
		want        bool
	}{
		{"curl", "format=csv", []string{"Accept", "*/*"}, false},
		{"curl asks for the mark", "format=csv&bom=true", nil, true},
		{"Accept asks for CSV", "bom=true", []string{"Accept", "text/csv"}, true},
		{"script", "format=csv", []string{"Accept", "text/csv"}, false},
		{"browser", "format=csv", []string{"Accept", chrome}, true},
		{"browser with fetch metadata", "format=csv", []string{"Accept", chrome, "Sec-Fetch-Mode", "navigate"}, true},
		{"script in a browser", "format=csv", []string{"Accept", chrome, "Sec-Fetch-Mode", "cors"}, false},
		{"browser without the mark", "format=csv&bom=false", []string{"Accept", chrome}, false},
		{"browser asks for JSON lines", "format=ndjson", []string{"Accept", chrome}, false},
	} {
		body := do(h, http.MethodGet, "/v1/cities/paris/customers?"+tc.query, tc.header...).Body.String()
		if got := strings.HasPrefix(body, "\ufeff"); got != tc.want || strings.Count(body, "\ufeff") > 1 {
			t.Errorf("%s: %q, want a byte order mark: %v", tc.name, body, tc.want)
		}
		if tc.want && !strings.HasPrefix(body, "\ufeffid,name,") {
			t.Errorf("%s: %q, want the header after the mark", tc.name, body)
		}
	}
}
