package deploy_test

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"cloud.google.com/go/run/apiv2/runpb"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/hybrid-bts/functions/scripts/deploy"
	"github.com/hybrid-bts/functions/scripts/deploy/routes"
)

// balancedIngress is the ingress of services behind the load balancer.
const balancedIngress = "internal-and-cloud-load-balancing"

// cloudRunService converts a gcloud run deploy call to the API's service. It fails on values that the API rejects.
func cloudRunService(line string) (*runpb.Service, error) {
	f := map[string]string{} // flags
	for _, w := range shellWords(strings.TrimSpace(line)) {
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
	for pair := range strings.SplitSeq(f["labels"], ",") {
		name, value, _ := strings.Cut(pair, "=")
		labels[name] = value
	}
	s := &runpb.Service{}
	return s, protojson.Unmarshal([]byte(canonicalJSON(map[string]any{
		"labels": labels,
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

func TestServicesSetTheVariablesThatFunctionsRead(t *testing.T) {
	required := regexp.MustCompile(`e\.Required\("([A-Z_]+)"\)`)
	var listed []string
	for _, s := range deploy.Services() {
		listed = append(listed, s.Function)
		source, err := os.ReadFile(filepath.Join("..", "..", "functions", s.Function, "main.go"))
		if err != nil {
			t.Error(err)
			continue
		}
		set := []string{"GOOGLE_CLOUD_PROJECT"} // release.sh sets it for every service
		for _, v := range slices.Concat(s.Variables, s.Secrets) {
			set = append(set, v.Name)
			if !bytes.Contains(source, []byte(`"`+v.Name+`"`)) {
				t.Errorf("services.csv sets %s, which %s does not read", v.Name, s.Function)
			}
		}
		for _, m := range required.FindAllSubmatch(source, -1) {
			if !slices.Contains(set, string(m[1])) {
				t.Errorf("services.csv does not set %s, which %s requires", m[1], s.Function)
			}
		}
	}
	if folders := functionNames(t); !slices.Equal(listed, folders) {
		t.Errorf("services.csv lists %v, functions/ holds %v", listed, folders)
	}
}

func TestServicesAreReachableOnlyThroughTheLoadBalancer(t *testing.T) {
	for _, s := range deploy.Services() {
		if s.Public && s.Ingress != balancedIngress || s.Ingress == "all" {
			t.Errorf("%s: ingress %s lets clients bypass the load balancer", s.Function, s.Ingress)
		}
	}
}

func TestPersonalDataIsNeitherPublicNorCached(t *testing.T) {
	for _, s := range deploy.Services() {
		if s.Function == "city" && (s.Public || s.Cache != "") {
			t.Error("city accepts unauthenticated calls, or the CDN caches its responses")
		}
		if s.Cache != "" && !s.Public {
			t.Errorf("the CDN would serve responses of %s to other callers", s.Function)
		}
	}
}

// The quota belongs to the project: https://cloud.google.com/natural-language/quotas.
func TestInstancesShareTheNaturalLanguageQuota(t *testing.T) {
	const callsPerMinute = 600
	found := false
	for _, s := range deploy.Services() {
		for _, v := range s.Variables {
			if v.Name != "LANGUAGE_QPM" {
				continue
			}
			found = true
			share, err := strconv.Atoi(v.Value)
			if err != nil {
				t.Fatal(err)
			}
			if total := share * s.MaxInstances; total > callsPerMinute {
				t.Errorf("%d instances of %s make up to %d calls a minute, the quota is %d", s.MaxInstances, s.Function, total, callsPerMinute)
			}
		}
	}
	if !found {
		t.Error("no service has LANGUAGE_QPM")
	}
}

// image and resize budget their memory by MEMORY_MIB.
func TestMemoryBudgetsEqualTheMemoryLimit(t *testing.T) {
	for _, s := range deploy.Services() {
		for _, v := range s.Variables {
			if v.Name == "MEMORY_MIB" && v.Value != strconv.Itoa(s.MemoryMiB) {
				t.Errorf("%s: memory limit %d MiB, MEMORY_MIB %s", s.Function, s.MemoryMiB, v.Value)
			}
		}
	}
}

// A service has at most 4 instances. alert has one, which groups notifications in memory. admin has one, which holds
// the leases of dead letters. In production api and alert keep an idle instance.
func TestServicesHaveTheExpectedScaling(t *testing.T) {
	t.Parallel()
	for _, row := range deploy.Services() {
		for _, env := range []string{"dev", "prod"} {
			_, output, code := runRelease(t, environment{"ENV": env}, "-n", row.Function, newImage, canaryImage)
			s, err := cloudRunService(regexp.MustCompile(`(?m)^.* run deploy .*$`).FindString(output))
			if code != 0 || err != nil {
				t.Errorf("%s: exit status %d, %v: %s", row.Function, code, err, output)
				continue
			}
			wantMin, wantMax := int32(0), int32(4)
			if env == "prod" && (row.Function == "api" || row.Function == "alert") {
				wantMin = 1
			}
			if row.Function == "alert" || row.Function == "admin" {
				wantMax = 1
			}
			if got := s.Template.Scaling; got.MinInstanceCount != wantMin || got.MaxInstanceCount != wantMax {
				t.Errorf("%s in %s: %d to %d instances, want %d to %d", row.Function, env, got.MinInstanceCount, got.MaxInstanceCount, wantMin, wantMax)
			}
			if s.Ingress != runpb.IngressTraffic_INGRESS_TRAFFIC_INTERNAL_ONLY && s.Ingress != runpb.IngressTraffic_INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER {
				t.Errorf("%s: ingress %v", row.Function, s.Ingress)
			}
			if !strings.HasPrefix(s.Template.ServiceAccount, env+"-hybridbts-"+row.Function+"@") || s.Labels["env"] != env {
				t.Errorf("%s: account %s, labels %v", row.Function, s.Template.ServiceAccount, s.Labels)
			}
			for _, v := range s.Template.Containers[0].Env {
				if v.GetValue() == "" && v.GetValueSource().GetSecretKeyRef().GetSecret() == "" {
					t.Errorf("%s: variable %s has no value", row.Function, v.Name)
				}
			}
		}
	}
}

func TestInvalidServiceSettingsAreDetected(t *testing.T) {
	const line = "gcloud run deploy x --image=i --ingress=internal --timeout=30 --concurrency=80 --min-instances=0 --max-instances=4 --cpu=1 --memory=256Mi --labels=env=dev"
	if _, err := cloudRunService(line); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string][2]string{
		"timeout in minutes":  {"--timeout=30", "--timeout=1m"},
		"unknown ingress":     {"--ingress=internal", "--ingress=inside"},
		"instances in words":  {"--max-instances=4", "--max-instances=four"},
		"fractional instance": {"--min-instances=0", "--min-instances=0.5"},
	} {
		if s, err := cloudRunService(strings.Replace(line, change[0], change[1], 1)); err == nil && s.Ingress != runpb.IngressTraffic_INGRESS_TRAFFIC_UNSPECIFIED {
			t.Errorf("%s: not detected", name)
		}
	}
}

func TestRoutesAndLoadBalancedServicesMatch(t *testing.T) {
	routed := map[string]bool{}
	for _, r := range routes.All() {
		routed[r.Function] = true
	}
	for _, s := range deploy.Services() {
		if balanced := s.Ingress == balancedIngress; balanced != routed[s.Function] {
			t.Errorf("%s: ingress %s, has a route: %v", s.Function, s.Ingress, routed[s.Function])
		}
		delete(routed, s.Function)
	}
	for function := range routed {
		t.Errorf("a route leads to %s, which services.csv lacks", function)
	}
}
