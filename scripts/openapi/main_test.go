package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hybrid-bts/functions/scripts/deploy"
	"github.com/hybrid-bts/functions/shared/limit"
)

func TestContractIsCurrent(t *testing.T) {
	root := filepath.Join("..", "..")
	files, err := build(root)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range files {
		got, err := os.ReadFile(filepath.Join(root, contract, name))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(got), string(want)); diff != "" {
			t.Errorf("%s differs from the documents of the functions; run: go run ./scripts/openapi\n%.2000s", name, diff)
		}
	}
}

// The description names limit.Default, so no service may have another rate.
func TestDescriptionHasTheRateOfEachInstance(t *testing.T) {
	for _, s := range deploy.Services() {
		for _, v := range s.Variables {
			if v.Name == "RATE_LIMIT" {
				t.Errorf("services.csv sets RATE_LIMIT of %s", s.Function)
			}
		}
	}
	instances := 0
	for _, s := range deploy.Services() {
		if s.Function == "api" || s.Function == "review" {
			instances = max(instances, s.MaxInstances)
		}
	}
	want := fmt.Sprintf("%d in %.0f seconds on each of up to %d instances", limit.Default.Requests, limit.Default.Per.Seconds(), instances)
	if !strings.Contains(about(), want) {
		t.Errorf("no %q in %q", want, about())
	}
}

// write creates a repository with the given documents, by function.
func write(t *testing.T, documents map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for function, document := range documents {
		dir := filepath.Join(root, "functions", function)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "openapi.json"), []byte(document), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestContradictingDocumentsAreRejected(t *testing.T) {
	const sameTitle = `{"info":{"title":"A title","description":"A text."},"paths":{}}`
	titles := 0
	document := func(rest string) string {
		titles++
		return `{"info":{"title":"Title ` + strconv.Itoa(titles) + `","description":"A text."},"paths":{` + rest + `}}`
	}
	schema := func(kind string) string {
		return document(`},"components":{"schemas":{"Thing":{"type":"` + kind + `"}}`)
	}
	for name, tc := range map[string]struct {
		documents map[string]string
		message   string // "" if the documents are accepted
	}{
		"equal schemas":        {map[string]string{"api": schema("object"), "city": schema("object")}, ""},
		"different schemas":    {map[string]string{"api": schema("object"), "city": schema("string")}, "Thing"},
		"a path twice":         {map[string]string{"api": document(`"/a":{}`), "review": document(`"/a":{}`)}, "/a"},
		"broken JSON":          {map[string]string{"api": `{`}, "api/openapi.json"},
		"no title":             {map[string]string{"api": `{"info":{"description":"A text."},"paths":{}}`}, "no title"},
		"no description":       {map[string]string{"api": `{"info":{"title":"A title"},"paths":{}}`}, "no description"},
		"a title twice":        {map[string]string{"api": sameTitle, "city": sameTitle}, "more than one tag"},
		"a new function joins": {map[string]string{"api": document(""), "wishes": document("")}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := build(write(t, tc.documents))
			if (err == nil) != (tc.message == "") || err != nil && !strings.Contains(err.Error(), tc.message) {
				t.Errorf("build() = %v, want an error with %q", err, tc.message)
			}
		})
	}
}

func TestFunctionsForEverybodyComeFirst(t *testing.T) {
	parts, err := read(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	position := map[string]int{}
	for i, p := range parts {
		position[p.function] = i
	}
	for _, public := range []string{"api", "resize", "review"} {
		for _, restricted := range []string{"admin", "city"} {
			if position[public] > position[restricted] {
				t.Errorf("%s comes after %s", public, restricted)
			}
		}
	}
}

func TestPageHasNoScriptsAndNoStyles(t *testing.T) {
	b, err := os.ReadFile(filepath.Join("..", "..", contract, "docs.html"))
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{"<script", "<style", "style=", "onclick", "http-equiv", "{{", "%!"} {
		if bytes.Contains(b, []byte(s)) {
			t.Errorf("docs.html contains %s", s)
		}
	}
}
