package main

import (
	"fmt"
	"io"
	"time"

	"github.com/schollz/progressbar/v3"
)

// progress is the progress bar of a load. It counts rows that were read; it reaches its end only in end, after all of them
// are stored and counted.
type progress struct {
	bar   *progressbar.ProgressBar
	out   io.Writer
	began time.Time
}

// Steps of the bar. A load that has read the whole file still stores and counts.
const (
	progressSteps = 1000
	progressRead  = 980
)

// newProgress returns a bar that writes to out. The time starts now.
func newProgress(out io.Writer) *progress {
	bar := progressbar.NewOptions(progressSteps, progressbar.OptionSetWriter(out), progressbar.OptionThrottle(200*time.Millisecond),
		progressbar.OptionFullWidth(), progressbar.OptionSetPredictTime(true), progressbar.OptionSetDescription("0 rows"))
	return &progress{bar: bar, out: out, began: time.Now()}
}

// show shows the number of rows that were read, and the part of the file, which may be unknown (-1).
func (p *progress) show(rows int64, fraction float64) {
	p.bar.Describe(fmt.Sprintf("%d rows, %.0f/s", rows, float64(rows)/max(time.Since(p.began).Seconds(), 1e-9)))
	if fraction >= 0 {
		_ = p.bar.Set(int(fraction * progressRead)) // only a bar that has ended is an error
	}
}

// end ends the bar where it is, or at its end if the load is complete.
func (p *progress) end(complete bool) {
	if complete {
		_ = p.bar.Finish()
	} else {
		_ = p.bar.Exit()
		fmt.Fprint(p.out, " stopped")
	}
	fmt.Fprintln(p.out)
}
