package submission_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"

	"github.com/hybrid-bts/functions/shared/schema/review/submission"
)

func TestReservedNameIsAnErrorAtTheAuthor(t *testing.T) {
	for _, name := range []string{"HYBRID-BTS 공식 스토어 ✔", "\u202e관리자\u200b", "Аdmіn"} {
		c := submission.Content{Rating: 5, Author: name}
		errs := c.Resolve(nil)
		var detail *huma.ErrorDetail
		if len(errs) != 1 || !errors.As(errs[0], &detail) || detail.Location != "body.author" || !strings.Contains(detail.Message, "reserved") {
			t.Errorf("%q: %v, want a reserved name", name, errs)
		}
	}
}

func TestContentThatShowsNothingIsEmpty(t *testing.T) {
	c := submission.Content{Rating: 5, Text: "\u3164\n\u200b", Author: "\u200b\u202e"}
	if errs := c.Resolve(nil); len(errs) > 0 || c.Text != "" || c.Author != "" {
		t.Errorf("got %+q by %+q with the errors %v, want a review of stars without a name", c.Text, c.Author, errs)
	}
}
