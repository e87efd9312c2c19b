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

// lighthouseVersion is the version of Lighthouse that the goals refer to: https://github.com/GoogleChrome/lighthouse.
const lighthouseVersion = "13.5.0"

// lighthouse audits the shopper's pages with the mobile preset of Lighthouse, a mid-range phone on slow 4G. Its
// measures are medians of three audits per page, because the scores of one page vary between audits. The goal is a
// score of 95 in each category. Without npm or chromium, the table says "not measured".
func lighthouse(ctx context.Context, s *session) (err error) {
	if err := s.npmInstall(ctx, "lighthouse@"+lighthouseVersion); err != nil {
		s.add("Lighthouse "+lighthouseVersion, "not measured: %v", err)
		return nil
	}
	chromium, err := exec.LookPath("chromium")
	if err != nil {
		s.add("Lighthouse "+lighthouseVersion, "not measured: chromium is not installed")
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
		var audits []lighthouseReport // sorted by each measure before its median is taken
		for range 3 {
			r, err := s.audit(ctx, chromium, url+p.path)
			if err != nil {
				return fmt.Errorf("audit %s: %w", p.path, err)
			}
			audits = append(audits, r)
		}
		for _, category := range []string{"performance", "accessibility", "best-practices", "seo"} {
			slices.SortFunc(audits, func(a, b lighthouseReport) int {
				return cmp.Compare(a.Categories[category].Score, b.Categories[category].Score)
			})
			s.score(p.name+", "+category, 100*audits[1].Categories[category].Score, 95)
		}
		slices.SortFunc(audits, func(a, b lighthouseReport) int { return cmp.Compare(a.largestPaint(), b.largestPaint()) })
		s.add(p.name+", Largest Contentful Paint", "%.1f s", audits[1].largestPaint()/1000)
		s.add(p.name+", transferred on first load", "%.0f KB", audits[1].Audits["total-byte-weight"].NumericValue/1000)
	}
	return nil
}

// lighthouseReport is the used part of the JSON report of Lighthouse.
type lighthouseReport struct {
	// Categories has a score of 0 to 1 for each category, such as "seo".
	Categories map[string]struct{ Score float64 }
	// Audits has the measure of each audit in the unit of the audit: ms for times, bytes for sizes.
	Audits map[string]struct{ NumericValue float64 }
}

// largestPaint returns the Largest Contentful Paint in ms, 0 if the report has none.
func (r lighthouseReport) largestPaint() float64 {
	return r.Audits["largest-contentful-paint"].NumericValue
}

// audit runs Lighthouse on a page once, in a browser of its own with an empty cache. chromium is the path of the
// browser. The error has the standard error of Lighthouse.
func (s *session) audit(ctx context.Context, chromium, url string) (r lighthouseReport, err error) {
	flags := "--headless=new"
	if os.Getuid() == 0 { // Chromium refuses to start its sandbox as root
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
