// Openapi writes the contract of the whole web API: functions/api/contract/openapi.json, which api serves at /openapi.json,
// and the page of it that api serves at /docs.
//
//	go run ./scripts/openapi
//
// A function with a web API keeps its document, functions/NAME/openapi.json, by a golden test. The contract joins these
// documents. The title and the description of a document become a section of the page.
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

	"github.com/hybrid-bts/functions/scripts/deploy"
	"github.com/hybrid-bts/functions/shared/limit"
)

func main() {
	if err := run("."); err != nil {
		fmt.Fprintln(os.Stderr, "openapi:", err)
		os.Exit(1)
	}
}

// contract is the folder of the written files, which api embeds.
const contract = "functions/api/contract"

// run writes the files into the repository at root. After an error, none or some of them are written.
func run(root string) error {
	files, err := build(root)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		err = errors.Join(err, os.WriteFile(filepath.Join(root, contract, name), files[name], 0o644))
	}
	return err
}

// build returns the contents of the files by name.
func build(root string) (map[string][]byte, error) {
	parts, err := read(root)
	if err != nil {
		return nil, err
	}
	whole, err := join(parts, requiresIDToken())
	if err != nil {
		return nil, err
	}
	var document bytes.Buffer
	e := json.NewEncoder(&document)
	// The document is not embedded in HTML, and should be readable.
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

// part is the document of a function.
type part struct {
	// function is the folder in functions/.
	function string
	// Info.Title becomes the tag of the operations, and Info.Description the text of the tag.
	Info struct{ Title, Description string }
	// Paths are operations by path and method.
	Paths map[string]map[string]object
	// Components are shared by the operations. Names of schemas are unique in the contract.
	Components struct{ Schemas, SecuritySchemes object }
}

// read returns the documents of the functions. Functions that everybody may call come first; functions are sorted by name.
func read(root string) ([]part, error) {
	files, err := filepath.Glob(filepath.Join(root, "functions", "*", "openapi.json"))
	if err != nil {
		return nil, err
	}
	var all []part
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		p := part{function: filepath.Base(filepath.Dir(file))}
		if err := json.Unmarshal(b, &p); err != nil {
			return nil, fmt.Errorf("decode %s: %w", file, err)
		}
		if p.Info.Title == "" || p.Info.Description == "" {
			return nil, fmt.Errorf("%s has no title or no description; set Info.Title and Info.Description where the function registers its operations", file)
		}
		all = append(all, p)
	}
	// Readers of /docs are most often front-end developers.
	restricted := requiresIDToken()
	rank := func(p part) int {
		if restricted[p.function] || len(p.Components.SecuritySchemes) > 0 {
			return 1
		}
		return 0
	}
	slices.SortStableFunc(all, func(a, b part) int { return rank(a) - rank(b) })
	return all, nil
}

// requiresIDToken returns the functions that Cloud Run serves only to callers with an ID token of Google. services.csv
// decides, because the functions do not check the token.
func requiresIDToken() map[string]bool {
	all := map[string]bool{}
	for _, s := range deploy.Services() {
		all[s.Function] = !s.Public
	}
	return all
}

// about returns the description of the contract, one paragraph a line. Each instance of a function counts the requests of
// a client by itself, so the description has the rate of an instance and the highest number of instances.
func about() string {
	instances := 0
	for _, s := range deploy.Services() {
		instances = max(instances, s.MaxInstances)
	}
	return fmt.Sprintf(aboutFormat, limit.Default.Requests, int(limit.Default.Per.Seconds()), instances)
}

const aboutFormat = `Every response has the header X-Request-Id. Quote its value when you report a problem. If a request has the header traceparent, its trace ID is the value. Errors are problem documents (RFC 9457). Their field errors points to the parts of the request to change.

Lists come in pages. A page token is valid for the query that returned it. It marks a position: reviews and products that are added later do not shift the pages.

Responses to reads have an ETag. A request whose If-None-Match names it is answered with 304. HEAD works wherever GET does. Longer responses are compressed with gzip if the request accepts it.

Changes (POST, PATCH, DELETE) are limited for each client: %d in %d seconds on each of up to %d instances. A client is an IPv4 address or an IPv6 network of 64 bits. The headers RateLimit-Policy and RateLimit contain the limit and the remaining requests. 429 and 503 have the header Retry-After: 429 means that the limit is reached, 503 is a fault of the server that may pass.

Pages of other origins may call the API from a browser if the deployment lists these origins.

IDs, page tokens and author tokens are opaque. Responses may get new fields; clients must ignore unknown fields.`

// object is a JSON object.
type object = map[string]any

// join returns the parts as one OpenAPI 3.1 document, and fails if they contradict each other. Operations of
// functions in restricted need an ID token of Google.
func join(parts []part, restricted map[string]bool) (object, error) {
	paths, schemas := object{}, object{}
	// Functions behind Cloud Run's own check of tokens share this scheme.
	schemes := object{"google": object{"type": "http", "scheme": "bearer", "bearerFormat": "an ID token of Google"}}
	var tags []any
	for _, p := range parts {
		for path, operations := range p.Paths {
			if paths[path] != nil {
				return nil, fmt.Errorf("several functions have the path %s", path)
			}
			for method, operation := range operations {
				complete(operation, method, p.Info.Title, restricted[p.function])
			}
			paths[path] = operations
		}
		// Functions may share a schema, such as that of problems, if they agree on it.
		for name, schema := range p.Components.Schemas {
			if before, ok := schemas[name]; ok && !reflect.DeepEqual(before, schema) {
				return nil, fmt.Errorf("functions declare different schemas of the name %s; rename one", name)
			}
			schemas[name] = schema
		}
		maps.Copy(schemes, p.Components.SecuritySchemes)
		tags = append(tags, object{"name": p.Info.Title, "description": p.Info.Description})
	}
	// The gateway and the load balancer serve all functions at one address.
	return object{
		"openapi":    "3.1.0",
		"info":       object{"title": "HYBRID-BTS web API", "version": "1", "description": about(), "license": object{"name": "Apache 2.0", "identifier": "Apache-2.0"}},
		"servers":    []any{object{"url": "/"}},
		"tags":       tags,
		"paths":      paths,
		"components": object{"schemas": schemas, "securitySchemes": schemes},
	}, nil
}

// complete adds to an operation the parts that are the same everywhere: the tag, the security of Cloud Run, and the headers that
// the library sets around the function's own code.
func complete(operation object, method, tag string, restricted bool) {
	operation["tags"] = []any{tag}
	// Security in the function's own document means operators. Their responses are neither cached nor limited.
	ownSecurity := operation["security"] != nil
	if restricted {
		operation["security"] = []any{object{"google": []any{}}}
	}
	header := func(description string) object {
		return object{"description": description, "schema": object{"type": "string"}}
	}
	responses := operation["responses"].(map[string]any)
	for status, response := range responses {
		r := response.(map[string]any)
		// Headers of the function itself stay.
		headers, ok := r["headers"].(map[string]any)
		if !ok {
			headers = object{}
			r["headers"] = headers
		}
		headers["X-Request-Id"] = header("ID of this request. Quote it when you report a problem.")
		if status == strconv.Itoa(429) || status == strconv.Itoa(503) {
			headers["Retry-After"] = header("Seconds to wait before the next attempt.")
		}
		// shared/limit counts changes only. An operation that it counts lists 429.
		changes := method != "get"
		if changes && responses["429"] != nil {
			headers["RateLimit"] = header("Remaining requests, and seconds until the limit is fully available again.")
			headers["RateLimit-Policy"] = header("Number of changes that a client may request, and the period in seconds.")
		}
		if !changes && !ownSecurity && (status == "200" || status == "304") {
			headers["ETag"] = header("The entity tag of the response, for If-None-Match.")
			headers["Cache-Control"] = header("Lifetime in private and shared caches (RFC 9111).")
		}
	}
}
