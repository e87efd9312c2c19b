package table

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	textunicode "golang.org/x/text/encoding/unicode"
)

// decoder decodes a text to UTF-8. All encodings that it detects without a byte order mark have ASCII as a part, so it
// passes ASCII on and detects the encoding at the first other byte, from the text that follows it. A file whose first
// name with an accent is on line 100,000 is decoded right.
type decoder struct {
	in     *bufio.Reader
	text   io.Reader // nil until the encoding is known
	name   string    // of the encoding; "" until it is known
	last   byte      // the last ASCII character that Read returned
	failed error     // the encoding that no candidate fits
}

// newDecoder returns a decoder of in, whose buffer has sampleBytes. label is a label of the WHATWG encoding standard, or
// "" to detect the encoding.
func newDecoder(in *bufio.Reader, label string) (*decoder, error) {
	d := &decoder{in: in}
	sample, _ := in.Peek(64 << 10)
	switch {
	case bytes.HasPrefix(sample, []byte("\ufeff")):
		_, _ = in.Discard(3)
		d.text, d.name = in, "UTF-8 with BOM"
	case bytes.HasPrefix(sample, []byte("\xff\xfe")):
		_, _ = in.Discard(2)
		d.use(textunicode.UTF16(textunicode.LittleEndian, textunicode.IgnoreBOM), "UTF-16LE with BOM")
	case bytes.HasPrefix(sample, []byte("\xfe\xff")):
		_, _ = in.Discard(2)
		d.use(textunicode.UTF16(textunicode.BigEndian, textunicode.IgnoreBOM), "UTF-16BE with BOM")
	case label != "":
		e, err := htmlindex.Get(label)
		if err != nil {
			return nil, fmt.Errorf("unknown encoding; examples: utf-8, utf-16le, euc-kr, shift_jis, windows-1252, gb18030, big5")
		}
		name, _ := htmlindex.Name(e)
		d.use(e, name)
		if name == "utf-8" {
			d.text = in // the decoder would replace invalid bytes, which rows report
		}
	default:
		d.detectUTF16(sample)
	}
	return d, nil
}

// use decodes the rest of the input with e.
func (d *decoder) use(e encoding.Encoding, name string) {
	d.text, d.name = e.NewDecoder().Reader(d.in), name
}

// detectUTF16 detects UTF-16 without a byte order mark by the zero bytes of its ASCII characters, such as line breaks and
// delimiters, which are all even or all odd.
func (d *decoder) detectUTF16(sample []byte) {
	var zeros [2]int
	for i, c := range sample {
		if c == 0 {
			zeros[i%2]++
		}
	}
	const share = 5 // one in 5 pairs has a zero byte even in Korean texts: digits, delimiters, line breaks
	switch pairs := len(sample) / 2; {
	case zeros[1]*share > pairs && zeros[0]*share < zeros[1]:
		d.use(textunicode.UTF16(textunicode.LittleEndian, textunicode.IgnoreBOM), "UTF-16LE")
	case zeros[0]*share > pairs && zeros[1]*share < zeros[0]:
		d.use(textunicode.UTF16(textunicode.BigEndian, textunicode.IgnoreBOM), "UTF-16BE")
	}
}

// Read implements io.Reader.
func (d *decoder) Read(p []byte) (int, error) {
	if d.text != nil {
		return d.text.Read(p)
	}
	if d.failed != nil {
		return 0, d.failed
	}
	if _, err := d.in.Peek(1); err != nil {
		return 0, err
	}
	ahead, _ := d.in.Peek(min(len(p), d.in.Buffered()))
	if n := asciiPrefix(ahead); n > 0 {
		copy(p, ahead[:n])
		d.last = ahead[n-1]
		_, _ = d.in.Discard(n)
		return n, nil
	}
	sample, err := d.in.Peek(sampleBytes)
	e, name := detectEncoding(append([]byte{d.last}, sample...), err != nil)
	switch {
	case name == "":
		d.failed = fmt.Errorf("encoding is not UTF-8, UTF-16, CP949, Shift_JIS or windows-1252; name it with -encoding")
	case e == nil:
		d.text, d.name = d.in, name
	default:
		d.use(e, name)
	}
	return d.Read(p)
}

// asciiPrefix returns the number of ASCII bytes at the start of b.
func asciiPrefix(b []byte) int {
	for i, c := range b {
		if c >= utf8.RuneSelf {
			return i
		}
	}
	return len(b)
}

// detectEncoding returns the encoding of a text whose second byte is beyond ASCII, nil for UTF-8. The name is "" if no
// candidate fits. whole reports that sample is not cut off.
//
// UTF-8 wins if most of its sequences are valid, because texts of other encodings hardly ever have a valid one. The other
// candidates are compared by the mean weight of their characters beyond ASCII; see weigh.
func detectEncoding(sample []byte, whole bool) (encoding.Encoding, string) {
	valid, invalid := 0, 0
	for b := sample; len(b) > 0; {
		r, n := utf8.DecodeRune(b)
		switch {
		case r == utf8.RuneError && n == 1 && (whole || utf8.FullRune(b)):
			invalid++
		case n > 1:
			valid++
		}
		b = b[n:]
	}
	if valid > invalid {
		return nil, "UTF-8"
	}
	best, bestName, bestWeight := encoding.Encoding(nil), "", 0.3 // below, no candidate is plausible
	for _, candidate := range []struct {
		e    encoding.Encoding
		name string
	}{{charmap.Windows1252, "windows-1252"}, {korean.EUCKR, "CP949"}, {japanese.ShiftJIS, "Shift_JIS"}} {
		text, err := candidate.e.NewDecoder().Bytes(sample)
		if err != nil {
			continue
		}
		if w := weigh(bytes.Runes(text), candidate.e); w > bestWeight {
			best, bestName, bestWeight = candidate.e, candidate.name, w
		}
	}
	return best, bestName
}

// weigh returns the mean weight of the characters beyond ASCII of a text that was decoded with e: 1 for a letter that is
// common in its languages, little for one that is rare, negative for one that shows a wrong encoding.
func weigh(text []rune, e encoding.Encoding) float64 {
	isASCIILetter := func(i int) bool {
		return i >= 0 && i < len(text) && text[i] < utf8.RuneSelf && unicode.IsLetter(text[i])
	}
	sum, n := 0., 0.
	for i, r := range text {
		if r < utf8.RuneSelf {
			continue
		}
		n++
		switch {
		case r == utf8.RuneError:
			sum -= 5
		case r < 0xa0: // C1 controls: windows-1252 has no characters there
			sum -= 5
		case e == charmap.Windows1252:
			switch isLetter := unicode.IsLetter(r); {
			case isLetter && (isASCIILetter(i-1) || isASCIILetter(i+1)):
				sum++
			case !isLetter && r >= 0x2000: // quotes and dashes
				sum += 0.5
			case isLetter && (i > 0 && text[i-1] >= utf8.RuneSelf || i+1 < len(text) && text[i+1] >= utf8.RuneSelf):
				sum -= 0.5
			case isLetter: // a word of one letter, such as à
				sum += 0.5
			}
		case unicode.Is(unicode.Hangul, r):
			// KS X 1001 has the common syllables; CP949 adds 8,822 rare ones, which random bytes hit.
			if code, err := korean.EUCKR.NewEncoder().Bytes([]byte(string(r))); err == nil && code[0] >= 0xa1 && code[1] >= 0xa1 {
				sum++
			} else {
				sum += 0.2
			}
		case r >= 0xff61 && r <= 0xff9f: // halfwidth katakana: single bytes, which Korean texts hit
			sum -= 0.3
		case unicode.In(r, unicode.Hiragana, unicode.Katakana):
			sum++
		case e == japanese.ShiftJIS && unicode.Is(unicode.Han, r):
			// JIS X 0208 has the common ideographs in its first level, lead bytes 88 to 97.
			if code, err := japanese.ShiftJIS.NewEncoder().Bytes([]byte(string(r))); err == nil && code[0] <= 0x97 {
				sum += 0.9
			} else {
				sum += 0.2
			}
		case unicode.Is(unicode.Han, r):
			sum += 0.1
		case r >= 0x3000 && r <= 0x303f: // CJK punctuation
			sum += 0.5
		}
	}
	if n == 0 {
		return 0
	}
	return sum / n
}
