package main

import (
	"regexp"
	"strings"
	"sync"

	"golang.org/x/text/unicode/norm"
)

// hasDisguisedAbuse reports whether a text has one of the Korean swear words in a spelling that evades the embedded
// filter: a consonant for a syllable, a similar syllable, a sign between syllables, or the Latin keys of its letters.
func hasDisguisedAbuse(text string) bool { return disguises().MatchString(normalize(text)) }

// disguises matches disguised swear words in a normalized text. Syllables that are also the parts of ordinary words, as in
// 다시.발송 and 질병.신고, need the start of a word before them, and no syllable of such a word after them.
var disguises = sync.OnceValue(func() *regexp.Regexp {
	const (
		start   = `(?:^|[^\p{L}\p{N}])`
		sign    = `[0-9!@#*.^~_\-/]`
		noJamo  = `(?:$|[^\x{1100}-\x{11FF}])`
		between = sign + `{0,2}`
	)
	return regexp.MustCompile(norm.NFKC.String(strings.Join([]string{
		start + `[시씨]` + sign + `{1,2}[발벌](?:$|[^송신행표매권급주생전효음달견동])`,
		`(?:씪|씌|쒸|싀|ㅆ|ㅅ)` + between + `발`,
		start + `(?:쉬|슈)발(?:$|[^리])`,
		start + `(?:시|씨|ㅆ|ㅅ)` + between + `ㅂ` + noJamo,
		start + `병` + sign + `{1,2}신(?:$|[^고청분상제속용선])`,
		`(?:ㅂ` + between + `|븅)신`,
		start + `(?:병|ㅂ)` + between + `ㅅ` + noJamo,
		`\b(?:tlqkf|qudtls|rotorl)`,
	}, "|")))
})

// plainWords replaces slang of praise, song titles and other harmless words that the embedded filter reads as abuse: 존나
// 예쁨, 개쩐다, "this is the shit", Hate You, 시발점.
func plainWords(text string) string {
	for _, r := range replacements() {
		text = r.pattern.ReplaceAllString(text, r.plain)
	}
	return text
}

// replacements are the patterns of harmless words and the text in their place, in the syntax of regexp.Regexp.Expand. A
// title counts with its capitals only, and not after I.
var replacements = sync.OnceValue(func() []replacement {
	return []replacement{
		{regexp.MustCompile(`(?:존나|졸라|개|ㅈㄴ) ?(예쁘|예쁨|예뻐|예쁜|예쁩|이쁘|이쁨|이뻐|이쁜|좋아|좋은|좋다|좋네|좋음|쩐다|쩔어|쩌네|쩜|귀엽|귀여|멋있|멋져|멋지|맛있|행복|빠름|빨라|빠르|이득|만족|감동)`), "$1"},
		{regexp.MustCompile(`시발(점|역)`), "출발$1"},
		{regexp.MustCompile(`(?i)(\b(?:is|are|was|were)|[’'](?:s|re)) (?:really |truly |literally |just )?the shit\b`), "$1 the best"},
		{regexp.MustCompile(`(^|[^I\s] |[^\p{L}\s])Hate You\b`), "$1"},
	}
})

type replacement struct {
	pattern *regexp.Regexp
	plain   string
}
