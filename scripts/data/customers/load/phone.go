package load

import (
	"errors"
	"strings"
	"unicode"

	"github.com/nyaruka/phonenumbers"
)

// maxPhoneCharacters is the maximum length of a phone. It has room for an international number with an extension.
const maxPhoneCharacters = 60

// errPhone is the note for phones that are kept as written.
var errPhone = errors.New("is no number of its country and is kept as written")

// phoneNumber returns the international form of a phone, such as "+33 1 42 68 53 00 ext. 12". country is a code of two
// letters. With errPhone, it returns the phone as written.
func phoneNumber(s, country string) (string, error) {
	number, ok := plainNumber(s)
	if !ok {
		if !strings.ContainsFunc(s, unicode.IsDigit) {
			return s, errPhone
		}
		var err error
		if number, err = phonenumbers.Parse(s, country); err != nil {
			return s, errPhone
		}
	}
	if !phonenumbers.IsValidNumber(number) {
		return s, errPhone
	}
	return phonenumbers.Format(number, phonenumbers.INTERNATIONAL), nil
}

// callingCodes are the calling codes of all countries.
var callingCodes = phonenumbers.GetSupportedCallingCodes()

// plainNumber parses "+", a calling code and a national number that does not start with a zero, with spaces and
// punctuation, in a tenth of the time of phonenumbers.Parse, which gives the same number. It returns false for all other
// notations.
func plainNumber(s string) (*phonenumbers.PhoneNumber, bool) {
	if len(s) == 0 || s[0] != '+' {
		return nil, false
	}
	code, national, digits := 0, uint64(0), 0
	for i := 1; i < len(s); i++ {
		c := s[i]
		if c < '0' || c > '9' {
			if strings.IndexByte(" -.", c) < 0 {
				return nil, false
			}
			continue
		}
		switch {
		case !callingCodes[code]:
			if code = code*10 + int(c-'0'); code > 999 || code == 0 {
				return nil, false
			}
		case c == '0' && digits == 0, digits == 15:
			return nil, false
		default:
			national = national*10 + uint64(c-'0')
			digits++
		}
	}
	if digits < 5 {
		return nil, false
	}
	country := int32(code)
	return &phonenumbers.PhoneNumber{CountryCode: &country, NationalNumber: &national}, true
}
