package scripts_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// page returns the text of a document, by its path from the root of the repository.
func page(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// documents are the Markdown files whose links are checked.
var documents = []string{"README.md", "functions/README.md", "shared/README.md", "scripts/README.md", ".github/CONTRIBUTING.md", ".github/SECURITY.md",
	"shared/engine/picture/README.md", "shared/engine/place/README.md", "shared/engine/sentiment/README.md", "scripts/model/train/data/README.md",
	"scripts/deploy/COSTS.md", "scripts/deploy/monitoring/RUNBOOK.md"}

func TestLinksOfDocumentsResolve(t *testing.T) {
	for _, doc := range documents {
		text := regexp.MustCompile("(?ms)^```.*?^```$").ReplaceAllString(page(t, doc), "")
		for _, m := range regexp.MustCompile(`\]\(([^)#\s]+)[)#]`).FindAllStringSubmatch(text, -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			if _, err := os.Stat(filepath.Join("..", filepath.Dir(doc), m[1])); err != nil {
				t.Errorf("%s: %v", doc, err)
			}
		}
	}
}

// rows returns the first cell of every table row of a document that is a link, as the link's target.
func rows(text string) (targets []string) {
	for _, m := range regexp.MustCompile(`(?m)^\| \[[^\]]+\]\(([^)]+)\) \|`).FindAllStringSubmatch(text, -1) {
		targets = append(targets, m[1])
	}
	return targets
}

func TestArchitectureListsEveryFunction(t *testing.T) {
	mains, err := filepath.Glob("../functions/*/main.go")
	if err != nil || len(mains) == 0 {
		t.Fatal(mains, err)
	}
	var want []string
	for _, main := range mains {
		want = append(want, filepath.Base(filepath.Dir(main))+"/main.go")
	}
	if got := rows(page(t, "functions/README.md")); !slices.Equal(got, want) {
		t.Errorf("functions/README.md has rows for %v, functions/ holds %v", got, want)
	}
}

// Support folders are below a listed entry, or hold only what a listed entry reads.
var unlistedScripts = []string{"deploy", "deploy/testdata", "data", "model"}

func TestScriptsReadmeListsEveryScript(t *testing.T) {
	var want []string
	for _, dir := range []string{"", "deploy", "data", "model"} {
		entries, err := os.ReadDir(filepath.Join(".", dir))
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			name := filepath.ToSlash(filepath.Join(dir, e.Name()))
			if strings.HasSuffix(name, "_test.go") || name == "README.md" || name == "errcheck.txt" || slices.Contains(unlistedScripts, name) {
				continue
			}
			want = append(want, name)
		}
	}
	got := rows(page(t, "scripts/README.md"))
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("scripts/README.md has rows for %v, scripts/ holds %v", got, want)
	}
}

// A row of the glossary names a Go type and links to the file that declares it.
func TestGlossaryNamesTypesThatExist(t *testing.T) {
	_, glossary, found := strings.Cut(page(t, "functions/README.md"), "## Glossary")
	if !found {
		t.Fatal("functions/README.md has no glossary")
	}
	types := regexp.MustCompile(`\[([a-z]+)\.([A-Za-z]+)\]\(([^)]+)\) \|`).FindAllStringSubmatch(glossary, -1)
	if len(types) < 10 {
		t.Errorf("%d types in the glossary", len(types))
	}
	for _, m := range types {
		f, err := parser.ParseFile(token.NewFileSet(), filepath.Join("..", "functions", filepath.FromSlash(m[3])), nil, 0)
		if err != nil {
			t.Error(err)
			continue
		}
		declared := f.Name.Name == m[1] && slices.ContainsFunc(f.Decls, func(d ast.Decl) bool {
			g, ok := d.(*ast.GenDecl)
			return ok && slices.ContainsFunc(g.Specs, func(s ast.Spec) bool {
				ts, ok := s.(*ast.TypeSpec)
				return ok && ts.Name.Name == m[2]
			})
		})
		if !declared {
			t.Errorf("%s does not declare %s.%s", m[3], m[1], m[2])
		}
	}
}

func TestExportedSymbolsHaveDocComments(t *testing.T) {
	files := 0
	for _, top := range []string{"functions", "shared", "scripts"} {
		err := filepath.WalkDir(filepath.Join("..", top), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			fset := token.NewFileSet()
			f, err := parser.ParseFile(fset, path, nil, parser.ParseComments)
			if err != nil {
				return err
			}
			files++
			for _, name := range undocumented(f) {
				t.Errorf("%s: %s has no doc comment", fset.Position(name.Pos()), name.Name)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if files < 100 {
		t.Errorf("%d files found", files)
	}
}

// undocumented returns the exported names of a file without a doc comment: functions, types, constants, variables,
// methods of exported types, and methods of exported interfaces.
func undocumented(f *ast.File) (names []*ast.Ident) {
	check := func(name *ast.Ident, docs ...*ast.CommentGroup) {
		if name.IsExported() && !slices.ContainsFunc(docs, func(c *ast.CommentGroup) bool { return c != nil }) {
			names = append(names, name)
		}
	}
	for _, d := range f.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Recv == nil || ast.IsExported(receiver(d.Recv.List[0].Type)) {
				check(d.Name, d.Doc)
			}
		case *ast.GenDecl:
			for _, s := range d.Specs {
				switch s := s.(type) {
				case *ast.ValueSpec:
					for _, name := range s.Names {
						check(name, d.Doc, s.Doc, s.Comment)
					}
				case *ast.TypeSpec:
					check(s.Name, d.Doc, s.Doc)
					if i, ok := s.Type.(*ast.InterfaceType); ok && s.Name.IsExported() {
						for _, m := range i.Methods.List {
							for _, name := range m.Names {
								check(name, m.Doc, m.Comment)
							}
						}
					}
				}
			}
		}
	}
	return names
}

// receiver returns the name of a receiver's type.
func receiver(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.StarExpr:
		return receiver(e.X)
	case *ast.IndexExpr:
		return receiver(e.X)
	case *ast.Ident:
		return e.Name
	}
	return ""
}

func TestUndocumentedSymbolsAreFound(t *testing.T) {
	const source = `package p
func F() {}
// G is documented.
func G() {}
type T struct{}
func (t *T) M() {}
type u struct{}
func (u) N() {}
// I is documented.
type I interface { Do() }
const (
	A = 1
	b = 2 // B
)
`
	f, err := parser.ParseFile(token.NewFileSet(), "p.go", source, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, name := range undocumented(f) {
		got = append(got, name.Name)
	}
	if want := []string{"F", "T", "M", "Do", "A"}; !slices.Equal(got, want) {
		t.Errorf("undocumented: %v, want %v", got, want)
	}
}
