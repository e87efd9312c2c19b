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

// securityPolicy is the content of armor.json, with the fields of the Compute Engine API.
type securityPolicy struct {
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

// request holds the attributes that Cloud Armor expressions read. signature is the preconfigured rule set that matches
// the request, or "".
type request struct{ method, path, contentType, signature string }

// Preconfigured rule sets of https://cloud.google.com/armor/docs/waf-rules.
const (
	sqlInjection = "sqli-v33-stable"
	crossSite    = "xss-v33-stable"
)

// apply returns priority and action of the first rule that matches a request.
func (p securityPolicy) apply(t *testing.T, r request) (priority int, action string) {
	t.Helper()
	env, err := cel.NewEnv(
		cel.Variable("request.method", cel.StringType), cel.Variable("request.path", cel.StringType),
		cel.Variable("request.headers", cel.MapType(cel.StringType, cel.StringType)),
		cel.Function("evaluatePreconfiguredWaf", cel.Overload("waf", []*cel.Type{cel.StringType, cel.MapType(cel.StringType, cel.IntType)}, cel.BoolType,
			cel.BinaryBinding(func(rules, _ ref.Val) ref.Val { return types.Bool(rules.Value() == r.signature) }))),
	)
	if err != nil {
		t.Fatal(err)
	}
	headers := map[string]string{}
	if r.contentType != "" {
		headers["content-type"] = r.contentType
	}
	for _, rule := range p.Rules {
		if rule.Match.VersionedExpr == "SRC_IPS_V1" {
			return rule.Priority, rule.Action
		}
		// CEL's macro has rejects index expressions, which Cloud Armor's has accepts.
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
	t.Fatal("no rule matches")
	return 0, ""
}

func TestSecurityPolicyDeniesAttacksAndAdmitsReviews(t *testing.T) {
	text, err := os.ReadFile("armor.json")
	if err != nil {
		t.Fatal(err)
	}
	d := json.NewDecoder(strings.NewReader(string(text)))
	d.DisallowUnknownFields()
	var p securityPolicy
	if err := d.Decode(&p); err != nil {
		t.Fatal(err)
	}
	last := -1
	for _, rule := range p.Rules {
		if rule.Priority <= last {
			t.Errorf("rule %d follows rule %d", rule.Priority, last)
		}
		last = rule.Priority
		if len(rule.Description) > 64 {
			t.Errorf("rule %d: Cloud Armor accepts descriptions of 64 characters, not %d", rule.Priority, len(rule.Description))
		}
		if n := strings.Count(rule.Match.Expr.Expression, "&&") + strings.Count(rule.Match.Expr.Expression, "||") + 1; n > 5 {
			t.Errorf("rule %d has %d subexpressions, Cloud Armor accepts 5", rule.Priority, n)
		}
		if limit := rule.RateLimitOptions; (rule.Action == "throttle") != (limit.RateLimitThreshold.Count > 0 && limit.EnforceOnKey == "IP" && limit.ConformAction == "allow" && limit.ExceedAction == "deny(429)") {
			t.Errorf("rule %d: action %s with rate limit %+v", rule.Priority, rule.Action, limit)
		}
	}
	if last != 2147483647 || p.Rules[len(p.Rules)-1].Action != "allow" {
		t.Errorf("last rule %d, want the default rule 2147483647 with the action allow", last)
	}
	for name, tc := range map[string]struct {
		request
		priority int
		action   string
	}{
		"page":           {request{"GET", "/", "", ""}, 2010, "throttle"},
		"SQL in a query": {request{"GET", "/v1/products", "", sqlInjection}, 1000, "deny(403)"},
		"SQL in a query with a JSON content type": {request{"GET", "/v1/products", "application/json", sqlInjection}, 1000, "deny(403)"},
		"script in a query":                       {request{"GET", "/v1/products", "", crossSite}, 1010, "deny(403)"},
		"review":                                  {request{"POST", "/v1/reviews", "application/json", ""}, 2000, "throttle"},
		"review that contains select 1 from":      {request{"POST", "/v1/reviews", "application/json; charset=utf-8", sqlInjection}, 2000, "throttle"},
		"edit that contains <3 and quotes":        {request{"PATCH", "/v1/products/a/reviews/1", "application/json", crossSite}, 2000, "throttle"},
		"edit as a merge patch":                   {request{"PATCH", "/v1/products/a/reviews/1", "application/merge-patch+json", sqlInjection}, 2000, "throttle"},
		"script in a form":                        {request{"POST", "/v1/reviews", "application/x-www-form-urlencoded", crossSite}, 1010, "deny(403)"},
		"script without a content type":           {request{"DELETE", "/v1/reviews", "", crossSite}, 1010, "deny(403)"},
	} {
		if priority, action := p.apply(t, tc.request); priority != tc.priority || action != tc.action {
			t.Errorf("%s: rule %d, %s, want %d, %s", name, priority, action, tc.priority, tc.action)
		}
	}
}
