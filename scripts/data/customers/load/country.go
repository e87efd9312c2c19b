package load

import (
	"errors"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/text/language"
	"golang.org/x/text/language/display"
)

// errCountry is the reason for countries that ISO 3166 does not have.
var errCountry = errors.New("is not a country of ISO 3166, by code or name")

// otherCodes are codes that are not in ISO 3166-1 but in use, and codes that it withdrew or reserves or that are no countries, with their country;
// "" for codes without one. The successors are those of CLDR.
var otherCodes = map[string]string{
	"UK": "GB", "EL": "GR", "XK": "XK", "AN": "CW", "YU": "RS", "CS": "RS", "SU": "RU", "AC": "SH", "TA": "SH", "IC": "ES", "EA": "ES", "DG": "IO", "CP": "FR", "CQ": "GG",
	"CT": "", "FQ": "", "JT": "", "MI": "", "NQ": "", "NT": "", "PC": "", "PU": "", "PZ": "", "WK": "",
	"EZ": "", "UN": "",
}

// CountryCode returns the ISO 3166-1 code of two letters of a country, given by any code or name.
func CountryCode(s string) (string, error) {
	code, err := countryCode(strings.TrimSpace(s))
	if len(code) > 2 {
		err = errCountry
	}
	return code, err
}

// countryCode returns the ISO 3166-1 code of two letters of a country, such as "FR", for its code of two or three letters
// or three digits or its name. A subdivision code such as "US-TX" is returned whole, in upper case.
func countryCode(s string) (string, error) {
	if head, tail, ok := strings.Cut(s, "-"); ok && len(head) == 2 && len(tail) >= 1 && len(tail) <= 3 && isAlphanumeric(tail) {
		code, err := countryCode(head)
		return code + "-" + strings.ToUpper(tail), err
	}
	if len(s) <= 3 && isAlphanumeric(s) {
		upper := strings.ToUpper(s)
		if code, ok := otherCodes[upper]; ok {
			if code == "" {
				return "", errCountry
			}
			return code, nil
		}
		if n, err := strconv.Atoi(s); err == nil && n > 0 {
			if r, err := language.EncodeM49(n); err == nil && r.IsCountry() {
				return knownRegion(r)
			}
			return "", errCountry
		}
		if r, err := language.ParseRegion(upper); err == nil && r.IsCountry() && !r.IsPrivateUse() {
			return knownRegion(r)
		}
	}
	if code, ok := countryNames()[normalize(s)]; ok {
		return code, nil
	}
	return "", errCountry
}

// knownRegion returns the code of a region or of its successor.
func knownRegion(r language.Region) (string, error) {
	code := r.Canonicalize().String()
	if other, ok := otherCodes[code]; ok {
		code = other
	}
	if code == "" {
		return "", errCountry
	}
	return code, nil
}

// isAlphanumeric reports whether s has only ASCII letters and digits.
func isAlphanumeric(s string) bool {
	for i := range len(s) {
		if c := s[i] | 0x20; (c < 'a' || c > 'z') && (s[i] < '0' || s[i] > '9') {
			return false
		}
	}
	return s != ""
}

// nameLanguages are the languages whose names of countries are known, those of most shoppers first: of names that are
// equal in two languages the first wins.
var nameLanguages = []string{
	"en", "ko", "ja", "zh", "zh-Hant", "fr", "de", "es", "pt", "it", "nl", "pl", "tr", "ru", "uk", "sv", "da", "nb", "fi", "cs", "hu", "ro", "el", "id", "ms", "vi", "th", "ar", "he", "hi",
}

// otherNames are names in use beside those of CLDR, in lower case letters; see normalize.
var otherNames = map[string]string{
	"usa": "US", "unitedstatesofamerica": "US", "theunitedstates": "US", "america": "US", "미국": "US", "greatbritain": "GB", "britain": "GB", "england": "GB",
	"scotland": "GB", "wales": "GB", "northernireland": "GB", "unitedkingdomofgreatbritainandnorthernireland": "GB", "korea": "KR", "republicofkorea": "KR",
	"korearepublicof": "KR", "korearep": "KR", "southkorearepublicof": "KR", "한국": "KR", "남한": "KR", "대한민국": "KR", "韓国": "KR", "韩国": "KR", "南韓": "KR", "大韓民国": "KR",
	"democraticpeoplesrepublicofkorea": "KP", "koreademocraticpeoplesrepublicof": "KP", "russianfederation": "RU", "vietnam": "VN", "vietnamsocialistrepublicof": "VN",
	"laopeoplesdemocraticrepublic": "LA", "syrianarabrepublic": "SY", "iranislamicrepublicof": "IR", "islamicrepublicofiran": "IR", "moldovarepublicof": "MD",
	"republicofmoldova": "MD", "tanzaniaunitedrepublicof": "TZ", "unitedrepublicoftanzania": "TZ", "venezuelabolivarianrepublicof": "VE", "boliviaplurinationalstateof": "BO",
	"bruneidarussalam": "BN", "caboverde": "CV", "ivorycoast": "CI", "cotedivoire": "CI", "czechrepublic": "CZ", "czechia": "CZ", "slovakrepublic": "SK",
	"slovakiaslovakrepublic": "SK", "kyrgyzrepublic": "KG", "macedonia": "MK", "northmacedonia": "MK", "theformeryugoslavrepublicofmacedonia": "MK",
	"macedoniatheformeryugoslavrepublicof": "MK", "swaziland": "SZ", "burma": "MM", "holland": "NL", "thenetherlands": "NL", "holyseevaticancitystate": "VA", "holysee": "VA",
	"libyanarabjamahiriya": "LY", "palestinianterritory": "PS", "palestinianterritoryoccupied": "PS", "palestinestateof": "PS", "stateofpalestine": "PS", "palestine": "PS",
	"taiwanprovinceofchina": "TW", "chinataiwan": "TW", "taiwanrepublicofchina": "TW", "hongkong": "HK", "hongkongsarchina": "HK", "macau": "MO", "macao": "MO", "congo": "CG",
	"republicofthecongo": "CG", "congothedemocraticrepublicofthe": "CD", "democraticrepublicofthecongo": "CD", "congodemocraticrepublicofthe": "CD", "drcongo": "CD",
	"congobrazzaville": "CG", "congokinshasa": "CD", "falklandislandsmalvinas": "FK", "micronesiafederatedstatesof": "FM", "federatedstatesofmicronesia": "FM",
	"virginislandsbritish": "VG", "virginislandsus": "VI", "unitedstatesvirginislands": "VI", "svalbardandjanmayenislands": "SJ", "svalbardjanmayenislands": "SJ",
	"bouvetislandbouvetoya": "BV", "antarcticatheterritorysouthof60degs": "AQ", "britishindianoceanterritorychagosarchipelago": "IO", "brunei": "BN", "reunion": "RE",
	"sthelena": "SH", "sainthelenaascensionandtristandacunha": "SH", "timorleste": "TL", "easttimor": "TL", "turkey": "TR", "turkiye": "TR", "uae": "AE", "gambia": "GM",
	"thegambia": "GM", "bahamas": "BS", "thebahamas": "BS", "netherlandsantilles": "CW", "bonairesinteustatiusandsaba": "BQ", "sintmaartendutchpart": "SX", "stmartin": "MF",
	"saintmartinfrenchpart": "MF", "frenchsouthernterritories": "TF", "alandislands": "AX", "peoplesrepublicofchina": "CN", "chinamainland": "CN", "prc": "CN",
	"中华人民共和国": "CN", "中國": "CN", "台湾": "TW", "臺灣": "TW", "日本国": "JP", "아랍에미리트연합": "AE", "대만": "TW", "영국": "GB", "brasil": "BR", "deutschland": "DE", "espana": "ES",
	"schweiz": "CH", "suisse": "CH", "svizzera": "CH", "republicofireland": "IE", "eire": "IE", "serbiaandmontenegro": "RS", "kosovo": "XK", "heardislandandmcdonaldislands": "HM",
	"saintvincentandthegrenadines": "VC", "saotomeandprincipe": "ST", "wallisandfutunaislands": "WF", "pitcairnislands": "PN", "pitcairn": "PN",
	"cocoskeelingislands": "CC", "cocosislands": "CC", "usminoroutlyingislands": "UM", "unitedstatesminoroutlyingislands": "UM",
}

// countryNames returns the codes of countries by normalized name. It is made at its first use, and safe for concurrent
// use.
var countryNames = sync.OnceValue(func() map[string]string {
	names := map[string]string{}
	for _, tag := range nameLanguages {
		namer := display.Regions(language.MustParse(tag))
		if namer == nil {
			continue
		}
		for a := 'A'; a <= 'Z'; a++ {
			for b := 'A'; b <= 'Z'; b++ {
				r, err := language.ParseRegion(string([]rune{a, b}))
				if err != nil || !r.IsCountry() || r.Canonicalize() != r {
					continue
				}
				if _, other := otherCodes[r.String()]; other && r.String() != "XK" {
					continue
				}
				for _, name := range spellings(namer.Name(r)) {
					if _, ok := names[name]; !ok && name != "" {
						names[name] = r.String()
					}
				}
			}
		}
	}
	for name, code := range otherNames {
		names[normalize(name)] = code
	}
	return names
})

// spellings returns the normalized forms of the name of a country: with "and" for "&", with "saint" for "St.", and
// without an explanation in brackets.
func spellings(name string) []string {
	all := []string{normalize(name), normalize(strings.ReplaceAll(name, "&", "and"))}
	if rest, ok := strings.CutPrefix(name, "St. "); ok {
		all = append(all, normalize("Saint "+strings.ReplaceAll(rest, "&", "and")), normalize("Saint "+rest))
	}
	if i := strings.IndexAny(name, "(（"); i > 0 {
		all = append(all, normalize(name[:i]))
	}
	return all
}
