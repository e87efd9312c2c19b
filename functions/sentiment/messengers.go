package main

import (
	"regexp"
	"strings"
	"sync"
)

// messengerHints are substrings of all spellings of messenger names.
var messengerHints = []string{
	"톡", "텔", "라인", "위챗", "왓츠", "디스코드", "인스타", "스냅", "line", "gram", "kakao", "chat", "whats", "app", "insta", "ig", "snap", "discord",
	"signal", "信", "vx", "+v", "qq", "扣扣", "電報", "电报", "ライン", "インスタ", "カカオ", "テレグラム",
}

// messengerName matches the name of a messenger, also with signs between 카 and 톡.
const messengerName = `(?:카카오톡|카[\s\p{P}\p{S}]{0,3}톡|까톡|k톡|텔레그램|텔레|라인|위챗|왓츠앱|디스코드|인스타(?:그램)?|스냅챗|` +
	`\bt[e3]l[e3]gram|\bkakao(?:talk)?|\bline|\bwe ?chat|\bwhats ?app|\binsta(?:gram)?|\big|\bsnap(?:chat)?|\bdiscord|\bsignal|` +
	`微信|薇信|威信|v信|\+v\b|\bvx|qq|扣扣|電報|电报|ライン|インスタ(?:グラム)?|カカオトーク|カカオ|テレグラム)`

// messengerID matches a messenger name with an id after it. Its submatches are the marker of an id and the id.
var messengerID = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(messengerName + `(?:으로|로|은|는|の|に)?[\s\p{P}\p{S}]{0,4}((?:아이디|id|user|号|號|群|주세요|채널|친추|친구추가|디엠|dm|me\b)?[\s\p{P}\p{S}]{0,4})(?:is |は|が|に)?` +
		`((?:[a-z0-9] ){4,}[a-z0-9]\b|[a-z][a-z0-9._\-#]{3,40}|[0-9]{6,11})`)
})

// namesMessengerID reports whether a text, in its normalized form, has the id of a messenger account.
func namesMessengerID(text string) bool {
	if !containsAny(text, messengerHints) {
		return false
	}
	for _, m := range messengerID().FindAllStringSubmatch(text, -1) {
		marker, id := strings.Trim(m[1], " "), strings.TrimRight(strings.ReplaceAll(m[2], " ", ""), "._-#")
		if isMessengerID(id, isMarker(marker) || hasNumberIDs(m[0])) {
			return true
		}
	}
	return false
}

// hasNumberIDs reports whether the ids of a messenger may be numbers alone.
func hasNumberIDs(name string) bool { return containsAny(name, []string{"qq", "扣扣", "信", "vx"}) }

// isMarker reports whether the words before an id say that it is one.
func isMarker(words string) bool {
	return containsAny(words, []string{"아이디", "id", "user", "号", "號", "群"})
}

// publicAccounts are the accounts of artists and their companies, and names of products that look like an id.
var publicAccounts = []string{
	"official", "bts_bighit", "bts_twt", "bts.bighit", "rkive", "agustd", "uarmyhope", "mnijungkook", "jungkook.97", "abcdefghi__lmno", "weverse",
	"hybe", "bt21", "btsarmy", "ot7", "tinytan",
}

// isMessengerID reports whether an id is one of a person's account. A word or a number is one only after the marker of
// an id, or after the name of a messenger with numbers as ids.
func isMessengerID(id string, marked bool) bool {
	if len(id) < 4 || containsAny(id, publicAccounts) || startsWithAny(id, "ver.", "vol.", "no.", "pt.") {
		return false
	}
	const digits = "0123456789"
	isNumber := strings.Trim(id, digits) == ""
	return marked || !isNumber && strings.ContainsAny(id, digits) || strings.ContainsAny(id, "_#") || strings.Count(id, ".") > 1
}

// tradeWord matches an offer to sell, and tradeHints are its substrings.
const tradeWord = `(?:팝니다|팔아요|팔고 있|판매합니다|판매중|판매 중|도매가|販売中|売ってます|販売して|出售|转让|批发|\bi sell\b|\bselling\b|\bvendo\b|\bje vends\b)`

var tradeHints = []string{"팝니다", "팔아요", "팔고 있", "판매", "도매가", "販売", "売って", "出售", "转让", "批发", "i sell", "selling", "vendo", "je vends"}

// contactRequests are patterns of requests to contact somebody, with the substrings of which a text must have one to match.
var contactRequests = sync.OnceValue(func() []shape {
	return compile([]hinted{
		{[]string{"톡", "텔", "라인", "위챗", "왓츠", "디스코드", "인스타", "dm", "디엠"}, `(?:카카오톡|카톡|까톡|텔레그램|텔레|라인|위챗|왓츠앱|디스코드|인스타(?:그램)?|디엠|\bdm)[^\s.!?]{0,4} ?(?:연락|문의|톡|추가|친추|디엠|dm)? ?(?:주세요|바랍니다|환영|해 ?주세요|주십시오)`},
		{[]string{"오픈채팅", "오픈톡"}, `오픈(?:채팅|톡).{0,25}(?:검색하|검색해서|들어오세|입장)`},
		{[]string{" me "}, `\b(?:add|contact|message|dm|text|msg|hit|reach|find|ping|write|write to|talk to|chat with) me\b.{0,20}\b(?:telegram|whats ?app|kakao|line|we ?chat|insta(?:gram)?|snapchat|signal|discord)\b`},
		{[]string{"whatsapp", "telegram", "insta", "snap"}, `\b(?:escribeme|agregame|contactame|mandame|hablame|buscame|ajoutez?[ \-]moi|contactez?[ \-]moi|ecri(?:s|vez)[ \-]moi|rejoi(?:ns|gnez)[ \-]moi|hablemos).{0,30}\b(?:whatsapp|telegram|insta|snap)`},
		{[]string{"加"}, `加(?:我|个|個|一下)?的? ?(?:微信|薇信|威信|v信|vx|wx|line|qq|扣扣)`},
		{[]string{"line", "ライン", "インスタ", "カカオ", "テレグラム"}, `(?:\bline|ライン|インスタ|カカオ|テレグラム).{0,25}(?:連絡くだ|連絡下さ|まで連絡|追加して|dmくだ|にdm|売って)|line ?交換し|line ?(?:追加|登録)で?.{0,15}(?:もらえ|プレゼント|クーポン|円)`},
		{[]string{"톡", "텔", "라인", "인스타"}, messengerName + `.{0,25}(?:추가|친추) ?(?:$|[\n.!])`},
		{[]string{"id", "아이디"}, `(?:` + messengerName + `.{0,20}|톡 ?)(?:\bid|아이디)[ :]{0,3}[a-z][a-z_.]*[0-9]{2}`},
		{[]string{"bio", "profil", "perfil", "profile"}, `\b(?:mi|mon|my) (?:whats ?app|telegram|insta(?:gram)?|snap(?:chat)?|line|kakao)\b.{0,25}\b(?:bio|profil|perfil|profile)\b`},
		{tradeHints, messengerName + `.{0,40}` + tradeWord + `|` + tradeWord + `.{0,40}` + messengerName + `.{0,3}(?:[:@]|로\b|에서|으로|$|.{0,10}(?:perfil|profil|bio))`},
	})
})

// startsWithAny reports whether a text starts with one of the prefixes.
func startsWithAny(text string, prefixes ...string) bool {
	for _, p := range prefixes {
		if strings.HasPrefix(text, p) {
			return true
		}
	}
	return false
}
