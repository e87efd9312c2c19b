package sentiment

// Table is the weight table of a feature. There is one for each script.
type Table uint8

// The tables of sentiment weights. None is the table of features that are language cues only.
const (
	Hangul Table = iota
	Latin
	Han // kana too
	Symbol
	None
)

// Unit is the value of a feature that occurs once outside of a negation. Values are integers, so that sums do not
// depend on their order; four units allow a negated value of -1.25.
const Unit = 4

// Feature is a feature of a text: an n-gram of letters or words, a stem, the start of a word, or a language cue.
type Feature struct {
	Hash  uint32 // see Bucket
	Table Table  // None for a language cue without sentiment
	Value int8   // in units of 1/Unit; negative under a negation
	Extra bool   // corrects other features, and does not count for the length of the text
	Cue   bool   // is evidence for a language
}

// Step is the result of Features.Next. Found returns no features after SentenceEnd and TextEnd.
type Step uint8

// The steps through a text.
const (
	Letters     Step = iota // Found returns the features of the letter, possibly none
	Contrast                // as Letters, and a contrast such as "but" halves the evidence of the sentence so far
	SentenceEnd             // a sentence ended; Start, End and Script describe it
	TextEnd                 // the text ended
)

const (
	// negatedValue is the value of a feature under a negation. Its magnitude is larger than Unit, because the negation
	// does not reach all features of the sentence.
	negatedValue = -5
	// retractedValue is added to a feature of value Unit when a negation follows it, so that the sum is negatedValue.
	retractedValue = negatedValue - Unit
)

const (
	// historyTokens is the number of tokens that a reader remembers. The negation that reaches furthest, 없, retracts
	// the token six before the last.
	historyTokens = 8
	// maxTokenFeatures bounds the features of one token. A syllable has seven: four n-grams, two stems, one start of a
	// word.
	maxTokenFeatures = 8
	maxSuffix        = 5 // letters of an n-gram within a Latin word
	// maxStepFeatures bounds the features of one step: seven of a syllable, and eight for each of the five tokens that
	// it retracts, seven features and one negated n-gram.
	maxStepFeatures = 64
)

// Seeds separate the hashes of different kinds of features. Weights belong to the hashes: a change of a seed, a hash,
// the folding or the features needs new weights.
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

// Features reads the features and sentences of a text in one pass without allocation. The model and its training share
// it, so that both read the same features. It is not safe for concurrent use. The time is linear in the length of the
// text, and the memory is constant: tokens beyond historyTokens are forgotten.
type Features struct {
	text string
	pos  int // byte offset of the next letter

	found [maxStepFeatures]Feature
	n     int

	// Start and End are the byte offsets of the last sentence, and Script is the table of its last letter.
	Start, End int
	Script     Table

	open       bool // the sentence has a letter, digit, symbol or punctuation mark
	hasContent bool // the sentence has a letter or digit
	terminated bool // the sentence has a terminator; trailing symbols still belong to it
	spaced     bool // a space follows the terminator

	counts      [foreign + 1]int // letters by class, of the whole text, repeats included
	traditional int              // Han characters that are not simplified
	foreignRune rune             // letter by which foreignLanguage decides

	tokens     [historyTokens]token // ring of the last tokens
	tokenCount uint                 // of the sentence
	wordStart  uint                 // tokenCount at the start of the word
	table      Table                // of the last letter
	lastRune   rune
	repeats    int // occurrences of lastRune in a row
	negation

	word         [24]byte          // current Latin word, folded
	wordLength   int               // 0 outside of a word
	suffix       [maxSuffix]uint32 // last letters of the word, latest first
	suffixLength int
}

// negation is the state of the last negation word that negates the tokens after it. push decrements reach before it
// reads it, so a negation word sets one more than the number of tokens to negate.
type negation struct {
	reach int // tokens that it still negates, the current one included
	age   int // tokens since the negation word
}

// token is a letter of Korean, Japanese or Chinese, a Latin word, or a symbol.
type token struct {
	code  uint32 // folded rune, or hash of a word with its highest bit set, so that no word has the code of a letter
	n     uint8
	found [maxTokenFeatures]Feature // the first n are the features that a later negation retracts
}

// ReadFeatures returns a reader at the start of text. The text may be any bytes.
func ReadFeatures(text string) Features { return Features{text: text, table: Symbol} }

// Found returns the features of the last step. The slice is valid until the next call of Next.
func (x *Features) Found() []Feature { return x.found[:x.n] }

// Next reads one letter, or ends the current word or sentence. After TextEnd it returns TextEnd. A sentence that ends
// with the text has a SentenceEnd of its own before TextEnd.
func (x *Features) Next() Step {
	x.n = 0
	if x.pos >= len(x.text) {
		return x.endText()
	}
	l, size := fold(x.text[x.pos:])
	if x.wordLength > 0 && l.class != latin && l.class != ignored {
		if l.rune != '\'' || !x.continuesWord(size) {
			return x.endWord() // the next call reads the letter
		}
		x.pos += size
		return Letters
	}
	content := l.class.isContent()
	if x.terminated && x.hasContent && x.startsSentence(l.rune, content) {
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
		x.terminated = x.terminated || l.class == newline
		x.spaced = x.terminated
		x.wordStart = x.tokenCount
		x.lastRune = 0
		return Letters
	}
	if !x.open {
		x.open, x.Start = true, from
	}
	x.End = x.pos
	if content {
		x.hasContent, x.terminated, x.spaced = true, false, false
	}
	x.counts[l.class]++
	if l.rune != x.lastRune {
		x.lastRune, x.repeats = l.rune, 0
	}
	if x.repeats++; x.repeats > 2 {
		return Letters // "sooooo" is read as "soo"
	}
	return x.addLetter(l, from)
}

// endText ends the word or the sentence at the end of the text, one with each call.
func (x *Features) endText() Step {
	switch {
	case x.wordLength > 0:
		return x.endWord()
	case x.open:
		x.endSentence()
		return SentenceEnd
	}
	return TextEnd
}

// addLetter adds the features of a letter that starts at the byte offset from. The last letter with a script decides
// the table of digits, symbols and punctuation after it.
func (x *Features) addLetter(l letter, from int) Step {
	switch l.class {
	case latin:
		x.table = Latin
		x.addLatinLetter(l)
	case hangul:
		x.table = Hangul
		return x.addSyllable(l.rune)
	case kana, han:
		x.table = Han
		return x.addCharacter(l)
	case foreign:
		if foreignLanguage(x.foreignRune) != "uk" { // Ukrainian letters decide against Russian
			x.foreignRune = l.rune
		}
		x.push(uint32(l.rune), 0)
	case jamo:
		x.table = Hangul
		x.push(uint32(l.rune), 3)
	case digit:
		x.push(uint32(l.rune), 3)
	case symbol:
		// One feature for all scripts, and one with the previous token.
		x.add((seedWord+uint64(l.rune))*factor, Symbol, Unit)
		x.push(uint32(l.rune), 2)
	case punctuation:
		x.reach = 0
		x.terminated = x.terminated || x.terminates(l, from)
		x.push(uint32(l.rune), 3)
	}
	return Letters
}

// endSentence publishes the table of the sentence in Script and resets its state. Start and End keep their values until
// the next sentence opens.
func (x *Features) endSentence() {
	x.Script = x.table
	x.open, x.hasContent, x.terminated, x.spaced = false, false, false, false
	x.tokenCount, x.wordStart, x.lastRune, x.reach, x.table = 0, 0, 0, 0, Symbol
}

// startsSentence reports whether a letter after a terminator starts the next sentence. Symbols do not, because reviews
// put them after the full stop: "Nice! ㅋㅋ 💜" is one sentence.
func (x *Features) startsSentence(r rune, content bool) bool {
	return content || x.spaced && opensSentence(r)
}

// opensSentence reports whether r is punctuation that can start a sentence.
func opensSentence(r rune) bool {
	switch r {
	case '(', '[', '{', '<', '"', '\'', '“', '‘', '「', '『', '《', '【', '#', '@', '¿', '¡', '«', '-', '*':
		return true
	}
	return false
}

// terminates reports whether a punctuation mark that starts at the byte offset from ends a sentence. A full stop within
// a number or an address does not.
func (x *Features) terminates(l letter, from int) bool {
	switch l.rune {
	case '!', '?', '…':
		return true
	case '.': // only 。 and ｡ have a cue; numbers and addresses do not have them
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

// continuesWord reports whether an apostrophe of the given size continues a word, as in "don't". It ends an elided
// article, as in "l'album".
func (x *Features) continuesWord(size int) bool {
	if x.wordLength <= 2 || x.pos+size >= len(x.text) {
		return false
	}
	l, _ := fold(x.text[x.pos+size:])
	return l.class == latin
}

// mix returns the 32-bit hash of a hash state. Its multiplier is that of SplitMix64 (Steele, Lea and Flood, 2014). The
// high bits of the result are the best, and Bucket uses those.
func mix(h uint64) uint32 {
	h ^= h >> 29
	h *= 0xBF58476D1CE4E5B9
	return uint32(h >> 32)
}

// factor is the multiplier of the hash, 2^64 divided by the golden ratio, as in Fibonacci hashing (Knuth, The Art of
// Computer Programming, section 6.4).
const factor = 0x9E3779B97F4A7C15

// add adds a feature. It drops the feature if the step has maxStepFeatures.
func (x *Features) add(h uint64, t Table, value int8) {
	if x.n < len(x.found) {
		x.found[x.n] = Feature{Hash: mix(h), Table: t, Value: value}
		x.n++
	}
}

// addExtra adds a feature that does not count for the length of the text.
func (x *Features) addExtra(h uint64, t Table) {
	if x.n < len(x.found) {
		x.add(h, t, Unit)
		x.found[x.n-1].Extra = true
	}
}

// addCue adds a language cue: a letter with marks, a Han character, or the hash of a Latin word.
func (x *Features) addCue(code uint32) {
	x.add((seedCue+uint64(code))*factor, None, 0)
	x.found[x.n-1].Cue = true
}

// push adds a token and its n-grams of 1 to n tokens that end with it, in the table of the last letter. With n = 0 the
// token only separates the tokens around it.
func (x *Features) push(code uint32, n uint) {
	t := &x.tokens[x.tokenCount%historyTokens]
	t.code, t.n = code, 0
	x.tokenCount++
	x.age++
	if x.reach > 0 {
		x.reach--
	}
	h := uint64(seedGram)
	for i := range n {
		h = (h + uint64(x.back(i)) + 1) * factor // back is 0 before the sentence, so one n-gram marks its start
		x.add(h, x.table, x.value(i))
		if i >= x.tokenCount {
			break
		}
	}
}

// value returns the value of a feature that starts i tokens before the last token. The feature is negated if it starts
// after the negation word.
func (x *Features) value(i uint) int8 {
	if x.reach > 0 && int(i) < x.age {
		return negatedValue
	}
	return Unit
}

// remember stores the features from index first on as those of the last token, which a later negation can retract.
// Tokens of Latin words, digits and symbols have none, so a negation retracts nothing of them.
func (x *Features) remember(first int) {
	t := &x.tokens[(x.tokenCount-1)%historyTokens]
	t.n = uint8(copy(t.found[:], x.found[first:x.n]))
}

// back returns the code of the token i tokens before the last, or 0 if the sentence has none.
func (x *Features) back(i uint) rune {
	if i >= x.tokenCount || i >= historyTokens {
		return 0
	}
	return rune(x.tokens[(x.tokenCount-1-i)%historyTokens].code)
}

// addSyllable adds a Korean syllable. N-grams ignore spaces, because many writers omit them.
func (x *Features) addSyllable(r rune) Step {
	first := x.n
	x.push(uint32(r), 4)
	// Without its final consonant, the last syllable of a stem is equal in all forms: 예쁘다, 예쁜, 예쁩니다. Unicode orders the
	// syllables by consonant, vowel and 28 final consonants, one of which is none (section 3.12).
	h := (seedStem + uint64((r-0xAC00)/28)) * factor
	for i := uint(1); i <= 2; i++ {
		h = (h + uint64(x.back(i))) * factor
		x.add(h, Hangul, x.value(i))
		if i >= x.tokenCount {
			break
		}
	}
	switch x.tokenCount - x.wordStart {
	case 1:
		x.add((seedStart+uint64(r))*factor, Hangul, x.value(0))
	case 2:
		x.add(((seedStart+uint64(r))*factor+uint64(x.back(1)))*factor, Hangul, x.value(1))
	}
	x.remember(first)
	x.negateKorean(r)
	// A contrast at the start of a sentence has no clause before it. The conditions for Japanese and Latin below have
	// the same reason.
	if r == '만' && x.back(1) == '지' && x.tokenCount > 3 {
		return Contrast
	}
	return Letters
}

// negateKorean applies the Korean negation that ends with r, if there is one. A particle may stand between the negated
// word and the negation. The negation then starts one token further back.
func (x *Features) negateKorean(r rune) {
	start := x.tokenCount-1 == x.wordStart
	switch r {
	case '않', '못', '안':
		// 좋지 않다, 좋지는 않다, 좋진 않다
		i := uint(1)
		if b := x.back(1); b == '는' || b == '도' || b == '를' || b == '가' || b == '은' {
			i = 2
		}
		if b := x.back(i); b == '지' || b == '진' || b == '질' || b == '치' || b == '칠' || b == '친' {
			x.negateBack(i+1, i+4)
			return
		}
		if r != '않' && start && x.mayNegate() {
			x.negation = negation{reach: 4}
		}
	case '없':
		i := uint(1)
		if b := x.back(1); b == '이' || b == '가' || b == '은' || b == '는' || b == '도' || b == '을' {
			i = 2
		}
		switch x.back(i) {
		case '게', '것', '거', '점', '데', '적', '일', '수', '석', '곳', '분':
			x.negateBack(i, i+5) // the clause before the noun is negated too: 불편한 점이 없다
		default:
			x.negateBack(i, i+3)
		}
	case '니', '닌', '님', '닙', '녔':
		if x.back(1) == '아' {
			i := uint(2)
			if b := x.back(2); b == '이' || b == '가' || b == '은' || b == '는' || b == '건' || b == '도' {
				i = 3
			}
			x.negateBack(i, i+3)
		}
	}
}

// mayNegate reports whether 안 or 못 is a word of its own and not the start of a noun such as 안전 or 안내. It looks at the
// next letter only, so it mistakes a few words.
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

// negateBack negates the tokens that are i to j-1 tokens before the last. It retracts their features and adds a feature
// for each negated n-gram.
func (x *Features) negateBack(i, j uint) {
	h := uint64(seedNegated)
	for ; i < min(j, x.tokenCount, historyTokens); i++ {
		t := &x.tokens[(x.tokenCount-1-i)%historyTokens]
		for _, f := range t.found[:t.n] {
			if f.Value > 0 && x.n < len(x.found) {
				f.Value, f.Extra = retractedValue, true
				x.found[x.n] = f
				x.n++
			}
		}
		h = (h + uint64(t.code)) * factor
		x.addExtra(h, x.table)
	}
}

// addCharacter adds a Japanese or Chinese character. The language cue is the character before simplification, which
// differs between Japanese, traditional and simplified Chinese, and the n-grams have the simplified one.
func (x *Features) addCharacter(l letter) Step {
	if l.class == han {
		original := l.rune
		if l.cue != 0 {
			original = l.cue
			x.traditional++
		}
		x.addCue(uint32(original))
	}
	first := x.n
	x.push(uint32(l.rune), 4)
	x.remember(first)
	// Chinese negations come before the negated characters; Japanese ない, なく, なかった and ません come after them.
	switch l.rune {
	case '不', '没', '无', '别', '未', '非':
		if l.class == han {
			x.negation = negation{reach: 3}
		}
	case 'い', 'く', 'か':
		if x.back(1) == 'な' {
			x.negateBack(2, 4)
		}
	case 'ん':
		if x.back(1) == 'せ' && x.back(2) == 'ま' {
			x.negateBack(3, 6)
		}
	case 'ど':
		if x.back(1) == 'け' && x.tokenCount > 3 {
			return Contrast
		}
	case '但':
		return Contrast
	}
	return Letters
}

// addLatinLetter adds a letter to the current word.
func (x *Features) addLatinLetter(l letter) {
	if l.cue != 0 {
		x.addCue(uint32(l.cue))
	}
	if x.wordLength == 0 {
		x.suffixLength = 0
		x.addSuffixes('^')
	}
	// A longer text is not a word. Its last letter replaces the last byte.
	x.wordLength = min(x.wordLength+1, len(x.word))
	x.word[x.wordLength-1] = byte(l.rune)
	x.addSuffixes(byte(l.rune))
}

// addSuffixes adds the n-grams of 3 to maxSuffix letters within a word that end with c. The signs ^ and $ mark the
// start and the end of the word.
func (x *Features) addSuffixes(c byte) {
	copy(x.suffix[1:], x.suffix[:maxSuffix-1])
	x.suffix[0] = uint32(c)
	x.suffixLength++
	value := int8(Unit)
	if x.reach > 1 { // push of the word will decrement it
		value = negatedValue
	}
	h := uint64(seedInner)
	for i := range min(x.suffixLength, maxSuffix) {
		h = (h + uint64(x.suffix[i])) * factor
		if i >= 2 {
			x.add(h, Latin, value)
			x.found[x.n-1].Cue = i == 2
		}
	}
}

// endWord adds the current Latin word as a token, with n-grams of one to three words and a pair of words with one word
// between them. It returns Contrast for a word that starts a contrast.
func (x *Features) endWord() Step {
	x.addSuffixes('$')
	h := uint64(seedWord)
	for _, c := range x.word[:x.wordLength] {
		h = (h + uint64(c)) * factor
	}
	code := mix(h) | 1<<31
	x.push(code, 3)
	x.addCue(code)
	if b := x.back(2); b != 0 {
		x.add((seedSkip+uint64(code))*factor+uint64(uint32(b)), Latin, x.value(2))
	}
	if x.reach > 0 && x.age > 0 {
		x.addExtra((seedNegated+uint64(code))*factor, Latin)
	}
	word := string(x.word[:x.wordLength])
	x.wordLength, x.lastRune = 0, 0
	if isNegation(word) {
		x.negation = negation{reach: 4}
	} else if isContrast(word) && x.tokenCount > 2 {
		x.reach = 0
		return Contrast
	}
	return Letters
}

// isNegation reports whether an English, French or Spanish word negates the words after it. Words have no apostrophes.
func isNegation(word string) bool {
	switch word {
	case "not", "no", "never", "without", "hardly", "barely", "nothing", "none", "nor", "neither", "cannot",
		"dont", "didnt", "doesnt", "isnt", "wasnt", "arent", "werent", "cant", "couldnt", "wont", "wouldnt", "aint", "havent", "hasnt", "hadnt", "shouldnt",
		"ne", "n", "pas", "jamais", "rien", "sans", "aucun", "aucune", "ni", "nunca", "nadie", "sin", "tampoco", "nada", "ningun", "ninguna", "jamas":
		return true
	}
	return false
}

// isContrast reports whether a word starts a clause that outweighs the clause before it.
func isContrast(word string) bool {
	switch word {
	case "but", "however", "mais", "pero", "cependant":
		return true
	}
	return false
}
