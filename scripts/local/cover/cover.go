// Package cover draws pictures of products for the local run.
package cover

import (
	"hash/fnv"
	"image"
	"image/color"
	"math"
	"strings"
	"unicode"

	"golang.org/x/image/draw"
	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"
	"golang.org/x/image/vector"
)

// Draw returns a picture of a product, size pixels wide and high. kind is album, photobook, clothing, household or video; other
// kinds look like an album. Equal arguments give equal pictures.
func Draw(id, kind, title string, size int) image.Image {
	// The hash of the id selects the colours, so that products differ and stay the same.
	h := fnv.New32a()
	_, _ = h.Write([]byte(id)) // never fails
	seed := h.Sum32()
	hues := hues[seed%uint32(len(hues))]
	c := &canvas{img: image.NewRGBA(image.Rect(0, 0, size, size)), raster: vector.NewRasterizer(size, size), scale: float32(size) / 100}
	c.ground(hues[0], hues[1], float64(seed%7)/7)
	for i := range 9 { // an arc of lights
		angle := math.Pi * (1.05 + float64(i)*0.1125)
		c.fill(white(90), disc(50+44*float32(math.Cos(angle)), 54+44*float32(math.Sin(angle)), 0.5+float32(seed>>(2*i)%4)*0.35))
	}
	middle, ok := kinds[kind]
	if !ok {
		middle = kinds["album"]
	}
	middle(c, hsl(hues[0], 0.55, 0.34), hsl(hues[1], 0.6, 0.62))
	c.write(word(title))
	return c.img
}

// hues are harmonious pairs of hues, in degrees: the ends of the gradient. The motif has darker and lighter shades of the same
// hues.
var hues = [][2]float64{{262, 320}, {285, 205}, {330, 25}, {268, 232}, {48, 345}, {165, 230}, {205, 275}, {232, 300}, {350, 285}}

// kinds draw the motif of a kind of product, in a dark and a light colour.
var kinds = map[string]func(c *canvas, dark, light color.Color){
	// A record in its sleeve.
	"album": func(c *canvas, dark, light color.Color) {
		c.fill(dark, disc(62, 47, 23))
		for r := float32(11); r < 23; r += 3 {
			c.fill(white(26), join(disc(62, 47, r), reversed(disc(62, 47, r-0.3))))
		}
		c.fill(light, disc(62, 47, 8))
		c.fill(white(255), box(21, 23, 48, 48, 1.5))
		c.fill(light, disc(45, 47, 14))
		c.fill(white(255), heart(45, 49, 7))
	},
	// An open book with a picture and lines of text.
	"photobook": func(c *canvas, dark, light color.Color) {
		c.fill(dark, box(14, 24, 72, 47, 2))
		c.fill(white(255), polygon(50, 28, 32, 23, 17, 26, 17, 66, 32, 63, 50, 68))
		c.fill(color.NRGBA{240, 236, 246, 255}, polygon(50, 28, 68, 23, 83, 26, 83, 66, 68, 63, 50, 68))
		c.fill(light, polygon(23, 31, 44, 32, 44, 56, 23, 54))
		c.fill(dark, polygon(56, 32, 77, 31, 77, 42, 56, 43))
		for y := float32(48); y < 58; y += 4 {
			c.fill(light, box(56, y, 20-(y-48), 1.2, 0.6))
		}
	},
	// A shirt with a heart, and its shadow.
	"clothing": func(c *canvas, dark, light color.Color) {
		shirt := polygon(38, 22, 20, 31, 27, 47, 34, 44, 34, 73, 66, 73, 66, 44, 73, 47, 80, 31, 62, 22, 57, 27, 50, 29, 43, 27)
		c.fill(dark, moved(shirt, 1.5, 1.5))
		c.fill(white(255), shirt)
		c.fill(light, heart(50, 50, 10))
	},
	// A cup with steam.
	"household": func(c *canvas, dark, light color.Color) {
		c.fill(dark, join(disc(69, 51, 11), reversed(disc(69, 51, 7))))
		c.fill(white(255), box(28, 34, 40, 38, 7))
		c.fill(white(255), box(28, 34, 40, 12, 1))
		c.fill(light, heart(48, 55, 10))
		for x := float32(38); x < 62; x += 10 {
			c.fill(white(120), polygon(x, 30, x+2, 25, x, 20, x+1.6, 20, x+3.6, 25, x+1.6, 30))
		}
	},
	// A strip of film with a button to play it.
	"video": func(c *canvas, dark, light color.Color) {
		c.fill(dark, box(15, 24, 70, 46, 3))
		for x := float32(19); x < 82; x += 7 {
			c.fill(white(200), box(x, 26.5, 4, 3, 0.8))
			c.fill(white(200), box(x, 64.5, 4, 3, 0.8))
		}
		c.fill(white(255), box(19, 32, 62, 30, 1.5))
		c.fill(light, disc(50, 47, 11))
		c.fill(white(255), polygon(47, 41, 57, 47, 47, 53))
	},
}

// canvas is a picture with coordinates from 0 to 100, whatever its size in pixels. The origin is the upper left corner.
type canvas struct {
	img *image.RGBA
	// raster is reused by fill.
	raster *vector.Rasterizer
	// scale is the number of pixels of a unit.
	scale float32
}

// ground fills the canvas with a gradient between two hues, and a glow in the middle. turn rotates the gradient, 0 to 1.
func (c *canvas) ground(from, to, turn float64) {
	const n = 100 // a smooth gradient needs few pixels
	small := image.NewRGBA(image.Rect(0, 0, n, n))
	sin, cos := math.Sincos(math.Pi / 2 * (0.25 + turn/2))
	for y := range n {
		for x := range n {
			fx, fy := float64(x)/float64(n), float64(y)/float64(n)
			along := (fx*cos + fy*sin) / (sin + cos)
			glow := 0.16 * math.Exp(-8*((fx-0.5)*(fx-0.5)+(fy-0.42)*(fy-0.42)))
			small.SetRGBA(x, y, hsl(from+turned(from, to)*along, 0.52, 0.56+0.12*along+glow))
		}
	}
	draw.CatmullRom.Scale(c.img, c.img.Rect, small, small.Rect, draw.Src, nil)
}

// turned returns the smaller angle from one hue to another, in degrees.
func turned(from, to float64) float64 {
	return math.Mod(to-from+540, 360) - 180
}

// fill fills a shape with a colour. The raster smooths its edges.
func (c *canvas) fill(col color.Color, s shape) {
	c.raster.Reset(c.img.Rect.Dx(), c.img.Rect.Dy())
	for _, contour := range s {
		for i, p := range contour {
			if i == 0 {
				c.raster.MoveTo(p[0]*c.scale, p[1]*c.scale)
				continue
			}
			c.raster.LineTo(p[0]*c.scale, p[1]*c.scale)
		}
		c.raster.ClosePath()
	}
	c.raster.Draw(c.img, c.img.Rect, image.NewUniform(col), image.Point{})
}

// write writes a word at the bottom of the canvas.
func (c *canvas) write(text string) {
	f, err := opentype.Parse(gobold.TTF)
	if err != nil {
		panic(err) // the font is embedded
	}
	face, err := opentype.NewFace(f, &opentype.FaceOptions{Size: float64(9 * c.scale), DPI: 72})
	if err != nil {
		panic(err) // the options are constants
	}
	defer face.Close()
	d := font.Drawer{Dst: c.img, Src: image.NewUniform(white(235)), Face: face}
	d.Dot = fixed.Point26_6{X: (fixed.I(c.img.Rect.Dx()) - d.MeasureString(text)) / 2, Y: fixed.Int26_6(90 * c.scale * 64)}
	d.DrawString(text)
}

// word returns the word of a title to print: the longest in capitals or, without capitals, the longest, up to 14 bytes.
func word(title string) string {
	best, bestCapitals := "", false
	// Every product is of BTS, so that the name says nothing.
	for _, w := range strings.FieldsFunc(title, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
		capitals := w == strings.ToUpper(w) && unicode.IsLetter(rune(w[0]))
		if w == "BTS" || capitals == bestCapitals && len(w) <= len(best) || !capitals && bestCapitals {
			continue
		}
		best, bestCapitals = w, capitals
	}
	return best[:min(len(best), 14)]
}

// shape is a list of contours. A contour of the reverse direction cuts a hole.
type shape [][][2]float32

// polygon returns the polygon of the corners x1, y1, x2, y2, ….
func polygon(at ...float32) shape {
	var c [][2]float32
	for i := 0; i+1 < len(at); i += 2 {
		c = append(c, [2]float32{at[i], at[i+1]})
	}
	return shape{c}
}

// disc returns a circle.
func disc(x, y, r float32) shape {
	const corners = 96
	var c [][2]float32
	for i := range corners {
		sin, cos := math.Sincos(2 * math.Pi * float64(i) / corners)
		c = append(c, [2]float32{x + r*float32(cos), y + r*float32(sin)})
	}
	return shape{c}
}

// box returns a rectangle whose corners have the radius r.
func box(x, y, w, h, r float32) shape {
	var c [][2]float32
	for corner, at := range [4][2]float32{{x + w - r, y + h - r}, {x + r, y + h - r}, {x + r, y + r}, {x + w - r, y + r}} {
		for i := range 9 {
			sin, cos := math.Sincos(math.Pi / 2 * (float64(corner) + float64(i)/8))
			c = append(c, [2]float32{at[0] + r*float32(cos), at[1] + r*float32(sin)})
		}
	}
	return shape{c}
}

// heart returns a heart, about 2 r wide: https://mathworld.wolfram.com/HeartCurve.html.
func heart(x, y, r float32) shape {
	const corners = 96
	var c [][2]float32
	for i := range corners {
		t := 2 * math.Pi * float64(i) / corners
		sin := math.Sin(t)
		hx := 16 * sin * sin * sin
		hy := 13*math.Cos(t) - 5*math.Cos(2*t) - 2*math.Cos(3*t) - math.Cos(4*t)
		c = append(c, [2]float32{x + r*float32(hx)/16, y - r*float32(hy)/16})
	}
	return shape{c}
}

// join returns the contours of all shapes.
func join(shapes ...shape) shape {
	var all shape
	for _, s := range shapes {
		all = append(all, s...)
	}
	return all
}

// reversed returns the first contour of a shape in reverse direction.
func reversed(s shape) shape {
	c := make([][2]float32, len(s[0]))
	for i, p := range s[0] {
		c[len(c)-1-i] = p
	}
	return shape{c}
}

// moved returns the first contour of a shape, shifted by x and y.
func moved(s shape, x, y float32) shape {
	c := make([][2]float32, len(s[0]))
	for i, p := range s[0] {
		c[i] = [2]float32{p[0] + x, p[1] + y}
	}
	return shape{c}
}

// white returns white with an opacity.
func white(alpha uint8) color.Color { return color.NRGBA{255, 255, 255, alpha} }

// hsl returns the colour of a hue in degrees, and of a saturation and a lightness from 0 to 1.
func hsl(hue, saturation, lightness float64) color.RGBA {
	a := saturation * min(lightness, 1-lightness)
	channel := func(n float64) uint8 {
		k := math.Mod(n+hue/30+12, 12)
		return uint8(255 * max(0, min(1, lightness-a*max(-1, min(k-3, 9-k, 1)))))
	}
	return color.RGBA{channel(0), channel(8), channel(4), 255}
}
