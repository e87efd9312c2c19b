// Package contracttest checks that a web API answers as its OpenAPI document says.
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

// Contract is an OpenAPI document that answers can be checked against.
type Contract struct {
	document *openapi3.T
	router   routers.Router
}

// Parse reads an OpenAPI document, which must be a valid one.
func Parse(document []byte) (*Contract, error) {
	loader := openapi3.NewLoader()
	doc, err := loader.LoadFromData(document)
	if err != nil {
		return nil, fmt.Errorf("read OpenAPI document: %w", err)
	}
	if err := doc.Validate(loader.Context); err != nil {
		return nil, fmt.Errorf("OpenAPI document: %w", err)
	}
	router, err := gorillamux.NewRouter(doc)
	if err != nil {
		return nil, fmt.Errorf("OpenAPI document: %w", err)
	}
	return &Contract{doc, router}, nil
}

// exchange is a request and the answer to it.
type exchange struct {
	request *http.Request
	sent    []byte // the body of the request
	status  int
	header  http.Header
	body    []byte
}

// check says what of an exchange is not as the document says: a request that was accepted, and any answer.
// What has no place in the document must be answered with a problem, if it is a part of the web API.
func (c *Contract) check(e exchange) error {
	r := e.request.Clone(e.request.Context())
	r.Body = io.NopCloser(bytes.NewReader(e.sent))
	r.Host, r.URL.Host = "", "" // the document is of any host
	if e.request.Method == http.MethodHead {
		r.Method = http.MethodGet // which the document speaks of
	}
	route, parameters, err := c.find(r)
	if err != nil {
		return c.checkStranger(e, err)
	}
	in := &openapi3filter.RequestValidationInput{
		Request: r, PathParams: parameters, Route: route,
		Options: &openapi3filter.Options{IncludeResponseStatus: true, MultiError: true, AuthenticationFunc: openapi3filter.NoopAuthenticationFunc},
	}
	if e.status < http.StatusBadRequest {
		if err := openapi3filter.ValidateRequest(r.Context(), in); err != nil {
			return fmt.Errorf("accepted, though the document refuses it: %w", err)
		}
	}
	response := route.Operation.Responses.Status(e.status)
	if response == nil {
		return fmt.Errorf("the document knows no status %d of %s", e.status, route.Operation.OperationID)
	}
	if len(response.Value.Content) == 0 && len(e.body) > 0 {
		return fmt.Errorf("the document knows no body of status %d", e.status)
	}
	if e.request.Method == http.MethodHead || e.status == http.StatusNotModified {
		return nil
	}
	kind, _, _ := mime.ParseMediaType(e.header.Get("Content-Type"))
	body, err := unzipped(e)
	if err != nil {
		return err
	}
	if media := response.Value.Content.Get(kind); media != nil {
		switch kind {
		case "application/x-ndjson":
			return checkLines(body, media.Schema.Value)
		case "text/event-stream": // of which OpenAPI 3.1 can say no more
			return nil
		}
	}
	out := &openapi3filter.ResponseValidationInput{RequestValidationInput: in, Status: e.status, Header: e.header, Options: in.Options}
	return openapi3filter.ValidateResponse(r.Context(), out.SetBodyBytes(body))
}

// find returns the operation of a request. The last parameter of a path may hold slashes, which OpenAPI cannot say.
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

// checkStranger checks an exchange that the document has no operation for.
func (c *Contract) checkStranger(e exchange, why error) error {
	api := strings.HasPrefix(e.request.URL.Path, "/v1/") || strings.HasPrefix(e.request.URL.Path, "/img/")
	if !api || e.request.Method == http.MethodOptions || e.status == http.StatusMovedPermanently || e.status == http.StatusTemporaryRedirect {
		return nil // a page, a preflight, or the way to the path as it should be written
	}
	if e.status < http.StatusBadRequest {
		return fmt.Errorf("answered %d, and the document does not know it: %w", e.status, why)
	}
	if got := e.header.Get("Content-Type"); got != "application/problem+json" {
		return fmt.Errorf("answered %d with %s, which is no problem: %w", e.status, got, why)
	}
	if e.request.Method == http.MethodHead {
		return nil
	}
	body, err := unzipped(e)
	if err != nil {
		return err
	}
	var v any
	if err := json.Unmarshal(body, &v); err != nil {
		return err
	}
	return c.document.Components.Schemas["Problem"].Value.VisitJSON(v, openapi3.EnableJSONSchema2020(), openapi3.MultiErrors())
}

func unzipped(e exchange) ([]byte, error) {
	if e.header.Get("Content-Encoding") != "gzip" {
		return e.body, nil
	}
	z, err := gzip.NewReader(bytes.NewReader(e.body))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(z)
}

// checkLines checks NDJSON, which OpenAPI 3.1 describes by the schema of a line.
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
