// Package fake makes customers who do not exist, for tests, benchmarks and the local run.
//
// They look like those of a shop with fans all over the world: names in the scripts of their countries,
// about two thousand cities of which a few have most customers, cities written in more than one way,
// values that are missing. Nobody is real: the mail is at hosts that RFC 2606 keeps for examples, and
// no telephone number begins with the zero that these have after the code of the country, nor rings
// where the number plan keeps numbers for films.
package fake

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

var header = []string{"id", "name", "email", "phone", "joined", "city", "country", "postcode", "street"}

// Write writes n customers as CSV with a header. The same n and seed make the same bytes.
func Write(w io.Writer, n int, seed uint64) error {
	out := bufio.NewWriterSize(w, 1<<18)
	g := newGenerator(seed)
	line := append([]byte(strings.Join(header, ",")), '\n')
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

// town is a city and how many customers it and those before it have, of total.
type town struct {
	name    string
	country *country
	region  string // as "US-TX" when it is not the country's code
	upTo    float64
}

type generator struct {
	*rand.Rand
	towns []town
}

func newGenerator(seed uint64) *generator {
	return &generator{Rand: rand.New(rand.NewPCG(seed, seed^0x9e3779b97f4a7c15)), towns: makeTowns()}
}

// towns is how many cities there are.
const towns = 2000

// makeTowns lists the cities, the biggest first, each with a weight of about one by its rank.
func makeTowns() []town {
	byCode := map[string]*country{}
	for i := range countries {
		byCode[countries[i].code] = &countries[i]
	}
	var all []town
	taken := map[string]bool{}
	add := func(name, code string) {
		if key := name + "#" + code; !taken[key] {
			taken[key] = true
			all = append(all, town{name: name, country: byCode[code[:2]], region: code})
		}
	}
	for line := range strings.SplitSeq(strings.TrimSpace(cities), "\n") {
		code, names, _ := strings.Cut(line, " ")
		for name := range strings.SplitSeq(names, ", ") {
			add(name, code)
		}
	}
	// The small towns, in turn of each country's ways to name them.
	for i := 0; len(all) < towns; i++ {
		c := &countries[i%len(countries)]
		turn := i / len(countries)
		begin, end := c.townBegin[turn%len(c.townBegin)], c.townEnd[turn/len(c.townBegin)%len(c.townEnd)]
		add(begin+end, c.code)
	}
	sum := 0.
	for i := range all {
		sum += 1 / float64(i+4)
		all[i].upTo = sum
	}
	return all
}

func (g *generator) town() *town {
	x := g.Float64() * g.towns[len(g.towns)-1].upTo
	i, _ := slices.BinarySearchFunc(g.towns, x, func(t town, x float64) int {
		if t.upTo <= x {
			return -1
		}
		return 1
	})
	return &g.towns[i]
}

func pick(g *generator, from []string) string { return from[g.IntN(len(from))] }

// rarely is true once in n times.
func (g *generator) rarely(n int) bool { return g.IntN(n) == 0 }

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
	if g.rarely(20) {
		cell("")
	} else {
		cell(g.digits(c.phone))
	}
	cell(debut.AddDate(0, 0, g.IntN(days)).Format(time.DateOnly))
	cell(g.spelled(t.name))
	cell(t.region)
	cell(g.digits(c.postcode))
	cell(strings.Replace(strings.Replace(c.address, "{n}", strconv.Itoa(1+g.IntN(240)), 1), "{s}", pick(g, c.streets), 1))
	b[len(b)-1] = '\n'
	return b
}

// spelled writes a city as people do.
func (g *generator) spelled(name string) string {
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

// digits writes a digit for each # of a pattern, and a letter for each @.
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

var debut = time.Date(2013, time.June, 13, 0, 0, 0, 0, time.UTC)

// days is how long after the debut the last customer joined.
const days = 4900

var hosts = []string{"example.com", "example.com", "example.org", "example.net", "mail.example.com", "post.example.org"}

var handles = []string{
	"army", "borahae", "purple", "seven", "magic", "shop", "butter", "dynamite", "spring", "serendipity", "euphoria", "winter", "bear",
	"tata", "koya", "chimmy", "cooky", "mang", "shooky", "moon", "mikro", "kosmos", "idol", "dna", "fake", "love", "yet", "to", "come",
	"forever", "young", "run", "permission", "dance", "life", "goes", "on", "stay", "gold", "black", "swan", "blue", "grey", "film",
	"rain", "tomorrow", "sea", "home", "anpanman", "paradise", "pied", "piper", "outro", "intro", "jamais", "vu", "zero", "o", "clock",
}
