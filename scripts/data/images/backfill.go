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

// backfill is one run.
type backfill struct {
	originals, renditions, url, token, prefix, from string
	concurrency, attempts                           int
	dryRun                                          bool
	presets                                         rendition.Presets

	opts  []option.ClientOption // of Cloud Storage: the door of tests
	pause time.Duration         // before the second attempt; it doubles
}

// patience is how long the function may take for a picture.
const patience = 2 * time.Minute

func (b *backfill) check(rest []string) error {
	var problems []error
	refuse := func(wrong bool, problem string) {
		if wrong {
			problems = append(problems, errors.New(problem))
		}
	}
	to, err := url.Parse(b.url)
	refuse(len(rest) > 0, fmt.Sprintf("it takes no arguments, got %q", rest))
	refuse(b.originals == "", "-originals is missing")
	refuse(b.renditions == "", "-renditions is missing")
	refuse(b.originals != "" && b.originals == b.renditions, "-originals and -renditions are one bucket")
	refuse(!b.dryRun && (err != nil || to.Host == ""), "-to is not a URL")
	refuse(b.concurrency < 1, "-concurrency is less than 1")
	refuse(b.attempts < 1, "-attempts is less than 1")
	b.pause = time.Second
	return errors.Join(problems...)
}

// tally counts what became of the originals.
type tally struct {
	mu                 sync.Mutex
	done, there, wrong int
}

func (t *tally) add(count *int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	*count++
}

// run handles every original, and fails when one of them did.
func (b *backfill) run(ctx context.Context, stdout, stderr io.Writer) error {
	files, err := bucket.Open(ctx, b.opts...)
	if err != nil {
		return err
	}
	defer files.Close()
	bar := progressbar.NewOptions(-1, // nobody knows how many there are before the last
		progressbar.OptionSetWriter(stderr), progressbar.OptionSetDescription("pictures"), progressbar.OptionShowCount(),
		progressbar.OptionShowIts(), progressbar.OptionThrottle(200*time.Millisecond), progressbar.OptionSetVisibility(!b.dryRun))
	var t tally
	var out sync.Mutex
	say := func(format string, args ...any) {
		out.Lock()
		defer out.Unlock()
		fmt.Fprintf(stdout, format+"\n", args...)
	}
	var work errgroup.Group
	work.SetLimit(b.concurrency)
	listed := b.list(ctx, files, func(o *storage.ObjectAttrs) {
		work.Go(func() error {
			defer func() { _ = bar.Add(1) }() // only its drawing can fail
			sent, err := b.handle(ctx, files, o, say)
			switch {
			case err != nil && ctx.Err() != nil:
			case err != nil:
				t.add(&t.wrong)
				say("failed: %q of generation %d: %v", o.Name, o.Generation, err)
			case sent:
				t.add(&t.done)
			default:
				t.add(&t.there)
			}
			return nil // the others go on
		})
	})
	_ = work.Wait() // no work fails
	_ = bar.Finish()
	verb := "handled"
	if b.dryRun {
		verb = "to handle"
	}
	say("%d %s, %d had their renditions, %d failed", t.done, verb, t.there, t.wrong)
	switch {
	case ctx.Err() != nil:
		return errors.New("stopped; start it again to go on")
	case listed != nil:
		return listed
	case t.wrong > 0:
		return fmt.Errorf("%d pictures failed; start it again to try them", t.wrong)
	}
	return nil
}

// list calls each for the originals, in the order of their names.
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
		if !strings.HasSuffix(o.Name, "/") || o.Size > 0 { // else it is a folder of the console
			each(o)
		}
	}
	return nil
}

// handle sends the event of an original unless it has renditions, and reports whether it did.
func (b *backfill) handle(ctx context.Context, files *storage.Client, o *storage.ObjectAttrs, say func(string, ...any)) (bool, error) {
	m, err := bucket.Bucket{Handle: files.Bucket(b.renditions)}.Manifest(ctx, o.Name)
	if err == nil && m.Announced && m.Covers(o.Generation, b.presets.For(o.Name)) {
		return false, nil
	}
	if err != nil && !errors.Is(err, bucket.ErrNotExist) {
		return false, err
	}
	if b.dryRun {
		say("would handle %q of generation %d", o.Name, o.Generation)
		return true, nil
	}
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

// send sends the event of an original once.
func (b *backfill) send(ctx context.Context, o *storage.ObjectAttrs) error {
	generation := strconv.FormatInt(o.Generation, 10)
	body, err := json.Marshal(map[string]string{"kind": "storage#object", "bucket": b.originals, "name": o.Name, "generation": generation})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, b.url, bytes.NewReader(body))
	if err != nil {
		return err
	}
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
		return fmt.Errorf("the function answers %s", resp.Status)
	}
	return nil
}
