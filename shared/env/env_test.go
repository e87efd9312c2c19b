package env_test

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hybrid-bts/functions/shared/env"
)

func lookup(vars map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		v, ok := vars[name]
		return v, ok
	}
}

func ExampleReader() {
	e := env.Reader{Lookup: lookup(map[string]string{"PORT": " 8080 ", "WORKERS": "none"})}
	fmt.Println(e.String("PORT", "80"), e.String("HOST", "localhost"))
	e.Required("TOPIC")
	e.Int("WORKERS", 4, 1)
	fmt.Println(e.Err())
	// Output:
	// 8080 localhost
	// variable TOPIC is not set
	// variable WORKERS is not an integer of at least 1
}

func ExampleParsed() {
	e := env.Reader{Lookup: lookup(map[string]string{"DEADLINE": "soon"})}
	env.Parsed(&e, "DEADLINE", time.Second, "a duration such as 30s", time.ParseDuration)
	fmt.Println(e.Err())
	// Output: variable DEADLINE is not a duration such as 30s
}

func TestSetVariablesWinOverFallbacks(t *testing.T) {
	e := env.Reader{Lookup: lookup(map[string]string{"UNMASK": "true", "HOPS": "0", "ISSUER": "https://id.example"})}
	if !env.Parsed(&e, "UNMASK", false, "true or false", strconv.ParseBool) {
		t.Error("UNMASK = false, want the value of the variable")
	}
	if got := e.Int("HOPS", 2, 0); got != 0 {
		t.Errorf("HOPS = %d, want 0", got)
	}
	if got := e.Int("WORKERS", 7, 1); got != 7 {
		t.Errorf("WORKERS = %d, want the fallback", got)
	}
	if u := env.RequiredParsed(&e, "ISSUER", "a URL", url.Parse); u.String() != "https://id.example" {
		t.Errorf("ISSUER = %v", u)
	}
	if err := e.Err(); err != nil {
		t.Errorf("Err() = %v, want nil", err)
	}
}

func TestBlankVariableIsNotSet(t *testing.T) {
	e := env.Reader{Lookup: lookup(map[string]string{"BLANK": "  "})}
	if e.Required("BLANK"); e.Err() == nil {
		t.Error("no problem for a required variable of blanks")
	}
}

func TestRequiredParsedReportsOneProblem(t *testing.T) {
	e := env.Reader{Lookup: lookup(nil)}
	env.RequiredParsed(&e, "DEADLINE", "a duration such as 30s", time.ParseDuration)
	if got, want := fmt.Sprint(e.Err()), "variable DEADLINE is not set"; got != want {
		t.Errorf("Err() = %q, want %q", got, want)
	}
}

func TestProblemsDoNotContainValues(t *testing.T) {
	e := env.Reader{Lookup: lookup(map[string]string{"WORKERS": "hunter2"})}
	e.Int("WORKERS", 7, 0)
	env.RequiredParsed(&e, "WORKERS", "a number", strconv.Atoi)
	want := "variable WORKERS is not an integer of at least 0\nvariable WORKERS is not a number"
	if got := fmt.Sprint(e.Err()); got != want {
		t.Errorf("Err() = %q, want %q", got, want)
	}
}

func FuzzReader(f *testing.F) {
	for _, s := range []string{"", " ", "8080", " 30s\n", "-1", "9223372036854775808", "\x00", "\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, value string) {
		e := env.Reader{Lookup: lookup(map[string]string{"V": value})}
		trimmed := strings.TrimSpace(value)
		if got := e.String("V", "fallback"); got != trimmed && (got != "fallback" || trimmed != "") {
			t.Errorf("String() = %q of %q", got, value)
		}
		if n := e.Int("V", 5, 1); n < 1 {
			t.Errorf("Int() = %d of %q", n, value)
		}
		if err := e.Err(); err != nil && err.Error() != "variable V is not an integer of at least 1" {
			t.Errorf("the problem of %q is %q", value, err)
		}
	})
}
