// Package corpus reads the labelled texts that the sentiment model is made and measured from, and says
// which of them it must not be made from.
package corpus

import (
	"bufio"
	"fmt"
	"hash/fnv"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/ulikunitz/xz"
)

// Corpus is all labelled text.
type Corpus struct {
	Films    []Film
	Snippets []Snippet
	Comments []Comment
	Lines    []Line
	Words    []Line // words and phrases, each for itself
	Abuse    []Line // stars are 1 for abusive, 0 for clean
	Foreign  []Line // without stars
}

// Film is a review of a film in Korean.
type Film struct {
	Rating int // 1 to 10
	Movie  string
	Text   string
}

// Snippet is a part of a review or a tweet in English.
type Snippet struct {
	Source string
	Mean   float64 // of people's grades, -4 to 4
	Text   string
}

// Comment is a comment in Korean.
type Comment struct {
	Text    string
	Abusive bool
}

// Line is a text that was written for this model.
type Line struct {
	Language string // "zh" of both ways to write it
	Group    string // what shares an author, a topic or an idea: never on both sides of a split
	Stars    float64
	Text     string
}

// Positive reports whether a line is for a purchase rather than against it.
func (l Line) Positive() bool { return l.Stars > 3 }

// Pair reports whether a line is one of a pair: an idea and its negation.
func (l Line) Pair() bool {
	language, rest, _ := strings.Cut(l.Group, "-")
	return strings.Contains(l.Group, "-pair") || strings.Contains(l.Group, "-neg") || (language == "ja" || language == "zh") && strings.HasPrefix(rest, "n")
}

// The texts are split into Parts by what they share: a film, an author, an idea. The weights that ship have
// not seen TestPart.
const (
	Parts    = 12
	TestPart = 0
)

// Part says which part of the data a group is in.
func Part(group string) int { return Fold(group, Parts) }

// Fold says in which of n parts of the data a group is.
func Fold(group string, n int) int {
	h := fnv.New32a()
	h.Write([]byte(group))
	s := h.Sum32()
	s = (s ^ s>>15) * 0x2C1B3C6D
	return int((s ^ s>>12) % uint32(n))
}

// The files of the data folder. Each is compressed with xz.
const (
	FilmsFile    = "nsmc.tsv.xz"
	SnippetsFile = "vader.tsv.xz"
	CommentsFile = "curse.txt.xz"
)

// Read reads the compressed files of the folder data and the labelled lines of the folder lines.
func Read(data, lines string) (*Corpus, error) {
	var c Corpus
	for _, file := range []struct {
		name string
		row  func(n int, row string) error
	}{
		{FilmsFile, c.addFilm}, {SnippetsFile, c.addSnippet}, {CommentsFile, c.addComment},
	} {
		if err := compressedRows(filepath.Join(data, file.name), file.row); err != nil {
			return nil, err
		}
	}
	if err := c.ReadLines(lines); err != nil {
		return nil, err
	}
	return &c, nil
}

// addFilm adds a row with the columns rating, film, id and text. Row 1 is the header.
func (c *Corpus) addFilm(n int, row string) error {
	if n == 1 {
		return nil
	}
	column := strings.SplitN(row, "\t", 4)
	if len(column) != 4 {
		return fmt.Errorf("%d columns, want 4", len(column))
	}
	rating, err := strconv.Atoi(column[0])
	c.Films = append(c.Films, Film{rating, column[1], column[3]})
	return err
}

// addSnippet adds a row with the columns source, mean grade and text. Row 1 is the header.
func (c *Corpus) addSnippet(n int, row string) error {
	if n == 1 {
		return nil
	}
	column := strings.SplitN(row, "\t", 3)
	if len(column) != 3 {
		return fmt.Errorf("%d columns, want 3", len(column))
	}
	mean, err := strconv.ParseFloat(column[1], 64)
	c.Snippets = append(c.Snippets, Snippet{column[0], mean, column[2]})
	return err
}

// addComment adds a row "text|label". It skips the first rows of comments that span several rows: they have no label.
func (c *Corpus) addComment(_ int, row string) error {
	if i := strings.LastIndexByte(row, '|'); i > 0 && (row[i:] == "|0" || row[i:] == "|1") {
		c.Comments = append(c.Comments, Comment{row[:i], row[i:] == "|1"})
	}
	return nil
}

// ReadLines reads a folder of labelled lines: LANGUAGE[-PART].tsv, words-LANGUAGE.tsv, abuse-LANGUAGE.tsv
// and languages.tsv.
func (c *Corpus) ReadLines(dir string) error {
	files, err := filepath.Glob(filepath.Join(dir, "*.tsv"))
	if err != nil {
		return err
	}
	if len(files) == 0 {
		return fmt.Errorf("no lines in %s", dir)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".tsv")
		abuse, isAbuse := strings.CutPrefix(name, "abuse-")
		words, isWords := strings.CutPrefix(name, "words-")
		language, _, _ := strings.Cut(name, "-")
		err := rows(file, func(_ int, row string) error {
			if row == "" || row[0] == '#' {
				return nil
			}
			column := strings.Split(row, "\t")
			if name == "languages" {
				if len(column) != 2 {
					return fmt.Errorf("%d columns, want 2", len(column))
				}
				c.Foreign = append(c.Foreign, Line{Language: column[0], Group: column[1], Text: column[1]})
				return nil
			}
			if len(column) != 3 {
				return fmt.Errorf("%d columns, want 3", len(column))
			}
			stars, err := strconv.ParseFloat(column[1], 64)
			l := Line{language, column[0], stars, column[2]}
			switch {
			case isAbuse:
				l.Language = abuse
				c.Abuse = append(c.Abuse, l)
			case isWords:
				l.Language, _, _ = strings.Cut(words, "-")
				c.Words = append(c.Words, l)
			default:
				c.Lines = append(c.Lines, l)
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// compressedRows calls f with each line of a file compressed with xz, and the line's number from 1.
func compressedRows(file string, f func(n int, row string) error) error {
	r, err := os.Open(file)
	if err != nil {
		return err
	}
	defer r.Close()
	plain, err := xz.NewReader(bufio.NewReaderSize(r, 1<<20))
	if err != nil {
		return fmt.Errorf("read %s: %w", file, err)
	}
	if err := scan(plain, f); err != nil {
		return fmt.Errorf("read %s: %w", file, err)
	}
	return nil
}

// rows calls f with each line of a file, and its number.
func rows(file string, f func(n int, row string) error) error {
	r, err := os.Open(file)
	if err != nil {
		return err
	}
	defer r.Close()
	if err := scan(r, f); err != nil {
		return fmt.Errorf("read %s: %w", file, err)
	}
	return nil
}

func scan(r io.Reader, f func(n int, row string) error) error {
	s := bufio.NewScanner(r)
	s.Buffer(nil, 1<<20)
	n := 0
	for s.Scan() {
		n++
		if err := f(n, s.Text()); err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
	}
	return s.Err()
}
