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

	"cloud.google.com/go/spanner"
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
