package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/hybrid-bts/functions/shared/fake/pubsubtest"
)

// maxPeak is the largest resident memory of the function under attack, in MiB. Its limit in the cloud is 256 MiB.
const maxPeak = 96

// hostileBodies returns bodies of up to 64 KiB that are expensive to decode, to validate or to answer.
func hostileBodies() map[string]string {
	var unknown, dotted strings.Builder
	for i := range 6000 {
		fmt.Fprintf(&unknown, `,"f%d":1`, i)
	}
	for i := range 250 {
		fmt.Fprintf(&dotted, `,"%s%d":1`, strings.Repeat("a.", 100), i)
	}
	numbers := `{"product":"be-deluxe","rating":5,"photos":[` + strings.Repeat("1,", 32_399) + `1]}`
	return map[string]string{
		"32,400 photos that are numbers": numbers,
		"6,000 unknown fields":           `{"product":"be-deluxe","rating":5` + unknown.String() + `}`,
		"names with dots":                `{"product":"be-deluxe","rating":5` + dotted.String() + `}`,
		"32,000 levels":                  strings.Repeat("[", 32_000) + strings.Repeat("]", 32_000),
		"32,000 empty objects":           `{"product":"be-deluxe","rating":5,"photos":[` + strings.Repeat("{},", 21_000) + `{}]}`,
		"a long text":                    `{"product":"be-deluxe","rating":5,"text":"` + strings.Repeat("a", 65_000) + `"}`,
		"a text that NFC lengthens":      `{"product":"be-deluxe","rating":5,"text":"` + strings.Repeat("\U0001d160", 16_000) + `"}`,
		"a long number":                  `{"product":"be-deluxe","rating":` + strings.Repeat("9", 65_000) + `}`,
		"a long product":                 `{"rating":5,"product":"` + strings.Repeat("가", 21_000) + `"}`,
		"a long unknown name":            `{"rating":5,"` + strings.Repeat("가", 21_000) + `":1}`,
		"a long accepted text":           `{"product":"be-deluxe","rating":5,"text":"` + strings.Repeat(`\ud83d\udc9c`, 5_000) + `"}`,
	}
}

func TestHostileBodiesTakeABoundedAmountOfMemory(t *testing.T) {
	binary := filepath.Join(t.TempDir(), "review")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	url, pid, log := startProcess(t, binary)
	idle := peak(t, pid)
	const parallel, maxResponse = 200, 8 << 10
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}} // each request is a client of its own
	for name, body := range hostileBodies() {
		var wg sync.WaitGroup
		var processed atomic.Int64 // responses other than those to bodies that waited too long, as on a busy machine
		for range parallel {
			wg.Go(func() {
				resp, err := client.Post(url+"/v1/reviews", "application/json", strings.NewReader(body))
				if err != nil {
					t.Errorf("%s: %v", name, err)
					return
				}
				defer resp.Body.Close()
				b, err := io.ReadAll(resp.Body)
				if resp.StatusCode == http.StatusServiceUnavailable && resp.Header.Get("Retry-After") != "" {
					return
				}
				processed.Add(1)
				if err != nil || len(b) > maxResponse || (resp.StatusCode/100 != 4 && resp.StatusCode != http.StatusAccepted) {
					t.Errorf("%s: %d, %d bytes, %v: %.300s", name, resp.StatusCode, len(b), err, b)
				}
			})
		}
		wg.Wait()
		if processed.Load() == 0 {
			t.Errorf("%s: no body was processed", name)
		}
		t.Logf("peak %d MiB after %d times %s", peak(t, pid), parallel, name)
	}
	if got := peak(t, pid); got > maxPeak {
		t.Errorf("peak is %d MiB, want at most %d; %d before", got, maxPeak, idle)
	}
	if strings.Contains(log(), `"severity":"ERROR"`) {
		t.Errorf("requests of clients are logged as errors: %.2000s", log())
	}
}

// startProcess starts the function with an embedded Pub/Sub until the test ends. It returns its URL, its process ID and a
// function that returns its log.
func startProcess(t *testing.T, binary string) (url string, pid int, log func() string) {
	t.Helper()
	_, srv := pubsubtest.New(t, "reviews")
	cmd := exec.CommandContext(t.Context(), binary)
	cmd.Env = append(os.Environ(), "GOOGLE_CLOUD_PROJECT=shop", "REVIEWS_TOPIC=reviews", "ORIGINALS_BUCKET=originals", "AUTHOR_TOKEN_KEY=no secret in a test",
		"STORAGE_EMULATOR_HOST=http://127.0.0.1:1", "PUBSUB_EMULATOR_HOST="+srv.Addr, "RATE_LIMIT=off", "PORT=127.0.0.1:0")
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var lines bytes.Buffer
	addr, done := make(chan string, 1), make(chan struct{})
	go func() {
		defer close(done)
		for s := bufio.NewScanner(stderr); s.Scan(); {
			mu.Lock()
			lines.WriteString(s.Text() + "\n")
			mu.Unlock()
			var record struct{ Message, Addr string }
			if json.Unmarshal(s.Bytes(), &record) == nil && record.Message == "listening" {
				addr <- record.Addr
			}
		}
	}()
	log = func() string {
		mu.Lock()
		defer mu.Unlock()
		return lines.String()
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-done
		_ = cmd.Wait()
	})
	select {
	case a := <-addr:
		return "http://" + a, cmd.Process.Pid, log
	case <-done:
		t.Fatalf("the function ended: %s", log())
	}
	return "", 0, nil
}

// peak returns the peak resident memory of a process in MiB.
func peak(t *testing.T, pid int) int {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kib, err := strconv.Atoi(strings.Fields(rest)[0])
			if err != nil {
				t.Fatal(err)
			}
			return kib >> 10
		}
	}
	t.Fatal("the process status has no VmHWM")
	return 0
}
