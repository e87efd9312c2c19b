package deploy_test

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

func TestBuildNamesEveryProgramAndIsPinned(t *testing.T) {
	dir := t.TempDir()
	ko := filepath.Join(dir, "ko")
	fake := "#!/bin/sh\necho \"$KO_DOCKER_REPO $GOFLAGS\" >>\"$CALLS\"\nprintf '%s\\n' \"$@\" >>\"$CALLS\"\n"
	if err := os.WriteFile(ko, []byte(fake), 0o755); err != nil {
		t.Fatal(err)
	}
	calls, printed, code := script(t, "build.sh", map[string]string{"KO": ko, "REPO": "registry/prod", "TAG": "abc1234"}, "images.txt")
	if code != 0 {
		t.Fatalf("exit %d: %s", code, printed)
	}
	want := []string{"registry/prod -buildvcs=false -tags=disable_grpc_modules,grpcnotrace", "build", "--base-import-paths",
		"--platform=linux/amd64", "--sbom=none", "--tags=abc1234", "--image-refs=images.txt"}
	for _, f := range functionNames(t) {
		want = append(want, "./functions/"+f)
	}
	want = append(want, "./scripts/deploy/canary")
	if got := strings.Split(strings.TrimSpace(calls), "\n"); !slices.Equal(got, want) {
		t.Errorf("ko is called as %q, want %q", got, want)
	}
	text, err := os.ReadFile("build.sh")
	if err != nil {
		t.Fatal(err)
	}
	base, err := os.ReadFile("../../.ko.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if !regexp.MustCompile(`google/ko@v\d+\.\d+\.\d+\)`).Match(text) || !regexp.MustCompile(`(?m)^defaultBaseImage: \S+@sha256:[0-9a-f]{64}$`).Match(base) {
		t.Error("ko or its base image is not pinned")
	}
}

// functionNames returns the folders of functions/, in order.
func functionNames(t *testing.T) (names []string) {
	t.Helper()
	mains, err := filepath.Glob("../../functions/*/main.go")
	if err != nil || mains == nil {
		t.Fatalf("no functions: %v", err)
	}
	for _, main := range mains {
		names = append(names, filepath.Base(filepath.Dir(main)))
	}
	return names
}

// pushBase puts a small image in a registry that stands for the one of .ko.yaml, which tests cannot
// reach, and returns its name.
func pushBase(t *testing.T, host string) string {
	t.Helper()
	config := &v1.ConfigFile{OS: "linux", Architecture: "amd64", Config: v1.Config{User: "65532", Env: []string{"BASE=yes"}}}
	base, err := mutate.ConfigFile(empty.Image, config)
	if err != nil {
		t.Fatal(err)
	}
	layer, err := random.Layer(100, types.DockerLayer)
	if err != nil {
		t.Fatal(err)
	}
	if base, err = mutate.AppendLayers(base, layer); err != nil {
		t.Fatal(err)
	}
	digest, err := base.Digest()
	if err != nil {
		t.Fatal(err)
	}
	ref := parse(t, host+"/base@"+digest.String())
	if err := remote.Write(ref, base); err != nil {
		t.Fatal(err)
	}
	return ref.String()
}

func parse(t *testing.T, image string) name.Reference {
	t.Helper()
	ref, err := name.ParseReference(image)
	if err != nil {
		t.Fatal(err)
	}
	return ref
}

// build runs the build.sh of a copy of the repository, and returns what it writes: the name of each image,
// by that of its program.
func build(t *testing.T, root, repo, base string) (images map[string]string, printed string, err error) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "images.txt")
	cmd := exec.Command("bash", filepath.Join(root, "scripts/deploy/build.sh"), file)
	cmd.Env = append(os.Environ(), "REPO="+repo, "TAG=test", "KO_DEFAULTBASEIMAGE="+base, "DOCKER_CONFIG="+t.TempDir())
	began := time.Now()
	out, err := cmd.CombinedOutput()
	t.Logf("build.sh took %v, of which %v of CPU", time.Since(began).Round(time.Second), (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Round(time.Second))
	if err != nil {
		return nil, string(out), err
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	images = map[string]string{}
	for _, ref := range strings.Fields(string(b)) {
		images[path.Base(strings.Split(strings.TrimPrefix(ref, repo), ":")[0])] = ref
	}
	return images, string(out), nil
}

// The images are what a release takes, but for their base: each holds one program that starts and stops as on
// Cloud Run, with the variables of services.csv; another clone of the same source gives the same digests.
func TestImages(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("bash"); err != nil {
		t.Skip("needs bash: install it")
	}
	srv := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	defer srv.Close()
	host := strings.TrimPrefix(srv.URL, "http://")
	base := pushBase(t, host)

	missing := host + "/base@sha256:" + strings.Repeat("0", 64)
	if _, printed, err := build(t, "../..", host+"/none", missing); err == nil || !strings.Contains(printed, "pulling "+missing) {
		t.Errorf("with a base that is not there: %v, %s", err, printed)
	}

	images, printed, err := build(t, "../..", host+"/one", base)
	if err != nil {
		t.Fatalf("%v: %s", err, printed)
	}
	again, printed, err := build(t, clone(t), host+"/two", base)
	if err != nil {
		t.Fatalf("%v: %s", err, printed)
	}
	digests := func(images map[string]string) map[string]string {
		d := map[string]string{}
		for program, ref := range images {
			_, d[program], _ = strings.Cut(ref, "@")
		}
		return d
	}
	if diff := cmp.Diff(digests(images), digests(again)); diff != "" {
		t.Errorf("another clone gives other digests:\n%s", diff)
	}
	if got, want := len(images), len(functionNames(t))+1; got != want {
		t.Errorf("%d images for %d programs: %v", got, want, images)
	}

	// program is what an image starts, on a machine that can start it.
	program := func(t *testing.T, name string) string {
		binary := extract(t, images[name], name)
		if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
			t.Skip("the images are for linux/amd64: run the tests there to see them started")
		}
		return binary
	}
	for _, s := range services(t) {
		t.Run(s["function"], func(t *testing.T) { start(t, program(t, s["function"]), s) })
	}
	t.Run("canary", func(t *testing.T) {
		binary := program(t, "canary")
		if out, err := exec.Command(binary).CombinedOutput(); err == nil || !strings.Contains(string(out), "usage: canary") {
			t.Errorf("it ends with %v: %s", err, out)
		}
	})
}

// clone copies what images are made of into another folder, where all of it is of now.
func clone(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, part := range []string{"functions", "shared", "scripts"} {
		if err := os.CopyFS(filepath.Join(dir, part), os.DirFS(filepath.Join("..", "..", part))); err != nil {
			t.Fatal(err)
		}
	}
	for _, file := range []string{"go.mod", "go.sum", ".ko.yaml"} {
		b, err := os.ReadFile(filepath.Join("..", "..", file))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, file), b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// extract checks an image, and returns the file that it starts, written out.
func extract(t *testing.T, ref, program string) string {
	t.Helper()
	image, err := remote.Image(parse(t, ref))
	if err != nil {
		t.Fatal(err)
	}
	config, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	entrypoint := "/ko-app/" + program
	if c := config.Config; !slices.Equal(c.Entrypoint, []string{entrypoint}) || c.User != "65532" || len(c.Cmd) > 0 || !slices.Contains(c.Env, "BASE=yes") || config.Architecture != "amd64" {
		t.Errorf("it starts %q %q as %q on %s", c.Entrypoint, c.Cmd, c.User, config.Architecture)
	}
	if !config.Created.IsZero() && config.Created.Unix() != 0 {
		t.Errorf("it says that it was made at %v", config.Created)
	}
	layers, err := image.Layers()
	if err != nil {
		t.Fatal(err)
	}
	last := layers[len(layers)-1]
	size, err := last.Size()
	if err != nil {
		t.Fatal(err)
	}
	packed, err := last.Compressed()
	if err != nil {
		t.Fatal(err)
	}
	defer packed.Close()
	dir := t.TempDir()
	tar := exec.Command("tar", "-xz", "-C", dir) // ours would take long under the race detector
	tar.Stdin = packed
	if out, err := tar.CombinedOutput(); err != nil {
		t.Fatalf("tar: %v: %s", err, out)
	}
	var files []string
	err = fs.WalkDir(os.DirFS(dir), ".", func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			files = append(files, "/"+path)
		}
		return err
	})
	if err != nil || !slices.Equal(files, []string{entrypoint}) {
		t.Fatalf("beside its base it holds %q, %v", files, err)
	}
	file := filepath.Join(dir, entrypoint)
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%s: %.1f MB, packed %.1f MB above its base", program, float64(info.Size())/1e6, float64(size)/1e6)
	return file
}

// start runs a program with the variables that a release gives it, and as little else as Cloud Run does, until it
// answers; then it tells it to stop. Its engines are not there: it uses them only when it is asked something.
func start(t *testing.T, binary string, service map[string]string) {
	t.Helper()
	address := freeAddress(t)
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	const nowhere = "127.0.0.1:1"
	env := []string{"PORT=" + port, "K_SERVICE=" + service["function"], "GOOGLE_CLOUD_PROJECT=shop", "SPANNER_EMULATOR_HOST=" + nowhere,
		"BIGTABLE_EMULATOR_HOST=" + nowhere, "PUBSUB_EMULATOR_HOST=" + nowhere, "STORAGE_EMULATOR_HOST=http://" + nowhere, "LANGUAGE_ENDPOINT=" + nowhere}
	for _, pair := range strings.FieldsFunc(service["variables"], func(r rune) bool { return r == ';' }) {
		env = append(env, strings.NewReplacer("{env}", "dev", "{host}", "dev.hybridbts.tech").Replace(pair))
	}
	for _, pair := range strings.FieldsFunc(service["secrets"], func(r rune) bool { return r == ';' }) {
		secret, _, _ := strings.Cut(pair, "=")
		value := strings.Repeat("k", 32)
		if strings.HasSuffix(secret, "_URL") || strings.HasSuffix(secret, "_ISSUER") {
			value = "http://" + nowhere + "/services"
		}
		env = append(env, secret+"="+value)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary)
	var printed strings.Builder
	cmd.Env, cmd.Dir, cmd.Stdout, cmd.Stderr = env, t.TempDir(), &printed, &printed
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	status := func(path string) string {
		resp, err := http.Get("http://" + address + path)
		if err != nil {
			return ""
		}
		defer resp.Body.Close()
		return fmt.Sprint(resp.StatusCode)
	}
	for status("/healthz") != "200" {
		select {
		case err := <-ended:
			t.Fatalf("it ends with %v: %s", err, &printed)
		case <-time.After(10 * time.Millisecond):
		}
	}
	// Other answers of a smoke test are those of an engine.
	if want := service["smoke_status"]; want == "405" {
		if got := status(service["smoke_path"]); got != want {
			t.Errorf("%s answers %s, want %s", service["smoke_path"], got, want)
		}
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err != nil {
		t.Errorf("told to stop, it ends with %v: %s", err, &printed)
	}
}
