package main

// isSolicitation reports whether a text asks readers to contact its author through a messenger, to pay to an account, or
// advertises gambling, loans, adult services or referrals. A mention of a messenger, a bank or a shop's
// coupon is none: 카톡으로 문의했더니, "paid with PayPal".
//
// The time is linear in the length of the text: substring searches select the regular expressions that can match, and
// regexp does not backtrack.
func isSolicitation(text string) bool {
	text = normalize(text)
	return namesMessengerID(text) || matchesAny(text, contactRequests()) || matchesAny(text, paymentRequests()) || matchesAny(text, earnings()) ||
		advertises(text) || hasEnoughCues(text)
}
