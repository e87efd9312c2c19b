package review

import (
	"unicode/utf8"
)

// Limits of a review. The API documents, the pages and the checks of messages take them from here.
const (
	MaxText       = 5000       // runes
	MaxAuthor     = 80         // runes
	MaxLocale     = 35         // runes; the minimum buffer size of RFC 5646 section 4.4.1
	MaxPhotos     = 6          // photos of a review
	MaxPhotoBytes = 15_000_000 // bytes of each photo
)

// checkLength adds an error for a text of more than most runes.
func (p *problems) checkLength(name, text string, most int) {
	n := utf8.RuneCountInString(text)
	p.addIf(n > most, "%s has %d characters, more than %d", name, n, most)
}
