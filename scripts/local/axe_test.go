//go:build unix

package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// The tests of accessibility use axe-core (https://github.com/dequelabs/axe-core, MPL 2.0). npm downloads it once into the
// user's cache.
const (
	axeVersion = "4.14.1"
	axeSum     = "29348999450cdf2849a8e70b7912fc2da85a849da39c0d0d5394f51d4a9ed95c" // SHA-256 of axe.min.js
)

func axeCore(t *testing.T) string {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(cache, "hybrid-bts", "axe-core-"+axeVersion+".min.js")
	b, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		if _, missing := exec.LookPath("npm"); missing != nil {
			t.Skipf("needs axe-core: apt-get install npm, or put axe.min.js of version %s at %s", axeVersion, file)
		}
		if b, err = fetchAxeCore(t); err == nil {
			err = errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, b, 0o600))
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	if sum := sha256.Sum256(b); hex.EncodeToString(sum[:]) != axeSum {
		t.Fatalf("%s is not axe-core %s", file, axeVersion)
	}
	return string(b)
}

func fetchAxeCore(t *testing.T) ([]byte, error) {
	cmd := exec.CommandContext(t.Context(), "npm", "pack", "--silent", "axe-core@"+axeVersion)
	cmd.Dir = t.TempDir()
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("npm pack: %w: %s", err, out)
	}
	packed, err := os.ReadFile(filepath.Join(cmd.Dir, "axe-core-"+axeVersion+".tgz"))
	if err != nil {
		return nil, err
	}
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, err
	}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if err != nil {
			return nil, err
		}
		if h.Name == "package/axe.min.js" {
			return io.ReadAll(r)
		}
	}
}

// testAxe checks every page with axe-core, in two widths and both themes.
func (r *running) testAxe(t *testing.T) {
	axe := axeCore(t)
	b := browse(t, "en-US")
	b.open(r.url + "/en/products/dalmajung-2022/review")
	b.fill("5", "Every page of it is beautiful")
	b.do("submit the review", chromedp.Click("#submit"))
	b.settled() // the page of own reviews needs one
	for _, theme := range []string{"light", "dark"} {
		call(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: theme}}})
		for _, width := range []int64{360, 1440} {
			b.do("resize the window", chromedp.EmulateViewport(width, 900))
			for _, path := range []string{
				"/en/", "/ko/?q=nothing-like-it", "/ja/products/butter-cream-peaches", "/en/products/dalmajung-2022", "/fr/products/mug-galaxy?rating=4",
				"/es/products/mug-galaxy/review", "/ko/review", "/en/mine", "/en/rules", "/ko/rules#reported", "/en/nothing", "/docs",
			} {
				b.do("open "+path, chromedp.Navigate(r.url+path), chromedp.WaitVisible(chromedp.CSS("main")))
				b.waitFor("the page is complete", `document.querySelector("[aria-busy]") === null`)
				b.accessible(axe, fmt.Sprintf("%s, %s, %d pixels", path, theme, width))
			}
		}
	}
	b.requireNoComplaints()
}

// accessible fails the test if the open page is wider than the window, or if axe reports a violation. Failures name the page.
func (b *tab) accessible(axe, page string) {
	b.t.Helper()
	if got := evaluated[int](b, `document.documentElement.scrollWidth - innerWidth`); got > 0 {
		b.t.Errorf("%s: the page is %d pixels too wide", page, got)
	}
	for _, violation := range evaluated[[]string](b, axe+`;
		axe.run(document, {resultTypes: ["violations"]}).then(({violations}) => violations.map(({id, impact, nodes}) =>
			[id, impact, ...nodes.map(({html, failureSummary}) => html + " " + failureSummary)].join(" ")))`) {
		b.t.Errorf("%s: %s", page, violation)
	}
}
