// Package routes holds which function serves which path: one table, routes.json, that the local
// gateway and the load balancer's URL map are both made from.
package routes

import (
	_ "embed"
	"encoding/json"
	"strings"
)

//go:embed routes.json
var table []byte

// Route sends a path, and what is below it, to a function.
type Route struct {
	Prefix   string `json:"prefix"`
	Function string `json:"function"` // its folder in functions/
}

// All returns the table, the longest prefix of a path first; the last route takes every path.
func All() []Route {
	var all []Route
	if err := json.Unmarshal(table, &all); err != nil {
		panic(err) // a test reads it
	}
	return all
}

// Takes reports whether the route takes a path.
func (r Route) Takes(path string) bool {
	return path == r.Prefix || strings.HasPrefix(path, strings.TrimSuffix(r.Prefix, "/")+"/")
}
