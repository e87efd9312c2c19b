package place

import (
	_ "embed"
	"sync"

	"github.com/hybrid-bts/functions/shared/engine/place/gazetteer"
)

// file is the gazetteer that scripts/data/places writes.
//
//go:embed places.bin
var file []byte

// data is the decoded gazetteer with the indices of the choice.
type data struct {
	*gazetteer.Gazetteer
	regions map[string]string // by country and key of a code or name: the subdivision in keys, else the code
	keyed   map[string]bool   // countries whose places have a subdivision in their key
}

// load decodes the gazetteer once.
var load = sync.OnceValue(func() *data {
	g, err := gazetteer.Decode(file)
	if err != nil {
		panic(err) // the file is part of the program, and a test decodes it
	}
	d := &data{g, map[string]string{}, map[string]bool{}}
	for i := range g.Regions {
		r := &g.Regions[i]
		if r.District {
			continue
		}
		code := r.ISO
		if code == "" {
			code = r.Code
		}
		d.keyed[r.Country] = d.keyed[r.Country] || r.ISO != ""
		for _, key := range append([]string{r.Code, r.ISO}, r.Names...) {
			if key != "" {
				d.regions[r.Country+key] = code
			}
		}
	}
	return d
})

// recentSize bounds the number of places that Resolve remembers.
const recentSize = 1 << 14

// recent remembers places of addresses, because most rows of a file repeat one.
var recent cache

// cache maps addresses to places. Its zero value is empty. It is safe for concurrent use.
type cache struct {
	mu     sync.RWMutex
	places map[Address]Place
}

func (c *cache) get(a Address) (Place, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	p, ok := c.places[a]
	return p, ok
}

// put remembers a place. A full cache starts again, which bounds its memory.
func (c *cache) put(a Address, p Place) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.places) >= recentSize || c.places == nil {
		c.places = make(map[Address]Place, 64)
	}
	c.places[a] = p
}
