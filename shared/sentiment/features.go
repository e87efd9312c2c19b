package sentiment

// Table says which weights a feature has: those of its script.
type Table uint8

// The tables of sentiment. None is of features that only tell languages.
const (
	Hangul Table = iota
	Latin
	Han // with kana
	Symbol
	None
)

// Unit is the value of a feature that is there once.
const Unit = 4

// Feature is something that a text has: an n-gram of letters or words, most of the time.
type Feature struct {
	Hash  uint32
	Table Table
	Value int8 // in units of 1/Unit; less than 0 under a negation
	Extra bool // takes back or adds to other features, does not count as length
	Cue   bool // tells the language
}

// Step is what Features.Next found.
type Step uint8

// The steps through a text.
const (
	Letters     Step = iota // Found holds features, perhaps none
	Turn                    // what the sentence said so far matters less: "…, but"
	SentenceEnd             // a sentence ended, Start and End are its offsets
	TextEnd                 // the text ended
)

const (
	flipped   = -2             // the value of a feature under a negation
	takeBack  = flipped - Unit // what a feature before its negation gets in addition
	longest   = 5              // n-gram of letters
	history   = 8              // letters that are kept, a power of two
	perLetter = 12             // features of one letter, at most
	negated   = 4              // words after a negation that it can reach
)

// seeds keep features of different kinds apart.
const (
	seedGram = 0x9E3779B97F4A7C15 * (iota + 1) & (1<<64 - 1)
	seedStem
	seedStart
	seedWord
	seedSkip
	seedInner
	seedNegated
	seedCue
	seedHead
)

// Features reads the features and sentences of a text in one pass and without allocation. The model
// and its training share it, so that both see the same.
type Features struct {
	text string
	pos  int // of the next letter in text

	found [96]Feature
	n     int

	// Start and End are the byte offsets of the sentence that ended.
	Start, End int
	ended      bool // the sentence, unless nothing but symbols follows
	gap        bool // a space came after the end
	worded     bool // the sentence has a letter or digit
	open       bool // the sentence has anything

	// Letters counts the letters by what they are, to tell the language.
	counts [foreign + 1]int
	other  rune // the last foreign letter

	tokens [history]token // the last ones, a ring
	at     uint           // tokens so far, in this sentence
	rings  [history][perLetter]Feature
	ringN  [history]uint8
	last   rune
	run    int // how often last came in a row
	letter Table
	wordAt uint // the token that begins the word
	heads  [3]uint32

	neg int // letters or words that a negation still reaches
	age int // letters or words since the negation

	word    [24]byte // of Latin letters
	wordN   int
	inner   [longest]uint32
	innerN  int
	flushed bool
}

// token is a letter of a script without words, or a Latin word.
type token struct {
	code  uint32
	class class
}

// ReadFeatures returns the features of text, before the first one.
func ReadFeatures(text string) Features { return Features{text: text, letter: Symbol} }

// Found are the features of the last step.
func (x *Features) Found() []Feature { return x.found[:x.n] }

// Next takes the next step.
func (x *Features) Next() Step {
	x.n = 0
	if x.pos >= len(x.text) {
		switch {
		case x.wordN > 0:
			return x.endWord()
		case x.open:
			x.open = false
			return SentenceEnd
		}
		return TextEnd
	}
	l, size := fold(x.text[x.pos:])
	if l.class != latin && x.wordN > 0 && !(l.class == ignored || l.rune == '\'' && x.joins(size)) {
		return x.endWord() // and come back for this letter
	}
	if x.wordN > 0 && l.rune == '\'' {
		x.pos += size
		return Letters
	}
	content := l.class == latin || l.class == digit || l.class == hangul || l.class == kana || l.class == han || l.class == foreign
	if x.ended && x.worded && (content || x.gap && opens(l.rune)) {
		x.reset()
		return SentenceEnd
	}
	from := x.pos
	x.pos += size
	switch l.class {
	case ignored:
		if l.cue != 0 {
			x.addCue(uint32(l.cue))
		}
		return Letters
	case space, newline:
		x.ended = x.ended || l.class == newline
		x.gap = x.ended
		x.wordAt = x.at
		x.last = 0
		return Letters
	}
	if !x.open {
		x.open, x.Start = true, from
	}
	x.End = x.pos
	if content {
		x.worded, x.ended, x.gap = true, false, false
	}
	x.counts[l.class]++
	if l.rune == x.last {
		x.run++
		if x.run > 2 {
			return Letters
		}
	} else {
		x.last, x.run = l.rune, 1
	}
	switch l.class {
	case latin:
		x.letterOfWord(l)
		return Letters
	case hangul:
		x.letter = Hangul
		return x.syllable(l.rune)
	case kana, han:
		x.letter = Han
		return x.character(l)
	case foreign:
		x.other = l.rune
		x.push(token{uint32(l.rune), foreign}, 0)
		return Letters
	case jamo:
		x.letter = Hangul
		x.push(token{uint32(l.rune), jamo}, 3)
	case digit:
		x.push(token{uint32(l.rune), digit}, 3)
	case symbol:
		x.symbolAlone(l.rune)
		x.push(token{uint32(l.rune), symbol}, 2)
	case punctuation:
		x.neg = 0
		x.ended = x.ended || x.terminates(l, from)
		x.push(token{uint32(l.rune), punctuation}, 3)
	}
	return Letters
}

// reset begins a new sentence.
func (x *Features) reset() {
	x.ended, x.gap, x.worded, x.open = false, false, false, false
	x.at, x.wordAt, x.neg, x.last = 0, 0, 0, 0
	x.heads = [3]uint32{}
	x.letter = Symbol
	x.ringN = [history]uint8{}
}

// opens reports whether a sentence can begin with r.
func opens(r rune) bool {
	switch r {
	case '(', '[', '{', '<', '"', '\'', '“', '‘', '「', '『', '《', '【', '#', '@', '¿', '¡', '«', '-', '*':
		return true
	}
	return false
}

// terminates reports whether punctuation ends a sentence.
func (x *Features) terminates(l letter, from int) bool {
	switch l.rune {
	case '!', '?', '…':
		return true
	case '.':
		if l.cue != 0 || x.pos == len(x.text) {
			return true
		}
		next := x.text[x.pos]
		if next >= '0' && next <= '9' || next >= 'a' && next <= 'z' {
			return false
		}
		if next >= 'A' && next <= 'Z' {
			return from > 0 && x.text[from-1] >= 'a' && x.text[from-1] <= 'z'
		}
		return true
	}
	return false
}

// joins reports whether an apostrophe is within a word: that of don't is, that of l'album is not.
func (x *Features) joins(size int) bool {
	if x.wordN <= 2 || x.pos+size >= len(x.text) {
		return false
	}
	l, _ := fold(x.text[x.pos+size:])
	return l.class == latin
}

// mix makes a hash of a state.
func mix(h uint64) uint32 {
	h ^= h >> 29
	h *= 0xBF58476D1CE4E5B9
	return uint32(h >> 32)
}

const factor = 0x9E3779B97F4A7C15

func (x *Features) add(h uint64, t Table, value int8) {
	if x.n < len(x.found) {
		x.found[x.n] = Feature{Hash: mix(h), Table: t, Value: value}
		x.n++
	}
}

func (x *Features) addExtra(h uint64, t Table) {
	x.add(h, t, Unit)
	x.found[x.n-1].Extra = true
}

func (x *Features) addCue(code uint32) {
	x.add((seedCue+uint64(code))*factor, None, 0)
	x.found[x.n-1].Cue = true
}

// symbolAlone adds a symbol to the weights that all scripts share.
func (x *Features) symbolAlone(r rune) {
	x.add((seedWord+uint64(r))*factor, Symbol, Unit)
}

// push adds a token and its n-grams with those before it, up to n long.
func (x *Features) push(t token, n int) {
	slot := x.at % history
	x.tokens[slot] = t
	x.at++
	x.age++
	if x.neg > 0 {
		x.neg--
	}
	x.ringN[slot] = 0
	h := uint64(seedGram)
	for i := range uint(n) {
		if i >= x.at {
			// The beginning of the sentence is a letter too.
			h = (h + 1) * factor
			x.add(h, x.letter, x.value(int(i)))
			break
		}
		h = (h + uint64(x.tokens[(x.at-1-i)%history].code)) * factor
		x.add(h, x.letter, x.value(int(i)))
	}
}

// value is that of a feature which goes back over i letters or words before the last.
func (x *Features) value(i int) int8 {
	if x.neg > 0 && i < x.age {
		return flipped
	}
	return Unit
}

// remember keeps the features since first as those of a token, so that a negation can take them back.
func (x *Features) remember(slot uint, first int) {
	k := copy(x.rings[slot][:], x.found[first:x.n])
	x.ringN[slot] = uint8(k)
}

// back returns the token i before the last.
func (x *Features) back(i uint) rune {
	if i >= x.at || i >= history {
		return 0
	}
	return rune(x.tokens[(x.at-1-i)%history].code)
}

// syllable adds a syllable of Korean.
func (x *Features) syllable(r rune) Step {
	first := x.n
	x.push(token{uint32(r), hangul}, longest)
	slot := (x.at - 1) % history
	// A stem is the same with each ending that only closes its last syllable: 예쁘다, 예쁜, 예쁩니다.
	open := uint64((r - 0xAC00) / 28)
	h := (seedStem + open) * factor
	for i := uint(1); i <= 3; i++ {
		b := x.back(i)
		h = (h + uint64(b)) * factor
		x.add(h, Hangul, x.value(int(i)))
		if b == 0 {
			break
		}
	}
	// Words are marked at their beginning, and pairs of beginnings stand for pairs of words.
	if k := x.at - x.wordAt; k <= 2 {
		h := uint64(seedStart)
		for i := range k {
			h = (h + uint64(x.back(i))) * factor
		}
		x.add(h, Hangul, x.value(int(k-1)))
		if k == 2 {
			w := mix(h)
			for i, p := range x.heads[:2] {
				if p != 0 {
					x.add((seedHead+uint64(p)+uint64(i)<<40)*factor+uint64(w), Hangul, Unit)
				}
			}
			x.heads = [3]uint32{w, x.heads[0], x.heads[1]}
		}
	}
	x.remember(slot, first)
	x.negateKorean(r)
	if r == '만' && x.back(1) == '지' && x.at > 3 {
		return Turn
	}
	return Letters
}

// negateKorean looks for a negation that ends with r.
func (x *Features) negateKorean(r rune) {
	start := x.at-1 == x.wordAt
	switch r {
	case '않', '못', '안':
		// 좋지 않다, 좋지는 않다, 좋진 않다
		i := uint(1)
		if b := x.back(1); b == '는' || b == '도' || b == '를' || b == '가' || b == '은' {
			i = 2
		}
		if b := x.back(i); b == '지' || b == '진' || b == '질' || b == '치' || b == '칠' || b == '친' {
			x.takeBack(i+1, i+4)
			return
		}
		if r != '않' && start && x.mayNegate() {
			x.neg, x.age = negated, 0
		}
	case '없':
		i := uint(1)
		if b := x.back(1); b == '이' || b == '가' || b == '은' || b == '는' || b == '도' || b == '을' {
			i = 2
		}
		x.takeBack(i, i+3)
	case '니', '닌', '님', '닙', '녔':
		if x.back(1) == '아' {
			i := uint(2)
			if b := x.back(2); b == '이' || b == '가' || b == '은' || b == '는' || b == '건' || b == '도' {
				i = 3
			}
			x.takeBack(i, i+3)
		}
	}
}

// mayNegate reports whether 안 or 못 is a word and not the beginning of one, such as 안전 or 안내.
func (x *Features) mayNegate() bool {
	rest := x.text[x.pos:]
	if len(rest) > 0 && rest[0] == ' ' {
		return true
	}
	if rest == "" {
		return true
	}
	l, _ := fold(rest)
	switch l.rune {
	case '녕', '내', '전', '심', '정', '감', '쪽', '경', '개', '방', '락', '주', '에', '으', '의', '이', '은', '과', '까', '부', '무', '산', '양', '팎', '난':
		return false
	}
	return true
}

// takeBack turns the features of the letters from i to before j back, and marks them as negated.
func (x *Features) takeBack(i, j uint) {
	h := uint64(seedNegated)
	for ; i < j && i < x.at && i < history; i++ {
		slot := (x.at - 1 - i) % history
		for _, f := range x.rings[slot][:x.ringN[slot]] {
			if x.n == len(x.found) {
				return
			}
			if f.Value > 0 && !f.Extra {
				f.Value, f.Extra = takeBack, true
				x.found[x.n] = f
				x.n++
			}
		}
		h = (h + uint64(x.tokens[slot].code)) * factor
		if x.n < len(x.found) {
			x.addExtra(h, x.letter)
		}
	}
}

// character adds a letter of Japanese or Chinese.
func (x *Features) character(l letter) Step {
	if l.class == han {
		as := l.rune
		if l.cue != 0 {
			as = l.cue
		}
		x.addCue(uint32(as))
	}
	first := x.n
	x.push(token{uint32(l.rune), l.class}, 4)
	x.remember((x.at-1)%history, first)
	switch l.rune {
	case '不', '没', '无', '别', '未', '非':
		if l.class == han {
			x.neg, x.age = 3, 0
		}
	case 'い', 'く', 'か':
		if x.back(1) == 'な' {
			x.takeBack(2, 5)
		}
	case 'ん':
		if x.back(1) == 'せ' && x.back(2) == 'ま' {
			x.takeBack(3, 6)
		}
	case 'ど':
		if x.back(1) == 'け' && x.at > 3 {
			return Turn
		}
	case '但':
		return Turn
	}
	return Letters
}

// letterOfWord adds a Latin letter.
func (x *Features) letterOfWord(l letter) {
	x.letter = Latin
	if l.cue != 0 {
		x.addCue(uint32(l.cue))
	}
	if x.wordN == 0 {
		x.innerN = 0
		x.grow('^')
	}
	if x.wordN < len(x.word) {
		x.word[x.wordN] = byte(l.rune)
		x.wordN++
	} else {
		// A word that long is none: what is beyond is another.
		x.word[x.wordN-1] = byte(l.rune)
	}
	x.grow(byte(l.rune))
}

// grow adds the n-grams within a word that end with c.
func (x *Features) grow(c byte) {
	copy(x.inner[1:], x.inner[:longest-1])
	x.inner[0] = uint32(c)
	x.innerN++
	h := uint64(seedInner)
	for i := range min(x.innerN, longest) {
		h = (h + uint64(x.inner[i])) * factor
		if i >= 2 {
			v := int8(Unit)
			if x.neg > 1 {
				v = flipped
			}
			x.add(h, Latin, v)
			if i == 2 {
				x.found[x.n-1].Cue = true
			}
		}
	}
}

// endWord adds the word that ended.
func (x *Features) endWord() Step {
	x.grow('$')
	h := uint64(seedWord)
	for _, c := range x.word[:x.wordN] {
		h = (h + uint64(c)) * factor
	}
	code := mix(h) | 1<<31
	x.push(token{code, latin}, 3)
	x.addCue(code)
	if b := x.back(2); b != 0 {
		x.add((seedSkip+uint64(code))*factor+uint64(uint32(b)), Latin, x.value(2))
	}
	if x.neg > 0 && x.age > 0 {
		x.addExtra((seedNegated+uint64(code))*factor, Latin)
	}
	word := string(x.word[:x.wordN])
	x.wordN, x.last = 0, 0
	if negates(word) {
		x.neg, x.age = negated+1, 0
	} else if turns(word) && x.at > 2 {
		x.neg = 0
		return Turn
	}
	return Letters
}

// negates reports whether a word of English, French or Spanish turns those after it.
func negates(word string) bool {
	switch word {
	case "not", "no", "never", "without", "hardly", "barely", "nothing", "none", "nor", "neither", "cannot",
		"dont", "didnt", "doesnt", "isnt", "wasnt", "arent", "werent", "cant", "couldnt", "wont", "wouldnt", "aint", "havent", "hasnt", "hadnt", "shouldnt",
		"pas", "jamais", "sans", "aucun", "aucune", "ni", "nunca", "sin", "tampoco", "nada", "ningun", "ninguna", "jamas":
		return true
	}
	return false
}

// turns reports whether what comes after a word matters more than what came before.
func turns(word string) bool {
	switch word {
	case "but", "however", "mais", "pero", "cependant":
		return true
	}
	return false
}
