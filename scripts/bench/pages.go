package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
)

// lighthouseVersion is the one that goals are about: https://github.com/GoogleChrome/lighthouse.
const lighthouseVersion = "13.5.0"

// lighthouse has Lighthouse look at the shopper's pages as a mid-range phone on slow 4G sees them, its mobile preset:
// the median of three runs of each.
func lighthouse(ctx context.Context, s *session) (err error) {
	if err := s.npmInstall(ctx, "lighthouse@"+lighthouseVersion); err != nil {
		s.add("Lighthouse "+lighthouseVersion, "not measured: %v", err)
		return nil
	}
	chromium, err := exec.LookPath("chromium")
	if err != nil {
		s.add("Lighthouse "+lighthouseVersion, "not measured: no chromium")
		return nil
	}
	url, stop, err := s.startLocal(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	for _, p := range []struct{ name, path string }{
		{"goods", "/ko/"}, {"product", "/ko/products/butter-cream-peaches"}, {"form", "/ko/products/butter-cream-peaches/review"},
	} {
		var all []report
		for range 3 {
			r, err := s.look(ctx, chromium, url+p.path)
			if err != nil {
				return fmt.Errorf("%s: %w", p.path, err)
			}
			all = append(all, r)
		}
		for _, category := range []string{"performance", "accessibility", "best-practices", "seo"} {
			slices.SortFunc(all, func(a, b report) int { return cmp.Compare(a.Categories[category].Score, b.Categories[category].Score) })
			s.score(p.name+", "+category, 100*all[1].Categories[category].Score, 95)
		}
		slices.SortFunc(all, func(a, b report) int { return cmp.Compare(a.largest(), b.largest()) })
		s.add(p.name+", largest paint", "%.1f s", all[1].largest()/1000)
		s.add(p.name+", bytes of the first view", "%.0f KB", all[1].Audits["total-byte-weight"].NumericValue/1000)
	}
	return nil
}

// report is what we use of a report of Lighthouse.
type report struct {
	Categories map[string]struct{ Score float64 }
	Audits     map[string]struct{ NumericValue float64 }
}

func (r report) largest() float64 { return r.Audits["largest-contentful-paint"].NumericValue }

// look has Lighthouse look at a page once.
func (s *session) look(ctx context.Context, chromium, url string) (r report, err error) {
	flags := "--headless=new"
	if os.Getuid() == 0 {
		flags += " --no-sandbox"
	}
	cmd := exec.CommandContext(ctx, filepath.Join(s.dir, "node_modules", ".bin", "lighthouse"), url, "--quiet", "--output=json", "--chrome-flags="+flags)
	cmd.Dir, cmd.Env = s.dir, append(os.Environ(), "CHROME_PATH="+chromium)
	out, err := cmd.Output()
	if err != nil {
		var failed *exec.ExitError
		if errors.As(err, &failed) {
			err = fmt.Errorf("%w: %s", err, failed.Stderr)
		}
		return r, err
	}
	return r, json.Unmarshal(out, &r)
}
