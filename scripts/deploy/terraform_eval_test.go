package deploy_test

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/ext/tryfunc"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
	"github.com/zclconf/go-cty/cty/gocty"
)

// configuration is a folder of Terraform files. It evaluates expressions without Terraform, providers and a cloud.
// Values that the cloud would compute equal those of the fake gcloud.
type configuration struct {
	dir       string
	files     map[string]*hcl.File
	variables map[string]*hclsyntax.Block
	locals    map[string]hclsyntax.Expression
	resources map[string]*hclsyntax.Block // by address, such as data.google_project.this
	outputs   map[string]*hclsyntax.Block
	settings  []*hclsyntax.Block // terraform and provider

	inputs    map[string]cty.Value // values of variables
	values    map[string]cty.Value // evaluated locals and resources; cty.NilVal during evaluation
	instances []instance
}

// instance is an instance of a resource.
type instance struct {
	address, kind string
	body          map[string]any // attributes except null ones, and blocks as []any of such maps
}

// parseConfiguration parses the files of a folder after it applies edit to each source.
func parseConfiguration(dir string, edit func(string) string) (*configuration, error) {
	c := &configuration{
		dir: dir, files: map[string]*hcl.File{}, variables: map[string]*hclsyntax.Block{}, locals: map[string]hclsyntax.Expression{},
		resources: map[string]*hclsyntax.Block{}, outputs: map[string]*hclsyntax.Block{}, values: map[string]cty.Value{},
	}
	names, err := filepath.Glob(filepath.Join(dir, "*.tf"))
	if err != nil || len(names) == 0 {
		return nil, fmt.Errorf("find Terraform files in %s: %w", dir, err)
	}
	for _, name := range names {
		src, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		f, diags := hclsyntax.ParseConfig([]byte(edit(string(src))), name, hcl.InitialPos)
		if diags.HasErrors() {
			return nil, diags
		}
		c.files[name] = f
		for _, b := range f.Body.(*hclsyntax.Body).Blocks {
			if err := c.add(b); err != nil {
				return nil, fmt.Errorf("%s: %w", b.Range(), err)
			}
		}
	}
	return c, nil
}

// add declares a top-level block. It fails on duplicates and unknown block types.
func (c *configuration) add(b *hclsyntax.Block) error {
	declare := func(m map[string]*hclsyntax.Block, name string) error {
		if m[name] != nil {
			return fmt.Errorf("duplicate %s", name)
		}
		m[name] = b
		return nil
	}
	switch b.Type {
	case "variable":
		return declare(c.variables, b.Labels[0])
	case "output":
		return declare(c.outputs, b.Labels[0])
	case "resource":
		return declare(c.resources, strings.Join(b.Labels, "."))
	case "data":
		return declare(c.resources, "data."+strings.Join(b.Labels, "."))
	case "locals":
		for name, a := range b.Body.Attributes {
			if c.locals[name] != nil {
				return fmt.Errorf("duplicate local %s", name)
			}
			c.locals[name] = a.Expr
		}
	case "terraform", "provider":
		c.settings = append(c.settings, b)
	default:
		return fmt.Errorf("unknown block type %s", b.Type)
	}
	return nil
}

// evaluate evaluates every expression with the given variables. It fails on missing, unknown and invalid variables.
func (c *configuration) evaluate(variables map[string]cty.Value) error {
	if err := c.setInputs(variables); err != nil {
		return err
	}
	for _, name := range sortedKeys(c.locals) {
		if _, err := c.local(name); err != nil {
			return err
		}
	}
	for _, address := range sortedKeys(c.resources) {
		if _, err := c.resource(address); err != nil {
			return fmt.Errorf("%s: %w", address, err)
		}
	}
	for _, declared := range []map[string]*hclsyntax.Block{c.variables, c.outputs} {
		for _, name := range sortedKeys(declared) {
			if err := c.evaluateDeclaration(declared[name]); err != nil {
				return fmt.Errorf("%s %s: %w", declared[name].Type, name, err)
			}
		}
	}
	for _, b := range c.settings {
		for _, a := range b.Body.Attributes {
			if _, err := c.value(a.Expr, nil); err != nil {
				return err
			}
		}
	}
	return nil
}

// setInputs assigns the variables, or their defaults.
func (c *configuration) setInputs(variables map[string]cty.Value) error {
	c.inputs = map[string]cty.Value{}
	for name, b := range c.variables {
		v, ok := variables[name]
		if a := b.Body.Attributes["default"]; !ok && a != nil {
			d, diags := a.Expr.Value(nil)
			if diags.HasErrors() {
				return diags
			}
			v, ok = d, true
		}
		if !ok {
			return fmt.Errorf("variable %s has no value", name)
		}
		c.inputs[name] = v
	}
	for name := range variables {
		if c.variables[name] == nil {
			return fmt.Errorf("unknown variable %s", name)
		}
	}
	return nil
}

// evaluateDeclaration evaluates a variable or an output, and fails if a validation of a variable does not hold.
func (c *configuration) evaluateDeclaration(b *hclsyntax.Block) error {
	for _, block := range append([]*hclsyntax.Block{b}, b.Body.Blocks...) {
		for key, a := range block.Body.Attributes {
			if key == "type" || key == "default" {
				continue
			}
			v, err := c.value(a.Expr, nil)
			if err != nil {
				return err
			}
			if key == "condition" && v.False() {
				return errors.New("invalid value")
			}
		}
	}
	return nil
}

// local evaluates a local value once. It fails on cycles.
func (c *configuration) local(name string) (cty.Value, error) {
	key := "local." + name
	if v, ok := c.values[key]; ok {
		if v == cty.NilVal {
			return v, fmt.Errorf("%s refers to itself", key)
		}
		return v, nil
	}
	expr := c.locals[name]
	if expr == nil {
		return cty.NilVal, fmt.Errorf("unknown reference %s", key)
	}
	c.values[key] = cty.NilVal
	v, err := c.value(expr, nil)
	if err != nil {
		return v, fmt.Errorf("%s: %w", key, err)
	}
	c.values[key] = v
	return v, nil
}

// value evaluates an expression. scope holds the names that are valid only there, such as each and self.
func (c *configuration) value(expr hclsyntax.Expression, scope map[string]cty.Value) (cty.Value, error) {
	known := map[string]map[string]cty.Value{}
	for _, t := range expr.Variables() {
		path := words(t)
		if _, ok := scope[path[0]]; ok {
			continue
		}
		root, name, v, err := c.reference(path)
		if err != nil {
			return cty.NilVal, fmt.Errorf("%s: %w", t.SourceRange(), err)
		}
		if known[root] == nil {
			known[root] = map[string]cty.Value{}
		}
		known[root][name] = v
	}
	ctx := &hcl.EvalContext{Variables: map[string]cty.Value{}, Functions: terraformFunctions}
	for root, names := range known {
		ctx.Variables[root] = cty.ObjectVal(names)
	}
	maps.Copy(ctx.Variables, scope)
	v, diags := expr.Value(ctx)
	if diags.HasErrors() {
		return v, diags
	}
	return v, nil
}

// reference resolves a reference such as local.name or google_pubsub_topic.this. It returns the first two names of the
// path and the value of the second.
func (c *configuration) reference(path []string) (root, name string, v cty.Value, err error) {
	if len(path) < 2 {
		return "", "", v, fmt.Errorf("incomplete reference %s", path[0])
	}
	root, name = path[0], path[1]
	switch root {
	case "path":
		return root, "module", cty.StringVal(c.dir), nil
	case "var":
		v, ok := c.inputs[name]
		if !ok {
			err = fmt.Errorf("unknown variable %s", name)
		}
		return root, name, v, err
	case "local":
		v, err = c.local(name)
	case "data":
		if len(path) < 3 {
			return "", "", v, fmt.Errorf("incomplete reference data.%s", name)
		}
		if v, err = c.resource("data." + name + "." + path[2]); err == nil {
			v = cty.ObjectVal(map[string]cty.Value{path[2]: v})
		}
	default:
		v, err = c.resource(root + "." + name)
	}
	return root, name, v, err
}

// resource evaluates a resource once and returns its attributes, by key with for_each. It fails on cycles.
func (c *configuration) resource(address string) (cty.Value, error) {
	if v, ok := c.values[address]; ok {
		if v == cty.NilVal {
			return v, fmt.Errorf("%s refers to itself", address)
		}
		return v, nil
	}
	b := c.resources[address]
	if b == nil {
		return cty.NilVal, fmt.Errorf("unknown reference %s", address)
	}
	c.values[address] = cty.NilVal
	each := b.Body.Attributes["for_each"]
	if each == nil {
		v, err := c.instance(address, b, map[string]cty.Value{})
		c.values[address] = v
		return v, err
	}
	all, err := c.value(each.Expr, nil)
	if err != nil {
		return all, err
	}
	byKey := map[string]cty.Value{}
	for it := all.ElementIterator(); it.Next(); {
		k, v := it.Element()
		if all.Type().IsSetType() {
			k = v
		}
		scope := map[string]cty.Value{"each": cty.ObjectVal(map[string]cty.Value{"key": k, "value": v})}
		if byKey[k.AsString()], err = c.instance(fmt.Sprintf("%s[%q]", address, k.AsString()), b, scope); err != nil {
			return cty.NilVal, err
		}
	}
	c.values[address] = cty.ObjectVal(byKey)
	return c.values[address], nil
}

// metaArguments are the arguments of a resource that Terraform itself interprets.
var metaArguments = []string{"for_each", "depends_on"}

// instance evaluates one instance of a resource, records it, and returns its attributes.
func (c *configuration) instance(address string, b *hclsyntax.Block, scope map[string]cty.Value) (cty.Value, error) {
	kind := b.Labels[0]
	attributes := map[string]cty.Value{}
	for name, a := range b.Body.Attributes {
		if slices.Contains(metaArguments, name) {
			continue
		}
		v, err := c.value(a.Expr, scope)
		if err != nil {
			return v, err
		}
		attributes[name] = v
	}
	c.addComputed(kind, attributes)
	scope["self"] = cty.ObjectVal(attributes)
	body, err := c.body(b.Body, scope)
	if err != nil {
		return cty.NilVal, err
	}
	if b.Type == "resource" {
		c.instances = append(c.instances, instance{address, kind, body})
	}
	return cty.ObjectVal(attributes), nil
}

// addComputed adds the attributes that the cloud would compute for a resource.
func (c *configuration) addComputed(kind string, attributes map[string]cty.Value) {
	project := c.inputs["project"].AsString()
	text := func(name string) string {
		if v, ok := attributes[name]; ok && v.Type() == cty.String {
			return v.AsString()
		}
		return ""
	}
	set := func(name, value string) { attributes[name] = cty.StringVal(value) }
	set("id", text("name"))
	switch kind {
	case "google_project":
		set("number", "123")
		set("billing_account", "0000-1111")
	case "google_storage_project_service_account":
		set("member", "serviceAccount:service-123@gs-project-accounts.iam.gserviceaccount.com")
	case "google_service_account":
		set("email", text("account_id")+"@"+project+".iam.gserviceaccount.com")
		set("name", text("email"))
	case "google_artifact_registry_repository":
		set("name", text("repository_id"))
	case "google_project_iam_custom_role":
		set("name", "projects/"+project+"/roles/"+text("role_id"))
	case "google_compute_global_address":
		set("address", "203.0.113.7")
	case "google_logging_project_sink":
		set("writer_identity", "serviceAccount:service-123@gcp-sa-logging.iam.gserviceaccount.com")
	case "google_pubsub_topic":
		set("id", "projects/"+project+"/topics/"+text("name"))
	case "google_monitoring_notification_channel":
		set("name", "CHANNEL")
	case "google_dns_managed_zone":
		attributes["name_servers"] = cty.ListVal([]cty.Value{cty.StringVal("ns.example.org.")})
	case "google_eventarc_trigger":
		sub := cty.StringVal("projects/" + project + "/subscriptions/eventarc-" + text("location") + "-" + text("name") + "-sub-001")
		pubsub := cty.ObjectVal(map[string]cty.Value{"subscription": sub})
		attributes["transport"] = cty.TupleVal([]cty.Value{cty.ObjectVal(map[string]cty.Value{"pubsub": cty.TupleVal([]cty.Value{pubsub})})})
	}
}

// body evaluates a body and expands its dynamic blocks.
func (c *configuration) body(b *hclsyntax.Body, scope map[string]cty.Value) (map[string]any, error) {
	body := map[string]any{}
	for name, a := range b.Attributes {
		if slices.Contains(metaArguments, name) {
			continue
		}
		v, err := c.value(a.Expr, scope)
		if err != nil {
			return nil, err
		}
		if !v.IsNull() {
			body[name] = goValue(v)
		}
	}
	appendBlock := func(name string, inner *hclsyntax.Body, scope map[string]cty.Value) error {
		v, err := c.body(inner, scope)
		before, _ := body[name].([]any)
		body[name] = append(before, v)
		return err
	}
	for _, block := range b.Blocks {
		if block.Type != "dynamic" {
			if err := appendBlock(block.Type, block.Body, scope); err != nil {
				return nil, err
			}
			continue
		}
		name, content := block.Labels[0], block.Body.Blocks[0].Body
		all, err := c.value(block.Body.Attributes["for_each"].Expr, scope)
		if err != nil {
			return nil, err
		}
		for it := all.ElementIterator(); it.Next(); {
			k, v := it.Element()
			inner := map[string]cty.Value{name: cty.ObjectVal(map[string]cty.Value{"key": k, "value": v})}
			maps.Copy(inner, scope)
			if err := appendBlock(name, content, inner); err != nil {
				return nil, err
			}
		}
	}
	return body, nil
}

// goValue converts a value to Go types, as encoding/json would decode it.
func goValue(v cty.Value) any {
	switch t := v.Type(); {
	case v.IsNull():
		return nil
	case t == cty.String:
		return v.AsString()
	case t == cty.Bool:
		return v.True()
	case t == cty.Number:
		var f float64
		if err := gocty.FromCtyValue(v, &f); err != nil {
			panic(err) // every number fits a float64
		}
		return f
	case t.IsObjectType() || t.IsMapType():
		m := map[string]any{}
		for k, e := range v.AsValueMap() {
			m[k] = goValue(e)
		}
		return m
	default:
		var all []any
		for _, e := range v.AsValueSlice() {
			all = append(all, goValue(e))
		}
		return all
	}
}

// words returns the names in a reference without its indexes.
func words(t hcl.Traversal) (all []string) {
	for _, step := range t {
		switch s := step.(type) {
		case hcl.TraverseRoot:
			all = append(all, s.Name)
		case hcl.TraverseAttr:
			all = append(all, s.Name)
		}
	}
	return all
}

// sortedKeys returns the keys of a map in order.
func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// stringFunction returns a Terraform function of n strings.
func stringFunction(n int, f func(in []string) (cty.Value, error)) function.Function {
	var parameters []function.Parameter
	for range n {
		parameters = append(parameters, function.Parameter{Name: "text", Type: cty.String})
	}
	return function.New(&function.Spec{
		Params: parameters,
		Type:   function.StaticReturnType(cty.DynamicPseudoType),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			var in []string
			for _, a := range args {
				in = append(in, a.AsString())
			}
			return f(in)
		},
	})
}

// terraformFunctions are the Terraform functions that the configuration uses.
var terraformFunctions = map[string]function.Function{
	"coalesce": stdlib.CoalesceFunc, "compact": stdlib.CompactFunc, "concat": stdlib.ConcatFunc, "contains": stdlib.ContainsFunc,
	"csvdecode": stdlib.CSVDecodeFunc, "distinct": stdlib.DistinctFunc, "flatten": stdlib.FlattenFunc, "join": stdlib.JoinFunc,
	"jsondecode": stdlib.JSONDecodeFunc, "keys": stdlib.KeysFunc, "split": stdlib.SplitFunc, "trimspace": stdlib.TrimSpaceFunc,
	"range": stdlib.RangeFunc, "trimsuffix": stdlib.TrimSuffixFunc, "try": tryfunc.TryFunc,
	"tonumber": stdlib.MakeToFunc(cty.Number),
	"toset":    stdlib.MakeToFunc(cty.Set(cty.DynamicPseudoType)),
	"tostring": stdlib.MakeToFunc(cty.String),
	"basename": stringFunction(1, func(in []string) (cty.Value, error) { return cty.StringVal(filepath.Base(in[0])), nil }),
	"endswith": stringFunction(2, func(in []string) (cty.Value, error) { return cty.BoolVal(strings.HasSuffix(in[0], in[1])), nil }),
	"file": stringFunction(1, func(in []string) (cty.Value, error) {
		b, err := os.ReadFile(in[0])
		return cty.StringVal(string(b)), err
	}),
	"fileset": stringFunction(2, func(in []string) (cty.Value, error) {
		files, err := filepath.Glob(filepath.Join(in[0], in[1]))
		if err == nil && len(files) == 0 {
			err = errors.New("no matching file")
		}
		var names []cty.Value
		for _, f := range files {
			names = append(names, cty.StringVal(filepath.Base(f)))
		}
		if err != nil {
			return cty.NilVal, err
		}
		return convert.Convert(cty.TupleVal(names), cty.Set(cty.String))
	}),
	"replace": stringFunction(3, func(in []string) (cty.Value, error) {
		if p := in[1]; len(p) > 1 && strings.HasPrefix(p, "/") && strings.HasSuffix(p, "/") {
			re, err := regexp.Compile(p[1 : len(p)-1])
			if err != nil {
				return cty.NilVal, err
			}
			return cty.StringVal(re.ReplaceAllString(in[0], in[2])), nil
		}
		return cty.StringVal(strings.ReplaceAll(in[0], in[1], in[2])), nil
	}),
}
