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
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/hybrid-bts/functions/shared/schema/spannerdb"
)

// The test validates commands, flags and flag values of all golden files with an installed gcloud, which runs none of
// them.
func TestRealGcloudAcceptsTheCalls(t *testing.T) {
	t.Parallel()
	gcloud, err := exec.LookPath("gcloud")
	if err != nil {
		t.Skip("needs gcloud: install the Google Cloud CLI")
	}
	files, err := filepath.Glob("testdata/*/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	const invalid = "gcloud run jobs deploy planted --image=i --vpc-egress=some-traffic"
	var calls strings.Builder
	calls.WriteString(invalid + "\n")
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		calls.WriteString(string(b))
	}
	// Of calls that differ only in resource names the test validates one.
	names := regexp.MustCompile(`(prod|dev)[-_]hybridbts\S*`)
	seen := map[string]bool{}
	var text strings.Builder
	for line := range strings.Lines(calls.String()) {
		line = strings.TrimSpace(line)
		if shape := names.ReplaceAllString(line, ""); !strings.HasPrefix(line, "gcloud ") || seen[shape] {
			continue
		} else {
			seen[shape] = true
		}
		// The linter splits words at every space and keeps backslashes.
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
		t.Skipf("needs a gcloud with meta lint-gcloud-commands, such as 528 (%v)", err)
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
		t.Errorf("gcloud validated %d of %d calls", len(results), len(seen))
	}
	for _, r := range results {
		if planted := strings.Contains(r.Command, "planted"); r.Success == planted {
			t.Errorf("valid: %v, %s: %s", r.Success, r.Error, r.Command)
		}
	}
}

// emulatedGcloud runs a real gcloud whose calls of one service go to an emulator.
type emulatedGcloud struct {
	gcloud string
	env    []string
}

// sdkFolder returns the folder of the Google Cloud SDK. It skips the test without one.
func sdkFolder(t *testing.T) string {
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

// startEmulator starts the emulator of a service, which listens on address, and stops it at the end of the test. It
// returns a gcloud that uses the emulator.
func startEmulator(t *testing.T, service, address string, command ...string) emulatedGcloud {
	t.Helper()
	// The shell kills the emulator and its children when stdin closes, which also happens if the test process is
	// killed.
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
		_ = cmd.Wait() // the error reports the kill
	})
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		c, err := net.Dial("tcp", address)
		if err == nil {
			_ = c.Close()
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("connect to %s: %v", command[0], err)
		}
	}
	return emulatedGcloud{filepath.Join(sdkFolder(t), "bin", "gcloud"), append(os.Environ(), "CLOUDSDK_CONFIG="+t.TempDir(), "CLOUDSDK_CORE_DISABLE_PROMPTS=1",
		"CLOUDSDK_AUTH_DISABLE_CREDENTIALS=true", "CLOUDSDK_API_ENDPOINT_OVERRIDES_"+service+"=http://"+address+"/")}
}

// run runs a call in the form that setup.sh prints, and returns gcloud's output.
func (e emulatedGcloud) run(t *testing.T, call string) string {
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

// setupCalls returns the calls of setup.sh whose command matches a pattern.
func setupCalls(t *testing.T, command string) []string {
	t.Helper()
	_, output, code := runSetup(t, nil, "-n")
	if code != 0 {
		t.Fatalf("exit status %d: %s", code, output)
	}
	calls := regexp.MustCompile(`(?m)^gcloud `+command+` .*$`).FindAllString(output, -1)
	if calls == nil {
		t.Fatalf("setup.sh does not call gcloud %s", command)
	}
	return calls
}

// freeAddress returns a loopback address with a port that is not in use.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// The emulator supports neither roles nor backup schedules.
func TestSetupCreatesTheDatabaseOnTheEmulator(t *testing.T) {
	calls := setupCalls(t, `spanner (instances create|databases (create|ddl update|execute-sql))`)
	t.Parallel()
	folder := filepath.Join(sdkFolder(t), "bin", "cloud_spanner_emulator")
	gateway, err := exec.LookPath(filepath.Join(folder, "gateway_main"))
	if err != nil {
		t.Skip("needs the Cloud Spanner emulator: install google-cloud-cli-spanner-emulator")
	}
	rest, grpc := freeAddress(t), freeAddress(t)
	port := func(address string) string { return address[strings.LastIndex(address, ":")+1:] }
	e := startEmulator(t, "SPANNER", rest, gateway, "--hostname=127.0.0.1", "--http_port="+port(rest), "--grpc_port="+port(grpc),
		"--grpc_binary="+filepath.Join(folder, "emulator_main"))
	unsupported := regexp.MustCompile(` --(?:edition|default-backup-schedule-type)=\w+`)
	for _, call := range calls {
		e.run(t, unsupported.ReplaceAllString(call, ""))
	}

	got := e.run(t, "gcloud spanner databases ddl describe shop --instance=prod-hybridbts-shop --project=shop")
	object := regexp.MustCompile(`(?:TABLE|INDEX) \w+`) // the emulator prints a search index as an index
	existing := object.FindAllString(got, -1)
	tables, search := spannerdb.Schema()
	schema := slices.Concat(tables, search)
	for _, statement := range schema {
		if m := object.FindString(statement); strings.HasPrefix(statement, "CREATE") && !slices.Contains(existing, m) {
			t.Errorf("the database lacks %s: %s", m, got)
		}
	}
	altered := regexp.MustCompile(`ALTER TABLE \w+ ADD COLUMN (\w+)`)
	for _, m := range altered.FindAllStringSubmatch(strings.Join(schema, "\n"), -1) {
		if !strings.Contains(got, "  "+m[1]+" ") {
			t.Errorf("the database lacks the column %s: %s", m[1], got)
		}
	}
}

// The emulator does not support roles.
func TestSetupCreatesTopicsAndSubscriptionsOnTheEmulator(t *testing.T) {
	calls := setupCalls(t, `pubsub (topics|subscriptions) create`)
	t.Parallel()
	jars, err := filepath.Glob(filepath.Join(sdkFolder(t), "platform", "pubsub-emulator", "lib", "cloud-pubsub-emulator-*.jar"))
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
	e := startEmulator(t, "PUBSUB", address, java, "-jar", jars[0], "--host="+host, "--port="+port)
	for _, call := range calls {
		e.run(t, strings.Replace(call, "-duration=31d", "-duration=7d", 1)) // the emulator has the limit of before 2023
	}

	var names []string
	for _, topic := range listMessages(t, e, "topics", func() *pubsubpb.Topic { return &pubsubpb.Topic{} }) {
		names = append(names, topic.Name)
	}
	pushes := 0
	for _, s := range listMessages(t, e, "subscriptions", func() *pubsubpb.Subscription { return &pubsubpb.Subscription{} }) {
		if s.Filter != "" {
			s.MessageRetentionDuration = durationpb.New(31 * 24 * time.Hour)
		}
		for _, p := range deliveryProblems(s) {
			t.Errorf("%s: %s", s.Name, p)
		}
		if !slices.Contains(names, s.Topic) {
			t.Errorf("%s: unknown topic %s", s.Name, s.Topic)
		}
		if s.PushConfig.GetPushEndpoint() == "" {
			continue
		}
		pushes++
		if dead := s.DeadLetterPolicy.GetDeadLetterTopic(); !slices.Contains(names, dead) {
			t.Errorf("%s: unknown dead-letter topic %s", s.Name, dead)
		}
	}
	if pushes < 3 {
		t.Errorf("%d push subscriptions, want 3 or more", pushes)
	}
}

// listMessages lists topics or subscriptions and decodes each into a new message.
func listMessages[M proto.Message](t *testing.T, e emulatedGcloud, kind string, newMessage func() M) (all []M) {
	t.Helper()
	var list []json.RawMessage
	if err := json.Unmarshal([]byte(e.run(t, "gcloud pubsub "+kind+" list --project=shop --format=json")), &list); err != nil {
		t.Fatal(err)
	}
	for _, b := range list {
		m := newMessage()
		if err := protojson.Unmarshal(b, m); err != nil {
			t.Fatal(err)
		}
		all = append(all, m)
	}
	return all
}

// A release pins traffic to a revision, so a page that updates a service must also move the traffic.
func TestPagesContainValidGcloudCalls(t *testing.T) {
	calls := 0
	for _, page := range []string{"../../README.md", "../../cloudbuild.yaml", "../../.ci/cloudbuild.yaml", "COSTS.md", "monitoring/RUNBOOK.md", "terraform/main.tf"} {
		b, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		text := regexp.MustCompile(`\\\n|\$\([^)]*\)`).ReplaceAllString(string(b), "")
		for _, call := range regexp.MustCompile("(?m)(?:^#? *|\\| |`)(gcloud [a-z][^`\n]*)").FindAllStringSubmatch(text, -1) {
			calls++
			if problem := callProblem(call[1]); problem != "" {
				t.Errorf("%s: %s: %s", page, problem, call[1])
			}
		}
		for _, m := range regexp.MustCompile(`gcloud run services update (\S+) .*\n(.*)`).FindAllStringSubmatch(text, -1) {
			if !strings.HasPrefix(m[2], "gcloud run services update-traffic "+m[1]+" ") || !strings.HasSuffix(m[2], " --to-latest") {
				t.Errorf("%s: the update of %s is not followed by run services update-traffic --to-latest", page, m[1])
			}
		}
	}
	// Cloud Build has no git clone, so the tag is the only sign of uncommitted changes.
	for _, page := range []string{"../../README.md", "../../cloudbuild.yaml", "../../.ci/cloudbuild.yaml"} {
		b, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		if !regexp.MustCompile(`(SHORT_SHA|COMMIT)=\$\(git describe --always --dirty --exclude='\*'\)`).Match(b) {
			t.Errorf("%s: the build's tag does not mark a dirty tree", page)
		}
	}
	if calls < 10 {
		t.Errorf("%d calls, want 10 or more", calls)
	}
}
