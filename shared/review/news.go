package review

import (
	"encoding/json"
	"errors"
	"fmt"
)

// Status is what became of a review.
type Status string

// The statuses. A review that is erased is not there; the word is for the news of it.
const (
	Published Status = "published" // shown and counted
	Held      Status = "held"      // neither, for now
	Rejected  Status = "rejected"  // neither, by an operator
	Erased    Status = "erased"
)

// News says that what a page shows of a review may have changed. It may come twice, or late: what holds
// is what the database says when it is read.
type News struct {
	Key
	Status   Status `json:"status"`
	Revision int64  `json:"revision"` // of the content; 0 when it is erased
}

// EncodeNews returns the data and attributes of the message that holds n.
func EncodeNews(n News) (data []byte, attributes map[string]string, err error) {
	if err := n.check(); err != nil {
		return nil, nil, fmt.Errorf("encode news: %w", err)
	}
	if data, err = json.Marshal(n); err != nil {
		return nil, nil, fmt.Errorf("encode news: %w", err)
	}
	return data, map[string]string{VersionAttribute: SchemaVersion}, nil
}

// DecodeNews returns the news that a message holds. A message that it refuses will never be right.
func DecodeNews(data []byte, attributes map[string]string) (News, error) {
	if v := attributes[VersionAttribute]; v != SchemaVersion {
		return News{}, fmt.Errorf("decode news: schema version %.20q, want %q", v, SchemaVersion)
	}
	var n News
	if err := json.Unmarshal(data, &n); err != nil {
		return News{}, fmt.Errorf("decode news: %w", err)
	}
	if err := n.check(); err != nil {
		return News{}, fmt.Errorf("decode news: %w", err)
	}
	return n, nil
}

func (n News) check() error {
	var p problems
	p.key(n.Key)
	switch n.Status {
	case Published, Held, Rejected, Erased:
	default:
		p.refuse(true, "status %.20q is not known", n.Status)
	}
	return errors.Join(p...)
}
