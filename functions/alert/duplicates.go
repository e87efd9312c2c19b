package main

import (
	"slices"
	"time"
)

// maxPosts is the number of posts that an instance remembers.
const maxPosts = 1000

// post is a notice that the channel accepted.
type post struct {
	key string
	at  time.Time
}

// isDuplicate reports whether a notice with the same key was posted, within the repeat interval if there is one.
func (n *notifier) isDuplicate(notice *notice) bool {
	return slices.ContainsFunc(n.posts, func(p post) bool {
		return p.key == notice.key && (notice.repeatAfter == 0 || n.now().Sub(p.at) < notice.repeatAfter)
	})
}
