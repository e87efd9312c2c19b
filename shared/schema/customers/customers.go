// Package customers is the Bigtable schema of customers by city.
//
//	table      row key                 family   columns
//	customers  city#country#customer   profile  name, email, phone, joined
//	                                   address  city, country, postcode, street, part as written; ambiguous
//	cities     city#country#           city     name, count and ambiguous (decimal), spellings, known (JSON)
//	                                   loading  a load's id: the mark of a load that has yet to count the city
//	homes      customer                home     row key of the customer in table customers; two while the customer moves
//	aliases    key of a name           place    row key of a place in table cities: the name of the place and the alias (JSON)
//
// Example rows of the customers that scripts/local generates, printed by cbt:
//
//	$ cbt read customers prefix='paris#fr#' count=1
//	paris#fr#00c52a72-91a9-45f6-b68b-c7b7e5dc6a79
//	  address:city                             @ 2026/11/20-16:40:10.565000
//	    "Paris"
//	  …
//	$ cbt read customers prefix='são paulo#br-sp#' count=1
//	são paulo#br-sp#00563b07-2542-435f-ae00-46a34ce183a1
//	  address:city                             @ 2026/11/20-16:41:31.153000
//	    "São Paulo"
//	  …
//	$ cbt read cities prefix='paris'
//	paris#fr#
//	  city:count                               @ 2026/11/20-16:40:11.013000
//	    "162"
//	  city:name                                @ 2026/11/20-16:40:11.013000
//	    "Paris"
//	paris#us-tx#
//	  …
//
// City and country are those of the place that shared/engine/place resolves from city, country, postcode and state as the customer
// wrote them, so all spellings of a place are one range. Several places may match an address equally. The row then belongs to the
// largest of them, and has the column ambiguous. A city that the gazetteer does not have is a place of its own.
//
// Table aliases finds a place by any of its names. A reader computes the keys of a written name with
// shared/engine/place/spelling, reads their rows at once, and takes the first row in the order of the keys. A city without a row
// may be one that a writer without table aliases stored, under its folded name.
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
	"fmt"
	"time"

	"cloud.google.com/go/bigtable"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Table names.
const (
	CustomersTable = "customers"
	CitiesTable    = "cities"
	HomesTable     = "homes"
	AliasesTable   = "aliases"
)

// LoadingMarkTTL is the age at which Bigtable deletes the mark of a load. It is longer than any load takes.
const LoadingMarkTTL = 7 * 24 * time.Hour

// Families and columns of CitiesTable, HomesTable and AliasesTable.
const (
	CityFamily           = "city" // of CitiesTable
	NameColumn           = "name"
	CountColumn          = "count"
	AmbiguousCountColumn = "ambiguous" // customers whose address several places match
	SpellingsColumn      = "spellings" // EncodeSpellings
	KnownAsColumn        = "known"     // other names of the place for display, a JSON array of strings
	LoadingFamily        = "loading"   // of CitiesTable; the column is the id of a load
	HomeFamily           = "home"      // of HomesTable; the column is a row key of CustomersTable
	AliasFamily          = "place"     // of AliasesTable; the column is a row key of CitiesTable
)

// AmbiguousColumn is the column of CustomersTable that marks a customer whose address several places match. Its value is "1".
// It is not one of Columns.
var AmbiguousColumn = Column{"address", "ambiguous"}

// PartColumn is the column of CustomersTable for the state, province or region as written, which helps to keep places of one
// name apart. It is not one of Columns.
var PartColumn = Column{"address", "part"}

// Column is a column of CustomersTable.
type Column struct{ Family, Name string }

// Columns returns the columns of CustomersTable. Every row has a city and a country. Empty cells are not stored.
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
		{TableID: AliasesTable, ColumnFamilies: map[string]bigtable.Family{AliasFamily: {GCPolicy: bigtable.MaxVersionsPolicy(1)}}},
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
