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
var assetFiles embed.FS

// assets are the style sheet, the ES modules and the icon. Their URLs share one path element, a hash of all their
// contents, so browsers may cache them for ever and modules can import each other by relative URLs.
type assets struct {
	version string              // hexadecimal prefix of a SHA-256 hash
	all     map[string][]byte   // contents by base name
	imports map[string][]string // transitive static imports of each module
}

// loadAssets reads the embedded files and computes their version and imports.
func loadAssets() (*assets, error) {
	a := assets{all: map[string][]byte{}, imports: map[string][]string{}}
	sum := sha256.New()
	err := fs.WalkDir(assetFiles, "assets", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := assetFiles.ReadFile(name)
		a.all[path.Base(name)] = b
		sum.Write([]byte(name))
		sum.Write(b)
		return err
	})
	for name := range a.all {
		a.imports[name] = a.addImports(name, nil)
	}
	a.version = hex.EncodeToString(sum.Sum(nil)[:6])
	return &a, err
}

// addImports appends the static imports of a module, and transitively theirs, to found. It ignores dynamic imports: the
// browser loads those when it needs them.
func (a *assets) addImports(name string, found []string) []string {
	for line := range strings.Lines(string(a.all[name])) {
		_, imported, ok := strings.Cut(line, " from './")
		if imported, _, _ = strings.Cut(imported, "'"); ok && strings.HasPrefix(line, "import ") && !slices.Contains(found, imported) {
			found = a.addImports(imported, append(found, imported))
		}
	}
	return found
}

// preload returns the modules that the given modules import. Preload links for them spare a round trip for each level of
// imports.
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

// url returns the URL of an asset.
func (a *assets) url(name string) string { return "/assets/" + a.version + "/" + name }

// serve answers GET /assets/{version}/{name}. During a rollout, pages of another release ask for another version. They
// get the asset of this release, which browsers must revalidate.
func (a *assets) serve(w http.ResponseWriter, r *http.Request) error {
	b, ok := a.all[r.PathValue("name")]
	if !ok {
		return notFound(r)
	}
	cacheControl := cacheRevalidate
	if r.PathValue("version") == a.version {
		cacheControl = cacheImmutable
	}
	writeBody(w, contentTypes[path.Ext(r.PathValue("name"))], cacheControl, b)
	return nil
}

// contentTypes are the media types of assets by extension. Package mime reads files of the operating system, which
// differ.
var contentTypes = map[string]string{".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}
