package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/hybrid-bts/functions/shared/schema/review"
	"github.com/hybrid-bts/functions/shared/schema/review/reason"
)

// labeled is a line of testdata.
type labeled struct{ kind, text string }

// readLabeled returns the lines of a file of testdata. The patterns were written with these lines in view; the files
// *-unseen.txt measure new texts.
func readLabeled(t testing.TB, file string) (lines []labeled) {
	t.Helper()
	b, err := os.ReadFile("testdata/" + file)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		columns := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(columns) == 3 { // no header
			lines = append(lines, labeled{columns[0], columns[2]})
		}
	}
	return lines
}

// flagOfText returns the flag that contact details or solicitation put on a text.
func flagOfText(t testing.TB, text string) reason.Code {
	a := &analyzer{moderation: moderationEmbedded, filter: func(string) (float64, bool) { return 0, true }}
	return a.moderate(t.Context(), review.Review{Text: text}).flag
}

func TestSolicitationIsHeld(t *testing.T) {
	lines, held := readLabeled(t, "spam.tsv"), 0
	for _, l := range lines {
		if flagOfText(t, l.text) != "" {
			held++
		} else {
			t.Logf("published: %s: %s", l.kind, l.text)
		}
	}
	if len(lines) < 350 || float64(held) < 0.98*float64(len(lines)) {
		t.Errorf("%d of %d lines held, want 98 %% of at least 350", held, len(lines))
	}
}

func TestOrdinaryReviewsAreNoSolicitation(t *testing.T) {
	lines, held := readLabeled(t, "ordinary.tsv"), 0
	for _, l := range lines {
		if flag := flagOfText(t, l.text); flag != "" {
			held++
			t.Logf("held: %s: %s: %s", flag, l.kind, l.text)
		}
	}
	if len(lines) < 750 || float64(held) > 0.005*float64(len(lines)) {
		t.Errorf("%d of %d lines held, want 0.5 %% at most of at least 750", held, len(lines))
	}
}

func TestBirthdaysAreNoPhoneNumber(t *testing.T) {
	days := []string{"0101", "0218", "0309", "0429", "0502", "0506", "0613", "0702", "0831", "0901", "0912", "1010", "1013", "1204", "1230"}
	for _, form := range []string{"%s %s %s 생일 각인", "%s-%s-%s", "%s.%s.%s", "각인 %s/%s/%s", "%s, %s, %s", "(%s) %s %s"} {
		for _, a := range days {
			for _, b := range days {
				for _, c := range days {
					if text := fmt.Sprintf(form, a, b, c); hasContact(text) {
						t.Errorf("%q has no contact details, some found", text)
					}
				}
			}
		}
	}
}

// The reviews of the training data have no solicitation. Those of abuse-ko.tsv and abuse-en.tsv insult without it.
func TestTrainingReviewsAreNoSolicitation(t *testing.T) {
	files, err := filepath.Glob("../../scripts/model/train/lines/*.tsv")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	all, held := 0, 0
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(b)) {
			text := strings.TrimSuffix(line[strings.LastIndex(line, "\t")+1:], "\n")
			if strings.HasPrefix(line, "#") {
				continue
			}
			all++
			if flag := flagOfText(t, text); flag != "" {
				held++
				t.Logf("%s: held: %s: %s", filepath.Base(file), flag, text)
			}
		}
	}
	if all < 10000 || float64(held) > 0.0005*float64(all) {
		t.Errorf("%d of %d reviews held, want 0.05 %% at most", held, all)
	}
}

func FuzzIsSolicitation(f *testing.F) {
	for _, seed := range []string{"", "카톡 goods77", "ㅌㅗㅌㅗ", "cheapbts[.]com", "\xff0\xfe1", "сom", "토토토토", "예금주", "w w w"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		isSolicitation(text)
		hasDisguisedAbuse(text)
		if again := normalize(normalize(text)); !utf8.ValidString(again) && utf8.ValidString(text) {
			t.Errorf("normalize(%q) is no valid UTF-8", text)
		}
		if !isSolicitation(text + "\n무직자 당일대출") {
			t.Errorf("an advertisement after %q is not found", text)
		}
	})
}

func BenchmarkIsSolicitation(b *testing.B) {
	const text = "포토카드가 정말 예뻐요! 배송은 이틀 걸렸고 포장도 꼼꼼했어요. 가격은 18,900원이라 부담 없고 사이즈도 100x70cm로 딱 맞아서 만족합니다."
	for b.Loop() {
		isSolicitation(text)
	}
}

// The text of the longest review repeats one word of each list, so that all searches of hasNear run.
func BenchmarkIsSolicitationOfAHostileText(b *testing.B) {
	text := strings.Repeat("토토 슬롯 대출 카톡 a.1 ", 200)
	for b.Loop() {
		isSolicitation(text)
	}
}

// The text of 5000 letters has one word of the largest weights, so that no early return shortens the search of cues.
func BenchmarkHasEnoughCuesOfALongText(b *testing.B) {
	text := normalize(strings.Repeat("할인 포토카드가 정말 예뻐요 cheap photocards_ ", 125))
	for b.Loop() {
		if hasEnoughCues(text) {
			b.Fatal("ordinary words are solicitation")
		}
	}
}
