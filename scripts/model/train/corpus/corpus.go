// Package corpus reads the labelled texts of the sentiment model and splits them into parts for training and tests.
//
// Texts keep the order of their files, and files the order of their names. Training depends on the order, so equal
// files give equal weights.
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

// Corpus is the set of all labelled texts. The zero value is empty. It takes about as much memory as the uncompressed
// files, for each of which README.md of the folder data has the columns, the source and the licence.
type Corpus struct {
	Films    []Film
	Snippets []Snippet
	Comments []Comment
	Lines    []Line
	Words    []Line // single words and phrases
	Abuse    []Line // Stars is 1 for abusive, 0 for clean
	Foreign  []Line // texts in languages without sentiment weights; Stars is 0
}

// Film is a Korean film review.
type Film struct {
	Rating int    // 1 to 10
	Movie  string // name or number of the film, the group of the split
	Text   string
}

// Snippet is a part of an English review or tweet.
type Snippet struct {
	Source string  // collection, such as tweets
	Mean   float64 // mean of human grades, -4 to 4
	Text   string
}

// Comment is a Korean comment.
type Comment struct {
	Text    string
	Abusive bool
}

// Line is a text written for this model.
type Line struct {
	Language string // ISO 639-1; "zh" for simplified and traditional Chinese
	// Group names the texts of one author, topic or idea; a split never separates a group. A text in
	// Corpus.Foreign is its own group.
	Group string
	Stars float64 // 1 to 5, but see the fields of Corpus
	Text  string
}

// Positive reports whether a line recommends a purchase. Lines of three stars do neither; training and report exclude
// them.
func (l Line) Positive() bool { return l.Stars > 3 }

// Pair reports whether a line belongs to a pair of an idea and its negation. The name of the group says so: it contains
// "-pair" or "-neg", or starts with ja-n or zh-n.
func (l Line) Pair() bool {
	language, rest, _ := strings.Cut(l.Group, "-")
	return strings.Contains(l.Group, "-pair") || strings.Contains(l.Group, "-neg") || (language == "ja" || language == "zh") && strings.HasPrefix(rest, "n")
}

// Texts are split into Parts by group: the film, the author or the idea. The shipped weights are trained without
// TestPart, except those for languages. Another number of parts gives other weights and a report that cannot be
// compared.
const (
	Parts    = 12
	TestPart = 0
)

// Part returns the part of a group, 0 to Parts-1.
func Part(group string) int { return Fold(group, Parts) }

// Fold returns the part of a group in a split into n parts, 0 to n-1. It is a hash of the group, FNV-1a with a
// finalizer, so a new group leaves the parts of the others unchanged.
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

// Read reads the compressed files of the folder data and the labelled lines of the folder lines. An error names the
// file and the line. Training data are trusted: labels out of range are no errors here, a test checks those of the
// lines.
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

// addFilm adds a row with the columns rating, film, id and text. Row 1 is the header. The text may contain tabs.
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

// addSnippet adds a row with the columns source, mean grade and text. Row 1 is the header. The text may contain tabs.
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

// ReadLines adds the files of a folder of labelled lines. Lines that start with # are comments, and empty lines are
// skipped.
//
//	file                        columns             field
//	LANGUAGE[-PART].tsv         group, stars, text  Lines
//	words-LANGUAGE[-PART].tsv   topic, stars, text  Words
//	abuse-LANGUAGE.tsv          group, label, text  Abuse
//	languages.tsv               language, text      Foreign
//
// After an error, c has the lines before it.
func (c *Corpus) ReadLines(dir string) error {
	files, err := filepath.Glob(filepath.Join(dir, "*.tsv"))
	if err != nil {
		return err
	}
	if len(files) == 0 {
		return fmt.Errorf("no .tsv files in %s", dir)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".tsv")
		abuseLanguage, isAbuse := strings.CutPrefix(name, "abuse-")
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
				l.Language = abuseLanguage
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
	defer func() { _ = r.Close() }() // only read
	plain, err := xz.NewReader(bufio.NewReaderSize(r, 1<<20))
	if err != nil {
		return fmt.Errorf("read %s: %w", file, err)
	}
	if err := scan(plain, f); err != nil {
		return fmt.Errorf("read %s: %w", file, err)
	}
	return nil
}

// rows calls f with each line of a file, and the line's number from 1.
func rows(file string, f func(n int, row string) error) error {
	r, err := os.Open(file)
	if err != nil {
		return err
	}
	defer func() { _ = r.Close() }() // only read
	if err := scan(r, f); err != nil {
		return fmt.Errorf("read %s: %w", file, err)
	}
	return nil
}

// scan calls f with each line of r, and the line's number from 1. The first error of f ends it. A line of more than 1
// MiB is an error.
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
