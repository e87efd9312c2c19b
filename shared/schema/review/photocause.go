package review

// PhotoCause says why a review lacks a photo that its content names. A reader may meet a cause that it does not know,
// because a newer release of functions/sentiment wrote it.
type PhotoCause string

// The causes. A new one needs words in functions/api/shop/languages.
const (
	PhotoUnreadable PhotoCause = "unreadable" // no picture, a damaged one, or of an unsupported kind such as an animation
	PhotoTooLarge   PhotoCause = "too_large"  // too many bytes or pixels
	PhotoUnsafe     PhotoCause = "unsafe"     // moderation of photos
	PhotoExpired    PhotoCause = "expired"    // no review named the photo in time
	PhotoDeleted    PhotoCause = "deleted"    // its review was edited without it, or erased
	PhotoTaken      PhotoCause = "taken"      // belongs to another review
)

// PhotoCauses are all causes.
var PhotoCauses = []PhotoCause{PhotoUnreadable, PhotoTooLarge, PhotoUnsafe, PhotoExpired, PhotoDeleted, PhotoTaken}
