package picture

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"io"
)

// Inspect reads the header of a picture of size bytes from r and no further. The error is a *RejectedError if the picture
// is over a limit, unsupported or damaged; any other error comes from r. Its own memory is bounded by 64 KiB for each
// metadata block and 128 KiB for the profile, whatever the header claims.
func Inspect(r io.Reader, size int64, limits Limits) (Info, error) {
	switch {
	case size == 0:
		return Info{}, reject(Empty, "the file is empty")
	case size > limits.Bytes:
		return Info{}, reject(TooLarge, "%d bytes, more than %d", size, limits.Bytes)
	}
	h := &header{r: bufio.NewReaderSize(r, 4096), size: size, limits: limits, info: Info{Orientation: 1}}
	err := h.read()
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = reject(Damaged, "the file ends within the header")
	}
	if err != nil {
		return Info{}, err
	}
	return h.info, h.check()
}

// header parses the header of one picture.
type header struct {
	r      *bufio.Reader
	size   int64
	limits Limits

	info    Info
	profile []byte // ICC profile, not validated
	grey    bool   // one color component
	cmyk    bool   // four color components
	scratch [16]byte
}

// read detects the type from the magic bytes and parses the header of that type.
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
	return reject(UnknownType, "the file is not a JPEG, PNG, GIF or WebP")
}

// checkBounds checks width and height against the limits.
func (h *header) checkBounds() error {
	i := &h.info
	if i.Width < 1 || i.Height < 1 {
		return reject(Damaged, "%d×%d pixels", i.Width, i.Height)
	}
	if i.Width > h.limits.Side || i.Height > h.limits.Side {
		return reject(TooManyPixels, "%d×%d pixels, more than %d a side", i.Width, i.Height, h.limits.Side)
	}
	if int64(i.Width)*int64(i.Height) > h.limits.Pixels {
		return reject(TooManyPixels, "%d×%d pixels, more than %d in total", i.Width, i.Height, h.limits.Pixels)
	}
	return nil
}

// check checks the parsed header against the limits and drops a profile that images do not carry over.
func (h *header) check() error {
	i := &h.info
	if err := h.checkBounds(); err != nil {
		return err
	}
	if i.Memory > h.limits.Memory {
		return reject(TooMuchMemory, "decoding takes %d bytes, more than %d", i.Memory, h.limits.Memory)
	}
	if isProfileKept(h.profile, h.grey, h.cmyk) {
		i.Profile = h.profile
	}
	return nil
}

// workingMemory is the allowance, in bytes, for rows, pyramid levels and encoder state, whatever the picture.
const workingMemory = 16 << 20

// estimate sets the memory bound: the file, the decoder's output, and the planes converted from it. planes is 0 if the
// decoder's output consists of planes.
func (h *header) estimate(decoded, planes int64) {
	h.info.Memory = h.size + decoded + planes + workingMemory
}

// full fills b.
func (h *header) full(b []byte) error {
	_, err := io.ReadFull(h.r, b)
	return err
}

// skip discards n bytes.
func (h *header) skip(n int64) error {
	_, err := io.CopyN(io.Discard, h.r, n)
	return err
}

// take returns the next n bytes. It discards them and returns nil if n is over limit.
func (h *header) take(n, limit int64) ([]byte, error) {
	if n > limit {
		return nil, h.skip(n)
	}
	b := make([]byte, n)
	return b, h.full(b)
}

// JPEG markers (T.81, table B.1). The second byte of a marker follows 0xff.
const (
	markerTEM  = 0x01 // for private use in arithmetic coding; has no length
	markerSOF0 = 0xc0 // frame: baseline
	markerSOF1 = 0xc1 // frame: extended sequential
	markerSOF2 = 0xc2 // frame: progressive
	markerSOF3 = 0xc3 // frame: lossless; no decoder here from this one on
	markerDHT  = 0xc4 // Huffman tables
	markerJPG  = 0xc8 // reserved
	markerDAC  = 0xcc // arithmetic coding conditions
	markerSOFF = 0xcf // the last frame type, SOF15
	markerRST0 = 0xd0 // restart markers RST0 to RST7 and SOI have no length
	markerSOI  = 0xd8 // start of image
	markerEOI  = 0xd9 // end of image
	markerSOS  = 0xda // start of scan
	markerAPP1 = 0xe1 // EXIF
	markerAPP2 = 0xe2 // ICC profile
)

// jpeg parses the segments before the first scan: https://www.w3.org/Graphics/JPEG/itu-t81.pdf, annex B.
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
		if marker == markerEOI {
			return reject(Damaged, "the JPEG ends before its first scan")
		}
		if marker >= markerRST0 && marker <= markerSOI || marker == markerTEM {
			continue
		}
		if err := h.full(h.scratch[:2]); err != nil {
			return err
		}
		n := int64(binary.BigEndian.Uint16(h.scratch[:])) - 2
		if n < 0 {
			return reject(Damaged, "a JPEG segment of negative length")
		}
		switch {
		case marker == markerSOS:
			if !framed {
				return reject(Damaged, "the JPEG has a scan before its frame")
			}
			return nil
		case marker == markerSOF0 || marker == markerSOF1 || marker == markerSOF2:
			if framed {
				return reject(Damaged, "the JPEG has two frames")
			}
			framed = true
			h.info.Progressive = marker == markerSOF2
			err = h.frame(n)
		case marker >= markerSOF3 && marker <= markerSOFF && marker != markerDHT && marker != markerJPG && marker != markerDAC:
			return reject(Unsupported, "JPEG of the kind SOF%d", marker-markerSOF0)
		case marker == markerAPP1:
			err = h.segment(n, "Exif\x00\x00", func(b []byte) { h.info.Orientation = orientation(b) })
		case marker == markerAPP2:
			err = h.segment(n, "ICC_PROFILE\x00", h.profilePart)
		default:
			err = h.skip(n)
		}
		if err != nil {
			return err
		}
	}
}

// marker returns the next marker. It skips bytes between segments, as the decoder does.
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

// segment calls use with the rest of a segment of n bytes that starts with label, and skips any other.
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

// profilePart appends a part of an ICC profile. A part starts with its number and the number of parts. Encoders write
// the parts in order; isProfileKept rejects a profile of the wrong length.
func (h *header) profilePart(b []byte) {
	if len(b) < 2 || len(h.profile)+len(b) > 2*maxProfile {
		return
	}
	h.profile = append(h.profile, b[2:]...)
}

// frame parses a frame header of n bytes (T.81, B.2.2) and rejects a frame whose blocks need more bytes than the
// file has. The layout is: precision in bits (1 byte), height (2), width (2), number of components (1), and for each
// component its id (1), horizontal and vertical sampling factors (4 bits each) and quantization table (1).
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
	if err := h.checkBounds(); err != nil {
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
		hMax, vMax, perUnit = 1, 1, 1 // a single component is not interleaved, so its sampling is irrelevant (T.81, A.2.2)
	}
	if hMax == 0 {
		return reject(Damaged, "a JPEG frame without components")
	}
	units := func(side int, sampling int64) int64 { return (int64(side) + 8*sampling - 1) / (8 * sampling) } // MCUs
	blocks := units(i.Width, hMax) * units(i.Height, vMax) * perUnit
	// Each block has a DC code and, in a sequential JPEG, an end-of-block code, of one bit or more. The AC scans of a
	// progressive JPEG may consist of runs of empty blocks, which need almost no bits.
	bits := blocks
	if !i.Progressive {
		bits *= 2
	}
	if h.size < bits/8 {
		return reject(TooFewBytes, "%d×%d pixels need more than %d bytes", i.Width, i.Height, h.size)
	}
	decoded := blocks * 64
	if i.Progressive {
		decoded += blocks * 64 * 4 // the decoder keeps the coefficients as 32-bit integers
	}
	pixels := int64(i.Width) * int64(i.Height)
	var planes int64
	if !h.grey {
		// The decoder interleaves RGB, which the component ids may declare, and CMYK; newSource converts them to planes.
		if h.cmyk || components[0] == 'R' {
			decoded += 4 * pixels
			planes = 3 * pixels
		}
	}
	h.estimate(decoded, planes)
	return nil
}

// png parses the chunks before the image data: https://www.w3.org/TR/png-3/, section 11.
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
			return reject(Damaged, "the first chunk of the PNG is not its only IHDR")
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
			err = h.skip(4) // the checksum; the decoder verifies it
		}
		if err != nil {
			return err
		}
	}
}

// chunk calls use with the data of a chunk of n bytes, or skips a chunk over 64 KiB.
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

// ihdr parses the IHDR chunk (PNG, third edition, section 11.2.1). The layout is: width (4 bytes), height (4), bit depth
// (1), color type (1), compression (1), filter (1), interlace method (1). Color type 0 is grey, 3 is a palette.
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
	// The decoder returns grey with alpha as four channels, and a palette as one index. A transparent color adds an alpha
	// channel to grey and RGB, so the bound assumes four channels for both.
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
	if err := h.checkBounds(); err != nil {
		return err
	}
	pixels := int64(i.Width) * int64(i.Height)
	decoded := pixels * perPixel
	if i.Progressive {
		decoded *= 2 // the decoder holds each pass of an interlaced picture apart from the result
	}
	h.estimate(decoded, pixels*planes)
	return nil
}

// gif parses the screen descriptor and the blocks before the first frame:
// https://www.w3.org/Graphics/GIF/spec-gif89a.txt, sections 18 to 26. The descriptor has the width (2 bytes, little endian),
// the height (2), flags (1; bit 7 announces a global color table of 2^(n+1) colors, n in bits 0 to 2), the background (1)
// and the aspect ratio (1), after a signature of 6 bytes.
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
			// Animated depends on the looping extension alone, since later frames are not read.
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

// extension skips an extension block. An application extension marks an animation.
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

// webp parses the RIFF chunks: https://developers.google.com/speed/webp/docs/riff_container. EXIF follows the image
// data, so webp skips the image data if the VP8X header declares EXIF. VP8X has flags (1 byte: 0x02 animation, 0x08 EXIF,
// 0x10 alpha), 3 reserved bytes, and the width and height minus one (3 bytes each, little endian).
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
				return reject(Unsupported, "the WebP is animated")
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

// bitstream parses the first bytes b of the lossy or lossless data, n bytes in all (RFC 6386, section 9.1; RFC 9649,
// section 3). A lossy key frame has the start code 9d 01 2a at byte 3 and sizes of 14 bits after it. Lossless data has
// the signature 2f and sizes minus one of 14 bits each.
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

// trees adds the bound of the memory for the prefix codes in n bytes of lossless data. The decoder holds all groups of
// codes, at most one for each block of 4 by 4 pixels. A group of full trees takes 56 KiB with the largest color cache
// and needs at least 210 bytes of data, so a byte accounts for 270 bytes of memory (RFC 9649, section 6).
func (h *header) trees(n int64) {
	const group, perByte = 56 << 10, 270
	blocks := int64(h.info.Width+3) / 4 * (int64(h.info.Height+3) / 4)
	h.info.Memory += min(blocks*group, min(n, h.size)*perByte)
}

// canvas sets the size and the memory bound of a WebP. Lossy data decodes to 4:2:0 planes of 1.5 bytes a pixel, rounded up
// to 2. Lossless data needs 4 bytes a pixel for the result, as much for the transforms, and the converted planes.
func (h *header) canvas(width, height int, alpha bool) {
	h.info.Width, h.info.Height = width, height
	pixels := int64(width) * int64(height)
	if alpha {
		// The decoder transforms lossless data in place, both for color and for the alpha of lossy data.
		h.estimate(10*pixels, 4*pixels)
		return
	}
	h.estimate(2*pixels, 0)
}
