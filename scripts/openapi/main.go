// Openapi writes the contract of the whole web API, from the documents of its functions.
//
//	go run ./scripts/openapi
//
// Each function that has a web API keeps its document, openapi.json, by a test. This joins them to the one that
// api serves at /openapi.json, and makes of that the page at /docs. Image, sentiment and alert are told of events,
// and have no web API.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
)

func main() {
	if err := run("."); err != nil {
		fmt.Fprintln(os.Stderr, "openapi:", err)
		os.Exit(1)
	}
}

// contract is where the files are, which api embeds.
const contract = "functions/api/contract"

// run writes the files of the repository at root.
func run(root string) error {
	files, err := build(root)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		err = errors.Join(err, os.WriteFile(filepath.Join(root, contract, name), files[name], 0o644))
	}
	return err
}

// build returns the files by their names.
func build(root string) (map[string][]byte, error) {
	whole, err := join(root)
	if err != nil {
		return nil, err
	}
	var document bytes.Buffer
	e := json.NewEncoder(&document)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(whole); err != nil {
		return nil, err
	}
	page, err := render(document.Bytes())
	if err != nil {
		return nil, err
	}
	return map[string][]byte{"openapi.json": document.Bytes(), "docs.html": page}, nil
}

// part is a function with a web API.
type part struct {
	function, title, text string
	signedIn              bool // callers must be let in by Cloud Run
	operators             bool // callers must be operators, who are not limited; nothing is kept of what they get
}

var parts = []part{
	{function: "api", title: "Shop", text: "Products, ratings and reviews. What authors and readers want of a review is accepted with 202, and done within seconds."},
	{function: "review", title: "Submitting", text: "New reviews, and leave to upload their photos."},
	{function: "resize", title: "Pictures", text: "Every size of every picture. The addresses are those that products and reviews give."},
	{
		function: "admin", title: "Operators", operators: true,
		text: "Reviews that are held or rejected, replies to reviews, and what could not be handled. Callers need an ID token of the shop's issuer, with the role of an operator.",
	},
	{
		function: "city", title: "Customers", signedIn: true,
		text: "The customers who live in a city, for analysts. Personal data: callers need an ID token of Google's and the right to call the service.",
	},
}

const about = `Every answer has X-Request-Id, to be named when something went wrong; a trace that comes with the request (traceparent) gives it. What is wrong is answered with a problem document (RFC 9457): its errors point to what to change.

Lists come in pages. A page token is good for the query that gave it, and holds its place: what is added meanwhile moves nothing.

Reads have an ETag, and are answered 304 to a request that names it in If-None-Match. HEAD works wherever GET does. Longer answers are zipped for who takes gzip.

Changes (POST, PATCH, DELETE) are limited per client: 30 a minute, of each instance of which there are up to four, counted by IPv4 address or IPv6 network of 64 bits. RateLimit-Policy and RateLimit tell what there is and what is left, 429 with Retry-After when to come again. 503 with Retry-After is trouble of ours that may pass.

Pages of other origins may call it from a browser when the deployment lists them.

Ids, page tokens and author tokens are opaque. Fields may be added to answers; a client should pass over those that it does not know.`

type object = map[string]any

// join returns the documents of the functions as one.
func join(root string) (object, error) {
	paths, schemas := object{}, object{}
	schemes := object{"google": object{"type": "http", "scheme": "bearer", "bearerFormat": "an ID token of Google's"}}
	var tags []any
	for _, p := range parts {
		file := filepath.Join(root, "functions", p.function, "openapi.json")
		b, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		var document struct {
			Paths      map[string]map[string]object
			Components struct{ Schemas, SecuritySchemes object }
		}
		if err := json.Unmarshal(b, &document); err != nil {
			return nil, fmt.Errorf("read %s: %w", file, err)
		}
		for path, operations := range document.Paths {
			if paths[path] != nil {
				return nil, fmt.Errorf("two functions have the path %s", path)
			}
			for method, operation := range operations {
				complete(operation, method, p)
			}
			paths[path] = operations
		}
		for name, schema := range document.Components.Schemas {
			if before, ok := schemas[name]; ok && !reflect.DeepEqual(before, schema) {
				return nil, fmt.Errorf("two functions have a schema %s, and not the same", name)
			}
			schemas[name] = schema
		}
		maps.Copy(schemes, document.Components.SecuritySchemes)
		tags = append(tags, object{"name": p.title, "description": p.text})
	}
	return object{
		"openapi":    "3.1.0",
		"info":       object{"title": "HYBRID-BTS web API", "version": "1", "description": about, "license": object{"name": "Apache 2.0", "identifier": "Apache-2.0"}},
		"servers":    []any{object{"url": "/"}},
		"tags":       tags,
		"paths":      paths,
		"components": object{"schemas": schemas, "securitySchemes": schemes},
	}, nil
}

// complete adds to an operation what all have in common: headers that are set around the functions' own code.
func complete(operation object, method string, p part) {
	operation["tags"] = []any{p.title}
	if p.signedIn {
		operation["security"] = []any{object{"google": []any{}}}
	}
	header := func(description string) object {
		return object{"description": description, "schema": object{"type": "string"}}
	}
	responses := operation["responses"].(map[string]any)
	for status, response := range responses {
		r := response.(map[string]any)
		headers, ok := r["headers"].(map[string]any)
		if !ok {
			headers = object{}
			r["headers"] = headers
		}
		headers["X-Request-Id"] = header("What to name when asking about this request.")
		if status == strconv.Itoa(429) || status == strconv.Itoa(503) {
			headers["Retry-After"] = header("Seconds to wait before trying again.")
		}
		changes := method != "get"
		if changes && p.function != "city" && !p.operators {
			headers["RateLimit"] = header("What is left of the limit, and in how many seconds all of it is there again.")
			headers["RateLimit-Policy"] = header("How many changes a client may ask for in how many seconds.")
		}
		if p.operators {
			continue
		}
		if !changes && (status == "200" || status == "304") {
			headers["ETag"] = header("Of the answer, for If-None-Match.")
			headers["Cache-Control"] = header("How long it may be kept, and by whom.")
		}
	}
}
