// Render renders a picture TIMES times with shared/engine/picture. A process of its own lets the picture benchmark
// measure CPU time and memory.
//
//	render FILE FOLDER TIMES
//
// It writes one JPEG per width to FOLDER, named WIDTH.jpg.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"

	"github.com/hybrid-bts/functions/shared/engine/picture"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "render:", err)
		os.Exit(1)
	}
}

// run renders the picture of the arguments in the widths 200, 400, 800 and 1600, those of sharp.mjs. Each rendering
// reads the file and writes the renditions again, because sharp does so too.
func run(args []string) error {
	if len(args) != 3 {
		return errors.New("usage: render FILE FOLDER TIMES")
	}
	times, err := strconv.Atoi(args[2])
	if err != nil {
		return err
	}
	// An early collection of garbage keeps it out of the peak memory, so that the peak is near the need of the engine.
	debug.SetMemoryLimit(64 << 20)
	for range times {
		data, err := os.ReadFile(args[0])
		if err != nil {
			return err
		}
		var targets []picture.Target
		for _, width := range []int{200, 400, 800, 1600} {
			targets = append(targets, picture.Target{Width: width})
		}
		p, err := picture.Render(context.Background(), data, picture.DefaultLimits(512<<20), targets)
		if err != nil {
			return err
		}
		for i, r := range p.Images {
			if err := os.WriteFile(filepath.Join(args[1], strconv.Itoa(targets[i].Width)+".jpg"), r.Data, 0o600); err != nil {
				return err
			}
		}
	}
	return nil
}
