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
)

// costs is scripts/deploy/COSTS.md: prices by name, and by section what is counted.
type costs struct {
	prices   map[string]float64
	sections map[string][]line
	totals   map[string]float64
}

// line is a quantity of something that has a price.
type line struct {
	price         string
	quantity, usd float64
}

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
				problems = append(problems, key+" does not say whether it was checked")
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
				problems = append(problems, fmt.Sprintf("%s: %s costs %.2f, it says %.2f", name, l.price, want, l.usd))
			}
			sum += l.usd
		}
		if math.Abs(sum-c.totals[name]) > 0.005 {
			problems = append(problems, fmt.Sprintf("%s: total %.2f, the page has %.2f", name, sum, c.totals[name]))
		}
	}
	for name := range c.prices {
		if !used[name] {
			problems = append(problems, "nothing costs "+name)
		}
	}
	return c, problems
}

func TestCostsAddUp(t *testing.T) {
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

	// What is counted is what setup.sh makes, and services.csv has wait.
	calls, _, _ := setup(t, map[string]string{"EMPTY": "yes"})
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
	waiting, memory := 0.0, 0.0
	const hours = 730 // of a month
	for _, s := range services(t) {
		if s["min"] == "1" {
			mib, err := strconv.ParseFloat(strings.TrimSuffix(s["memory"], "Mi"), 64)
			if err != nil {
				t.Fatal(err)
			}
			waiting++
			memory += mib / 1024
			alone := hours * 3600 * (c.prices["run-idle-cpu"] + c.prices["run-idle-memory"]*mib/1024)
			if want := fmt.Sprintf("%s's instance for $%.0f", s["function"], alone); !strings.Contains(strings.Join(strings.Fields(text), " "), want) {
				t.Errorf("the levers do not say %q", want)
			}
		}
	}
	units := regexp.MustCompile(`--processing-units=(\d+)`).FindStringSubmatch(calls)
	nodes := regexp.MustCompile(`autoscaling-min-nodes=(\d+)`).FindStringSubmatch(calls)
	if units == nil || nodes == nil {
		t.Fatal("setup.sh makes no databases")
	}
	period := regexp.MustCompile(`monitoring uptime create .* --period=(\d+)`).FindStringSubmatch(calls)
	if period == nil {
		t.Fatal("setup.sh makes no uptime check")
	}
	minutes, _ := strconv.ParseFloat(period[1], 64)
	unit, _ := strconv.ParseFloat(units[1], 64)
	node, _ := strconv.ParseFloat(nodes[1], 64)
	idle := c.sections["An idle month of production"]
	for name, want := range map[string]float64{
		"spanner": hours * unit / 1000, "bigtable": hours * node, "run-idle-cpu": hours * 3600 * waiting, "run-idle-memory": hours * 3600 * memory,
		"balancer": hours, "armor-policy": float64(strings.Count(calls, "security-policies create")), "dns": float64(strings.Count(calls, "managed-zones create")),
		"armor-rule": float64(strings.Count(policies.String(), `"priority":`)), "condition": float64(strings.Count(policies.String(), `"conditionThreshold":`)),
		"uptime": hours * 60 / minutes * 6 / 1000, // from each of six regions
		"secret": float64(strings.Count(calls, "gcloud secrets create")),
	} {
		got := -1.0
		for _, l := range idle {
			if l.price == name {
				got = l.quantity
			}
		}
		if got != want {
			t.Errorf("an idle month has %v of %s, the page says %v", want, name, got)
		}
	}

	// The checks themselves: each must see its mistake.
	for name, change := range map[string][2]string{
		"another price":         {"| 1.60 |", "| 1.06 |"},
		"another quantity":      {"| 1,000 | 1,000.00 |", "| 10,000 | 1,000.00 |"},
		"another sum":           {"**1,509.10**", "**1,590.10**"},
		"a price of nothing":    {"| `dns` | one zone | 1 | 0.20 |\n", ""},
		"a price that is not":   {"| `cdn-data` | 0.1 MB", "| `cdn` | 0.1 MB"},
		"a price without doubt": {"| vCPU second | no |", "| vCPU second | |"},
	} {
		changed := strings.Replace(text, change[0], change[1], 1)
		if _, problems := readCosts(changed); changed == text || len(problems) == 0 {
			t.Errorf("%s is not seen", name)
		}
	}
}
