package picture

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"hash/crc32"
	"io"
)

// orientation returns the EXIF orientation, 1 to 8, or 1 if the data is invalid or has none. The data is a TIFF header
// and a list of tags of 12 bytes: https://www.cipa.jp/std/documents/download_e.html?CIPA_DC-008-2024-E, section 4.5.
// A tag has an id (2 bytes), a type (2), a count (4) and the value or its offset (4). Orientation is a 16-bit value, which
// stands in the first two bytes of the value field.
func orientation(b []byte) int {
	const tag = 0x0112
	b = bytes.TrimPrefix(b, []byte("Exif\x00\x00")) // some encoders write the JPEG label in PNG and WebP too
	if len(b) < 8 {
		return 1
	}
	var order binary.ByteOrder
	switch string(b[:4]) {
	case "II*\x00":
		order = binary.LittleEndian
	case "MM\x00*":
		order = binary.BigEndian
	default:
		return 1
	}
	at := int64(order.Uint32(b[4:]))
	if at+2 > int64(len(b)) {
		return 1
	}
	b = b[at:]
	n := int(order.Uint16(b))
	for b = b[2:]; n > 0 && len(b) >= 12; b, n = b[12:], n-1 {
		if order.Uint16(b) != tag {
			continue
		}
		if o := int(order.Uint16(b[8:])); o >= 1 && o <= 8 {
			return o
		}
		return 1
	}
	return 1
}

// maxProfile is the length in bytes of the longest ICC profile that an image carries over. Display P3 has under 1 KiB; a
// longer profile would dominate a thumbnail.
const maxProfile = 64 << 10

// isProfileKept reports whether images should carry over a profile. Grey and CMYK pictures change their color model, so
// their profiles no longer apply. Viewers assume sRGB for an image without a profile. Offsets are those of the
// profile header: https://www.color.org/specification/ICC.1-2022-05.pdf, section 7.2.
func isProfileKept(p []byte, grey, cmyk bool) bool {
	if len(p) < 132 || len(p) > maxProfile || grey || cmyk {
		return false
	}
	if binary.BigEndian.Uint32(p) != uint32(len(p)) || string(p[36:40]) != "acsp" || string(p[16:20]) != "RGB " {
		return false
	}
	return !bytes.Contains(description(p), []byte("sRGB"))
}

// description returns the profile's text for people without its zero bytes, which turns UTF-16 of ASCII text into ASCII.
// The tag table starts at byte 128 with a count (4 bytes); an entry has a signature, an offset and a size (4 each)
// (ICC.1:2022, section 7.3).
func description(p []byte) []byte {
	n := int(binary.BigEndian.Uint32(p[128:]))
	for tags := p[132:]; n > 0 && len(tags) >= 12; tags, n = tags[12:], n-1 {
		if string(tags[:4]) != "desc" {
			continue
		}
		at, size := int64(binary.BigEndian.Uint32(tags[4:])), int64(binary.BigEndian.Uint32(tags[8:]))
		if at+size > int64(len(p)) {
			return nil
		}
		return bytes.ReplaceAll(p[at:at+size], []byte{0}, nil)
	}
	return nil
}

// inflateProfile returns the profile in a PNG's iCCP chunk (PNG, third edition, section 11.3.2.3), or nil if the chunk is
// invalid. It inflates one byte more than maxProfile, which isProfileKept then rejects.
func inflateProfile(chunk []byte) []byte {
	_, rest, ok := bytes.Cut(chunk, []byte{0})
	if !ok || len(rest) < 1 || rest[0] != 0 {
		return nil
	}
	z, err := zlib.NewReader(bytes.NewReader(rest[1:]))
	if err != nil {
		return nil
	}
	p, err := io.ReadAll(io.LimitReader(z, maxProfile+1))
	if err != nil {
		return nil
	}
	return p
}

// withProfile returns an encoded JPEG or PNG with a profile. The encoders of the standard library write none.
func withProfile(t Type, data, profile []byte) []byte {
	if len(profile) == 0 {
		return data
	}
	if t == JPEG {
		return insert(data, 2, jpegProfile(profile))
	}
	return insert(data, 8+25, pngProfile(profile)) // after the signature and IHDR
}

// insert returns data with b inserted at the given offset.
func insert(data []byte, at int, b []byte) []byte {
	out := make([]byte, 0, len(data)+len(b))
	return append(append(append(out, data[:at]...), b...), data[at:]...)
}

// jpegProfile returns the APP2 segments of a profile (ICC.1:2022, annex B.4). A segment has a label of 12 bytes, its number
// from 1 on, the number of segments, and a part of the profile.
func jpegProfile(profile []byte) []byte {
	const most = 65533 - 14 // a segment holds 65,533 bytes: the label, two numbers and a part of the profile
	parts := (len(profile) + most - 1) / most
	var out []byte
	for i := range parts {
		part := profile[i*most : min((i+1)*most, len(profile))]
		out = append(out, 0xff, 0xe2)
		out = binary.BigEndian.AppendUint16(out, uint16(2+14+len(part)))
		out = append(out, "ICC_PROFILE\x00"...)
		out = append(out, byte(i+1), byte(parts))
		out = append(out, part...)
	}
	return out
}

// pngProfile returns the iCCP chunk of a profile: a name, a zero byte, the compression method 0 (zlib), the compressed
// profile. A chunk starts with its length and ends with the CRC of its type and data.
func pngProfile(profile []byte) []byte {
	var body bytes.Buffer
	body.WriteString("iCCPicc\x00\x00")
	z := zlib.NewWriter(&body)
	_, _ = z.Write(profile) // writes to a Buffer cannot fail
	_ = z.Close()
	out := binary.BigEndian.AppendUint32(nil, uint32(body.Len()-4))
	out = append(out, body.Bytes()...)
	return binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(body.Bytes()))
}
