package corpus

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

func lines(t *testing.T) *Corpus {
	t.Helper()
	var c Corpus
	if err := c.ReadLines("../lines"); err != nil {
		t.Fatal(err)
	}
	return &c
}

func TestLinesAreWhatTheyShouldBe(t *testing.T) {
	c := lines(t)
	group := regexp.MustCompile(`^[A-Za-z0-9-]+$`)
	for _, of := range []struct {
		lines []Line
		stars string
	}{{c.Lines, "12345"}, {c.Words, "12345"}, {c.Abuse, "01"}} {
		for _, l := range of.lines {
			if stars := byte('0' + l.Stars); !strings.ContainsRune(of.stars, rune(stars)) || float64(stars-'0') != l.Stars {
				t.Errorf("%s: %v stars: %s", l.Group, l.Stars, l.Text)
			}
			if !group.MatchString(l.Group) || !utf8.ValidString(l.Text) || strings.TrimSpace(l.Text) != l.Text || l.Text == "" || utf8.RuneCountInString(l.Text) > 400 {
				t.Errorf("line of %q: %q", l.Group, l.Text)
			}
		}
	}
}

func TestThereAreEnoughLinesOfEachLanguage(t *testing.T) {
	c := lines(t)
	count := map[string]int{}
	for _, l := range c.Lines {
		count[l.Language]++
	}
	for language, want := range map[string]int{"ko": 1500, "en": 800, "ja": 400, "zh": 400, "fr": 400, "es": 400} {
		if count[language] < want {
			t.Errorf("%d lines of %s, want %d", count[language], language, want)
		}
	}
}

func TestNoGroupIsOnBothSidesOfASplit(t *testing.T) {
	// A text twice in one group is on one side. In two groups, a fold would be tested on what it learned.
	c := lines(t)
	for _, of := range [][]Line{c.Lines, c.Abuse} {
		groups, languages := map[string]string{}, map[string]string{}
		for _, l := range of {
			text := l.Language + " " + strings.ToLower(strings.Join(strings.Fields(l.Text), " "))
			if g, ok := groups[text]; ok && g != l.Group {
				t.Errorf("%q is in %s and in %s", l.Text, g, l.Group)
			}
			groups[text] = l.Group
			if language, ok := languages[l.Group]; ok && language != l.Language {
				t.Errorf("group %s is of %s and of %s", l.Group, language, l.Language)
			}
			languages[l.Group] = l.Language
		}
	}
}

func TestFoldsAreOfLikeSize(t *testing.T) {
	c := lines(t)
	var n [5]int
	for _, l := range c.Lines {
		n[Fold(l.Group, len(n))]++
	}
	for k, of := range n {
		if mean := len(c.Lines) / len(n); of < mean*2/3 || of > mean*4/3 {
			t.Errorf("fold %d of %d lines, the mean is %d", k, of, mean)
		}
	}
}

func TestAFileThatIsWrongIsNamedWithItsLine(t *testing.T) {
	for _, tc := range []struct{ name, content, want string }{
		{"ko.tsv", "# lines\nko-a\t5\n", "ko.tsv: line 2: 2 columns, want 3"},
		{"ko.tsv", "ko-a\tfive\t좋아요\n", "ko.tsv: line 1: "},
		{"languages.tsv", "de\tgut\tschlecht\n", "languages.tsv: line 1: 3 columns, want 2"},
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, tc.name), []byte(tc.content), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := new(Corpus).ReadLines(dir); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%v, want %q", err, tc.want)
		}
	}
	if err := new(Corpus).ReadLines(t.TempDir()); err == nil {
		t.Error("a folder without lines is read")
	}
}

// The weights can be made from a clone alone: the repository holds every text that they are trained on.
func TestTheRepositoryHoldsTheTrainingData(t *testing.T) {
	c, err := Read("../data", "../lines")
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Films) != 680_214 || len(c.Snippets) != 18_513 || len(c.Comments) != 5_825 {
		t.Errorf("read %d films, %d snippets, %d comments", len(c.Films), len(c.Snippets), len(c.Comments))
	}
}
