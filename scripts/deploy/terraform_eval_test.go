package deploy_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"sort"
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

// configuration is a folder of Terraform, evaluated without Terraform, providers and a cloud: what a
// cloud would answer is said here, as the fake gcloud says it.
type configuration struct {
	dir       string
	files     map[string]*hcl.File
	variables map[string]*hclsyntax.Block
	locals    map[string]hclsyntax.Expression
	resources map[string]*hclsyntax.Block // by address, such as data.google_project.this
	outputs   map[string]*hclsyntax.Block
	settings  []*hclsyntax.Block // terraform and provider

	given     map[string]cty.Value
	values    map[string]cty.Value // of locals and resources that are evaluated
	instances []instance
}

// instance is a resource as for_each multiplies it.
type instance struct {
	address, kind string
	body          map[string]any // attributes, and blocks as []any of such maps; what is null is left out
}

// readTerraform reads a folder's files, which it may change first.
func readTerraform(dir string, change func(string) string) (*configuration, error) {
	c := &configuration{
		dir: dir, files: map[string]*hcl.File{}, variables: map[string]*hclsyntax.Block{}, locals: map[string]hclsyntax.Expression{},
		resources: map[string]*hclsyntax.Block{}, outputs: map[string]*hclsyntax.Block{}, values: map[string]cty.Value{},
	}
	names, err := filepath.Glob(filepath.Join(dir, "*.tf"))
	if err != nil || len(names) == 0 {
		return nil, fmt.Errorf("no files of Terraform in %s: %w", dir, err)
	}
	for _, name := range names {
		src, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		f, diags := hclsyntax.ParseConfig([]byte(change(string(src))), name, hcl.InitialPos)
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

func (c *configuration) add(b *hclsyntax.Block) error {
	put := func(m map[string]*hclsyntax.Block, name string) error {
		if m[name] != nil {
			return fmt.Errorf("%s is there twice", name)
		}
		m[name] = b
		return nil
	}
	switch b.Type {
	case "variable":
		return put(c.variables, b.Labels[0])
	case "output":
		return put(c.outputs, b.Labels[0])
	case "resource":
		return put(c.resources, strings.Join(b.Labels, "."))
	case "data":
		return put(c.resources, "data."+strings.Join(b.Labels, "."))
	case "locals":
		for name, a := range b.Body.Attributes {
			if c.locals[name] != nil {
				return fmt.Errorf("local %s is there twice", name)
			}
			c.locals[name] = a.Expr
		}
	case "terraform", "provider":
		c.settings = append(c.settings, b)
	default:
		return fmt.Errorf("a block of type %s", b.Type)
	}
	return nil
}

// evaluate evaluates all of it with the variables, and every expression at least once.
func (c *configuration) evaluate(given map[string]cty.Value) error {
	c.given = map[string]cty.Value{}
	for name, b := range c.variables {
		v, ok := given[name]
		if a := b.Body.Attributes["default"]; !ok && a != nil {
			d, diags := a.Expr.Value(nil)
			if diags.HasErrors() {
				return diags
			}
			v, ok = d, true
		}
		if !ok {
			return fmt.Errorf("variable %s is not given", name)
		}
		c.given[name] = v
	}
	for name := range given {
		if c.variables[name] == nil {
			return fmt.Errorf("there is no variable %s", name)
		}
	}
	for _, name := range sorted(c.locals) {
		if _, err := c.local(name); err != nil {
			return err
		}
	}
	for _, address := range sorted(c.resources) {
		if _, err := c.resource(address); err != nil {
			return fmt.Errorf("%s: %w", address, err)
		}
	}
	for _, m := range []map[string]*hclsyntax.Block{c.variables, c.outputs} {
		for _, name := range sorted(m) {
			for _, b := range append([]*hclsyntax.Block{m[name]}, m[name].Body.Blocks...) {
				for key, a := range b.Body.Attributes {
					if key == "type" || key == "default" {
						continue
					}
					v, err := c.value(a.Expr, nil)
					if err != nil {
						return fmt.Errorf("%s %s: %w", m[name].Type, name, err)
					}
					if key == "condition" && v.False() {
						return fmt.Errorf("variable %s is not valid", name)
					}
				}
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
		return cty.NilVal, fmt.Errorf("there is no %s", key)
	}
	c.values[key] = cty.NilVal
	v, err := c.value(expr, nil)
	if err != nil {
		return v, fmt.Errorf("%s: %w", key, err)
	}
	c.values[key] = v
	return v, nil
}

// value evaluates an expression where some more names are known, such as each.
func (c *configuration) value(expr hclsyntax.Expression, more map[string]cty.Value) (cty.Value, error) {
	known := map[string]map[string]cty.Value{}
	for _, t := range expr.Variables() {
		path := words(t)
		if _, ok := more[path[0]]; ok {
			continue
		}
		if len(path) < 2 {
			return cty.NilVal, fmt.Errorf("%s: %s is no reference", t.SourceRange(), path[0])
		}
		root, name := path[0], path[1]
		if known[root] == nil {
			known[root] = map[string]cty.Value{}
		}
		var err error
		switch root {
		case "path":
			known[root]["module"] = cty.StringVal(c.dir)
		case "var":
			v, ok := c.given[name]
			if !ok {
				err = fmt.Errorf("there is no var.%s", name)
			}
			known[root][name] = v
		case "local":
			known[root][name], err = c.local(name)
		case "data":
			if len(path) < 3 {
				return cty.NilVal, fmt.Errorf("%s: data.%s is no reference", t.SourceRange(), name)
			}
			var v cty.Value
			if v, err = c.resource("data." + name + "." + path[2]); err == nil {
				known[root][name] = cty.ObjectVal(map[string]cty.Value{path[2]: v})
			}
		default:
			known[root][name], err = c.resource(root + "." + name)
		}
		if err != nil {
			return cty.NilVal, fmt.Errorf("%s: %w", t.SourceRange(), err)
		}
	}
	ctx := &hcl.EvalContext{Variables: map[string]cty.Value{}, Functions: functions}
	for root, names := range known {
		ctx.Variables[root] = cty.ObjectVal(names)
	}
	for name, v := range more {
		ctx.Variables[name] = v
	}
	v, diags := expr.Value(ctx)
	if diags.HasErrors() {
		return v, diags
	}
	return v, nil
}

// resource evaluates a resource, and returns what others see of it.
func (c *configuration) resource(address string) (cty.Value, error) {
	if v, ok := c.values[address]; ok {
		if v == cty.NilVal {
			return v, fmt.Errorf("%s refers to itself", address)
		}
		return v, nil
	}
	b := c.resources[address]
	if b == nil {
		return cty.NilVal, fmt.Errorf("there is no %s", address)
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
	seen := map[string]cty.Value{}
	for it := all.ElementIterator(); it.Next(); {
		k, v := it.Element()
		if all.Type().IsSetType() {
			k = v
		}
		more := map[string]cty.Value{"each": cty.ObjectVal(map[string]cty.Value{"key": k, "value": v})}
		if seen[k.AsString()], err = c.instance(fmt.Sprintf("%s[%q]", address, k.AsString()), b, more); err != nil {
			return cty.NilVal, err
		}
	}
	c.values[address] = cty.ObjectVal(seen)
	return c.values[address], nil
}

// meta is what Terraform itself takes of a resource.
var meta = []string{"for_each", "depends_on"}

func (c *configuration) instance(address string, b *hclsyntax.Block, more map[string]cty.Value) (cty.Value, error) {
	kind := b.Labels[0]
	seen := map[string]cty.Value{}
	for name, a := range b.Body.Attributes {
		if slices.Contains(meta, name) {
			continue
		}
		v, err := c.value(a.Expr, more)
		if err != nil {
			return v, err
		}
		seen[name] = v
	}
	c.answer(kind, seen)
	more["self"] = cty.ObjectVal(seen)
	body, err := c.body(b.Body, more)
	if err != nil {
		return cty.NilVal, err
	}
	if b.Type == "resource" {
		c.instances = append(c.instances, instance{address, kind, body})
	}
	return cty.ObjectVal(seen), nil
}

// answer adds to a resource's attributes what the cloud would say of it.
func (c *configuration) answer(kind string, seen map[string]cty.Value) {
	project := c.given["project"].AsString()
	text := func(name string) string {
		if v, ok := seen[name]; ok && v.Type() == cty.String {
			return v.AsString()
		}
		return ""
	}
	set := func(name, value string) { seen[name] = cty.StringVal(value) }
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
		seen["name_servers"] = cty.ListVal([]cty.Value{cty.StringVal("ns.example.org.")})
	case "google_eventarc_trigger":
		sub := cty.StringVal("projects/" + project + "/subscriptions/eventarc-" + text("location") + "-" + text("name") + "-sub-001")
		pubsub := cty.ObjectVal(map[string]cty.Value{"subscription": sub})
		seen["transport"] = cty.TupleVal([]cty.Value{cty.ObjectVal(map[string]cty.Value{"pubsub": cty.TupleVal([]cty.Value{pubsub})})})
	}
}

// body evaluates a body, its dynamic blocks written out.
func (c *configuration) body(b *hclsyntax.Body, more map[string]cty.Value) (map[string]any, error) {
	body := map[string]any{}
	for name, a := range b.Attributes {
		if slices.Contains(meta, name) {
			continue
		}
		v, err := c.value(a.Expr, more)
		if err != nil {
			return nil, err
		}
		if !v.IsNull() {
			body[name] = plain(v)
		}
	}
	put := func(name string, inner *hclsyntax.Body, more map[string]cty.Value) error {
		v, err := c.body(inner, more)
		before, _ := body[name].([]any)
		body[name] = append(before, v)
		return err
	}
	for _, block := range b.Blocks {
		if block.Type != "dynamic" {
			if err := put(block.Type, block.Body, more); err != nil {
				return nil, err
			}
			continue
		}
		name, content := block.Labels[0], block.Body.Blocks[0].Body
		all, err := c.value(block.Body.Attributes["for_each"].Expr, more)
		if err != nil {
			return nil, err
		}
		for it := all.ElementIterator(); it.Next(); {
			k, v := it.Element()
			inner := map[string]cty.Value{name: cty.ObjectVal(map[string]cty.Value{"key": k, "value": v})}
			for outer, v := range more {
				inner[outer] = v
			}
			if err := put(name, content, inner); err != nil {
				return nil, err
			}
		}
	}
	return body, nil
}

// plain is a value in Go's own types.
func plain(v cty.Value) any {
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
			panic(err) // it is a number
		}
		return f
	case t.IsObjectType() || t.IsMapType():
		m := map[string]any{}
		for k, e := range v.AsValueMap() {
			m[k] = plain(e)
		}
		return m
	default:
		var all []any
		for _, e := range v.AsValueSlice() {
			all = append(all, plain(e))
		}
		return all
	}
}

// words are the names of a reference, without what stands in brackets.
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

func sorted[V any](m map[string]V) []string {
	var all []string
	for k := range m {
		all = append(all, k)
	}
	sort.Strings(all)
	return all
}

// text makes a function of strings.
func text(n int, f func(in []string) (cty.Value, error)) function.Function {
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

// functions are those of Terraform that the configuration uses, as its documentation has them.
var functions = map[string]function.Function{
	"coalesce": stdlib.CoalesceFunc, "compact": stdlib.CompactFunc, "concat": stdlib.ConcatFunc, "contains": stdlib.ContainsFunc,
	"csvdecode": stdlib.CSVDecodeFunc, "distinct": stdlib.DistinctFunc, "flatten": stdlib.FlattenFunc, "join": stdlib.JoinFunc,
	"jsondecode": stdlib.JSONDecodeFunc, "keys": stdlib.KeysFunc, "split": stdlib.SplitFunc, "trimspace": stdlib.TrimSpaceFunc,
	"trimsuffix": stdlib.TrimSuffixFunc, "try": tryfunc.TryFunc,
	"toset":    stdlib.MakeToFunc(cty.Set(cty.DynamicPseudoType)),
	"tostring": stdlib.MakeToFunc(cty.String),
	"basename": text(1, func(in []string) (cty.Value, error) { return cty.StringVal(filepath.Base(in[0])), nil }),
	"endswith": text(2, func(in []string) (cty.Value, error) { return cty.BoolVal(strings.HasSuffix(in[0], in[1])), nil }),
	"file": text(1, func(in []string) (cty.Value, error) {
		b, err := os.ReadFile(in[0])
		return cty.StringVal(string(b)), err
	}),
	"fileset": text(2, func(in []string) (cty.Value, error) {
		files, err := filepath.Glob(filepath.Join(in[0], in[1]))
		if err == nil && len(files) == 0 {
			err = errors.New("no files")
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
	"replace": text(3, func(in []string) (cty.Value, error) {
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
