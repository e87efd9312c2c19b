// Package generate makes fictional customers for tests, benchmarks and the local run.
//
// The customers resemble those of a shop with fans in many countries: names are in the scripts of the countries, a few
// of about two thousand cities have most customers, city names have several spellings, postcodes begin as those of the
// city do, and some values are missing. No value belongs to a real person. E-mail addresses use the domains that RFC
// 2606 reserves for examples. Telephone numbers have a zero after the country code, where no valid number has one, or
// are from ranges that numbering plans reserve for fiction.
package generate

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/text/unicode/norm"
)

// columnNames is the header of the file, in the order in which appendCustomer writes the cells.
var columnNames = []string{"id", "name", "email", "phone", "joined", "city", "country", "postcode", "street"}

// Write writes n customers as CSV with a header. Equal n and seed give equal bytes, and a smaller n gives a prefix of
// them. The errors are those of w. The memory does not grow with n.
func Write(w io.Writer, n int, seed uint64) error {
	out := bufio.NewWriterSize(w, 1<<18)
	g := newGenerator(seed)
	line := append([]byte(strings.Join(columnNames, ",")), '\n')
	for range n {
		if _, err := out.Write(line); err != nil {
			return err
		}
		line = g.appendCustomer(line[:0])
	}
	if _, err := out.Write(line); err != nil {
		return err
	}
	return out.Flush()
}

// town is a city of the generator.
type town struct {
	name             string
	country          *country
	region           string   // ISO 3166: country code such as "FR" or subdivision code such as "US-TX"
	postcodes        []string // beginnings of postcodes, not empty; each at most as long as country.postcode
	cumulativeWeight float64  // sum of the weights of all towns up to this one
}

// generator generates customers from one random sequence. The order of the draws is part of the format: a changed order
// changes the customers of every seed. It is not safe for concurrent use.
type generator struct {
	*rand.Rand
	towns []town
}

// newGenerator returns a generator whose sequence depends on the seed only. PCG takes two words of seed; the constant,
// 2^64 divided by the golden ratio, makes the second differ from the first.
func newGenerator(seed uint64) *generator {
	return &generator{Rand: rand.New(rand.NewPCG(seed, seed^0x9e3779b97f4a7c15)), towns: makeTowns()}
}

// townCount is the number of cities.
const townCount = 2000

// makeTowns returns the cities by falling weight: those of the constant cities in their order, then small towns.
// Weights follow Zipf's law with an offset, 1/(rank+3), so that the largest city has about 4 % of the customers.
func makeTowns() []town {
	byCode := map[string]*country{}
	for i := range countries {
		byCode[countries[i].code] = &countries[i]
	}
	var all []town
	seen := map[string]bool{}
	add := func(name, code string, postcodes []string) {
		if key := name + "#" + code; !seen[key] {
			seen[key] = true
			all = append(all, town{name: name, country: byCode[code[:2]], region: code, postcodes: postcodes})
		}
	}
	postcodes := map[string][][]string{} // of the large cities, by country
	for line := range strings.SplitSeq(strings.TrimSpace(cities), "\n") {
		code, list, _ := strings.Cut(line, " ")
		for city := range strings.SplitSeq(list, "; ") {
			last := strings.LastIndexByte(city, ' ')
			own := strings.Split(city[last+1:], "/")
			add(city[:last], code, own)
			postcodes[code[:2]] = append(postcodes[code[:2]], own)
		}
	}
	// Small towns have names of two parts. The countries take turns. Their parts must give enough distinct names, or
	// the loop does not end. A small town has the postcodes of a large city, so that all its customers are in one region.
	for i := 0; len(all) < townCount; i++ {
		c := &countries[i%len(countries)]
		turn := i / len(countries)
		begin, end := c.townBegin[turn%len(c.townBegin)], c.townEnd[turn/len(c.townBegin)%len(c.townEnd)]
		near := postcodes[c.code]
		add(begin+end, c.code, near[turn%len(near)])
	}
	sum := 0.
	for i := range all {
		sum += 1 / float64(i+4)
		all[i].cumulativeWeight = sum
	}
	return all
}

// town returns a random town with a probability proportional to its weight, by binary search. The town belongs to g.
func (g *generator) town() *town {
	x := g.Float64() * g.towns[len(g.towns)-1].cumulativeWeight
	i, _ := slices.BinarySearchFunc(g.towns, x, func(t town, x float64) int {
		if t.cumulativeWeight <= x {
			return -1
		}
		return 1
	})
	return &g.towns[i]
}

// pick returns a random element. An element that is in from twice is twice as frequent.
func pick(g *generator, from []string) string { return from[g.IntN(len(from))] }

// oneIn returns true with a probability of 1/n.
func (g *generator) oneIn(n int) bool { return g.IntN(n) == 0 }

// appendCustomer appends a random customer to b as a line of CSV. The id is a version 4 UUID (RFC 9562): random ids
// spread the writes to Bigtable. One in 20 customers has no telephone number.
func (g *generator) appendCustomer(b []byte) []byte {
	t := g.town()
	c := t.country
	cell := func(s string) {
		if strings.ContainsAny(s, "\",") {
			s = `"` + strings.ReplaceAll(s, `"`, `""`) + `"`
		}
		b = append(b, s...)
		b = append(b, ',')
	}
	hi, lo := g.Uint64(), g.Uint64()
	b = fmt.Appendf(b, "%08x-%04x-4%03x-%04x-%012x,", uint32(hi>>32), uint16(hi>>16), hi&0xfff, 0x8000|lo>>48&0x3fff, lo&0xffffffffffff)
	cell(fmt.Sprintf(c.order, pick(g, c.given), pick(g, c.family)))
	handle := pick(g, handles) + pick(g, []string{".", "_", "", "-"}) + pick(g, handles) + strconv.Itoa(g.IntN(10000))
	cell(handle + "@" + pick(g, hosts))
	if g.oneIn(20) {
		cell("")
	} else {
		cell(g.digits(c.phone))
	}
	cell(debut.AddDate(0, 0, g.IntN(joinDays)).Format(time.DateOnly))
	cell(g.spell(t.name))
	cell(t.region)
	postcode := pick(g, t.postcodes)
	cell(g.digits(postcode + c.postcode[len(postcode):]))
	cell(strings.Replace(strings.Replace(c.address, "{n}", strconv.Itoa(1+g.IntN(240)), 1), "{s}", pick(g, c.streets), 1))
	b[len(b)-1] = '\n'
	return b
}

// spell returns a spelling of a city: in 4 % of the calls in upper case, lower case, decomposed or with extra spaces.
// All spellings have one form in customers.FoldCity, so they are one city in Bigtable.
func (g *generator) spell(name string) string {
	switch g.IntN(100) {
	case 0:
		return strings.ToUpper(name)
	case 1:
		return strings.ToLower(name)
	case 2:
		return norm.NFD.String(name)
	case 3:
		return " " + name + "  "
	}
	return name
}

// digits replaces each # of a pattern by a random digit, and each @ by a random capital letter.
func (g *generator) digits(pattern string) string {
	b := []byte(pattern)
	for i, c := range b {
		switch c {
		case '#':
			b[i] = '0' + byte(g.IntN(10))
		case '@':
			b[i] = 'A' + byte(g.IntN(26))
		}
	}
	return string(b)
}

// debut is the first day on which a customer joined, the day of the band's debut.
var debut = time.Date(2013, time.June, 13, 0, 0, 0, 0, time.UTC)

// joinDays is the number of days from debut on which customers joined. It is fixed, because the date of the run must
// not change the file; the last day is 2026-11-11.
const joinDays = 4900

// hosts are the hosts of e-mail addresses. Their domains are reserved for examples (RFC 2606).
var hosts = []string{"example.com", "example.com", "example.org", "example.net", "mail.example.com", "post.example.org"}

// handles are the words of the local parts of e-mail addresses.
var handles = []string{
	"army", "borahae", "purple", "seven", "magic", "shop", "butter", "dynamite", "spring", "serendipity", "euphoria", "winter", "bear",
	"tata", "koya", "chimmy", "cooky", "mang", "shooky", "moon", "mikro", "kosmos", "idol", "dna", "fake", "love", "yet", "to", "come",
	"forever", "young", "run", "permission", "dance", "life", "goes", "on", "stay", "gold", "black", "swan", "blue", "grey", "film",
	"rain", "tomorrow", "sea", "home", "anpanman", "paradise", "pied", "piper", "outro", "intro", "jamais", "vu", "zero", "o", "clock",
}
