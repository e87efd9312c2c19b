// Package spannerdb opens the shop's Spanner database, and embeds its schema.
//
// Writers: functions/sentiment for reviews and ratings; scripts/local for products.
package spannerdb

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"regexp"
	"strings"
	"unicode"

	"cloud.google.com/go/spanner"
	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
	"google.golang.org/api/option"
)

//go:embed schema/*.sql
var files embed.FS

// Name returns the full name of a database.
func Name(project, instance, database string) string {
	return fmt.Sprintf("projects/%s/instances/%s/databases/%s", project, instance, database)
}

// Open returns a client of the database with the given full name. It does not connect: the first request does. The client
// library reads SPANNER_EMULATOR_HOST. Tests pass opts.
func Open(ctx context.Context, name string, opts ...option.ClientOption) (*spanner.Client, error) {
	// Spanner has server metrics of its own. Client metrics would open a second client at the start.
	db, err := spanner.NewClientWithConfig(ctx, name, spanner.ClientConfig{DisableNativeMetrics: true}, opts...)
	if err != nil {
		return nil, fmt.Errorf("open Spanner database %s: %w", name, err)
	}
	return db, nil
}

var comment = regexp.MustCompile(`--[^\n]*`)

// Schema returns the DDL statements of the database in order. search has the statements of full-text search, which run last and
// which not every engine supports. No string literal of the schema contains a semicolon or two dashes, so Schema splits
// files at semicolons and removes comments by their dashes.
func Schema() (tables, search []string) {
	names, err := fs.Glob(files, "schema/*.sql")
	if err != nil {
		panic(err) // Glob fails on a malformed pattern only
	}
	for _, name := range names {
		b, err := files.ReadFile(name)
		if err != nil {
			panic(err) // an embedded file is readable
		}
		to := &tables
		if strings.HasSuffix(name, "_search.sql") {
			to = &search
		}
		for s := range strings.SplitSeq(comment.ReplaceAllString(string(b), ""), ";") {
			if s = strings.TrimSpace(s); s != "" {
				*to = append(*to, s)
			}
		}
	}
	return tables, search
}

// Words returns the words of texts for search: letters and digits, case-folded, in normal width, without accents, separated by
// single spaces. Column Words of Products holds them, and a query uses the same form.
func Words(texts ...string) string {
	folded := norm.NFKD.String(cases.Fold().String(norm.NFKC.String(strings.Join(texts, " "))))
	plain := norm.NFC.String(strings.Map(func(r rune) rune {
		switch {
		case unicode.Is(accents, r):
			return -1
		case !unicode.In(r, unicode.L, unicode.M, unicode.N):
			return ' '
		}
		return r
	}, folded))
	return strings.Join(strings.Fields(plain), " ")
}

// accents are the combining marks of Latin, Greek and Cyrillic. Marks of other scripts change the letter, so they stay.
var accents = &unicode.RangeTable{R16: []unicode.Range16{{Lo: 0x300, Hi: 0x36f, Stride: 1}}}
