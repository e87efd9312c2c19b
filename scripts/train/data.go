package main

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

// corpus is all labelled text.
type corpus struct {
	films    []film
	snippets []snippet
	comments []comment
	lines    []line
	abuse    []line // stars are 1 for abusive, 0 for clean
	foreign  []line // without stars
}

// film is a review of a film in Korean.
type film struct {
	rating int // 1 to 10
	movie  string
	text   string
}

// snippet is a part of a review or a tweet in English.
type snippet struct {
	source string
	mean   float64 // of people's grades, -4 to 4
	text   string
}

// comment is a comment in Korean.
type comment struct {
	text    string
	abusive bool
}

// line is a text that was written for this model.
type line struct {
	language string // "zh" of both ways to write it
	group    string // what shares an author, a topic or an idea: never on both sides of a split
	stars    float64
	text     string
	words    bool // a word or phrase, not a review
}

func (l line) positive() bool { return l.stars > 3 }
func (l line) pair() bool {
	return strings.Contains(l.group, "-pair") || strings.Contains(l.group, "-neg")
}

// fold says in which of n parts of the data a group is.
func fold(group string, n uint32) int {
	h := fnv.New32a()
	h.Write([]byte(group))
	s := h.Sum32()
	s = (s ^ s>>15) * 0x2C1B3C6D
	return int((s ^ s>>12) % n)
}

func readCorpus(data, lines string) (*corpus, error) {
	var c corpus
	err := c.readFilms(filepath.Join(data, "nsmc.tsv.xz"))
	if err != nil {
		return nil, err
	}
	err = rows(filepath.Join(data, "vader.tsv"), func(n int, row string) error {
		column := strings.SplitN(row, "\t", 3)
		if n == 1 {
			return nil
		}
		if len(column) != 3 {
			return fmt.Errorf("%d columns, want 3", len(column))
		}
		mean, err := strconv.ParseFloat(column[1], 64)
		c.snippets = append(c.snippets, snippet{column[0], mean, column[2]})
		return err
	})
	if err != nil {
		return nil, err
	}
	err = rows(filepath.Join(data, "curse.txt"), func(_ int, row string) error {
		// A few rows are of several lines; those without a label are left out.
		if i := strings.LastIndexByte(row, '|'); i > 0 && (row[i:] == "|0" || row[i:] == "|1") {
			c.comments = append(c.comments, comment{row[:i], row[i:] == "|1"})
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &c, c.readLines(lines)
}

// readFilms reads reviews of films: rating, film, id and text.
func (c *corpus) readFilms(file string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	r, err := xz.NewReader(bufio.NewReaderSize(f, 1<<20))
	if err != nil {
		return fmt.Errorf("read %s: %w", file, err)
	}
	err = scan(r, func(n int, row string) error {
		column := strings.SplitN(row, "\t", 4)
		if n == 1 {
			return nil
		}
		if len(column) != 4 {
			return fmt.Errorf("%d columns, want 4", len(column))
		}
		rating, err := strconv.Atoi(column[0])
		c.films = append(c.films, film{rating, column[1], column[3]})
		return err
	})
	if err != nil {
		return fmt.Errorf("read %s: %w", file, err)
	}
	return nil
}

// readLines reads a folder of labelled lines: LANGUAGE[-PART].tsv, words-LANGUAGE.tsv, abuse-LANGUAGE.tsv
// and languages.tsv.
func (c *corpus) readLines(dir string) error {
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
				c.foreign = append(c.foreign, line{language: column[0], group: column[1], text: column[1]})
				return nil
			}
			if len(column) != 3 {
				return fmt.Errorf("%d columns, want 3", len(column))
			}
			stars, err := strconv.ParseFloat(column[1], 64)
			l := line{language, column[0], stars, column[2], isWords}
			switch {
			case isAbuse:
				l.language = abuse
				c.abuse = append(c.abuse, l)
			case isWords:
				l.language = words
				c.lines = append(c.lines, l)
			default:
				c.lines = append(c.lines, l)
			}
			return err
		})
		if err != nil {
			return err
		}
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
