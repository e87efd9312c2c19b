package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// submitToPublished submits reviews at a constant rate to scripts/local, for 10 s. It measures the time from the 202
// response to the commit that publishes the review. The count in the product's rating shows whether reviews were lost
// or counted twice.
func submitToPublished(ctx context.Context, s *session) (err error) {
	const rate, total = 50, 500 // reviews per second, reviews
	// Without the seed, the product has no reviews but those of the benchmark.
	url, stop, err := s.startLocal(ctx, "-seed=false")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	var mu sync.Mutex
	var times []time.Duration
	var failures []error
	var submitting sync.WaitGroup
	// An open loop: a slow system does not reduce the rate.
	tick := time.NewTicker(time.Second / rate)
	defer tick.Stop()
	for i := range total {
		<-tick.C
		submitting.Go(func() {
			took, err := submit(ctx, url, i)
			mu.Lock()
			defer mu.Unlock()
			if times = append(times, took); err != nil {
				failures = append(failures, err)
			}
		})
	}
	submitting.Wait()
	if err := errors.Join(failures...); err != nil {
		return err
	}
	var rating struct{ Count float64 }
	if err := getJSON(ctx, url+"/v1/products/be-deluxe/rating", &rating); err != nil {
		return err
	}
	// Every review has a time by now: an error of any of them ends the benchmark above.
	slices.Sort(times)
	s.add(fmt.Sprintf("p50 at %d reviews/s", rate), "%.0f ms", milliseconds(times[total/2]))
	s.atMost(fmt.Sprintf("p99 at %d reviews/s", rate), milliseconds(times[total*99/100]), 1000, "ms")
	s.atMost("reviews lost or counted twice", max(total-rating.Count, rating.Count-total), 0, fmt.Sprintf("of %d", total))
	return nil
}

// submit submits review n and returns the time from its 202 response to its publication, 0 if the commit came before
// the response. It is safe for concurrent use. It returns an error if the review is not published after a minute.
func submit(ctx context.Context, url string, n int) (time.Duration, error) {
	body := fmt.Sprintf(`{"product":"be-deluxe","rating":%d,"text":"좋아요, a lovely album"}`, 1+n%5)
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/v1/reviews", strings.NewReader(body))
	if err != nil {
		return 0, err
	}
	r.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, err
	}
	accepted := time.Now()
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusAccepted {
		return 0, fmt.Errorf("submit review %d: %s", n, resp.Status)
	}
	for time.Since(accepted) < time.Minute {
		time.Sleep(200 * time.Millisecond) // the commit time is exact; frequent polls would slow the system
		var stored struct {
			PublishedAt time.Time `json:"published_at"`
		}
		if err := getJSON(ctx, url+resp.Header.Get("Location"), &stored); err == nil { // 404 until the review is published
			return max(0, stored.PublishedAt.Sub(accepted)), nil
		}
	}
	return 0, fmt.Errorf("review %d is not published after 1 minute", n)
}

// getJSON decodes the JSON response of a GET request into v, a pointer. It returns an error for any status but 200.
func getJSON(ctx context.Context, url string, v any) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("GET %s: %s", url, resp.Status)
	}
	return json.NewDecoder(resp.Body).Decode(v)
}
