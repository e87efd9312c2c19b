// Package scripts_test checks README.md, and that every function has a row in every table.
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

// readme returns README.md.
func readme(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestReadmeListsTheFunctions(t *testing.T) {
	table, _, _ := strings.Cut(readme(t), "\n## Run it\n")
	var listed []string
	for _, m := range regexp.MustCompile(`(?m)^\| \[([a-z]+)\]\(functions/([a-z]+)\) \|`).FindAllStringSubmatch(table, -1) {
		if m[1] != m[2] {
			t.Errorf("the row of %s links to %s", m[1], m[2])
		}
		listed = append(listed, m[1])
	}
	if names := functionNames(t, ".."); !slices.Equal(listed, names) {
		t.Errorf("README.md lists %v, functions/ has %v", listed, names)
	}
}

func TestReadmeLinksResolve(t *testing.T) {
	prose := regexp.MustCompile("(?s)```.*?```").ReplaceAllString(readme(t), "") // code blocks may name files of a new function
	for _, m := range regexp.MustCompile(`\]\(([^)#]+)\)`).FindAllStringSubmatch(prose, -1) {
		if strings.Contains(m[1], "://") {
			continue
		}
		if _, err := os.Stat(filepath.Join("..", m[1])); err != nil {
			t.Error(err)
		}
	}
}

func TestContractsNameEveryVariable(t *testing.T) {
	variable := regexp.MustCompile(`(?:e\.[A-Z][a-z]+|env\.[A-Za-z]+)\((?:&e, )?"([A-Z_]+)"`)
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
			t.Fatalf("%s has no package clause main", main)
		}
		for _, m := range variable.FindAllSubmatch(code, -1) {
			if !bytes.Contains(contract, append([]byte("//\t"), m[1]...)) {
				t.Errorf("%s reads %s; name it in the table of the package comment", main, m[1])
			}
		}
		for _, word := range []string{"Trigger: ", "Role", "Retried: "} {
			if !bytes.Contains(contract, []byte(word)) {
				t.Errorf("the package comment of %s lacks %q", main, word)
			}
		}
	}
}

func TestTopLevelIsFixed(t *testing.T) {
	entries, err := os.ReadDir("..")
	if err != nil {
		t.Fatal(err)
	}
	allowed := []string{"functions", "shared", "scripts", "cloudbuild.yaml", "go.mod", "go.sum", "README.md", "LICENSE"}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ".") && !slices.Contains(allowed, e.Name()) {
			t.Errorf("unexpected %s at the top level", e.Name())
		}
	}
}

// Commands in README.md name programs, scripts and flags that exist.
func TestReadmeCommandsExist(t *testing.T) {
	flags := map[string]string{} // source text by program
	for _, m := range regexp.MustCompile(`go (run|test) \./([a-z/]+)`).FindAllStringSubmatch(readme(t), -1) {
		if m[2] == "functions/wish" {
			continue // the function that README.md adds
		}
		programs, err := filepath.Glob(filepath.Join("..", m[2], "*.go"))
		if err != nil || len(programs) == 0 {
			t.Errorf("go %s ./%s: no Go files, %v", m[1], m[2], err)
		}
		for _, file := range programs {
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			flags[m[2]] += string(b)
		}
	}
	for _, m := range regexp.MustCompile(`(?m)^(?:\(|)(?:\S+=\S* )*\./(scripts/\S+)|`+"`"+`\./(scripts/[a-z/.]+)`).FindAllStringSubmatch(readme(t), -1) {
		info, err := os.Stat(filepath.Join("..", m[1]+m[2]))
		if err != nil || info.Mode()&0o100 == 0 {
			t.Errorf("./%s is not an executable file: %v", m[1]+m[2], err)
		}
	}
	_, run, _ := strings.Cut(readme(t), "\n## Run it\n")
	run, _, _ = strings.Cut(run, "\n## ")
	found := 0
	for _, m := range regexp.MustCompile("[` ]-([a-z][a-z-]+)[ `]").FindAllStringSubmatch(run, -1) {
		if m[1] == "help" {
			continue // package flag adds it
		}
		found++
		if !strings.Contains(flags["scripts/local"], `, "`+m[1]+`",`) && !strings.Contains(flags["scripts/local"], `("`+m[1]+`",`) {
			t.Errorf("scripts/local has no flag -%s", m[1])
		}
	}
	if found < 6 {
		t.Errorf("%d flags found in section Run it, want 6 or more", found)
	}
}
