package picture

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"math"
	"os"
	"strings"
	"testing"
	"time"
)

var limits = DefaultLimits(512 << 20)

// photo returns a colorful picture with edges and gradients.
func photo(w, h int) *image.NRGBA {
	m := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			fx, fy := float64(x)/float64(w), float64(y)/float64(h)
			wave := 0.5 + 0.5*math.Sin(9*fx*fx+5*fy)
			c := color.NRGBA{uint8(255 * fx), uint8(255 * wave), uint8(255 * fy), 255}
			if math.Hypot(fx-0.6, fy-0.4) < 0.2 {
				c = color.NRGBA{106, 61, 200, 255}
			}
			m.SetNRGBA(x, y, c)
		}
	}
	return m
}

func jpegOf(t testing.TB, m image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, &jpeg.Options{Quality: 90}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func pngOf(t testing.TB, m image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestSpeed}).Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func render(t testing.TB, data []byte, targets ...Target) *Picture {
	t.Helper()
	p, err := Render(t.Context(), data, limits, targets)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// pixels decodes an image and checks its type and size.
func pixels(t testing.TB, r Image) image.Image {
	t.Helper()
	m, format, err := image.Decode(bytes.NewReader(r.Data))
	if err != nil {
		t.Fatal(err)
	}
	if "image/"+format != string(r.Type) || m.Bounds().Dx() != r.Width || m.Bounds().Dy() != r.Height {
		t.Fatalf("decoded %s of %v, want %s of %d×%d", format, m.Bounds(), r.Type, r.Width, r.Height)
	}
	return m
}

// near checks that each sample of a pixel differs from want by at most by. It ignores the color of transparent pixels.
func near(t testing.TB, m image.Image, x, y int, want color.NRGBA, by int) {
	t.Helper()
	got := color.NRGBAModel.Convert(m.At(x, y)).(color.NRGBA)
	for i, d := range []int{int(got.R) - int(want.R), int(got.G) - int(want.G), int(got.B) - int(want.B), int(got.A) - int(want.A)} {
		if max(d, -d) > by && !(want.A == 0 && i < 3) {
			t.Errorf("pixel %d,%d = %v, want %v", x, y, got, want)
			return
		}
	}
}

var (
	red    = color.NRGBA{220, 30, 30, 255}
	green  = color.NRGBA{20, 160, 60, 255}
	blue   = color.NRGBA{30, 60, 210, 255}
	yellow = color.NRGBA{230, 210, 40, 255}
)

// quarters returns a picture of four quarters: red and green above blue and yellow.
func quarters(w, h int) *image.NRGBA {
	m := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			c := [2][2]color.NRGBA{{red, green}, {blue, yellow}}[2*y/h][2*x/w]
			m.SetNRGBA(x, y, c)
		}
	}
	return m
}

func TestImagesFitTheirTargetsAndAreNeverEnlarged(t *testing.T) {
	targets := []Target{{Width: 200}, {Width: 400}, {Width: 800}, {Width: 1600}}
	for _, tc := range []struct {
		w, h int
		want [4]string
	}{
		{1000, 500, [4]string{"200×100", "400×200", "800×400", "1000×500"}},
		{500, 1000, [4]string{"200×400", "400×800", "500×1000", "500×1000"}},
		{1, 1, [4]string{"1×1", "1×1", "1×1", "1×1"}},
		{3001, 2, [4]string{"200×1", "400×1", "800×1", "1600×1"}},
		{199, 3, [4]string{"199×3", "199×3", "199×3", "199×3"}},
	} {
		for _, data := range [][]byte{jpegOf(t, photo(tc.w, tc.h)), pngOf(t, photo(tc.w, tc.h))} {
			p := render(t, data, targets...)
			for i, r := range p.Images {
				pixels(t, r)
				if got := fmt.Sprintf("%d×%d", r.Width, r.Height); got != tc.want[i] || r.Type != JPEG {
					t.Errorf("%d×%d of %s: image is %s of %s, want JPEG of %s", tc.w, tc.h, p.Type, r.Type, got, tc.want[i])
				}
			}
		}
	}
}

// psnr returns the peak signal-to-noise ratio, in dB, of m against a box-filtered full.
func psnr(full *image.NRGBA, m image.Image) float64 {
	f := full.Rect.Dx() / m.Bounds().Dx()
	var sum float64
	n := 0
	for y := range m.Bounds().Dy() {
		for x := range m.Bounds().Dx() {
			var want [3]float64
			for dy := range f {
				for dx := range f {
					c := full.NRGBAAt(x*f+dx, y*f+dy)
					want[0], want[1], want[2] = want[0]+float64(c.R), want[1]+float64(c.G), want[2]+float64(c.B)
				}
			}
			got := color.NRGBAModel.Convert(m.At(x, y)).(color.NRGBA)
			for c, v := range []uint8{got.R, got.G, got.B} {
				d := want[c]/float64(f*f) - float64(v)
				sum += d * d
				n++
			}
		}
	}
	return 10 * math.Log10(255*255/(sum/float64(n)))
}

func TestImagesResembleTheirPicture(t *testing.T) {
	full := photo(1600, 1200)
	for name, data := range map[string][]byte{"JPEG": jpegOf(t, full), "PNG": pngOf(t, full)} {
		for _, width := range []int{800, 400, 200, 100} {
			r := render(t, data, Target{Width: width}).Images[0]
			if got := psnr(full, pixels(t, r)); got < 30 {
				t.Errorf("%s at width %d: %.1f dB, want at least 30", name, width, got)
			}
		}
	}
}

func TestUniformPictureStaysUniform(t *testing.T) {
	m := image.NewNRGBA(image.Rect(0, 0, 1237, 911))
	for i := range m.Pix {
		m.Pix[i] = []uint8{90, 120, 200, 255}[i%4]
	}
	got := pixels(t, render(t, pngOf(t, m), Target{Width: 333, KeepPNG: true}).Images[0])
	for y := range got.Bounds().Dy() {
		for x := range got.Bounds().Dx() {
			if c := color.NRGBAModel.Convert(got.At(x, y)); c != (color.NRGBA{90, 120, 200, 255}) {
				t.Fatalf("color %v at %d,%d, want the color of the picture", c, x, y)
			}
		}
	}
}

// exif returns the content of an EXIF segment with the tag Orientation alone.
func exif(orientation byte) []byte {
	return []byte("Exif\x00\x00MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00" + string(orientation) + "\x00\x00\x00\x00\x00\x00")
}

func segment(marker byte, b []byte) []byte {
	return append(binary.BigEndian.AppendUint16([]byte{0xff, marker}, uint16(len(b)+2)), b...)
}

func TestOrientationIsApplied(t *testing.T) {
	const w, h = 120, 80
	// The colors of the corners: top left, top right, bottom left, bottom right.
	for orientation, corners := range map[byte][4]color.NRGBA{
		0: {red, green, blue, yellow}, 1: {red, green, blue, yellow}, 2: {green, red, yellow, blue},
		3: {yellow, blue, green, red}, 4: {blue, yellow, red, green}, 5: {red, blue, green, yellow},
		6: {blue, red, yellow, green}, 7: {yellow, green, blue, red}, 8: {green, yellow, red, blue},
	} {
		jpg := jpegOf(t, quarters(w, h))
		jpg = insert(jpg, 2, segment(0xe1, exif(orientation)))
		pic := pngOf(t, quarters(w, h))
		pic = insert(pic, 33, chunk("eXIf", exif(orientation)[6:]))
		for _, data := range [][]byte{jpg, pic} {
			p := render(t, data, Target{Width: 40})
			r := p.Images[0]
			wide := orientation < 5
			if wide != (r.Width > r.Height) || r.Width != 40 {
				t.Errorf("orientation %d of a %s: %d×%d", orientation, p.Type, r.Width, r.Height)
			}
			m := pixels(t, r)
			for i, want := range corners {
				near(t, m, r.Width/8+i%2*r.Width*3/4, r.Height/8+i/2*r.Height*3/4, want, 12)
			}
		}
	}
}

func chunk(kind string, b []byte) []byte {
	out := binary.BigEndian.AppendUint32(nil, uint32(len(b)))
	out = append(append(out, kind...), b...)
	return binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(out[4:]))
}

func TestTransparentColorsDoNotBleed(t *testing.T) {
	m := image.NewNRGBA(image.Rect(0, 0, 400, 400)) // a red disc on transparent green
	for y := range 400 {
		for x := range 400 {
			c := color.NRGBA{0, 255, 0, 0}
			if math.Hypot(float64(x)-200, float64(y)-200) < 150 {
				c = color.NRGBA{255, 0, 0, 255}
			}
			m.SetNRGBA(x, y, c)
		}
	}
	r := render(t, pngOf(t, m), Target{Width: 100}).Images[0]
	if r.Type != PNG {
		t.Fatalf("type = %s, want PNG", r.Type)
	}
	got := pixels(t, r)
	near(t, got, 50, 50, color.NRGBA{255, 0, 0, 255}, 1)
	near(t, got, 2, 2, color.NRGBA{}, 0)
	for y := range 100 {
		for x := range 100 {
			if c := color.NRGBAModel.Convert(got.At(x, y)).(color.NRGBA); c.A > 8 && c.G > 4 {
				t.Fatalf("%v at %d,%d: the color of a transparent pixel bleeds", c, x, y)
			}
		}
	}
}

func TestEachInputTypeHasItsOutputType(t *testing.T) {
	translucent := quarters(64, 64)
	for i := 3; i < len(translucent.Pix); i += 4 {
		translucent.Pix[i] = 200
	}
	deep := image.NewNRGBA64(image.Rect(0, 0, 64, 64))
	shallow := quarters(64, 64)
	grey16 := image.NewGray16(image.Rect(0, 0, 64, 64))
	greyJPEG := image.NewGray(image.Rect(0, 0, 64, 64))
	palette := image.NewPaletted(image.Rect(0, 0, 64, 64), color.Palette{red, green, blue, yellow, color.NRGBA{}})
	for y := range 64 {
		for x := range 64 {
			deep.Set(x, y, shallow.At(x, y))
			grey16.Set(x, y, shallow.At(x, y))
			greyJPEG.Set(x, y, shallow.At(x, y))
			palette.Set(x, y, shallow.At(x, y))
		}
	}
	var animated, placed bytes.Buffer
	second := image.NewPaletted(palette.Rect, palette.Palette)
	if err := gif.EncodeAll(&animated, &gif.GIF{Image: []*image.Paletted{palette, second}, Delay: []int{1, 1}}); err != nil {
		t.Fatal(err)
	}
	corner := image.NewPaletted(image.Rect(32, 32, 64, 64), color.Palette{yellow, red})
	if err := gif.EncodeAll(&placed, &gif.GIF{Image: []*image.Paletted{corner}, Delay: []int{0}, Config: image.Config{Width: 64, Height: 64}}); err != nil {
		t.Fatal(err)
	}
	mean := func(c color.NRGBA) color.NRGBA {
		g := color.GrayModel.Convert(c).(color.Gray).Y
		return color.NRGBA{g, g, g, 255}
	}
	half := func(c color.NRGBA) color.NRGBA { c.A = 200; return c }
	same := func(c color.NRGBA) color.NRGBA { return c }
	for name, tc := range map[string]struct {
		data []byte
		want Type
		to   func(color.NRGBA) color.NRGBA
	}{
		"JPEG":                  {jpegOf(t, shallow), JPEG, same},
		"grey JPEG":             {jpegOf(t, greyJPEG), JPEG, mean},
		"CMYK JPEG":             {read(t, "cmyk.jpg"), JPEG, same},
		"progressive JPEG":      {read(t, "progressive.jpg"), JPEG, same},
		"JPEG with full chroma": {read(t, "444.jpg"), JPEG, same},
		"opaque PNG":            {pngOf(t, shallow), JPEG, same},
		"PNG with alpha":        {pngOf(t, translucent), PNG, half},
		"16-bit PNG":            {pngOf(t, deep), JPEG, same},
		"16-bit grey PNG":       {pngOf(t, grey16), JPEG, mean},
		"PNG with a palette":    {pngOf(t, palette), JPEG, same},
		"interlaced PNG":        {read(t, "interlaced.png"), JPEG, same},
		"animated GIF":          {animated.Bytes(), JPEG, same},
		"lossy WebP":            {read(t, "lossy.webp"), JPEG, same},
		"lossless WebP":         {read(t, "lossless.webp"), JPEG, same},
		"WebP with alpha":       {read(t, "alpha.webp"), PNG, half},
	} {
		t.Run(name, func(t *testing.T) {
			r := render(t, tc.data, Target{Width: 32}).Images[0]
			if r.Type != tc.want {
				t.Errorf("type = %s, want %s", r.Type, tc.want)
			}
			m := pixels(t, r)
			for i, c := range []color.NRGBA{red, green, blue, yellow} {
				by := 10
				if name == "CMYK JPEG" {
					by = 100 // the colors are approximate without the CMYK profile
				}
				near(t, m, 8+i%2*16, 8+i/2*16, tc.to(c), by)
			}
		})
	}
	t.Run("a GIF frame keeps its position on the screen", func(t *testing.T) {
		r := render(t, placed.Bytes(), Target{Width: 64}).Images[0]
		m := pixels(t, r)
		near(t, m, 10, 10, color.NRGBA{}, 0)
		near(t, m, 50, 50, yellow, 1)
	})
	t.Run("a target keeps PNG", func(t *testing.T) {
		p := render(t, pngOf(t, shallow), Target{Width: 32, KeepPNG: true}, Target{Width: 32})
		if p.Images[0].Type != PNG || p.Images[1].Type != JPEG {
			t.Errorf("%s and %s, want PNG and JPEG", p.Images[0].Type, p.Images[1].Type)
		}
		near(t, pixels(t, p.Images[0]), 8, 8, red, 0)
	})
}

func read(t testing.TB, file string) []byte {
	t.Helper()
	b, err := os.ReadFile("testdata/" + file)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// x/image/webp returns video-range samples: black is 16 and white is 235.
func TestLossyWebPHasFullContrast(t *testing.T) {
	m := pixels(t, render(t, read(t, "contrast.webp"), Target{Width: 64}).Images[0])
	near(t, m, 8, 32, color.NRGBA{0, 0, 0, 255}, 2)
	near(t, m, 56, 32, color.NRGBA{255, 255, 255, 255}, 2)
}

// profile returns an RGB profile with the description name, padded to size bytes.
func profile(name string, size int) []byte {
	p := make([]byte, max(size, 200))
	binary.BigEndian.PutUint32(p, uint32(len(p)))
	copy(p[12:], "mntrRGB XYZ ")
	copy(p[36:], "acsp")
	binary.BigEndian.PutUint32(p[128:], 1)
	copy(p[132:], "desc")
	binary.BigEndian.PutUint32(p[136:], 144)
	binary.BigEndian.PutUint32(p[140:], 40)
	copy(p[144:], "desc\x00\x00\x00\x00\x00\x00\x00\x10"+name)
	return p
}

func TestMetadataIsStrippedExceptWideGamutProfiles(t *testing.T) {
	const secret = "GPS 37.5665 N 126.9780 E"
	for name, tc := range map[string]struct {
		profile []byte
		keep    bool
	}{
		"none":             {nil, false},
		"sRGB":             {profile("sRGB IEC61966-2.1", 0), false},
		"P3":               {profile("Display P3", 0), true},
		"64 KiB":           {profile("Display P3", maxProfile), true},
		"too large":        {profile("Display P3", maxProfile+1), false},
		"wrong size field": {append(profile("Display P3", 0), 1), false},
		"CMYK":             {bytes.Replace(profile("Display P3", 0), []byte("RGB "), []byte("CMYK"), 1), false},
	} {
		t.Run(name, func(t *testing.T) {
			jpg, pic := jpegOf(t, photo(64, 64)), pngOf(t, photo(64, 64))
			jpg = insert(jpg, 2, segment(0xe1, append(exif(1), secret...)))
			jpg = insert(jpg, 2, segment(0xfe, []byte(secret)))
			pic = insert(pic, 33, chunk("tEXt", []byte("Comment\x00"+secret)))
			if tc.profile != nil {
				jpg, pic = insert(jpg, 2, jpegProfile(tc.profile)), insert(pic, 33, pngProfile(tc.profile))
			}
			for _, data := range [][]byte{jpg, pic} {
				for _, target := range []Target{{Width: 32}, {Width: 32, KeepPNG: true}} {
					r := render(t, data, target).Images[0]
					pixels(t, r)
					if bytes.Contains(r.Data, []byte("GPS")) || bytes.Contains(r.Data, []byte("Exif")) {
						t.Error("the image contains metadata")
					}
					// A viewer reads the profile in the same way.
					info, err := Inspect(bytes.NewReader(r.Data), int64(len(r.Data)), limits)
					if err != nil {
						t.Fatal(err)
					}
					if kept := bytes.Equal(info.Profile, tc.profile); kept != tc.keep && tc.profile != nil {
						t.Errorf("profile kept = %v, want %v", kept, tc.keep)
					}
				}
			}
		})
	}
}

// claims returns a JPEG of 1,400 bytes whose header claims w×h pixels.
func claims(sof byte, w, h int) []byte {
	b := []byte{0xff, 0xd8}
	frame := []byte{8, byte(h >> 8), byte(h), byte(w >> 8), byte(w), 3, 1, 0x22, 0, 2, 0x11, 0, 3, 0x11, 0}
	b = append(b, segment(sof, frame)...)
	b = append(b, segment(0xda, []byte{3, 1, 0, 2, 0, 3, 0, 0, 63, 0})...)
	return append(b, make([]byte, 1400-len(b))...)
}

// pngClaims returns a PNG of a few bytes whose header claims w×h pixels.
func pngClaims(w, h uint32, depth, kind byte) []byte {
	ihdr := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, w), h)
	b := append([]byte("\x89PNG\r\n\x1a\n"), chunk("IHDR", append(ihdr, depth, kind, 0, 0, 0))...)
	return append(b, chunk("IDAT", []byte{0x78, 0x9c, 1, 0, 0})...)
}

// hostile returns inputs that must be rejected, with the reason.
func hostile(t testing.TB) map[string]struct {
	data []byte
	want Reason
} {
	whole := jpegOf(t, photo(300, 300))
	return map[string]struct {
		data []byte
		want Reason
	}{
		"an empty file":                     {nil, Empty},
		"text":                              {[]byte("This is not a picture, although its name claims so."), UnknownType},
		"SVG":                               {[]byte(`<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>`), UnknownType},
		"PDF":                               {[]byte("%PDF-1.7\n1 0 obj\n"), UnknownType},
		"HTML":                              {[]byte("<!doctype html><script>alert(1)</script>"), UnknownType},
		"a polyglot of GIF and script":      {[]byte("GIF89a/*\x00\x00*/=1;alert(1)"), Damaged},
		"the magic bytes alone":             {[]byte("\xff\xd8\xff"), Damaged},
		"half a JPEG":                       {whole[:len(whole)/2], Damaged},
		"a JPEG of 16000×16000":             {claims(0xc0, 16000, 16000), TooManyPixels},
		"a progressive JPEG of 16000×16000": {claims(0xc2, 16000, 16000), TooManyPixels},
		"a JPEG of 65535×1":                 {claims(0xc0, 65535, 1), TooManyPixels},
		"a JPEG of 7000×7000":               {claims(0xc0, 7000, 7000), TooFewBytes},
		"a progressive JPEG of 7000×7000":   {claims(0xc2, 7000, 7000), TooFewBytes},
		"a JPEG of 0×0":                     {claims(0xc0, 0, 0), Damaged},
		"a lossless JPEG":                   {claims(0xc3, 100, 100), Unsupported},
		"a PNG of 12000×12000":              {pngClaims(12000, 12000, 8, 6), TooManyPixels},
		"a PNG of 2 G × 2 G":                {pngClaims(1<<31-1, 1<<31-1, 16, 6), TooManyPixels},
		"a PNG of 4 G × 4 G":                {pngClaims(1<<32-1, 1<<32-1, 16, 6), Damaged},
		"a PNG of 7000×7000 in 16 bits":     {pngClaims(7000, 7000, 16, 6), TooMuchMemory},
		"a PNG whose data ends early":       {pngClaims(300, 300, 8, 6), Damaged},
		"a PNG of an unknown depth":         {pngClaims(300, 300, 7, 6), Unsupported},
		"a GIF of 65535×65535":              {[]byte("GIF89a\xff\xff\xff\xff\x00\x00\x00,\x00\x00\x00\x00\xff\xff\xff\xff\x00\x02"), TooManyPixels},
		"an animated WebP":                  {[]byte("RIFF\x00\x00\x00\x00WEBPVP8X\x0a\x00\x00\x00\x02\x00\x00\x00\x10\x00\x00\x10\x00\x00"), Unsupported},
		"a WebP that holds another size":    {[]byte("RIFF\x30\x00\x00\x00WEBPVP8X\x0a\x00\x00\x00\x00\x00\x00\x00\x10\x00\x00\x10\x00\x00VP8L\x0a\x00\x00\x00/\xff\xff\xff\x0f\x00\x00\x00\x00\x00"), Damaged},
	}
}

func TestHostilePicturesAreRejected(t *testing.T) {
	for name, tc := range hostile(t) {
		t.Run(name, func(t *testing.T) {
			// 7000×7000 pixels of 16 bits are within the pixel limit and over the memory limit.
			_, err := Render(t.Context(), tc.data, DefaultLimits(512<<20), []Target{{Width: 200}})
			var r *RejectedError
			if !errors.As(err, &r) {
				t.Fatalf("err = %v, want a RejectedError", err)
			}
			if r.Reason != tc.want {
				t.Errorf("err = %v, want the reason %s", r, tc.want)
			}
		})
	}
	t.Run("one byte over the limit", func(t *testing.T) {
		_, err := Inspect(strings.NewReader("\xff\xd8\xff"), limits.Bytes+1, limits)
		var r *RejectedError
		if !errors.As(err, &r) || r.Reason != TooLarge {
			t.Errorf("err = %v", err)
		}
	})
}

// The time of a rejection is left to the benchmark; its allocations can be tested.
func TestRejectionAllocatesUnderOneMiB(t *testing.T) {
	data := claims(0xc2, 16000, 16000)
	got := testing.Benchmark(func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, _ = Render(b.Context(), data, limits, []Target{{Width: 200}})
		}
	})
	if got.AllocedBytesPerOp() > 1<<20 {
		t.Errorf("%d bytes allocated for a rejection, want at most 1 MiB", got.AllocedBytesPerOp())
	}
}

// scanBomb returns a progressive JPEG whose scans are runs of empty blocks. Each scan visits every block.
func scanBomb(scans int) []byte {
	const w, h = 4096, 4096
	b := []byte{0xff, 0xd8}
	b = append(b, segment(0xdb, append([]byte{0}, bytes.Repeat([]byte{1}, 64)...))...)
	b = append(b, segment(0xc2, []byte{8, h >> 8, 0, w >> 8, 0, 1, 1, 0x11, 0})...)
	// Both tables have a single code of one bit: a DC difference of 0, and an AC run of 2^14 blocks.
	b = append(b, segment(0xc4, append([]byte{0x00, 1}, append(make([]byte, 15), 0)...))...)
	b = append(b, segment(0xc4, append([]byte{0x10, 1}, append(make([]byte, 15), 0xe0)...))...)
	b = append(b, segment(0xda, []byte{1, 1, 0, 0, 0, 0})...)
	b = append(b, make([]byte, w/8*h/8/8)...)
	for range scans {
		b = append(b, segment(0xda, []byte{1, 1, 0, 1, 63, 0})...)
		b = append(b, make([]byte, 40)...)
	}
	return append(b, 0xff, 0xd9)
}

func TestDeadlineStopsDecoding(t *testing.T) {
	data := scanBomb(maxScans - 1)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, err := Render(ctx, data, limits, []Target{{Width: 200}})
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("err = %v, want DeadlineExceeded", err)
	}
	open := func(context.Context) (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data)), nil }
	_, err = NewRenderer(512<<20, 20*time.Millisecond).Render(t.Context(), int64(len(data)), open, []Target{{Width: 200}})
	var r *RejectedError
	if !errors.As(err, &r) || r.Reason != TooSlow {
		t.Errorf("err = %v, want the reason too-slow", err)
	}
}

func TestTooManyScansAreRejectedBeforeDecoding(t *testing.T) {
	began := time.Now()
	_, err := Render(t.Context(), scanBomb(20000), limits, []Target{{Width: 200}})
	var r *RejectedError
	if !errors.As(err, &r) || r.Reason != TooSlow || time.Since(began) > time.Second {
		t.Errorf("err = %v after %v, want too-slow within a second", err, time.Since(began))
	}
}

// A lossless WebP of 204×204 may have 2,601 groups of prefix codes, which take far more memory than its pixels.
func TestMemoryBoundIncludesPrefixCodes(t *testing.T) {
	webp := func(kind string, width, height, size int) []byte {
		chunk := binary.LittleEndian.AppendUint32([]byte(kind), uint32(size))
		chunk = append(chunk, 0x2f)
		chunk = binary.LittleEndian.AppendUint32(chunk, uint32(width-1)|uint32(height-1)<<14)
		chunk = append(chunk, make([]byte, size-5)...)
		b := binary.LittleEndian.AppendUint32([]byte("RIFF"), uint32(len(chunk)+4))
		return append(append(b, "WEBP"...), chunk...)
	}
	for _, tc := range []struct {
		width, height, size int
		least, most         int64 // MiB
	}{{204, 204, 778_000, 140, 200}, {204, 204, 2_000, 16, 20}, {16, 16, 778_000, 16, 20}, {3000, 3000, 1_000_000, 300, 480}} {
		data := webp("VP8L", tc.width, tc.height, tc.size)
		info, err := Inspect(bytes.NewReader(data), int64(len(data)), DefaultLimits(1<<40))
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Memory >> 20; got < tc.least || got > tc.most {
			t.Errorf("%d×%d in %d bytes: %d MiB, want %d to %d", tc.width, tc.height, tc.size, got, tc.least, tc.most)
		}
	}
}

func TestMemoryBoundIncludesTallImages(t *testing.T) {
	info := Info{Width: 1600, Height: 16384, Orientation: 1, Memory: 100 << 20}
	for width, want := range map[int]bool{200: true, 1600: false} {
		_, err := info.memory(DefaultLimits(300<<20), []Target{{Width: width}})
		var r *RejectedError
		if (err == nil) != want || err != nil && (!errors.As(err, &r) || r.Reason != TooMuchMemory) {
			t.Errorf("memory at width %d: %v, want accepted = %v", width, err, want)
		}
	}
}

func TestRendererStaysWithinItsMemory(t *testing.T) {
	data := jpegOf(t, photo(500, 500))
	info, err := Inspect(bytes.NewReader(data), int64(len(data)), limits)
	if err != nil {
		t.Fatal(err)
	}
	r := NewRenderer(info.Memory*3/2, time.Minute)
	held := make(chan struct{})
	opened := make(chan struct{}, 100)
	open := func(context.Context) (io.ReadCloser, error) {
		opened <- struct{}{}
		if len(opened) == 2 { // the second call of open for the first picture follows the memory reservation
			<-held
		}
		return io.NopCloser(bytes.NewReader(data)), nil
	}
	first := make(chan error)
	go func() {
		_, err := r.Render(context.WithoutCancel(t.Context()), int64(len(data)), open, []Target{{Width: 100}})
		first <- err
	}()
	for len(opened) < 2 {
		time.Sleep(time.Millisecond)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := r.Render(ctx, int64(len(data)), open, []Target{{Width: 100}}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("second Render: %v, want DeadlineExceeded while the memory is in use", err)
	}
	close(held)
	if err := <-first; err != nil {
		t.Error(err)
	}
	if _, err := r.Render(t.Context(), int64(len(data)), open, []Target{{Width: 100}}); err != nil {
		t.Errorf("Render after the memory is released: %v", err)
	}
}

func TestErrorOfTheStoreIsNotARejection(t *testing.T) {
	unavailable := errors.New("unavailable")
	var r *RejectedError
	_, err := NewRenderer(512<<20, time.Minute).Render(t.Context(), 10,
		func(context.Context) (io.ReadCloser, error) { return nil, unavailable }, []Target{{Width: 100}})
	if !errors.Is(err, unavailable) || errors.As(err, &r) {
		t.Errorf("err = %v", err)
	}
}

// The golden hashes come from the reference implementation, https://github.com/evanw/thumbhash, for the same pixels.
func TestThumbhashEqualsTheReference(t *testing.T) {
	for name, m := range map[string]image.Image{
		"odd": pattern(37, 31, 255), "wide": pattern(100, 50, 255), "tall": pattern(40, 80, 255), "alpha": pattern(60, 40, 51),
	} {
		want := strings.TrimSpace(string(read(t, "thumbhash-"+name+".txt")))
		got := base64.StdEncoding.EncodeToString(hash(m, m.Bounds().Dx(), m.Bounds().Dy()))
		if got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}

// pattern returns a picture without symmetry, so that rounding cannot change the sign of a zero coefficient.
func pattern(w, h int, alpha uint8) *image.NRGBA {
	m := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			c := color.NRGBA{uint8(3*x + y*y/3), uint8(x*x/7 + x*y/5), uint8(200 - 2*y + x/3 + y*y/9), 255}
			if x > 20 {
				c.A = alpha
			}
			m.SetNRGBA(x, y, c)
		}
	}
	return m
}

func FuzzInspect(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		info, err := Inspect(bytes.NewReader(b), int64(len(b)), limits)
		var r *RejectedError
		if err != nil && !errors.As(err, &r) {
			t.Fatalf("err = %v, want a RejectedError", err)
		}
		if err == nil && (info.Width < 1 || info.Height < 1 || info.Orientation < 1 || info.Orientation > 8 || info.Memory < int64(len(b))) {
			t.Fatalf("info = %+v", info)
		}
	})
}

func FuzzRender(f *testing.F) {
	seeds(f)
	tiny := Limits{Bytes: 1 << 16, Pixels: 1 << 14, Side: 256, Memory: 20 << 20}
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := Render(t.Context(), b, tiny, []Target{{Width: 16}, {Width: 3, KeepPNG: true}})
		var r *RejectedError
		if err != nil && !errors.As(err, &r) {
			t.Fatalf("err = %v, want a RejectedError", err)
		}
		if err == nil {
			for _, r := range p.Images {
				pixels(t, r)
			}
		}
	})
}

// seeds adds the hostile inputs, the files of testdata and pictures with metadata.
func seeds(f *testing.F) {
	for _, tc := range hostile(f) {
		f.Add(tc.data)
	}
	entries, err := os.ReadDir("testdata")
	if err != nil {
		f.Fatal(err)
	}
	for _, e := range entries {
		if !e.IsDir() && !strings.HasSuffix(e.Name(), ".txt") {
			f.Add(read(f, e.Name()))
		}
	}
	f.Add(insert(jpegOf(f, quarters(20, 30)), 2, segment(0xe1, exif(6))))
	f.Add(insert(pngOf(f, pattern(30, 20, 51)), 33, pngProfile(profile("P3", 0))))
}

func BenchmarkRender12MP(b *testing.B) {
	data := jpegOf(b, photo(4000, 3000))
	b.ReportAllocs()
	for b.Loop() {
		render(b, data, Target{Width: 200}, Target{Width: 400}, Target{Width: 800}, Target{Width: 1600})
	}
}

func BenchmarkReject16000(b *testing.B) {
	data := claims(0xc2, 16000, 16000)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Render(b.Context(), data, limits, []Target{{Width: 200}}); err == nil {
			b.Fatal("Render succeeded, want a RejectedError")
		}
	}
}
