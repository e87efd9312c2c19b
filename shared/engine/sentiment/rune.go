package sentiment

import (
	"sort"
	"strings"
	"unicode"
	"unicode/utf8"
)

// class is the class of a letter. foreign must stay the last one: Features.counts has an element for each class.
type class uint8

const (
	ignored class = iota // marks, joiners, variation selectors, controls
	space
	newline
	punctuation
	digit
	latin
	hangul
	jamo // single jamo, as in ㅋㅋ and ㅠㅠ
	kana
	han
	symbol  // emoji too
	foreign // letters of scripts without weights
)

// isContent reports whether letters of the class are letters of a language or digits. Single jamo are not: ㅋㅋ and ㅠㅠ
// are used like emoji, and belong to the sentence before them.
func (c class) isContent() bool {
	switch c {
	case digit, latin, hangul, kana, han, foreign:
		return true
	}
	return false
}

// letter is a folded rune: composed, in lower case, without marks, katakana as hiragana, traditional Chinese as
// simplified.
type letter struct {
	rune  rune
	class class
	cue   rune // the rune before folding if it is evidence for a language, or 0
}

// fold returns the first letter of s and its length in bytes. Hangul, kana and Latin letters are equal in composed and
// decomposed form. An invalid byte is an ignored letter. s must not be empty.
//
// The cases are blocks of Unicode. Composition of Hangul is the arithmetic of section 3.12 of the Unicode Standard: a
// syllable is U+AC00 + (consonant·21 + vowel)·28 + final consonant. A full normalization (NFKC) would need tables and
// allocate.
func fold(s string) (letter, int) {
	if c := s[0]; c < utf8.RuneSelf {
		l := foldASCII(c)
		// UTF-8 of the combining marks, U+0300 to U+036F, starts with 0xCC or 0xCD.
		if len(s) >= 3 && (s[1] == 0xCC || s[1] == 0xCD) && l.class == latin {
			mark, size := utf8.DecodeRuneInString(s[1:])
			l.cue = composed(byte(l.rune), mark)
			return l, 1 + size
		}
		return l, 1
	}
	r, size := utf8.DecodeRuneInString(s)
	switch {
	case r == utf8.RuneError && size == 1:
		return letter{}, 1
	case r >= 0xAC00 && r <= 0xD7A3: // Hangul syllables; one without a final consonant may have it in the next rune
		if (r-0xAC00)%28 == 0 {
			if t, n := jamoAt(s[size:], 0x11A8, 0x11C2); n > 0 {
				return letter{r + t + 1, hangul, 0}, size + n
			}
		}
		return letter{r, hangul, 0}, size
	case r >= 0x1100 && r <= 0x11FF: // jamo of decomposed Hangul
		return foldJamo(r, s, size)
	case r >= 0x3131 && r <= 0x318E: // single jamo, as keyboards write them
		if r == 'ㅜ' {
			r = 'ㅠ' // both represent crying
		}
		return letter{r, jamo, 0}, size
	case r >= 0x3041 && r <= 0x30FF:
		return foldKana(r, s, size)
	case r >= 0x4E00 && r <= 0x9FFF || r >= 0x3400 && r <= 0x4DBF || r == '々' || r >= 0x20000 && r <= 0x323AF:
		if simple, ok := simplified(r); ok {
			return letter{simple, han, r}, size
		}
		return letter{r, han, 0}, size
	case r >= 0xC0 && r <= 0x17F && r != '×' && r != '÷': // Latin-1 Supplement and Latin Extended-A
		base := rune(latinBase[r-0xC0])
		return letter{base, latin, unicode.ToLower(r)}, size
	case r >= 0x300 && r <= 0x36F: // combining marks that follow no Latin letter
		return letter{}, size
	case r >= 0xFF66 && r <= 0xFF9D: // half-width katakana
		r, _ = utf8.DecodeRuneInString(halfwidth[(r-0xFF66)*3:])
		return letter{r, kana, 0}, size
	case r >= 0xFF01 && r <= 0xFF5E: // full-width ASCII
		return foldASCII(byte(r - 0xFEE0)), size
	case r >= 0x1E00 && r <= 0x1EFF:
		return letter{rune(vietnameseBase(r)), latin, 'ạ'}, size // all are evidence for Vietnamese
	}
	return foldOther(r), size
}

// foldOther folds a rune that is not a letter of a script with weights. Marks of one meaning become one rune, so that
// they share features: hearts of all colours, quotation marks as apostrophes, wide and narrow full stops. A broken
// heart stays apart.
func foldOther(r rune) letter {
	switch r {
	case '\u2018', '\u2019', '\u02BC', '\u00B4':
		return letter{'\'', punctuation, 0}
	case '。', '．', '｡':
		return letter{'.', punctuation, r}
	case '…', '⋯', '‥':
		return letter{'…', punctuation, 0}
	case '、', '，':
		return letter{',', punctuation, 0}
	case '\u2028', '\u2029', '\u0085':
		return letter{'\n', newline, 0}
	case '\u00A0', '\u3000':
		return letter{' ', space, 0}
	case '～', '〜':
		return letter{'~', punctuation, 0}
	case '💔':
		return letter{r, symbol, 0}
	case '❤', '🧡', '💛', '💚', '💙', '💜', '🖤', '🤍', '🤎', '💕', '💖', '💗', '💓', '💞', '💘', '💝', '♥', '♡', '❣', '🩷', '🩵', '🩶', '😍', '🥰', '😻':
		return letter{'♥', symbol, 0}
	case 'ー':
		return letter{r, kana, 0}
	}
	switch {
	case r >= 0xFE00 && r <= 0xFE0F || r >= 0x200B && r <= 0x200F || r >= 0x1F3FB && r <= 0x1F3FF || r == 0xFEFF:
		return letter{} // variation selectors, joiners, skin tones
	case r >= 0x1F000 && r <= 0x1FAFF || r >= 0x2190 && r <= 0x2BFF:
		return letter{r, symbol, 0}
	case unicode.IsSpace(r):
		return letter{' ', space, 0}
	case unicode.IsLetter(r):
		return letter{unicode.ToLower(r), foreign, 0}
	case unicode.IsDigit(r):
		return letter{'0', digit, 0}
	case unicode.IsPunct(r):
		return letter{r, punctuation, 0}
	case unicode.IsSymbol(r):
		return letter{r, symbol, 0}
	}
	return letter{}
}

// jamoAt returns the offset from lo of the jamo at the start of s, and its length in bytes. The length is 0 if s does
// not start with a jamo from lo to hi.
func jamoAt(s string, lo, hi rune) (rune, int) {
	if len(s) < 3 || s[0] != 0xE1 {
		return 0, 0
	}
	r, n := utf8.DecodeRuneInString(s)
	if r < lo || r > hi {
		return 0, 0
	}
	return r - lo, n
}

// foldJamo composes a syllable of the leading consonant r, which is the first size bytes of s, and the jamo after it.
func foldJamo(r rune, s string, size int) (letter, int) {
	if r > 0x1112 {
		return letter{r, jamo, 0}, size
	}
	v, n := jamoAt(s[size:], 0x1161, 0x1175)
	if n == 0 {
		return letter{r, jamo, 0}, size
	}
	size += n
	syllable := 0xAC00 + ((r-0x1100)*21+v)*28
	if t, n := jamoAt(s[size:], 0x11A8, 0x11C2); n > 0 {
		return letter{syllable + t + 1, hangul, 0}, size + n
	}
	return letter{syllable, hangul, 0}, size
}

// foldKana converts katakana to hiragana, and composes a letter with the voicing mark after it. r is the first size
// bytes of s. Unicode places each voiced letter one after its base, and each semi-voiced one two after it; the marks
// are U+3099 and U+309A.
func foldKana(r rune, s string, size int) (letter, int) {
	switch {
	case r == 'ー' || r == '・' || r == '゠':
		return letter{r, kana, 0}, size
	case r >= 0x3099 && r <= 0x309C:
		return letter{}, size
	case r >= 0x30A1 && r <= 0x30F4:
		r -= 0x60
	}
	if len(s) >= size+3 && s[size] == 0xE3 && s[size+1] == 0x82 {
		switch s[size+2] {
		case 0x99:
			return letter{r + 1, kana, 0}, size + 3
		case 0x9A:
			return letter{r + 2, kana, 0}, size + 3
		}
	}
	return letter{r, kana, 0}, size
}

// simplified returns the simplified form of a traditional Chinese or Japanese character, and false for all other runes.
func simplified(r rune) (rune, bool) {
	i := sort.Search(len(traditional), func(i int) bool { return traditional[i].from >= r })
	if i < len(traditional) && traditional[i].from == r {
		return traditional[i].to, true
	}
	return 0, false
}

// foldASCII folds an ASCII character. c must be below utf8.RuneSelf.
func foldASCII(c byte) letter {
	switch {
	case c >= 'a' && c <= 'z':
		return letter{rune(c), latin, 0}
	case c >= 'A' && c <= 'Z':
		return letter{rune(c) + 'a' - 'A', latin, 0}
	case c >= '0' && c <= '9':
		return letter{rune(c), digit, 0}
	case c == '\n' || c == '\r':
		return letter{'\n', newline, 0}
	case c == ' ' || c == '\t' || c == '\v' || c == '\f':
		return letter{' ', space, 0}
	case c < ' ' || c == 0x7F:
		return letter{}
	}
	return letter{rune(c), punctuation, 0}
}

// latinBase has the letters U+00C0 to U+017F without marks, one byte each. The signs * and / stand for × and ÷, which
// fold does not look up. Ligatures have their first letter.
const latinBase = "" +
	"aaaaaaaceeeeiiiidnooooo*ouuuuyts" + "aaaaaaaceeeeiiiidnooooo/ouuuuyty" +
	"aaaaaaccccccccddddeeeeeeeeeegggggggghhhhiiiiiiiiiiiijjkkklllllllllllnnnnnnnnnoooooooorrrrrrssssssssttttttuuuuuuuuuuuuwwyyyzzzzzzs"

// halfwidth has the full-width hiragana of U+FF66 to U+FF9D, three bytes each.
const halfwidth = "をぁぃぅぇぉゃゅょっーあいうえおかきくけこさしすせそたちつてとなにぬねのはひふへほまみむめもやゆよらりるれろわん"

// composed returns a base letter with a combining mark as one rune, or 0 if no recognized language has the letter.
func composed(base byte, mark rune) rune {
	var bases, letters string
	switch mark {
	case 0x300:
		bases, letters = "aeiou", "àèìòù"
	case 0x301:
		bases, letters = "aeiouy", "áéíóúý"
	case 0x302:
		bases, letters = "aeiou", "âêîôû"
	case 0x303:
		bases, letters = "ano", "ãñõ"
	case 0x308:
		bases, letters = "aeiouy", "äëïöüÿ"
	case 0x30A:
		bases, letters = "a", "å"
	case 0x327:
		bases, letters = "c", "ç"
	}
	i := strings.IndexByte(bases, base)
	if i < 0 {
		return 0
	}
	r, _ := utf8.DecodeRuneInString(letters[2*i:]) // each has two bytes
	return r
}

// vietnameseBase returns the base letter of U+1E00 to U+1EFF, the block of the Vietnamese vowels. It returns x for the
// other letters of the block.
func vietnameseBase(r rune) byte {
	switch {
	case r < 0x1EA0:
		return 'x'
	case r < 0x1EB8:
		return 'a'
	case r < 0x1EC8:
		return 'e'
	case r < 0x1ECC:
		return 'i'
	case r < 0x1EE4:
		return 'o'
	case r < 0x1EF2:
		return 'u'
	}
	return 'y'
}
