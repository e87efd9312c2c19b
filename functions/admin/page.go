package main

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"html/template"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"path"
	"time"
)

//go:embed web
var web embed.FS

var index = template.Must(template.ParseFS(web, "web/index.html"))

// page serves the operator's page. It holds no data, so anybody may load it; what it shows it gets from the API, with
// the token that the issuer gives it.
type page struct {
	guard         *guard
	client, scope string // of the authorization request
}

func (p *page) register(mux *http.ServeMux) {
	mux.HandleFunc("GET /admin", p.index)
	for _, file := range []string{"admin.css", "admin.js", "api.js", "chart.js", "login.js", "words.js"} {
		mux.Handle("GET /admin/"+file, asset(file))
	}
}

// login is how the page has somebody log in; all of it is empty while the issuer is away.
type login struct{ Authorize, Token, Client, Scope string }

// index answers GET /admin.
func (p *page) index(w http.ResponseWriter, r *http.Request) {
	var l login
	connect := "'self'"
	m, err := p.guard.metadata(r.Context())
	if err != nil {
		slog.ErrorContext(r.Context(), "nobody can log in", "err", err)
	} else {
		l = login{m.authorizeURL, m.tokenURL, p.client, p.scope}
		if u, err := url.Parse(m.tokenURL); err == nil {
			connect += " " + u.Scheme + "://" + u.Host
		}
	}
	var b bytes.Buffer
	if err := index.Execute(&b, l); err != nil {
		panic(err) // the template is ours, and takes any strings
	}
	secure(w.Header())
	// The page loads its own files, and speaks to its own host and to the one that gives tokens.
	w.Header().Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src "+connect+
		"; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'")
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write(b.Bytes()) // a browser that is gone cannot be told
}

func secure(h http.Header) {
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
	sum := sha256.Sum256(b)
	etag := `"` + hex.EncodeToString(sum[:8]) + `"`
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		secure(w.Header())
		w.Header().Set("ETag", etag)
		w.Header().Set("Cache-Control", "no-cache")
		http.ServeContent(w, r, file, time.Time{}, bytes.NewReader(b))
	})
}

// parseIssuer checks the address of an issuer, which is https anywhere but on this machine.
func parseIssuer(s string) (string, error) {
	u, err := url.Parse(s)
	if err != nil {
		return "", err
	}
	local := u.Hostname() == "localhost" || net.ParseIP(u.Hostname()).IsLoopback()
	if u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil || u.Scheme != "https" && !(u.Scheme == "http" && local) {
		return "", errors.New("not the URL of an issuer")
	}
	return s, nil
}
