package spelling

import (
	"slices"
	"strings"
	"sync"
	"unicode/utf8"
)

// regionNames has the keys of the names in codesByRegionName.
var regionNames = sync.OnceValue(func() map[string]bool {
	names := map[string]bool{}
	for name := range codesByRegionName() {
		names[name] = true
	}
	return names
})

// codesByRegionName maps the keys of the names of the states of the USA, Canada and Australia to their lower-case codes.
var codesByRegionName = sync.OnceValue(func() map[string]string {
	codes := map[string]string{}
	for region := range strings.SplitSeq(`al=Alabama,ak=Alaska,az=Arizona,ar=Arkansas,ca=California,co=Colorado,ct=Connecticut,de=Delaware,
dc=District of Columbia,fl=Florida,ga=Georgia,hi=Hawaii,id=Idaho,il=Illinois,in=Indiana,ia=Iowa,ks=Kansas,ky=Kentucky,
la=Louisiana,me=Maine,md=Maryland,ma=Massachusetts,mi=Michigan,mn=Minnesota,ms=Mississippi,mo=Missouri,mt=Montana,
ne=Nebraska,nv=Nevada,nh=New Hampshire,nj=New Jersey,nm=New Mexico,ny=New York,nc=North Carolina,nd=North Dakota,
oh=Ohio,ok=Oklahoma,or=Oregon,pa=Pennsylvania,ri=Rhode Island,sc=South Carolina,sd=South Dakota,tn=Tennessee,tx=Texas,
ut=Utah,vt=Vermont,va=Virginia,wa=Washington,wv=West Virginia,wi=Wisconsin,wy=Wyoming,on=Ontario,qc=Québec,
bc=British Columbia,ab=Alberta,mb=Manitoba,sk=Saskatchewan,ns=Nova Scotia,nb=New Brunswick,nl=Newfoundland,
pe=Prince Edward Island,nsw=New South Wales,vic=Victoria,qld=Queensland,sa=South Australia,wa=Western Australia,
tas=Tasmania`, ",") {
		code, name, _ := strings.Cut(strings.TrimSpace(region), "=")
		codes[Key(name)] = code
	}
	return codes
})

// PartCode returns the lower-case code of the state that a Candidate.Part names: "tx" for "texas". It returns other parts, such
// as "tx", unchanged.
func PartCode(part string) string {
	if code := codesByRegionName()[part]; code != "" {
		return code
	}
	return part
}

// titles removes words that describe a city before or after its name: "City of Paris", "Landeshauptstadt München".
func titles(r reading, _ string) []reading {
	var rest []reading
	text := " " + strings.Join(r.words, " ") + " "
	for _, p := range titlePrefixes {
		if name, ok := strings.CutPrefix(text, " "+p+" "); ok && strings.TrimSpace(name) != "" {
			rest = append(rest, r.with(strings.Fields(name), false))
			break
		}
	}
	for _, s := range titleSuffixes {
		if name, ok := strings.CutSuffix(text, " "+s+" "); ok && strings.TrimSpace(name) != "" {
			rest = append(rest, r.with(strings.Fields(name), false))
			break
		}
	}
	return rest
}

// titlePrefixes and titleSuffixes are folded. A longer one comes before its beginning.
var (
	titlePrefixes = []string{
		"the city of", "city of", "town of", "village of", "municipality of", "greater", "metropolitan",
		"ville de la", "ville de", "ville du", "ville d", "commune de", "mairie de",
		"ciudad de", "municipio de", "cidade de", "cidade do", "municipio do", "comune di", "citta di", "gemeente", "stad", "stadt", "landeshauptstadt", "hansestadt",
		"freie und hansestadt", "kreisfreie stadt", "miasto", "mesto", "gorod", "город", "г", "м", "місто", "thanh pho", "tp", "kota", "kab", "kabupaten", "by", "kommune", "dimos", "δημος",
		"مدينه", "municipiul", "orasul",
	}
	titleSuffixes = []string{
		"metropolitan city", "special city", "city", "town", "village", "township", "municipality", "borough", "cdp", "shi", "si", "ku", "gu", "gun", "to", "fu", "cho", "machi", "mura",
		"kommune", "kommun", "stad", "stadt", "intra muros", "ville", "teukbyeolsi", "gwangyeoksi", "metropole",
	}
)

// asianSuffixes end the official names of cities in Korea, Japan and China. A longer one comes before its end.
var asianSuffixes = []string{"특별자치시", "특별시", "광역시", "직할시", "시", "군", "구", "特别市", "特別市", "广域市", "広域市", "廣域市", "直辖市", "市", "都", "府", "区", "區", "縣", "县", "町", "村"}

// asianRegions end the names of regions before a city that is written without a space: "東京都新宿区", "경기도수원시".
var asianRegions = []string{"都", "府", "県", "道", "省"}

// asianSuffix removes the suffix of a Korean, Japanese or Chinese city, or adds it if it has none, and reads the city behind or before the name of
// a region or a district.
func asianSuffix(r reading, country string) []reading {
	last := r.words[len(r.words)-1]
	if c, _ := utf8.DecodeLastRuneInString(last); c < 0x2e80 || country != "" && !strings.Contains("kr jp cn tw hk mo kp", country) {
		return nil
	}
	var rest []reading
	if len(r.words) > 1 { // "서울특별시 강남구": the city before its district, then the district
		rest = append(rest, r.with(r.words[:1], false), r.with(r.words[len(r.words)-1:], false), r.with(r.words[:len(r.words)-1], false))
		return rest
	}
	for _, s := range asianSuffixes {
		name, ok := strings.CutSuffix(last, s)
		if ok && utf8.RuneCountInString(name) >= 2 {
			rest = append(rest, r.with([]string{name}, false))
			break
		}
	}
	for _, region := range asianRegions {
		if before, after, ok := strings.Cut(last, region); ok && utf8.RuneCountInString(before) >= 2 && utf8.RuneCountInString(after) >= 2 {
			if region == "都" { // the wards of Tokyo are parts of the city
				rest = append(rest, r.with([]string{before + region}, false))
			}
			rest = append(rest, r.with([]string{after}, false), r.with([]string{before + region}, false))
		}
	}
	return rest
}

// directions spells out the directions and kinds of places that the post of the USA and Canada abbreviates.
func directions(r reading, country string) []reading {
	if country != "" && !strings.Contains("us ca au nz gb ie", country) {
		return nil
	}
	w := slices.Clone(r.words)
	changed := false
	for i := range w {
		full := postalWords[w[i]]
		if len(w) < 2 || full == "" || len(w[i]) == 1 && i > 0 {
			continue
		}
		w[i], changed = full, true
	}
	if !changed {
		return nil
	}
	return []reading{r.with(w, false)}
}

var postalWords = map[string]string{
	"n": "north", "s": "south", "e": "east", "w": "west", "hts": "heights", "hgts": "heights", "spgs": "springs", "spg": "spring", "bch": "beach", "vlg": "village",
	"twp": "township", "jct": "junction", "lk": "lake", "pk": "park", "pt": "port", "is": "island", "hbr": "harbor", "fls": "falls", "vly": "valley", "cty": "city",
	"grv": "grove", "crk": "creek", "ctr": "center", "rdg": "ridge", "mtn": "mountain", "vw": "view", "no": "north", "so": "south", "pr": "prairie",
}

// umlauts replaces ae, oe and ue, by which German and Nordic names are written without their letters.
func umlauts(r reading, country string) []reading {
	if country != "" && !strings.Contains("de at ch li lu dk no se fi it", country) {
		return nil
	}
	w := slices.Clone(r.words)
	for i := range w {
		w[i] = umlautLetters.Replace(w[i])
	}
	if slices.Equal(w, r.words) {
		return nil
	}
	return []reading{r.with(w, false)}
}

var umlautLetters = strings.NewReplacer("ae", "a", "oe", "o", "ue", "u", "aa", "a")
