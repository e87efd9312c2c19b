package picture

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"io"
)

// Inspect reads a picture's header from r, whose size it is told, and no further. What it refuses
// is a *RejectedError; any other error is one of r.
func Inspect(r io.Reader, size int64, limits Limits) (Info, error) {
	switch {
	case size == 0:
		return Info{}, reject(Empty, "it has no bytes")
	case size > limits.Bytes:
		return Info{}, reject(TooLarge, "%d bytes, more than %d", size, limits.Bytes)
	}
	h := &header{r: bufio.NewReaderSize(r, 4096), size: size, limits: limits, info: Info{Orientation: 1}}
	err := h.read()
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = reject(Damaged, "it ends within the header")
	}
	if err != nil {
		return Info{}, err
	}
	return h.info, h.check()
}

// header reads one.
type header struct {
	r      *bufio.Reader
	size   int64
	limits Limits

	info    Info
	profile []byte // as found, sound or not
	grey    bool   // no colour
	cmyk    bool
	scratch [16]byte
}

func (h *header) read() error {
	magic, err := h.r.Peek(16)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	switch {
	case bytes.HasPrefix(magic, []byte("\xff\xd8\xff")):
		h.info.Type = JPEG
		return h.jpeg()
	case bytes.HasPrefix(magic, []byte("\x89PNG\r\n\x1a\n")):
		h.info.Type = PNG
		return h.png()
	case bytes.HasPrefix(magic, []byte("GIF87a")), bytes.HasPrefix(magic, []byte("GIF89a")):
		h.info.Type = GIF
		return h.gif()
	case bytes.HasPrefix(magic, []byte("RIFF")) && len(magic) >= 12 && string(magic[8:12]) == "WEBP":
		h.info.Type = WebP
		return h.webp()
	}
	return reject(UnknownType, "its bytes are no JPEG, PNG, GIF or WebP")
}

// bounds holds width and height against the limits.
func (h *header) bounds() error {
	i := &h.info
	if i.Width < 1 || i.Height < 1 {
		return reject(Damaged, "%d×%d pixels", i.Width, i.Height)
	}
	if i.Width > h.limits.Side || i.Height > h.limits.Side {
		return reject(TooManyPixels, "%d×%d, more than %d a side", i.Width, i.Height, h.limits.Side)
	}
	if int64(i.Width)*int64(i.Height) > h.limits.Pixels {
		return reject(TooManyPixels, "%d×%d, more than %d in all", i.Width, i.Height, h.limits.Pixels)
	}
	return nil
}

// check holds what was read against the limits.
func (h *header) check() error {
	i := &h.info
	if err := h.bounds(); err != nil {
		return err
	}
	if i.Memory > h.limits.Memory {
		return reject(TooMuchMemory, "decoding takes %d bytes, more than %d", i.Memory, h.limits.Memory)
	}
	if keeps(h.profile, h.grey, h.cmyk) {
		i.Profile = h.profile
	}
	return nil
}

// working is what renditions take besides the decoded picture and their own pixels: rows, levels and what
// encoders hold.
const working = 16 << 20

// estimate sets the memory: what the decoder holds, and the planes that are made of it unless it
// hands out planes itself.
func (h *header) estimate(decoded, planes int64) {
	h.info.Memory = h.size + decoded + planes + working
}

func (h *header) full(b []byte) error {
	_, err := io.ReadFull(h.r, b)
	return err
}

// skip skips n bytes without holding them.
func (h *header) skip(n int64) error {
	_, err := io.CopyN(io.Discard, h.r, n)
	return err
}

// take reads a block of n bytes when it is at most most, else skips it and returns nil.
func (h *header) take(n, most int64) ([]byte, error) {
	if n > most {
		return nil, h.skip(n)
	}
	b := make([]byte, n)
	return b, h.full(b)
}

// jpeg reads segments up to the first scan: https://www.w3.org/Graphics/JPEG/itu-t81.pdf, annex B.
func (h *header) jpeg() error {
	if err := h.skip(2); err != nil {
		return err
	}
	framed := false
	for {
		marker, err := h.marker()
		if err != nil {
			return err
		}
		if marker == 0xd9 {
			return reject(Damaged, "the JPEG ends before its first scan")
		}
		if marker >= 0xd0 && marker <= 0xd8 || marker == 0x01 {
			continue // these stand alone
		}
		if err := h.full(h.scratch[:2]); err != nil {
			return err
		}
		n := int64(binary.BigEndian.Uint16(h.scratch[:])) - 2
		if n < 0 {
			return reject(Damaged, "a JPEG segment of negative length")
		}
		switch {
		case marker == 0xda:
			if !framed {
				return reject(Damaged, "the JPEG has a scan before its frame")
			}
			return nil
		case marker == 0xc0 || marker == 0xc1 || marker == 0xc2:
			if framed {
				return reject(Damaged, "the JPEG has two frames")
			}
			framed = true
			h.info.Progressive = marker == 0xc2
			err = h.frame(n)
		case marker >= 0xc3 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc:
			return reject(Unsupported, "JPEG of the kind SOF%d", marker-0xc0)
		case marker == 0xe1:
			err = h.segment(n, "Exif\x00\x00", func(b []byte) { h.info.Orientation = orientation(b) })
		case marker == 0xe2:
			err = h.segment(n, "ICC_PROFILE\x00", h.profilePart)
		default:
			err = h.skip(n)
		}
		if err != nil {
			return err
		}
	}
}

// marker returns the next marker. Like the decoder, it passes over what is between segments.
func (h *header) marker() (byte, error) {
	for {
		b, err := h.r.ReadByte()
		if err != nil {
			return 0, err
		}
		for b == 0xff {
			if b, err = h.r.ReadByte(); err != nil {
				return 0, err
			}
			if b != 0xff && b != 0 {
				return b, nil
			}
		}
	}
}

// segment hands what follows the label of a segment that has it to use.
func (h *header) segment(n int64, label string, use func([]byte)) error {
	b, err := h.take(n, 1<<16)
	if err != nil {
		return err
	}
	if rest, ok := bytes.CutPrefix(b, []byte(label)); ok {
		use(rest)
	}
	return nil
}

// profilePart adds a part of an ICC profile, which begins with its number and their count.
func (h *header) profilePart(b []byte) {
	if len(b) < 2 || len(h.profile)+len(b) > 2*maxProfile {
		return
	}
	h.profile = append(h.profile, b[2:]...)
}

// frame reads a frame header, and refuses what the bytes of the file cannot fill.
func (h *header) frame(n int64) error {
	b, err := h.take(n, 255)
	if err != nil {
		return err
	}
	if len(b) < 6 || len(b) != 6+3*int(b[5]) {
		return reject(Damaged, "a JPEG frame of %d bytes", n)
	}
	if b[0] != 8 {
		return reject(Unsupported, "JPEG of %d bits", b[0])
	}
	i := &h.info
	i.Height, i.Width = int(binary.BigEndian.Uint16(b[1:])), int(binary.BigEndian.Uint16(b[3:]))
	if err := h.bounds(); err != nil {
		return err
	}
	components := b[6:]
	var hMax, vMax, perUnit int64
	for c := components; len(c) > 0; c = c[3:] {
		ch, cv := int64(c[1]>>4), int64(c[1]&15)
		if ch < 1 || ch > 4 || cv < 1 || cv > 4 {
			return reject(Damaged, "a JPEG component sampled %d×%d", ch, cv)
		}
		hMax, vMax, perUnit = max(hMax, ch), max(vMax, cv), perUnit+ch*cv
	}
	h.grey, h.cmyk = len(components) == 3, len(components) == 12
	if h.grey {
		hMax, vMax, perUnit = 1, 1, 1 // a lone component is not interleaved, whatever its sampling
	}
	if hMax == 0 {
		return reject(Damaged, "a JPEG frame without components")
	}
	unit := func(side int, most int64) int64 { return (int64(side) + 8*most - 1) / (8 * most) }
	blocks := unit(i.Width, hMax) * unit(i.Height, vMax) * perUnit
	// A block has a DC code, and in a sequential JPEG an end of block too: a bit each at the least.
	// AC scans of a progressive one may be all runs, which take next to nothing.
	bits := blocks
	if !i.Progressive {
		bits *= 2
	}
	if h.size < bits/8 {
		return reject(TooFewBytes, "%d×%d pixels take more than %d bytes", i.Width, i.Height, h.size)
	}
	decoded := blocks * 64
	if i.Progressive {
		decoded += blocks * 64 * 4 // the coefficients, as 32-bit numbers
	}
	pixels := int64(i.Width) * int64(i.Height)
	var planes int64
	if !h.grey {
		// JPEG in RGB, which its component ids may say, is gathered into one; so is CMYK. Then planes are made of it.
		if h.cmyk || components[0] == 'R' {
			decoded += 4 * pixels
			planes = 3 * pixels
		}
	}
	h.estimate(decoded, planes)
	return nil
}

// png reads chunks up to the first of image data: https://www.w3.org/TR/png-3/.
func (h *header) png() error {
	if err := h.skip(8); err != nil {
		return err
	}
	for first := true; ; first = false {
		if err := h.full(h.scratch[:8]); err != nil {
			return err
		}
		n, kind := int64(binary.BigEndian.Uint32(h.scratch[:])), string(h.scratch[4:8])
		if n > 1<<31-1 {
			return reject(Damaged, "a PNG chunk of %d bytes", n)
		}
		if first != (kind == "IHDR") {
			return reject(Damaged, "the PNG has no header where it belongs")
		}
		var err error
		switch kind {
		case "IDAT":
			return nil
		case "IEND":
			return reject(Damaged, "the PNG has no image data")
		case "IHDR":
			err = h.ihdr(n)
		case "acTL":
			h.info.Animated = true
			err = h.skip(n)
		case "eXIf":
			err = h.chunk(n, func(b []byte) { h.info.Orientation = orientation(b) })
		case "iCCP":
			err = h.chunk(n, func(b []byte) { h.profile = inflateProfile(b) })
		default:
			err = h.skip(n)
		}
		if err == nil {
			err = h.skip(4) // the checksum, which the decoder checks
		}
		if err != nil {
			return err
		}
	}
}

func (h *header) chunk(n int64, use func([]byte)) error {
	b, err := h.take(n, 1<<16)
	if err != nil {
		return err
	}
	if b != nil {
		use(b)
	}
	return nil
}

func (h *header) ihdr(n int64) error {
	if n != 13 {
		return reject(Damaged, "a PNG header of %d bytes", n)
	}
	b := h.scratch[:13]
	if err := h.full(b); err != nil {
		return err
	}
	width, height := binary.BigEndian.Uint32(b), binary.BigEndian.Uint32(b[4:])
	if width > 1<<31-1 || height > 1<<31-1 {
		return reject(Damaged, "a PNG of %d×%d", width, height)
	}
	i := &h.info
	i.Width, i.Height, i.Progressive = int(width), int(height), b[12] != 0
	// Greyscale with alpha comes as four channels, and of palettes only the index is held. With a
	// colour that is transparent, grey or RGB may come with alpha: reckon with the most.
	perPixel, planes := int64(4), int64(4)
	switch b[9] {
	case 0:
		h.grey = true
	case 3:
		perPixel = 1
	}
	if b[8] == 16 {
		perPixel *= 2
	}
	if err := h.bounds(); err != nil {
		return err
	}
	pixels := int64(i.Width) * int64(i.Height)
	decoded := pixels * perPixel
	if i.Progressive {
		decoded *= 2 // each pass is decoded on its own first
	}
	h.estimate(decoded, pixels*planes)
	return nil
}

// gif reads the screen, and the first blocks: https://www.w3.org/Graphics/GIF/spec-gif89a.txt.
func (h *header) gif() error {
	b := h.scratch[:13]
	if err := h.full(b); err != nil {
		return err
	}
	i := &h.info
	i.Width, i.Height = int(binary.LittleEndian.Uint16(b[6:])), int(binary.LittleEndian.Uint16(b[8:]))
	if b[10]&0x80 != 0 {
		if err := h.skip(3 << (b[10]&7 + 1)); err != nil {
			return err
		}
	}
	for {
		kind, err := h.r.ReadByte()
		if err != nil {
			return err
		}
		switch kind {
		case 0x21:
			err = h.extension()
		case 0x2c:
			// Only animations say how often they repeat; who does not is rendered alike.
			pixels := int64(i.Width) * int64(i.Height)
			h.estimate(2*pixels, 4*pixels)
			return nil
		default:
			return reject(Damaged, "the GIF has no frame")
		}
		if err != nil {
			return err
		}
	}
}

func (h *header) extension() error {
	label, err := h.r.ReadByte()
	if err != nil {
		return err
	}
	if label == 0xff {
		h.info.Animated = true
	}
	for {
		n, err := h.r.ReadByte()
		if err != nil || n == 0 {
			return err
		}
		if err := h.skip(int64(n)); err != nil {
			return err
		}
	}
}

// webp reads chunks: https://developers.google.com/speed/webp/docs/riff_container. EXIF follows the
// image data, so that is passed over when the header says that there is EXIF.
func (h *header) webp() error {
	if err := h.skip(12); err != nil {
		return err
	}
	var seen, wantsEXIF bool
	for first := true; ; first = false {
		err := h.full(h.scratch[:8])
		if seen && (errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)) {
			return nil
		}
		if err != nil {
			return err
		}
		kind, n := string(h.scratch[:4]), int64(binary.LittleEndian.Uint32(h.scratch[4:]))
		left := n + n&1
		switch {
		case kind == "VP8X" && first && n == 10:
			b := h.scratch[:10]
			if err := h.full(b); err != nil {
				return err
			}
			left -= n
			if b[0]&2 != 0 {
				return reject(Unsupported, "an animated WebP")
			}
			wantsEXIF = b[0]&8 != 0
			h.canvas(int(b[4])|int(b[5])<<8|int(b[6])<<16+1, int(b[7])|int(b[8])<<8|int(b[9])<<16+1, b[0]&16 != 0)
		case (kind == "VP8 " || kind == "VP8L") && !seen:
			seen = true
			b := h.scratch[:min(n, 10)]
			if err := h.full(b); err != nil {
				return err
			}
			left -= int64(len(b))
			if err := h.bitstream(kind, b, n); err != nil || !wantsEXIF {
				return err
			}
			if err := h.check(); err != nil {
				return err
			}
		case kind == "ALPH" && !seen:
			h.trees(n)
		case kind == "ICCP" && !seen:
			if err := h.chunk(n, func(b []byte) { h.profile = b }); err != nil {
				return err
			}
			left -= n
		case kind == "EXIF":
			if err := h.chunk(n, func(b []byte) { h.info.Orientation = orientation(b) }); err != nil {
				return err
			}
			return nil
		}
		if err := h.skip(left); err != nil && !(seen && errors.Is(err, io.EOF)) {
			return err
		}
	}
}

// bitstream reads the beginning of a WebP's lossy or lossless data, which is n bytes long.
func (h *header) bitstream(kind string, b []byte, n int64) error {
	var width, height int
	alpha := false
	switch {
	case kind == "VP8 " && len(b) == 10 && b[0]&1 == 0 && b[3] == 0x9d && b[4] == 0x01 && b[5] == 0x2a:
		width, height = int(binary.LittleEndian.Uint16(b[6:])&0x3fff), int(binary.LittleEndian.Uint16(b[8:])&0x3fff)
	case kind == "VP8L" && len(b) >= 5 && b[0] == 0x2f:
		v := binary.LittleEndian.Uint32(b[1:])
		width, height, alpha = int(v&0x3fff)+1, int(v>>14&0x3fff)+1, true
	default:
		return reject(Damaged, "WebP data begins with neither a key frame nor a lossless picture")
	}
	if i := h.info; i.Width != 0 && (i.Width != width || i.Height != height) {
		return reject(Damaged, "a WebP of %d×%d holds %d×%d", i.Width, i.Height, width, height)
	}
	if h.info.Width == 0 || alpha {
		h.canvas(width, height, alpha)
	}
	if alpha {
		h.trees(n)
	}
	return nil
}

// trees adds what the prefix codes of lossless data may take, of n bytes: the decoder holds all groups of them,
// one for each block of 4 by 4 pixels at most. A group of full trees takes 56 KiB with the largest colour
// cache, from some 210 bytes of data at least, and less in proportion without (RFC 9649, section 6).
func (h *header) trees(n int64) {
	const group, perByte = 56 << 10, 270
	blocks := int64(h.info.Width+3) / 4 * (int64(h.info.Height+3) / 4)
	h.info.Memory += min(blocks*group, min(n, h.size)*perByte)
}

func (h *header) canvas(width, height int, alpha bool) {
	h.info.Width, h.info.Height = width, height
	pixels := int64(width) * int64(height)
	if alpha {
		// Lossless data is decoded in place, of colour or of the alpha that goes with lossy data.
		h.estimate(10*pixels, 4*pixels)
		return
	}
	h.estimate(2*pixels, 0)
}
