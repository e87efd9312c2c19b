package deploy_test

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hybrid-bts/functions/scripts/deploy"
)

// costs holds the tables of COSTS.md.
type costs struct {
	prices   map[string]float64 // US dollars a unit by name of the price
	sections map[string][]line  // estimates by section title
	totals   map[string]float64 // US dollars by section title
}

// line is a row of an estimate.
type line struct {
	price         string
	quantity, usd float64
}

// readCosts parses the tables of COSTS.md and recomputes them. It returns one problem for each wrong or unused figure.
func readCosts(text string) (c costs, problems []string) {
	c = costs{map[string]float64{}, map[string][]line{}, map[string]float64{}}
	section := ""
	number := func(s string) float64 {
		v, err := strconv.ParseFloat(strings.Trim(strings.ReplaceAll(s, ",", ""), "* "), 64)
		if err != nil {
			problems = append(problems, err.Error())
		}
		return v
	}
	for row := range strings.Lines(text) {
		if title, ok := strings.CutPrefix(row, "## "); ok {
			section = strings.TrimSpace(title)
		}
		cells := strings.Split(strings.Trim(strings.TrimSpace(row), "|"), "|")
		key := strings.Trim(strings.TrimSpace(cells[0]), "`")
		switch {
		case len(cells) == 5 && strings.HasPrefix(row, "| `"):
			c.prices[key] = number(cells[2])
			if checked := strings.TrimSpace(cells[4]); checked != "yes" && checked != "no" {
				problems = append(problems, key+": column checked is neither yes nor no")
			}
		case len(cells) == 4 && strings.HasPrefix(row, "| `"):
			c.sections[section] = append(c.sections[section], line{key, number(cells[2]), number(cells[3])})
		case strings.Contains(row, "**total**"):
			c.totals[section] = number(cells[3])
		}
	}
	used := map[string]bool{}
	for name, lines := range c.sections {
		sum := 0.0
		for _, l := range lines {
			used[l.price] = true
			price, ok := c.prices[l.price]
			if want := price * l.quantity; !ok || math.Abs(want-l.usd) > 0.0051 {
				problems = append(problems, fmt.Sprintf("%s: %s costs %.2f, the page has %.2f", name, l.price, want, l.usd))
			}
			sum += l.usd
		}
		if math.Abs(sum-c.totals[name]) > 0.005 {
			problems = append(problems, fmt.Sprintf("%s: total %.2f, the page has %.2f", name, sum, c.totals[name]))
		}
	}
	for name := range c.prices {
		if !used[name] {
			problems = append(problems, "no estimate uses the price "+name)
		}
	}
	return c, problems
}

// costPage reads and parses COSTS.md.
func costPage(t *testing.T) (text string, c costs) {
	t.Helper()
	b, err := os.ReadFile("COSTS.md")
	if err != nil {
		t.Fatal(err)
	}
	c, problems := readCosts(string(b))
	for _, p := range problems {
		t.Error(p)
	}
	if len(c.sections) != 4 || len(c.prices) < 20 {
		t.Fatalf("%d sections, %d prices, want 4 and at least 20", len(c.sections), len(c.prices))
	}
	return string(b), c
}

func TestMistakesInCostsAreDetected(t *testing.T) {
	text, _ := costPage(t)
	for name, change := range map[string][2]string{
		"wrong price":         {"| 1.60 |", "| 1.06 |"},
		"wrong quantity":      {"| 1,000 | 1,000.00 |", "| 10,000 | 1,000.00 |"},
		"wrong total":         {"**1,509.10**", "**1,590.10**"},
		"unused price":        {"| `dns` | one zone | 1 | 0.20 |\n", ""},
		"unknown price":       {"| `cdn-data` | 0.1 MB", "| `cdn` | 0.1 MB"},
		"price without check": {"| vCPU second | no |", "| vCPU second | |"},
	} {
		changed := strings.Replace(text, change[0], change[1], 1)
		if _, problems := readCosts(changed); changed == text || len(problems) == 0 {
			t.Errorf("%s: not detected", name)
		}
	}
}

// hoursPerMonth is the number of hours in an average month.
const hoursPerMonth = 730

func TestLeversStateThePriceOfIdleInstances(t *testing.T) {
	text, c := costPage(t)
	words := strings.Join(strings.Fields(text), " ")
	for _, s := range deploy.Services() {
		if s.MinInstances == 0 {
			continue
		}
		usd := hoursPerMonth * 3600 * (c.prices["run-idle-cpu"] + c.prices["run-idle-memory"]*float64(s.MemoryMiB)/1024)
		if want := fmt.Sprintf("%s's instance for $%.0f", s.Function, usd); !strings.Contains(words, want) {
			t.Errorf("the levers lack %q", want)
		}
	}
}

func TestIdleMonthCountsTheConfiguredResources(t *testing.T) {
	t.Parallel()
	_, c := costPage(t)
	calls, _, _ := runSetup(t, emptyProject)
	flag := func(pattern string) float64 { // the number in a flag of setup.sh
		m := regexp.MustCompile(pattern).FindStringSubmatch(calls)
		if m == nil {
			t.Fatalf("no call of setup.sh matches %s", pattern)
		}
		n, err := strconv.ParseFloat(m[1], 64)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	policies, err := filepath.Glob("monitoring/policies/*.json")
	if err != nil {
		t.Fatal(err)
	}
	var files strings.Builder
	for _, file := range append(policies, "armor.json") {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		files.Write(b)
	}
	idleInstances, idleGiB := 0.0, 0.0
	for _, s := range deploy.Services() {
		idleInstances += float64(s.MinInstances)
		idleGiB += float64(s.MinInstances*s.MemoryMiB) / 1024
	}
	got := map[string]float64{}
	for _, l := range c.sections["An idle month of production"] {
		got[l.price] = l.quantity
	}
	want := map[string]float64{
		"spanner":         hoursPerMonth * flag(`--processing-units=(\d+)`) / 1000,
		"bigtable":        hoursPerMonth * flag(`autoscaling-min-nodes=(\d+)`),
		"run-idle-cpu":    hoursPerMonth * 3600 * idleInstances,
		"run-idle-memory": hoursPerMonth * 3600 * idleGiB,
		"balancer":        hoursPerMonth,
		"armor-policy":    float64(strings.Count(calls, "security-policies create")),
		"armor-rule":      float64(strings.Count(files.String(), `"priority":`)),
		"condition":       float64(strings.Count(files.String(), `"conditionThreshold":`)),
		"uptime":          hoursPerMonth * 60 / flag(`monitoring uptime create .* --period=(\d+)`) * 6 / 1000, // from six locations
		"dns":             float64(strings.Count(calls, "managed-zones create")),
		"secret":          float64(strings.Count(calls, "gcloud secrets create")),
		"scheduler":       float64(strings.Count(calls, "gcloud scheduler jobs create")),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("quantities of an idle month differ from the configuration (-want +page):\n%s", diff)
	}
}
