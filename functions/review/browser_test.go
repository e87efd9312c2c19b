package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/hybrid-bts/functions/shared/fake/pubsubtest"
	"github.com/hybrid-bts/functions/shared/topic"
)

// openBrowser returns the context of a Chromium tab that closes at the end of the test.
func openBrowser(t *testing.T) context.Context {
	t.Helper()
	binary := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"} {
		if p, err := exec.LookPath(name); err == nil {
			binary = p
			break
		}
	}
	if binary == "" {
		t.Skip("needs Chromium: apt-get install chromium, or put chromium on PATH")
	}
	opts := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(binary), chromedp.Flag("disable-component-update", true))
	if os.Getuid() == 0 {
		opts = append(opts, chromedp.NoSandbox)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewExecAllocator(ctx, opts...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	return ctx
}

// newPages serves an empty page at / of an origin of its own.
func newPages(t *testing.T) (url string) {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, "<!DOCTYPE html><title>page</title>")
	}))
	t.Cleanup(srv.Close)
	return srv.URL
}

// Each script sends the review body to the intake at url in a way that needs no preflight request.
var untypedRequests = []struct{ name, script string }{
	{"Blob without a type", `await fetch(url, {method: "POST", mode: "no-cors", body: new Blob([body])})`},
	{"ArrayBuffer", `await fetch(url, {method: "POST", mode: "no-cors", body: new TextEncoder().encode(body).buffer})`},
	{"text", `await fetch(url, {method: "POST", mode: "no-cors", body})`},
	{"sendBeacon with a Blob", `navigator.sendBeacon(url, new Blob([body]))`},
	{"sendBeacon with an ArrayBuffer", `navigator.sendBeacon(url, new TextEncoder().encode(body).buffer)`},
	{"sendBeacon with text", `navigator.sendBeacon(url, body)`},
	{"form of plain text", `(() => {
		const form = Object.assign(document.createElement("form"), {method: "post", action: url, enctype: "text/plain", target: "answer"});
		form.append(Object.assign(document.createElement("input"), {name: body.slice(0, -1) + ',"author":"', value: '"}'}));
		document.body.append(Object.assign(document.createElement("iframe"), {name: "answer"}), form);
		form.submit();
	})()`},
}

func TestBrowserPagesSubmitOnlyFromTrustedOriginsAsJSON(t *testing.T) {
	tab := openBrowser(t)
	trusted, stranger := newPages(t), newPages(t)
	p, srv := pubsubtest.New(t, "reviews")
	in := &intake{reviews: topic.New(p), tokens: tokens(t), now: time.Now, origins: []string{trusted}}
	handler := in.handler()
	statuses := make(chan int, 16)
	intakeServer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/" { // a page of the intake's own origin
			w.Header().Set("Content-Type", "text/html")
			_, _ = io.WriteString(w, "<!DOCTYPE html><title>page</title>")
			return
		}
		recorded := httptest.NewRecorder()
		handler.ServeHTTP(recorded, r)
		maps.Copy(w.Header(), recorded.Header())
		w.WriteHeader(recorded.Code)
		_, _ = w.Write(recorded.Body.Bytes())
		if r.Method == http.MethodPost {
			statuses <- recorded.Code
		}
	}))
	t.Cleanup(intakeServer.Close)
	// localhost and 127.0.0.1 are two sites. Ports of one host are two origins of one site.
	otherSite := strings.Replace(newPages(t), "127.0.0.1", "localhost", 1)
	run := func(page, script string) string {
		t.Helper()
		if err := chromedp.Do(tab, chromedp.Navigate(page+"/")); err != nil {
			t.Fatal(err)
		}
		out, err := chromedp.Run(tab, chromedp.Evaluate[string](fmt.Sprintf(`(async () => {
			const url = %q, body = '{"product":"p","rating":5}';
			try { return String(%s) } catch (e) { return "failed" }
		})()`, intakeServer.URL+"/v1/reviews", script), chromedp.EvalAwaitPromise))
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	status := func() int {
		select {
		case s := <-statuses:
			return s
		case <-time.After(10 * time.Second):
			return 0
		}
	}
	for page, want := range map[string]int{trusted: 415, stranger: 403, otherSite: 403, intakeServer.URL: 415} {
		for _, r := range untypedRequests {
			run(page, r.script)
			if got := status(); got != want {
				t.Errorf("%s of %s: %d, want %d", r.name, page, got, want)
			}
		}
	}
	if n := len(srv.Messages()); n != 0 {
		t.Fatalf("untyped requests published %d reviews", n)
	}
	const typed = `(await fetch(url, {method: "POST", headers: {"Content-Type": "application/json"}, body})).status`
	for page, want := range map[string]string{trusted: "202", intakeServer.URL: "202", stranger: "failed", otherSite: "failed"} {
		if got := run(page, typed); got != want {
			t.Errorf("JSON of %s: %s, want %s", page, got, want)
		}
	}
	if n := len(srv.Messages()); n != 2 {
		t.Errorf("JSON requests published %d reviews, want those of the trusted and the own origin", n)
	}
}
