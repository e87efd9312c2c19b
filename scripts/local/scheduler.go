package main

import (
	"context"
	"time"

	"github.com/hybrid-bts/functions/shared/schema/review"
	"github.com/hybrid-bts/functions/shared/topic"
)

// sweepInterval is the time between two sweeps. The Cloud Scheduler job of setup.sh has a minute, its shortest interval.
const sweepInterval = 5 * time.Second

// scheduleSweeps asks the review writer for sweeps until ctx ends, because no embedded engine replaces Cloud Scheduler.
func (e *engines) scheduleSweeps(ctx context.Context) {
	commands := topic.New(e.client.Publisher(prefix + "commands"))
	tick := time.NewTicker(sweepInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			logFailure(ctx, "publish sweep", topic.Send[review.Message](ctx, commands, review.Encode, review.Sweep{}))
		}
	}
}
