package main

import (
	"bytes"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"cloud.google.com/go/bigtable/bttest"

	"github.com/hybrid-bts/functions/scripts/data/customers/load"
	"github.com/hybrid-bts/functions/shared/fake/customerstest"
)

// command runs the command with the variables of a Bigtable instance. It returns the standard output.
func command(t *testing.T, stdin string, args ...string) (stdout string, err error) {
	t.Helper()
	vars := map[string]string{"GOOGLE_CLOUD_PROJECT": "p", "BIGTABLE_INSTANCE": "i"}
	var out bytes.Buffer
	err = run(t.Context(), args, func(name string) (string, bool) { v, ok := vars[name]; return v, ok }, strings.NewReader(stdin), &out, io.Discard)
	return out.String(), err
}

func TestGeneratedCustomersAreLoaded(t *testing.T) {
	engine, err := bttest.NewServer("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer engine.Close()
	t.Setenv("BIGTABLE_EMULATOR_HOST", engine.Addr)
	t.Chdir(t.TempDir())
	file, err := command(t, "", "generate", "-n", "300", "-seed", "9")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("c.csv", []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		out, err := command(t, "", "load", "-create", "c.csv")
		if err != nil || !strings.Contains(out, "\nloaded 300 of 300 rows") || !strings.HasPrefix(out, "form: CSV, delimiter comma, ") {
			t.Errorf("%q, %v", out, err)
		}
	}
	if left, _ := filepath.Glob("*.rejected.csv"); left != nil {
		t.Errorf("files of rejected rows remain without rejected rows: %v", left)
	}
	out, err := command(t, file+"1,,Paris,FR\n", "load", "-rejected", "reasons.csv", "-")
	reasons, _ := os.ReadFile("reasons.csv")
	if !errors.Is(err, errRejected) || !strings.Contains(out, "rejected 1 rows") || string(reasons) != "line,column,reason\n302,,\"row has 4 cells, header has 9\"\n" {
		t.Errorf("output %q, error %v, file of rejected rows %q", out, err, reasons)
	}
}

func TestFileOfRejectedRowsOverwritesNoFile(t *testing.T) {
	t.Chdir(t.TempDir())
	const good, bad = "id,name,city,country\n1,A,Paris,FR\n", "id,name,city,country\n1,A,,FR\n"
	for name, content := range map[string]string{"good.csv": good, "bad.csv": bad, "bad.csv.rejected.csv": "kept"} {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := command(t, "", "load", "-dry-run", "-rejected", "good.csv", "good.csv"); err == nil {
		t.Error("the input was accepted as the file of rejected rows")
	}
	if _, err := command(t, "", "load", "-dry-run", "bad.csv"); !errors.Is(err, errRejected) {
		t.Errorf("error %v, want errRejected", err)
	}
	if _, err := command(t, "", "load", "-dry-run", "-rejected", os.DevNull, "bad.csv"); !errors.Is(err, errRejected) {
		t.Errorf("error %v, want errRejected", err)
	}
	if _, err := os.Stat(os.DevNull); err != nil {
		t.Error(err)
	}
	for name, want := range map[string]string{
		"good.csv": good, "bad.csv": bad, "bad.csv.rejected.csv": "kept", "bad.csv.rejected-2.csv": "line,column,reason\n2,city,is empty\n",
	} {
		if got, err := os.ReadFile(name); err != nil || string(got) != want {
			t.Errorf("%s holds %q, %v, want %q", name, got, err, want)
		}
	}
}

func TestDryRunNeedsNoBigtable(t *testing.T) {
	t.Chdir(t.TempDir())
	var out bytes.Buffer
	noVariables := func(string) (string, bool) { return "", false }
	err := run(t.Context(), []string{"load", "-dry-run", "-"}, noVariables, strings.NewReader("id,name,city,country\n1,A,Paris,FR\n"), &out, io.Discard)
	if err != nil || !strings.Contains(out.String(), "would load 1 of 1 rows in 1 cities") {
		t.Errorf("%q, %v", out.String(), err)
	}
	if err := run(t.Context(), []string{"load", "-"}, noVariables, strings.NewReader(""), &out, io.Discard); err == nil || !strings.Contains(err.Error(), "BIGTABLE_INSTANCE") {
		t.Errorf("without variables: error %v, want the names of the variables", err)
	}
}

func TestInvalidCommandLinesAreUsageErrors(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, args := range [][]string{nil, {"unload"}, {"load"}, {"load", "a", "b"}, {"load", "-x", "a"}, {"load", "gs://bucket"}, {"load", "-country", "XX", "a"}, {"load", "-map", "size=x", "a"}, {"load", "-map", "id=a,id=b", "a"},
		{"load", "-delimiter", "ab", "a"}, {"load", "-dates", "dd/mm", "a"}, {"erase"}, {"load", "-erase"}, {"generate", "-n", "-1"}, {"generate", "x"}} {
		if _, err := command(t, "", args...); !errors.Is(err, errUsage) {
			t.Errorf("%q: error %v, want errUsage", args, err)
		}
	}
	if _, err := command(t, "", "load", "nowhere.csv"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error %v, want os.ErrNotExist", err)
	}
	if left, _ := filepath.Glob("*"); left != nil {
		t.Errorf("files remain: %v", left)
	}
}

// The files of testdata have the headers and the quirks of public files, with few and fictional rows.
func TestPublicFilesLoadByOneCommand(t *testing.T) {
	engine, err := customerstest.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer engine.Close()
	t.Setenv("BIGTABLE_EMULATOR_HOST", engine.Addr)
	dir, err := filepath.Abs("testdata")
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	for _, tc := range []struct {
		args []string
		want []string // in the output
	}{
		{[]string{"northwind.csv"}, []string{"loaded 4 of 4 rows in 4 cities", "name      from contactName", "2 rows: phone is no number of its country and is kept as written (lines 3, 4)", "not read: companyName, contactTitle, fax"}},
		{[]string{"datablist.csv"}, []string{"loaded 4 of 4 rows in 4 cities", "name      from First Name + Last Name", "id        from Customer Id", "joined    from Subscription Date"}},
		{[]string{"-country", "BR", "olist.csv"}, []string{"loaded 3 of 3 rows in 3 cities", "city      from customer_city", "part      from customer_state"}},
		{[]string{"adventureworks.txt"}, []string{"loaded 2 of 2 rows in 2 cities", "delimiter bar, UTF-16LE with BOM, CRLF", "name      from FirstName + MiddleName + LastName", "street    from AddressLine1 + AddressLine2"}},
		{[]string{"-country", "France", "-map", "id=Code_commune_INSEE+Code_postal+Ligne_5", "laposte.csv"}, []string{"loaded 3 of 3 rows in 3 cities", "delimiter semicolon, windows-1252, LF"}},
		{[]string{"world-cities.csv"}, []string{"loaded 3 of 3 rows in 3 cities", "city      from name"}},
	} {
		args := append([]string{"load"}, tc.args...)
		args[len(args)-1] = filepath.Join(dir, args[len(args)-1])
		vars := map[string]string{"GOOGLE_CLOUD_PROJECT": customerstest.Project, "BIGTABLE_INSTANCE": customerstest.Instance}
		var out bytes.Buffer
		err := run(t.Context(), args, func(name string) (string, bool) { v, ok := vars[name]; return v, ok }, nil, &out, io.Discard)
		if err != nil {
			t.Errorf("%v: %v", tc.args, err)
		}
		for _, want := range tc.want {
			if !strings.Contains(out.String(), want) {
				t.Errorf("%v: output lacks %q:\n%s", tc.args, want, out.String())
			}
		}
	}
	want := map[string]string{"paris#fr#": "2", "paris#us-tx#": "1", "são paulo#br-sp#": "1", "london#gb#": "1"}
	for city, n := range cityCounts(t, engine.Client) {
		if want[city] != "" && n != want[city] {
			t.Errorf("city %s has %s customers, want %s", city, n, want[city])
		}
		delete(want, city)
	}
	if len(want) > 0 {
		t.Errorf("cities are missing: %v", want)
	}
}

func TestHelpNamesEveryColumn(t *testing.T) {
	for _, args := range [][]string{{"-help"}, {"help"}, {"load", "-help"}, {"erase", "-h"}, {"generate", "-help"}} {
		var out bytes.Buffer
		if err := run(t.Context(), args, nil, nil, io.Discard, &out); !errors.Is(err, flag.ErrHelp) || out.Len() == 0 {
			t.Errorf("%q: error %v, output %q", args, err, out.String())
		}
		for _, field := range load.FieldNames() {
			if args[0] == "load" && !strings.Contains(out.String(), "\n  "+field+" ") {
				t.Errorf("%q does not name %s", args, field)
			}
		}
	}
}

func TestFilesWithoutAHeaderPrintNoValues(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, file := range []string{"1,Kim Minjun,Seoul,KR\n", "1,Kim Minjun,Seoul,KR\r2,Kim Minjun,Busan,KR\r"} {
		var out bytes.Buffer
		err := run(t.Context(), []string{"load", "-dry-run", "-"}, nil, strings.NewReader(file), &out, &out)
		if err == nil || strings.Contains(out.String()+err.Error(), "Kim") {
			t.Errorf("error %v, output %q", err, out.String())
		}
	}
	out, err := command(t, "1,Kim Minjun,Seoul,KR\r2,Kim Minjun,Busan,KR\r", "load", "-dry-run", "-header", "id,name,city,country", "-")
	if err != nil || !strings.Contains(out, "would load 2 of 2 rows in 2 cities") {
		t.Errorf("%q, %v", out, err)
	}
}

func TestProgressEndsOnlyWithTheLoad(t *testing.T) {
	for _, complete := range []bool{true, false} {
		var out bytes.Buffer
		p := newProgress(&out)
		p.show(10, 1)
		p.end(complete)
		if strings.Contains(out.String(), "100%") != complete || strings.Contains(out.String(), "stopped") == complete {
			t.Errorf("complete %t: %q", complete, out.String())
		}
	}
}

func TestErasedCustomersAreNamedByIDOrFile(t *testing.T) {
	engine, err := bttest.NewServer("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer engine.Close()
	t.Setenv("BIGTABLE_EMULATOR_HOST", engine.Addr)
	t.Chdir(t.TempDir())
	if _, err := command(t, "id,city,country\n1,Paris,FR\n2,Paris,FR\n3,Lyon,FR\n4,Lyon,FR\n", "load", "-create", "-"); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("ids.txt", []byte("3\n9\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := command(t, "", "load", "-erase", "1", "ids.txt")
	if err != nil || out != "removed 2 customers in 2 cities\n1 ids have no customer\n" {
		t.Errorf("%q, %v", out, err)
	}
	if out, err = command(t, "2\n", "erase", "-"); err != nil || out != "removed 1 customers in 1 cities\n" {
		t.Errorf("%q, %v", out, err)
	}
	if out, err = command(t, "id,city,country\n5,Paris,FR\n", "load", "-replace", "-"); err != nil || !strings.Contains(out, "1 customers removed that the file does not have") {
		t.Errorf("%q, %v", out, err)
	}
}
