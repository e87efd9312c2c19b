package load

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// errDate is the note for dates that are left out.
var errDate = errors.New("is no date in the order year, month, day, or that of -dates, and is left out")

// DateOrder is the order of the numbers of a date that does not start with its year: "dmy", "mdy" or "ymd", or "" for
// files without such dates.
type DateOrder string

// ParseDateOrder returns the order of a pattern such as "dd/mm/yyyy", "m.d.yy" or "mdy".
func ParseDateOrder(pattern string) (DateOrder, error) {
	order := ""
	for _, r := range strings.ToLower(pattern) {
		switch {
		case !strings.ContainsRune("dmy", r):
			if !strings.ContainsRune("/-. ", r) {
				return "", fmt.Errorf("date pattern %q has a character beside d, m, y and separators", pattern)
			}
		case !strings.HasSuffix(order, string(r)):
			order += string(r)
		}
	}
	if order != "dmy" && order != "mdy" && order != "ymd" {
		return "", fmt.Errorf("date pattern %q is no order such as dd/mm/yyyy, mm/dd/yyyy or yyyy/mm/dd", pattern)
	}
	return DateOrder(order), nil
}

// Patterns of dates with an optional time, whose value does not matter: the date is that of its own offset, the day on
// which the customer joined.
var (
	yearFirst   = regexp.MustCompile(`^(\d{4})\s*[-/.年년]\s*(\d{1,2})\s*[-/.月월]\s*(\d{1,2})\s*[.日일]?(?:[T ,]\s*\S.*)?$`)
	compactDate = regexp.MustCompile(`^(\d{4})(\d{2})(\d{2})(?:[T ]?\d{2,6}\S*)?$`)
	yearLast    = regexp.MustCompile(`^(\d{1,2})[-/. ]\s*(\d{1,2})[-/. ]\s*(\d{4}|\d{2})\.?(?:[T ,]\s*\S.*)?$`)
)

// namedDates are layouts of dates with the English name of the month.
var namedDates = []string{"2 Jan 2006", "2-Jan-2006", "2-Jan-06", "Jan 2, 2006", "Jan 2 2006", "2 January 2006", "January 2, 2006", "02-JAN-2006"}

// date returns a date as YYYY-MM-DD. An empty text has an empty date. The error is errDate.
func (order DateOrder) date(s string) (string, error) {
	if s == "" {
		return "", nil
	}
	if len(s) == len(time.DateOnly) && s[4] == '-' { // most files; the patterns take ten times as long
		if _, err := time.Parse(time.DateOnly, s); err == nil && s >= "0001" {
			return s, nil
		}
	}
	for _, pattern := range []*regexp.Regexp{yearFirst, compactDate} {
		if m := pattern.FindStringSubmatch(s); m != nil {
			return validDate(m[1], m[2], m[3])
		}
	}
	if m := yearLast.FindStringSubmatch(s); m != nil && order != "" {
		var year, month, day string
		switch order {
		case "dmy":
			day, month, year = m[1], m[2], m[3]
		case "mdy":
			month, day, year = m[1], m[2], m[3]
		default:
			year, month, day = m[1], m[2], m[3]
		}
		return validDate(year, month, day)
	}
	for _, layout := range namedDates {
		if t, err := time.Parse(layout, s); err == nil {
			return t.Format(time.DateOnly), nil
		}
	}
	return "", errDate
}

// validDate returns the date with the given numbers. A year of two digits is in the hundred years up to 2069, as in
// POSIX.
func validDate(year, month, day string) (string, error) {
	y, _ := strconv.Atoi(year) // the patterns allow digits only
	m, _ := strconv.Atoi(month)
	d, _ := strconv.Atoi(day)
	if len(year) == 2 {
		if y += 1900; y < 1970 {
			y += 100
		}
	}
	t := time.Date(y, time.Month(m), d, 0, 0, 0, 0, time.UTC)
	if y < 1 || t.Day() != d || int(t.Month()) != m {
		return "", errDate
	}
	return t.Format(time.DateOnly), nil
}
