// Canary tells whether a revision that is being released is sound: scripts/deploy/release.sh runs it as a Cloud
// Run job in the VPC, from where the services' ingress lets it in.
//
//	canary smoke AUDIENCE URL STATUS   asks URL with an ID token for AUDIENCE, and wants STATUS
//	canary verdict [flags]             judges by Cloud Monitoring what a revision did of late
//
// It exits with 0 when all is well, with 1 when it is not, or cannot be known.
//
// Roles of its account: roles/run.invoker on the services, roles/monitoring.viewer on the project.
package main

import (
	"context"
	"errors"
	"flag"
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
			return fmt.Errorf("ID token for %s: %w", args[1], err)
		}
		return smoke(ctx, client, args[2], args[3], 5*time.Second)
	case len(args) > 0 && args[0] == "verdict":
		v, err := parse(args[1:])
		if err != nil {
			return err
		}
		client, err := monitoring.NewMetricClient(ctx)
		if err != nil {
			return fmt.Errorf("open Cloud Monitoring: %w", err)
		}
		defer client.Close()
		findings, err := v.judge(ctx, client, time.Now())
		fmt.Println(findings)
		return err
	}
	return errors.New("usage: canary smoke AUDIENCE URL STATUS | canary verdict [flags]")
}

// attempts is how often smoke asks before it gives up: that we may call a new service takes a minute
// to be known everywhere.
const attempts = 20

// smoke asks a URL until it answers with a status.
func smoke(ctx context.Context, client *http.Client, url, status string, pause time.Duration) (err error) {
	for i := range attempts {
		if i > 0 {
			select {
			case <-time.After(pause):
			case <-ctx.Done():
				return errors.Join(err, ctx.Err())
			}
		}
		if err = ask(ctx, client, url, status); err == nil {
			return nil
		}
	}
	return err
}

func ask(ctx context.Context, client *http.Client, url, status string) error {
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
		return fmt.Errorf("%s answers %d, want %s", url, resp.StatusCode, status)
	}
	return nil
}

// parse reads the flags of verdict.
func parse(args []string) (verdict, error) {
	var v verdict
	f := flag.NewFlagSet("verdict", flag.ContinueOnError)
	f.StringVar(&v.project, "project", "", "Google Cloud `project`")
	f.StringVar(&v.service, "service", "", "Cloud Run service")
	f.StringVar(&v.revision, "revision", "", "its revision to judge")
	f.Func("dead", "dead-letter `topic` that it may fill; there may be several", func(topic string) error {
		v.dead = append(v.dead, topic)
		return nil
	})
	f.DurationVar(&v.since, "since", 10*time.Minute, "how far to look back")
	f.DurationVar(&v.p95, "p95", 500*time.Millisecond, "the most that 95 % of the requests may take")
	f.StringVar(&v.latency, "latency", "", "`metric` of logs that has how long they took, in seconds")
	f.Float64Var(&v.errors, "errors", 0.01, "the greatest `share` of requests that may be answered 5xx")
	if err := f.Parse(args); err != nil {
		return v, err
	}
	if v.project == "" || v.service == "" || v.revision == "" || v.latency == "" || v.since < time.Minute || v.p95 <= 0 || f.NArg() > 0 {
		return v, errors.New("verdict wants -project, -service, -revision, -latency and a -since of a minute or more")
	}
	return v, nil
}
