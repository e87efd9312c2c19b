package gazetteer

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/klauspost/compress/zstd"
)

// magic begins a file. It changes with the format.
const magic = "places1\n"

// maxBytes bounds the size of a file after decompression, and so the memory that a damaged file costs.
const maxBytes = 40 << 20

// windowBytes is the window of the compression.
const windowBytes = 8 << 20

// errFormat is the error for a file that Encode cannot have written.
var errFormat = errors.New("invalid gazetteer file")

// Source is a place with its names, as Encode takes it.
type Source struct {
	Place
	Words string            // the folded words of Name
	Own   []string          // folded words of other names of its own
	Also  map[string]string // alternate names for display by their folded words
}

// Encode returns the file of places. Country and part of a place refer to regions. Names of more than 255 bytes are left out.
// homonyms are countries with keys of names that several places have, none of them in places.
func Encode(regions []Region, places []Source, homonyms []string) ([]byte, error) {
	type reference struct {
		place   int // index in places
		kind    int // 0: the first name, 1: another name of its own, 2: an alternate name
		display string
	}
	type name struct {
		words string
		refs  []reference
	}
	byKey := map[string]*name{}
	add := func(words string, r reference) {
		if len(words) == 0 || len(words) > 255 {
			return
		}
		key := strings.ReplaceAll(words, " ", "")
		n := byKey[key]
		if n == nil {
			n = &name{words: words}
			byKey[key] = n
		}
		if r.kind < 2 && !slices.ContainsFunc(n.refs, func(o reference) bool { return o.kind < 2 }) {
			n.words = words
		}
		for i := range n.refs {
			if n.refs[i].place == r.place {
				return // kinds are added in ascending order
			}
		}
		n.refs = append(n.refs, r)
	}
	for i, p := range places {
		add(p.Words, reference{i, 0, p.Name})
	}
	for i, p := range places {
		for _, words := range p.Own {
			add(words, reference{i, 1, ""})
		}
	}
	for i, p := range places {
		for _, words := range slices.Sorted(maps.Keys(p.Also)) {
			add(words, reference{i, 2, p.Also[words]})
		}
	}
	keys := slices.Sorted(maps.Keys(byKey))
	order := make([]int, len(places)) // position in the file by index in places
	next := 0
	for _, key := range keys {
		for _, r := range byKey[key].refs {
			if r.kind == 0 {
				order[r.place] = next
				next++
			}
		}
	}
	if next != len(places) {
		return nil, fmt.Errorf("%d of %d places have a name of 1 to 255 bytes", next, len(places))
	}
	sorted := make([]*Source, len(places))
	for i, position := range order {
		sorted[position] = &places[i]
	}

	var w writer
	countries := map[string]int{}
	for _, p := range places {
		countries[p.Country] = 0
	}
	for _, r := range regions {
		countries[r.Country] = 0
	}
	codes := slices.Sorted(maps.Keys(countries))
	w.number(len(codes))
	for i, code := range codes {
		countries[code] = i
		w.text(code)
	}
	w.number(len(regions))
	for _, r := range regions {
		district := 0
		if r.District {
			district = 1
		}
		w.number(2*countries[r.Country] + district)
		w.text(r.Code)
		w.text(r.ISO)
		w.number(len(r.Names))
		for _, n := range r.Names {
			w.text(n)
		}
	}
	w.number(len(places))
	for _, p := range sorted {
		w.WriteByte(byte(countries[p.Country]))
	}
	for _, p := range sorted {
		w.number(p.Part + 1)
	}
	for _, p := range sorted {
		w.number(p.District + 1)
	}
	for _, p := range sorted {
		w.WriteByte(sizeOf(p.Population, p.Section))
	}
	ids, names := map[int]uint32{}, map[int]string{}
	for i, p := range sorted {
		if p.ID != 0 {
			ids[i] = p.ID
		}
		if p.Name != title(byKey[strings.ReplaceAll(p.Words, " ", "")].words) {
			names[i] = p.Name
		}
	}
	w.number(len(ids))
	last := 0
	for _, i := range slices.Sorted(maps.Keys(ids)) {
		w.number(i - last)
		w.number(int(ids[i]))
		last = i
	}
	w.sparse(names)

	var shared, suffixes, mains, alts, text, refs []byte
	displays := map[int]string{}
	previous := ""
	for i, key := range keys {
		n := byKey[key]
		common := 0
		if i%blockSize != 0 {
			for common < min(len(previous), len(n.words)) && previous[common] == n.words[common] {
				common++
			}
		}
		previous = n.words
		shared, suffixes = append(shared, byte(common)), append(suffixes, byte(len(n.words)-common))
		text = append(text, n.words[common:]...)
		// Of several places with one name the largest ones are kept.
		slices.SortStableFunc(n.refs, func(a, b reference) int {
			return cmp.Or(cmp.Compare(a.kind, b.kind), cmp.Compare(order[a.place], order[b.place]))
		})
		main, alt := 0, 0
		for _, r := range n.refs {
			if r.kind == 0 {
				main++
				continue
			}
			if alt == 255 {
				break
			}
			alt++
			v := uint32(order[r.place]) << 1
			if r.kind == 1 {
				v |= 1
			}
			refs = append(refs, byte(v), byte(v>>8), byte(v>>16))
			if r.display != "" && r.display != title(n.words) && displays[i] == "" {
				displays[i] = r.display
			}
		}
		if main > 255 {
			return nil, fmt.Errorf("%d places are called %q", main, n.words)
		}
		mains, alts = append(mains, byte(main)), append(alts, byte(alt))
	}
	w.number(len(keys))
	for _, column := range [][]byte{shared, suffixes, mains, alts} {
		w.Write(column)
	}
	w.number(len(text))
	w.Write(text)
	w.number(len(refs) / 3)
	for plane := range 3 { // bytes of one significance compress better together
		for i := plane; i < len(refs); i += 3 {
			w.WriteByte(refs[i])
		}
	}
	w.sparse(displays)
	sortedHomonyms := slices.Compact(slices.Sorted(slices.Values(homonyms)))
	w.number(len(sortedHomonyms))
	for _, h := range sortedHomonyms {
		w.text(h)
	}

	z, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedBestCompression), zstd.WithWindowSize(windowBytes), zstd.WithEncoderConcurrency(1))
	if err != nil {
		return nil, err
	}
	return z.EncodeAll(w.Bytes(), []byte(magic)), z.Close()
}

// writer writes the values of a file.
type writer struct{ bytes.Buffer }

func (w *writer) number(n int) { w.Write(binary.AppendUvarint(nil, uint64(n))) }

func (w *writer) text(s string) {
	w.number(len(s))
	w.WriteString(s)
}

// sparse writes texts: the distances of their indices, their lengths, and all of them.
func (w *writer) sparse(texts map[int]string) {
	indices := slices.Sorted(maps.Keys(texts))
	w.number(len(indices))
	last := 0
	for _, i := range indices {
		w.number(i - last)
		last = i
	}
	for _, i := range indices {
		w.number(len(texts[i]))
	}
	for _, i := range indices {
		w.WriteString(texts[i])
	}
}

// Decode returns the gazetteer of a file.
func Decode(file []byte) (*Gazetteer, error) {
	content, err := decompress(file)
	if err != nil {
		return nil, err
	}
	return parse(content)
}

// decompress returns the content of a file.
func decompress(file []byte) ([]byte, error) {
	compressed, ok := bytes.CutPrefix(file, []byte(magic))
	if !ok {
		return nil, fmt.Errorf("%w: no %q at the start", errFormat, magic)
	}
	z, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxBytes), zstd.WithDecoderMaxWindow(windowBytes))
	if err != nil {
		return nil, err
	}
	defer z.Close()
	content, err := z.DecodeAll(compressed, nil)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errFormat, err)
	}
	return content, nil
}

// parse returns the gazetteer of the content of a file, and shares its memory.
func parse(content []byte) (*Gazetteer, error) {
	r := reader{rest: content}
	g := r.gazetteer()
	if r.invalid || len(r.rest) > 0 || !g.finish() {
		return nil, errFormat
	}
	return g, nil
}

// reader reads the values of a file. After an invalid value it returns zero values.
type reader struct {
	rest    []byte
	invalid bool
}

// gazetteer reads all values. The columns of names are not checked.
func (r *reader) gazetteer() *Gazetteer {
	g := &Gazetteer{}
	for range r.count(1) {
		g.countries = append(g.countries, r.text())
	}
	for range r.count(4) {
		country := r.number()
		if r.check(country>>1 < len(g.countries)); r.invalid {
			break
		}
		region := Region{Country: g.countries[country>>1], District: country&1 == 1, Code: r.text(), ISO: r.text()}
		for range r.count(1) {
			region.Names = append(region.Names, r.text())
		}
		g.Regions = append(g.Regions, region)
	}
	places := r.count(4)
	g.country = r.bytes(places)
	for _, c := range g.country {
		r.check(int(c) < len(g.countries))
	}
	g.part, g.district = r.regions(places, len(g.Regions)), r.regions(places, len(g.Regions))
	g.size = r.bytes(places)
	g.ids = map[int]uint32{}
	last := 0
	for range r.count(2) {
		last += r.number()
		g.ids[last] = uint32(r.number())
	}
	g.names = r.sparse()
	g.count = r.count(4)
	g.shared, g.suffixes, g.mains, g.alts = r.bytes(g.count), r.bytes(g.count), r.bytes(g.count), r.bytes(g.count)
	g.text = r.bytes(r.count(1))
	refs := r.count(3)
	g.refs = make([]byte, 3*refs)
	for plane := range 3 {
		for i, c := range r.bytes(refs) {
			g.refs[3*i+plane] = c
		}
	}
	g.displays = r.sparse()
	for range r.count(1) {
		g.homonyms = append(g.homonyms, r.text())
	}
	return g
}

// check makes the file invalid unless ok.
func (r *reader) check(ok bool) {
	if !ok {
		r.invalid, r.rest = true, nil
	}
}

// number reads a number below 1<<31.
func (r *reader) number() int {
	v, n := binary.Uvarint(r.rest)
	if r.check(n > 0 && v < 1<<31); r.invalid {
		return 0
	}
	r.rest = r.rest[n:]
	return int(v)
}

// count reads the number of values that follow, each of at least size bytes.
func (r *reader) count(size int) int {
	n := r.number()
	r.check(n <= len(r.rest)/size)
	if r.invalid {
		return 0
	}
	return n
}

// bytes returns the next n bytes. They share the memory of the file.
func (r *reader) bytes(n int) []byte {
	if r.check(n <= len(r.rest)); r.invalid {
		return make([]byte, 0)
	}
	b := r.rest[:n:n]
	r.rest = r.rest[n:]
	return b
}

func (r *reader) text() string { return string(r.bytes(r.number())) }

// regions reads the regions of n places.
func (r *reader) regions(n, limit int) []uint16 {
	column := make([]uint16, n)
	for i := range column {
		v := r.number()
		r.check(v <= min(limit, 1<<16-1))
		column[i] = uint16(v)
	}
	return column
}

// sparse reads texts by index.
func (r *reader) sparse() texts {
	n := r.count(2)
	t := texts{index: make([]uint32, n), end: make([]uint32, n)}
	last := 0
	for i := range t.index {
		last += r.number()
		r.check(last < 1<<31)
		t.index[i] = uint32(last)
	}
	end := 0
	for i := range t.end {
		end += r.number()
		r.check(end < 1<<31)
		t.end[i] = uint32(end)
	}
	t.all = r.bytes(end)
	return t
}
