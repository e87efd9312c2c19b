package rendition

// Attributes of the messages on topic images. The data of NoticeReady is a Manifest, that of NoticeRejected a Rejection.
const (
	NoticeType       = "type" // NoticeReady or NoticeRejected
	NoticeObject     = "object"
	NoticeGeneration = "generation"
)

// Values of NoticeType. Subscribers ignore other values, which newer releases may add.
const (
	NoticeReady    = "image.ready"    // the renditions of a generation are stored
	NoticeRejected = "image.rejected" // a generation can never be rendered
)

// Rejection is the data of NoticeRejected.
type Rejection struct {
	Object     string `json:"object"`            // name in the originals bucket
	Generation int64  `json:"generation,string"` // generation of the original
	Reason     string `json:"reason"`            // a picture.Reason
	TooLarge   bool   `json:"too_large"`         // a smaller picture of the same kind would be rendered
}
