// Package customers is the Bigtable schema of customers by city.
//
//	table      row key                 family   columns
//	customers  city#country#customer   profile  name, email, phone, joined
//	                                   address  city, country, postcode, street
//	cities     city#country#           city     name, count (decimal)
//	                                   loading  a load's id: the mark of a load that has yet to count the city
//	homes      customer                home     row key of the customer in table customers; two while the customer moves
//
// Example rows of the customers that scripts/local generates, printed by cbt:
//
//	$ cbt read customers prefix='paris#fr#' count=1
//	paris#fr#0024f1d0-5eea-4e6d-b98b-85052174fccb
//	  address:city                             @ 2026/11/20-16:40:10.565000
//	    "Paris"
//	  …
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
// Key design. The row key is the only index of Bigtable, and rows are sorted by it. The city comes first, so a city is
// one contiguous range: its first page is one seek, whether it has 3 customers or 3 million, and a read touches no
// other rows. The country comes second, so Paris in France and Paris in Texas are separate ranges side by side. The
// customer's id comes last: it makes the key unique, and a repeated load writes the same rows. A separator ends each
// part, so "par" is never a prefix of "paris".
//
// Costs. The range of a hot city is on one tablet, and so on one node, until Bigtable splits it by size or load, which
// takes minutes. Random ids (UUIDs) spread writes over the splits; sequential ids would send all new customers of a
// city to its last tablet. A file sorted by city loads one tablet at a time, so shuffle large files. A move to another
// city is a delete and a write; the table homes records the old row key. Queries by country alone or by name are full
// scans.
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
	"unicode/utf8"

	"cloud.google.com/go/bigtable"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Table names.
const (
	CustomersTable = "customers"
	CitiesTable    = "cities"
	HomesTable     = "homes"
)

// LoadingMarkTTL is the age at which Bigtable deletes the mark of a load. It is longer than any load takes.
const LoadingMarkTTL = 7 * 24 * time.Hour

// Families and columns of CitiesTable and HomesTable.
const (
	CityFamily    = "city" // of CitiesTable
	NameColumn    = "name"
	CountColumn   = "count"
	LoadingFamily = "loading" // of CitiesTable; the column is the id of a load
	HomeFamily    = "home"    // of HomesTable; the column is a row key of CustomersTable
)

// Column is a column of CustomersTable.
type Column struct{ Family, Name string }

// Columns returns the columns of CustomersTable. Every row has a name, a city and a country. Empty cells are not stored.
func Columns() []Column {
	return []Column{
		{"profile", "name"}, {"profile", "email"}, {"profile", "phone"}, {"profile", "joined"},
		{"address", "city"}, {"address", "country"}, {"address", "postcode"}, {"address", "street"},
	}
}

// Create creates the tables that do not exist. It does not change existing tables.
func Create(ctx context.Context, admin *bigtable.AdminClient) error {
	noGC := bigtable.Family{} // loads replace whole rows, so there are no old versions to collect
	for _, table := range []*bigtable.TableConf{
		{TableID: CustomersTable, ColumnFamilies: map[string]bigtable.Family{"profile": noGC, "address": noGC}},
		{TableID: HomesTable, ColumnFamilies: map[string]bigtable.Family{HomeFamily: noGC}},
		{TableID: CitiesTable, ColumnFamilies: map[string]bigtable.Family{
			CityFamily:    {GCPolicy: bigtable.MaxVersionsPolicy(1)},
			LoadingFamily: {GCPolicy: bigtable.MaxAgePolicy(LoadingMarkTTL)},
		}},
	} {
		if err := admin.CreateTableFromConf(ctx, table); err != nil && status.Code(err) != codes.AlreadyExists {
			return fmt.Errorf("create table %s: %w", table.TableID, err)
		}
	}
	return nil
}

// CustomerIDPattern is the regular expression of customer ids. UUIDs match it.
const CustomerIDPattern = `^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`

var customerID = regexp.MustCompile(CustomerIDPattern)

// CheckCustomerID returns an error unless id is a valid customer id.
func CheckCustomerID(id string) error {
	if !customerID.MatchString(id) {
		return fmt.Errorf("does not match %s", CustomerIDPattern)
	}
	return nil
}

// Key is a row key. City and Country are folded.
type Key struct{ City, Country, Customer string }

// String returns the row key of a customer. Without Customer, it is the row key of the city and the prefix of the row keys
// of its customers.
func (k Key) String() string {
	return escape(k.City) + separator + escape(k.Country) + separator + escape(k.Customer)
}

// ParseKey returns the parts of a row key. It is the inverse of Key.String, and returns an error for all other strings.
func ParseKey(key string) (Key, error) {
	parts := strings.Split(key, separator)
	if len(parts) != 3 {
		return Key{}, fmt.Errorf("parse row key %q: %d parts instead of 3", key, len(parts))
	}
	for i, p := range parts {
		s, err := unescape(p)
		if err != nil {
			return Key{}, fmt.Errorf("parse row key %q: %w", key, err)
		}
		parts[i] = s
	}
	return Key{parts[0], parts[1], parts[2]}, nil
}

// CityRange returns the first row key of a city and the first row key after the city. The range holds for CustomersTable
// and for CitiesTable. Both parts are folded. An empty country selects all countries; a country such as "us" includes its
// subdivisions such as "us-tx".
func CityRange(city, country string) (start, end string) {
	start = escape(city) + separator
	switch {
	case country == "":
		return start, prefixEnd(start)
	case len(country) == 2: // "#" or "-" follows a country; no character of a key sorts between the two
		return start + country + separator, start + country + string('-'+1)
	}
	start += escape(country) + separator
	return start, prefixEnd(start)
}

// PrefixRange returns the first row key of the cities whose folded name has a prefix, and the first row key after them. The
// end is "" if no row key can follow.
func PrefixRange(prefix string) (start, end string) {
	start = escape(prefix)
	return start, prefixEnd(start)
}

// prefixEnd returns the first string after all strings with the prefix, or "" if there is none. The prefix is UTF-8, so
// its last byte is not 0xff.
func prefixEnd(prefix string) string {
	if prefix == "" {
		return ""
	}
	last := len(prefix) - 1
	return prefix[:last] + string([]byte{prefix[last] + 1})
}

const (
	separator  = "#"
	escapeSign = '%'
)

// escape returns s with the separator, the escape sign and ASCII control characters as %XX.
func escape(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == 0x7f || c == separator[0] || c == escapeSign {
			fmt.Fprintf(&b, "%c%02X", escapeSign, c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// errEscape is the error for a part of a row key that escape cannot return.
var errEscape = errors.New("invalid escape sequence or UTF-8")

// unescape is the inverse of escape. It returns errEscape for strings that escape does not return.
func unescape(s string) (string, error) {
	var b strings.Builder
	for rest := s; rest != ""; {
		i := strings.IndexByte(rest, escapeSign)
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
