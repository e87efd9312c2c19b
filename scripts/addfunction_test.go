package scripts_test

import (
	"bytes"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var wholeSuite = flag.Bool("whole-suite", false, "run ./scripts/test in the copy with the function of README.md, which takes many minutes")

// step is a step of README.md, section "Add a function".
type step struct {
	file  string // created, or changed if after is set; "" for commands
	after string // start of the line after whose last occurrence the text goes
	text  string // the content of the block
}

// name describes the step in failures.
func (s step) name() string {
	if s.file == "" {
		return "commands"
	}
	return s.file
}

// steps returns the steps of the section: every code block, with the sentence before it.
func steps(t *testing.T) (all []step) {
	t.Helper()
	_, section, found := strings.Cut(readme(t), "\n## Add a function\n")
	if !found {
		t.Fatal("README.md has no section \"Add a function\"")
	}
	section, _, _ = strings.Cut(section, "\n## ")
	create := regexp.MustCompile("Create\\s`([^`]+)`:\n\n$")
	add := regexp.MustCompile("Add to `([^`]+)`, after the line that starts with `([^`]+)`:\n\n$")
	end := 0
	for _, m := range regexp.MustCompile("(?s)```([a-z]+)\n(.*?)```\n").FindAllStringSubmatchIndex(section, -1) {
		before, language, text := section[end:m[0]], section[m[2]:m[3]], section[m[4]:m[5]]
		end = m[1]
		switch created, added := create.FindStringSubmatch(before), add.FindStringSubmatch(before); {
		case created != nil:
			all = append(all, step{file: created[1], text: text})
		case added != nil:
			all = append(all, step{file: added[1], after: added[2], text: text})
		case language == "sh":
			all = append(all, step{text: text})
		default:
			t.Fatalf("README.md does not say where this block goes:\n%s", text)
		}
	}
	return all
}

// follow performs a step in the repository at root.
func (s step) follow(t *testing.T, root string) {
	t.Helper()
	file := filepath.Join(root, s.file)
	switch {
	case s.file == "":
		run(t, root, s.text)
		return
	case s.after == "":
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(s.text), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	lines := strings.SplitAfter(read(t, root, s.file), "\n")
	last := -1
	for i, line := range lines {
		if strings.HasPrefix(strings.TrimSpace(line), s.after) {
			last = i
		}
	}
	if last < 0 {
		t.Fatalf("%s has no line that starts with %s", s.file, s.after)
	}
	if err := os.WriteFile(file, []byte(strings.Join(slices.Insert(lines, last+1, s.text), "")), 0o644); err != nil {
		t.Fatal(err)
	}
}

// run runs shell commands in the repository at root, and ends the test at the first that fails.
func run(t *testing.T, root, commands string) {
	t.Helper()
	cmd := exec.Command("sh", "-ec", commands)
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", commands, err, out)
	}
}

// copyTree copies the files that git tracks, and new files that git does not ignore, to a folder.
func copyTree(t *testing.T) string {
	t.Helper()
	list := exec.Command("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	list.Dir = ".."
	out, err := list.Output()
	if err != nil {
		t.Skipf("needs git and a clone: git ls-files: %v", err)
	}
	root := t.TempDir()
	for name := range bytes.SplitSeq(bytes.TrimSuffix(out, []byte{0}), []byte{0}) {
		from, to := filepath.Join("..", string(name)), filepath.Join(root, string(name))
		info, err := os.Stat(from)
		if os.IsNotExist(err) {
			continue // deleted, but not committed
		}
		if err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(to, b, info.Mode().Perm()); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// The test follows README.md in a copy of the repository. The tests of completeness pass there; all tests pass, too, with
// go test ./scripts -run TestFunctionIsAddedByTheStepsOfREADME -whole-suite -timeout 1h.
func TestFunctionIsAddedByTheStepsOfREADME(t *testing.T) {
	if testing.Short() {
		t.Skip("builds programs in a copy of the repository: run without -short")
	}
	for _, tool := range []string{"sh", "bash"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("needs %s: install it", tool)
		}
	}
	root := copyTree(t)
	for _, s := range steps(t) {
		s.follow(t, root)
	}
	for _, place := range missingPlaces(t, root) {
		t.Error(place)
	}
	run(t, root, "gofmt -l functions/wish | { ! grep .; }; go vet ./functions/wish; go test ./functions/wish ./scripts/openapi")
	run(t, root, "go test ./scripts -skip 'TestFunctionIsAdded|TestMissingStep'")
	run(t, root, "go test ./scripts/local -run 'TestEveryFunctionHasTheVariables|TestGateway'")
	run(t, root, "go test ./scripts/deploy/... -run 'TestTopicsNamed|TestServicesSet|TestRoutes|TestAccountsHaveTheRoles|TestEachFunction|TestSetupCreatesTheResources|TestTeardownDeletes|TestTerraformCreates|TestReleasedServices'")
	if *wholeSuite {
		run(t, root, "git init -q; git add -A; git -c user.name=t -c user.email=t@example.org commit -qm t; ./scripts/test -skip TestFunctionIsAddedByTheStepsOfREADME ./...")
	}
}

// The new function of README.md is at most 60 lines, without its contract and its imports.
func TestNewFunctionIsShort(t *testing.T) {
	lines := 0
	for _, s := range steps(t) {
		if !strings.HasPrefix(s.file, "functions/") || strings.HasSuffix(s.file, "_test.go") {
			continue
		}
		_, code, _ := strings.Cut(s.text, ")\n") // the end of the imports
		for line := range strings.Lines(code) {
			if trimmed := strings.TrimSpace(line); trimmed != "" && !strings.HasPrefix(trimmed, "//") {
				lines++
			}
		}
	}
	if lines == 0 || lines > 60 {
		t.Errorf("the function has %d lines, want 1 to 60", lines)
	}
}

// Without one step, the failure of TestEveryFunctionIsInEveryPlace names the file of that step.
func TestMissingStepIsNamed(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("needs git: install it")
	}
	all := steps(t)
	for i, omitted := range all {
		if strings.HasPrefix(omitted.file, "functions/") && !strings.HasSuffix(omitted.file, "_test.go") {
			continue // without code there is no function
		}
		t.Run(omitted.name(), func(t *testing.T) {
			root := copyTree(t)
			for j, s := range all {
				if j != i && s.file != "" {
					s.follow(t, root)
				}
			}
			want := omitted.file
			if want == "" {
				want = "openapi.json"
			}
			missing := missingPlaces(t, root)
			if !slices.ContainsFunc(missing, func(place string) bool { return strings.Contains(place, want) && strings.Contains(place, "wish") }) {
				t.Errorf("%q name no place in %s", missing, want)
			}
		})
	}
}
