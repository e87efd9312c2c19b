package place_test

import (
	"strings"
	"testing"

	"github.com/hybrid-bts/functions/shared/engine/place"
)

// cities are Korean, Japanese and Chinese cities in their own script and in the official romanization.
var cities = map[string]string{
	"KR": `서울 Seoul 부산 Busan 대구 Daegu 인천 Incheon 대전 Daejeon 울산 Ulsan 세종 Sejong 수원 Suwon 성남 Seongnam 의정부 Uijeongbu 안양 Anyang 부천 Bucheon 광명 Gwangmyeong
평택 Pyeongtaek 동두천 Dongducheon 안산 Ansan 고양 Goyang 과천 Gwacheon 구리 Guri 남양주 Namyangju 오산 Osan 시흥 Siheung 군포 Gunpo 의왕 Uiwang 하남 Hanam 용인 Yongin
파주 Paju 이천 Icheon 안성 Anseong 김포 Gimpo 화성 Hwaseong 양주 Yangju 포천 Pocheon 여주 Yeoju 춘천 Chuncheon 원주 Wonju 강릉 Gangneung 동해 Donghae 태백 Taebaek
속초 Sokcho 삼척 Samcheok 청주 Cheongju 충주 Chungju 제천 Jecheon 천안 Cheonan 공주 Gongju 보령 Boryeong 아산 Asan 서산 Seosan 논산 Nonsan 계룡 Gyeryong 당진 Dangjin
전주 Jeonju 군산 Gunsan 익산 Iksan 정읍 Jeongeup 남원 Namwon 김제 Gimje 목포 Mokpo 여수 Yeosu 순천 Suncheon 나주 Naju 광양 Gwangyang 포항 Pohang 경주 Gyeongju
김천 Gimcheon 안동 Andong 구미 Gumi 영주 Yeongju 영천 Yeongcheon 상주 Sangju 문경 Mungyeong 경산 Gyeongsan 창원 Changwon 진주 Jinju 통영 Tongyeong 사천 Sacheon
김해 Gimhae 밀양 Miryang 거제 Geoje 양산 Yangsan 제주 Jeju 서귀포 Seogwipo`,
	"JP": `札幌 Sapporo 青森 Aomori 盛岡 Morioka 仙台 Sendai 秋田 Akita 水戸 Mito 宇都宮 Utsunomiya 前橋 Maebashi さいたま Saitama 千葉 Chiba 横浜 Yokohama 新潟 Niigata 富山 Toyama
金沢 Kanazawa 福井 Fukui 甲府 Kofu 長野 Nagano 岐阜 Gifu 静岡 Shizuoka 名古屋 Nagoya 京都 Kyoto 大阪 Osaka 神戸 Kobe 奈良 Nara 和歌山 Wakayama 鳥取 Tottori 松江 Matsue
岡山 Okayama 広島 Hiroshima 徳島 Tokushima 高松 Takamatsu 松山 Matsuyama 福岡 Fukuoka 長崎 Nagasaki 熊本 Kumamoto 大分 Oita 宮崎 Miyazaki 鹿児島 Kagoshima 那覇 Naha
相模原 Sagamihara 浜松 Hamamatsu 北九州 Kitakyushu 姫路 Himeji 四日市 Yokkaichi 函館 Hakodate`,
	"CN": `北京 Beijing 上海 Shanghai 广州 Guangzhou 深圳 Shenzhen 天津 Tianjin 重庆 Chongqing 成都 Chengdu 武汉 Wuhan 西安 Xi'an 杭州 Hangzhou 南京 Nanjing 郑州 Zhengzhou 沈阳 Shenyang
青岛 Qingdao 大连 Dalian 厦门 Xiamen 宁波 Ningbo 哈尔滨 Harbin 济南 Jinan 昆明 Kunming 合肥 Hefei 南宁 Nanning 东莞 Dongguan 佛山 Foshan 淮安 Huai'an 宿迁 Suqian`,
	"TW": "台北 Taipei 臺北 Taipei 高雄 Kaohsiung 台中 Taichung 臺中 Taichung 台南 Tainan 新北 New_Taipei 桃園 Taoyuan 新竹 Hsinchu 基隆 Keelung 嘉義 Chiayi",
}

func TestNamesInAsianScriptsAndInLatinLettersAreOnePlace(t *testing.T) {
	suffixes := map[string][]string{"KR": {"시", "-si"}, "JP": {"市", "-shi"}, "CN": {"市", " Shi"}, "TW": {"市", " City"}}
	for country, names := range cities {
		fields := strings.Fields(names)
		for i := 0; i+1 < len(fields); i += 2 {
			local, latin := fields[i], strings.ReplaceAll(fields[i+1], "_", " ")
			want := resolve(t, place.Address{City: local, Country: country})
			if !want.Known {
				t.Errorf("%s is unknown", local)
			}
			for _, form := range []string{local + suffixes[country][0], latin, strings.ToUpper(latin), latin + suffixes[country][1]} {
				if p := resolve(t, place.Address{City: form, Country: country}); p.City != want.City || p.Country != want.Country {
					t.Errorf("%q is %q, %s is %q", form, p.City, local, want.City)
				}
			}
		}
	}
}

func TestWardsAreFoundAloneAndBehindTheirCity(t *testing.T) {
	for _, tc := range []struct{ city, country, want string }{
		{"서울특별시 강남구", "KR", "seoul"}, {"서울 강남구", "KR", "seoul"}, {"강남구", "KR", "gangnam"}, {"Gangnam-gu", "KR", "gangnam"},
		{"東京都新宿区", "JP", "tokyo"}, {"東京都 新宿区", "JP", "tokyo"}, {"新宿区", "JP", "shinjuku"}, {"Shinjuku-ku", "JP", "shinjuku"},
		{"대전광역시", "KR", "daejeon"}, {"大阪府", "JP", "osaka"}, {"京都府", "JP", "kyoto"}, {"大阪府堺市", "JP", "sakai"}, {"경기도 수원시", "KR", "suwon"},
	} {
		if p := resolve(t, place.Address{City: tc.city, Country: tc.country}); p.City != tc.want {
			t.Errorf("%q is %+v, want %q", tc.city, p, tc.want)
		}
	}
}
