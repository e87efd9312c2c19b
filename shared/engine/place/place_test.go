package place_test

import (
	"testing"

	"github.com/hybrid-bts/functions/shared/engine/place"
)

func TestSpellingsOfAnUnknownPlaceAreOnePlace(t *testing.T) {
	want := ""
	for _, city := range []string{"Saint-Rémy-d’Ailleurs", "ST REMY D AILLEURS", "99999 St. Rémy d'Ailleurs", "SAINT REMY D'AILLEURS CEDEX 9", "Saint-Rémy-d'Ailleurs, France"} {
		p, err := place.Resolve(place.Address{City: city, Country: "FR"})
		if err != nil {
			t.Fatal(err)
		}
		if want == "" {
			want = p.City
		}
		if p.City != want || p.Country != "fr" || p.Known || p.Ambiguous || p.Name != city {
			t.Errorf("%q is %+v, want the unknown place %q", city, p, want)
		}
	}
	if _, err := place.Resolve(place.Address{City: " -, ", Country: "FR"}); err == nil {
		t.Error("a city without letters has a place")
	}
}

func BenchmarkResolve(b *testing.B) {
	for b.Loop() {
		if _, err := place.Resolve(place.Address{City: "PARIS CEDEX 08", Country: "FR"}); err != nil {
			b.Fatal(err)
		}
	}
}

func FuzzResolve(f *testing.F) {
	f.Add("75015 Paris Cedex 08", "FR", "", "75015")
	f.Add("서울특별시 강남구", "KR", "", "")
	f.Add("ST LOUIS MO", "US", "MO", "63101")
	f.Fuzz(func(t *testing.T, city, country, part, postcode string) {
		p, err := place.Resolve(place.Address{City: city, Country: country, Part: part, Postcode: postcode})
		if (err != nil) != (p.City == "") {
			t.Errorf("Resolve(%q) = %+v, %v", city, p, err)
		}
	})
}
