package requestbody_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/hybrid-bts/functions/shared/problem/requestbody"
)

func repeat(s string, n int, separator string) string {
	return strings.TrimSuffix(strings.Repeat(s+separator, n), separator)
}

func TestDocumentsWithinTheLimitsAreDecoded(t *testing.T) {
	for name, body := range map[string]string{
		"most values": `[` + repeat("1", requestbody.MaxValues-1, ",") + `]`, "white space": " \n{ } ", "a number": `7`,
		"most levels":  strings.Repeat("[", requestbody.MaxDepth) + strings.Repeat("]", requestbody.MaxDepth),
		"longest name": `{"` + strings.Repeat("n", requestbody.MaxName) + `":1}`, "dots in a value": `{"a":"[.]"}`,
		"a long string": `"` + strings.Repeat("가", 20_000) + `"`,
	} {
		var v any
		if err := requestbody.Unmarshal([]byte(body), &v); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestDocumentsBeyondALimitAreRejectedUndecoded(t *testing.T) {
	for name, tc := range map[string]struct {
		body    string
		pointer jsontext.Pointer
		want    string // part of the error
	}{
		"too many items":     {`[` + repeat("1", requestbody.MaxValues, ",") + `]`, "", "values"},
		"too many members":   {`{` + repeat(`"a":{}`, requestbody.MaxValues, ",") + `}`, "", "values"},
		"too many documents": {repeat("1", requestbody.MaxValues+1, " "), "", "values"},
		"too many levels":    {strings.Repeat("[", requestbody.MaxDepth+1), "", "levels"},
		"mixed levels":       {strings.Repeat(`{"a":[`, requestbody.MaxDepth), "", "levels"},
		"too long name":      {`{"a":{"` + strings.Repeat("n", requestbody.MaxName+1) + `":1}}`, "/a", "name of more"},
		"dot in a name":      {`{"a":1,"b.c":1}`, "/b.c", "unexpected property"},
		"bracket in a name":  {`{"b[0]":1}`, "/b[0]", "unexpected property"},
		// The limit comes before the syntax error behind it, so that the rest of the document costs nothing.
		"limit before syntax error": {`[` + strings.Repeat("1,", requestbody.MaxValues) + `}`, "", "values"},
		"syntax error":              {`{"a":[1,}}`, "/a", "not valid JSON"},
		"duplicate name":            {`{"a":1,"a":2}`, "/a", "duplicate"},
		"two documents":             {`1 1`, "", "not valid JSON"},
		"empty":                     {``, "", "not valid JSON"},
	} {
		var v any
		err := requestbody.Unmarshal([]byte(tc.body), &v)
		var invalid *requestbody.InvalidError
		if !errors.As(err, &invalid) || invalid.Pointer != tc.pointer || !strings.Contains(invalid.Error(), tc.want) {
			t.Errorf("%s: %v, want %q at %q", name, err, tc.want, tc.pointer)
			continue
		}
		if tc.want == "values" && v != nil {
			t.Errorf("%s: decoded %v", name, v)
		}
		pointer, cause, ok := requestbody.CutPointer(err.Error())
		if !ok || pointer != "#"+string(tc.pointer) || cause != invalid.Err.Error() {
			t.Errorf("%s: the text %q has the pointer %q and the cause %q", name, err, pointer, cause)
		}
	}
}

// The memory of a rejected document does not grow with it.
func TestRejectedDocumentsCostLittle(t *testing.T) {
	body := []byte(`{"photos":[` + repeat("1", 32_400, ",") + `]}`)
	r := testing.Benchmark(func(b *testing.B) {
		for b.Loop() {
			var v any
			if requestbody.Unmarshal(body, &v) == nil {
				b.Fatal("accepted")
			}
		}
	})
	if got := r.AllocedBytesPerOp(); got > 4<<10 {
		t.Errorf("%d bytes allocated, want at most 4 KiB", got)
	}
}
