package main

import (
	"compress/gzip"
	"fmt"
	"mime"
	"net/http"
	"reflect"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	encoding "github.com/go-json-experiment/json"

	"github.com/hybrid-bts/functions/shared/etag"
)

// answer is what huma takes from an operation that writes its answer itself.
type answer struct{ Body func(huma.Context) }

func typeOf[T any]() reflect.Type { return reflect.TypeFor[T]() }

// format is how customers are written.
type format string

const (
	json   format = "json"   // in pages
	ndjson format = "ndjson" // one object a line, as a stream
	csv    format = "csv"    // as a stream
)

// mediaType is what the format is called in an Accept header.
func (f format) mediaType() string {
	switch f {
	case ndjson:
		return "application/x-ndjson"
	case csv:
		return "text/csv"
	}
	return "application/json"
}

// negotiate returns the one of the offers that an Accept header likes best (RFC 9110, section 12.5.1),
// the first of equals. Without a header it is the first.
func negotiate(accept []string, offers ...format) (format, error) {
	header := strings.Join(accept, ",")
	if strings.TrimSpace(header) == "" {
		return offers[0], nil
	}
	var best format
	bestQ := 0.
	for _, offer := range offers {
		q, specific := 0., 0
		for part := range strings.SplitSeq(header, ",") {
			kind, parameters, err := mime.ParseMediaType(part)
			if err != nil {
				continue
			}
			if n := matches(kind, offer.mediaType()); n > specific {
				q, specific = quality(parameters["q"]), n
			}
		}
		if q > bestQ {
			best, bestQ = offer, q
		}
	}
	if best == "" {
		var types []string
		for _, offer := range offers {
			types = append(types, offer.mediaType())
		}
		return "", unacceptable("asks for none of " + strings.Join(types, ", "))
	}
	return best, nil
}

// matches says how exactly a media range names a type: 0 not at all, 3 fully.
func matches(pattern, kind string) int {
	major, _, _ := strings.Cut(kind, "/")
	switch pattern {
	case kind:
		return 3
	case major + "/*":
		return 2
	case "*/*":
		return 1
	}
	return 0
}

func quality(q string) float64 {
	if q == "" {
		return 1
	}
	v, err := strconv.ParseFloat(q, 64)
	if err != nil || !(v >= 0 && v <= 1) {
		return 0
	}
	return v
}

// unacceptable is answered 406.
type unacceptable string

func (u unacceptable) Error() string  { return string(u) }
func (u unacceptable) GetStatus() int { return http.StatusNotAcceptable }
func (u unacceptable) ErrorDetail() *huma.ErrorDetail {
	return &huma.ErrorDetail{Location: "header.Accept", Message: string(u)}
}

// zips reports whether the caller takes gzip.
func zips(r *http.Request) bool {
	for part := range strings.SplitSeq(strings.Join(r.Header.Values("Accept-Encoding"), ","), ",") {
		coding, parameter, _ := strings.Cut(part, ";")
		if strings.EqualFold(strings.TrimSpace(coding), "gzip") {
			name, q, _ := strings.Cut(parameter, "=")
			return !strings.EqualFold(strings.TrimSpace(name), "q") || quality(strings.TrimSpace(q)) > 0
		}
	}
	return false
}

// personal sets what every answer carries: no cache keeps it for another caller.
func personal(h http.Header, contentType, caching string) {
	h.Set("Content-Type", contentType)
	h.Set("Cache-Control", "private, "+caching)
	h.Set("Vary", "Accept, Accept-Encoding")
	h.Set("X-Content-Type-Options", "nosniff")
}

// jsonAnswer answers with v, or with 304 when the caller has it.
func jsonAnswer(v any) (*answer, error) {
	body, err := encoding.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("write page: %w", err)
	}
	body = append(body, '\n')
	return &answer{func(ctx huma.Context) {
		r, w := humago.Unwrap(ctx)
		tag := etag.Weak(body) // also valid for the compressed body
		h := w.Header()
		personal(h, "application/json", "no-cache")
		h.Set("ETag", tag)
		if etag.NoneMatch(r.Header, tag) {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		if r.Method == http.MethodHead || !zips(r) {
			h.Set("Content-Length", strconv.Itoa(len(body)))
			_, _ = w.Write(body) // a caller who is gone cannot be told; net/http drops it of HEAD
			return
		}
		h.Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		_, _ = z.Write(body)
		_ = z.Close()
	}}, nil
}
