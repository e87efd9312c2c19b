package reason_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hybrid-bts/functions/shared/schema/review"
	"github.com/hybrid-bts/functions/shared/schema/review/reason"
)

// decisions are the verdicts of operators and their reasons, one a minute.
func decisions(c reason.Columns, verdictsAndReasons ...string) reason.Columns {
	for i := 0; i < len(verdictsAndReasons); i += 2 {
		c.Verdicts, c.Reasons = append(c.Verdicts, verdictsAndReasons[i]), append(c.Reasons, verdictsAndReasons[i+1])
		c.DecidedAt = append(c.DecidedAt, time.Date(2026, 11, 20, 12, i, 0, 0, time.UTC))
	}
	return c
}

// reversed stores the decisions as if the later ones had arrived first.
func reversed(c reason.Columns) reason.Columns {
	var r reason.Columns
	for i := len(c.Verdicts) - 1; i >= 0; i-- {
		r.Verdicts, r.Reasons, r.DecidedAt = append(r.Verdicts, c.Verdicts[i]), append(r.Reasons, c.Reasons[i]), append(r.DecidedAt, c.DecidedAt[i])
	}
	c.Verdicts, c.Reasons, c.DecidedAt = r.Verdicts, r.Reasons, r.DecidedAt
	return c
}

// row returns columns of Reviews; an empty string stands for NULL.
func row(status review.Status, reasonText, flag, code, operatorReason string) reason.Columns {
	column := func(s string) *string {
		if s == "" {
			return nil
		}
		return &s
	}
	return reason.Columns{
		Status: string(status), ReasonText: column(reasonText), ContentFlag: column(flag), ReasonCode: column(code), OperatorReason: column(operatorReason),
	}
}

func TestReasonOfARow(t *testing.T) {
	const contact, unknown, held, rejected = "contact details", "unknown product", review.Held, review.Rejected
	const afterHold, afterRejection = "edited after it was held", "edited after it was rejected"
	operator := func(text string) reason.Reason { return reason.Reason{Code: reason.Operator, OperatorText: text} }
	code := func(c reason.Code) reason.Reason { return reason.Reason{Code: c} }
	for name, tc := range map[string]struct {
		row  reason.Columns
		want reason.Reason
	}{
		"published":                         {row(review.Published, "", "", "", ""), reason.Reason{}},
		"published despite its flag":        {row(review.Published, "", contact, "", ""), reason.Reason{}},
		"published, with codes of before":   {row(review.Published, "", "", "contact_details", ""), reason.Reason{}},
		"flagged":                           {row(held, contact, contact, "contact_details", ""), code(reason.ContactDetails)},
		"flagged with a later code":         {row(held, "spoiler", "spoiler", "spoiler", ""), code("spoiler")},
		"unknown product":                   {row(held, unknown, unknown, "unknown_product", ""), code(reason.UnknownProduct)},
		"held by an operator":               {decisions(row(held, "광고?", "", "operator", "광고?"), "hold", "광고?"), operator("광고?")},
		"rejected":                          {decisions(row(rejected, "ad", contact, "operator", "ad"), "reject", "ad"), operator("ad")},
		"rejected as an unknown product":    {decisions(row(rejected, unknown, "", "operator", unknown), "reject", unknown), operator(unknown)},
		"held with the words of its flag":   {decisions(row(held, contact, contact, "operator", contact), "hold", contact), operator(contact)},
		"edited after a hold":               {decisions(row(held, afterHold, contact, "edited_after_hold", ""), "hold", "?"), code(reason.EditedAfterHold)},
		"edited after a rejection":          {decisions(row(held, afterRejection, "", "edited_after_rejection", ""), "reject", "?"), code(reason.EditedAfterRejection)},
		"held, a publication had no effect": {decisions(row(held, contact, contact, "operator", contact), "hold", contact, "publish", ""), operator(contact)},

		"reported by readers":            {row(held, "reported", "", "reported", ""), code(reason.Reported)},
		"reported after a publication":   {decisions(row(held, "reported", contact, "reported", ""), "hold", "?", "publish", ""), code(reason.Reported)},
		"reported, the clock was behind": {decisions(row(held, "reported", contact, "reported", ""), "publish", "", "hold", "?"), code(reason.Reported)},

		"first schema: unknown product": {row(held, unknown, "", "", ""), code(reason.UnknownProduct)},

		"before codes: flagged":                           {row(held, contact, contact, "", ""), code(reason.ContactDetails)},
		"before codes: flagged in unknown words":          {row(held, "an address", "an address", "", ""), code(reason.Moderation)},
		"before codes: unknown product":                   {row(held, unknown, unknown, "", ""), code(reason.UnknownProduct)},
		"before codes: held by an operator":               {decisions(row(held, "광고?", "", "", ""), "hold", "광고?"), operator("광고?")},
		"before codes: held by an operator despite flag":  {decisions(row(held, "광고?", contact, "", ""), "hold", "광고?"), operator("광고?")},
		"before codes: rejected":                          {decisions(row(rejected, "ad", "", "", ""), "reject", "ad"), operator("ad")},
		"before codes: rejected as an unknown product":    {decisions(row(rejected, unknown, "", "", ""), "reject", unknown), operator(unknown)},
		"before codes: rejected in the words of its flag": {decisions(row(rejected, contact, contact, "", ""), "reject", contact), operator(contact)},
		"before codes: held as an unknown product":        {decisions(row(held, unknown, "", "", ""), "hold", unknown), operator(unknown)},
		"before codes: held in the words of its flag":     {decisions(row(held, unknown, unknown, "", ""), "publish", "", "hold", unknown), operator(unknown)},
		"before codes: the same, the hold came first":     {reversed(decisions(row(held, unknown, unknown, "", ""), "publish", "", "hold", unknown)), operator(unknown)},
		"before codes: flagged after a publication":       {decisions(row(held, contact, contact, "", ""), "hold", contact, "publish", ""), code(reason.ContactDetails)},
		"before codes: the same, the publication first":   {reversed(decisions(row(held, contact, contact, "", ""), "hold", contact, "publish", "")), code(reason.ContactDetails)},
		"before codes: edited after a hold":               {decisions(row(held, afterHold, "", "", ""), "hold", "?"), code(reason.EditedAfterHold)},
		"before codes: edited after a rejection":          {decisions(row(held, afterRejection, contact, "", ""), "reject", "?"), code(reason.EditedAfterRejection)},
		"before codes: an old page was published":         {decisions(row(held, afterRejection, "", "", ""), "reject", "?", "publish", ""), code(reason.EditedAfterRejection)},
		"before codes: held in the words of an edit":      {decisions(row(held, afterHold, "", "", ""), "hold", afterHold), operator(afterHold)},
		"before codes: rejected in the words of an edit":  {decisions(row(rejected, afterRejection, "", "", ""), "reject", afterRejection), operator(afterRejection)},
		"before codes: rejected, a hold in those words":   {decisions(row(rejected, afterHold, "", "", ""), "hold", "?"), operator(afterHold)},
		"before codes: no reason":                         {row(held, "", "", "", ""), operator("")},
		"before codes: a flag that does not hold it":      {row(held, "words", contact, "", ""), operator("words")},

		"stale code: rejected since":                      {decisions(row(rejected, "ad", contact, "contact_details", ""), "reject", "ad"), operator("ad")},
		"stale code: held since in the words of its flag": {decisions(row(held, unknown, unknown, "unknown_product", ""), "hold", unknown), operator(unknown)},
		"stale code: held since in other words":           {decisions(row(held, "new", "", "operator", "old"), "hold", "old", "hold", "new"), operator("new")},
		"stale code: flagged since":                       {decisions(row(held, contact, contact, "operator", "ad"), "reject", "ad", "publish", ""), code(reason.ContactDetails)},
		"stale code: edited since":                        {decisions(row(held, afterRejection, "", "operator", "ad"), "reject", "ad"), code(reason.EditedAfterRejection)},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, tc.row.Reason()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// An operator may type any text, also one that is a code or the words of a code.
func TestOperatorsWordsAreNeverReadAsACode(t *testing.T) {
	for _, code := range reason.Codes {
		for _, text := range []string{code.Text(), string(code)} {
			for verdict, status := range map[string]review.Status{"hold": review.Held, "reject": review.Rejected} {
				for _, flag := range []string{"", text} {
					for _, stored := range []string{"", string(reason.Operator)} {
						operatorReason := ""
						if stored != "" {
							operatorReason = text
						}
						c := decisions(row(status, text, flag, stored, operatorReason), verdict, text)
						if got := c.Reason(); got.Code != reason.Operator || got.OperatorText != text {
							t.Errorf("%s for %q, flag %q, stored code %q: %+v", verdict, text, flag, stored, got)
						}
					}
				}
			}
		}
	}
}
