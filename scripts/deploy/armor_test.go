package deploy_test

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// armor is scripts/deploy/armor.json as the API has it.
type armor struct {
	Description, Type string
	Rules             []struct {
		Priority            int
		Description, Action string
		Match               struct {
			VersionedExpr string
			Config        struct{ SrcIPRanges []string }
			Expr          struct{ Expression string }
		}
		RateLimitOptions struct {
			ConformAction, ExceedAction, EnforceOnKey string
			RateLimitThreshold                        struct{ Count, IntervalSec int }
		}
	}
}

// request is what an expression of Cloud Armor sees. In a signed one a signature of those preconfigured rules is found.
type request struct{ method, path, contentType, signed string }

// What there is to be signed as: https://cloud.google.com/armor/docs/waf-rules.
const (
	sql       = "sqli-v33-stable"
	scripting = "xss-v33-stable"
)

// verdict is the rule that takes a request: of those that match, the first by priority.
func (a armor) verdict(t *testing.T, r request) (priority int, action string) {
	t.Helper()
	env, err := cel.NewEnv(
		cel.Variable("request.method", cel.StringType), cel.Variable("request.path", cel.StringType),
		cel.Variable("request.headers", cel.MapType(cel.StringType, cel.StringType)),
		cel.Function("evaluatePreconfiguredWaf", cel.Overload("waf", []*cel.Type{cel.StringType, cel.MapType(cel.StringType, cel.IntType)}, cel.BoolType,
			cel.BinaryBinding(func(rules, _ ref.Val) ref.Val { return types.Bool(rules.Value() == r.signed) }))),
	)
	if err != nil {
		t.Fatal(err)
	}
	headers := map[string]string{}
	if r.contentType != "" {
		headers["content-type"] = r.contentType
	}
	for _, rule := range a.Rules {
		if rule.Match.VersionedExpr == "SRC_IPS_V1" {
			return rule.Priority, rule.Action
		}
		// Cloud Armor's own has takes a header; that of CEL does not.
		expression := regexp.MustCompile(`has\(request\.headers\[('[a-z-]+')\]\)`).ReplaceAllString(rule.Match.Expr.Expression, "($1 in request.headers)")
		ast, issues := env.Compile(expression)
		if issues.Err() != nil {
			t.Fatalf("rule %d: %v", rule.Priority, issues.Err())
		}
		program, err := env.Program(ast)
		if err != nil {
			t.Fatal(err)
		}
		v, _, err := program.Eval(map[string]any{"request.method": r.method, "request.path": r.path, "request.headers": headers})
		if err != nil {
			t.Fatalf("rule %d: %v", rule.Priority, err)
		}
		if v == types.True {
			return rule.Priority, rule.Action
		}
	}
	t.Fatal("no rule takes it")
	return 0, ""
}

func TestArmor(t *testing.T) {
	text, err := os.ReadFile("armor.json")
	if err != nil {
		t.Fatal(err)
	}
	d := json.NewDecoder(strings.NewReader(string(text)))
	d.DisallowUnknownFields()
	var a armor
	if err := d.Decode(&a); err != nil {
		t.Fatal(err)
	}
	last := -1
	for _, rule := range a.Rules {
		if rule.Priority <= last {
			t.Errorf("rule %d stands behind %d", rule.Priority, last)
		}
		last = rule.Priority
		if len(rule.Description) > 64 {
			t.Errorf("rule %d: Cloud Armor takes 64 characters of description, not %d", rule.Priority, len(rule.Description))
		}
		if n := strings.Count(rule.Match.Expr.Expression, "&&") + strings.Count(rule.Match.Expr.Expression, "||") + 1; n > 5 {
			t.Errorf("rule %d has %d subexpressions, Cloud Armor takes 5", rule.Priority, n)
		}
		if limit := rule.RateLimitOptions; (rule.Action == "throttle") != (limit.RateLimitThreshold.Count > 0 && limit.EnforceOnKey == "IP" && limit.ConformAction == "allow" && limit.ExceedAction == "deny(429)") {
			t.Errorf("rule %d has the limit %+v", rule.Priority, limit)
		}
	}
	if last != 2147483647 || a.Rules[len(a.Rules)-1].Action != "allow" {
		t.Errorf("the last rule is %d: Cloud Armor wants its own default to be there", last)
	}
	for name, tc := range map[string]struct {
		request
		priority int
		action   string
	}{
		"an honest page":                        {request{"GET", "/", "", ""}, 2010, "throttle"},
		"SQL in a query":                        {request{"GET", "/v1/products", "", sql}, 1000, "deny(403)"},
		"SQL in a query with a type of content": {request{"GET", "/v1/products", "application/json", sql}, 1000, "deny(403)"},
		"script in a query":                     {request{"GET", "/v1/products", "", scripting}, 1010, "deny(403)"},
		"a review":                              {request{"POST", "/v1/reviews", "application/json", ""}, 2000, "throttle"},
		"a review that says select 1 from":      {request{"POST", "/v1/reviews", "application/json; charset=utf-8", sql}, 2000, "throttle"},
		"an edited review with <3 and quotes":   {request{"PATCH", "/v1/products/a/reviews/1", "application/json", scripting}, 2000, "throttle"},
		"the same as a merge patch":             {request{"PATCH", "/v1/products/a/reviews/1", "application/merge-patch+json", sql}, 2000, "throttle"},
		"script in a form":                      {request{"POST", "/v1/reviews", "application/x-www-form-urlencoded", scripting}, 1010, "deny(403)"},
		"script in what has no type":            {request{"DELETE", "/v1/reviews", "", scripting}, 1010, "deny(403)"},
	} {
		if p, action := a.verdict(t, tc.request); p != tc.priority || action != tc.action {
			t.Errorf("%s: rule %d, %s, want %d, %s", name, p, action, tc.priority, tc.action)
		}
	}
}
