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

	"github.com/hybrid-bts/functions/scripts/deploy"
)

func TestBuildPassesEveryProgramToAPinnedKo(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ko := filepath.Join(dir, "ko")
	fake := "#!/bin/sh\necho \"$KO_DOCKER_REPO $GOFLAGS\" >>\"$CALLS\"\nprintf '%s\\n' \"$@\" >>\"$CALLS\"\n"
	if err := os.WriteFile(ko, []byte(fake), 0o755); err != nil {
		t.Fatal(err)
	}
	calls, output, code := runScript(t, "build.sh", environment{"KO": ko, "REPO": "registry/prod", "TAG": "abc1234"}, "images.txt")
	if code != 0 {
		t.Fatalf("exit status %d: %s", code, output)
	}
	want := []string{"registry/prod -buildvcs=false -tags=disable_grpc_modules,grpcnotrace", "build", "--base-import-paths",
		"--platform=linux/amd64", "--sbom=none", "--tags=abc1234", "--image-refs=images.txt"}
	for _, f := range functionNames(t) {
		want = append(want, "./functions/"+f)
	}
	want = append(want, "./scripts/deploy/canary")
	if got := strings.Split(strings.TrimSpace(calls), "\n"); !slices.Equal(got, want) {
		t.Errorf("ko arguments = %q, want %q", got, want)
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
		t.Error("the version of ko or its base image is not pinned")
	}
}

// functionNames returns the names of the folders in functions/, sorted.
func functionNames(t *testing.T) (names []string) {
	t.Helper()
	mains, err := filepath.Glob("../../functions/*/main.go")
	if err != nil || mains == nil {
		t.Fatalf("find functions: %v", err)
	}
	for _, main := range mains {
		names = append(names, filepath.Base(filepath.Dir(main)))
	}
	return names
}

// pushBase pushes a small base image to a registry and returns its reference. Tests have no access to the registry of
// the base image in .ko.yaml.
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
	ref := parseReference(t, host+"/base@"+digest.String())
	if err := remote.Write(ref, base); err != nil {
		t.Fatal(err)
	}
	return ref.String()
}

// parseReference parses an image reference.
func parseReference(t *testing.T, image string) name.Reference {
	t.Helper()
	ref, err := name.ParseReference(image)
	if err != nil {
		t.Fatal(err)
	}
	return ref
}

// runBuild runs build.sh of the repository at root with a base image. It returns the image references by program.
func runBuild(t *testing.T, root, repo, base string) (images map[string]string, output string, err error) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "images.txt")
	cmd := exec.Command("bash", filepath.Join(root, "scripts/deploy/build.sh"), file)
	cmd.Env = append(os.Environ(), "REPO="+repo, "TAG=test", "KO_DEFAULTBASEIMAGE="+base, "DOCKER_CONFIG="+t.TempDir())
	start := time.Now()
	out, err := cmd.CombinedOutput()
	t.Logf("build.sh took %v and %v of CPU time", time.Since(start).Round(time.Second), (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Round(time.Second))
	if err != nil {
		return nil, string(out), err
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	images = map[string]string{}
	for ref := range strings.FieldsSeq(string(b)) {
		images[path.Base(strings.Split(strings.TrimPrefix(ref, repo), ":")[0])] = ref
	}
	return images, string(out), nil
}

// The images equal those of a release, except for their base image. Each contains one program, which starts and stops
// as on Cloud Run with the variables of services.csv. A clone of the same source yields the same digests.
func TestImagesAreReproducibleAndStart(t *testing.T) {
	t.Parallel()
	requireBash(t)
	srv := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	defer srv.Close()
	host := strings.TrimPrefix(srv.URL, "http://")
	base := pushBase(t, host)

	missing := host + "/base@sha256:" + strings.Repeat("0", 64)
	if _, output, err := runBuild(t, "../..", host+"/none", missing); err == nil || !strings.Contains(output, "pulling "+missing) {
		t.Errorf("with a missing base image: %v, %s", err, output)
	}

	images, output, err := runBuild(t, "../..", host+"/one", base)
	if err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	again, output, err := runBuild(t, clone(t), host+"/two", base)
	if err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	digests := func(images map[string]string) map[string]string {
		d := map[string]string{}
		for program, ref := range images {
			_, d[program], _ = strings.Cut(ref, "@")
		}
		return d
	}
	if diff := cmp.Diff(digests(images), digests(again)); diff != "" {
		t.Errorf("digests of a clone differ:\n%s", diff)
	}
	if got, want := len(images), len(functionNames(t))+1; got != want {
		t.Errorf("%d images for %d programs: %v", got, want, images)
	}

	// binary extracts a program from its image. It skips the test on machines that cannot run it.
	binary := func(t *testing.T, name string) string {
		file := extract(t, images[name], name)
		if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
			t.Skip("needs linux/amd64, the platform of the images")
		}
		return file
	}
	for _, s := range deploy.Services() {
		t.Run(s.Function, func(t *testing.T) { startAndStop(t, binary(t, s.Function), s) })
	}
	t.Run("canary", func(t *testing.T) {
		if out, err := exec.Command(binary(t, "canary")).CombinedOutput(); err == nil || !strings.Contains(string(out), "usage: canary") {
			t.Errorf("canary without arguments: %v: %s", err, out)
		}
	})
}

// clone copies the sources of the images to another folder, with new modification times.
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

// extract checks the configuration and the top layer of an image, and returns the name of a copy of its program.
func extract(t *testing.T, ref, program string) string {
	t.Helper()
	image, err := remote.Image(parseReference(t, ref))
	if err != nil {
		t.Fatal(err)
	}
	config, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	entrypoint := "/ko-app/" + program
	if c := config.Config; !slices.Equal(c.Entrypoint, []string{entrypoint}) || c.User != "65532" || len(c.Cmd) > 0 || !slices.Contains(c.Env, "BASE=yes") || config.Architecture != "amd64" {
		t.Errorf("entrypoint %q %q, user %q, architecture %s", c.Entrypoint, c.Cmd, c.User, config.Architecture)
	}
	if !config.Created.IsZero() && config.Created.Unix() != 0 {
		t.Errorf("creation time %v, want none", config.Created)
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
	tar := exec.Command("tar", "-xz", "-C", dir) // archive/tar is slow under the race detector
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
		t.Fatalf("files above the base image: %q, %v, want %s", files, err, entrypoint)
	}
	file := filepath.Join(dir, entrypoint)
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%s: %.1f MB, compressed %.1f MB above the base image", program, float64(info.Size())/1e6, float64(size)/1e6)
	return file
}

// startAndStop runs a program with the environment of its release until it serves requests, and then stops it with
// SIGTERM. No engine is reachable: programs connect to engines on the first request that needs them.
func startAndStop(t *testing.T, binary string, service deploy.Service) {
	t.Helper()
	address := freeAddress(t)
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	const unreachable = "127.0.0.1:1"
	env := []string{"PORT=" + port, "K_SERVICE=" + service.Function, "GOOGLE_CLOUD_PROJECT=shop", "SPANNER_EMULATOR_HOST=" + unreachable,
		"BIGTABLE_EMULATOR_HOST=" + unreachable, "PUBSUB_EMULATOR_HOST=" + unreachable, "STORAGE_EMULATOR_HOST=http://" + unreachable, "LANGUAGE_ENDPOINT=" + unreachable,
		"VISION_ENDPOINT=" + unreachable}
	for _, v := range service.Variables {
		env = append(env, v.Name+"="+strings.NewReplacer("{env}", "dev", "{host}", "dev.hybridbts.tech").Replace(v.Value))
	}
	for _, secret := range service.Secrets {
		value := strings.Repeat("k", 32)
		if strings.HasSuffix(secret.Name, "_URL") || strings.HasSuffix(secret.Name, "_ISSUER") {
			value = "http://" + unreachable + "/services"
		}
		env = append(env, secret.Name+"="+value)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary)
	var output strings.Builder
	cmd.Env, cmd.Dir, cmd.Stdout, cmd.Stderr = env, t.TempDir(), &output, &output
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	exited := make(chan error, 1)
	go func() { exited <- cmd.Wait() }()
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
		case err := <-exited:
			t.Fatalf("the program exited before it served: %v: %s", err, &output)
		case <-time.After(10 * time.Millisecond):
		}
	}
	// Other smoke tests need an engine.
	if want := service.SmokeStatus; want == "405" {
		if got := status(service.SmokePath); got != want {
			t.Errorf("status of %s = %s, want %s", service.SmokePath, got, want)
		}
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := <-exited; err != nil {
		t.Errorf("after SIGTERM: %v: %s", err, &output)
	}
}
