// Package customers is the Bigtable schema of the customers that are looked up by their city.
//
//	table      row key                 family   columns
//	customers  city#country#customer   profile  name, email, phone, joined
//	                                   address  city, country, postcode, street
//	cities     city#country#           city     name, count (decimal)
//	                                   loading  a load's id: its count is still to come
//	homes      customer                home     a key: where the customer's row is; two while it moves
//
// Spot check, of the customers that scripts/local makes up, in the way of cbt:
//
//	$ cbt read customers prefix='paris#fr#' count=1
//	paris#fr#0024f1d0-5eea-4e6d-b98b-85052174fccb
//	  address:city                             @ 2026/11/20-16:40:10.565000
//	    "Paris"
//	  address:country                          @ 2026/11/20-16:40:10.565000
//	    "FR"
//	  …
//	  profile:name                             @ 2026/11/20-16:40:10.565000
//	    "Éloïse Roux"
//	$ cbt read customers prefix='são paulo#br#' count=1
//	são paulo#br#000b91fe-f363-47d0-8630-0434de2df030
//	  address:city                             @ 2026/11/20-16:41:31.153000
//	    "SÃO PAULO"
//	  …
//	$ cbt read cities prefix='paris'
//	paris#fr#
//	  city:count                               @ 2026/11/20-16:40:11.013000
//	    "169"
//	  city:name                                @ 2026/11/20-16:40:11.013000
//	    "Paris"
//	paris#us-tx#
//	  …
//
// Why this key. Bigtable has one index, the row key, in order. The city comes first, so a city is one
// contiguous range: its first page is one seek whether it holds 3 customers or 3 million, the next page
// is a seek to the key after the last, and a read touches what it returns and nothing else. The country
// is second, so that Paris in France and Paris in Texas are apart, yet side by side. The customer's id
// is last: it makes the key unique, and a load that runs twice writes the same rows. A separator ends
// each part, so that "par" is never a prefix of "paris".
//
// What it costs. The range of a hot city lies on one tablet, and so one node serves it, until Bigtable
// has split it by size or load: minutes, not requests. Random ids (UUIDs) let the splits spread writes
// evenly; ids that count up would put every new customer of a city on its last tablet. A file sorted by
// city loads one tablet at a time, so shuffle a big one. A customer who moves is a delete and a write,
// for which homes remembers the old place. Questions by country alone, or by name, are full scans here.
//
// Writers: scripts/data/customers.
package customers

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"cloud.google.com/go/bigtable"
	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Tables.
const (
	Table  = "customers"
	Cities = "cities"
	Homes  = "homes"
)

// LoadingAge is how long the mark of a load lasts, which is longer than any load.
const LoadingAge = 7 * 24 * time.Hour

// Families and columns beside those of Columns.
const (
	City        = "city" // family of Cities
	NameColumn  = "name"
	CountColumn = "count"
	Loading     = "loading" // family of Cities, a column a load
	Home        = "home"    // family of Homes, a column for each key that the customer's row may have
)

// Column is a cell of a customer's row. Every row has a name, a city and a country; an empty cell is not written.
type Column struct{ Family, Name string }

// Columns returns the columns of a customer's row.
func Columns() []Column {
	return []Column{
		{"profile", "name"}, {"profile", "email"}, {"profile", "phone"}, {"profile", "joined"},
		{"address", "city"}, {"address", "country"}, {"address", "postcode"}, {"address", "street"},
	}
}

// Create makes the tables that are missing. It leaves those that are there as they are.
func Create(ctx context.Context, admin *bigtable.AdminClient) error {
	kept := bigtable.Family{} // customers and homes are replaced row by row: there are no old versions to collect
	for _, table := range []*bigtable.TableConf{
		{TableID: Table, ColumnFamilies: map[string]bigtable.Family{"profile": kept, "address": kept}},
		{TableID: Homes, ColumnFamilies: map[string]bigtable.Family{Home: kept}},
		{TableID: Cities, ColumnFamilies: map[string]bigtable.Family{
			City: {GCPolicy: bigtable.MaxVersionsPolicy(1)},
			// What a load that was killed left behind goes away by itself.
			Loading: {GCPolicy: bigtable.MaxAgePolicy(LoadingAge)},
		}},
	} {
		if err := admin.CreateTableFromConf(ctx, table); err != nil && status.Code(err) != codes.AlreadyExists {
			return fmt.Errorf("create table %s: %w", table.TableID, err)
		}
	}
	return nil
}

// Bounds of the parts of a key, in bytes. A key is at most 4 KiB, and escaping triples a byte at worst.
const (
	MaxCity     = 512 // folded
	MaxCustomer = 64
)

// CustomerPattern is what a customer's id looks like; a UUID is one.
const CustomerPattern = `^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`

var (
	customer = regexp.MustCompile(CustomerPattern)
	country  = regexp.MustCompile(`^[a-z]{2}(-[a-z0-9]{1,3})?$`)
)

// CheckCustomer returns an error unless id is a customer's.
func CheckCustomer(id string) error {
	if !customer.MatchString(id) {
		return fmt.Errorf("does not match %s", CustomerPattern)
	}
	return nil
}

// Fold returns the one form of all spellings of a city's name that are the same to a reader: in any
// case, any Unicode composition or width, with any white space around and between its words, and with
// or without characters that do not show. Accents count: São Paulo is not Sao Paulo, because Malmö
// and Malmo may be two towns, and what a key merged nobody can part again.
func Fold(city string) (string, error) {
	if !utf8.ValidString(city) {
		return "", errors.New("is not UTF-8")
	}
	if len(city) > 8*MaxCity { // before any work on it
		return "", errLong
	}
	folded := fold(city)
	switch {
	case folded == "":
		return "", errors.New("is empty")
	case len(folded) > MaxCity:
		return "", errLong
	}
	return folded, nil
}

var errLong = fmt.Errorf("is longer than %d bytes", MaxCity)

func fold(s string) string {
	for range 8 { // one step may make room for another; a test knows that few do
		was := s
		s = strings.Map(cherokee, cases.Fold().String(norm.NFKC.String(s)))
		s = norm.NFKC.String(strings.Map(shown, s))
		// The Turkish İ and ı are I and i in the other case.
		s = strings.ReplaceAll(strings.ReplaceAll(s, "i\u0307", "i"), "ı", "i")
		s = strings.Join(strings.Fields(s), " ")
		if s == was {
			break
		}
	}
	return s
}

// cherokee returns the capital, to which Unicode folds this script alone: package cases changes the
// case of it each time.
func cherokee(r rune) rune {
	if unicode.Is(unicode.Cherokee, r) {
		return unicode.ToUpper(r)
	}
	return r
}

// shown drops what NFKC_Casefold (Unicode 3.13, R5) drops: characters without a shape of their own.
func shown(r rune) rune {
	if unicode.In(r, unicode.Cf, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector) {
		return -1
	}
	return r
}

// FoldCountry returns the form in keys of a country, such as "FR", or of a part of one, such as "US-TX" (ISO 3166).
func FoldCountry(code string) (string, error) {
	folded := strings.ToLower(strings.TrimSpace(code))
	if !country.MatchString(folded) {
		return "", errors.New("is not a country such as FR, nor a part of one such as US-TX")
	}
	return folded, nil
}

// Key is the place of a customer's row, in folded parts.
type Key struct{ City, Country, Customer string }

// String returns the row key. Without Customer it is the key of the city, and the prefix of its customers'.
func (k Key) String() string {
	return escape(k.City) + separator + escape(k.Country) + separator + escape(k.Customer)
}

// Parse returns the parts of a row key, and refuses one that String does not make of them.
func Parse(key string) (Key, error) {
	parts := strings.Split(key, separator)
	if len(parts) != 3 {
		return Key{}, fmt.Errorf("parse key %q: it has %d parts, want 3", key, len(parts))
	}
	for i, p := range parts {
		s, err := unescape(p)
		if err != nil {
			return Key{}, fmt.Errorf("parse key %q: %w", key, err)
		}
		parts[i] = s
	}
	return Key{parts[0], parts[1], parts[2]}, nil
}

// Range returns the first key of a city and the first key after it, of Table as of Cities. The city
// is folded, and so is the country, which may be empty for all of them. A country has its parts within:
// "us" is all of "us-tx" too.
func Range(city, country string) (start, end string) {
	start = escape(city) + separator
	switch {
	case country == "":
		return start, After(start)
	case len(country) == 2: // '#' ends it or '-' goes on, and between the two there is nothing else
		return start + country + separator, start + country + string('-'+1)
	}
	start += escape(country) + separator
	return start, After(start)
}

// Prefixed returns the first key of the cities whose folded name begins with prefix, and the first key
// after them, which is "" when there is none.
func Prefixed(prefix string) (start, end string) {
	start = escape(prefix)
	return start, After(start)
}

// After returns the first key after all that begin with prefix, or "" when there is none. The prefix
// is UTF-8, whose bytes have a successor.
func After(prefix string) string {
	if prefix == "" {
		return ""
	}
	last := len(prefix) - 1
	return prefix[:last] + string([]byte{prefix[last] + 1})
}

const (
	separator = "#"
	escapes   = '%'
)

// escape writes the separator, its own sign and ASCII's control characters as %XX.
func escape(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == 0x7f || c == separator[0] || c == escapes {
			fmt.Fprintf(&b, "%c%02X", escapes, c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

var errEscape = errors.New("it is not escaped as keys are")

func unescape(s string) (string, error) {
	var b strings.Builder
	for rest := s; rest != ""; {
		i := strings.IndexByte(rest, escapes)
		if i < 0 {
			b.WriteString(rest)
			break
		}
		if len(rest) < i+3 {
			return "", errEscape
		}
		c, err := hex.DecodeString(rest[i+1 : i+3])
		if err != nil {
			return "", errEscape
		}
		b.WriteString(rest[:i])
		b.Write(c)
		rest = rest[i+3:]
	}
	if !utf8.ValidString(b.String()) || escape(b.String()) != s {
		return "", errEscape
	}
	return b.String(), nil
}
