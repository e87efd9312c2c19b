package spelling_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/hybrid-bts/functions/shared/engine/place/spelling"
)

func TestSpellingsOfANameHaveOneKey(t *testing.T) {
	for want, names := range map[string][]string{
		"saintdenis":       {"Saint-Denis", "ST DENIS", "St. Denis", "saint‐denis", "SAINT DENIS", "S\u0301aint Denis"},
		"saopaulo":         {"São Paulo", "SAO PAULO", "Sa\u0303o Paulo", "São-Paulo", "Ｓãｏ　Ｐaulo"},
		"lhaylesroses":     {"L'Haÿ-les-Roses", "L’HAY LES ROSES", "l`hay les roses"},
		"malmo":            {"Malmö", "MALMO", "Malmo\u0308"},
		"istanbul":         {"İstanbul", "ISTANBUL", "Istanbul"},
		"lodz":             {"Łódź", "LODZ"},
		"αθηνα":            {"Αθήνα", "ΑΘΗΝΑ"},
		"θεσσαλονικη":      {"Θεσσαλονίκη", "ΘΕΣΣΑΛΟΝΙΚΗ"},
		"πυργοσ":           {"Πύργος", "ΠΥΡΓΟΣ"},
		"القاهره":          {"القاهرة", "القاهره", "القَاهِرة", "ﺍﻟﻘﺎﻫﺮﺓ"},
		"서울":               {"서울", "\u1109\u1165\u110b\u116e\u11af", " 서 울 "},
		"がか":               {"がか", "ガカ"[0:0] + "か\u3099か"},
		"saintpolten":      {"Sankt Pölten", "St. Pölten"},
		"coeurdalene":      {"Coeur d'Alene", "Cœur d’Alène"},
		"":                 {"", " - ", "'", "\u200b"},
		"saintlouis":       {"St. Louis", "Saint Louis"},
		"fortworth":        {"Ft. Worth", "FORT WORTH"},
		"mountvernon":      {"Mt Vernon", "Mount Vernon"},
		"helenamt59601":    {"HELENA MT 59601"},
		"ruesselsheim":     {"Ruesselsheim"},
		"russelsheim":      {"Rüsselsheim"},
		"thanhphohochimin": {"Thành phố Hồ Chí Min"},
	} {
		for _, name := range names {
			if got := spelling.Key(name); got != want {
				t.Errorf("Key(%q) = %q, want %q", name, got, want)
			}
		}
	}
}

func TestAdditionsLeaveTheCity(t *testing.T) {
	for want, names := range map[string][]string{
		"paris": {
			"Paris", "PARIS 15", "Paris 15e", "Paris 15e Arrondissement", "Paris 15ème", "Paris 15 ème arr.", "PARIS CEDEX 08", "Paris Cedex", "75015 Paris", "Paris 75015",
			"F-75015 Paris", "FR 75015 PARIS", "Paris, France", "Paris (France)", "Paris FR", "Paris, Île-de-France", "Paris XV", "Paris XVe", "Paris-15", "Ville de Paris",
			"City of Paris", "Paris City", "75 Paris", "PARIS 1ER ARRONDISSEMENT", "75008 PARIS CEDEX 08", "Paris 08, France", "Paris/France", "Paris 15, 75015", "Paris;", "Paris.",
		},
		"saintlouis":      {"SAINT LOUIS MO", "St. Louis, MO 63101", "ST LOUIS, MISSOURI", "Saint Louis MO, USA", "City of St. Louis"},
		"northlittlerock": {"N LITTLE ROCK AR", "N. Little Rock"},
		"서울":              {"서울시", "서울특별시", "서울특별시 강남구", "서울, 대한민국", "04524 서울"},
		"東京":              {"東京都", "東京都新宿区", "〒100-0001 東京", "東京, 日本"},
		"tokyo":           {"Tokyo-to", "Tokyo, Japan", "TOKYO 100-0001"},
		"busan":           {"Busan-si", "Busan Metropolitan City", "Busan, Korea"},
		"russelsheim":     {"Ruesselsheim", "65428 Rüsselsheim"},
		"lemans":          {"Mans (Le)", "72000 LE MANS"},
		"munchen":         {"Landeshauptstadt München", "D-80331 München", "Muenchen"},
		"bern":            {"3011 Bern", "CH-3011 Bern"},
		"amsterdam":       {"1012 AB Amsterdam", "Amsterdam, The Netherlands", "1012AB AMSTERDAM"},
		"london":          {"London SW1A 1AA", "London, UK", "City of London"},
		"praha":           {"Praha 5", "150 00 Praha", "Praha 5, Česko"},
		"hochiminh":       {"TP. Hồ Chí Minh", "Thành phố Hồ Chí Minh"},
		"biel":            {"Biel/Bienne"},
		"riodejaneiro":    {"Rio de Janeiro, RJ", "Rio de Janeiro/RJ", "20040-020 Rio de Janeiro"},
		"frankfurtammain": {"60311 Frankfurt am Main"},
		"losangeles":      {"LOS ANGELES CA 90001", "Los Angeles, California, USA"},
	} {
		for _, name := range names {
			if !slices.ContainsFunc(spelling.Candidates(name, ""), func(c spelling.Candidate) bool { return c.Key == want }) {
				t.Errorf("%q has the readings %+v, want one of %q", name, spelling.Candidates(name, ""), want)
			}
		}
	}
}

func TestTheNumberOfReadingsIsBounded(t *testing.T) {
	if n := len(spelling.Candidates(strings.Repeat("1 ", 200), "")); n != 24 {
		t.Errorf("a name of 200 numbers has %d readings, want 24", n)
	}
}

func TestNumbersOfDistrictsAreNoPostcodes(t *testing.T) {
	for _, name := range []string{"Paris 15ème", "Paris 15eme", "15ème Paris"} {
		for _, c := range spelling.Candidates(name, "FR") {
			if c.Postcode != "" {
				t.Errorf("%q has the postcode %q", name, c.Postcode)
			}
		}
	}
}

func TestLongNamesHaveNoKey(t *testing.T) {
	for _, tc := range []struct {
		name string
		want int
	}{
		{strings.Repeat("x", 512), 512}, {strings.Repeat("x", 513), 0}, {strings.Repeat(" ", 1023) + "x", 1}, {strings.Repeat(" ", 1024) + "x", 0},
		{strings.Repeat("st ", 102) + "ab", 512}, {strings.Repeat("st ", 102) + "abc", 0}, {strings.Repeat("ﷺ", 340), 0},
	} {
		if got := spelling.Key(tc.name); len(got) != tc.want || (len(spelling.Candidates(tc.name, "")) > 0) != (tc.want > 0) {
			t.Errorf("the key of a name of %d bytes has %d bytes, want %d", len(tc.name), len(got), tc.want)
		}
	}
}

func TestTheWholeNameIsTheFirstReading(t *testing.T) {
	for name, want := range map[string]string{"Quezon City": "quezoncity", "New Mexico": "newmexico", "Ciudad de México": "ciudaddemexico", "100 Mile House": "100milehouse"} {
		if got := spelling.Candidates(name, "")[0]; got != (spelling.Candidate{Key: want}) {
			t.Errorf("the first reading of %q is %+v, want %q", name, got, want)
		}
	}
}

func TestTextsBesideTheCityAreReported(t *testing.T) {
	for name, want := range map[string]spelling.Candidate{
		"SAINT LOUIS MO":       {Key: "saintlouis", Part: "mo"},
		"St. Louis, Missouri":  {Key: "saintlouis", Part: "missouri"},
		"75015 Paris":          {Key: "paris", Postcode: "75015"},
		"F-75015 Paris":        {Key: "paris", Postcode: "75015"},
		"Paris, France":        {Key: "paris", Country: "fr"},
		"1012 AB Amsterdam":    {Key: "amsterdam", Postcode: "1012ab"},
		"Los Angeles CA 90001": {Key: "losangeles", Part: "ca", Postcode: "90001"},
		"Los Angeles, CA":      {Key: "losangeles", Part: "ca"},
		"Toronto, CA":          {Key: "toronto", Country: "ca"},
	} {
		if got := spelling.Candidates(name, ""); !slices.Contains(got, want) {
			t.Errorf("%q has the readings %+v, want %+v", name, got, want)
		}
	}
}

func FuzzCandidates(f *testing.F) {
	for _, s := range []string{"75015 Paris Cedex 08, France", "서울특별시 강남구", "St Louis MO 63101", "Mans (Le)", "\xff,/", "İ\u0307 (st)"} {
		f.Add(s, "FR")
		f.Add(s, "")
	}
	f.Fuzz(func(t *testing.T, city, country string) {
		candidates := spelling.Candidates(city, country)
		key := spelling.Key(city)
		if len(candidates) > 24 || (len(candidates) > 0) != (key != "") || key != "" && candidates[0] != (spelling.Candidate{Key: key}) {
			t.Errorf("Candidates(%q, %q) = %+v, key %q", city, country, candidates, key)
		}
		for _, c := range candidates {
			if c.Key == "" || len(c.Key) > 2*spelling.MaxKeyBytes {
				t.Errorf("Candidates(%q, %q) has the key %q", city, country, c.Key)
			}
		}
		if plain := spelling.Plain(city, country); (plain != "") != (key != "") {
			t.Errorf("Plain(%q) = %q, key %q", city, plain, key)
		}
	})
}

func TestPartCodeReadsNamesOfStates(t *testing.T) {
	for part, want := range map[string]string{"texas": "tx", "newyork": "ny", "quebec": "qc", "westernaustralia": "wa", "tasmania": "tas", "tx": "tx", "bavaria": "bavaria", "": ""} {
		if got := spelling.PartCode(part); got != want {
			t.Errorf("PartCode(%q) = %q, want %q", part, got, want)
		}
	}
}
