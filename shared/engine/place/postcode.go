package place

import (
	"strings"
	"sync"

	"github.com/hybrid-bts/functions/shared/engine/place/spelling"
)

// districtPostcodes are the countries whose postcodes begin with the number of a district.
var districtPostcodes = map[string]bool{"fr": true, "es": true}

// areas returns the codes or keys of the regions that a postcode belongs to, or none if it is unknown. They are districts in the
// countries of districtPostcodes, else parts.
func areas(country, postcode string) []string {
	code := compactPostcode(country, postcode)
	if code == "" {
		return nil
	}
	if country == "fr" {
		switch area := code[:min(2, len(code))]; {
		case len(code) != 5 || strings.Trim(code, "0123456789") != "":
			return nil
		case area == "20":
			return []string{"2a", "2b"}
		default:
			return []string{area}
		}
	}
	for _, r := range postcodeRanges()[country] {
		if n := len(r.first); len(code) >= max(n, minimumPostcode[country]) && r.first <= code[:n] && code[:n] <= r.last {
			return r.areas
		}
	}
	return nil
}

// compactPostcode returns a postcode in lower case without spaces, hyphens and the prefix of the country.
func compactPostcode(country, postcode string) string {
	code := strings.Map(func(r rune) rune {
		if 'a' <= r && r <= 'z' || '0' <= r && r <= '9' {
			return r
		}
		return -1
	}, strings.ToLower(postcode))
	if country != "" && country != "gb" && country != "ca" {
		code = strings.TrimPrefix(code, country)
	}
	return code
}

// territoryOf returns the country of ISO 3166 in which a postcode of France or the USA lies, or "" for the country itself.
func territoryOf(country, postcode string) string {
	code := compactPostcode(country, postcode)
	if len(code) < 5 {
		return ""
	}
	return postcodeTerritories[country+code[:3]]
}

var postcodeTerritories = map[string]string{
	"fr971": "gp", "fr972": "mq", "fr973": "gf", "fr974": "re", "fr975": "pm", "fr976": "yt", "fr977": "bl", "fr978": "mf", "fr986": "wf", "fr987": "pf", "fr988": "nc",
	"us006": "pr", "us007": "pr", "us008": "vi", "us009": "pr", "us969": "gu",
}

// minimumPostcode is the length of a postcode in characters.
var minimumPostcode = map[string]int{"us": 5, "ca": 3, "au": 4, "es": 5, "br": 5, "mx": 5, "kr": 5, "jp": 7, "in": 6, "de": 5, "cn": 6, "it": 5}

// postcodeRange is a range of the beginnings of postcodes. first and last have one length.
type postcodeRange struct {
	first, last string
	areas       []string
}

// postcodeRanges parses postcodeTable.
var postcodeRanges = sync.OnceValue(func() map[string][]postcodeRange {
	ranges := map[string][]postcodeRange{}
	for line := range strings.Lines(postcodeTable) {
		country, list, _ := strings.Cut(strings.TrimSpace(line), ":")
		for item := range strings.SplitSeq(list, " ") {
			bounds, area, _ := strings.Cut(item, "=")
			first, last, ok := strings.Cut(bounds, "-")
			if !ok {
				last = first
			}
			r := postcodeRange{first: first, last: last}
			for name := range strings.SplitSeq(area, "/") {
				r.areas = append(r.areas, spelling.Key(name))
			}
			ranges[country] = append(ranges[country], r)
		}
	}
	return ranges
})

// postcodeTable has the areas of postcodes by their beginnings, as the post offices publish them. A range holds both ends. Areas
// that share a beginning are separated by a slash.
const postcodeTable = `us:005=ny 010-027=ma 028-029=ri 030-038=nh 039-049=me 050-054=vt 055=ma 056-059=vt 060-062=ct 063=ct/ny 064-069=ct 070-089=nj 100-149=ny 150-196=pa 197-199=de 200=dc 201=va 202-205=dc 206-219=md 220-246=va 247-268=wv 270-289=nc 290-299=sc 300-319=ga 320-349=fl 350-369=al 370-385=tn 386-397=ms 398-399=ga 400-427=ky 430-459=oh 460-479=in 480-499=mi 500-528=ia 530-549=wi 550-567=mn 569=dc 570-577=sd 580-588=nd 590-599=mt 600-629=il 630-658=mo 660-679=ks 680-693=ne 700-714=la 716-729=ar 730-732=ok 733=tx 734-749=ok 750-799=tx 800-816=co 820-831=wy 832-838=id 840-847=ut 850-865=az 870-884=nm 885=tx 889-898=nv 900-961=ca 967-968=hi 970-979=or 980-994=wa 995-999=ak
ca:a=nl b=ns c=pe e=nb g=qc h=qc j=qc k=on l=on m=on n=on p=on r=mb s=sk t=ab v=bc x=nt/nu y=yt
au:02=act 08=nt 09=nt 260-261=act/nsw 290-291=act 1=nsw 2=nsw 3=vic 4=qld 5=sa 6=wa 7=tas 8=vic 9=qld
br:01-19=sp 20-28=rj 29=es 30-39=mg 40-48=ba 49=se 50-56=pe 57=al 58=pb 59=rn 60-63=ce 64=pi 65=ma 660-688=pa 689=ap 690-692=am 693=rr 694-698=am 699=ac 700-727=df 728-729=go/df 730-736=df 737-767=go 768-769=ro 77=to 780-788=mt 79=ms 80-87=pr 88-89=sc 90-99=rs
mx:00-16=cmx 20=agu 21-22=bcn 23=bcs 24=cam 25-27=coa 28=col 29-30=chp 31-33=chh 34-35=dur 36-38=gua 39-41=gro 42-43=hid 44-49=jal 50-57=mex 58-61=mic 62=mor 63=nay 64-67=nle 68-71=oax 72-75=pue 76=que 77=roo 78-79=slp 80-82=sin 83-85=son 86=tab 87-89=tam 90=tla 91-96=ver 97=yuc 98-99=zac
kr:01-09=서울 10-20=경기도 21-23=인천 24-26=강원 27-29=충북 30=세종 31-33=충남 34-35=대전 36-40=경북 41-43=대구 44-45=울산 46-49=부산 50-53=경남 54-56=전북 57-60=전남 61-62=광주 63=제주
in:11=dl 12-13=hr 14-15=pb 16=ch/pb/hr 17=hp 18-19=jk/la 20-28=up/uk 30-34=rj 36-39=gj 40-44=mh/ga 45-48=mp 49=cg 50=ts/ap 51-53=ap/ts 56-59=ka 60-66=tn/py 67-69=kl 70-74=wb/sk/an 75-77=od 78=as 79=ar/ml/mn/mz/nl/tr 80-85=br/jh
cn:10=北京 20=上海 30=天津 01-02=内蒙古 03-04=山西 05-07=河北 11-12=辽宁 13=吉林 15-16=黑龙江 21-22=江苏 23-24=安徽 25-27=山东 31-32=浙江 33-34=江西 35-36=福建 40=重庆 41-42=湖南 43-44=湖北 45-47=河南 51-52=广东 53-54=广西 55-56=贵州 57=海南 61-64=四川 65-67=云南 71-72=陕西 73-74=甘肃 75=宁夏 81=青海 83-84=新疆 85-86=西藏
jp:00=北海道 04-09=北海道 01=秋田県 02=岩手県 03=青森県 10-20=東京都 21-25=神奈川県 26-29=千葉県 30-31=茨城県 32=栃木県 33-36=埼玉県 37=群馬県 38-39=長野県 40=山梨県 41-43=静岡県 44-49=愛知県 50=岐阜県 51=三重県 52=滋賀県 53-59=大阪府 60-62=京都府 63=奈良県 64=和歌山県 65-67=兵庫県 68=鳥取県 69=島根県 70-71=岡山県 72-73=広島県 74-75=山口県 76=香川県 77=徳島県 78=高知県 79=愛媛県 80-83=福岡県 84=佐賀県 85=長崎県 86=熊本県 87=大分県 88=宮崎県 89=鹿児島県 90=沖縄県 91=福井県 92=石川県 93=富山県 94-95=新潟県 96-97=福島県 98=宮城県 99=山形県
es:01=vi 02=ab 03=a 04=al 05=av 06=ba 07=pm 08=b 09=bu 10=cc 11=ca 12=cs 13=cr 14=co 15=c 16=cu 17=gi 18=gr 19=gu 20=ss 21=h 22=hu 23=j 24=le 25=l 26=lo 27=lu 28=m 29=ma 30=mu 31=na 32=or 33=o 34=p 35=gc 36=po 37=sa 38=tf 39=s 40=sg 41=se 42=so 43=t 44=te 45=to 46=v 47=va 48=bi 49=za 50=z 51=ce 52=me`
