package place_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/hybrid-bts/functions/shared/engine/place"
)

func resolve(t *testing.T, a place.Address) place.Place {
	t.Helper()
	p, err := place.Resolve(a)
	if err != nil {
		t.Fatalf("Resolve(%+v): %v", a, err)
	}
	return p
}

func TestSpellingsOfAPlaceAreOnePlace(t *testing.T) {
	for want, spellings := range map[string][]string{
		"paris#fr": {
			"Paris", "PARIS", "paris ", "Ｐａｒｉｓ", "París", "PARIS 15", "Paris 15e", "Paris 15e Arrondissement", "Paris 15ème", "PARIS CEDEX 08", "Paris Cedex", "75015 Paris", "Paris 75015",
			"F-75015 Paris", "FR-75015 PARIS", "Paris, France", "Paris (France)", "Paris FR", "Paris, Île-de-France", "Paris XV", "Paris XVe arr.", "Paris-15", "Ville de Paris", "City of Paris", "Parigi", "巴黎", "파리", "パリ",
			"Париж", "Παρίσι", "باريس", "PARIS 1ER ARRONDISSEMENT", "75008 PARIS CEDEX 08", "Paris.", "Paris 01", "Paname",
		},
		"seoul#kr":           {"서울", "서울특별시", "서울시", "Seoul", "ソウル", "首尔", "首爾", "漢城", "汉城", "Seoul-si", "SEOUL, KOREA", "서울특별시 강남구", "Seoul Special City", "Séoul"},
		"tokyo#jp":           {"東京", "東京都", "Tokyo", "Tōkyō", "도쿄", "とうきょう", "トウキョウ", "Tokyo-to", "TOKYO 100-0001", "Токио", "东京"},
		"busan#kr":           {"부산", "Busan", "Pusan", "부산광역시", "부산시", "釜山", "Busan Metropolitan City"},
		"são paulo#br-sp":    {"São Paulo", "Sao Paulo", "SAO PAULO", "São Paulo, SP", "SAO PAULO/SP", "São Paulo - SP", "01310-100 São Paulo", "상파울루"},
		"saint-denis#fr":     {"Saint-Denis", "ST DENIS", "St. Denis", "SAINT DENIS CEDEX", "93200 SAINT DENIS"},
		"saint-étienne#fr":   {"Saint-Étienne", "ST ETIENNE", "SAINT ETIENNE CEDEX 1", "St-Etienne"},
		"l'haÿ-les-roses#fr": {"L'Haÿ-les-Roses", "L HAY LES ROSES", "L’HAY-LES-ROSES", "LHay les Roses"},
		"st. louis#us-mo":    {"SAINT LOUIS MO", "St. Louis, MO", "ST LOUIS MISSOURI", "Saint Louis, MO 63101"},
		"munich#de":          {"München", "Muenchen", "MUNCHEN", "Munich", "80331 München", "Landeshauptstadt München", "뮌헨"},
		"köln#de":            {"Köln", "Koeln", "KOELN", "Cologne", "50667 Köln"},
		"athens#gr":          {"Αθήνα", "ΑΘΗΝΑ", "Athens", "Αθήναι"},
		"cairo#eg":           {"القاهرة", "القاهره", "Cairo", "Le Caire"},
	} {
		city, country, _ := strings.Cut(want, "#")
		for _, s := range spellings {
			p := resolve(t, place.Address{City: s, Country: country[:2]})
			if p.City != city || p.Country != country || !p.Known || p.Ambiguous {
				t.Errorf("%q in %s is %+v, want %q", s, country[:2], p, want)
			}
		}
	}
}

func TestPlacesOfOneNameStayApart(t *testing.T) {
	for _, tc := range []struct {
		place.Address
		want      string
		ambiguous bool
	}{
		{place.Address{City: "Paris", Country: "FR"}, "paris#fr", false},
		{place.Address{City: "Paris", Country: "US-TX"}, "paris#us-tx", false},
		{place.Address{City: "Paris", Country: "US", Part: "Texas"}, "paris#us-tx", false},
		{place.Address{City: "Paris", Country: "US", Part: "TN"}, "paris#us-tn", false},
		{place.Address{City: "Paris, TN", Country: "US"}, "paris#us-tn", false},
		{place.Address{City: "Paris", Country: "US", Postcode: "38242"}, "paris#us-tn", false},
		{place.Address{City: "PARIS KY 40361", Country: "US"}, "paris#us-ky", false},
		{place.Address{City: "Paris", Country: "US"}, "paris#us-tx", true},
		{place.Address{City: "Kansas City", Country: "US", Part: "KS"}, "kansas city#us-ks", false},
		{place.Address{City: "Kansas City", Country: "US", Part: "MO"}, "kansas city#us-mo", false},
		{place.Address{City: "Paris", Country: "CA", Part: "Ontario"}, "paris#ca-on", false},
		{place.Address{City: "Saint-Denis", Country: "FR", Postcode: "93200"}, "saint-denis#fr", false},
		{place.Address{City: "Saint-Denis", Country: "FR", Postcode: "97400"}, "saint-denis#re", false},
		{place.Address{City: "Fort-de-France", Country: "FR"}, "fort-de-france#mq", false},
		{place.Address{City: "San Juan", Country: "US", Part: "PR"}, "san juan#pr", false},
		{place.Address{City: "La Rochelle", Country: "FR", Postcode: "70120"}, "la rochelle#fr", true}, // the city is in department 17
		{place.Address{City: "Malmö", Country: "SE"}, "malmö#se", false},
		{place.Address{City: "Yokohama", Country: "JP"}, "yokohama#jp", false}, // another one has 5,000 people
		{place.Address{City: "Hude", Country: "DE"}, "hude#de", true},
		{place.Address{City: "Hüde", Country: "DE"}, "hüde@2898081#de", false},
		{place.Address{City: "Green Acres", Country: "US", Part: "CA"}, "green acres@5354008#us-ca", false},
		{place.Address{City: "GREENACRES CA", Country: "US"}, "greenacres#us-ca", true},
		{place.Address{City: "Paris, Canada"}, "paris#ca-on", false},
		{place.Address{City: "Paris, ON", Country: "CA"}, "paris#ca-on", false},
		{place.Address{City: "Malmo", Country: "SE"}, "malmö#se", false},
		{place.Address{City: "Halle", Country: "DE", Part: "Sachsen-Anhalt"}, "halle (saale)#de", false},
		{place.Address{City: "광주", Country: "KR", Part: "경기도"}, "gwangju@1841810#kr", false},
		{place.Address{City: "광주광역시", Country: "KR"}, "gwangju#kr", false},
	} {
		p := resolve(t, tc.Address)
		if got := p.City + "#" + p.Country; got != tc.want || p.Ambiguous != tc.ambiguous {
			t.Errorf("%+v is %q, ambiguous %v, want %q", tc.Address, got, p.Ambiguous, tc.want)
		}
	}
}

func TestSpellingsOfAnUnknownPlaceAreOnePlace(t *testing.T) {
	for _, city := range []string{"Saint-Rémy-d’Ailleurs", "ST REMY D AILLEURS", "99999 St. Rémy d'Ailleurs", "SAINT REMY D'AILLEURS CEDEX 9", "Saint-Rémy-d'Ailleurs, France"} {
		p := resolve(t, place.Address{City: city, Country: "FR"})
		if p.City != "saintremydailleurs" || p.Country != "fr" || p.Known || p.Ambiguous || p.Name != city {
			t.Errorf("%q is %+v", city, p)
		}
		if a := p.Aliases(); len(a) != 1 || a[0].Key != p.City {
			t.Errorf("%q has the aliases %q", city, a)
		}
	}
	for _, tc := range []struct {
		place.Address
		city, country string
	}{
		{place.Address{City: "Nowhereville", Country: "US-TX"}, "nowhereville", "us-tx"},
		{place.Address{City: "Nowhereville", Country: "US", Part: "Texas"}, "nowhereville", "us-tx"},
		{place.Address{City: "Nowhereville", Country: "US", Postcode: "75460"}, "nowhereville", "us-tx"},
		{place.Address{City: "Nowhereville", Country: "US"}, "nowhereville", "us"},
		{place.Address{City: "Paris", Country: "US", Part: "Nevada"}, "paris", "us-nv"},
		{place.Address{City: "PARIS NV", Country: "US"}, "paris", "us-nv"},
		{place.Address{City: "Greenwood, ME 04255", Country: "US"}, "greenwood", "us-me"}, // Greenwood is a city in Indiana
		{place.Address{City: "Nowhereville MT 59754", Country: "US"}, "nowhereville", "us-mt"},
		{place.Address{City: "Nowhereville, NY", Country: "US"}, "nowhereville", "us-ny"}, // NY alone is New York
		{place.Address{City: "Nowhereville - SP", Country: "BR"}, "nowhereville", "br-sp"},
		{place.Address{City: "Nowhereville, Qc", Country: "CA"}, "nowhereville", "ca-qc"},
		{place.Address{City: "Bartlett", Country: "US", Postcode: "03812"}, "bartlett", "us-nh"}, // 60,000 people live in that of Tennessee
		{place.Address{City: "Lourdes", Country: "FR", Postcode: "23000"}, "lourdes@23", "fr"},   // the town is in department 65
		{place.Address{City: "AUREL", Country: "FR", Postcode: "26340"}, "aurel@26", "fr"},       // two villages
		{place.Address{City: "Aurel", Country: "FR", Postcode: "84390"}, "aurel@84", "fr"},
		{place.Address{City: "Aurel", Country: "FR"}, "aurel", "fr"},
		{place.Address{City: "Ailleville", Country: "FR", Postcode: "10200"}, "ailleville", "fr"},         // one village
		{place.Address{City: "Petites Anses", Country: "FR", Postcode: "46100"}, "petitesanses", "fr"},    // not the one in Guadeloupe
		{place.Address{City: "Lourdes/Paris", Country: "FR", Postcode: "23000"}, "lourdesparis@23", "fr"}, // neither is there
		{place.Address{City: "💜", Country: "KR"}, "💜", "kr"},
	} {
		if p := resolve(t, tc.Address); p.Known || p.City != tc.city || p.Country != tc.country {
			t.Errorf("%+v is %+v, want the unknown place %q, %q", tc.Address, p, tc.city, tc.country)
		}
	}
	for _, city := range []string{" -, ", "", "\xff", strings.Repeat("x", 2000)} {
		if p, err := place.Resolve(place.Address{City: city, Country: "FR"}); err == nil {
			t.Errorf("%.20q is %+v, want an error", city, p)
		}
	}
}

func TestAliasesOfAPlace(t *testing.T) {
	aliases := resolve(t, place.Address{City: "Seoul", Country: "KR"}).Aliases()
	keys := make([]string, len(aliases))
	for i, a := range aliases {
		keys[i] = a.Key
	}
	for key, name := range map[string]string{"seoul": "Seoul", "서울": "서울", "서울특별시": "서울특별시", "首尔": "首尔", "ソウル": "ソウル"} {
		if i := slices.Index(keys, key); i < 0 || aliases[i].Name != name {
			t.Errorf("Seoul has no alias %q, %q: %q", key, name, aliases)
		}
	}
	if !slices.IsSorted(keys) || len(slices.Compact(keys)) != len(aliases) {
		t.Errorf("keys are not sorted and distinct: %q", keys)
	}
}

func FuzzResolve(f *testing.F) {
	f.Add("75015 Paris Cedex 08", "FR", "", "75015")
	f.Add("서울특별시 강남구", "KR", "", "")
	f.Add("ST LOUIS MO", "US", "MO", "63101")
	f.Add("Paris", "-", "-", "00000000000")
	f.Fuzz(func(t *testing.T, city, country, part, postcode string) {
		a := place.Address{City: city, Country: country, Part: part, Postcode: postcode}
		p, err := place.Resolve(a)
		if (err != nil) != (p.City == "") {
			t.Errorf("Resolve(%q) = %+v, %v", city, p, err)
		}
		if again, _ := place.Resolve(a); again != p {
			t.Errorf("Resolve(%+v) = %+v, then %+v", a, p, again)
		}
	})
}
