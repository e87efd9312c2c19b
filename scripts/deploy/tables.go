// Package deploy reads the tables that describe the deployment: services.csv, roles.csv and topics.csv. The shell
// scripts and Terraform read the same files, and so does the local run.
package deploy

import (
	"bytes"
	"embed"
	"encoding/csv"
	"fmt"
	"strconv"
	"strings"
)

//go:embed services.csv roles.csv topics.csv
var tables embed.FS

// Service is a row of services.csv: a function and its Cloud Run service.
type Service struct {
	// Function is the name of the folder in functions/.
	Function string
	// Ingress is the value of gcloud's flag --ingress: internal, or internal-and-cloud-load-balancing for a service
	// with routes.
	Ingress string
	// Public reports whether Cloud Run accepts calls without an ID token of Google.
	Public bool
	// MemoryMiB is the memory limit of an instance in MiB.
	MemoryMiB int
	// MinInstances is the number of idle instances in production. Other environments have none.
	MinInstances int
	// MaxInstances limits the number of instances.
	MaxInstances int
	// SmokePath is the path, with its query, that a release's smoke test requests.
	SmokePath string
	// SmokeStatus is the response status that the smoke test expects, such as 200.
	SmokeStatus string
	// Cache lists the query parameters in the CDN's cache key, separated by ";". "*" is the whole query. "" disables
	// the CDN.
	Cache string
	// Variables are the environment variables. Values contain {env} and {host}.
	Variables []Variable
	// Secrets are the environment variables that Secret Manager fills. Their values are names of secrets, and contain
	// {env}.
	Secrets []Variable
}

// Variable is an environment variable of a service.
type Variable struct{ Name, Value string }

// Services returns the rows of services.csv.
func Services() []Service {
	var all []Service
	for _, row := range rows("services.csv") {
		all = append(all, Service{
			Function: row["function"], Ingress: row["ingress"], Public: row["public"] == "yes",
			MemoryMiB: number(strings.TrimSuffix(row["memory"], "Mi")), MinInstances: number(row["min"]), MaxInstances: number(row["max"]),
			SmokePath: row["smoke_path"], SmokeStatus: row["smoke_status"], Cache: row["cache"],
			Variables: variables(row["variables"]), Secrets: variables(row["secrets"]),
		})
	}
	return all
}

// number parses a decimal number. It panics on any other text, because the table is compiled in.
func number(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil {
		panic(err)
	}
	return n
}

// variables parses NAME=VALUE;NAME=VALUE.
func variables(list string) []Variable {
	var all []Variable
	for _, pair := range strings.FieldsFunc(list, func(r rune) bool { return r == ';' }) {
		name, value, _ := strings.Cut(pair, "=")
		all = append(all, Variable{name, value})
	}
	return all
}

// Role is a row of roles.csv: a role of an account on one resource.
type Role struct {
	// Account is a function, or one of the accounts build, canary and test.
	Account string
	// Role is the name of a predefined role, such as roles/pubsub.publisher.
	Role string
	// On is the kind of the resource: bucket, database, instance, project, repository, subscription or topic.
	On string
	// Name is the name of the resource without ENV-hybridbts-; it is empty for a project and a repository.
	Name string
	// Prefix restricts a role on a bucket to the objects whose names begin with it; "" for all objects.
	Prefix string
}

// Roles returns the rows of roles.csv.
func Roles() []Role {
	var all []Role
	for _, row := range rows("roles.csv") {
		all = append(all, Role{row["account"], row["role"], row["on"], row["name"], row["prefix"]})
	}
	return all
}

// Topic is a row of topics.csv: a Pub/Sub topic, with at most one function that receives it. A topic that several functions
// receive has a row for each.
type Topic struct {
	// Name is the name of the topic without ENV-hybridbts-. A dead-letter topic ends in -dead, and keeps its messages
	// in a pull subscription of its own name.
	Name string
	// Function receives the messages, by a push subscription unless PullSubscriptions is set; "" if no function does.
	Function string
	// DeadLetterTopic receives the messages that Function rejects too often; "" without a push subscription.
	DeadLetterTopic string
	// PullSubscriptions is the number of pull subscriptions, each of which one instance of Function claims at a time.
	PullSubscriptions int
}

// PushSubscription returns the name of the push subscription without ENV-hybridbts-; "" if there is none.
func (t Topic) PushSubscription() string {
	if t.Function == "" || t.PullSubscriptions > 0 {
		return ""
	}
	return t.Name + "-" + t.Function
}

// ClaimedSubscriptions returns the names of the PullSubscriptions without ENV-hybridbts-.
func (t Topic) ClaimedSubscriptions() (names []string) {
	for i := range t.PullSubscriptions {
		names = append(names, fmt.Sprintf("%s-%s-%d", t.Name, t.Function, i+1))
	}
	return names
}

// Topics returns the rows of topics.csv.
func Topics() []Topic {
	var all []Topic
	for _, row := range rows("topics.csv") {
		topic := Topic{Name: row["topic"], Function: row["function"], DeadLetterTopic: row["dead_letter_topic"]}
		if n := row["pull_subscriptions"]; n != "" {
			topic.PullSubscriptions = number(n)
		}
		all = append(all, topic)
	}
	return all
}

// rows returns the rows of a table by column. It panics if the table is malformed, because the table is compiled in.
func rows(name string) []map[string]string {
	b, err := tables.ReadFile(name)
	if err != nil {
		panic(err)
	}
	records, err := csv.NewReader(bytes.NewReader(b)).ReadAll()
	if err != nil {
		panic(fmt.Errorf("read %s: %w", name, err))
	}
	var all []map[string]string
	for _, record := range records[1:] {
		row := map[string]string{}
		for i, column := range records[0] {
			row[column] = record[i]
		}
		all = append(all, row)
	}
	return all
}
