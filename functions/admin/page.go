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
)

//go:embed web
var web embed.FS

var indexTemplate = template.Must(template.ParseFS(web, "web/index.html"))

// operatorPage serves the operator's page. It holds no data, so anybody may load it; what it shows it gets from the API, with
// the token that the issuer gives it.
type operatorPage struct {
	issuer        *issuer
	client, scope string // of the authorization request
}

func (p *operatorPage) register(mux *http.ServeMux) {
	mux.HandleFunc("GET /admin", p.index)
	for _, file := range []string{"admin.css", "admin.js", "api.js", "chart.js", "login.js", "words.js"} {
		mux.Handle("GET /admin/"+file, asset(file))
	}
}

// loginConfig is how the page has somebody log in; all of it is empty while the issuer is away.
type loginConfig struct{ Authorize, Token, Client, Scope string }

// index answers GET /admin.
func (p *operatorPage) index(w http.ResponseWriter, r *http.Request) {
	var l loginConfig
	connect := "'self'"
	m, err := p.issuer.metadata(r.Context())
	if err != nil {
		slog.ErrorContext(r.Context(), "nobody can log in", "err", err)
	} else {
		l = loginConfig{m.authorizeURL, m.tokenURL, p.client, p.scope}
		if u, err := url.Parse(m.tokenURL); err == nil {
			connect += " " + u.Scheme + "://" + u.Host
		}
	}
	var b bytes.Buffer
	if err := indexTemplate.Execute(&b, l); err != nil {
		panic(err) // the template is ours, and takes any strings
	}
	setSecurityHeaders(w.Header())
	// The page loads its own files, and speaks to its own host and to the one that gives tokens.
	w.Header().Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src "+connect+
		"; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'")
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write(b.Bytes()) // a browser that is gone cannot be told
}

func setSecurityHeaders(h http.Header) {
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer") // the address holds the code for a moment
	h.Set("X-Robots-Tag", "noindex")
}

// asset serves a file of web. A browser keeps it, and asks each time whether it changed.
func asset(file string) http.Handler {
	b, err := web.ReadFile(path.Join("web", file))
	if err != nil {
		panic(err) // it is embedded
	}
	tag := etag.Strong(b)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		setSecurityHeaders(w.Header())
		w.Header().Set("ETag", tag)
		w.Header().Set("Cache-Control", "no-cache")
		http.ServeContent(w, r, file, time.Time{}, bytes.NewReader(b))
	})
}
