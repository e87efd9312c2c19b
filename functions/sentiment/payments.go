package main

import "sync"

// paymentRequests are patterns of requests to pay to an account, and of account numbers, with the substrings of which a text must
// have one to match.
var paymentRequests = sync.OnceValue(func() []shape {
	return compile([]hinted{
		{[]string{"은행", "뱅크", "토스", "농협", "신한", "금고", "수협", "계좌", "银行", "銀行"}, `(?:토스|은행|뱅크|농협|신한|금고|수협|계좌|银行|銀行)[^0-9]{0,10}[0-9](?:[ \-]?[0-9]){8,}`},
		{[]string{"銀行", "ゆうちょ"}, `(?:銀行|ゆうちょ).{0,15}(?:普通|記号|口座|番号) ?[0-9]{5}`},
		{[]string{"예금주"}, `예금주`},
		{[]string{"cash", "venmo", "zelle", "paypal", "paypay"}, `\bcash ?app.{0,3}\$[a-z]|\bvenmo ?:? ?@[a-z]|\bzelle to\b|\bpaypal ?:|\bpaypal entre amis|\bpaypay ?id|(?:send|pay me).{0,20}\b(?:paypal|venmo|zelle)`},
		{[]string{"account number", "sort code"}, `\baccount number ?:? ?[0-9]{6}|\bsort code`},
		{[]string{"bc1", "usdt", "trc20", "0x"}, `\bbc1[a-z0-9]{25}|\b0x[0-9a-f]{40}|(?:usdt|trc20).{0,20}\bt[a-z0-9]{30}`},
		{[]string{"振込", "振り込", "送金"}, `(?:振込|振り込|送金)(?:を|んで|み)?(?:お願い|くだ|下さ)`},
		{[]string{"支付宝", "转账", "轉帳"}, `支付宝[: ]{0,2}[a-z0-9]{6}|(?:转账|轉帳)(?:给|給)我`},
		{[]string{"es", "fr", "de", "gb", "it"}, `\b(?:es|fr|de|gb|it)[0-9]{2} ?[0-9a-z]{4} ?[0-9]{4} ?[0-9]{4}`},
		{[]string{"cuenta", "compte", "bizum"}, `\b(?:cuenta|compte) ?:? ?[0-9](?:[ \-]?[0-9]){14}`},
	})
})
