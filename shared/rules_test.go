package shared_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
)

const module = "github.com/hybrid-bts/functions/"

// maxLines is the largest number of lines of a library package, not counting its tests.
const maxLines = 320

// minFunctions is the smallest number of functions that ship a library package.
const minFunctions = 2

// The kinds of packages below shared/.
const (
	library = "library"
	schema  = "schema"
	engine  = "engine"
	fake    = "fake"
)

// goPackage is a package of the module as go list describes it. Paths are relative to the module.
type goPackage struct {
	ImportPath string
	Name       string
	Doc        string
	Imports    []string
	Deps       []string
}

// packages returns every package of the module. go list runs once per test binary.
var packages = sync.OnceValues(func() (map[string]goPackage, error) {
	cmd := exec.Command("go", "list", "-json=ImportPath,Name,Doc,Imports,Deps", module+"...")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, errors.New("go list: " + err.Error() + ": " + stderr.String())
	}
	relative := func(paths []string) []string {
		var ours []string
		for _, p := range paths {
			if p, ok := strings.CutPrefix(p, module); ok {
				ours = append(ours, p)
			}
		}
		return ours
	}
	all := map[string]goPackage{}
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p goPackage
		if err := d.Decode(&p); err == io.EOF {
			return all, nil
		} else if err != nil {
			return nil, err
		}
		p.ImportPath = strings.TrimPrefix(p.ImportPath, module)
		p.Imports, p.Deps = relative(p.Imports), relative(p.Deps)
		all[p.ImportPath] = p
	}
})

func mustPackages(t *testing.T) map[string]goPackage {
	t.Helper()
	all, err := packages()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// kindOf returns the kind of a package below shared/, "" for any other package.
func kindOf(pkg string) string {
	parts := strings.Split(pkg, "/")
	switch {
	case parts[0] != "shared" || len(parts) < 2:
		return ""
	case len(parts) > 2 && slices.Contains([]string{schema, engine, fake}, parts[1]):
		return parts[1]
	}
	return library
}

// folderOf returns the folder that packages share when they may import each other: shared/NAME or shared/KIND/NAME.
func folderOf(pkg string) string {
	n := 2
	if k := kindOf(pkg); k != "" && k != library {
		n = 3
	}
	parts := strings.Split(pkg, "/")
	return strings.Join(parts[:min(n, len(parts))], "/")
}

// forbidden returns the reason why a package must not import another, or "" when it may.
func forbidden(pkg, imp string) string {
	in := func(p, top string) bool { return strings.HasPrefix(p, top+"/") }
	from, to := kindOf(pkg), kindOf(imp)
	switch {
	case in(imp, "functions") && !in(imp, folderOf(pkg)):
		return "only a function imports packages below its folder"
	case in(pkg, "functions") && in(imp, "scripts"):
		return "a function ships without scripts/"
	case from != "" && in(imp, "scripts"):
		return "shared/ does not depend on scripts/"
	case from == fake && (to == schema || to == engine || to == fake):
		return "" // a fake serves a schema or runs an engine
	case from == schema && to == engine && pkg != folderOf(pkg):
		return "" // the writers of a schema share a package that runs the engine; readers import the others
	case from != "" && to != "" && folderOf(pkg) != folderOf(imp):
		return "packages of shared/ import each other only within a folder; fakes import schemas and engines, packages below a schema import engines"
	case to == fake && !in(pkg, "scripts"):
		return "a shipped binary contains no fake"
	}
	return ""
}

func TestImportsFollowTheKinds(t *testing.T) {
	for name, pkg := range mustPackages(t) {
		for _, imp := range pkg.Imports {
			if why := forbidden(name, imp); why != "" {
				t.Errorf("%s imports %s: %s", name, imp, why)
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
		{"shared/problem", "shared/schema/review", true},
		{"shared/problem", "scripts/deploy/routes", true},
		{"shared/serve/framework", "shared/serve", false},
		{"shared/schema/rendition/bucket", "shared/schema/rendition", false},
		{"shared/schema/rendition/render", "shared/engine/picture", false},
		{"shared/schema/rendition", "shared/engine/picture", true},
		{"shared/engine/picture", "shared/schema/rendition", true},
		{"shared/schema/review", "shared/schema/rendition", true},
		{"shared/schema/spannerdb", "shared/fake/spannerdbtest", true},
		{"shared/fake/spannerdbtest", "shared/schema/spannerdb", false},
		{"shared/fake/languagetest", "shared/engine/sentiment", false},
		{"shared/fake/languagetest", "shared/event", true},
		{"shared/topic", "shared/engine/sentiment", true},
		{"scripts/local", "shared/fake/languagetest", false},
		{"functions/sentiment", "shared/fake/languagetest", true},
		{"functions/api", "scripts/deploy/routes", true},
	} {
		if got := forbidden(tc.pkg, tc.imp); (got != "") != tc.want {
			t.Errorf("forbidden(%q, %q) = %q", tc.pkg, tc.imp, got)
		}
	}
}

// deployables returns the programs that run in the cloud: the functions, and the canary job.
func deployables(all map[string]goPackage) []goPackage {
	var programs []goPackage
	for name, pkg := range all {
		if pkg.Name == "main" && (strings.HasPrefix(name, "functions/") || name == "scripts/deploy/canary") {
			programs = append(programs, pkg)
		}
	}
	return programs
}

func TestNoShippedBinaryContainsAFake(t *testing.T) {
	programs := deployables(mustPackages(t))
	if len(programs) < 2 {
		t.Fatalf("%d deployables found", len(programs))
	}
	for _, program := range programs {
		for _, dep := range program.Deps {
			if kindOf(dep) == fake {
				t.Errorf("%s contains %s", program.ImportPath, dep)
			}
		}
	}
}

func TestLibraryPackagesHaveTwoUsers(t *testing.T) {
	all := mustPackages(t)
	users := map[string]int{}
	for _, program := range deployables(all) {
		for _, dep := range program.Deps {
			users[dep]++
		}
	}
	for name := range all {
		if kindOf(name) == library && users[name] < minFunctions {
			t.Errorf("%s is in %d shipped functions, want %d or more: move it into the function", name, users[name], minFunctions)
		}
	}
}

// lines counts the lines of a package's Go files, without tests.
func lines(t *testing.T, pkg string) int {
	t.Helper()
	n := 0
	for _, f := range goFiles(t, pkg) {
		if !strings.HasSuffix(f, "_test.go") {
			n += bytes.Count(read(t, f), []byte("\n"))
		}
	}
	return n
}

func goFiles(t *testing.T, pkg string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", filepath.FromSlash(pkg), "*.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no Go files in %s: %v", pkg, err)
	}
	return files
}

func read(t *testing.T, file string) []byte {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestLibraryPackagesAreSmall(t *testing.T) {
	for name := range mustPackages(t) {
		if kindOf(name) != library {
			continue
		}
		if n := lines(t, name); n > maxLines {
			t.Errorf("%s has %d lines, want at most %d", name, n, maxLines)
		}
	}
}

func TestPackageNamesSayWhatThePackageIsFor(t *testing.T) {
	for name := range mustPackages(t) {
		if slices.Contains([]string{"util", "utils", "common", "helper", "helpers", "base", "misc", "shared"}, path.Base(name)) && name != "shared" {
			t.Errorf("%s: the name does not say what the package is for", name)
		}
	}
}

// The package comment of a schema names the programs that write it, in a sentence "Writers: …".
func TestSchemasNameTheirWriters(t *testing.T) {
	writers := regexp.MustCompile(`(?s)\nWriters?: (.*?)\.(\s|$)`)
	all := mustPackages(t)
	for name := range all {
		if kindOf(name) != schema {
			continue
		}
		var doc strings.Builder
		for _, f := range goFiles(t, name) {
			if !strings.HasSuffix(f, "_test.go") {
				doc.WriteString(packageComment(read(t, f)))
			}
		}
		m := writers.FindStringSubmatch("\n" + doc.String())
		if m == nil {
			t.Errorf("the package comment of %s has no line \"Writers: …\"", name)
			continue
		}
		for _, program := range regexp.MustCompile(`\b(functions|scripts)/[a-z/]+`).FindAllString(m[1], -1) {
			pkg, ok := all[program]
			if !ok {
				t.Errorf("%s names the writer %s, which is not a package", name, program)
			} else if !slices.Contains(pkg.Deps, name) {
				t.Errorf("%s names the writer %s, which does not import it", name, program)
			}
		}
		if !strings.Contains(m[1], "/") {
			t.Errorf("%s names no writer: %q", name, m[1])
		}
	}
}

// The validator of huma panics when a field with uniqueItems holds objects or arrays, which every client can send. A type
// that wants unique items has the keyword in the Extensions of its schema, and checks the items itself.
func TestHumaChecksNoUniqueItems(t *testing.T) {
	tag := regexp.MustCompile("uniqueItems" + `:"|UniqueItems` + `\s*[:=]\s*true`)
	for name := range mustPackages(t) {
		for _, f := range goFiles(t, name) {
			if m := tag.Find(read(t, f)); m != nil {
				t.Errorf("%s: %s makes huma check unique items", f, m)
			}
		}
	}
}

// packageComment returns the comment above the package clause without its comment markers.
func packageComment(file []byte) string {
	head, _, _ := strings.Cut("\n"+string(file), "\npackage ")
	return strings.ReplaceAll(strings.ReplaceAll(head, "\n// ", "\n"), "\n//", "\n")
}

func TestEnginesHaveAReadmeABenchmarkAndAFuzzTarget(t *testing.T) {
	engines := 0
	for name := range mustPackages(t) {
		if kindOf(name) != engine || folderOf(name) != name {
			continue
		}
		engines++
		if _, err := os.Stat(filepath.Join("..", filepath.FromSlash(name), "README.md")); err != nil {
			t.Errorf("the engine %s: %v", name, err)
		}
		var tests []byte
		for _, f := range goFiles(t, name) {
			if strings.HasSuffix(f, "_test.go") {
				tests = append(tests, read(t, f)...)
			}
		}
		for _, prefix := range []string{"\nfunc Benchmark", "\nfunc Fuzz"} {
			if !bytes.Contains(tests, []byte(prefix)) {
				t.Errorf("the engine %s has no%s function", name, strings.TrimPrefix(prefix, "\nfunc"))
			}
		}
	}
	if engines == 0 {
		t.Error("no engine found")
	}
}

// README.md has one row for each package below shared/, and no row for another.
func TestReadmeListsEveryPackage(t *testing.T) {
	var listed, want []string
	for _, m := range regexp.MustCompile(`(?m)^\| \[([a-z/]+)\]\(([a-z/]+)\) \| .+ \|$`).FindAllStringSubmatch(string(read(t, "README.md")), -1) {
		if m[1] != m[2] {
			t.Errorf("the row of %s links to %s", m[1], m[2])
		}
		listed = append(listed, "shared/"+m[1])
	}
	for name := range mustPackages(t) {
		if kindOf(name) != "" {
			want = append(want, name)
		}
	}
	slices.Sort(listed)
	slices.Sort(want)
	if !slices.Equal(listed, want) {
		t.Errorf("README.md lists %v, shared/ holds %v", listed, want)
	}
}
