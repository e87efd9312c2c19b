package main

import (
	"cmp"
	"container/heap"
	"crypto/sha256"
	"encoding/binary"
	"iter"
	"slices"
	"strings"
)

// sampled is a sample of customers: those with the smallest hashes of their ids. So a repeated query has the same sample, a
// customer stays in it while the city changes, and the memory is that of the sample. It is a max-heap by hash.
type sampled []sampledCustomer

// sampledCustomer is a customer of a sample.
type sampledCustomer struct {
	customer
	hash uint64
}

// sampleOf returns n customers of a sequence, or all if there are fewer, in the order of their row keys.
func sampleOf(all iter.Seq2[customer, error], n int) ([]customer, error) {
	var s sampled
	for c, err := range all {
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256([]byte(c.values[0]))
		item := sampledCustomer{c, binary.BigEndian.Uint64(sum[:])}
		switch {
		case len(s) < n:
			heap.Push(&s, item)
		case compareSampled(item, s[0]) < 0:
			s[0] = item
			heap.Fix(&s, 0)
		}
	}
	list := make([]customer, len(s))
	for i, item := range s {
		list[i] = item.customer
	}
	slices.SortFunc(list, func(a, b customer) int { return strings.Compare(a.key, b.key) })
	return list, nil
}

// compareSampled orders customers by hash, then by row key.
func compareSampled(a, b sampledCustomer) int {
	return cmp.Or(cmp.Compare(a.hash, b.hash), strings.Compare(a.key, b.key))
}

// Len implements heap.Interface.
func (s sampled) Len() int { return len(s) }

// Less implements heap.Interface.
func (s sampled) Less(i, j int) bool { return compareSampled(s[i], s[j]) > 0 }

// Swap implements heap.Interface.
func (s sampled) Swap(i, j int) { s[i], s[j] = s[j], s[i] }

// Push implements heap.Interface.
func (s *sampled) Push(x any) { *s = append(*s, x.(sampledCustomer)) }

// Pop implements heap.Interface.
func (s *sampled) Pop() any {
	last := (*s)[len(*s)-1]
	*s = (*s)[:len(*s)-1]
	return last
}
