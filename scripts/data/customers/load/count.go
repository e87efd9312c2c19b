package load

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"cloud.google.com/go/bigtable"
	"golang.org/x/sync/errgroup"

	"github.com/hybrid-bts/functions/shared/engine/place"
	"github.com/hybrid-bts/functions/shared/schema/customers"
)

// touchedCity is a city that a load wrote to.
type touchedCity struct {
	place *place.Place // nil if no row of the load is in the city
	// isNew reports that the city had no customer and no mark of another load when this load set its mark, and that all
	// writes to it added a customer. Then tally has all its customers, and a read of its rows is not needed.
	isNew bool
	tally tally
	// counted is the version of the count at the time of the mark, 0 if there was none.
	counted bigtable.Timestamp
}

// tally counts the customers of a city.
type tally struct {
	customers, ambiguous int64
	spellings            map[string]int64
}

// maxSpellings is the maximum number of spellings of a city that are stored, and maxTalliedSpellings of those that are
// counted. They bound the memory.
const (
	maxSpellings        = 200
	maxTalliedSpellings = 2000
)

// add counts a customer.
func (t *tally) add(spelling string, ambiguous bool) {
	t.customers++
	if ambiguous {
		t.ambiguous++
	}
	if t.spellings == nil {
		t.spellings = map[string]int64{}
	}
	if t.spellings[spelling] > 0 || len(t.spellings) < maxTalliedSpellings {
		t.spellings[spelling]++
	}
}

// sorted returns the most frequent spellings. Of equally frequent ones the first in byte order precedes.
func (t *tally) sorted() []customers.SpellingCount {
	all := make([]customers.SpellingCount, 0, len(t.spellings))
	for s, n := range t.spellings {
		all = append(all, customers.SpellingCount{As: s, Count: n})
	}
	slices.SortFunc(all, func(a, b customers.SpellingCount) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.As, b.As))
	})
	return all[:min(len(all), maxSpellings)]
}

// tally counts the rows of a batch that were written. homes are those before the batch. A city that lost a row, or in
// which a row was replaced, must be counted by a read.
func (t *tableWriter) tally(rows map[string]*customerRow, homes map[string][]string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for customer, c := range rows {
		for _, home := range homes[customer] {
			if key, err := customers.ParseKey(home); err == nil {
				if city := t.touched[cityKey(key)]; city != nil {
					city.isNew = false
				}
			}
		}
		if city := t.touched[cityKey(c.key)]; city.isNew {
			city.tally.add(c.spelling, c.place.Ambiguous)
		}
	}
}

// markCities sets the mark of the load on the given cities unless they have it, and writes the aliases of their places.
// Marks and aliases are stored when it returns without an error.
func (t *tableWriter) markCities(ctx context.Context, cities map[string]*place.Place) error {
	if marks, aliases := t.unmarked(cities); len(marks.keys)+len(aliases.keys) == 0 {
		return nil
	}
	t.marking.Lock()
	defer t.marking.Unlock()
	marks, aliases := t.unmarked(cities)
	if err := aliases.apply(ctx, t.aliases, customers.AliasesTable); err != nil {
		return err
	}
	if err := marks.apply(ctx, t.cities, customers.CitiesTable); err != nil {
		return err
	}
	marked := map[string]*touchedCity{}
	if len(marks.keys) > 0 {
		var err error
		if marked, err = t.inspectCities(ctx, marks.keys); err != nil {
			return err
		}
	}
	// touched changes after the writes, so no other writer relies on a mark that is not stored yet.
	t.mu.Lock()
	defer t.mu.Unlock()
	maps.Copy(t.touched, marked)
	for key, p := range cities {
		if p != nil {
			t.touched[key].place = p
		}
	}
	return nil
}

// unmarked returns the marks and aliases of those of the given cities that do not have them.
func (t *tableWriter) unmarked(cities map[string]*place.Place) (marks, aliases mutations) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for key, p := range cities {
		city := t.touched[key]
		if city == nil {
			mark := bigtable.NewMutation()
			mark.Set(customers.LoadingFamily, t.loadID, t.version, nil)
			marks.add(key, mark)
		}
		if p == nil || city != nil && city.place != nil {
			continue
		}
		as := map[string]string{}
		for _, a := range p.Aliases() {
			as[a.Key] = a.Name
		}
		for _, a := range customers.NewAliases(customers.Key{City: p.City, Country: p.Country}, p.Name, as) {
			m := bigtable.NewMutation()
			m.Set(customers.AliasFamily, a.Column(), t.version, a.Value())
			aliases.add(a.Key, m)
		}
	}
	return marks, aliases
}

// inspectCities returns the state of cities with the mark of this load: whether they are new. If any of them has a
// customer, none is taken as new; that is rare, and costs a read of the rows.
func (t *tableWriter) inspectCities(ctx context.Context, keys []string) (map[string]*touchedCity, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	empty, ranges := true, make(bigtable.RowRangeList, len(keys))
	found := make(map[string]*touchedCity, len(keys))
	for i, key := range keys {
		ranges[i] = bigtable.PrefixRange(key)
		found[key] = &touchedCity{}
	}
	err := t.customers.ReadRows(ctx, ranges, func(bigtable.Row) bool {
		empty = false
		return false
	}, bigtable.LimitRows(1), bigtable.RowFilter(bigtable.ChainFilters(bigtable.CellsPerRowLimitFilter(1), bigtable.StripValueFilter())))
	if err != nil {
		return nil, fmt.Errorf("read table %s: %w", customers.CustomersTable, err)
	}
	err = t.cities.ReadRows(ctx, bigtable.RowList(keys), func(row bigtable.Row) bool {
		var othersMark bool
		found[row.Key()].counted, othersMark = t.cityState(row)
		found[row.Key()].isNew = empty && !othersMark
		return true
	}, bigtable.RowFilter(cityStateFilter()))
	if err != nil {
		return nil, fmt.Errorf("read table %s: %w", customers.CitiesTable, err)
	}
	return found, nil
}

// cityStateFilter returns a filter for the cells that cityState reads.
func cityStateFilter() bigtable.Filter {
	return bigtable.ChainFilters(bigtable.InterleaveFilters(
		bigtable.ColumnRangeFilter(customers.LoadingFamily, "", ""),
		bigtable.ColumnRangeFilter(customers.CityFamily, customers.CountColumn, customers.CountColumn+"\x00"),
	), bigtable.LatestNFilter(1), bigtable.StripValueFilter())
}

// cityState returns the version of the count of a row of table cities, 0 if it has none, and whether the row has the mark
// of another load.
func (t *tableWriter) cityState(row bigtable.Row) (counted bigtable.Timestamp, othersMark bool) {
	for _, cell := range row[customers.CityFamily] {
		counted = cell.Timestamp
	}
	for _, cell := range row[customers.LoadingFamily] {
		if cell.Column != customers.LoadingFamily+":"+t.loadID {
			othersMark = true
		}
	}
	return counted, othersMark
}

// countCities counts the cities that have a mark of this load or of a killed one, counterCount at once. It returns the
// number of cities. It scans the whole table cities for marks. Call it after all writes; it reads touched without the
// mutex.
func (t *tableWriter) countCities(ctx context.Context) (int, error) {
	began := time.Now() // before the reads: of concurrent counts, the one that began last has seen the most
	marks := bigtable.ConditionFilter(bigtable.ColumnRangeFilter(customers.LoadingFamily, "", ""), cityStateFilter(), nil)
	err := t.cities.ReadRows(ctx, bigtable.InfiniteRange(""), func(row bigtable.Row) bool {
		counted, othersMark := t.cityState(row)
		city := t.touched[row.Key()]
		if city == nil {
			city = &touchedCity{}
			t.touched[row.Key()] = city
		}
		// A load that began after this one set its mark before its rows. It counts the city too, unless it has ended.
		city.isNew = city.isNew && !othersMark && counted == city.counted
		return true
	}, bigtable.RowFilter(marks))
	if err != nil {
		return 0, fmt.Errorf("read marks of table %s: %w", customers.CitiesTable, err)
	}
	var tallied mutations
	counters, countersCtx := errgroup.WithContext(ctx)
	counters.SetLimit(counterCount)
	for key, city := range t.touched {
		if city.isNew {
			tallied.add(key, t.countMutation(city, began))
			continue
		}
		counters.Go(func() error {
			if err := t.countCity(countersCtx, key, city); err != nil {
				return fmt.Errorf("count city %q: %w", key, err)
			}
			return nil
		})
	}
	if err := counters.Wait(); err != nil {
		return 0, err
	}
	for keys, ops := tallied.keys, tallied.ops; len(keys) > 0; {
		n := min(len(keys), maxBatchRows)
		part := mutations{keys[:n], ops[:n]}
		if err := part.apply(ctx, t.cities, customers.CitiesTable); err != nil {
			return 0, err
		}
		keys, ops = keys[n:], ops[n:]
	}
	return len(t.touched), nil
}

// countCity reads the rows of a city and writes their count. It reads two cells of each customer. The read has no time
// limit but that of ctx, because a city may be large.
func (t *tableWriter) countCity(ctx context.Context, key string, city *touchedCity) error {
	began := time.Now()
	city.tally = tally{}
	var sample bigtable.Row
	// In byte order, only city is after ambiguous and not after city.
	cells := bigtable.ChainFilters(bigtable.ColumnRangeFilter("address", customers.AmbiguousColumn.Name, "city\x00"), bigtable.LatestNFilter(1))
	err := t.customers.ReadRows(ctx, bigtable.PrefixRange(key), func(row bigtable.Row) bool {
		spelling, ambiguous := "", false
		for _, cell := range row["address"] {
			if strings.HasSuffix(cell.Column, ":city") {
				spelling = string(cell.Value)
			} else {
				ambiguous = true
			}
		}
		city.tally.add(spelling, ambiguous)
		sample = row
		return true
	}, bigtable.RowFilter(cells))
	if err != nil {
		return err
	}
	if city.place == nil && sample != nil { // no row of this load is in the city
		city.place = t.placeOf(key, city.tally.sorted())
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	return t.cities.Apply(ctx, key, t.countMutation(city, began))
}

// placeOf returns the place with the row key of a city, found by a spelling of its customers, or nil if none gives it.
func (t *tableWriter) placeOf(key string, spellings []customers.SpellingCount) *place.Place {
	k, err := customers.ParseKey(key)
	if err != nil {
		return nil
	}
	for _, s := range spellings {
		p, err := place.Resolve(place.Address{City: s.As, Country: k.Country})
		if err == nil && p.City == k.City && p.Country == k.Country {
			return &p
		}
	}
	return nil
}

// countMutation returns the write of the count of a city, with the deletion of the mark of this load. It is atomic. Marks
// of killed loads stay until they expire. The name is that of the gazetteer, or the most frequent spelling.
func (t *tableWriter) countMutation(city *touchedCity, began time.Time) *bigtable.Mutation {
	m, version := bigtable.NewMutation(), cellVersion(began)
	set := func(column string, value []byte) { m.Set(customers.CityFamily, column, version, value) }
	set(customers.CountColumn, []byte(strconv.FormatInt(city.tally.customers, 10)))
	set(customers.AmbiguousCountColumn, []byte(strconv.FormatInt(city.tally.ambiguous, 10)))
	spellings := city.tally.sorted()
	set(customers.SpellingsColumn, customers.EncodeSpellings(spellings))
	name := ""
	if len(spellings) > 0 {
		name = spellings[0].As
	}
	if city.place != nil && city.place.Known {
		name = city.place.Name
		if known := knownAs(city.place); known != nil {
			set(customers.KnownAsColumn, known)
		}
	}
	if name != "" {
		set(customers.NameColumn, []byte(name))
	}
	m.DeleteCellsInColumn(customers.LoadingFamily, t.loadID)
	return m
}

// maxKnownAs is the maximum number of other names of a place that are stored for display.
const maxKnownAs = 20

// knownAs returns the value of the other names of a place, nil if it has none.
func knownAs(p *place.Place) []byte {
	var names []string
	for _, a := range p.Aliases() {
		if a.Name != p.Name && len(names) < maxKnownAs && !slices.Contains(names, a.Name) {
			names = append(names, a.Name)
		}
	}
	if names == nil {
		return nil
	}
	value, err := json.Marshal(names)
	if err != nil {
		panic(err) // strings always encode
	}
	return value
}
