package deploy_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/hybrid-bts/functions/shared/schema/spannerdb"
)

// Where gcloud is installed, it reads every call of the goldens itself: commands, flags, and the values
// that a flag may have. It runs none of them.
func TestRealGcloudTakesTheCalls(t *testing.T) {
	gcloud, err := exec.LookPath("gcloud")
	if err != nil {
		t.Skip("needs gcloud: install the Google Cloud CLI")
	}
	files, err := filepath.Glob("testdata/*/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	const wrong = "gcloud run jobs deploy planted --image=i --vpc-egress=some-traffic"
	calls := wrong + "\n"
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		calls += string(b)
	}
	// Calls that differ in names alone are one.
	names := regexp.MustCompile(`(prod|dev)[-_]hybridbts\S*`)
	seen := map[string]bool{}
	var text strings.Builder
	for line := range strings.Lines(calls) {
		line = strings.TrimSpace(line)
		if shape := names.ReplaceAllString(line, ""); !strings.HasPrefix(line, "gcloud ") || seen[shape] {
			continue
		} else {
			seen[shape] = true
		}
		// It splits words as a shell does not.
		line = strings.NewReplacer(`\ `, "_", `\"`, "", `\`, "").Replace(line)
		fmt.Fprintf(&text, "```\n%s\n```\n", line)
	}
	file := filepath.Join(t.TempDir(), "calls.md")
	if err := os.WriteFile(file, []byte(text.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(gcloud, "meta", "lint-gcloud-commands", "--commands-text-file="+file)
	cmd.Env = append(os.Environ(), "CLOUDSDK_CONFIG="+t.TempDir(), "CLOUDSDK_CORE_DISABLE_PROMPTS=1")
	out, err := cmd.Output()
	if err != nil {
		t.Skipf("this gcloud has no meta lint-gcloud-commands: install one like 528 (%v)", err)
	}
	var results []struct {
		Command string `json:"command_string"`
		Error   string `json:"error_message"`
		Success bool   `json:"success"`
	}
	if err := json.Unmarshal(out, &results); err != nil {
		t.Fatal(err)
	}
	if len(results) != len(seen) {
		t.Errorf("gcloud read %d calls of %d", len(results), len(seen))
	}
	for _, r := range results {
		if planted := strings.Contains(r.Command, "planted"); r.Success == planted {
			t.Errorf("taken: %v, %s: %s", r.Success, r.Error, r.Command)
		}
	}
}

// emulated is a real gcloud whose calls of one service an emulator answers.
type emulated struct {
	gcloud string
	env    []string
}

// sdk returns the folder of the Google Cloud SDK, or skips the test.
func sdk(t *testing.T) string {
	t.Helper()
	gcloud, err := exec.LookPath("gcloud")
	if err == nil {
		gcloud, err = filepath.EvalSymlinks(gcloud)
	}
	if err != nil {
		t.Skip("needs gcloud: install the Google Cloud CLI")
	}
	return filepath.Dir(filepath.Dir(gcloud))
}

// emulate runs an emulator, which listens on address, until the test ends.
func emulate(t *testing.T, service, address string, command ...string) emulated {
	t.Helper()
	// The shell ends the emulator with all that it starts, also when the test is killed.
	cmd := exec.Command("bash", append([]string{"-c", `set -m; "$@" </dev/null & read -r; kill -- -$!`, "bash"}, command...)...)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = stdin.Close()
		_ = cmd.Wait() // it says how it was ended
	})
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		c, err := net.Dial("tcp", address)
		if err == nil {
			_ = c.Close()
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s does not listen: %v", command[0], err)
		}
	}
	return emulated{filepath.Join(sdk(t), "bin", "gcloud"), append(os.Environ(), "CLOUDSDK_CONFIG="+t.TempDir(), "CLOUDSDK_CORE_DISABLE_PROMPTS=1",
		"CLOUDSDK_AUTH_DISABLE_CREDENTIALS=true", "CLOUDSDK_API_ENDPOINT_OVERRIDES_"+service+"=http://"+address+"/")}
}

// run runs a call as setup.sh prints it, and returns what gcloud prints.
func (e emulated) run(t *testing.T, call string) string {
	t.Helper()
	cmd := exec.Command("bash", "-c", `gcloud() { "$GCLOUD" "$@"; }; `+call)
	cmd.Env, cmd.Dir = append(e.env, "GCLOUD="+e.gcloud), "../.."
	out, err := cmd.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			err = fmt.Errorf("%w: %s", err, exit.Stderr)
		}
		t.Fatalf("%s: %v", call, err)
	}
	return string(out)
}

// setupCalls returns those calls of setup.sh that begin so.
func setupCalls(t *testing.T, begin string) []string {
	t.Helper()
	_, printed, code := setup(t, nil, "-n")
	if code != 0 {
		t.Fatalf("exit %d: %s", code, printed)
	}
	calls := regexp.MustCompile(`(?m)^gcloud `+begin+` .*$`).FindAllString(printed, -1)
	if calls == nil {
		t.Fatalf("setup.sh makes no call of gcloud %s", begin)
	}
	return calls
}

// freeAddress returns an address of this machine that nobody listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// The emulator has no roles and no schedules of backups; what else setup.sh asks of Spanner it does.
func TestSetupMakesTheDatabaseOnTheEmulator(t *testing.T) {
	calls := setupCalls(t, `spanner (instances create|databases (create|ddl update|execute-sql))`)
	t.Parallel()
	folder := filepath.Join(sdk(t), "bin", "cloud_spanner_emulator")
	gateway, err := exec.LookPath(filepath.Join(folder, "gateway_main"))
	if err != nil {
		t.Skip("needs the Cloud Spanner emulator: install google-cloud-cli-spanner-emulator")
	}
	rest, grpc := freeAddress(t), freeAddress(t)
	port := func(address string) string { return address[strings.LastIndex(address, ":")+1:] }
	e := emulate(t, "SPANNER", rest, gateway, "--hostname=127.0.0.1", "--http_port="+port(rest), "--grpc_port="+port(grpc),
		"--grpc_binary="+filepath.Join(folder, "emulator_main"))
	edition := regexp.MustCompile(` --(?:edition|default-backup-schedule-type)=\w+`) // the emulator knows neither
	for _, call := range calls {
		e.run(t, edition.ReplaceAllString(call, ""))
	}

	got := e.run(t, "gcloud spanner databases ddl describe shop --instance=prod-hybridbts-shop --project=shop")
	made := regexp.MustCompile(`(?:TABLE|INDEX) \w+`) // the emulator shows a search index as any other
	there := made.FindAllString(got, -1)
	tables, search := spannerdb.Schema()
	schema := slices.Concat(tables, search)
	for _, statement := range schema {
		if m := made.FindString(statement); strings.HasPrefix(statement, "CREATE") && !slices.Contains(there, m) {
			t.Errorf("the database has no %s: %s", m, got)
		}
	}
	altered := regexp.MustCompile(`ALTER TABLE \w+ ADD COLUMN (\w+)`)
	for _, m := range altered.FindAllStringSubmatch(strings.Join(schema, "\n"), -1) {
		if !strings.Contains(got, "  "+m[1]+" ") {
			t.Errorf("the database has no column %s: %s", m[1], got)
		}
	}
}

// The emulator has no roles; what else setup.sh asks of Pub/Sub it does.
func TestSetupMakesTopicsAndSubscriptionsOnTheEmulator(t *testing.T) {
	calls := setupCalls(t, `pubsub (topics|subscriptions) create`)
	t.Parallel()
	jars, err := filepath.Glob(filepath.Join(sdk(t), "platform", "pubsub-emulator", "lib", "cloud-pubsub-emulator-*.jar"))
	if err != nil {
		t.Fatal(err)
	}
	java, err := exec.LookPath("java")
	if err != nil || jars == nil {
		t.Skip("needs the Pub/Sub emulator: install google-cloud-cli-pubsub-emulator and a Java")
	}
	address := freeAddress(t)
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	e := emulate(t, "PUBSUB", address, java, "-jar", jars[0], "--host="+host, "--port="+port)
	for _, call := range calls {
		e.run(t, call)
	}

	var topics, subscriptions []json.RawMessage
	for command, list := range map[string]*[]json.RawMessage{"topics": &topics, "subscriptions": &subscriptions} {
		if err := json.Unmarshal([]byte(e.run(t, "gcloud pubsub "+command+" list --project=shop --format=json")), list); err != nil {
			t.Fatal(err)
		}
	}
	var names []string
	for _, b := range topics {
		var topic pubsubpb.Topic
		if err := protojson.Unmarshal(b, &topic); err != nil {
			t.Fatal(err)
		}
		names = append(names, topic.Name)
	}
	pushes := 0
	for _, b := range subscriptions {
		var s pubsubpb.Subscription
		if err := protojson.Unmarshal(b, &s); err != nil {
			t.Fatal(err)
		}
		if !slices.Contains(names, s.Topic) || s.ExpirationPolicy == nil || s.ExpirationPolicy.Ttl != nil || s.MessageRetentionDuration.AsDuration() != 7*24*time.Hour {
			t.Errorf("a subscription without its topic, that ends, or forgets too early: %v", &s)
		}
		if s.PushConfig.GetPushEndpoint() == "" {
			continue
		}
		pushes++
		again, dead := s.RetryPolicy, s.DeadLetterPolicy
		if again.GetMinimumBackoff().AsDuration() != 10*time.Second || again.GetMaximumBackoff().AsDuration() != 10*time.Minute || s.AckDeadlineSeconds != 60 {
			t.Errorf("it delivers again too early, or too late: %v", &s)
		}
		if !slices.Contains(names, dead.GetDeadLetterTopic()) || dead.GetMaxDeliveryAttempts() < 5 || dead.GetMaxDeliveryAttempts() > 10 {
			t.Errorf("its dead letters go nowhere: %v", &s)
		}
		if to := s.PushConfig.GetOidcToken(); to.GetServiceAccountEmail() != "prod-hybridbts-push@shop.iam.gserviceaccount.com" || s.PushConfig.PushEndpoint != to.GetAudience()+"/" {
			t.Errorf("it pushes without a token for whom it pushes to: %v", &s)
		}
	}
	if pushes < 3 {
		t.Errorf("%d subscriptions push", pushes)
	}
}
