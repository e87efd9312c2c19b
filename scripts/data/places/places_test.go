package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hybrid-bts/functions/shared/engine/place/gazetteer"
)

// row returns a row of a table of cities.
func row(id int, name, alternates, class, country, admin1 string, population int, latitude float64) string {
	return strings.Join([]string{fmt.Sprint(id), name, name, alternates, fmt.Sprint(latitude), "10", "P", class, country, "", admin1, "", "", "", fmt.Sprint(population), "", "", "", ""}, "\t")
}

// write writes lines to a file and returns its name.
func write(t *testing.T, name string, lines ...string) string {
	t.Helper()
	name = filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(name, []byte(strings.Join(lines, "\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestTablesBecomeAGazetteer(t *testing.T) {
	newer := write(t, "newer.txt",
		row(1, "Paris", "Parigi,파리", "PPLC", "FR", "11", 2_000_000, 48),
		row(2, "Paris", "", "PPL", "US", "TX", 25_000, 33),
		row(3, "Paris", "", "PPL", "US", "TX", 2_000, 40),                // far from the larger one
		row(4, "Paris", "Little Paris", "PPL", "US", "TX", 1_500, 33.01), // the larger one again
		row(5, "Paris 15", "", "PPLX", "FR", "11", 230_000, 48.01),       // a numbered district
		row(6, "Hamlet", "", "PPL", "FR", "11", 900, 47),
		row(7, "Seat", "", "PPLA2", "FR", "11", 900, 46),
		row(8, "Ruin", "", "PPLH", "FR", "11", 5_000, 45),
		row(9, "가온시", "", "PPL", "KR", "13", 1_000_000, 37),
		row(11, "Fusan", "부산", "PPLA", "KR", "99", 3_000_000, 35), // places.tsv corrects its name and part
	)
	older := write(t, "older.txt", row(1, "PARIS", "Lutèce", "PPLC", "FR", "11", 1, 48), row(10, "Gone", "", "PPL", "FR", "11", 3_000, 44))
	parts := write(t, "admin1.json", `[{"code": "FR.11", "name": "Île-de-France"}, {"code": "US.TX", "name": "Texas"}]`)
	communes := write(t, "communes.json", `[{"codeCommune": "26019", "nomCommune": "Aurel"}, {"codeCommune": "84005", "nomCommune": "AUREL"},
		{"codeCommune": "10002", "nomCommune": "Ailleville"}, {"codeCommune": "70001", "nomCommune": "Paris"}, {"codeCommune": "71001", "nomCommune": "Paris"}]`)
	out := filepath.Join(t.TempDir(), "places.bin")
	if err := run([]string{"-out", out, newer, older, parts, communes}); err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	g, err := gazetteer.Decode(file)
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]string{
		"paris": "fr/2097152 us/23170 us/2048", "lutece": "fr/2097152", "파리": "fr/2097152", "littleparis": "us/23170", "paris15": "", "hamlet": "", "seat": "fr/861", "ruin": "",
		"gone": "fr/2896", "가온시": "kr/1048576", "가온": "kr/1048576",
	} {
		var got []string
		for _, ref := range g.Find(key) {
			p := g.Summary(ref.Place)
			got = append(got, fmt.Sprintf("%s/%.0f", p.Country, p.Population))
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%q finds %q, want %q", key, got, want)
		}
	}
	for _, ref := range g.Find("paris") {
		p := g.Place(ref.Place)
		if wantID := map[bool]uint32{true: 3}[p.Country == "us" && p.Population < 3_000]; p.ID != wantID || p.Name != "Paris" {
			t.Errorf("Paris with %g people is %+v, want the id %d", p.Population, p, wantID)
		}
		if r := g.Regions[p.Part]; p.Country == "us" && (r.ISO != "tx" || r.Names[0] != "texas") || p.Country == "fr" && (r.ISO != "" || r.Code != "11") {
			t.Errorf("Paris in %s is in region %+v", p.Country, r)
		}
	}
	if !g.Homonym("fr", "aurel") || g.Homonym("fr", "ailleville") || g.Homonym("fr", "paris") {
		t.Error("the homonyms are not the names that only villages share")
	}
	if refs := g.Find("부산"); len(refs) != 1 || g.Place(refs[0].Place).Name != "Busan" {
		t.Errorf("부산 finds %v, want the place of places.tsv", refs)
	}
	if err := run([]string{"-out", out + "2", newer, older, parts, communes}); err != nil {
		t.Fatal(err)
	}
	if again, err := os.ReadFile(out + "2"); err != nil || !bytes.Equal(file, again) {
		t.Errorf("a second run writes other bytes: %v", err)
	}
}

func TestInvalidSourcesAreErrors(t *testing.T) {
	for _, args := range [][]string{
		{},
		{"missing.txt"},
		{"missing.json"},
		{"-unknown"},
		{write(t, "short.txt", "1\tParis")},
		{write(t, "number.txt", strings.Replace(row(1, "Paris", "", "PPL", "FR", "", 5_000, 1), "5000", "many", 1))},
		{write(t, "object.json", "{}")},
		{"-out", filepath.Join("missing", "places.bin"), write(t, "good.txt", row(1, "Paris", "", "PPL", "FR", "", 5_000, 1))},
	} {
		if err := run(append([]string{"-out", filepath.Join(t.TempDir(), "places.bin")}, args...)); err == nil {
			t.Errorf("run(%q) succeeds", args)
		}
	}
}
