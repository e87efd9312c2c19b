// Package reason defines the reasons for not publishing a review: their codes, and the columns of table Reviews that
// hold them.
//
// Writers: functions/sentiment.
package reason

// Code names the cause for which a review is not published. The catalogue and moderation flag content with the
// first eight: these codes are also its content flag. A reader may meet a code that it does not know, because a newer
// release of functions/sentiment wrote it.
type Code string

// The reason codes. A new code needs words in functions/admin/web/words.js.
const (
	UnknownProduct       Code = "unknown_product" // the catalogue lacks the product
	ContactDetails       Code = "contact_details" // moderation
	Solicitation         Code = "solicitation"    // a messenger id, an account to pay to, or advertising
	AbusiveLanguage      Code = "abusive_language"
	SexualContent        Code = "sexual_content"
	ViolentContent       Code = "violent_content"
	UnsafePhoto          Code = "unsafe_photo"       // moderation of photos
	PendingModeration    Code = "pending_moderation" // nobody could judge the content yet; functions/sentiment judges it again
	Moderation           Code = "moderation"         // moderation, in words that no release of this package wrote
	Reported             Code = "reported"           // readers reported the content; no content flag
	EditedAfterHold      Code = "edited_after_hold"
	EditedAfterRejection Code = "edited_after_rejection"
	Operator             Code = "operator" // an operator's decision; Reason.OperatorText has the operator's words
)

// Codes are all reason codes.
var Codes = []Code{
	UnknownProduct, ContactDetails, Solicitation, AbusiveLanguage, SexualContent, ViolentContent, UnsafePhoto, PendingModeration, Moderation,
	Reported, EditedAfterHold, EditedAfterRejection, Operator,
}

// texts are the English words of each code. Rows and messages from before the codes have these words alone, so a text
// never changes; a code without an entry is its own text.
var texts = map[Code]string{
	UnknownProduct:       "unknown product",
	ContactDetails:       "contact details",
	Solicitation:         "solicitation",
	AbusiveLanguage:      "abusive language",
	SexualContent:        "sexual content",
	ViolentContent:       "violent content",
	UnsafePhoto:          "unsafe photo",
	PendingModeration:    "pending moderation",
	EditedAfterHold:      "edited after it was held",
	EditedAfterRejection: "edited after it was rejected",
}

// Text returns the English words of the code, or the code itself when it has none.
func (c Code) Text() string {
	if text, ok := texts[c]; ok {
		return text
	}
	return string(c)
}

// CodeOf returns the code that has the text, "" for an empty text, and Moderation for any other text. The
// text must come from a column that operators do not write.
func CodeOf(text string) Code {
	for code, t := range texts {
		if t == text {
			return code
		}
	}
	if text == "" {
		return ""
	}
	return Moderation
}

// Reason says why a review is not published. The zero value is the reason of a published review.
type Reason struct {
	Code         Code
	OperatorText string // the words of the operator's decision; only with Operator
}

// Text returns the reason as an English text: the operator's words, or those of the code.
func (r Reason) Text() string {
	if r.Code == Operator {
		return r.OperatorText
	}
	return r.Code.Text()
}
