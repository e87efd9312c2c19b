package shared_test

import (
	"bytes"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/hybrid-bts/functions/"

// maxLines is what a package of shared/ may have without its tests: "some 300".
const maxLines = 320

// engines are the packages with a life of their own, which may be larger: each has a README.md.
var engines = []string{"shared/picture", "shared/sentiment"}

// imports returns what each package of the module imports of the module, by paths within it.
func imports(t *testing.T) map[string][]string {
	t.Helper()
	cmd := exec.Command("go", "list", "-f", "{{.ImportPath}}{{range .Imports}} {{.}}{{end}}", module+"...")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v: %s", err, stderr.String())
	}
	all := map[string][]string{}
	for line := range strings.Lines(string(out)) {
		words := strings.Fields(line)
		pkg := strings.TrimPrefix(words[0], module)
		all[pkg] = nil
		for _, imp := range words[1:] {
			if ours, ok := strings.CutPrefix(imp, module); ok {
				all[pkg] = append(all[pkg], ours)
			}
		}
	}
	return all
}

// forbidden says why a package must not import another one, or "".
func forbidden(pkg, imp string) string {
	in := func(p, top string) bool { return strings.HasPrefix(p, top+"/") }
	switch {
	case in(imp, "functions") && !in(imp, pkg):
		return "nothing imports a function, but what is below it"
	case in(pkg, "functions") && in(imp, "scripts"):
		return "a function ships without the scripts"
	case in(pkg, "shared") && in(imp, "scripts"):
		return "shared/ knows no scripts"
	case in(pkg, "shared") && in(imp, "shared") && noun(pkg) != noun(imp) && !(strings.HasSuffix(pkg, "test") && slices.Contains(engines, imp)):
		return "packages of shared/ do not import each other, but within a folder, and a test engine an engine"
	case strings.HasSuffix(imp, "test") && !strings.HasSuffix(pkg, "test") && !in(pkg, "scripts"):
		return "what ships does not import a test engine"
	}
	return ""
}

// noun returns the folder of shared/ that a package is in.
func noun(pkg string) string { return strings.Split(pkg, "/")[1] }

func TestImports(t *testing.T) {
	for pkg, imps := range imports(t) {
		for _, imp := range imps {
			if why := forbidden(pkg, imp); why != "" {
				t.Errorf("%s imports %s: %s", pkg, imp, why)
			}
		}
	}
}

func TestForbidden(t *testing.T) {
	for _, tc := range []struct {
		pkg, imp string
		want     bool
	}{
		{"functions/api", "shared/problem", false},
		{"functions/api", "functions/review", true},
		{"functions/image", "functions/image/codec", false},
		{"functions/resize", "functions/image/codec", true},
		{"shared/problem", "functions/api", true},
		{"shared/problem", "shared/env", true},
		{"shared/spannerdb/spannerdbtest", "shared/spannerdb", false},
		{"shared/spannerdb", "shared/spannerdb/spannerdbtest", true},
		{"shared/languagetest", "shared/sentiment", false},
		{"shared/languagetest", "shared/spannerdb", true},
		{"shared/topic", "shared/sentiment", true},
		{"scripts/local", "shared/languagetest", false},
		{"functions/sentiment", "shared/languagetest", true},
		{"functions/api", "scripts/routes", true},
	} {
		if got := forbidden(tc.pkg, tc.imp); (got != "") != tc.want {
			t.Errorf("forbidden(%q, %q) = %q", tc.pkg, tc.imp, got)
		}
	}
}

func TestPackagesOfSharedAreSmallAndNamedForWhatTheyDo(t *testing.T) {
	for pkg := range imports(t) {
		if !strings.HasPrefix(pkg, "shared/") {
			continue
		}
		if slices.Contains([]string{"util", "utils", "common", "helper", "helpers", "base", "misc"}, path.Base(pkg)) {
			t.Errorf("%s: the name says nothing", pkg)
		}
		if slices.Contains(engines, pkg) {
			if _, err := os.Stat(filepath.Join("..", filepath.FromSlash(pkg), "README.md")); err != nil {
				t.Errorf("the engine %s: %v", pkg, err)
			}
			continue
		}
		files, err := filepath.Glob(filepath.Join("..", filepath.FromSlash(pkg), "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		lines := 0
		for _, f := range files {
			if strings.HasSuffix(f, "_test.go") {
				continue
			}
			b, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			lines += bytes.Count(b, []byte("\n"))
		}
		if lines == 0 || lines > maxLines {
			t.Errorf("%s has %d lines, want 1 to %d", pkg, lines, maxLines)
		}
	}
}
