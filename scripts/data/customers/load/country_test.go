package load

import (
	"strings"
	"testing"
)

func TestCountriesAreFoundByCodeAndName(t *testing.T) {
	for want, written := range map[string][]string{
		"FR": {"FR", "fr", "FRA", "250", "France", "FRANCE", "frankreich", "프랑스", "フランス", "法国"}, "GB": {"UK", "GB", "GBR", "826", "United Kingdom", "England", "Royaume-Uni", "영국"},
		"GR": {"EL", "GR", "Greece", "Ελλάδα"}, "KR": {"KR", "KOR", "410", "Korea", "South Korea", "Korea, Republic of", "Republic of Korea", "대한민국", "한국", "韓国", "韩国"},
		"KP": {"KP", "Korea, Democratic People's Republic of", "North Korea", "Democratic People's Republic of Korea"}, "US": {"US", "USA", "840", "United States", "U.S.A.", "Vereinigte Staaten", "미국"},
		"AF": {"004", "4", "Afghanistan"}, "CI": {"Cote d'Ivoire", "Côte d’Ivoire", "Ivory Coast"}, "TR": {"Turkey", "Türkiye"}, "XK": {"XK", "Kosovo"}, "NA": {"NA", "Namibia"}, "CW": {"AN", "Netherlands Antilles"},
		"US-TX": {"US-TX", "us-tx"}, "VI": {"United States Virgin Islands", "Virgin Islands, U.S."}, "SJ": {"Svalbard & Jan Mayen Islands"}, "BV": {"Bouvet Island (Bouvetoya)"}, "SK": {"Slovakia (Slovak Republic)"},
		"AQ": {"Antarctica (the territory South of 60 deg S)"}, "VA": {"Holy See (Vatican City State)"}, "LY": {"Libyan Arab Jamahiriya"}, "CD": {"Congo, The Democratic Republic of the", "ZR"}, "DE": {"DD", "Deutschland"},
		"TW": {"Taiwan, Province of China", "台灣"}, "HK": {"Hong Kong", "홍콩"}, "MM": {"BU", "Myanmar", "Burma"}, "KN": {"Saint Kitts and Nevis", "St. Kitts & Nevis"}, "AG": {"Antigua and Barbuda"}, "RS": {"YU"},
		"FK": {"Falkland Islands (Malvinas)"}, "IO": {"British Indian Ocean Territory (Chagos Archipelago)"}, "TL": {"Timor-Leste"}, "LA": {"Lao People's Democratic Republic"}, "FM": {"Micronesia"}, "PS": {"Palestinian Territory"},
		"MO": {"Macao"}, "VN": {"Viet Nam"}, "BN": {"Brunei Darussalam"}, "RU": {"Russian Federation"}, "SY": {"Syrian Arab Republic"}, "KG": {"Kyrgyz Republic"}, "MK": {"Macedonia"}, "CV": {"Cape Verde"}, "SZ": {"Swaziland"},
	} {
		for _, s := range written {
			if got, err := countryCode(s); got != want || err != nil {
				t.Errorf("countryCode(%q) = %q, %v, want %q", s, got, err, want)
			}
		}
	}
	for _, s := range []string{"", "XX", "ZZ", "EU", "XA", "QO", "001", "150", "0", "999", "Atlantis", "F", "FRX", "US-", "US-TEXAS", "XX-TX", "NT", "ФР", "Paris", "-", strings.Repeat("x", 300)} {
		if got, err := countryCode(s); err == nil {
			t.Errorf("countryCode(%q) = %q, want an error", s, got)
		}
	}
	if got, err := CountryCode("US-TX"); err == nil {
		t.Errorf("CountryCode of a subdivision is %q, want an error", got)
	}
}

func TestEveryCountryOfISO3166IsFoundByItsCodes(t *testing.T) {
	n := 0
	for a := 'A'; a <= 'Z'; a++ {
		for b := 'A'; b <= 'Z'; b++ {
			if code, err := countryCode(string([]rune{a, b})); err == nil && code == string([]rune{a, b}) {
				n++
			}
		}
	}
	if n != 249+1 { // and Kosovo
		t.Errorf("%d codes, want 250", n)
	}
}
