package main

import (
	"mime"
	"net/http"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// format is a representation of customers in a response.
type format string

const (
	json   format = "json"   // pages
	ndjson format = "ndjson" // one stream, one JSON object per line
	csv    format = "csv"    // one stream, RFC 4180
	// One stream, a file of columns.
	parquet format = "parquet"
)

// isStream reports whether the format is one stream of all customers.
func (f format) isStream() bool { return f == ndjson || f == csv || f == parquet }

// mediaType returns the media type of the format in Accept and Content-Type headers.
func (f format) mediaType() string {
	switch f {
	case ndjson:
		return "application/x-ndjson"
	case csv:
		return "text/csv"
	case parquet:
		return "application/vnd.apache.parquet"
	}
	return "application/json"
}

// negotiate returns the offer with the highest quality value in the Accept header lines (RFC 9110, section 12.5.1).
// Ties go to the earlier offer. Without an Accept header it returns the first offer. The error is a notAcceptableError.
func negotiate(accept []string, offers ...format) (format, error) {
	header := strings.Join(accept, ",")
	if strings.TrimSpace(header) == "" {
		return offers[0], nil
	}
	var best format
	bestQuality := 0.
	for _, offer := range offers {
		offerQuality, specificity := 0., 0
		for part := range strings.SplitSeq(header, ",") {
			mediaRange, parameters, err := mime.ParseMediaType(part)
			if err != nil {
				continue
			}
			if n := matchSpecificity(mediaRange, offer.mediaType()); n > specificity {
				offerQuality, specificity = parseQuality(parameters["q"]), n
			}
		}
		if offerQuality > bestQuality {
			best, bestQuality = offer, offerQuality
		}
	}
	if best == "" {
		var types []string
		for _, offer := range offers {
			types = append(types, offer.mediaType())
		}
		return "", notAcceptableError("no acceptable media type; available: " + strings.Join(types, ", "))
	}
	return best, nil
}

// matchSpecificity returns the precedence of a media range for a media type: 3 for the type itself, 2 for type/*,
// 1 for */*, and 0 if the range does not include the type.
func matchSpecificity(mediaRange, mediaType string) int {
	major, _, _ := strings.Cut(mediaType, "/")
	switch mediaRange {
	case mediaType:
		return 3
	case major + "/*":
		return 2
	case "*/*":
		return 1
	}
	return 0
}

// parseQuality returns a quality value, 0 to 1 (RFC 9110, section 12.4.2). An absent value is 1, an invalid one 0.
func parseQuality(q string) float64 {
	if q == "" {
		return 1
	}
	v, err := strconv.ParseFloat(q, 64)
	if err != nil || !(v >= 0 && v <= 1) {
		return 0
	}
	return v
}

// notAcceptableError is the message of a 406 response. problem.Handler takes the status and the location from its methods.
type notAcceptableError string

// Error returns the message.
func (e notAcceptableError) Error() string { return string(e) }

// GetStatus returns the status of the response.
func (e notAcceptableError) GetStatus() int { return http.StatusNotAcceptable }

// ErrorDetail returns the detail that names the Accept header.
func (e notAcceptableError) ErrorDetail() *huma.ErrorDetail {
	return &huma.ErrorDetail{Location: "header.Accept", Message: string(e)}
}

// acceptsGzip reports whether the Accept-Encoding header lists gzip with a quality value above 0.
func acceptsGzip(r *http.Request) bool {
	for part := range strings.SplitSeq(strings.Join(r.Header.Values("Accept-Encoding"), ","), ",") {
		coding, parameter, _ := strings.Cut(part, ";")
		if strings.EqualFold(strings.TrimSpace(coding), "gzip") {
			name, q, _ := strings.Cut(parameter, "=")
			return !strings.EqualFold(strings.TrimSpace(name), "q") || parseQuality(strings.TrimSpace(q)) > 0
		}
	}
	return false
}
