package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"

	"github.com/hybrid-bts/functions/shared/event"
)

// budget decodes a budget notice of Cloud Billing. They arrive several times a day, whether or not a threshold is passed:
// https://cloud.google.com/billing/docs/how-to/budgets-programmatic-notifications#notification-format.
func budget(e event.Event) (*notice, error) {
	var b struct {
		Name     string  `json:"budgetDisplayName"`
		Cost     float64 `json:"costAmount"`
		Since    string  `json:"costIntervalStart"`
		Amount   float64 `json:"budgetAmount"`
		Currency string  `json:"currencyCode"`
		Spent    float64 `json:"alertThresholdExceeded"` // fraction of the budget; 0 for no threshold
		Forecast float64 `json:"forecastThresholdExceeded"`
	}
	if err := json.Unmarshal(e.Data, &b); err != nil {
		return nil, readError("budget notice", err)
	}
	if b.Spent <= 0 && b.Forecast <= 0 {
		return nil, nil
	}
	var passed []string
	if b.Spent > 0 {
		passed = append(passed, fmt.Sprintf("more than %.0f%% is spent", 100*b.Spent))
	}
	if b.Forecast > 0 {
		passed = append(passed, fmt.Sprintf("more than %.0f%% is forecast", 100*b.Forecast))
	}
	threshold := strings.Join(passed, ", ")
	id := e.Attributes["budgetId"]
	n := &notice{
		key:   "budget " + id + " since " + b.Since + ": " + threshold,
		icon:  ":moneybag:",
		title: cmp.Or(b.Name, "Budget") + ": " + threshold,
		text:  fmt.Sprintf("%.2f of %.2f %s since %s", b.Cost, b.Amount, b.Currency, b.Since),
	}
	if account := e.Attributes["billingAccountId"]; account != "" {
		n.links = []link{{"budget", "https://console.cloud.google.com/billing/" + url.PathEscape(account) + "/budgets/" + url.PathEscape(id)}}
	}
	return n, nil
}
