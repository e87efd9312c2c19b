// Package routes assigns URL paths to functions. Its table, routes.json, is the only source of the local gateway's
// routes and of the load balancer's URL map.
package routes

import (
	_ "embed"
	"encoding/json"
	"strings"
)

//go:embed routes.json
var table []byte

// Route sends a path and the paths below it to a function.
type Route struct {
	// Prefix is a path without a trailing slash, such as /v1/reviews, or "/" for every path.
	Prefix string `json:"prefix"`
	// Function is the name of the function's folder in functions/.
	Function string `json:"function"`
}

// All returns the table in order of precedence: the first route that matches a path serves it. The last route matches
// every path. All panics if the table is malformed, which a test rules out.
func All() []Route {
	var all []Route
	if err := json.Unmarshal(table, &all); err != nil {
		panic(err)
	}
	return all
}

// Matches reports whether path equals the route's prefix or is below it. The prefix "/a" matches "/a/b", not "/ab".
func (r Route) Matches(path string) bool {
	return path == r.Prefix || strings.HasPrefix(path, strings.TrimSuffix(r.Prefix, "/")+"/")
}
