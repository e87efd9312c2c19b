package main

import (
	"strings"
	"testing"
)

func TestContactDetailsAreFound(t *testing.T) {
	for _, text := range []string{
		// Korean mobile numbers
		"010-1234-5678", "문의는 01012345678로 주세요", "010 1234 5678", "010.1234.5678", "010)1234-5678", "011-123-4567", "016 9876 543 2",
		"0 1 0 1 2 3 4 5 6 7 8", "0-1-0-1-2-3-4-5-6-7-8", "０１０－１２３４－５６７８", "①⓪", // the last is completed below
		"공일공 일이삼사 오육칠팔", "공일공일이삼사오육칠팔이에요", "영일영-1234-5678", "010일이삼사5678", "연락 o1o-1234-5678", "O1O 1234 S678 아니고 O1O 1234 5678",
		"010ㅡ1234ㅡ5678", "010💜1234💜5678", "010★1234★5678 문자", "010--1234--5678", "010_1234_5678", "010/1234/5678", "제 번호 (010) 1234 5678",
		"0️⃣1️⃣0️⃣1️⃣2️⃣3️⃣4️⃣5️⃣6️⃣7️⃣8️⃣", "0\u200b1\u200b0-1234-5678", "공.일.공.일.이.삼.사.오.육.칠.팔", "공일공에 일이삼사에 오육칠팔", "010 에 1234 에 5678", "010다시1234다시5678", "0 10-1234-5678",
		"+82 10-1234-5678", "+82-10-1234-5678", "+821012345678", "82-10-1234-5678", "+82 (0)10 1234 5678", "0082 10 1234 5678",
		// other Korean numbers
		"02-123-4567", "02)1234-5678", "031-123-4567", "070-1234-5678", "0212345678", "0505-123-4567", "대출상담 1588-1234", "1577-0000번으로",
		// numbers of other countries
		"+1 (555) 234-5678", "call 555-234-5678", "(555) 234-5678", "555.234.5678", "+44 20 7946 0958", "020 7946 0958", "07700 900123",
		"090-1234-5678", "03-1234-5678", "+81 90 1234 5678", "06 12 34 56 78", "06.12.34.56.78", "+33 6 12 34 56 78", "+34 612 345 678",
		"13812345678", "138 1234 5678", "微信 138-1234-5678", "一三八不是，〇一〇 一二三四 五六七八",
		"0463-12-3456", "0120-123-456", "021-12345678", "612 34 56 78",
		// mail
		"army@example.com", "mail me: first.last+bts@post.example.org!", "ARMY@EXAMPLE.COM", "army @ example.com", "army＠example．com", "army골뱅이naver.com",
		"army 골뱅이 네이버", "army(at)gmail.com", "army [at] example [dot] org", "army at gmail dot com", "army(골뱅이)daum.net", "아미@네이버.컴", "아미 골뱅이 네이버 닷 컴", "army@naver",
		"army골뱅이hanmail점net", "army at gmail",
		// URLs
		"https://example.com/x", "HTTP://EXAMPLE.COM", "www.example.com", "example.com 으로 오세요", "싸게 사려면 example.co.kr", "example.kr", "bit.ly/3abcde", "t.me/armyshop",
		"open.kakao.com/o/abcdef", "naver.me/xyz12", "forms.gle/abcDEF", "youtu.be/abc", "army-goods.net", "armygoods 닷컴", "armygoods쩜컴", "armygoods . com", "armygoods dot com", "armygoods(dot)com", "앨범마켓.com", "앨범마켓.한국",
		"armygoods。com", "blog.naver.com/army", "armygoods .com", "armygoods점com", "armygoods.io", "armygoods.co.uk", "linktr.ee/army",
	} {
		if text == "①⓪" {
			text = "⓪①⓪-①②③④-⑤⑥⑦⑧"
		}
		for _, around := range []string{"%", "좋아요 % 좋아요", "정말 예뻐요!\n%\n추천해요", "good. %, really"} {
			if text := strings.ReplaceAll(around, "%", text); !hasContact(text) {
				t.Errorf("%q has contact details, none found", text)
			}
		}
	}
}

func TestHostNamesWithAWordAsTopLevelDomainAreFound(t *testing.T) {
	for _, text := range []string{"armygoods.shop 에서 싸게 팔아요", "armygoods.store에서", "여기요 armygoods.shop", "armygoods.online!", "安い店 armygoods.site で"} {
		if !hasContact(text) {
			t.Errorf("%q has contact details, none found", text)
		}
	}
}

func TestPricesDatesAndModelNumbersAreNoContactDetails(t *testing.T) {
	for _, text := range []string{
		"", "포카가 예뻐요 💜", "BT21 인형 귀여워요", "2026.11.20", "2026-11-20에 주문", "2026년 11월 20일 19:00", "20.11.2026", "08.15.2026 10시에 왔어요", "01.02.2026",
		"배송 11/18~11/20", "39,000원", "1,000,000원도 안 아까워요", "가격은 18900원", "price 44000 won", "100000000", "50,000~60,000원", "1500-2000원 싸요", "1600-1800원대", "$1,234.56", "₩ 18,900", "0.0001", "3.14159265358979",
		"100x70cm", "90 95 100 105 110 사이즈", "M 95 L 100 XL 105", "XL(105)", "170cm 60kg", "키 158 몸무게 45", "size 36-38-40", "가슴둘레 100-105-110",
		"LED 5050", "모델 SKZ-2026-11-20", "시리얼 20261120-001", "주문번호 2026112012345678", "송장 640012345678 확인", "바코드 8809634380036", "ISBN 9791196943608", "ISBN 979-11-969436-0-8",
		"4K 3840x2160", "5.0/5.0", "별 5개 중 4.5점", "No.1", "vol.2", "Ver.2 vs Ver.3", "1+1 행사", "0 1 2 3", "7/7/2026 19:00", "010", "0101", "1988-2026", "D-100", "00:00:00", "01-16-2026 12:30", "01-10-2026 12:30:45", "2026-01-16 12:30:45", "01/16/2026 12:30:45", "01-05-2026 1:30", "01.05.2026 1:30", "2026.01.05 2026.01.06", "Jan 05 2026 11:30", "size.color/quality", "200 100 100 100 100",
		"오 이거 일등이에요", "이 구성에 이 가격이면 사야지", "일이 많아서 이제야 후기 써요", "공구로 샀어요 일주일 걸림", "오일 사이에 왔어요", "이사 오고 칠팔 일 지나서", "영일이가 좋아해요", "구이 삼이 오이",
		"좋아요.추천해요", "배송 빨라요.한국에서 왔어요", "감동적이다.한국 제품답게 튼튼해요", "최고.한국의 자랑", "It was good.My friend loves it", "great.top quality", "Lovely.Shop again soon", "Everything great.Store was nice", "très joli.info utile", "love it.me too", "so cute.to be honest", "a.k.a. the best", "e.g. this one", "etc. ok", "good...very good", "Best album ever. Net result: happy",
		"@bts_official 보고 샀어요", "인스타 @army", "골뱅이 무침 같은 색", "골뱅이 다음에 또", "meet at home", "cheaper than at naver", "bought at Kakao Friends", "Looked at Yahoo auctions first", "look at the dot on it", "장점 많고 단점 없음", "별점 다섯 개", "닷새 만에 도착", "and/or", "9/10", "앨범/포카/포스터",
		"ver.2/ver.3", "S/M/L", "24/7", "BE (Deluxe Edition)", "MAP OF THE SOUL : 7", "Love Yourself 轉 'Tear'", "Butter 2021.07.09 발매", "Proof 2022/06/10", "WINGS 2016. 10. 10.",
		"배송 3일, 포장 5점, 품질 4점", "11번가보다 싸요", "7인 7색 포카 7장", "12,345,678번째 구매", "3000 3500 4000", "2021 2022 2023 2024", "oil oil ioio", "illooil", "빵빵 터져요",
	} {
		if hasContact(text) {
			t.Errorf("%q has no contact details, some found", text)
		}
	}
}

func FuzzHasContact(f *testing.F) {
	for _, seed := range []string{"", "010-1234-5678", "army 골뱅이 네이버", "2026.11.20", "\xff0\xfe1", "０", "①⓪", "ㅡㅡㅡ", "example.com"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		found := hasContact(text)
		if again := hasContact(text); again != found {
			t.Errorf("%v, then %v", found, again)
		}
		if !hasContact(text + "\n연락처 010-1234-5678") {
			t.Errorf("a number after %q is not found", text)
		}
		if !hasContact("army@example.com " + text) {
			t.Errorf("an address before %q is not found", text)
		}
	})
}

func BenchmarkHasContact(b *testing.B) {
	const text = "포토카드가 정말 예뻐요! 배송은 이틀 걸렸고 포장도 꼼꼼했어요. 가격은 18,900원이라 부담 없고 사이즈도 100x70cm로 딱 맞아서 만족합니다."
	for b.Loop() {
		hasContact(text)
	}
}

func BenchmarkNormalize(b *testing.B) {
	const text = "포토카드가 정말 예뻐요! 배송은 이틀 걸렸고 포장도 꼼꼼했어요. 가격은 18,900원이라 부담 없고 사이즈도 100x70cm로 딱 맞아서 만족합니다."
	for b.Loop() {
		normalize(text)
	}
}
