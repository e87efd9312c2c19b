// Canary checks a revision during its release. scripts/deploy/release.sh runs it as a Cloud Run job in the VPC, because
// the ingress settings of the services block other callers.
//
//	canary smoke AUDIENCE URL STATUS   requests URL with an ID token for AUDIENCE and expects STATUS
//	canary verdict [flags]             judges a revision's recent metrics in Cloud Monitoring
//
// The exit status is 0 if the revision passes. It is 1 if the revision fails, or if the check itself fails, so that a
// release never continues without a verdict.
//
// Roles of its account: roles/run.invoker on the services, roles/monitoring.viewer on the project.
package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"time"

	monitoring "cloud.google.com/go/monitoring/apiv3/v2"
	"google.golang.org/api/idtoken"
)

func main() {
	if err := run(context.Background(), os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "canary:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	ctx, cancel := context.WithTimeout(ctx, 4*time.Minute)
	defer cancel()
	switch {
	case len(args) == 4 && args[0] == "smoke":
		client, err := idtoken.NewClient(ctx, args[1])
		if err != nil {
			return fmt.Errorf("open ID token client for audience %s: %w", args[1], err)
		}
		return smoke(ctx, client, args[2], args[3], 5*time.Second)
	case len(args) > 0 && args[0] == "verdict":
		v, err := parseVerdict(args[1:])
		if err != nil {
			return err
		}
		client, err := monitoring.NewMetricClient(ctx)
		if err != nil {
			return fmt.Errorf("open Cloud Monitoring: %w", err)
		}
		defer client.Close()
		m, err := v.judge(ctx, client, time.Now())
		fmt.Println(m)
		return err
	}
	return errors.New("usage: canary smoke AUDIENCE URL STATUS | canary verdict [flags]")
}

// maxAttempts limits the requests of a smoke test. A new IAM binding takes about a minute to propagate, during which
// Cloud Run answers 403; maxAttempts pauses of 5 s outlast it.
const maxAttempts = 20

// smoke requests url until the response has the given status. It returns the last mismatch after maxAttempts requests,
// or when ctx ends.
func smoke(ctx context.Context, client *http.Client, url, status string, pause time.Duration) (err error) {
	for i := range maxAttempts {
		if i > 0 {
			select {
			case <-time.After(pause):
			case <-ctx.Done():
				return errors.Join(err, ctx.Err())
			}
		}
		if err = checkStatus(ctx, client, url, status); err == nil {
			return nil
		}
	}
	return err
}

// checkStatus requests url once and fails on any status but the given one. A request times out after 10 s.
func checkStatus(ctx context.Context, client *http.Client, url, status string) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	resp, err := client.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if fmt.Sprint(resp.StatusCode) != status {
		return fmt.Errorf("get %s: status %d, want %s", url, resp.StatusCode, status)
	}
	return nil
}
