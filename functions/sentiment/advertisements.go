package main

import (
	"strings"
	"sync"
)

// earnings are patterns of promised earnings, followers and rewards, with the substrings of which a text must have one to match.
var earnings = sync.OnceValue(func() []shape {
	return compile([]hinted{
		{[]string{"earn ", "make ", "made "}, `\b(?:earn|make|made) \$ ?[0-9][0-9,]*k? (?:(?:a|per|every|each) (?:day|week|hour|month)|daily|weekly|with (?:crypto|bitcoin|forex))`},
		{[]string{"followers", "subscribers", "likes"}, `\b(?:buy|[0-9]+k?\+?) (?:instagram |insta |tiktok |youtube |real )?(?:followers|subscribers|likes) (?:for|cheap|now)`},
		{[]string{"월", "하루"}, `(?:부업|알바).{0,12}(?:하루|월) ?[0-9]+|(?:하루|월) ?[0-9]+(?:만원?)?(?:씩| 이상)? ?(?:버는|벌어|벌 ?수|수익|보장)`},
		{[]string{"月収", "日入", "月入"}, `月収 ?[0-9]+ ?万|日入 ?[0-9]+|月入 ?(?:[0-9]+|过万|過萬)`},
		{[]string{"code "}, `\b(?:enter|use|apply|entre|entrez|utilise[zr]?) (?:my |the |le |invite |referral )?code [a-z0-9]{4,}\b.{0,30}(?:[$€]|\bget\b|\bfree\b|\bbonus\b|\bgagne|\boffert)`},
		{[]string{"gana ", "gagne"}, `\b(?:gana|gagnez|gagne) [0-9]+ ?(?:€|euros?|\$).{0,12}(?:al dia|por dia|par jour|par semaine|desde|depuis)|[0-9]+ ?(?:€|euros) (?:al dia|por dia|par jour)`},
	})
})

// advertisements are words of advertisements. A text is one if it has a word of the first list, near a word of the second
// list unless that is empty. Words have no spaces in Korean, Japanese and Chinese, because the spaces of the text are
// removed too; words of other languages have no accents.
var advertisements = []struct{ words, near []string }{
	// Gambling.
	{[]string{"안전놀이터", "메이저놀이터", "먹튀검증", "꽁머니", "첫충", "토토사이트", "스포츠토토", "sports betting", "betting tips", "free spins", "apuestas deportivas", "casa de apuestas", "tragamonedas", "paris sportifs", "machines a sous"}, nil},
	{[]string{"オンラインカジノ", "オンカジ", "競馬必勝", "バカラ必勝", "パチンコ攻略", "赌场", "賭場", "百家乐", "百家樂", "博彩", "网赌", "彩金", "六合彩", "时时彩", "真人视讯"}, nil},
	{[]string{"토토", "카지노", "바카라", "파워볼", "홀덤", "슬롯", "사다리게임", "배팅", "베팅"}, []string{"가입", "먹튀", "배당", "환전", "보너스", "무료쿠폰", "픽공유", "수익", "사설", "놀이터"}},
	{[]string{"로또"}, []string{"번호추천", "예상번호", "당첨번호공유"}},
	{[]string{"casino", "baccarat", "slots online", "online slots", "poker", "roulette"}, []string{"bonus", "sign up", "bono", "registrate", "inscription", "inscri", "online casino", "en ligne", "en linea", "deposit", "win big", "real money"}},
	{[]string{"カジノ", "スロット"}, []string{"登録", "ボーナス", "入金", "スピン"}},
	{[]string{"棋牌", "彩票"}, []string{"注册", "平台", "计划", "送"}},
	{[]string{"apuesta", "pronostic"}, []string{"segur", "ganancia", "gana ", "gagn"}},
	// Loans.
	{[]string{"월변", "개인돈", "대출문의", "작업대출", "payday loan", "no credit check", "entre particuliers", "prestamo entre particulares", "credit rapide", "pret rapide", "pret d'argent", "credito rapido", "creditos rapidos"}, nil},
	{[]string{"即日融資", "ブラックok", "カード現金化", "来店不要", "套现", "套現", "无抵押", "黑户"}, nil},
	{[]string{"대출"}, []string{"당일", "무직", "신용", "저금리", "한도", "대환", "승인", "연체", "비대면대출", "주부대출", "직장인"}},
	{[]string{"급전"}, []string{"필요하신", "대출", "상담"}},
	{[]string{"현금화"}, []string{"소액결제", "신용카드", "수수료", "최고가", "24시간", "해드"}},
	{[]string{" loan"}, []string{"apply", "interest", "approv", "we offer", "24 hours", "bad credit", "instant", "lender"}},
	{[]string{"prestamo"}, []string{"rapido", "sin aval", "interes", "solicita", "urgente", "inmediato", "online"}},
	{[]string{"融資", "キャッシング", "カードローン"}, []string{"即日", "審査", "無職", "ブラック"}},
	{[]string{"贷款", "貸款", "借款", "网贷"}, []string{"抵押", "放款", "下款", "秒", "额度", "征信", "低息"}},
	// Adult services and drugs.
	{[]string{"출장안마", "출장마사지", "출장샵", "조건만남", "성인용품", "비아그라", "시알리스", "발기부전", "만남어플", "섹파", "원나잇", "애인대행", "야동", "벗방", "성인방송", "성인사이트", "성인채팅"}, nil},
	{[]string{"hot singles", "singles in your area", "viagra", "cialis", "kamagra", "sex cam", "sex chat", "escort service", "no prescription", "adult dating", "sexy girls", "sexy singles", "hookup", "sugar daddy", "porn", "lonely women", "women near you", "webcam xxx", "xxx gratis"}, nil},
	{[]string{"セフレ", "今すぐ会える", "即会い", "出会い系", "無料出会い", "パパ活", "人妻", "エロ動画", "アダルト動画", "無修正", "バイアグラ"}, nil},
	{[]string{"约炮", "約炮", "裸聊", "上门服务", "成人视频", "成人網站", "成人网站", "成人电影", "援交", "一夜情", "激情视频", "伟哥"}, nil},
	{[]string{"chicas calientes", "citas sexuales", "chat erotico", "mujeres solteras", "rencontre coquine", "rencontres coquines", "rencontre sexy", "plan cul", "webcam sexy"}, nil},
	{[]string{"만남"}, []string{"여대생", "20대", "30대여성", "무료채팅", "채팅무료"}},
	// Referrals.
	{[]string{"추천인", "초대코드", "추천코드", "친구초대", "가입코드"}, []string{"입력하면", "입력하시면", "입력해", "입력시", "넣고가입", "받으세요", "써주", "적어주", "드려요", "줘요"}},
	{[]string{"referral code", "invite code", "referral link", "my code"}, []string{"use my", "up with my", "both get", "free cash", "enter my"}},
	{[]string{"招待コード", "紹介コード"}, []string{"もらえ", "入力", "進呈", "プレゼント", "円", "ポイント"}},
	{[]string{"邀请码", "邀請碼", "推荐码", "推薦碼"}, []string{"注册", "註冊", "红包", "紅包", "填", "领", "領", "奖励"}},
	{[]string{"codigo de referido", "codigo de invitacion", "code parrainage", "code de parrainage", "parrainage :"}, nil},
	{[]string{"mi codigo", "mon code"}, []string{"€", "$", "gana", "gagne", "gratis", "gratuit", "offert"}},
	{[]string{"link in my bio", "link in bio", "click my profile", "visit my profile"}, nil},
	// Jobs, investments and followers.
	{[]string{"고수익", "리딩방", "급등주", "재택부업", "상품권매입", "문상매입", "在宅副業", "刷单", "刷單", "日赚", "日賺", "躺赚", "网赚", "荐股", "稳赚", "スマホだけで稼", "ingresos extra", "ingresos pasivos", "revenus passifs", "guaranteed returns", "guaranteed profit", "trading signals"}, nil},
	{[]string{"부업", "투잡", "알바"}, []string{"초보환영", "고수익", "집에서하는", "버는법", "버는방법", "수익인증", "문의"}},
	{[]string{"주식", "코인", "선물거래"}, []string{"리딩", "급등", "수익률", "무료방", "추천주", "종목추천"}},
	{[]string{"팔로워", "구독자", "좋아요"}, []string{"늘려드", "늘리기", "판매합니다", "개당", "작업해"}},
	{[]string{"working from home", "work from home"}, []string{"earn $", "make $", "ask me how"}},
	{[]string{"crypto", "bitcoin", "forex"}, []string{"invest now", "thanks to mr", "guaranteed", "my profit", "dm me"}},
	{[]string{"副業"}, []string{"月収", "万円稼", "初心者歓迎", "誰でも", "稼げ"}},
	{[]string{"仮想通貨", "fx"}, []string{"必勝", "稼げ", "月利", "自動売買"}},
	{[]string{"フォロワー"}, []string{"増やし", "販売"}},
	{[]string{"兼职", "兼職", "副业"}, []string{"日入", "在家", "日结", "月入"}},
	{[]string{"gana dinero", "ganar dinero", "gagnez de l'argent", "gagne de l'argent", "gagner de l'argent"}, []string{"casa", "chez vous", "chez toi", "par jour", "al dia", "movil", "en ligne", "internet"}},
	{[]string{"travail a domicile", "trabaja desde casa"}, []string{"€", "euros", "$"}},
	{[]string{"criptomoneda", "inversion", "investissement"}, []string{"ganancia", "garanti", "rendement", "rentab"}},
	{[]string{"seguidores", "abonnes"}, []string{"compra ", "por solo", "achete", "pour seulement"}},
}

// nearby is the maximum distance of the words of an advertisement, in bytes: about 30 letters of Korean.
const nearby = 90

// advertises reports whether a text, in its normalized form, is an advertisement.
func advertises(text string) bool {
	joined := strings.Join(strings.Fields(text), "")
	for _, ad := range advertisements {
		for _, word := range ad.words {
			in := joined
			if word[0] < 0x80 {
				in = text
			}
			if hasNear(in, word, ad.near) {
				return true
			}
		}
	}
	return false
}

// hasNear reports whether a text has a word, and one of others at most nearby bytes before or after it. No others: the word
// alone is enough.
func hasNear(text, word string, others []string) bool {
	for at := 0; ; {
		n := strings.Index(text[at:], word)
		if n < 0 {
			return false
		}
		from := at + n
		at = from + len(word)
		if len(others) == 0 || containsAny(text[max(0, from-nearby):min(len(text), at+nearby)], others) {
			return true
		}
	}
}
