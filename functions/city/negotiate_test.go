package main

import (
	"testing"
)

func TestNegotiationPrefersTheHighestQuality(t *testing.T) {
	for accept, want := range map[string]format{
		"": json, "*/*": json, "application/*": json, "text/*": csv, "text/csv": csv, "TEXT/CSV;charset=utf-8": csv, "application/x-ndjson, */*;q=0.1": ndjson,
		"application/json;q=0.5, text/csv;q=0.4": json, "application/json;q=0, */*": ndjson, "text/html,application/xhtml+xml,*/*;q=0.8": json,
		"image/png": "", "application/json;q=2": "", "nonsense": "", ";;": "",
	} {
		got, err := negotiate([]string{accept}, json, ndjson, csv)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("negotiate(%q) = %q, %v, want %q", accept, got, err, want)
		}
	}
}
