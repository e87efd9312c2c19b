// Package spannerdb opens the shop's Spanner database, whose schema it holds.
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

// Open returns a client of the database with the given full name. It does not wait for the
// database: the first request does. The client library reads SPANNER_EMULATOR_HOST; opts are for tests.
func Open(ctx context.Context, name string, opts ...option.ClientOption) (*spanner.Client, error) {
	// Spanner's own metrics are there without the client's, which take a second client at start.
	db, err := spanner.NewClientWithConfig(ctx, name, spanner.ClientConfig{DisableNativeMetrics: true}, opts...)
	if err != nil {
		return nil, fmt.Errorf("open Spanner database %s: %w", name, err)
	}
	return db, nil
}

var comment = regexp.MustCompile(`--[^\n]*`)

// Schema returns the statements that make an empty database the shop's, in order. Those of search are
// last and apart, since not every engine knows them. No string of theirs holds a semicolon or two dashes.
func Schema() (tables, search []string) {
	names, err := fs.Glob(files, "schema/*.sql")
	if err != nil {
		panic(err) // the pattern above is well-formed
	}
	for _, name := range names {
		b, err := files.ReadFile(name)
		if err != nil {
			panic(err) // it is embedded
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

// Words returns the words of texts as search compares them, with a space between two: letters and digits,
// in one case and width, without accents. It is what the column Words of Products holds.
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

// accents are those of Latin, Greek and Cyrillic; the marks of other scripts make other letters.
var accents = &unicode.RangeTable{R16: []unicode.Range16{{Lo: 0x300, Hi: 0x36f, Stride: 1}}}
