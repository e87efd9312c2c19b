package generate_test

import (
	"bytes"
	"encoding/csv"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/hybrid-bts/functions/scripts/data/customers/generate"
	"github.com/hybrid-bts/functions/shared/engine/place"
	"github.com/hybrid-bts/functions/shared/schema/customers"
)

func generated(t testing.TB, n int, seed uint64) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := generate.Write(&b, n, seed); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestEqualSeedsGenerateEqualFiles(t *testing.T) {
	a := generated(t, 2000, 7)
	if !bytes.Equal(a, generated(t, 2000, 7)) {
		t.Error("equal seeds generated different files")
	}
	if bytes.Equal(a, generated(t, 2000, 8)) {
		t.Error("different seeds generated equal files")
	}
	if n := bytes.Count(generated(t, 0, 1), []byte("\n")); n != 1 {
		t.Errorf("0 customers are %d lines, want the header only", n)
	}
}

func TestCustomersCoverManyCitiesAndScripts(t *testing.T) {
	const n = 100_000
	rows, err := csv.NewReader(bytes.NewReader(generated(t, n, 1))).ReadAll()
	if err != nil || len(rows) != n+1 {
		t.Fatalf("%d rows, %v, want %d and a header", len(rows), err, n)
	}
	column := func(name string) int { return slices.Index(rows[0], name) }
	ids, towns, scripts := map[string]bool{}, map[string]int{}, map[string]bool{}
	for _, r := range rows[1:] {
		ids[r[column("id")]] = true
		city, err := customers.FoldCity(r[column("city")])
		if err != nil {
			t.Fatal(err)
		}
		country, err := customers.FoldCountry(r[column("country")])
		if err != nil {
			t.Fatal(err)
		}
		towns[city+"#"+country]++
		for script, letters := range map[string]string{"Hangul": "김이박", "Kanji": "佐藤鈴", "Kana": "さくあ", "Cyrillic": "анов", "Arabic": "محم", "Thai": "สุข", "Greek": "αος"} {
			if strings.ContainsAny(r[column("name")], letters) {
				scripts[script] = true
			}
		}
		if _, host, _ := strings.Cut(r[column("email")], "@"); !strings.Contains(host, "example.") {
			t.Fatalf("e-mail host %q, want a domain for examples", host)
		}
	}
	if len(ids) != n {
		t.Errorf("%d distinct ids of %d customers", len(ids), n)
	}
	if len(towns) < 1900 || len(towns) > 2000 {
		t.Errorf("%d cities, want about 2000", len(towns))
	}
	if len(scripts) != 7 {
		t.Errorf("names in %v, want 7 scripts", scripts)
	}
	if p := towns["paris#fr"]; p < n*8/1000 || p > n*14/1000 {
		t.Errorf("%d customers in Paris, want about 1%%", p)
	}
	if p := towns["paris#us-tx"]; p < 20 {
		t.Errorf("%d customers in Paris, Texas", p)
	}
	if s := towns["seoul#kr"]; s < 3*towns["paris#fr"] {
		t.Errorf("%d customers in Seoul, want a long tail behind it", s)
	}
}

func TestPostcodesBelongToTheirCities(t *testing.T) {
	const n = 20_000
	rows, err := csv.NewReader(bytes.NewReader(generated(t, n, 1))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	column := func(name string) int { return slices.Index(rows[0], name) }
	ambiguous := map[string]int{}
	total := 0
	for _, r := range rows[1:] {
		p, err := place.Resolve(place.Address{City: r[column("city")], Country: r[column("country")], Postcode: r[column("postcode")]})
		if err != nil {
			t.Fatal(err)
		}
		if p.Ambiguous {
			ambiguous[p.City+"#"+p.Country]++
			total++
		}
	}
	if total > n/100 { // invented small towns may share the name of a real one elsewhere
		t.Errorf("%d of %d customers have an ambiguous place, want 1 %% at most: %v", total, n, ambiguous)
	}
	if k := ambiguous["paris#fr"]; k > 0 {
		t.Errorf("%d customers of Paris have an ambiguous place", k)
	}
}

func BenchmarkWrite(b *testing.B) {
	for b.Loop() {
		if err := generate.Write(io.Discard, 10_000, 1); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)*10_000/b.Elapsed().Seconds(), "rows/s")
}
