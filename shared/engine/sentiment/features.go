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
	// flipped is the value of a feature under a negation: the opposite, and some more for what of the
	// sentence the negation does not reach.
	flipped = -5
	// takenBack is what a feature gets in addition when its negation comes after it.
	takenBack = flipped - Unit
)

const (
	history   = 8  // letters or words that are kept: what a negation can reach back to
	perLetter = 8  // features of one letter, at most
	longest   = 5  // n-gram within a Latin word
	perStep   = 64 // features of one step, at most: those of a letter, and what it takes back
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
)

// Features reads the features and sentences of a text in one pass and without allocation. The model
// and its training share it, so that both see the same.
type Features struct {
	text string
	pos  int // of the next letter in text

	found [perStep]Feature
	n     int

	// Start and End are the byte offsets of the sentence that ended, and Script is its last letter's.
	Start, End int
	Script     Table

	open    bool // the sentence has anything
	worded  bool // the sentence has a letter or digit
	closing bool // the sentence ended, unless only symbols follow
	gap     bool // a space came after the end

	counts      [foreign + 1]int // letters by what they are
	traditional int              // Han characters that are no simplified ones
	other       rune             // the foreign one that tells the language

	tokens [history]token // the last ones, a ring
	at     uint           // tokens in this sentence
	wordAt uint           // the first of this word
	letter Table          // of the last letter
	last   rune
	run    int // how often last came in a row
	negation

	word   [24]byte // of Latin letters
	wordN  int
	inner  [longest]uint32 // the last letters of it
	innerN int
}

// negation is how far the last one reaches.
type negation struct {
	left int // letters or words that it still reaches, with the present one
	age  int // letters or words since
}

// token is a letter of Korean, Japanese or Chinese, a Latin word, or a symbol.
type token struct {
	code  uint32
	n     uint8
	found [perLetter]Feature // so that a negation after it can take them back
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
			x.endSentence()
			return SentenceEnd
		}
		return TextEnd
	}
	l, size := fold(x.text[x.pos:])
	if x.wordN > 0 && l.class != latin && l.class != ignored {
		if l.rune != '\'' || !x.joins(size) {
			return x.endWord() // and come back for this letter
		}
		x.pos += size
		return Letters
	}
	content := l.class == latin || l.class == digit || l.class == hangul || l.class == kana || l.class == han || l.class == foreign
	if x.closing && x.worded && (content || x.gap && opens(l.rune)) {
		x.endSentence()
		return SentenceEnd
	}
	from := x.pos
	x.pos += size
	switch l.class {
	case ignored:
		if x.open {
			x.End = x.pos
		}
		return Letters
	case space, newline:
		x.closing = x.closing || l.class == newline
		x.gap = x.closing
		x.wordAt = x.at
		x.last = 0
		return Letters
	}
	if !x.open {
		x.open, x.Start = true, from
	}
	x.End = x.pos
	if content {
		x.worded, x.closing, x.gap = true, false, false
	}
	x.counts[l.class]++
	if l.rune != x.last {
		x.last, x.run = l.rune, 0
	}
	if x.run++; x.run > 2 {
		return Letters // sooooo is soo
	}
	switch l.class {
	case latin:
		x.letter = Latin
		x.letterOfWord(l)
	case hangul:
		x.letter = Hangul
		return x.syllable(l.rune)
	case kana, han:
		x.letter = Han
		return x.character(l)
	case foreign:
		if foreignLanguage(x.other) != "uk" {
			x.other = l.rune
		}
		x.push(uint32(l.rune), 0)
	case jamo:
		x.letter = Hangul
		x.push(uint32(l.rune), 3)
	case digit:
		x.push(uint32(l.rune), 3)
	case symbol:
		// Once for all scripts, and once with what is around it.
		x.add((seedWord+uint64(l.rune))*factor, Symbol, Unit)
		x.push(uint32(l.rune), 2)
	case punctuation:
		x.left = 0
		x.closing = x.closing || x.terminates(l, from)
		x.push(uint32(l.rune), 3)
	}
	return Letters
}

func (x *Features) endSentence() {
	x.Script = x.letter
	x.open, x.worded, x.closing, x.gap = false, false, false, false
	x.at, x.wordAt, x.last, x.left, x.letter = 0, 0, 0, 0, Symbol
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
	if x.n < len(x.found) {
		x.add(h, t, Unit)
		x.found[x.n-1].Extra = true
	}
}

func (x *Features) addCue(code uint32) {
	x.add((seedCue+uint64(code))*factor, None, 0)
	x.found[x.n-1].Cue = true
}

// push adds a token and its n-grams with those before it, up to n long.
func (x *Features) push(code uint32, n uint) {
	t := &x.tokens[x.at%history]
	t.code, t.n = code, 0
	x.at++
	x.age++
	if x.left > 0 {
		x.left--
	}
	h := uint64(seedGram)
	for i := range n {
		h = (h + uint64(x.back(i)) + 1) * factor // back is 0 before the sentence: its beginning counts
		x.add(h, x.letter, x.value(i))
		if i >= x.at {
			break
		}
	}
}

// value is that of a feature which goes back over i tokens before the last: under a negation when it
// began after that.
func (x *Features) value(i uint) int8 {
	if x.left > 0 && int(i) < x.age {
		return flipped
	}
	return Unit
}

// remember keeps the features since first as those of the last token.
func (x *Features) remember(first int) {
	t := &x.tokens[(x.at-1)%history]
	t.n = uint8(copy(t.found[:], x.found[first:x.n]))
}

// back returns the token i before the last, 0 when there is none.
func (x *Features) back(i uint) rune {
	if i >= x.at || i >= history {
		return 0
	}
	return rune(x.tokens[(x.at-1-i)%history].code)
}

// syllable adds a syllable of Korean. Spaces do not count, since many leave them out.
func (x *Features) syllable(r rune) Step {
	first := x.n
	x.push(uint32(r), 4)
	// A stem stays the same when an ending closes its last syllable: 예쁘다, 예쁜, 예쁩니다.
	h := (seedStem + uint64((r-0xAC00)/28)) * factor
	for i := uint(1); i <= 2; i++ {
		h = (h + uint64(x.back(i))) * factor
		x.add(h, Hangul, x.value(i))
		if i >= x.at {
			break
		}
	}
	switch x.at - x.wordAt {
	case 1:
		x.add((seedStart+uint64(r))*factor, Hangul, x.value(0))
	case 2:
		x.add(((seedStart+uint64(r))*factor+uint64(x.back(1)))*factor, Hangul, x.value(1))
	}
	x.remember(first)
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
			x.deny(i+1, i+4)
			return
		}
		if r != '않' && start && x.mayNegate() {
			x.negation = negation{left: 4}
		}
	case '없':
		i := uint(1)
		if b := x.back(1); b == '이' || b == '가' || b == '은' || b == '는' || b == '도' || b == '을' {
			i = 2
		}
		switch x.back(i) {
		case '게', '것', '거', '점', '데', '적', '일', '수', '석', '곳', '분':
			x.deny(i, i+5) // what is said of a thing that is not there: 불편한 점이 없다
		default:
			x.deny(i, i+3)
		}
	case '니', '닌', '님', '닙', '녔':
		if x.back(1) == '아' {
			i := uint(2)
			if b := x.back(2); b == '이' || b == '가' || b == '은' || b == '는' || b == '건' || b == '도' {
				i = 3
			}
			x.deny(i, i+3)
		}
	}
}

// mayNegate reports whether 안 or 못 is a word and not the beginning of one, such as 안전 or 안내.
func (x *Features) mayNegate() bool {
	rest := x.text[x.pos:]
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

// deny takes back the features of the tokens from i to before j, and marks them as denied.
func (x *Features) deny(i, j uint) {
	h := uint64(seedNegated)
	for ; i < min(j, x.at, history); i++ {
		t := &x.tokens[(x.at-1-i)%history]
		for _, f := range t.found[:t.n] {
			if f.Value > 0 && x.n < len(x.found) {
				f.Value, f.Extra = takenBack, true
				x.found[x.n] = f
				x.n++
			}
		}
		h = (h + uint64(t.code)) * factor
		x.addExtra(h, x.letter)
	}
}

// character adds a letter of Japanese or Chinese.
func (x *Features) character(l letter) Step {
	if l.class == han {
		as := l.rune
		if l.cue != 0 {
			as = l.cue
			x.traditional++
		}
		x.addCue(uint32(as))
	}
	first := x.n
	x.push(uint32(l.rune), 4)
	x.remember(first)
	switch l.rune {
	case '不', '没', '无', '别', '未', '非':
		if l.class == han {
			x.negation = negation{left: 3}
		}
	case 'い', 'く', 'か':
		if x.back(1) == 'な' {
			x.deny(2, 4)
		}
	case 'ん':
		if x.back(1) == 'せ' && x.back(2) == 'ま' {
			x.deny(3, 6)
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
	if l.cue != 0 {
		x.addCue(uint32(l.cue))
	}
	if x.wordN == 0 {
		x.innerN = 0
		x.grow('^')
	}
	// What is longer is no word, and its last letter does for the rest.
	x.wordN = min(x.wordN+1, len(x.word))
	x.word[x.wordN-1] = byte(l.rune)
	x.grow(byte(l.rune))
}

// grow adds the n-grams within a word that end with c.
func (x *Features) grow(c byte) {
	copy(x.inner[1:], x.inner[:longest-1])
	x.inner[0] = uint32(c)
	x.innerN++
	value := int8(Unit)
	if x.left > 1 { // the word is not pushed yet
		value = flipped
	}
	h := uint64(seedInner)
	for i := range min(x.innerN, longest) {
		h = (h + uint64(x.inner[i])) * factor
		if i >= 2 {
			x.add(h, Latin, value)
			x.found[x.n-1].Cue = i == 2
		}
	}
}

// endWord adds the Latin word that ended.
func (x *Features) endWord() Step {
	x.grow('$')
	h := uint64(seedWord)
	for _, c := range x.word[:x.wordN] {
		h = (h + uint64(c)) * factor
	}
	code := mix(h) | 1<<31
	x.push(code, 3)
	x.addCue(code)
	if b := x.back(2); b != 0 {
		x.add((seedSkip+uint64(code))*factor+uint64(uint32(b)), Latin, x.value(2))
	}
	if x.left > 0 && x.age > 0 {
		x.addExtra((seedNegated+uint64(code))*factor, Latin)
	}
	word := string(x.word[:x.wordN])
	x.wordN, x.last = 0, 0
	if negates(word) {
		x.negation = negation{left: 4}
	} else if turns(word) && x.at > 2 {
		x.left = 0
		return Turn
	}
	return Letters
}

// negates reports whether a word of English, French or Spanish turns those after it.
func negates(word string) bool {
	switch word {
	case "not", "no", "never", "without", "hardly", "barely", "nothing", "none", "nor", "neither", "cannot",
		"dont", "didnt", "doesnt", "isnt", "wasnt", "arent", "werent", "cant", "couldnt", "wont", "wouldnt", "aint", "havent", "hasnt", "hadnt", "shouldnt",
		"ne", "n", "pas", "jamais", "rien", "sans", "aucun", "aucune", "ni", "nunca", "nadie", "sin", "tampoco", "nada", "ningun", "ninguna", "jamas":
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
