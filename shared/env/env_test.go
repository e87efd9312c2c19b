package env_test

import (
	"fmt"
	"strconv"
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
	e := env.Reader{Lookup: lookup(map[string]string{"PORT": " 8080 ", "DEADLINE": "soon"})}
	fmt.Println(e.String("PORT", "80"), e.String("HOST", "localhost"))
	e.Required("TOPIC")
	env.Parsed(&e, "DEADLINE", time.Second, time.ParseDuration)
	fmt.Println(e.Err())
	// Output:
	// 8080 localhost
	// variable TOPIC is not set
	// variable DEADLINE is not a time.Duration
}

func TestParsed(t *testing.T) {
	e := env.Reader{Lookup: lookup(map[string]string{"UNMASK": "true", "BLANK": "  "})}
	if !env.Parsed(&e, "UNMASK", false, strconv.ParseBool) {
		t.Error("UNMASK = false, want what was set")
	}
	if got := env.Parsed(&e, "WORKERS", 7, strconv.Atoi); got != 7 {
		t.Errorf("WORKERS = %d, want the fallback", got)
	}
	if err := e.Err(); err != nil {
		t.Errorf("Err() = %v, want nil", err)
	}
	if e.Required("BLANK"); e.Err() == nil {
		t.Error("a blank required variable is no problem, want one")
	}
}

func TestProblemsDoNotShowValues(t *testing.T) {
	e := env.Reader{Lookup: lookup(map[string]string{"WORKERS": "hunter2"})}
	env.Parsed(&e, "WORKERS", 7, strconv.Atoi)
	if got, want := fmt.Sprint(e.Err()), "variable WORKERS is not a int"; got != want {
		t.Errorf("Err() = %q, want %q", got, want)
	}
}
