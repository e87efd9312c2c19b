package deploy_test

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hybrid-bts/functions/shared/schema/rendition"
	"github.com/hybrid-bts/functions/shared/schema/spannerdb"
)

// erasureDays returns the days of each copy of erased data that setup.sh, the schema and the functions set. setup.sh and
// Terraform are equal by another test.
func erasureDays(t *testing.T, calls string) map[string]int {
	t.Helper()
	// days returns the value of a flag of all calls that contain a command, which must agree.
	days := func(command, flag string) int {
		t.Helper()
		var values []string
		for line := range strings.Lines(calls) {
			if m := regexp.MustCompile(` --` + flag + `=(\d+)[ds] `).FindStringSubmatch(line); m != nil && strings.Contains(line, command) {
				values = append(values, m[1])
			}
		}
		slices.Sort(values)
		if values = slices.Compact(values); len(values) != 1 {
			t.Fatalf("calls of %s set %s to %v, want one value", command, flag, values)
		}
		n, err := strconv.Atoi(values[0])
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	softDelete := func(bucket string) int {
		return days("buckets update gs://prod-hybridbts-"+bucket+" ", "soft-delete-duration")
	}
	tables, _ := spannerdb.Schema()
	tombstone := regexp.MustCompile(`OLDER_THAN\(ErasedAt, INTERVAL (\d+) DAY\)`).FindStringSubmatch(strings.Join(tables, "\n"))
	if tombstone == nil {
		t.Fatal("tombstones have no age")
	}
	tombstoneDays, err := strconv.Atoi(tombstone[1])
	if err != nil {
		t.Fatal(err)
	}
	versions := 1 // one hour, the default of Spanner
	if strings.Contains(strings.Join(tables, "\n"), "version_retention_period") {
		t.Error("the database keeps versions for longer than the default; correct the days")
	}
	dead := days("topics create prod-hybridbts-reviews-dead ", "message-retention-duration")
	if n := days("subscriptions create prod-hybridbts-reviews-dead ", "message-retention-duration"); n != dead {
		t.Errorf("dead letters are kept for %d and %d days", dead, n)
	}
	lifecycle, err := os.ReadFile("lifecycle/logs.json")
	if err != nil {
		t.Fatal(err)
	}
	logs := regexp.MustCompile(`"Delete"}, "condition": {"age": (\d+)}`).FindSubmatch(lifecycle)
	if logs == nil {
		t.Fatalf("logs are kept for ever: %s", lifecycle)
	}
	logDays, err := strconv.Atoi(string(logs[1]))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(calls, "logging buckets") {
		t.Error("logs of functions have another retention than the default of 30 days")
	}
	if strings.Contains(calls, "bigtable backups") || strings.Contains(calls, "automated-backup") {
		t.Error("Bigtable has backups, which the page denies")
	}
	messages := days("topics create prod-hybridbts-reviews ", "message-retention-duration")
	if n := days("topics create prod-hybridbts-commands ", "message-retention-duration"); n != messages {
		t.Errorf("topics keep messages for %d and %d days", messages, n)
	}
	return map[string]int{
		"earlier versions of rows in Spanner": versions, "backups of Spanner": days("backup-schedules create", "retention-duration"),
		"topics `reviews` and `commands`": messages, "dead-letter topics and their subscriptions": dead,
		"soft delete of the bucket `originals`": softDelete("originals"), "soft delete of the bucket `archive`": softDelete("archive"),
		"soft delete of the bucket `renditions`": softDelete("renditions"), "CDN and browsers": int((rendition.PhotoCacheTime + 24*time.Hour - 1) / (24 * time.Hour)),
		"tombstone in Spanner": tombstoneDays, "subscription `commands-erasures`": days("subscriptions create prod-hybridbts-commands-erasures ", "message-retention-duration"),
		"logs of functions, with the audit logs": 30, "bucket `logs`": logDays, "soft delete of the bucket `logs`": softDelete("logs"),
	}
}

// documentedDays returns the days of the table in SECURITY.md.
func documentedDays(t *testing.T) map[string]int {
	t.Helper()
	b, err := os.ReadFile("../../.github/SECURITY.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(b), "\n## Erasure\n")
	all := map[string]int{}
	for _, m := range regexp.MustCompile(`(?m)^\| ([^|]+) \| [^|]+ \| (\d+) \|$`).FindAllStringSubmatch(section, -1) {
		n, err := strconv.Atoi(m[2])
		if err != nil {
			t.Fatal(err)
		}
		all[m[1]] = n
	}
	return all
}

func TestSecurityPageHasTheDaysOfErasedData(t *testing.T) {
	t.Parallel()
	calls, _, _ := runSetup(t, emptyProject)
	if got, want := documentedDays(t), erasureDays(t, calls); !maps.Equal(got, want) {
		t.Errorf("SECURITY.md has the days %v, the deployment sets %v", got, want)
	}
	shorter := strings.Replace(calls, "--retention-duration=7d", "--retention-duration=9d", 1)
	if maps.Equal(documentedDays(t), erasureDays(t, shorter)) {
		t.Error("another retention of backups is not detected")
	}
}

// A restore needs every erasure since the backup, and a late message must find the tombstone of a review.
func TestErasuresOutliveBackupsAndMessages(t *testing.T) {
	t.Parallel()
	calls, _, _ := runSetup(t, emptyProject)
	days := erasureDays(t, calls)
	for _, copied := range []string{"backups of Spanner", "topics `reviews` and `commands`", "dead-letter topics and their subscriptions"} {
		if days["subscription `commands-erasures`"] <= days[copied] || days["tombstone in Spanner"] <= days[copied] {
			t.Errorf("%s live for %d days, erasures for %d, tombstones for %d", copied, days[copied], days["subscription `commands-erasures`"], days["tombstone in Spanner"])
		}
	}
}
