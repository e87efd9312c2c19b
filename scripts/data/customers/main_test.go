package main

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"cloud.google.com/go/bigtable/bttest"
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
