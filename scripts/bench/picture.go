package main

import (
	"bytes"
	"context"
	_ "embed"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/image/draw"
)

//go:embed sharp.mjs
var sharpScript []byte

// sharpVersion is the version of sharp that the goals refer to.
const sharpVersion = "0.34.5"

// pictureRenditions renders a photograph of 12 megapixels in four sizes, with shared/engine/picture and with sharp. It
// skips sharp if npm cannot install it. The widths here are those of render/main.go and sharp.mjs.
func pictureRenditions(ctx context.Context, s *session) error {
	file, full, err := photograph(s.dir)
	if err != nil {
		return err
	}
	// The reference is scaled from the same decoded pixels and never compressed, so its PSNR measures scaling and
	// compression.
	reference := map[int]image.Image{}
	for _, width := range []int{200, 400, 800, 1600} {
		m := image.NewRGBA(image.Rect(0, 0, width, width*3/4))
		lanczos3.Scale(m, m.Rect, full, full.Bounds(), draw.Src, nil)
		reference[width] = m
	}
	render := filepath.Join(s.dir, "render")
	cmd := exec.CommandContext(ctx, "go", "build", "-buildvcs=false", "-o", render, "github.com/hybrid-bts/functions/scripts/bench/render")
	cmd.Stderr = s.log
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("build render: %w", err)
	}
	engine, err := s.measureRenderer("engine", reference, func(out string, times int) *exec.Cmd {
		return exec.CommandContext(ctx, render, file, out, strconv.Itoa(times))
	})
	if err != nil {
		return err
	}
	if err := installSharp(ctx, s); err != nil {
		s.add("sharp "+sharpVersion, "not measured: %v", err)
		return nil
	}
	for mode, name := range map[string]string{"each": "sharp, one decode per size", "best": "sharp, one decode"} {
		sharp, err := s.measureRenderer(name, reference, func(out string, times int) *exec.Cmd {
			cmd := exec.CommandContext(ctx, "node", filepath.Join(s.dir, "sharp.mjs"), file, out, strconv.Itoa(times), mode)
			cmd.Dir = s.dir
			return cmd
		})
		if err != nil {
			return err
		}
		s.add("engine relative to "+name, "CPU %.2f ×, PSNR %+.2f dB", engine.cpu.Seconds()/sharp.cpu.Seconds(), engine.psnr-sharp.psnr)
	}
	return nil
}

// cost is the cost and the quality of one rendering of a picture into its four renditions.
type cost struct {
	cpu  time.Duration // user and system time
	rss  float64       // peak resident memory of the whole process in MiB
	psnr float64       // mean over the renditions in dB
}

// measureRenderer measures a program that renders a picture into a folder a given number of times. command returns the
// program, not started; it writes WIDTH.jpg for each width of the reference into out.
//
// The CPU time is the difference between a run of 1+times renderings and a run of one, per rendering, so it excludes
// the start of the program. The memory includes the start. reference has the ideal rendition of each width for the
// PSNR.
func (s *session) measureRenderer(name string, reference map[int]image.Image, command func(out string, times int) *exec.Cmd) (cost, error) {
	const times = 8
	// A new folder for each renderer: one that writes nothing must not be judged by the renditions of another.
	out, err := os.MkdirTemp(s.dir, "out-")
	if err != nil {
		return cost{}, err
	}
	measure := func(times int) (time.Duration, float64, error) {
		cmd := command(out, times)
		cmd.Stderr = s.log
		if err := cmd.Start(); err != nil {
			return 0, 0, fmt.Errorf("run %s: %w", name, err)
		}
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		// The rusage of an ended process includes the memory of the parent at the fork, so poll /proc. The poll misses
		// a peak in the last 5 ms of the process.
		var rss float64
		for {
			select {
			case err := <-ended:
				if err != nil {
					return 0, 0, fmt.Errorf("run %s: %w", name, err)
				}
				return cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), rss, nil
			case <-time.After(5 * time.Millisecond):
				if now, err := peakOf(cmd.Process.Pid); err == nil { // an error means that the process is ending
					rss = now
				}
			}
		}
	}
	once, _, err := measure(1)
	if err != nil {
		return cost{}, err
	}
	more, rss, err := measure(1 + times)
	if err != nil {
		return cost{}, err
	}
	c := cost{cpu: (more - once) / times, rss: rss}
	for width, want := range reference {
		b, err := os.ReadFile(filepath.Join(out, strconv.Itoa(width)+".jpg"))
		if err != nil {
			return c, err
		}
		got, err := jpeg.Decode(bytes.NewReader(b))
		if err != nil {
			return c, fmt.Errorf("decode rendition %d of %s: %w", width, name, err)
		}
		c.psnr += psnr(want, got) / float64(len(reference))
	}
	s.add(name, "CPU %d ms, RSS %.0f MiB, PSNR %.2f dB", c.cpu.Milliseconds(), c.rss, c.psnr)
	return c, nil
}

// installSharp installs sharp and the script that runs it in the folder of the session. For its error, see npmInstall.
func installSharp(ctx context.Context, s *session) error {
	if err := os.WriteFile(filepath.Join(s.dir, "sharp.mjs"), sharpScript, 0o600); err != nil {
		return err
	}
	return s.npmInstall(ctx, "sharp@"+sharpVersion)
}

// lanczos3 is the Lanczos kernel with three lobes, sinc(t)·sinc(t/3), the default kernel of sharp. The reference uses
// it, so that neither side gains from a different kernel.
var lanczos3 = draw.Kernel{Support: 3, At: func(t float64) float64 {
	if t == 0 {
		return 1
	}
	if t >= 3 {
		return 0
	}
	x := math.Pi * t
	return 3 * math.Sin(x) * math.Sin(x/3) / (x * x)
}}

// photograph writes a synthetic JPEG of 12 megapixels to dir and returns its path and its decoded pixels. The picture
// is value noise of six octaves with hard edges, the same in every run. Each octave has a third of the scale of the one
// before it and 0.55 of its weight, so that all renditions have details at the size of a pixel.
func photograph(dir string) (string, image.Image, error) {
	const w, h = 4000, 3000
	m := image.NewRGBA(image.Rect(0, 0, w, h))
	var octaves [6][64][64]float64
	// The linear congruential generator is that of Numerical Recipes (Press et al.).
	state := uint32(1)
	for o := range octaves {
		for y := range 64 {
			for x := range 64 {
				state = state*1664525 + 1013904223
				octaves[o][y][x] = float64(state>>8) / (1 << 24)
			}
		}
	}
	noise := func(o int, x, y float64) float64 {
		fx, fy := math.Floor(x), math.Floor(y)
		x0, y0 := int(fx)&63, int(fy)&63
		x1, y1 := (x0+1)&63, (y0+1)&63
		tx, ty := x-fx, y-fy
		n := &octaves[o]
		return (n[y0][x0]*(1-tx)+n[y0][x1]*tx)*(1-ty) + (n[y1][x0]*(1-tx)+n[y1][x1]*tx)*ty
	}
	for y := range h {
		for x := range w {
			var v float64
			for o, scale, weight := 0, 800., 0.5; o < len(octaves); o, scale, weight = o+1, scale/3, weight*0.55 {
				v += weight * noise(o, float64(x)/scale, float64(y)/scale)
			}
			warm := noise(0, float64(x)/1500+9, float64(y)/1500)
			if math.Sin(float64(x*x+y*y)/4e5) > 0.97 { // hard edges
				v = 1 - v
			}
			m.SetRGBA(x, y, color.RGBA{uint8(255 * min(1, v*(0.6+0.6*warm))), uint8(230 * min(1, v)), uint8(255 * min(1, v*(1.3-0.7*warm))), 255})
		}
	}
	// The pixels to compare with come from the JPEG: a renderer is not responsible for the losses before it.
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, &jpeg.Options{Quality: 90}); err != nil {
		return "", nil, err
	}
	full, err := jpeg.Decode(bytes.NewReader(b.Bytes()))
	if err != nil {
		return "", nil, err
	}
	file := filepath.Join(dir, "photograph.jpg")
	return file, full, os.WriteFile(file, b.Bytes(), 0o600)
}

// psnr returns the peak signal-to-noise ratio in dB of two pictures of the same size: 10·log10(255²/MSE), where MSE is
// the mean squared error of the red, green and blue values of 8 bits. It is +Inf for equal pictures.
func psnr(a, b image.Image) float64 {
	var sum float64
	r := a.Bounds()
	for y := range r.Dy() {
		for x := range r.Dx() {
			ar, ag, ab, _ := a.At(r.Min.X+x, r.Min.Y+y).RGBA()
			br, bg, bb, _ := b.At(b.Bounds().Min.X+x, b.Bounds().Min.Y+y).RGBA()
			for _, d := range [3]float64{float64(ar) - float64(br), float64(ag) - float64(bg), float64(ab) - float64(bb)} {
				sum += d * d / (257 * 257) // RGBA returns 16 bits, 257 times the value of 8 bits
			}
		}
	}
	return 10 * math.Log10(255*255*3*float64(r.Dx()*r.Dy())/sum)
}
