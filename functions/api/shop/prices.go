package shop

import (
	"fmt"
	"strconv"

	"golang.org/x/text/currency"
	"golang.org/x/text/number"
)

// Price formats an amount, in the smallest unit of a currency, for shoppers. The currency is an ISO 4217 code.
func (l *language) Price(amount int64, code string) (string, error) {
	unit, err := currency.ParseISO(code)
	if err != nil {
		return "", fmt.Errorf("parse currency %q: %w", code, err)
	}
	digits, _ := currency.Standard.Rounding(unit)
	f := float64(amount)
	for range digits {
		f /= 10
	}
	return l.T("price", "amount", l.printer.Sprint(number.Decimal(f, number.Scale(digits))), "symbol", l.printer.Sprint(currency.Symbol(unit)))
}

// plainPrice formats an amount, in the smallest unit of a currency, as the decimal number that structured data
// requires. It returns the amount itself for an unknown currency.
func plainPrice(amount int64, code string) string {
	unit, err := currency.ParseISO(code)
	if err != nil {
		return strconv.FormatInt(amount, 10)
	}
	digits, _ := currency.Standard.Rounding(unit)
	s := fmt.Sprintf("%0*d", digits+1, amount)
	if digits == 0 {
		return s
	}
	return s[:len(s)-digits] + "." + s[len(s)-digits:]
}
