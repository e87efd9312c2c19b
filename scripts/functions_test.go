package scripts_test

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestEveryFunctionIsInEveryPlace(t *testing.T) {
	for _, place := range missingPlaces(t, "..") {
		t.Error(place)
	}
}

// missingPlaces returns a line for each place that a function of the repository at root lacks: the file, and the addition.
func missingPlaces(t *testing.T, root string) []string {
	t.Helper()
	var missing []string
	miss := func(file, addition string, args ...any) {
		missing = append(missing, file+": "+fmt.Sprintf(addition, args...))
	}
	services, roles, topics := table(t, root, "services.csv"), table(t, root, "roles.csv"), table(t, root, "topics.csv")
	var routes []struct{ Prefix, Function string }
	if err := json.Unmarshal([]byte(read(t, root, "scripts/deploy/routes/routes.json")), &routes); err != nil {
		t.Fatal(err)
	}
	contract := read(t, root, "functions/api/contract/openapi.json")
	functions, _, _ := strings.Cut(read(t, root, "README.md"), "\n## Run it\n") // with the table of functions
	architecture := read(t, root, "functions/README.md")
	setup := read(t, root, "scripts/deploy/testdata/setup/empty_project.txt")
	for _, name := range functionNames(t, root) {
		source := sources(t, root, name)
		if !strings.Contains(functions, fmt.Sprintf("| [%s](functions/%s) |", name, name)) {
			miss("README.md", "add a row for %s to the table of functions", name)
		}
		if !strings.Contains(architecture, fmt.Sprintf("| [%s](%s/main.go) |", name, name)) {
			miss("functions/README.md", "add a row for %s to the table of functions", name)
		}
		i := slices.IndexFunc(services, func(row map[string]string) bool { return row["function"] == name })
		if i < 0 {
			miss("scripts/deploy/services.csv", "add a row for %s", name)
			continue
		}
		service := services[i]
		for _, m := range regexp.MustCompile(`"([A-Z_]+)"`).FindAllStringSubmatch(strings.Join(requiredVariable.FindAllString(source.code, -1), " "), -1) {
			if m[1] != "GOOGLE_CLOUD_PROJECT" && !strings.Contains(";"+service["variables"]+";"+service["secrets"], ";"+m[1]+"=") {
				miss("scripts/deploy/services.csv", "add %s, which %s requires, to its variables or secrets", m[1], name)
			}
		}
		for _, m := range regexp.MustCompile(`_(?:TOPIC|DEAD)=\{env\}-hybridbts-([a-z-]+)`).FindAllStringSubmatch(service["variables"], -1) {
			if !slices.ContainsFunc(topics, func(row map[string]string) bool { return row["topic"] == m[1] }) {
				miss("scripts/deploy/topics.csv", "add a row for the topic %s of %s", m[1], name)
			}
		}
		for _, role := range regexp.MustCompile(`roles/[a-zA-Z.]+[a-zA-Z]`).FindAllString(source.contract, -1) {
			given := slices.ContainsFunc(roles, func(row map[string]string) bool { return row["account"] == name && row["role"] == role })
			given = given || role == "roles/pubsub.subscriber" && slices.ContainsFunc(topics, func(row map[string]string) bool {
				return row["function"] == name && row["pull_subscriptions"] != "" // setup.sh gives the role on each of them
			})
			if !given && role != "roles/secretmanager.secretAccessor" { // setup.sh gives that role with the secrets
				miss("scripts/deploy/roles.csv", "add %s, which the contract of %s names", role, name)
			}
		}
		routed := slices.ContainsFunc(routes, func(r struct{ Prefix, Function string }) bool { return r.Function == name })
		if behind := service["ingress"] == "internal-and-cloud-load-balancing"; behind && !routed {
			miss("scripts/deploy/routes/routes.json", "add a route to %s, or set its ingress in services.csv to internal", name)
		}
		if strings.Contains(source.code, "problem.NewAPI(") {
			if !strings.Contains(source.tests, "contracttest.Golden(") {
				miss("functions/"+name+"/"+name+"_test.go", "add TestDocument, which keeps openapi.json")
			}
			for _, path := range documentPaths(t, root, name) {
				if !strings.Contains(contract, fmt.Sprintf("%q: {", path)) {
					miss("functions/api/contract/openapi.json", "add %s of %s: go run ./scripts/openapi", path, name)
				}
			}
			if len(documentPaths(t, root, name)) == 0 {
				miss("functions/"+name+"/openapi.json", "write it: go test ./functions/%s -update", name)
			}
		}
		if !strings.Contains(setup, "create prod-hybridbts-"+name+" ") {
			miss("scripts/deploy/testdata/setup", "write the calls of setup.sh for %s: go test ./scripts/deploy -run 'TestSetupMakesTheExpectedCalls|TestTeardownDeletes' -update", name)
		}
	}
	return missing
}

// requiredVariable matches the call that reads a variable without a default.
var requiredVariable = regexp.MustCompile(`(?:e\.Required|env\.RequiredParsed)\((?:&e, )?"[A-Z_]+"`)

// source is the code of a function.
type source struct{ contract, code, tests string }

func sources(t *testing.T, root, name string) source {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, "functions", name, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	var s source
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case strings.HasSuffix(file, "_test.go"):
			s.tests += string(b)
		case filepath.Base(file) == "main.go":
			s.contract, _, _ = strings.Cut(string(b), "\npackage main\n")
			s.code += string(b)
		default:
			s.code += string(b)
		}
	}
	return s
}

// functionNames returns the folders of functions/ that hold a program.
func functionNames(t *testing.T, root string) (names []string) {
	t.Helper()
	programs, err := filepath.Glob(filepath.Join(root, "functions", "*", "main.go"))
	if err != nil || len(programs) == 0 {
		t.Fatalf("programs in functions/: %v, %v", programs, err)
	}
	for _, program := range programs {
		names = append(names, filepath.Base(filepath.Dir(program)))
	}
	return names
}

// documentPaths returns the paths in the OpenAPI document of a function; none without a document.
func documentPaths(t *testing.T, root, name string) (paths []string) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(root, "functions", name, "openapi.json"))
	if err != nil {
		return nil
	}
	var document struct{ Paths map[string]any }
	if err := json.Unmarshal(b, &document); err != nil {
		t.Fatal(err)
	}
	for path := range document.Paths {
		paths = append(paths, path)
	}
	return paths
}

// table returns the rows of a table in scripts/deploy by column.
func table(t *testing.T, root, name string) (rows []map[string]string) {
	t.Helper()
	records, err := csv.NewReader(strings.NewReader(read(t, root, "scripts/deploy/"+name))).ReadAll()
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	for _, record := range records[1:] {
		row := map[string]string{}
		for i, column := range records[0] {
			row[column] = record[i]
		}
		rows = append(rows, row)
	}
	return rows
}

func read(t *testing.T, root, file string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(root, file))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
