package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"
)

// coldStart measures the time from exec to the first 200 response of each function, relative to a hello world of the
// Functions Framework. The time excludes the pull of the image and the start of the container, which the code cannot
// change.
//
// The runs of all binaries are interleaved, so that a load on the machine affects all of them. The random order of the
// map keeps a binary from always running after the same one.
func coldStart(ctx context.Context, s *session) error {
	const runs = 15 // odd, so that the median is a measured time
	// Largest ratios to the hello world. A new function needs an entry here and in the list at the end.
	goals := map[string]float64{"admin": 3, "alert": 3, "api": 3, "city": 3, "image": 3, "resize": 3, "review": 2.4, "sentiment": 3}
	hello, err := s.buildPackage(ctx, "scripts/bench/hello")
	if err != nil {
		return err
	}
	binaries := map[string]string{"hello": hello}
	for name := range goals {
		if binaries[name], err = s.build(ctx, name); err != nil {
			return err
		}
	}
	times := map[string][]time.Duration{}
	for range runs {
		for name, binary := range binaries {
			took, err := firstResponse(ctx, binary)
			if err != nil {
				return fmt.Errorf("start %s: %w", name, err)
			}
			times[name] = append(times[name], took)
		}
	}
	// The median ignores the first run of a binary, which reads it from the disk.
	medianTime := func(name string) time.Duration {
		slices.Sort(times[name])
		return times[name][runs/2]
	}
	base := medianTime("hello")
	s.add("hello world", "%.1f ms", milliseconds(base))
	for _, name := range []string{"admin", "alert", "api", "city", "image", "resize", "review", "sentiment"} {
		s.atMost(name, float64(medianTime(name))/float64(base), goals[name], "×")
	}
	return nil
}

// firstResponse returns the time from exec to the first 200 response of /healthz. It ends the process. The error is
// that of the exec, any other status, or any failure to connect but a port that does not listen yet, for at most 30 s.
//
// The environment has the variables of all functions; each function ignores those of the others. The services of the
// variables do not exist; a function connects to them with the first request, not at its start.
func firstResponse(ctx context.Context, binary string) (time.Duration, error) {
	// The listener finds a free port and gives it up for the function. If another process takes the port in between,
	// the function ends and the benchmark fails.
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err = errors.Join(err, l.Close()); err != nil {
		return 0, err
	}
	const unreachable = "127.0.0.1:1"
	cmd := exec.CommandContext(ctx, binary)
	cmd.Env = []string{
		"PORT=" + port, "GOOGLE_CLOUD_PROJECT=bench", "PUBSUB_EMULATOR_HOST=" + unreachable, "SPANNER_EMULATOR_HOST=" + unreachable,
		"BIGTABLE_EMULATOR_HOST=" + unreachable, "LANGUAGE_ENDPOINT=" + unreachable, "SPANNER_INSTANCE=i", "SPANNER_DATABASE=d",
		"BIGTABLE_INSTANCE=i", "REVIEWS_TOPIC=t", "PUBLISHED_TOPIC=p", "PUBLISHED_SUBSCRIPTIONS=p:1", "LEASES_BUCKET=l", "DEAD_LETTER_TOPIC=d", "ORIGINALS_BUCKET=o", "RENDITIONS_BUCKET=r",
		"FAILED_BUCKET=f", "IMAGES_TOPIC=i", "STORAGE_EMULATOR_HOST=http://" + unreachable, "PAGE_TOKEN_KEY=" + strings.Repeat("k", 32), "AUTHOR_TOKEN_KEY=" + strings.Repeat("k", 32),
		"SLACK_WEBHOOK_URL=http://" + unreachable + "/services",
		"COMMANDS_TOPIC=c", "COMMANDS_DEAD=d", "COMMANDS_DEAD_TOPIC=d", "COMMANDS_SUBSCRIPTION=c", "IMAGES_SUBSCRIPTION=i", "REVIEWS_DEAD=d", "ORIGINALS_TOPIC=o", "ORIGINALS_DEAD=d", "OIDC_ISSUER=http://" + unreachable, "OIDC_AUDIENCE=a",
	}
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	defer func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // the error is the kill
	}()
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for {
		resp, err := client.Get("http://127.0.0.1:" + port + "/healthz")
		took := time.Since(began)
		switch {
		case err == nil:
			_ = resp.Body.Close()
			if resp.StatusCode != http.StatusOK {
				return 0, errors.New(resp.Status)
			}
			return took, nil
		case !errors.Is(err, syscall.ECONNREFUSED) || took > 30*time.Second:
			return 0, err
		}
		time.Sleep(200 * time.Microsecond) // the resolution of the measure
	}
}
