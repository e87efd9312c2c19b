package etag_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/hybrid-bts/functions/shared/etag"
)

func header(values ...string) http.Header { return http.Header{"If-None-Match": values} }

func TestNoneMatchFollowsRFC9110(t *testing.T) {
	for _, tc := range []struct {
		fields []string
		tag    string
		want   bool
	}{
		{nil, `"a"`, false},
		{[]string{""}, `"a"`, false},
		{[]string{`"a"`}, `"a"`, true},
		{[]string{`"a"`}, `"b"`, false},
		{[]string{`W/"a"`}, `"a"`, true},
		{[]string{`"a"`}, `W/"a"`, true},
		{[]string{`W/"a"`}, `W/"a"`, true},
		{[]string{`"x", "y",W/"a" , "z"`}, `"a"`, true},
		{[]string{`"x"`, `"a"`}, `"a"`, true},
		{[]string{`, ,"x",, "a",`}, `"a"`, true},
		{[]string{`"x,y"`}, `"x,y"`, true},
		{[]string{`"x,"a",y"`}, `"a"`, false},
		{[]string{`""`}, `""`, true},
		{[]string{`*`}, `"a"`, true},
		{[]string{` * `}, `"a"`, true},
		{[]string{`"x", *`}, `"a"`, false},
		{[]string{`*, "x"`}, `"a"`, false},
		{[]string{`a`}, `"a"`, false},
		{[]string{`w/"a"`}, `"a"`, false},
		{[]string{`W/ "a"`}, `"a"`, false},
		{[]string{`"a`}, `"a"`, false},
		{[]string{`W/`}, `"a"`, false},
		{[]string{`"x" "a"`}, `"a"`, false},
		{[]string{`x, "a"`}, `"a"`, false},
		{[]string{`"a", x`}, `"a"`, true},
		{[]string{"\"a\tb\", \"c\""}, `"c"`, false},
		{[]string{`"é"`}, `"é"`, true},
	} {
		if got := etag.NoneMatch(header(tc.fields...), tc.tag); got != tc.want {
			t.Errorf("NoneMatch(%q, %s) = %v", tc.fields, tc.tag, got)
		}
	}
}

func TestTagsDifferWithTheBody(t *testing.T) {
	a, b := etag.Strong([]byte("a")), etag.Strong([]byte("b"))
	if a == b || a != etag.Strong([]byte("a")) || len(a) != 26 {
		t.Errorf("%s, %s", a, b)
	}
	if w := etag.Weak([]byte("a")); w != "W/"+a {
		t.Errorf("Weak() = %s, want W/%s", w, a)
	}
}

func FuzzNoneMatch(f *testing.F) {
	for _, s := range []string{"", "*", `"a"`, `W/"a", "b"`, `"a`, `, ,"a"`, `"x" "a"`, `"x,y",W/"a"`, "\"\x00\"", "*,*"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, value string) {
		const tag = `"0123456789abcdef01234567"`
		got := etag.NoneMatch(header(value), tag)
		if plain := strings.Trim(value, ", \t") == "*" || strings.Contains(value, tag); got && !plain {
			t.Errorf("NoneMatch(%q) matches without the tag", value)
		}
		if !etag.NoneMatch(header(tag, value), tag) {
			t.Errorf("the first tag does not match before %q", value)
		}
		if got && value != strings.Trim(value, ", \t") {
			return // net/http takes "*" with blanks around it, and no empty elements before the first tag
		}
		// net/http follows the same section. It also matches "*" inside a list.
		if reference := standard(value, tag); got && !reference {
			t.Errorf("NoneMatch(%q) = true, net/http says false", value)
		}
	})
}

// standard evaluates If-None-Match as http.ServeContent does.
func standard(value, tag string) bool {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header = header(value)
	w := httptest.NewRecorder()
	w.Header().Set("ETag", tag)
	http.ServeContent(w, r, "a.txt", time.Time{}, strings.NewReader("body"))
	return w.Code == http.StatusNotModified
}

func ExampleNoneMatch() {
	tag := etag.Weak([]byte(`{"rating":5}`))
	request := http.Header{"If-None-Match": {`"an-older-tag", ` + tag}}
	fmt.Println(etag.NoneMatch(request, tag))
	// Output: true
}
