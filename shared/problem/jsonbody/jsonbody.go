// Package jsonbody rejects request bodies with a media type that the operation does not document.
//
// A browser sends a body with a form's Content-Type, or with none, to any origin without a preflight request
// (https://fetch.spec.whatwg.org/#cors-safelisted-request-header). huma reads a body without Content-Type as JSON, so
// a page of any site could send one. A media type of JSON needs a preflight request, which CORS answers.
package jsonbody

import (
	"maps"
	"mime"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// RequireContentType adds a middleware to api and returns api. It covers the operations that are registered later. The
// response is 415 when an operation has a body and Content-Type is missing, malformed or not documented. Parameters of the
// media type, such as charset, are ignored.
func RequireContentType(api huma.API) huma.API {
	api.UseMiddleware(func(ctx huma.Context, next func(huma.Context)) {
		body := ctx.Operation().RequestBody
		if body == nil {
			next(ctx)
			return
		}
		kind, _, err := mime.ParseMediaType(ctx.Header("Content-Type"))
		if _, documented := body.Content[kind]; err != nil || !documented {
			kinds := strings.Join(slices.Sorted(maps.Keys(body.Content)), " or ")
			_ = huma.WriteErr(api, ctx, http.StatusUnsupportedMediaType, "Content-Type must be "+kinds) // the client may have disconnected
			return
		}
		next(ctx)
	})
	return api
}
