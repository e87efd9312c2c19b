package shop

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"net/http"
	"path"
	"slices"
	"strings"
)

//go:embed assets
var files embed.FS

// assets are the style sheet, the modules and the icon. They share an address that names their content, so that a
// browser keeps them for ever, and modules import each other by relative names.
type assets struct {
	version string
	all     map[string][]byte
	imports map[string][]string // of a module, those of all that it imports
}

func loadAssets() (*assets, error) {
	a := assets{all: map[string][]byte{}, imports: map[string][]string{}}
	sum := sha256.New()
	err := fs.WalkDir(files, "assets", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := files.ReadFile(name)
		a.all[path.Base(name)] = b
		sum.Write([]byte(name))
		sum.Write(b)
		return err
	})
	for name := range a.all {
		a.imports[name] = a.closure(name, nil)
	}
	a.version = hex.EncodeToString(sum.Sum(nil)[:6])
	return &a, err
}

// closure adds what a module imports at once, and what that does, to what is found. What is imported when it is needed
// is not of them.
func (a *assets) closure(name string, found []string) []string {
	for line := range strings.Lines(string(a.all[name])) {
		_, other, ok := strings.Cut(line, " from './")
		if other, _, _ = strings.Cut(other, "'"); ok && strings.HasPrefix(line, "import ") && !slices.Contains(found, other) {
			found = a.closure(other, append(found, other))
		}
	}
	return found
}

// preload returns what a browser should ask for together with some modules, instead of one after the other.
func (a *assets) preload(modules ...string) (all []string) {
	for _, m := range modules {
		for _, name := range a.imports[m] {
			if !slices.Contains(all, name) && !slices.Contains(modules, name) {
				all = append(all, name)
			}
		}
	}
	slices.Sort(all)
	return all
}

// url returns where a file is.
func (a *assets) url(name string) string { return "/assets/" + a.version + "/" + name }

// serve answers GET /assets/{version}/{name}. A page of the release before, or of the one after, gets the file that
// is here, but may not keep it.
func (a *assets) serve(w http.ResponseWriter, r *http.Request) error {
	b, ok := a.all[r.PathValue("name")]
	if !ok {
		return notFound(r)
	}
	caching := "no-cache"
	if r.PathValue("version") == a.version {
		caching = "public, max-age=31536000, immutable"
	}
	send(w, contentTypes[path.Ext(r.PathValue("name"))], caching, b)
	return nil
}

// contentTypes are those of the assets; what the system says of extensions differs.
var contentTypes = map[string]string{".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}
