package main

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"
	"unicode/utf8"
)

// errBudgetExhausted is the error for a moderation that the budget of the day does not pay for.
var errBudgetExhausted = errors.New("budget of moderation units is exhausted until 00:00 UTC")

// budgetShards is the number of rows that hold the units of a day, so that no row limits the reservations of many instances.
// Each row has an equal share of the budget.
const budgetShards = 8

// unitCharacters are the characters of a billing unit of ModerateText (https://cloud.google.com/natural-language/pricing).
const unitCharacters = 100

// unitStore holds the units that all instances reserved.
type unitStore interface {
	// reserve reserves at most want units of a shard, so that the shard has at most limit on that day, and returns their number.
	reserve(ctx context.Context, day string, shard, want, limit int64) (int64, error)
}

// unitBudget limits the moderation units that all instances together pay for on a day (UTC). It reserves units in blocks, so most
// calls need no transaction; units of a block that an instance does not use are lost. It is safe for concurrent use.
type unitBudget struct {
	store unitStore
	daily int64 // units; 0: no limit
	now   func() time.Time

	mu        sync.Mutex
	day       string // of the next two fields
	reserved  int64  // units that this instance reserved and did not use
	exhausted bool   // all shards are full
}

// units returns the billing units of a text.
func units(text string) int64 {
	return max(1, int64(utf8.RuneCountInString(text)+unitCharacters-1)/unitCharacters)
}

// take takes the units of a text. It returns errBudgetExhausted if the budget lacks them.
func (b *unitBudget) take(ctx context.Context, text string) error {
	if b.daily == 0 {
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if day := b.now().UTC().Format(time.DateOnly); day != b.day {
		b.day, b.reserved, b.exhausted = day, 0, false
	}
	n := units(text)
	if b.reserved < n && !b.exhausted {
		if err := b.refill(ctx, n); err != nil {
			return err
		}
	}
	if b.reserved < n {
		return errBudgetExhausted
	}
	b.reserved -= n
	return nil
}

// refill reserves a block of n units or more, from a random shard on, and marks the budget as exhausted when all shards are full.
func (b *unitBudget) refill(ctx context.Context, n int64) error {
	block := max(n, b.daily/1000)
	first := rand.Int64N(budgetShards)
	for i := range int64(budgetShards) {
		shard := (first + i) % budgetShards
		limit := b.daily / budgetShards
		if shard < b.daily%budgetShards {
			limit++
		}
		granted, err := b.store.reserve(ctx, b.day, shard, block-b.reserved, limit)
		if err != nil {
			return err
		}
		if b.reserved += granted; b.reserved >= block {
			return nil
		}
	}
	b.exhausted = true
	slog.WarnContext(ctx, budgetExhaustedLog, "day", b.day, "units", b.daily)
	return nil
}

// budgetExhaustedLog is the message that the log-based metric moderation-budget counts. Each instance logs it once a day.
const budgetExhaustedLog = "budget of moderation units is exhausted; the embedded filter decides alone"
