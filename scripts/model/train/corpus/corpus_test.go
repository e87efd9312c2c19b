package corpus

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

// readLines returns the corpus of the folder lines.
func readLines(t *testing.T) *Corpus {
	t.Helper()
	var c Corpus
	if err := c.ReadLines("../lines"); err != nil {
		t.Fatal(err)
	}
	return &c
}

func TestLinesAreValid(t *testing.T) {
	c := readLines(t)
	group := regexp.MustCompile(`^[A-Za-z0-9-]+$`)
	for _, set := range []struct {
		lines []Line
		stars string
	}{{c.Lines, "12345"}, {c.Words, "12345"}, {c.Abuse, "01"}} {
		for _, l := range set.lines {
			if stars := byte('0' + l.Stars); !strings.ContainsRune(set.stars, rune(stars)) || float64(stars-'0') != l.Stars {
				t.Errorf("%s: %v stars: %s", l.Group, l.Stars, l.Text)
			}
			if !group.MatchString(l.Group) || !utf8.ValidString(l.Text) || strings.TrimSpace(l.Text) != l.Text || l.Text == "" || utf8.RuneCountInString(l.Text) > 400 {
				t.Errorf("line of %q: %q", l.Group, l.Text)
			}
		}
	}
}

func TestEachLanguageHasEnoughLines(t *testing.T) {
	c := readLines(t)
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

func TestSplitsSeparateNoGroup(t *testing.T) {
	// A text in two groups could be in the training part and in the test part.
	c := readLines(t)
	for _, lines := range [][]Line{c.Lines, c.Abuse} {
		groups, languages := map[string]string{}, map[string]string{}
		for _, l := range lines {
			text := l.Language + " " + strings.ToLower(strings.Join(strings.Fields(l.Text), " "))
			if g, ok := groups[text]; ok && g != l.Group {
				t.Errorf("%q is in group %s and in group %s", l.Text, g, l.Group)
			}
			groups[text] = l.Group
			if language, ok := languages[l.Group]; ok && language != l.Language {
				t.Errorf("group %s has the languages %s and %s", l.Group, language, l.Language)
			}
			languages[l.Group] = l.Language
		}
	}
}

func TestFoldsHaveSimilarSizes(t *testing.T) {
	c := readLines(t)
	var n [5]int
	for _, l := range c.Lines {
		n[Fold(l.Group, len(n))]++
	}
	for k, size := range n {
		if mean := len(c.Lines) / len(n); size < mean*2/3 || size > mean*4/3 {
			t.Errorf("fold %d has %d lines, the mean is %d", k, size, mean)
		}
	}
}

func TestErrorNamesTheInvalidFileAndLine(t *testing.T) {
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
		t.Error("a folder without lines is no error")
	}
}

// The weights must be reproducible from a clone alone.
func TestRepositoryContainsTheTrainingData(t *testing.T) {
	c, err := Read("../data", "../lines")
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Films) != 680_214 || len(c.Snippets) != 18_513 || len(c.Comments) != 5_825 {
		t.Errorf("read %d films, %d snippets, %d comments", len(c.Films), len(c.Snippets), len(c.Comments))
	}
}
