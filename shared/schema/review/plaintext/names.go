package plaintext

import (
	"slices"
	"strings"
	"sync"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// CleanName returns a displayed name as Clean does, without direction marks and with one space between words. "" is no
// name.
//
// The nickname profile of PRECIS (RFC 8266) is too strict for fans: it rejects joined emoji such as 👩‍💻, and its NFKC
// turns ™ and ① into other characters.
func CleanName(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r) && !unicode.IsControl(r), r == brailleBlank:
			return ' '
		case unicode.Is(directionMarks, r):
			return -1
		}
		return r
	}, s)
	return strings.Join(strings.Fields(Clean(s, -1)), " ")
}

// The lists of reserved names, in the languages of the shop and a few others. A hyphen joins the words of one entry.
const (
	// roles are people that speak for a shop.
	roles = `admin admins administrator administrators official officials staff moderator moderators mod mods operator operators
		manager managers customer-service customer-support support-team help-desk webmaster
		관리자 운영자 운영진 운영팀 관리팀 매니저 공식 오피셜 직원 스태프 스탭 담당자 고객센터 고객지원 상담원 판매자 어드민
		管理人 管理者 運営 運営者 公式 スタッフ オフィシャル アドミン 担当者 店長 管理员 管理員 運營 运营 运营者 官方 客服 店主 店长 工作人员 工作人員
		administrateur administratrice officiel officielle modérateur modératrice gérant gérante service-client
		administrador administradora oficial moderador moderadora gerente soporte atención-al-cliente
		админ администратор модератор`
	// shopWords accompany a role. Without a role they are ordinary.
	shopWords = `bts hybrid hybe bighit weverse shop store mall goods merch team account page review reviews verified
		방탄 방탄소년단 상점 스토어 샵 숍 몰 굿즈 팀 계정 님 쇼핑몰 리뷰 하이브 빅히트 위버스 인증
		ショップ ストア グッズ 店 チーム アカウント さん 商店 店铺 團隊 团队 帐号 認証 认证
		boutique magasin équipe compte avis tienda equipo cuenta reseñas`
	// articles are ignored between words.
	articles = `the of at de la le du des el`
	// impersonations are reserved in every name that contains them.
	impersonations = `hybrid-bts official-store official-shop 공식-스토어 공식-상점 공식-샵 공식-숍 공식-몰 공식-계정
		公式ストア 公式ショップ 官方商店 官方旗舰店 boutique-officielle tienda-oficial`
)

// reservedNames are the folded lists.
type reservedNames struct{ roles, shopWords, articles, parts []string }

// reserved folds the lists on the first call, which takes a third of a millisecond that a cold start need not pay.
var reserved = sync.OnceValue(func() *reservedNames {
	return &reservedNames{foldEntries(roles), foldEntries(shopWords), foldEntries(articles), foldEntries(impersonations)}
})

// lookalikes maps lower-case letters to the Latin letters that they look like. NFKD maps most others, such as 𝐀 and Ａ.
// l becomes i, because a capital I looks like it.
var lookalikes = mapEach(
	"абвдеѕіјкмнпорстухԁѵһӏ", "abbdesijkmhnopctyxdvhi",
	"αβεηικμνορτυχω", "abenikmvoptuxw",
	"ոսօցɑɡıɩøđł", "nuogagiiodi",
	"ᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘʀꜱᴛᴜᴠᴡʏᴢ", "abcdefghijkimnoprstuvwyz",
	"l", "i",
)

// leet maps digits and symbols to the letters that they stand for.
var leet = mapEach("013457@$|!", "oieastasii")

// mapEach returns the map of the runes in each first string to the runes in the second.
func mapEach(lists ...string) map[rune]rune {
	m := map[rune]rune{}
	for pair := range slices.Chunk(lists, 2) {
		to := []rune(pair[1])
		for i, r := range []rune(pair[0]) {
			m[r] = to[i]
		}
	}
	return m
}

// IsReservedName reports whether a name poses as the shop or its operators. Such a name contains an entry of impersonations,
// or consists of roles and shop words alone: "Admin", "BTS 공식", "4dm1n 💜". A role beside an ordinary word does no harm, so
// "Jimin Admin's mom" is not reserved. Case, spaces, punctuation, marks and digits at the end do not count, and letters equal
// their look-alikes.
func IsReservedName(name string) bool {
	list := reserved()
	name = norm.NFKD.String(name)
	undecorated := strings.TrimRightFunc(name, func(r rune) bool { return !unicode.IsLetter(r) && enclosedLetter(r) == 0 })
	for _, words := range [][]string{foldWords(name, nil), foldWords(name, leet), foldWords(undecorated, leet)} {
		letters := strings.Join(slices.DeleteFunc(words, func(word string) bool { return slices.Contains(list.articles, word) }), "")
		if list.isRowOfWords(letters) || slices.ContainsFunc(list.parts, func(part string) bool { return strings.Contains(letters, part) }) {
			return true
		}
	}
	return false
}

// isRowOfWords reports whether letters are one or more role words, alone or in a row with shop words.
func (l *reservedNames) isRowOfWords(letters string) bool {
	// words[i] reports whether the first i bytes are a row of words, and withRole[i] whether such a row has a role.
	words, withRole := make([]bool, len(letters)+1), make([]bool, len(letters)+1)
	words[0] = true
	for start := range letters {
		if !words[start] {
			continue
		}
		for i, list := range [][]string{l.roles, l.shopWords} {
			for _, word := range list {
				if strings.HasPrefix(letters[start:], word) {
					end := start + len(word)
					words[end] = true
					withRole[end] = withRole[end] || withRole[start] || i == 0
				}
			}
		}
	}
	return withRole[len(letters)]
}

// foldEntries returns the folded entries of a list.
func foldEntries(list string) (entries []string) {
	for entry := range strings.FieldsSeq(list) {
		entries = append(entries, strings.Join(foldWords(entry, nil), ""))
	}
	return entries
}

// foldWords returns the words of a name, such that words that look alike are equal. Symbols maps characters that stand for
// letters; all others separate words.
func foldWords(name string, symbols map[rune]rune) []string {
	folded := strings.Map(func(r rune) rune {
		switch {
		case lookalikes[r] != 0:
			return lookalikes[r]
		case unicode.IsLetter(r):
			return r
		case unicode.Is(unicode.M, r), isInvisible(r):
			return -1
		case symbols[r] != 0:
			return symbols[r]
		case symbols != nil && enclosedLetter(r) != 0:
			return enclosedLetter(r)
		}
		return ' '
	}, strings.ToLower(norm.NFKD.String(name)))
	// NFC joins the letters of Hangul syllables again, and "rn" looks like m.
	return strings.Fields(strings.ReplaceAll(norm.NFC.String(folded), "rn", "m"))
}

// enclosedLetter returns the lower-case letter of a symbol such as 🅐, 🅰 or 🇦, which NFKD does not map, or 0.
func enclosedLetter(r rune) rune {
	for _, first := range []rune{'🅐', '🅰', '🇦'} {
		if r >= first && r < first+26 {
			letter := 'a' + r - first
			if letter == 'l' {
				return 'i'
			}
			return letter
		}
	}
	return 0
}
