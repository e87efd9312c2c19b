package spelling

import (
	"strings"
	"sync"
)

// CountryOf returns the lower-case ISO 3166-1 code of a country that is written as a code or a name, in English or in its own
// language, and "" for all other texts.
func CountryOf(text string) string {
	key := Key(text)
	if key == "" {
		return ""
	}
	return countryIndex()[key]
}

// countryIndex maps keys of codes and names to codes.
var countryIndex = sync.OnceValue(func() map[string]string {
	index := make(map[string]string, 700)
	for line := range strings.Lines(countryNames) {
		code, names, _ := strings.Cut(strings.TrimSpace(line), ":")
		index[code] = code
		for name := range strings.SplitSeq(names, ",") {
			index[Key(name)] = code
		}
	}
	return index
})

// countryNames has a line for each country: its code, its English names, and its names at home and in Korean if they occur in
// addresses.
const countryNames = `ad:Andorra
ae:United Arab Emirates,UAE,الإمارات
af:Afghanistan,افغانستان
ag:Antigua and Barbuda
ai:Anguilla
al:Albania,Shqipëria
am:Armenia,Հայաստան
ao:Angola
ar:Argentina,아르헨티나
as:American Samoa
at:Austria,Österreich,Oesterreich,Autriche,오스트리아
au:Australia,오스트레일리아,호주,AUS
aw:Aruba
ax:Åland,Aland Islands
az:Azerbaijan,Azərbaycan
ba:Bosnia and Herzegovina,Bosna i Hercegovina,Bosnia
bb:Barbados
bd:Bangladesh,বাংলাদেশ
be:Belgium,Belgique,België,Belgien,벨기에
bf:Burkina Faso
bg:Bulgaria,България
bh:Bahrain,البحرين
bi:Burundi
bj:Benin,Bénin
bl:Saint Barthélemy
bm:Bermuda
bn:Brunei,Brunei Darussalam
bo:Bolivia
bq:Bonaire
br:Brazil,Brasil,브라질,BRA
bs:Bahamas,The Bahamas
bt:Bhutan
bw:Botswana
by:Belarus,Беларусь
bz:Belize
ca:Canada,캐나다,CAN
cd:Democratic Republic of the Congo,DR Congo
cf:Central African Republic
cg:Congo
ch:Switzerland,Schweiz,Suisse,Svizzera,스위스
ci:Ivory Coast,Côte d'Ivoire
ck:Cook Islands
cl:Chile,칠레
cm:Cameroon,Cameroun
cn:China,PR China,People's Republic of China,中国,中國,중국,CHN
co:Colombia
cr:Costa Rica
cu:Cuba
cv:Cape Verde,Cabo Verde
cw:Curaçao
cy:Cyprus,Κύπρος
cz:Czech Republic,Czechia,Česko,Česká republika
de:Germany,Deutschland,Allemagne,Alemania,독일,DEU
dj:Djibouti
dk:Denmark,Danmark,덴마크
dm:Dominica
do:Dominican Republic,República Dominicana
dz:Algeria,Algérie,الجزائر
ec:Ecuador
ee:Estonia,Eesti
eg:Egypt,مصر
er:Eritrea
es:Spain,España,Espagne,Spanien,스페인,ESP
et:Ethiopia
fi:Finland,Suomi,핀란드
fj:Fiji
fk:Falkland Islands
fm:Micronesia
fo:Faroe Islands
fr:France,Frankreich,Francia,French Republic,République française,프랑스,法国,フランス,FRA
ga:Gabon
gb:United Kingdom,Great Britain,UK,England,Scotland,Wales,Northern Ireland,영국,GBR
gd:Grenada
ge:Georgia,საქართველო
gf:French Guiana,Guyane
gg:Guernsey
gh:Ghana
gi:Gibraltar
gl:Greenland
gm:Gambia
gn:Guinea
gp:Guadeloupe
gq:Equatorial Guinea
gr:Greece,Ελλάδα,Hellas,EL
gt:Guatemala
gu:Guam
gw:Guinea-Bissau
gy:Guyana
hk:Hong Kong SAR,香港特别行政区
hn:Honduras
hr:Croatia,Hrvatska
ht:Haiti,Haïti
hu:Hungary,Magyarország
id:Indonesia,인도네시아
ie:Ireland,Éire,Republic of Ireland
il:Israel,ישראל
im:Isle of Man
in:India,भारत,인도,IND
iq:Iraq,العراق
ir:Iran,ایران
is:Iceland,Ísland
it:Italy,Italia,Italie,Italien,이탈리아,ITA
je:Jersey
jm:Jamaica
jo:Jordan,الأردن
jp:Japan,日本,일본,JPN,Nippon
ke:Kenya
kg:Kyrgyzstan
kh:Cambodia,កម្ពុជា
ki:Kiribati
km:Comoros
kn:Saint Kitts and Nevis
kp:North Korea,조선
kr:South Korea,Korea,Republic of Korea,Korea Republic of,대한민국,한국,韓国,韩国,KOR
kw:Kuwait,الكويت
ky:Cayman Islands
kz:Kazakhstan,Қазақстан
la:Laos
lb:Lebanon,Liban,لبنان
lc:Saint Lucia
li:Liechtenstein
lk:Sri Lanka
lr:Liberia
ls:Lesotho
lt:Lithuania,Lietuva
lu:Luxembourg,Luxemburg
lv:Latvia,Latvija
ly:Libya,ليبيا
ma:Morocco,Maroc,المغرب
mc:Monaco
md:Moldova
me:Montenegro,Crna Gora
mf:Saint Martin
mg:Madagascar
mh:Marshall Islands
mk:North Macedonia,Macedonia
ml:Mali
mm:Myanmar,Burma
mn:Mongolia
mo:Macau SAR,Macao SAR
mp:Northern Mariana Islands
mq:Martinique
mr:Mauritania
ms:Montserrat
mt:Malta
mu:Mauritius
mv:Maldives
mw:Malawi
mx:Mexico,México,멕시코,MEX
my:Malaysia,말레이시아
mz:Mozambique,Moçambique
na:Namibia
nc:New Caledonia,Nouvelle-Calédonie
ne:Niger
ng:Nigeria
ni:Nicaragua
nl:Netherlands,The Netherlands,Nederland,Holland,Pays-Bas,네덜란드,NLD
no:Norway,Norge,Noreg,노르웨이
np:Nepal
nr:Nauru
nz:New Zealand,뉴질랜드,NZL
om:Oman
pa:Panama,Panamá
pe:Peru,Perú
pf:French Polynesia,Polynésie française
pg:Papua New Guinea
ph:Philippines,Pilipinas,필리핀
pk:Pakistan,پاکستان
pl:Poland,Polska,폴란드,POL
pm:Saint Pierre and Miquelon
pr:Puerto Rico
ps:Palestine
pt:Portugal,포르투갈
pw:Palau
py:Paraguay
qa:Qatar,قطر
re:Réunion,La Réunion
ro:Romania,România
rs:Serbia,Srbija,Србија
ru:Russia,Russian Federation,Россия,러시아,RUS
rw:Rwanda
sa:Saudi Arabia,السعودية
sb:Solomon Islands
sc:Seychelles
sd:Sudan
se:Sweden,Sverige,Schweden,스웨덴
sg:Singapore Republic
si:Slovenia,Slovenija
sk:Slovakia,Slovensko
sl:Sierra Leone
sm:San Marino
sn:Senegal,Sénégal
so:Somalia
sr:Suriname
ss:South Sudan
st:São Tomé and Príncipe
sv:El Salvador
sx:Sint Maarten
sy:Syria,سوريا
sz:Eswatini,Swaziland
tc:Turks and Caicos Islands
td:Chad,Tchad
tg:Togo
th:Thailand,ประเทศไทย,태국
tj:Tajikistan
tl:Timor-Leste
tm:Turkmenistan
tn:Tunisia,Tunisie,تونس
to:Tonga
tr:Turkey,Türkiye,Turkei,터키,TUR
tt:Trinidad and Tobago
tw:Taiwan,台灣,台湾,대만
tz:Tanzania
ua:Ukraine,Україна
ug:Uganda
us:United States,United States of America,USA,U.S.A.,US of A,미국,美国,アメリカ
uy:Uruguay
uz:Uzbekistan,Oʻzbekiston
va:Vatican City State,Holy See
vc:Saint Vincent and the Grenadines
ve:Venezuela
vg:British Virgin Islands
vi:US Virgin Islands
vn:Vietnam,Việt Nam,베트남
vu:Vanuatu
ws:Samoa
xk:Kosovo
ye:Yemen,اليمن
yt:Mayotte
za:South Africa
zm:Zambia
zw:Zimbabwe`
