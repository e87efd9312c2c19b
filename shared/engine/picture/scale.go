package picture

import (
	"math"
	"slices"
)

// plane is one channel of a picture. The last samples of a subsampled or halved plane may extend beyond the edge of the
// picture.
type plane struct {
	pix           []uint8
	stride        int     // distance of two rows in pix
	width, height int     // samples
	windowX       float64 // width of the picture, in samples of this plane
	windowY       float64 // height of the picture, in samples of this plane
}

// newPlane returns a black plane that the picture covers exactly.
func newPlane(width, height int) plane {
	return plane{make([]uint8, width*height), width, width, height, float64(width), float64(height)}
}

// row returns the samples of row y without a copy.
func (p *plane) row(y int) []uint8 { return p.pix[y*p.stride : y*p.stride+p.width] }

// halved returns a plane of half the size, rounded up. Each sample is the mean of four.
func (p *plane) halved() plane {
	out := newPlane((p.width+1)/2, (p.height+1)/2)
	out.windowX, out.windowY = p.windowX/2, p.windowY/2
	for y := range out.height {
		a, b := p.row(2*y), p.row(min(2*y+1, p.height-1))
		d := out.row(y)
		n := p.width / 2
		a2, b2 := a[:2*n], b[:2*n]
		for x := range n {
			d[x] = uint8((uint32(a2[2*x]) + uint32(a2[2*x+1]) + uint32(b2[2*x]) + uint32(b2[2*x+1]) + 2) >> 2)
		}
		if p.width%2 == 1 {
			d[n] = uint8((uint32(a[p.width-1]) + uint32(b[p.width-1]) + 1) >> 1)
		}
	}
	return out
}

// weightBits is the number of fraction bits of a filter weight.
const weightBits = 14

// filter holds, for each destination sample in one dimension, the contributing source samples and their weights.
type filter struct {
	first   []int     // index of the first source sample
	weights [][]int32 // fixed point with weightBits; the weights of a destination sample add up to 1
}

// newFilter returns the Catmull-Rom filter from n samples, of which the picture covers window, to size samples, of which
// it covers target. Samples at the edge stand in for samples beyond it. For a reduction the kernel is stretched by the
// scale, which suppresses aliasing.
func newFilter(n int, window float64, size int, target float64) filter {
	scale := window / target
	stretch := max(scale, 1)
	radius := 2 * stretch // the kernel is zero from 2 on
	f := filter{make([]int, size), make([][]int32, size)}
	for i := range size {
		center := (float64(i)+0.5)*scale - 0.5
		from, to := int(math.Ceil(center-radius)), int(math.Floor(center+radius))
		lo, hi := min(max(from, 0), n-1), max(min(to, n-1), 0)
		raw := make([]float64, hi-lo+1)
		var sum float64
		for j := from; j <= to; j++ {
			w := catmullRom((float64(j) - center) / stretch)
			raw[min(max(j, lo), hi)-lo] += w
			sum += w
		}
		weights := make([]int32, len(raw))
		var total int32
		largest := 0
		for j, w := range raw {
			weights[j] = int32(math.Round(w / sum * (1 << weightBits)))
			total += weights[j]
			if weights[j] > weights[largest] {
				largest = j
			}
		}
		weights[largest] += 1<<weightBits - total // the rounding error; a uniform area keeps its value
		f.first[i], f.weights[i] = lo, weights
	}
	return f
}

// catmullRom is the kernel of cubic convolution with a = -0.5, the Catmull-Rom spline (Keys, "Cubic convolution
// interpolation for digital image processing", IEEE TASSP 29, 1981).
func catmullRom(x float64) float64 {
	x = math.Abs(x)
	switch {
	case x < 1:
		return (1.5*x-2.5)*x*x + 1
	case x < 2:
		return ((-0.5*x+2.5)*x-4)*x + 2
	}
	return 0
}

// resampled returns the plane in another size, of which the picture covers windowX by windowY samples. It blends
// source rows vertically, then filters the result horizontally.
func (p *plane) resampled(width, height int, windowX, windowY float64) plane {
	out := newPlane(width, height)
	out.windowX, out.windowY = windowX, windowY
	if width == p.width && height == p.height && windowX == p.windowX && windowY == p.windowY {
		for y := range height {
			copy(out.row(y), p.row(y))
		}
		return out
	}
	across := newFilter(p.width, p.windowX, width, windowX)
	down := newFilter(p.height, p.windowY, height, windowY)
	line := make([]int32, p.width)
	// Each destination row is blended from source rows first, so the vertical pass runs over contiguous memory.
	for y := range height {
		p.blend(line, down.first[y], down.weights[y])
		d := out.row(y)
		for x, weights := range across.weights {
			from := across.first[x]
			var sum int32 = 1 << (sumBits + weightBits - 1)
			for i, v := range line[from : from+len(weights)] {
				sum += v * weights[i]
			}
			d[x] = clamp(sum >> (sumBits + weightBits))
		}
	}
	return out
}

// sumBits is the number of fraction bits between the two passes. Samples of 8 bits with the fractions of both passes, the
// sign and the overshoot of the filter fit in 32 bits.
const sumBits = 7

// blend writes the weighted sum of rows from first on to line, with sumBits fraction bits. Four rows at a time save
// passes over line.
func (p *plane) blend(line []int32, first int, weights []int32) {
	for i := range line {
		line[i] = 1 << (weightBits - sumBits - 1)
	}
	n := len(line)
	for len(weights) >= 4 {
		a, b, c, d := p.row(first)[:n], p.row(first + 1)[:n], p.row(first + 2)[:n], p.row(first + 3)[:n]
		wa, wb, wc, wd := weights[0], weights[1], weights[2], weights[3]
		for x := range line {
			line[x] += int32(a[x])*wa + int32(b[x])*wb + int32(c[x])*wc + int32(d[x])*wd
		}
		first, weights = first+4, weights[4:]
	}
	for i, w := range weights {
		row := p.row(first + i)[:n]
		for x := range line {
			line[x] += int32(row[x]) * w
		}
	}
	for x := range line {
		line[x] >>= weightBits - sumBits
	}
}

// clamp limits an overshoot of the filter to the range of a sample.
func clamp(v int32) uint8 { return uint8(max(0, min(255, v))) }

// oriented returns the plane turned and mirrored according to an EXIF orientation, the value of tag 0x0112.
func (p *plane) oriented(orientation int) plane {
	if orientation <= 1 {
		return *p
	}
	width, height := p.width, p.height
	if orientation >= 5 {
		width, height = height, width
	}
	out := newPlane(width, height)
	for y := range height {
		row := out.row(y)
		for x := range row {
			sx, sy := x, y
			switch orientation {
			case 2:
				sx = width - 1 - x
			case 3:
				sx, sy = width-1-x, height-1-y
			case 4:
				sy = height - 1 - y
			case 5:
				sx, sy = y, x
			case 6:
				sx, sy = y, width-1-x
			case 7:
				sx, sy = height-1-y, width-1-x
			case 8:
				sx, sy = height-1-y, x
			}
			row[x] = p.pix[sy*p.stride+sx]
		}
	}
	return out
}

// level returns the planes halved n times. Levels are computed on first use.
func (s *source) level(n int) []plane {
	for len(s.levels) <= n {
		last := s.levels[len(s.levels)-1]
		next := slices.Clone(last)
		for i := range next {
			next[i] = last[i].halved()
		}
		s.levels = append(s.levels, next)
	}
	return s.levels[n]
}
