package reason_test

import (
	"testing"

	"github.com/hybrid-bts/functions/shared/schema/review/reason"
)

// Rows and messages from before the codes have the texts alone, so the texts are fixed.
func TestReasonCodesAreReadFromTheirTexts(t *testing.T) {
	texts := map[reason.Code]string{
		"unknown_product": "unknown product", "contact_details": "contact details", "solicitation": "solicitation", "abusive_language": "abusive language",
		"sexual_content": "sexual content", "violent_content": "violent content", "unsafe_photo": "unsafe photo", "pending_moderation": "pending moderation", "edited_after_hold": "edited after it was held",
		"edited_after_rejection": "edited after it was rejected",
	}
	for _, code := range reason.Codes {
		text, own := texts[code]
		if !own {
			text = string(code)
		}
		if got := code.Text(); got != text {
			t.Errorf("text of %s is %q, want %q", code, got, text)
		}
		if got := reason.CodeOf(text); own && got != code {
			t.Errorf("code of %q is %s, want %s", text, got, code)
		}
		if len(code) > 32 || len(text) > 64 {
			t.Errorf("%s or its text %q is longer than its column", code, text)
		}
	}
	for text, want := range map[string]reason.Code{"": "", "an address": reason.Moderation, "moderation": reason.Moderation} {
		if got := reason.CodeOf(text); got != want {
			t.Errorf("code of %q is %q, want %q", text, got, want)
		}
	}
	if got := (reason.Reason{Code: reason.Operator, OperatorText: "광고"}).Text(); got != "광고" {
		t.Errorf("text of an operator's reason is %q", got)
	}
	if got := (reason.Reason{Code: reason.ContactDetails, OperatorText: "광고"}).Text(); got != "contact details" {
		t.Errorf("text of a content flag is %q", got)
	}
}
