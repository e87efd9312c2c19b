package main

// lexicon lists the words by which a sentence mentions an aspect. Its order is the order of stored aspects. All words are in
// lower case.
//
// A word matches anywhere in a sentence, because Korean and Japanese join words and shoppers leave out spaces. A leading |
// requires the start of a word. A trailing | requires its end, apart from an inflection: a particle or copula in Korean,
// a plural in English. The words of except are removed from the sentence before.
var lexicon = []struct {
	aspect        string
	words, except []string
}{
	{
		aspect: "delivery",
		words: []string{
			"배송", "배달", "택배", "도착", "출고", "발송", "송장", "집하", "허브에서", "빨리 왔", "빨리 와", "빨리왔", "늦게 왔", "늦게 와", "늦게왔", "일찍 왔", "하루 만에 왔", "하루만에 왔", "만에 왔", "만에 와", "만에 받", "기사님", "늦어진다", "지연", "로켓", "일이나 걸렸", "일 걸렸", "주나 걸렸", "달이나 걸렸", "달 걸렸",
			"|deliver", "|shipping|", "|shipped|", "|ships|", "|shipment|", "|arriv", "|courier|", "|tracking|", "|dispatch", "|in transit|", "|the mail|", "|the post|", "|postman|", "|mailbox|", "|doorstep|", "|driver|", "|came late|", "|days late|", "|weeks late|", "|in time|", "|on time|", "|took forever|", "|customs|", "|got here|",
			"配送", "配達", "発送", "届", "到着", "宅配", "追跡", "着きまし", "着いた", "着いて", "着かな",
		},
		except: []string{
			"배송비", "배달비", "택배비", "배송료", "택배 상자", "택배상자", "택배 박스", "택배박스", "배송 상자", "배송상자", "배송 박스", "배송박스",
			"shipping fee", "shipping cost", "delivery fee", "delivery cost", "shipping box", "delivers on", "deliver on", "delivered on",
			"配送料", "見届", "届け出",
		},
	},
	{
		aspect: "packaging",
		words: []string{
			"포장", "박스", "상자", "뽁뽁이", "완충", "에어캡", "충전재", "밀봉", "찌그러", "구겨", "구김", "모서리", "눌린 자국", "눌려서", "파손", "지관통", "젖어서", "젖은 채", "테이프", "비닐", "번 싸서", "겹 싸서", "겹으로 싸", "꼼꼼하게 싸", "꼼꼼히 싸", "|싸주", "|싸 주",
			"|packag", "|packed|", "|packing|", "|wrap|", "|wrapped|", "|wrapping|", "|box|", "|bubble wrap", "|padding|", "|dented|", "|crushed|", "|crumpled|", "|creased|", "|bent|", "|mailer|",
			"梱包", "包装", "箱", "プチプチ", "緩衝材", "潰れ", "つぶれ", "凹", "へこ", "折れ曲が", "ラッピング", "ビニール",
		},
		except: []string{
			"포장마차", "포장도로", "박스핏", "박스 핏", "박스티", "보물상자",
			"box set", "box-set", "boxset", "boxy", "box office", "out of the box", "outside the box", "wrap up", "action packed", "action-packed", "packed with", "packed lunch", "hell bent",
			"箱根", "箱推し", "包装紙柄",
		},
	},
	{
		aspect: "quality",
		words: []string{
			"품질", "퀄리티", "퀄이", "퀄도", "퀄은", "고퀄", "|질|", "재질", "소재|", "원단", "마감", "인쇄", "프린팅", "화질", "음질", "색감", "발색", "두께", "촉감", "감촉", "보풀", "실밥", "올이 풀", "올 풀림", "박음질",
			"튼튼", "내구성", "불량", "하자가", "하자 ", "스크래치", "기스", "물빠짐", "물 빠짐", "이염", "제본", "만듦새", "변색", "고장", "망가", "냄새", "허접", "고급스", "싸구려", "프린트", "얼룩", "흠집", "기모", "바느질", "찢어", "찢겨",
			"|quality|", "|material|", "|fabric|", "|stitch", "|print|", "|printing|", "|sturdy|", "|durable|", "|durability|", "|well made|", "|well-made|", "|poorly made|", "|cheaply made|", "|flimsy|", "|defect",
			"|faded|", "|fading|", "|texture|", "|craftsmanship|", "|scratch", "|looks cheap|", "|look cheap|", "|feels cheap|", "|feel cheap|", "|looked cheap|", "|felt cheap|", "|fell apart|", "|broke|", "|seams|", "|leak", "|broken|", "|falls apart|", "|blurry|", "|peel",
			"品質", "質感", "質が", "質も", "質は", "クオリティ", "素材", "生地", "作り", "縫製", "印刷", "画質", "音質", "発色", "色味", "丈夫", "ほつれ", "手触り", "肌触り", "不良品", "安っぽ", "高級感", "ペラペラ", "ぼやけ", "壊れ", "破れ", "傷",
		},
		except: []string{
			"가슴이 찢어", "가슴 찢어", "마음이 찢어", "예약 마감", "예약마감", "주문 마감", "주문마감", "마감일", "마감 임박", "마감임박", "마감 세일", "마감세일", "마감되", "마감 시간", "마감시간", "소재지", "불량식품", "불량배",
			"fine print", "blueprint", "quality time", "broke the bank", "material girl",
			"大丈夫", "手作り", "思い出作り", "傷つ", "性質が", "性質も", "性質は",
		},
	},
	{
		aspect: "size",
		words: []string{
			"사이즈", "크기", "치수", "|핏|", "핏이", "핏도", "핏은", "오버핏", "정핏", "기장", "|품이|", "|품은|", "|품도|", "소매", "헐렁", "타이트", "|작아", "|작네", "|작은데", "|작습", "|작았", "너무 커", "너무 크", "조금 크", "좀 커", "좀 크", "끼어요", "|끼네", "꽉 끼", "딱 맞",
			"넉넉", "낙낙", "실측", "둘레", "허리가", "어깨가", "펑퍼짐", "한 치수", "작게 나", "크게 나", "짧아", "짧고", "짧네", "길이가", "길이도", "길이는", "보다 커요", "생각보다 크", "사진보다 크", "꽉 껴", "|껴요|",
			"|size|", "|sized|", "|sizing|", "|fit|", "|fits|", "|fitted|", "|fitting|", "|too small|", "|too big|", "|too large|", "|too tight|", "|too loose|", "|too short|", "|smaller than|", "|bigger than|", "|larger than|", "|oversize", "|baggy|", "|runs small|", "|runs large|", "|runs big|", "|measurement|", "|snug|",
			"サイズ", "大きさ", "寸法", "丈が", "丈は", "丈も", "着丈", "袖", "大きすぎ", "小さすぎ", "大きめ", "小さめ", "少し大き", "ちょっと大き", "少し小さ", "ちょっと小さ", "長さ", "ぶかぶか", "ゆったり", "ぴったり", "きつくて", "胸囲", "身幅",
		},
		except: []string{
			"사이즈음", "일정에 딱 맞", "시간에 딱 맞", "날짜에 딱 맞", "생일에 딱 맞", "취향에 딱 맞", "취향 딱 맞", "마음이 너무 커", "기대가 너무 커", "기대가 너무 크", "실망이 너무 커", "실망이 너무 크",
			"fit for", "fits the bill", "a fit of", "saw fit", "see fit", "bigger than life", "larger than life", "size up",
			"イベントにぴったり", "プレゼントにぴったり", "贈り物にぴったり", "日にぴったり", "気分にぴったり",
		},
	},
	{
		aspect: "price",
		words: []string{
			"가격", "|값|", "제값", "돈값", "값어치", "비싸", "비싼", "비쌉", "비쌌", "비쌈", "저렴", "|싸요", "|싸게", "|싼|", "|싸고", "|싸네", "|싸서", "|싸니", "|쌉니다", "|쌌", "가성비", "할인", "세일", "배송비", "배달비", "택배비", "배송료", "|돈|", "돈아깝", "혜자", "창렬", "바가지", "반값", "쿠폰", "거저",
			"|price|", "|priced|", "|pricing|", "|pricey|", "|cost|", "|costly|", "|expensive|", "|cheap|", "|cheaper|", "|cheapest|", "|inexpensive|", "|affordable|", "|worth|", "|value|", "|money|", "|overpriced|", "|discount", "|bargain|", "|bucks|", "|for the buck|", "|robbery|", "|in the sale|", "|on sale|", "|rip-off|", "|ripoff|", "|rip off|", "|postage|", "|shipping fee|", "|shipping cost|", "|delivery fee|", "|delivery cost|",
			"価格", "値段", "お値打ち", "値打ち", "コスパ", "割高", "割安", "割引", "送料", "配送料", "安い", "安く", "安か", "お得", "高すぎ", "ちょっと高い", "少し高い", "高い買い物", "お金", "セール", "値下げ", "半額", "ぼったくり", "高額",
		},
		except: []string{
			"값진", "번 싸서", "겹 싸서", "세일러", "바가지머리", "머리를 감싸고", "돈독",
			"worth the wait", "worth waiting", "at all costs", "cost me hours", "looks cheap", "look cheap", "feels cheap", "feel cheap", "looked cheap", "felt cheap", "cheaply made", "face value",
			"お安い御用",
		},
	},
	{
		aspect: "contents",
		words: []string{
			"포토카드", "포토 카드", "포카", "미공포", "구성품", "|구성|", "구성이", "구성도", "구성은", "내용물", "누락", "빠져 있", "빠져있", "빠진 거", "빠진 것", "들어 있", "들어있", "|빈 상자", "빠진 게", "특전", "부록", "사은품", "증정", "랜덤", "중복", "포스터", "스티커", "엽서", "책갈피", "가사집", "최애가 나", "최애 나", "동봉",
			"|photo card", "|photocard", "|photo-card", "|pc|", "|poster|", "|sticker", "|postcard", "|bookmark", "|missing|", "|inclusion", "|included|", "|freebie", "|contents|", "|lyric book|", "|random|", "|duplicate|", "|bias|", "|card|", "|cards|",
			"トレカ", "フォトカ", "フォトカード", "特典", "付属", "同梱", "封入", "ランダム", "中身", "ポスター", "ステッカー", "ポストカード", "欠品", "入っていな", "入ってな", "入っていた", "おまけ", "ダブり", "ダブっ", "推しが出", "推しが来",
		},
		except: []string{
			"포카칩", "포카리", "포카페", "구성원", "중복 주문", "중복주문", "중복 결제", "중복결제", "중복 배송",
			"missing you", "missing them", "missing out", "missing him", "pc game", "duplicate order", "duplicate charge", "credit card", "thank you card", "thank-you card", "gift card", "debit card",
			"おまけに", "推しが来日", "付属中", "付属高",
		},
	},
}
