package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTheContractIsCurrent(t *testing.T) {
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
			t.Errorf("%s is not what the functions say: go run ./scripts/openapi\n%.2000s", name, diff)
		}
	}
}

func TestEveryFunctionWithADocumentIsJoined(t *testing.T) {
	documents, err := filepath.Glob(filepath.Join("..", "..", "functions", "*", "openapi.json"))
	if err != nil {
		t.Fatal(err)
	}
	joined := map[string]bool{}
	for _, p := range parts {
		joined[p.function] = true
	}
	for _, file := range documents {
		name := filepath.Base(filepath.Dir(file))
		if !joined[name] {
			t.Errorf("the document of %s is not joined", name)
		}
		delete(joined, name)
	}
	if len(joined) > 0 {
		t.Errorf("no documents of %v", joined)
	}
}

// write makes a repository with documents of all functions, of which some are given.
func write(t *testing.T, given map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for _, p := range parts {
		document := given[p.function]
		if document == "" {
			document = `{"paths":{}}`
		}
		dir := filepath.Join(root, "functions", p.function)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "openapi.json"), []byte(document), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestWhatContradictsIsNotJoined(t *testing.T) {
	const thing, other = `{"paths":{},"components":{"schemas":{"Thing":{"type":"object"}}}}`, `{"paths":{},"components":{"schemas":{"Thing":{"type":"string"}}}}`
	for name, tc := range map[string]struct {
		given map[string]string
		fails bool
	}{
		"the same schema":        {map[string]string{"api": thing, "city": thing}, false},
		"two schemas, one name":  {map[string]string{"api": thing, "city": other}, true},
		"two functions, a path":  {map[string]string{"api": `{"paths":{"/a":{}}}`, "review": `{"paths":{"/a":{}}}`}, true},
		"a document that is not": {map[string]string{"api": `{`}, true},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := build(write(t, tc.given)); (err != nil) != tc.fails {
				t.Errorf("build() = %v", err)
			}
		})
	}
}

func TestThePageIsWithoutScriptsAndStyles(t *testing.T) {
	b, err := os.ReadFile(filepath.Join("..", "..", contract, "docs.html"))
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{"<script", "<style", "style=", "onclick", "http-equiv", "{{", "%!"} {
		if bytes.Contains(b, []byte(s)) {
			t.Errorf("the page has %s", s)
		}
	}
}
