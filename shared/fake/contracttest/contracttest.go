// Package contracttest checks requests and responses of a web API against its OpenAPI document.
package contracttest

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"
)

// Contract is an OpenAPI document.
type Contract struct {
	document *openapi3.T
	router   routers.Router
}

// Parse returns the contract in a document. It fails when the document is not valid OpenAPI.
func Parse(document []byte) (*Contract, error) {
	loader := openapi3.NewLoader()
	doc, err := loader.LoadFromData(document)
	if err != nil {
		return nil, fmt.Errorf("read OpenAPI document: %w", err)
	}
	if err := doc.Validate(loader.Context); err != nil {
		return nil, fmt.Errorf("validate OpenAPI document: %w", err)
	}
	router, err := gorillamux.NewRouter(doc)
	if err != nil {
		return nil, fmt.Errorf("validate OpenAPI document: %w", err)
	}
	return &Contract{doc, router}, nil
}

// exchange is a request with its response.
type exchange struct {
	request *http.Request
	sent    []byte // the body of the request
	status  int
	header  http.Header
	body    []byte
}

// check returns an error when an exchange violates the contract. It validates each response, and each request that was
// accepted. For a path or method without an operation, see checkUndocumented.
func (c *Contract) check(e exchange) error {
	r := e.request.Clone(e.request.Context())
	r.Body = io.NopCloser(bytes.NewReader(e.sent))
	r.Host, r.URL.Host = "", "" // the document applies to each host
	if e.request.Method == http.MethodHead {
		r.Method = http.MethodGet // documents describe GET only
	}
	route, parameters, err := c.find(r)
	if err != nil {
		return c.checkUndocumented(e, err)
	}
	in := &openapi3filter.RequestValidationInput{
		Request: r, PathParams: parameters, Route: route,
		Options: &openapi3filter.Options{IncludeResponseStatus: true, MultiError: true, AuthenticationFunc: openapi3filter.NoopAuthenticationFunc},
	}
	if e.status < http.StatusBadRequest {
		if err := openapi3filter.ValidateRequest(r.Context(), in); err != nil {
			return fmt.Errorf("server accepted a request that violates the document: %w", err)
		}
	}
	response := route.Operation.Responses.Status(e.status)
	if response == nil {
		return fmt.Errorf("document has no status %d for %s", e.status, route.Operation.OperationID)
	}
	if len(response.Value.Content) == 0 && len(e.body) > 0 {
		return fmt.Errorf("document has no body for status %d", e.status)
	}
	if e.request.Method == http.MethodHead || e.status == http.StatusNotModified {
		return nil
	}
	kind, _, _ := mime.ParseMediaType(e.header.Get("Content-Type"))
	body, err := decompressed(e)
	if err != nil {
		return err
	}
	if media := response.Value.Content.Get(kind); media != nil {
		switch kind {
		case "application/x-ndjson":
			return checkLines(body, media.Schema.Value)
		case "text/event-stream": // OpenAPI 3.1 cannot describe the events
			return nil
		}
	}
	out := &openapi3filter.ResponseValidationInput{RequestValidationInput: in, Status: e.status, Header: e.header, Options: in.Options}
	return openapi3filter.ValidateResponse(r.Context(), out.SetBodyBytes(body))
}

// find returns the operation of a request. The last parameter of a path may contain slashes, which OpenAPI cannot express.
func (c *Contract) find(r *http.Request) (*routers.Route, map[string]string, error) {
	route, parameters, err := c.router.FindRoute(r)
	if !errors.Is(err, routers.ErrPathNotFound) {
		return route, parameters, err
	}
	first, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.EscapedPath(), "/"), "/")
	escaped := "/" + first + "/" + strings.ReplaceAll(rest, "/", "%2F")
	path, unescapeErr := url.PathUnescape(escaped)
	if unescapeErr != nil {
		return nil, nil, err
	}
	whole := *r
	whole.URL = &url.URL{Path: path, RawPath: escaped, RawQuery: r.URL.RawQuery}
	return c.router.FindRoute(&whole)
}

// checkUndocumented checks an exchange without an operation in the document. A response of the web API must be a problem.
// cause is the error of the search for the operation.
func (c *Contract) checkUndocumented(e exchange, cause error) error {
	api := strings.HasPrefix(e.request.URL.Path, "/v1/") || strings.HasPrefix(e.request.URL.Path, "/img/")
	if !api || e.request.Method == http.MethodOptions || e.status == http.StatusMovedPermanently || e.status == http.StatusTemporaryRedirect {
		return nil // a page, a preflight, or a redirect to the clean path
	}
	if e.status < http.StatusBadRequest {
		return fmt.Errorf("status %d for a request without an operation: %w", e.status, cause)
	}
	if got := e.header.Get("Content-Type"); got != "application/problem+json" {
		return fmt.Errorf("status %d with content type %s instead of a problem: %w", e.status, got, cause)
	}
	if e.request.Method == http.MethodHead {
		return nil
	}
	body, err := decompressed(e)
	if err != nil {
		return err
	}
	var v any
	if err := json.Unmarshal(body, &v); err != nil {
		return err
	}
	return c.document.Components.Schemas["Problem"].Value.VisitJSON(v, openapi3.EnableJSONSchema2020(), openapi3.MultiErrors())
}

// decompressed returns the body of a response without its content encoding.
func decompressed(e exchange) ([]byte, error) {
	if e.header.Get("Content-Encoding") != "gzip" {
		return e.body, nil
	}
	z, err := gzip.NewReader(bytes.NewReader(e.body))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(z)
}

// checkLines validates each line of NDJSON with the schema, since OpenAPI 3.1 describes NDJSON by the schema of a line.
func checkLines(body []byte, schema *openapi3.Schema) error {
	lines := bufio.NewScanner(bytes.NewReader(body))
	lines.Buffer(nil, 1<<20)
	for n := 1; lines.Scan(); n++ {
		var v any
		if err := json.Unmarshal(lines.Bytes(), &v); err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
		if err := schema.VisitJSON(v, openapi3.EnableJSONSchema2020(), openapi3.VisitAsResponse()); err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
	}
	return lines.Err()
}
