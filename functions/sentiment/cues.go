package main

import (
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// A cue is a kind of words that solicitation uses, and that ordinary reviews use too. One cue proves nothing; several kinds close
// together do: a messenger and "contact me", an offer to sell and a price below the shop's. Each kind counts once.
type cue struct {
	name   string
	weight int
	// words have no spaces in Korean, Japanese and Chinese. Latin words have no accents and match from the start of a word on; a
	// space at the end demands its end.
	words []string
}

const (
	enoughCues = 4   // the sum of weights that makes a text solicitation
	cueWindow  = 150 // the maximum distance of the first cue and the last, in bytes: about 60 letters of Korean
)

var cues = []cue{
	{"channel", 2, []string{
		"카톡", "까톡", "카카오톡", "텔레그램", "텔레@", "텔그", "오픈채팅", "오픈톡", "단톡", "위챗", "왓츠앱", "디스코드", "인스타", "디엠", "쪽지", "비댓", "프로필링크", "개인메시지",
		"whatsapp", "whats app", "wsp ", "telegram", "tele ", "lineid", "line id", "wechat", "kakao", "insta ", "instagram", "snap ", "snapchat", "discord", "signal ", "dm ", "dms ", "inbox", "pm ", "private message", "bio ",
		"privado", "mensaje directo", "message prive", "en mp ", "mp ", "por interno",
		"微信", "薇信", "v信", "vx", "qq", "私信", "电报", "電報", "飞机号", "line交換", "lineid", "インスタ", "カカオ", "テレグラム", "プロフ", "ダイレクト",
	}},
	{"invitation", 2, []string{
		"연락주세요", "연락바랍", "연락줘", "연락하세요", "연락환영", "문의주세요", "문의하세요", "문의바랍", "문의환영", "문의는", "상담환영", "상담주세요", "친추", "추가해주", "놀러오세요", "구경오세요", "들어오세요", "오시면", "하실분", "원하시는분", "필요하신분", "필요하면말", "관심있으신분", "관심있는분", "모집합니다", "모집중", "모십니다", "타고오세요", "남겨주시면", "톡줘", "톡주세요", "말걸어",
		"dm me", "add me", "contact me", "message me", "msg me", "text me", "inbox me", "write me", "write to me", "hit me up", "hmu", "reach me", "reach out to", "ask me how", "find me on", "talk to me", "pm me", "join us", "join our", "join my", "who wants", "if interested", "interested people", "contact us",
		"escribeme", "escribanme", "contactame", "contactenme", "hablame", "agregame", "sigueme", "siganme", "buscame", "preguntame", "pregunta por", "unete", "interesados", "manden ",
		"ecris moi", "ecrivez moi", "ecris-moi", "ecrivez-moi", "contacte moi", "contactez moi", "contactez-moi", "contacte-moi", "ajoute moi", "ajoute-moi", "ajoutez-moi", "rejoins", "rejoignez", "suivez moi", "suivez-moi", "interesses", "viens en ",
		"联系我", "聯繫我", "联系方式", "加我", "私聊", "找我", "滴滴我", "有需要的", "有意者", "感兴趣的", "进群", "進群", "扫码", "欢迎咨询", "咨询我", "諮詢",
		"連絡ください", "連絡下さい", "連絡待って", "興味ある人", "興味ある方", "興味のある方", "気になる方", "希望者は", "dmください", "dmして", "フォローして", "友だち追加", "友達追加", "追加して", "お気軽に", "声かけて",
	}},
	{"trade", 2, []string{
		"팝니다", "팔아요", "팔고있", "팔고있어", "넘겨요", "넘깁니다", "양도합니다", "양도해요", "양도가능", "교환하실", "판매합니다", "판매중", "도매", "공구글", "공구진행", "공동구매진행", "대리구매", "구매대행", "매입합니다", "나눔합니다", "재고있어요", "물량있",
		"for sale", "selling", "i sell", "we sell", "wholesale", "resell", "presale", "restock at", "bulk order", "cheap tickets",
		"vendo", "vendemos", "se vende", "mayoreo", "al por mayor", "remato", "je vends", "a vendre", "grossiste", "vente de ", "revends",
		"便宜出", "低价出", "出小卡", "出演唱会", "出售", "转让", "批发", "代购", "代購", "收购", "高价收", "現貨出",
		"譲ります", "お譲り", "売ります", "売ってます", "販売中", "販売して", "卸値", "代行します", "買取ます", "買い取ります",
	}},
	{"bargain", 1, []string{
		"싸게", "반값", "더싸", "최저가", "할인", "무료", "공짜", "저렴", "최고가", "특가", "이벤트중", "half price", "half the price", "half off", "cheap", "discount", "free ", "giveaway", "lowest price", "% off",
		"barat", "descuento", "gratis", "mitad de precio", "moins cher", "pas cher", "reduction", "promo ", "gratuit", "moitie prix", "remise",
		"便宜", "低价", "优惠", "免费", "半价", "打折", "折扣", "半額", "安く", "格安", "割引", "無料", "プレゼント", "クーポン",
	}},
	{"reward", 2, []string{
		"지급", "보너스", "포인트만", "만원씩", "만원줘", "받아가세요", "받으세요", "둘다", "적립금드", "수수료를받", "현금드", "쿠폰드", "공짜로드", "건당", "페이백", "캐시백", "머니3", "머니5", "추첨해",
		"we both get", "both get", "you get $", "bonus", "cash reward", "cashback", "gift card", "free spins", "commission", "get paid", "earn money", "earn $", "extra cash", "double your", "per referral",
		"nos dan", "ganamos", "ganas ", "recibes", "bono ", "regalo de", "duplica", "on gagne", "tu gagnes", "vous gagnez", "recevez", "touchez ", "offerts", "prime de",
		"红包", "紅包", "返利", "返现", "送100", "彩金", "佣金", "奖励", "领取", "双方", "もらえ", "報酬", "ボーナス", "進呈", "キャッシュバック", "ポイントゲット",
	}},
	{"sign-up", 2, []string{
		"가입하", "가입시", "가입만", "가입즉시", "지금가입", "신규가입", "회원모집", "추천인", "초대코드", "추천코드", "입력하면", "입력하시", "친구초대", "무료입장", "단톡방초대", "링크로가입", "첫충", "구독좋아요", "구독부탁", "구독과",
		"sign up", "signup", "register now", "register with", "referral", "invite code", "invitation code", "my code", "my link", "use code", "promo code at", "download the app", "install the app", "subscribe to my", "follow my",
		"registrate", "mi codigo", "mi enlace", "mi link", "codigo de invit", "descarga la app", "suscrib", "sigan mi", "mon code", "mon lien", "parrain", "inscris", "inscrivez", "telecharge l", "abonne toi", "abonne-toi", "abonnez",
		"注册", "註冊", "邀请码", "邀請碼", "推荐码", "下载app", "我的链接", "首存", "登録で", "登録して", "登録する", "招待コード", "紹介コード", "私のリンク", "チャンネル登録",
	}},
	{"other shop", 2, []string{
		"검색하면", "검색하세요", "검색해보세요", "쳐보세요", "저희매장", "우리매장", "저희쇼핑몰", "우리쇼핑몰", "저희사이트", "제블로그", "내블로그", "블로그에공", "제채널", "내채널", "유튜브채널", "제스토어", "스마트스토어", "smartstore", "쿠팡파트너스", "최저가닷컴", "당근에", "번개장터에", "중고나라에올",
		"my shop", "my store", "my etsy", "my channel", "my page", "my website", "my blog", "my profile", "my youtube", "my tiktok", "our shop", "our store", "our website", "our page", "other shop", "check out my", "check my",
		"mi tienda", "mi canal", "mi pagina", "mi perfil", "nuestra tienda", "otra tienda", "ma boutique", "ma chaine", "mon profil", "mon site", "notre boutique", "notre site", "autre boutique", "mon vinted", "mi vinted",
		"我的店", "我家店", "本店", "淘宝搜", "闲鱼搜", "搜我", "关注我", "主页", "私のショップ", "当店", "うちの店", "メルカリで検索", "で検索", "プロフィールのリンク", "私のブログ",
	}},
	{"payment", 2, []string{
		"선입금", "입금하시면", "입금주시면", "입금확인후", "계좌로", "보내주시면", "송금해", "예금주", "소액결제", "현금화", "상품권매",
		"cash app", "cashapp", "zelle", "venmo", "paypal me", "paypal.me", "wire transfer", "pay first", "send $", "western union", "payment first", "usdt", "friends and family",
		"bizum", "transferencia a", "pago por adelantado", "virement", "paypal entre", "lydia ", "paiement d'avance", "paylib",
		"支付宝", "转账", "轉帳", "先付", "汇款", "扫码付", "振込", "振り込", "送金", "先払い", "前払い", "paypayで先",
	}},
	{"gambling", 2, []string{
		"토토", "카지노", "바카라", "슬롯", "파워볼", "홀덤", "배팅", "베팅", "먹튀", "놀이터추천", "casino", "baccarat", "betting", "sportsbook", "jackpot", "slot ", "slots ", "poker", "apuesta", "tragaperras", "ruleta", "paris sportif", "machines a sous", "roulette",
		"赌场", "賭場", "娱乐城", "娛樂城", "百家乐", "棋牌", "下注", "彩票", "カジノ", "スロット", "競馬", "パチンコ", "賭け",
	}},
	{"money", 2, []string{
		"대출", "급전", "무직자", "사채", "일수", "개인돈", "신용불량", "코인", "주식", "급등주", "리딩방", "비트코인", "재테크", "loan", "crypto", "bitcoin", "forex", "invest ", "investment", "payday", "credit repair",
		"prestamo", "credito rap", "inversion", "invierte", "criptomoneda", "pret ", "credit ", "investi", "bourse en", "cryptomonnaie", "贷款", "貸款", "借钱", "套现", "炒股", "股票", "投资", "投資", "比特币", "融資", "キャッシング", "仮想通貨", "株で", "ビットコイン",
	}},
	{"job", 2, []string{
		"부업", "재택", "알바모집", "알바합니다", "알바하실", "알바구", "일당", "꿀알바", "투잡", "리뷰알바", "part time job", "part-time job", "side hustle", "side job", "work from home", "working from home", "from home", "remote job", "hiring", "online job", "passive income",
		"trabajo desde casa", "desde casa", "ingresos extra", "trabajo en linea", "travail a domicile", "travailler de chez", "depuis chez", "complement de revenu", "revenu complementaire", "recrute", "兼职", "兼職", "副业", "刷单", "招人", "招聘", "副業", "在宅ワーク", "在宅で", "バイト募集", "内職",
	}},
	{"promise", 2, []string{
		"보장", "고수익", "수익률", "수익인증", "누구나가능", "초보가능", "초보환영", "무경험", "조회없이", "즉시가능", "당일대출", "업계최고", "월수", "벌어요", "버는법", "늘려드", "올려드", "해드립니다", "해드려요", "가능합니다",
		"guaranteed", "no experience", "no credit check", "a day from", "per day", "a week from", "every day from", "instant approval", "apply now", "easy money", "followers and likes", "buy followers", "get rich", "anyone can", "risk free", "fast approval",
		"sin aval", "sin requisitos", "sin experiencia", "garantizad", "al dia ", "por dia ", "por semana", "sans justificatif", "sans experience", "garanti", "par jour", "par semaine", "rapidement de l'argent",
		"无需经验", "秒批", "无抵押", "日入", "月入", "日赚", "稳赚", "包赚", "日结", "当天到账", "稼げ", "稼ぎ", "誰でも", "即日", "審査なし", "経験不要", "確実に", "月収",
	}},
	{"adult", 2, []string{
		"출장마사지", "출장안마", "조건만남", "오빠연락", "성인용품", "비아그라", "시알리스", "전원대기", "아가씨", "외로운", "만남어플", "약필요", "정품당일", "hot girls", "hot girl", "sexy", "nudes", "onlyfans", "only fans", "escort", "viagra", "cialis", "near you", "lonely", "sugar baby", "hookup",
		"waiting for chat", "hot singles", "chicas ", "solteras", "contenido exclusivo", "packs ", "encuentros", "rencontre", "coquin", "filles sexy", "plan cul", "援交", "约炮", "裸聊", "包夜", "美女", "外围", "上门", "裏垢", "会える人", "会える女", "パパ活", "セフレ", "エロ", "出会い",
	}},
}

// experience lists words of a customer who writes about the past. One near the cues demands a weaker cue more.
var experience = []string{
	"했어요", "했더니", "했는데", "됐어요", "되었", "받았", "샀어요", "샀는데", "샀습니다", "왔어요", "왔는데", "적었더니", "썼어요", "했습니다", "됐는데", "봤는데", "봤어요", "갔어요", "해줬",
	"i bought", "i ordered", "i got", "i paid", "i used", "i saw", "arrived", "my order", "was ", "were ", "i had", "got my", "didn't", "did not", "i signed", "came ",
	"compre ", "pedi ", "llego ", "recibi", "pague ", "use ", "me dieron", "j'ai ", "achete ", "recu ", "arrive ", "commande ", "买了", "收到", "买的", "用了", "了很", "届きました", "買いました", "でした", "ました", "した。", "かった",
}

// cueWords lists the words of all cues by their first letter.
var cueWords = sync.OnceValue(func() map[rune][]cueWord {
	byLetter := make(map[rune][]cueWord)
	for kind, c := range cues {
		for _, word := range c.words {
			first, _ := utf8.DecodeRuneInString(word)
			byLetter[first] = append(byLetter[first], cueWord{normalize(word), kind})
		}
	}
	return byLetter
})

type cueWord struct {
	word string
	kind int // the index in cues
}

// hasEnoughCues reports whether cues within cueWindow of a text, in its normalized form, add up to enoughCues. An account name next
// to them is a cue of weight 1. A word of experience demands one more. The time is linear in the length of the text.
func hasEnoughCues(text string) bool {
	text = withoutWideSpaces(text)
	last := make([]int, len(cues)+1) // the offset after the latest word of each kind, 0: none
	accountKind := len(cues)
	words := cueWords()
	inWord := false
	for at, letter := range text {
		isStart := !inWord
		inWord = isLatin(letter) || '0' <= letter && letter <= '9'
		if inWord && !isStart {
			continue
		}
		hit := false
		if inWord && isAccountName(text[at:]) {
			last[accountKind], hit = at+1, true
		}
		for _, w := range words[letter] {
			if strings.HasPrefix(text[at:], w.word) {
				last[w.kind], hit = at+1, true
			}
		}
		if sum := cueSum(last, at); hit && (sum > enoughCues || sum == enoughCues && !hasExperience(text, at)) {
			return true
		}
	}
	return false
}

// hasExperience reports whether a text has a word of a customer's experience within cueWindow of an offset.
func hasExperience(text string, at int) bool {
	return containsAny(text[max(0, at-cueWindow):min(len(text), at+cueWindow)], experience)
}

// cueSum returns the sum of the weights of the kinds whose latest word is within cueWindow before an offset.
func cueSum(last []int, at int) (sum int) {
	for kind, seen := range last {
		switch {
		case seen == 0 || at-seen > cueWindow:
		case kind == len(cues):
			sum++
		default:
			sum += cues[kind].weight
		}
	}
	return sum
}

func isLatin(r rune) bool { return 'a' <= r && r <= 'z' }

// isAccountName reports whether a text starts with the name of an account: six or more ASCII letters, digits and signs of account
// names, letters first, and with two digits or an underscore. The accounts of publicAccounts are none.
func isAccountName(text string) bool {
	const longest = 30
	end, digits, underscores := 0, 0, 0
	for end < len(text) && end < longest {
		b := text[end]
		switch {
		case '0' <= b && b <= '9':
			digits++
		case b == '_':
			underscores++
		case b != '.' && !isLatin(rune(b)):
			b = 0
		}
		if b == 0 {
			break
		}
		end++
		if end < len(text) && text[end] != '_' && text[end] != '.' && !isLatin(rune(text[end])) && (text[end] < '0' || text[end] > '9') {
			break
		}
	}
	name := text[:end]
	return end >= 6 && isLatin(rune(name[0])) && (digits >= 2 || underscores > 0) && !containsAny(name, publicAccounts)
}

// withoutWideSpaces removes the spaces and signs of a text except between Latin letters or digits, where one space stays. So
// one form has Korean words without spaces and Latin words with them.
func withoutWideSpaces(text string) string {
	var b strings.Builder
	b.Grow(len(text) + 1)
	pending, wasNarrow := false, false
	for _, r := range text {
		isNarrow := r < unicode.MaxASCII && r > ' ' && r != ',' && r != ':' && r != '!' && r != '?' && r != '"' && r != '(' && r != ')' && r != '/'
		switch {
		case isNarrow:
			if pending && wasNarrow {
				b.WriteByte(' ')
			}
			b.WriteRune(r)
			pending, wasNarrow = false, true
		case unicode.IsLetter(r) || unicode.IsDigit(r):
			b.WriteRune(r)
			pending, wasNarrow = false, false
		default:
			pending = true
		}
	}
	b.WriteByte(' ') // ends the last word
	return b.String()
}
