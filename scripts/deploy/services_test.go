package deploy_test

import (
	"regexp"
	"strings"
	"testing"

	"cloud.google.com/go/run/apiv2/runpb"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/hybrid-bts/functions/scripts/deploy/routes"
)

// service is the Cloud Run service that a recorded deploy makes, read strictly, as the API reads it.
func service(line string) (*runpb.Service, error) {
	f := map[string]string{}
	for _, w := range unshell(strings.TrimSpace(line)) {
		name, value, _ := strings.Cut(strings.TrimPrefix(w, "--"), "=")
		f[name] = value
	}
	var env []any
	for _, pair := range strings.FieldsFunc(f["set-env-vars"], func(r rune) bool { return r == ',' }) {
		name, value, _ := strings.Cut(pair, "=")
		env = append(env, map[string]any{"name": name, "value": value})
	}
	for _, pair := range strings.FieldsFunc(f["set-secrets"], func(r rune) bool { return r == ',' }) {
		name, value, _ := strings.Cut(pair, "=")
		secret, version, _ := strings.Cut(value, ":")
		env = append(env, map[string]any{"name": name, "valueSource": map[string]any{"secretKeyRef": map[string]any{"secret": secret, "version": version}}})
	}
	labels := map[string]any{}
	for _, pair := range strings.Split(f["labels"], ",") {
		name, value, _ := strings.Cut(pair, "=")
		labels[name] = value
	}
	s := &runpb.Service{}
	return s, protojson.Unmarshal([]byte(canonical(map[string]any{
		"labels": labels,
		// gcloud's words are the API's, but for the first.
		"ingress": map[string]string{
			"internal":                          "INGRESS_TRAFFIC_INTERNAL_ONLY",
			"internal-and-cloud-load-balancing": "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER",
			"all":                               "INGRESS_TRAFFIC_ALL",
		}[f["ingress"]],
		"template": map[string]any{
			"serviceAccount": f["service-account"], "timeout": f["timeout"] + "s", "maxInstanceRequestConcurrency": f["concurrency"],
			"scaling": map[string]any{"minInstanceCount": f["min-instances"], "maxInstanceCount": f["max-instances"]},
			"containers": []any{map[string]any{
				"image": f["image"], "env": env, "resources": map[string]any{"limits": map[string]any{"cpu": f["cpu"], "memory": f["memory"]}},
			}},
		},
	})), s)
}

// What image and resize hold at once they measure by it.
func TestMemoryIsWhatIsThere(t *testing.T) {
	for _, s := range services(t) {
		for _, m := range regexp.MustCompile(`MEMORY_MIB=(\d+)`).FindAllStringSubmatch(s["variables"], -1) {
			if m[1]+"Mi" != s["memory"] {
				t.Errorf("%s has %s, and thinks of %s MiB", s["function"], s["memory"], m[1])
			}
		}
	}
}

// What a release deploys is what Cloud Run takes and the design promises: up to 4 instances at Cloud Run's own target of
// 60 % CPU; one that always waits for api in production, and for alert; alert and admin must be one; nobody reaches them from outside.
func TestServicesAreThoseOfTheDesign(t *testing.T) {
	for _, row := range services(t) {
		for _, env := range []string{"dev", "prod"} {
			_, printed, code := release(t, map[string]string{"ENV": env}, "-n", row["function"], image, judge)
			var line string
			for l := range strings.Lines(printed) {
				if strings.Contains(l, "run deploy") {
					line = l
				}
			}
			s, err := service(line)
			if code != 0 || err != nil {
				t.Errorf("%s: exit %d, %v: %s", row["function"], code, err, printed)
				continue
			}
			wantMin, wantMax := int32(0), int32(4)
			if env == "prod" && (row["function"] == "api" || row["function"] == "alert") {
				wantMin = 1
			}
			if row["function"] == "alert" || row["function"] == "admin" {
				wantMax = 1
			}
			if got := s.Template.Scaling; got.MinInstanceCount != wantMin || got.MaxInstanceCount != wantMax {
				t.Errorf("%s in %s: %d to %d instances, want %d to %d", row["function"], env, got.MinInstanceCount, got.MaxInstanceCount, wantMin, wantMax)
			}
			if s.Ingress != runpb.IngressTraffic_INGRESS_TRAFFIC_INTERNAL_ONLY && s.Ingress != runpb.IngressTraffic_INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER {
				t.Errorf("%s: ingress %v", row["function"], s.Ingress)
			}
			if !strings.HasPrefix(s.Template.ServiceAccount, env+"-hybridbts-"+row["function"]+"@") || s.Labels["env"] != env {
				t.Errorf("%s runs as %s, with labels %v", row["function"], s.Template.ServiceAccount, s.Labels)
			}
			for _, e := range s.Template.Containers[0].Env {
				if e.GetValue() == "" && e.GetValueSource().GetSecretKeyRef().GetSecret() == "" {
					t.Errorf("%s: %s has no value", row["function"], e.Name)
				}
			}
		}
	}
	const line = "gcloud run deploy x --image=i --ingress=internal --timeout=30 --concurrency=80 --min-instances=0 --max-instances=4 --cpu=1 --memory=256Mi --labels=env=dev"
	if _, err := service(line); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string][2]string{
		"a timeout of minutes":  {"--timeout=30", "--timeout=1m"},
		"an unknown ingress":    {"--ingress=internal", "--ingress=inside"},
		"instances in words":    {"--max-instances=4", "--max-instances=four"},
		"a fractional instance": {"--min-instances=0", "--min-instances=0.5"},
	} {
		if s, err := service(strings.Replace(line, change[0], change[1], 1)); err == nil && s.Ingress != runpb.IngressTraffic_INGRESS_TRAFFIC_UNSPECIFIED {
			t.Errorf("%s is not seen", name)
		}
	}
}

// Every path leads to a service that the load balancer reaches, and every such service has a path.
func TestTheLoadBalancerReachesWhatHasRoutes(t *testing.T) {
	b := map[string]string{}
	for _, row := range services(t) {
		b[row["function"]] = row["ingress"]
	}
	routed := map[string]bool{}
	for _, r := range routes.All() {
		routed[r.Function] = true
		if b[r.Function] != "internal-and-cloud-load-balancing" {
			t.Errorf("%s leads to %s, whose ingress is %s", r.Prefix, r.Function, b[r.Function])
		}
	}
	for function, ingress := range b {
		if ingress == "internal-and-cloud-load-balancing" && !routed[function] {
			t.Errorf("no path leads to %s", function)
		}
	}
}
