package plaintext_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/hybrid-bts/functions/shared/schema/review"
	"github.com/hybrid-bts/functions/shared/schema/review/plaintext"
)

func TestNamesOfTheShopAndItsOperatorsAreReserved(t *testing.T) {
	for _, name := range []string{
		"HYBRID-BTS 공식 스토어 ✔", "관리자", "운영자", "Admin", "Staff", "official", "ADMIN 1", "admin2026", "A d m i n", "a.d.m.i.n", "@dm1n", "4dm1n2026 💜",
		"Аdmіn", "ΑDMIN", "админ", "ᴀᴅᴍɪɴ", "𝐀𝐝𝐦𝐢𝐧", "Ａｄｍｉｎ", "Ⓐⓓⓜⓘⓝ", "🅐🅓🅜🅘🅝", "🇦🇩🇲🇮🇳", "Ádmïn", "Adrnin", "Officia1", "OfficiaI", "$taff", "Admin 🇰🇷",
		"BTS Admin", "BTS official", "The Admin of the Shop", "Shop Staff", "Moderator", "Customer Service", "Support Team",
		"관 리 자", "관리자님", "운영진", "BTS 공식", "방탄소년단 공식 계정", "HYBRID BTS", "Hybrid-BTS fan club", norm.NFD.String("관리자"), "고객센터",
		"管理人", "運営", "公式ショップ", "スタッフ", "ｽﾀｯﾌ", "オフィシャルストア", "官方", "客服", "管理员",
		"Administrateur", "Modératrice", "Service client", "Boutique officielle", "Équipe officielle BTS",
		"Administradora", "Oficial", "Tienda oficial BTS", "Atención al cliente", "admin de la tienda",
	} {
		if !plaintext.IsReservedName(plaintext.CleanName(name)) {
			t.Errorf("%q is not reserved", name)
		}
	}
}

func TestOrdinaryNamesStay(t *testing.T) {
	for _, name := range []string{
		"", "아미", "지민맘", "김민지", "BTS", "BTS 💜 ARMY", "정국이네", "방탄소년단 팬", "공식아님", "관리 잘하는 아미", "보라해 7", "1004", "몰랑이", "팀장님",
		"Jimin Admin's mom", "Support BTS", "Model", "Modella", "Modeste", "Stafford", "Amin", "Adam In Love", "Unofficial BTS fan", "Goods", "Shop", "Minnie",
		"Nguyễn Thị Hằng", "Lê Văn Đức", "محمد علي", "فاطمة الزهراء", "مُحَمَّد", "שרה כהן", "สมหญิง น้ำใจ", "प्रिया चीज़ें", "မြို့", "தமிழ்", "ញ៉ា",
		"さくら", "ジミンのママ", "はなこ🌸", "店長の娘さくら", "小明", "李雷", "Ève-Marie d'Arc", "José Ñúñez", "O’Brien", "Zoë", "Łukasz", "Иван", "Ελένη",
		"👩‍💻", "👨‍👩‍👧‍👦 가족", "❤️‍🔥", "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f", "🇰🇷", "1️⃣호 팬", "™ Butter ①", "می\u200cخواهم",
	} {
		want := norm.NFC.String(name)
		if got := plaintext.CleanName(name); got != want || plaintext.IsReservedName(got) {
			t.Errorf("%q became %q, reserved: %v", name, got, plaintext.IsReservedName(got))
		}
	}
}

func TestNamesAreCleaned(t *testing.T) {
	for name, want := range map[string]string{
		"\u200b": "", "\u3164": "", " \u200b\u3164\u2800\u00a0 ": "", "\ufe0f\u0301": "", "\u200d\u200c": "", "\U000e0061": "", "\uffa0\u115f": "",
		"\u202eimA\u202c": "imA", "A\u2066mi\u2069": "Ami", "\u200fA\u200emi\u061c": "Ami", "아\u200b미": "아미", "아\u00ad미\ufeff": "아미",
		"  지민 \t\n 아미  ": "지민 아미", "지민\u3000\u2003아미": "지민 아미", "a\u0000b": "ab",
		"Z" + strings.Repeat("\u0321", 9) + "o": "Z\u0321\u0321o", "ก" + strings.Repeat("\u0e47", 50): "ก\u0e47\u0e47",
		"x\u0321\u200d\u0321\ufe0f\u0321\u0321": "x\u0321\u200d\u0321\ufe0f", "Ami\u200d": "Ami", "A\u200d\u200d\u200dB": "A\u200dB",
	} {
		if got := plaintext.CleanName(name); got != want {
			t.Errorf("%+q became %+q, want %+q", name, got, want)
		}
	}
}

func TestTextsAreCleanedOfInvisibleCharacters(t *testing.T) {
	for text, want := range map[string]string{
		"\u200b\u200b": "", "\u3164\n\u3164": "", "\u202e": "", "예\u200b뻐요\u3164": "예뻐요", "a\u202eb": "ab", "첫째\n둘째": "첫째\n둘째",
		"o" + strings.Repeat("\u0336", 40) + "k": "o\u0336\u0336k", "שלום!\u200f (5)": "שלום!\u200f (5)", "만족 👩‍💻❤️": "만족 👩‍💻❤️",
		"အလွန်ကောင်းသော မြို့": "အလွန်ကောင်းသော မြို့",
	} {
		if got := plaintext.Clean(text, '\n'); got != norm.NFC.String(want) {
			t.Errorf("%+q became %+q, want %+q", text, got, want)
		}
	}
}

// FuzzCleanName checks that a cleaned name is cleaned, in NFC, and has nothing that hides or reorders text. A second look at a
// reserved name gives the same answer.
func FuzzCleanName(f *testing.F) {
	for _, seed := range []string{"HYBRID-BTS 공식 스토어 ✔", "\u202eimA", "\u3164", "Z\u0321\u0321\u0321", "👨‍👩‍👧‍👦", "🏴\U000e0067\U000e007f", "\u0b47\u0321\u0321\u0321\u0b3e", "관리자"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) {
		if !utf8.ValidString(name) {
			return
		}
		got := plaintext.CleanName(name)
		if again := plaintext.CleanName(got); again != got {
			t.Errorf("%+q became %+q, and then %+q", name, got, again)
		}
		if !norm.NFC.IsNormalString(got) || strings.TrimSpace(got) != got || strings.ContainsAny(got, "\u200b\u202a\u202e\u2066\u3164\u2800\u200e\n") {
			t.Errorf("%+q became %+q", name, got)
		}
		if text := plaintext.Clean(name, '\n'); plaintext.Clean(text, '\n') != text {
			t.Errorf("the text %+q became %+q, and then %+q", name, text, plaintext.Clean(text, '\n'))
		}
		if len(got) <= review.MaxAuthor && plaintext.IsReservedName(got) != plaintext.IsReservedName(strings.ToUpper(" "+got)) && strings.ToLower(strings.ToUpper(got)) == got {
			t.Errorf("%+q is reserved in one case only", got)
		}
	})
}
