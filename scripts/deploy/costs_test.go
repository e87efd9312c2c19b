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

func TestCostsAddUpAndMatchTheConfiguration(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("COSTS.md")
	if err != nil {
		t.Fatal(err)
	}
	text := string(b)
	c, problems := readCosts(text)
	for _, p := range problems {
		t.Error(p)
	}
	if len(c.sections) != 4 || len(c.prices) < 20 {
		t.Fatalf("%d sections, %d prices", len(c.sections), len(c.prices))
	}

	calls, _, _ := runSetup(t, emptyProject)
	var policies strings.Builder
	files, err := filepath.Glob("monitoring/policies/*.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range append(files, "armor.json") {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		policies.Write(b)
	}
	idleInstances, idleGiB := 0.0, 0.0
	const hours = 730 // in a month
	for _, s := range deploy.Services() {
		if s.MinInstances == 1 {
			gib := float64(s.MemoryMiB) / 1024
			idleInstances++
			idleGiB += gib
			usd := hours * 3600 * (c.prices["run-idle-cpu"] + c.prices["run-idle-memory"]*gib)
			if want := fmt.Sprintf("%s's instance for $%.0f", s.Function, usd); !strings.Contains(strings.Join(strings.Fields(text), " "), want) {
				t.Errorf("the levers lack %q", want)
			}
		}
	}
	units := regexp.MustCompile(`--processing-units=(\d+)`).FindStringSubmatch(calls)
	nodes := regexp.MustCompile(`autoscaling-min-nodes=(\d+)`).FindStringSubmatch(calls)
	if units == nil || nodes == nil {
		t.Fatal("setup.sh creates no Spanner or Bigtable instance")
	}
	period := regexp.MustCompile(`monitoring uptime create .* --period=(\d+)`).FindStringSubmatch(calls)
	if period == nil {
		t.Fatal("setup.sh creates no uptime check")
	}
	minutes, _ := strconv.ParseFloat(period[1], 64)
	unit, _ := strconv.ParseFloat(units[1], 64)
	node, _ := strconv.ParseFloat(nodes[1], 64)
	idle := c.sections["An idle month of production"]
	for name, want := range map[string]float64{
		"spanner": hours * unit / 1000, "bigtable": hours * node, "run-idle-cpu": hours * 3600 * idleInstances, "run-idle-memory": hours * 3600 * idleGiB,
		"balancer": hours, "armor-policy": float64(strings.Count(calls, "security-policies create")), "dns": float64(strings.Count(calls, "managed-zones create")),
		"armor-rule": float64(strings.Count(policies.String(), `"priority":`)), "condition": float64(strings.Count(policies.String(), `"conditionThreshold":`)),
		"uptime": hours * 60 / minutes * 6 / 1000, // from each of six locations
		"secret": float64(strings.Count(calls, "gcloud secrets create")),
	} {
		got := -1.0
		for _, l := range idle {
			if l.price == name {
				got = l.quantity
			}
		}
		if got != want {
			t.Errorf("an idle month has %v of %s, the page has %v", want, name, got)
		}
	}

	for name, change := range map[string][2]string{ // mistakes that readCosts must find
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
