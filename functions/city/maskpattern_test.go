package main

import (
	"strings"
	"testing"
	"unicode"
)

func TestPersonalDataInAWrongColumnIsMasked(t *testing.T) {
	for in, want := range map[string]string{
		"jimin@example.com": "***@***", "Paris, jimin.park+x@example.com": "Paris, ***@***", "<a@b>;c@d": "<***@***>;***@***",
		"정국＠예시.한국": "***@***", "@": "@", "@ home": "@ home", "a @ b": "a @ b", "me@": "me@", "a@@b": "***@***", "Paris": "Paris", "": "",
		"tel +33 6 12 34 56 78 after 18": "tel *** after 18", "06.12.34.56.78": "***", "0612345678": "***", "010-1234-5678": "***", "(512) 555-0123": "***",
		"(+82) 10-1234-5678": "(***", "００４４ 20 7946 0958": "***", "+821012345678/jimin@example.com": "***@***", "900101-1234567": "***",
		"75015 Paris": "75015 Paris", "Paris 15e (75015)": "Paris 15e (75015)", "Portland 97201-1234": "Portland 97201-1234", "Boston 02134-1234": "Boston 02134-1234",
		"+7": "+7", "Washington (DC)": "Washington (DC)", "1, 2, 3": "1, 2, 3",
	} {
		if got := (masking{}).text("city", in); got != want {
			t.Errorf("city %q is masked as %q, want %q", in, got, want)
		}
	}
	for _, tc := range []struct{ field, in, want string }{
		{"id", "0f2c5f0e-4e5b-4b0a-9b1d-7f1f5a3c9d10", "0f2c5f0e-4e5b-4b0a-9b1d-7f1f5a3c9d10"}, {"id", "11111111-2222-3333-4444-555555555555", "11111111-2222-3333-4444-555555555555"},
		{"id", "202312345678", "202312345678"}, {"id", "000000012345", "000000012345"}, {"id", "c-0123456789", "c-0123456789"},
		{"id", "+821012345678", "***"}, {"id", "010-1234-5678", "***"}, {"id", "jimin@example.com", "***@***"},
		{"postcode", "1234567890", "1234567890"}, {"postcode", "02134-1234", "02134-1234"}, {"postcode", "12345-6789", "12345-6789"}, {"postcode", "SW1A 1AA", "SW1A 1AA"},
		{"postcode", "0612345678", "***"}, {"postcode", "+33 612345678", "***"}, {"postcode", "512 555 01234", "***"},
		{"joined", "2013-06-13", "2013-06-13"}, {"joined", "2013-06-13 10:00", "2013-06-13 10:00"}, {"joined", "01012345678", "***"},
		{"country", "FR", "FR"}, {"country", "jimin@example.com", "***@***"},
	} {
		if got := (masking{}).text(tc.field, tc.in); got != tc.want {
			t.Errorf("%s %q is masked as %q, want %q", tc.field, tc.in, got, tc.want)
		}
	}
	const both = "jimin@example.com, 010-1234-5678"
	for shown, want := range map[string]string{"email": "jimin@example.com, ***", "phone": "***@***, 010-1234-5678", "email,phone": both, "name": "***@***, ***"} {
		if got := (masking{strings.Split(shown, ",")}).rule("city")(both); got != want {
			t.Errorf("city %q with UNMASK=%s is %q, want %q", both, shown, got, want)
		}
	}
	if got := (masking{[]string{"name"}}).rule("name")("Kim jimin@example.com"); got != "Kim ***@***" {
		t.Errorf("shown name is %q, want the address masked", got)
	}
}

func FuzzMaskPatterns(f *testing.F) {
	for _, s := range []string{"jimin@example.com", "+82 10 0123 4567", "a@b@c,d@", "((((+1", "＠\xff＠", "１２３４５６７８９０"} {
		f.Add("city", s)
	}
	f.Fuzz(func(t *testing.T, field, s string) {
		got := (masking{}).text(field, s)
		if again := (masking{}).text(field, got); again != got {
			t.Errorf("text of %q is %q, masked again %q", s, got, again)
		}
		digits := 0
		for _, r := range got {
			if digits++; !unicode.IsDigit(r) {
				digits = 0
			}
			if digits == minLongCodeDigits && field != "id" {
				t.Errorf("text of %q is %q, which has a number of %d digits", s, got, digits)
			}
		}
		if !strings.ContainsAny(s, "@＠") && strings.IndexFunc(s, unicode.IsDigit) < 0 && got != s {
			t.Errorf("text without an at sign or digits %q is changed to %q", s, got)
		}
	})
}
