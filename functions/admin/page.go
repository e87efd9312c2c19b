package main

import (
	"bytes"
	"embed"
	"html/template"
	"log/slog"
	"net/http"
	"net/url"
	"path"
	"time"

	"github.com/hybrid-bts/functions/shared/etag"
	"github.com/hybrid-bts/functions/shared/schema/rendition"
	wire "github.com/hybrid-bts/functions/shared/schema/review"
)

//go:embed web
var web embed.FS

var indexTemplate = template.Must(template.ParseFS(web, "web/index.html"))

// operatorPage serves the page of operators and its files. They contain no data, so they are public. The page reads the
// API with the token of the operator.
type operatorPage struct {
	issuer        *issuer
	client, scope string // parameters of the authorization request
}

func (p *operatorPage) register(mux *http.ServeMux) {
	mux.HandleFunc("GET /admin", p.index)
	for _, file := range []string{"admin.css", "admin.js", "api.js", "audit.js", "bulk.js", "chart.js", "dom.js", "drafts.js", "login.js", "words.js"} {
		mux.Handle("GET /admin/"+file, asset(file))
	}
}

// loginConfig configures the login of the page. All fields are empty while the issuer is unavailable.
type loginConfig struct{ Authorize, Token, Client, Scope string }

// index answers GET /admin. Its content security policy depends on the token endpoint of the issuer.
func (p *operatorPage) index(w http.ResponseWriter, r *http.Request) {
	var l loginConfig
	connect := "'self'"
	m, err := p.issuer.metadata(r.Context())
	if err != nil {
		slog.ErrorContext(r.Context(), "login is unavailable", "err", err)
	} else {
		l = loginConfig{m.authorizeURL, m.tokenURL, p.client, p.scope}
		if u, err := url.Parse(m.tokenURL); err == nil {
			connect += " " + u.Scheme + "://" + u.Host
		}
	}
	var b bytes.Buffer
	data := struct {
		loginConfig
		MaxReason, MaxReply int // in characters; the API checks the same limits
		PhotoCache          int // time for which caches may keep a photo of a hidden review, in seconds
	}{l, wire.MaxReason, wire.MaxReply, int(rendition.PhotoCacheTime.Seconds())}
	if err := indexTemplate.Execute(&b, data); err != nil {
		panic(err) // the embedded template accepts all strings
	}
	setSecurityHeaders(w.Header())
	// The page may load its own files only, and connect to its own host and to the token endpoint.
	w.Header().Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src data: blob:; connect-src "+connect+
		"; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'")
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", cacheNoStore)
	_, _ = w.Write(b.Bytes()) // an error means that the client has disconnected
}

// setSecurityHeaders sets the headers that the page and its files share.
func setSecurityHeaders(h http.Header) {
	h.Set("Referrer-Policy", "no-referrer") // after a login the URL contains the authorization code
	h.Set("X-Robots-Tag", "noindex")
}

// asset returns the handler of a file of the page. Browsers cache the file and revalidate it by its ETag.
func asset(file string) http.Handler {
	b, err := web.ReadFile(path.Join("web", file))
	if err != nil {
		panic(err) // the file is embedded
	}
	tag := etag.Strong(b)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		setSecurityHeaders(w.Header())
		w.Header().Set("ETag", tag)
		w.Header().Set("Cache-Control", cacheRevalidate)
		http.ServeContent(w, r, file, time.Time{}, bytes.NewReader(b))
	})
}
