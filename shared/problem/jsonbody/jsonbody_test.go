package jsonbody_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"

	"github.com/hybrid-bts/functions/shared/problem"
)

type input struct {
	Body struct {
		Stars int `json:"stars"`
	}
}

type patch struct {
	Body struct {
		Stars int `json:"stars"`
	} `contentType:"application/merge-patch+json"`
}

// newHandler returns an API of package problem with a POST, a PATCH with two media types, and a DELETE without a body.
// Each request that reaches an operation increments reached.
func newHandler(reached *int) http.Handler {
	mux := http.NewServeMux()
	api := problem.NewAPI(mux, "Test", "1")
	huma.Register(api, huma.Operation{Method: http.MethodPost, Path: "/x"}, func(context.Context, *input) (*struct{}, error) {
		*reached++
		return nil, nil
	})
	huma.Register(api, huma.Operation{Method: http.MethodPatch, Path: "/x"}, func(context.Context, *patch) (*struct{}, error) {
		*reached++
		return nil, nil
	})
	content := api.OpenAPI().Paths["/x"].Patch.RequestBody.Content
	content["application/json"] = content["application/merge-patch+json"]
	huma.Register(api, huma.Operation{Method: http.MethodDelete, Path: "/x"}, func(context.Context, *struct{}) (*struct{}, error) {
		*reached++
		return nil, nil
	})
	return problem.Handler(mux)
}

func TestOnlyDocumentedMediaTypesReachAnOperation(t *testing.T) {
	for _, tc := range []struct {
		method, contentType string
		detail              string // "" when the operation accepts the request
	}{
		{"POST", "application/json", ""},
		{"POST", "application/json; charset=utf-8", ""},
		{"POST", "", "Content-Type must be application/json"},
		{"POST", "text/plain", "Content-Type must be application/json"},
		{"POST", "text/plain; x=application/json", "Content-Type must be application/json"},
		{"POST", "text/plain,application/json", "Content-Type must be application/json"},
		{"POST", "application/x-www-form-urlencoded", "Content-Type must be application/json"},
		{"POST", "multipart/form-data; boundary=x", "Content-Type must be application/json"},
		{"POST", "application/octet-stream", "Content-Type must be application/json"},
		{"POST", "image/svg+json", "Content-Type must be application/json"},
		{"POST", "application/merge-patch+json", "Content-Type must be application/json"},
		{"POST", "json", "Content-Type must be application/json"},
		{"POST", "application/json; =", "Content-Type must be application/json"},
		{"PATCH", "application/merge-patch+json", ""},
		{"PATCH", "application/json", ""},
		{"PATCH", "", "Content-Type must be application/json or application/merge-patch+json"},
		{"PATCH", "text/plain", "Content-Type must be application/json or application/merge-patch+json"},
		{"DELETE", "", ""},
		{"DELETE", "text/plain", ""},
	} {
		t.Run(tc.method+" "+tc.contentType, func(t *testing.T) {
			reached := 0
			r := httptest.NewRequest(tc.method, "/x", strings.NewReader(`{"stars":5}`))
			if tc.contentType != "" {
				r.Header.Set("Content-Type", tc.contentType)
			}
			w := httptest.NewRecorder()
			w.Header().Set("X-Request-Id", "r1")
			newHandler(&reached).ServeHTTP(w, r)
			if tc.detail == "" {
				if w.Code != http.StatusNoContent || reached != 1 {
					t.Errorf("%d %s, want 204", w.Code, w.Body)
				}
				return
			}
			var got problem.Problem
			if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
				t.Fatal(err)
			}
			if w.Code != http.StatusUnsupportedMediaType || w.Header().Get("Content-Type") != problem.ContentType || got.Detail != tc.detail || got.RequestID != "r1" {
				t.Errorf("%d %s %s, want a 415 problem with the detail %q", w.Code, w.Header().Get("Content-Type"), w.Body, tc.detail)
			}
			if reached != 0 {
				t.Error("the request reached the operation")
			}
		})
	}
}
