// Package gazetteer is a compact, read-only table of places and their names.
//
// A file holds the names as folded words, sorted by their key and front-coded, so that a look-up is a binary search over
// blocks. The order of the names numbers the places: the name of a place refers to it without a number. Columns that compress
// alike lie together, and the whole is compressed with Zstandard.
package gazetteer

import (
	"math"
	"slices"
	"strings"
	"sync"
	"unicode"
)

// Place is a record of a gazetteer.
type Place struct {
	ID         uint32 // of GeoNames; 0 unless a larger place of the country has the same name
	Country    string // lower-case ISO 3166-1 code
	Part       int    // index of a Region, or -1
	District   int    // index of a Region, or -1; only places that share their name with another of the country have one
	Population float64
	Section    bool   // the place is a section of a larger one
	Name       string // for display
}

// Region is a part of a country, or a district of a part.
type Region struct {
	Country  string   // lower-case ISO 3166-1 code
	District bool     // a district of a part
	Code     string   // lower-case code of GeoNames
	ISO      string   // lower-case subdivision of ISO 3166-2 without the country if keys of places have it, else ""
	Names    []string // keys of the names
}

// Ref is a place with one of its names.
type Ref struct {
	Place int  // index of a Place
	Main  bool // the name is the place's own, not an alternate one
}

// Name is a name of a place.
type Name struct {
	Key     string // the words without spaces
	Display string
}

// blockSize is the number of names between two starts of a search.
const blockSize = 16

// Gazetteer is a decoded file. It is immutable and safe for concurrent use.
type Gazetteer struct {
	Regions []Region

	homonyms  []string // ascending: country and key
	countries []string
	country   []uint8
	part      []uint16 // 0 is none; else the index of the region plus 1
	district  []uint16
	size      []uint8        // see populationOf; the lowest bit is Section
	ids       map[int]uint32 // of places that share their name
	names     texts          // of places whose name is not the title case of its words
	displays  texts          // of alternate names likewise, by index of the name

	count            int     // of names
	shared, suffixes []uint8 // lengths: of the beginning that a name shares with the one before, and of the rest
	mains, alts      []uint8 // numbers of places whose first name it is, and of other references
	text             []byte  // the rests
	refs             []byte  // 3 bytes each: 2 * place + main
	blocks           []block

	reverse func() [][]uint32 // names of each place by index of the name
}

// block is the state before the first name of a block. The first name shares no beginning.
type block struct {
	text, refs, place uint32
}

// texts are texts by index.
type texts struct {
	index, end []uint32 // ascending
	all        []byte
}

// get returns the text with an index.
func (t texts) get(i int) (string, bool) {
	n, ok := slices.BinarySearch(t.index, uint32(i))
	if !ok {
		return "", false
	}
	start := uint32(0)
	if n > 0 {
		start = t.end[n-1]
	}
	return string(t.all[start:t.end[n]]), true
}

// Len returns the number of places.
func (g *Gazetteer) Len() int { return len(g.country) }

// populationOf returns the population of a size: 2 to the power of a quarter of its upper 7 bits.
func populationOf(size uint8) float64 { return math.Exp2(float64(size>>1) / 4) }

// sizeOf returns the size of a population.
func sizeOf(population float64, section bool) uint8 {
	size := uint8(0)
	if population > 1 {
		size = uint8(min(127, math.Round(math.Log2(population)*4))) << 1
	}
	if section {
		size |= 1
	}
	return size
}

// Place returns a place. It decodes the name, so its cost is that of a look-up.
func (g *Gazetteer) Place(i int) Place {
	p := g.Summary(i)
	p.Name = g.name(i)
	return p
}

// Summary returns a place without its name.
func (g *Gazetteer) Summary(i int) Place {
	return Place{
		ID: g.ids[i], Country: g.countries[g.country[i]], Part: int(g.part[i]) - 1, District: int(g.district[i]) - 1,
		Population: populationOf(g.size[i]), Section: g.size[i]&1 == 1,
	}
}

// name returns the name of a place.
func (g *Gazetteer) name(i int) string {
	if name, ok := g.names.get(i); ok {
		return name
	}
	b, _ := slices.BinarySearchFunc(g.blocks, uint32(i)+1, func(b block, place uint32) int { return int(b.place) - int(place) })
	for n := range g.block(b - 1) {
		if n.place <= uint32(i) && uint32(i) < n.place+uint32(g.mains[n.index]) {
			return title(string(n.words))
		}
	}
	return ""
}

// title returns words with capitals.
func title(words string) string {
	var b strings.Builder
	start := true
	for _, r := range words {
		if start {
			r = unicode.ToTitle(r)
		}
		start = r == ' '
		b.WriteRune(r)
	}
	return b.String()
}

// entry is a name within a block.
type entry struct {
	index       int
	words       []byte // valid until the next entry
	place, refs uint32 // the first place whose first name it is, and the offset of its other references
}

// block yields the names of a block.
func (g *Gazetteer) block(b int) func(yield func(entry) bool) {
	return func(yield func(entry) bool) {
		var buffer [256]byte
		words := buffer[:0]
		start := g.blocks[b]
		for i := b * blockSize; i < min((b+1)*blockSize, g.count); i++ {
			end := start.text + uint32(g.suffixes[i])
			words = append(words[:g.shared[i]], g.text[start.text:end]...)
			if !yield(entry{i, words, start.place, start.refs}) {
				return
			}
			start = block{end, start.refs + uint32(g.alts[i]), start.place + uint32(g.mains[i])}
		}
	}
}

// compare compares words without their spaces with a key.
func compare(words []byte, key string) int {
	i := 0
	for _, c := range words {
		if c == ' ' {
			continue
		}
		if i == len(key) || c > key[i] {
			return 1
		}
		if c < key[i] {
			return -1
		}
		i++
	}
	if i < len(key) {
		return -1
	}
	return 0
}

// Homonym reports whether a country has several small places, none of them in the gazetteer, whose name has the key.
func (g *Gazetteer) Homonym(country, key string) bool {
	_, ok := slices.BinarySearch(g.homonyms, country+key)
	return ok
}

// Find returns the places that have a name with the given key, in no particular order.
func (g *Gazetteer) Find(key string) []Ref {
	// The first block whose first name is greater than the key, less one, holds the key.
	low, high := 0, len(g.blocks)
	for low < high {
		middle := (low + high) / 2
		start := g.blocks[middle].text
		if compare(g.text[start:start+uint32(g.suffixes[middle*blockSize])], key) > 0 {
			high = middle
		} else {
			low = middle + 1
		}
	}
	if low == 0 {
		return nil
	}
	for n := range g.block(low - 1) {
		switch c := compare(n.words, key); {
		case c > 0:
			return nil
		case c == 0:
			return g.references(n)
		}
	}
	return nil
}

// references returns the places of a name.
func (g *Gazetteer) references(n entry) []Ref {
	refs := make([]Ref, 0, int(g.mains[n.index])+int(g.alts[n.index]))
	for i := range uint32(g.mains[n.index]) {
		refs = append(refs, Ref{int(n.place + i), true})
	}
	for i := range uint32(g.alts[n.index]) {
		r := g.ref(n.refs + i)
		refs = append(refs, Ref{int(r >> 1), r&1 == 1})
	}
	return refs
}

// ref returns a stored reference.
func (g *Gazetteer) ref(i uint32) uint32 {
	b := g.refs[3*i:]
	return uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16
}

// Names returns the names of a place in the order of their keys. Its first call builds an index of all places.
func (g *Gazetteer) Names(place int) []Name {
	var names []Name
	for _, index := range g.reverse()[place] {
		for n := range g.block(int(index) / blockSize) {
			if n.index != int(index) {
				continue
			}
			display, ok := g.displays.get(n.index)
			if !ok {
				display = title(string(n.words))
			}
			if n.place <= uint32(place) && uint32(place) < n.place+uint32(g.mains[n.index]) {
				display = g.name(place)
			}
			names = append(names, Name{strings.ReplaceAll(string(n.words), " ", ""), display})
		}
	}
	return names
}

// index returns the names of each place.
func (g *Gazetteer) index() [][]uint32 {
	lengths := make([]int, g.Len())
	total := 0
	g.each(func(place, _ uint32) { lengths[place]++; total++ })
	all := make([]uint32, total)
	index := make([][]uint32, g.Len())
	for i, n := range lengths {
		index[i], all = all[:0:n], all[n:]
	}
	g.each(func(place, name uint32) { index[place] = append(index[place], name) })
	return index
}

// each calls f for each name of each place, in the order of the names.
func (g *Gazetteer) each(f func(place, name uint32)) {
	place, ref := uint32(0), uint32(0)
	for i := range uint32(g.count) {
		for range g.mains[i] {
			f(place, i)
			place++
		}
		for range g.alts[i] {
			f(g.ref(ref)>>1, i)
			ref++
		}
	}
}

// finish computes the columns that the file leaves out. It reports whether the lengths fit the columns.
func (g *Gazetteer) finish() bool {
	var at block
	length := 0
	for i := range g.count {
		if i%blockSize == 0 {
			if g.shared[i] != 0 {
				return false
			}
			g.blocks = append(g.blocks, at)
		}
		if int(g.shared[i]) > length {
			return false
		}
		length = int(g.shared[i]) + int(g.suffixes[i])
		at = block{at.text + uint32(g.suffixes[i]), at.refs + uint32(g.alts[i]), at.place + uint32(g.mains[i])}
	}
	if !slices.IsSorted(g.homonyms) || int(at.text) != len(g.text) || 3*int(at.refs) != len(g.refs) || int(at.place) != g.Len() {
		return false
	}
	for i := range at.refs {
		if int(g.ref(i)>>1) >= g.Len() {
			return false
		}
	}
	g.reverse = sync.OnceValue(g.index)
	return true
}
