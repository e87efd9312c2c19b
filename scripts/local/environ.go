package main

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hybrid-bts/functions/scripts/deploy"
	"github.com/hybrid-bts/functions/shared/schema/spannerdb"
)

// Names in the local project. Resources are called as scripts/deploy calls them, in an environment called local.
const (
	project     = "hybrid-bts-local"
	environment = "local"
	prefix      = environment + "-hybridbts-"
	originals   = prefix + "originals"
	renditions  = prefix + "renditions"
	archive     = prefix + "archive"
	audience    = prefix + "admin" // of the operators' ID tokens
)

// localSecret is the value of every secret that is a key. The functions require 16 bytes or more.
const localSecret = "no-secret-on-a-laptop"

// expand returns a value of services.csv in the local environment. url is the address of the gateway.
func expand(value, url string) string {
	return strings.NewReplacer("https://{host}", url, "{env}", environment).Replace(value)
}

// tableVariables returns the variables of all functions in services.csv, without secrets.
func tableVariables() []deploy.Variable {
	var all []deploy.Variable
	for _, s := range deploy.Services() {
		all = append(all, s.Variables...)
	}
	return all
}

// tableValue returns the value that services.csv gives to a variable; "" if no function has it.
func tableValue(name string) string {
	for _, v := range tableVariables() {
		if v.Name == name {
			return expand(v.Value, "")
		}
	}
	return ""
}

// databaseName returns the full name of the local Spanner database.
func databaseName() string {
	return spannerdb.Name(project, tableValue("SPANNER_INSTANCE"), tableValue("SPANNER_DATABASE"))
}

// environ returns the environment of a function, sorted: its variables and secrets in services.csv, the addresses of the
// engines, and the settings that differ from a deployment. url is the address of the gateway.
func (e *engines) environ(function, url string) ([]string, error) {
	// A function without a row could not be deployed either.
	services := deploy.Services()
	i := slices.IndexFunc(services, func(s deploy.Service) bool { return s.Function == function })
	if i < 0 {
		return nil, fmt.Errorf("scripts/deploy/services.csv has no row for function %s; README.md, section \"Add a function\", describes it", function)
	}
	values := map[string]string{}
	for _, v := range services[i].Variables {
		values[v.Name] = expand(v.Value, url)
	}
	// Other secrets are the addresses and names of embedded servers.
	secrets := map[string]string{
		"SLACK_WEBHOOK_URL": e.slack.URL + "/services/local", "OIDC_ISSUER": e.issuer.URL, "OIDC_AUDIENCE": audience,
	}
	for _, v := range services[i].Secrets {
		values[v.Name] = localSecret
		if secret, ok := secrets[v.Name]; ok {
			values[v.Name] = secret
		}
	}
	// These replace values of the table. Functions ignore variables that they do not read.
	maps.Copy(values, map[string]string{
		"GOOGLE_CLOUD_PROJECT":   project,
		"PUBSUB_EMULATOR_HOST":   e.pubsub.Addr,
		"SPANNER_EMULATOR_HOST":  e.spanner.Addr,
		"BIGTABLE_EMULATOR_HOST": e.bigtable.Addr,
		"STORAGE_EMULATOR_HOST":  e.storage.URL(),
		"LANGUAGE_ENDPOINT":      e.language.Addr,
		"UPLOAD_ORIGIN":          e.storage.URL(),
		"PRODUCT_SEARCH":         "scan",                 // embedded Spanner has no search index
		"RATE_LIMIT":             "off",                  // all clients of a laptop share one address
		"LANGUAGE_QPM":           "600",                  // one instance has the whole quota
		"PHOTO_MODERATION":       "off",                  // a laptop has no Cloud Vision API
		"MEMORY_MIB":             "256",                  // less than deployed: all functions share a laptop
		"REVIEWS_COMMANDS_UNTIL": "1970-01-01T00:00:00Z", // no message is from an earlier release
	})
	var environ []string
	for _, name := range slices.Sorted(maps.Keys(values)) {
		environ = append(environ, name+"="+values[name])
	}
	return environ, nil
}

// writeEnvironments writes the environment of each function to the file NAME.env in dir, which it creates.
func writeEnvironments(dir string, environments map[string][]string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for name, environ := range environments {
		if err := writeFile(filepath.Join(dir, name+".env"), strings.Join(environ, "\n")+"\n"); err != nil {
			return fmt.Errorf("write variables of function %s: %w", name, err)
		}
	}
	return nil
}

// writeFile replaces a file by renaming, so that readers find the old content or the new one.
func writeFile(file, content string) error {
	tmp, err := os.CreateTemp(filepath.Dir(file), filepath.Base(file)+".*")
	if err != nil {
		return err
	}
	_, err = tmp.WriteString(content)
	if err = errors.Join(err, tmp.Close()); err == nil {
		err = os.Rename(tmp.Name(), file)
	}
	if err != nil {
		return errors.Join(err, os.Remove(tmp.Name()))
	}
	return nil
}
