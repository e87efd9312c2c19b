package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"cloud.google.com/go/storage"
	"github.com/schollz/progressbar/v3"
	"golang.org/x/sync/errgroup"
	"google.golang.org/api/iterator"
	"google.golang.org/api/option"

	"github.com/hybrid-bts/functions/shared/schema/rendition"
	"github.com/hybrid-bts/functions/shared/schema/rendition/bucket"
)

// backfill is the configuration of one run.
type backfill struct {
	// originals and renditions are bucket names, url is the function's address, token is an optional identity token.
	// prefix and from restrict the object names; "" restricts nothing.
	originals, renditions, url, token, prefix, from string

	concurrency int               // largest number of concurrent requests
	attempts    int               // largest number of requests for each original
	dryRun      bool              // print the originals instead of sending events
	presets     rendition.Presets // presets of the deployed function

	opts  []option.ClientOption // options of the Cloud Storage client; tests set them
	pause time.Duration         // before the second attempt; doubles with each further one
}

// requestTimeout bounds one request to the function. It exceeds the 50 s that the function takes at most.
const requestTimeout = 2 * time.Minute

// validate checks the flags and reports all problems at once. arguments are the arguments after the flags.
func (b *backfill) validate(arguments []string) error {
	var problems []error
	check := func(invalid bool, problem string) {
		if invalid {
			problems = append(problems, errors.New(problem))
		}
	}
	to, err := url.Parse(b.url)
	check(len(arguments) > 0, fmt.Sprintf("unexpected arguments %q", arguments))
	check(b.originals == "", "-originals is missing")
	check(b.renditions == "", "-renditions is missing")
	check(b.originals != "" && b.originals == b.renditions, "-originals and -renditions are the same bucket")
	check(!b.dryRun && (err != nil || to.Host == ""), "-to is not an absolute URL")
	check(b.concurrency < 1, "-concurrency is less than 1")
	check(b.attempts < 1, "-attempts is less than 1")
	b.pause = time.Second
	return errors.Join(problems...)
}

// tally counts the originals by outcome.
type tally struct {
	mu                       sync.Mutex
	handled, covered, failed int
}

// add increments one of the counts.
func (t *tally) add(count *int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	*count++
}

// run handles every original. It returns an error if any original failed.
func (b *backfill) run(ctx context.Context, stdout, stderr io.Writer) error {
	files, err := bucket.Open(ctx, b.opts...)
	if err != nil {
		return err
	}
	defer files.Close()
	bar := progressbar.NewOptions(-1, // the number of originals is unknown until the listing ends
		progressbar.OptionSetWriter(stderr), progressbar.OptionSetDescription("pictures"), progressbar.OptionShowCount(),
		progressbar.OptionShowIts(), progressbar.OptionThrottle(200*time.Millisecond), progressbar.OptionSetVisibility(!b.dryRun))
	var t tally
	var out sync.Mutex
	print := func(format string, args ...any) {
		out.Lock()
		defer out.Unlock()
		fmt.Fprintf(stdout, format+"\n", args...)
	}
	var work errgroup.Group
	work.SetLimit(b.concurrency)
	listErr := b.list(ctx, files, func(o *storage.ObjectAttrs) {
		work.Go(func() error {
			defer func() { _ = bar.Add(1) }() // only drawing the bar can fail
			sent, err := b.handle(ctx, files, o, print)
			switch {
			case err != nil && ctx.Err() != nil: // interrupted, so neither handled nor failed
			case err != nil:
				t.add(&t.failed)
				print("failed: %q, generation %d: %v", o.Name, o.Generation, err)
			case sent:
				t.add(&t.handled)
			default:
				t.add(&t.covered)
			}
			return nil // the other originals are still handled
		})
	})
	_ = work.Wait() // the functions return nil
	_ = bar.Finish()
	verb := "handled"
	if b.dryRun {
		verb = "to handle"
	}
	print("%d %s, %d up to date, %d failed", t.handled, verb, t.covered, t.failed)
	switch {
	case ctx.Err() != nil:
		return errors.New("stopped; run the command again to continue")
	case listErr != nil:
		return listErr
	case t.failed > 0:
		return fmt.Errorf("%d pictures failed; run the command again to retry them", t.failed)
	}
	return nil
}

// list calls each with the originals in the order of their names.
func (b *backfill) list(ctx context.Context, files *storage.Client, each func(*storage.ObjectAttrs)) error {
	q := &storage.Query{Prefix: b.prefix, StartOffset: b.from}
	if err := q.SetAttrSelection([]string{"Name", "Generation", "Size"}); err != nil {
		return fmt.Errorf("list originals: %w", err)
	}
	for it := files.Bucket(b.originals).Objects(ctx, q); ctx.Err() == nil; {
		o, err := it.Next()
		if errors.Is(err, iterator.Done) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("list originals in %s: %w", b.originals, err)
		}
		if !strings.HasSuffix(o.Name, "/") || o.Size > 0 { // the Cloud console makes empty objects for folders
			each(o)
		}
	}
	return nil
}

// handle sends the event of an original unless its announced manifest covers it. The first result is true if the event was
// sent or, in a dry run, would be.
func (b *backfill) handle(ctx context.Context, files *storage.Client, o *storage.ObjectAttrs, print func(string, ...any)) (bool, error) {
	m, err := bucket.Bucket{Handle: files.Bucket(b.renditions)}.Manifest(ctx, o.Name)
	if err == nil && m.Announced && m.Covers(o.Generation, b.presets.For(o.Name)) {
		return false, nil
	}
	if err != nil && !errors.Is(err, bucket.ErrNotExist) {
		return false, err
	}
	if b.dryRun {
		print("would handle %q, generation %d", o.Name, o.Generation)
		return true, nil
	}
	// Exponential back-off: an instance that starts or scales needs seconds.
	pause := b.pause
	for attempt := 1; ; attempt++ {
		err = b.send(ctx, o)
		if err == nil || attempt == b.attempts || ctx.Err() != nil {
			return err == nil, err
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
		pause *= 2
	}
}

// send makes one attempt to send the event of an original, in the form that Eventarc uses.
func (b *backfill) send(ctx context.Context, o *storage.ObjectAttrs) error {
	generation := strconv.FormatInt(o.Generation, 10)
	body, err := json.Marshal(map[string]string{"kind": "storage#object", "bucket": b.originals, "name": o.Name, "generation": generation})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, b.url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	// The headers are the binary mode of CloudEvents over HTTP. The id depends on the generation alone, so a repeated run
	// sends the same event.
	for name, value := range map[string]string{
		"Content-Type": "application/json", "Ce-Specversion": "1.0", "Ce-Id": "backfill-" + generation,
		"Ce-Type": "google.cloud.storage.object.v1.finalized", "Ce-Source": "//storage.googleapis.com/projects/_/buckets/" + b.originals,
	} {
		r.Header.Set(name, value)
	}
	if b.token != "" {
		r.Header.Set("Authorization", "Bearer "+b.token)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("function returned %s", resp.Status)
	}
	return nil
}
