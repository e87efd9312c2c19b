package main

import (
	"fmt"

	"github.com/hybrid-bts/functions/shared/schema/rendition"
)

// Cache-Control of the responses. A rendition of the requested generation never changes, but a shopper's photo must
// leave every cache soon after its review is hidden, and no cache may keep the response for a hidden photo. Without the
// generation, the limit is the delay until a replaced picture is seen. The response for a rejected picture is cached for
// a minute, so that requests for it do not inspect the original each time.
const (
	cacheImmutable   = "public, max-age=31536000, immutable"
	cacheFiveMinutes = "public, max-age=300"
	cacheOneMinute   = "public, max-age=60"
	cacheNoStore     = "no-store"
)

// cachePhoto is the Cache-Control of a published photo.
var cachePhoto = fmt.Sprintf("public, max-age=%d", int(rendition.PhotoCacheTime.Seconds()))

// cacheControl returns the Cache-Control of a rendition. exact reports whether it is of the generation that the URL names.
func cacheControl(object string, exact bool) string {
	switch {
	case rendition.IsPersonal(object):
		return cachePhoto
	case !exact:
		return cacheFiveMinutes
	}
	return cacheImmutable
}
