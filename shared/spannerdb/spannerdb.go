// Package spannerdb opens the shop's Spanner database, whose schema it holds.
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

// Schema returns the statements that make an empty database the shop's, in order. No string of
// theirs holds a semicolon or two dashes.
func Schema() []string {
	names, err := fs.Glob(files, "schema/*.sql")
	if err != nil {
		panic(err) // the pattern above is well-formed
	}
	var statements []string
	for _, name := range names {
		b, err := files.ReadFile(name)
		if err != nil {
			panic(err) // it is embedded
		}
		for s := range strings.SplitSeq(comment.ReplaceAllString(string(b), ""), ";") {
			if s = strings.TrimSpace(s); s != "" {
				statements = append(statements, s)
			}
		}
	}
	return statements
}
