package jsontest_test

import (
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hybrid-bts/functions/shared/fake/jsontest"
)

func TestOperationsWithABodyAreFound(t *testing.T) {
	const document = `{
		"paths": {
			"/a": {"get": {}, "post": {"requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/A"}}}}}},
			"/b": {"patch": {"requestBody": {"content": {"application/json": {"schema": {"properties": {"x": {}}}}, "text/json": {}}}}}
		},
		"components": {"schemas": {"A": {"properties": {"list": {"items": {"properties": {"item": {}}}}, "b": {"$ref": "#/components/schemas/B"}}}, "B": {"properties": {"deep": {}}}}}
	}`
	want := []jsontest.Operation{
		{"POST", "/a", []string{"application/json"}, []string{"b", "deep", "item", "list"}},
		{"PATCH", "/b", []string{"application/json", "text/json"}, []string{"x"}},
	}
	if diff := cmp.Diff(want, jsontest.Operations(t, json.RawMessage(document))); diff != "" {
		t.Error(diff)
	}
}

// Fuzzing with random seeds reaches valid and invalid documents, and the ones that once crashed a validator.
func TestBodiesHaveEveryShape(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	seen := map[string]int{}
	for range 20_000 {
		seed := make([]byte, r.IntN(64))
		for i := range seed {
			seed[i] = byte(r.Uint32())
		}
		body := string(jsontest.Body(seed, []string{"photos", "rating"}, []string{"known"}))
		count := func(name string, ok bool) {
			if ok {
				seen[name]++
			}
		}
		valid := json.Valid([]byte(body))
		count("valid", valid)
		count("invalid", !valid)
		count("no object", valid && !strings.HasPrefix(body, "{"))
		count("known string", strings.Contains(body, `"known"`))
		count("equal arrays", strings.Contains(body, `"photos":[[],[]`))
		count("equal objects", strings.Contains(body, `"photos":[{},{}`))
		count("many values", strings.Count(body, ",") > 1000)
		count("many levels", strings.Count(body, "[")+strings.Count(body, "{") > 1000)
	}
	for _, name := range []string{"valid", "invalid", "no object", "known string", "equal arrays", "equal objects", "many values", "many levels"} {
		if seen[name] < 5 {
			t.Errorf("%d of 20000 bodies: %s", seen[name], name)
		}
	}
}
