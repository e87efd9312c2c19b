// Package scripts_test checks that what README.md says is there.
package scripts_test

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func readme(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestReadmeListsTheFunctions(t *testing.T) {
	var listed []string
	for _, m := range regexp.MustCompile(`(?m)^\| \[([a-z]+)\]\(functions/([a-z]+)\) \|`).FindAllStringSubmatch(readme(t), -1) {
		if m[1] != m[2] {
			t.Errorf("the row of %s links to %s", m[1], m[2])
		}
		listed = append(listed, m[1])
	}
	mains, err := filepath.Glob("../functions/*/main.go")
	if err != nil {
		t.Fatal(err)
	}
	var there []string
	for _, main := range mains {
		there = append(there, filepath.Base(filepath.Dir(main)))
	}
	if !slices.Equal(listed, there) {
		t.Errorf("README lists %v, functions/ holds %v", listed, there)
	}
}

func TestReadmeLinksResolve(t *testing.T) {
	for _, m := range regexp.MustCompile(`\]\(([^)#]+)\)`).FindAllStringSubmatch(readme(t), -1) {
		if strings.Contains(m[1], "://") {
			continue
		}
		if _, err := os.Stat(filepath.Join("..", m[1])); err != nil {
			t.Error(err)
		}
	}
}

func TestContractsNameEveryVariable(t *testing.T) {
	variable := regexp.MustCompile(`(?:e\.(?:Required|String)|env\.Parsed)\((?:&e, )?"([A-Z_]+)"`)
	mains, err := filepath.Glob("../functions/*/main.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, main := range mains {
		b, err := os.ReadFile(main)
		if err != nil {
			t.Fatal(err)
		}
		contract, code, found := bytes.Cut(b, []byte("\npackage main\n"))
		if !found {
			t.Fatalf("%s is no program", main)
		}
		for _, m := range variable.FindAllSubmatch(code, -1) {
			if !bytes.Contains(contract, append([]byte("//\t"), m[1]...)) {
				t.Errorf("%s reads %s, which its package comment does not name", main, m[1])
			}
		}
		for _, word := range []string{"Trigger: ", "Role", "Retried: "} {
			if !bytes.Contains(contract, []byte(word)) {
				t.Errorf("the package comment of %s has no %q", main, word)
			}
		}
	}
}

func TestTopLevelHoldsNothingMore(t *testing.T) {
	entries, err := os.ReadDir("..")
	if err != nil {
		t.Fatal(err)
	}
	allowed := []string{"functions", "shared", "scripts", "cloudbuild.yaml", "go.mod", "go.sum", "README.md", "LICENSE"}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ".") && !slices.Contains(allowed, e.Name()) {
			t.Errorf("%s does not belong at the top level", e.Name())
		}
	}
}
