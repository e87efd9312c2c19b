package main

import "encoding/binary"

// Types of the compact protocol of Apache Thrift.
const (
	thriftInt32  = 5
	thriftInt64  = 6
	thriftBinary = 8
	thriftList   = 9
	thriftStruct = 12
)

// thrift writes a struct in the compact protocol of Apache Thrift. The fields of a struct are written in the order of their
// ids, which are at most 15 apart. The zero value is an empty struct.
type thrift struct {
	b    []byte
	last int // id of the last field of the current struct
}

// end ends the struct and returns its bytes.
func (t *thrift) end() []byte { return append(t.b, 0) }

// field starts a field of the current struct.
func (t *thrift) field(id int, kind byte) {
	t.b = append(t.b, byte(id-t.last)<<4|kind)
	t.last = id
}

// varint writes an integer without a field, such as an element of a list.
func (t *thrift) varint(v int64) { t.b = binary.AppendVarint(t.b, v) }

// string writes a string without a field.
func (t *thrift) string(s string) { t.b = append(binary.AppendUvarint(t.b, uint64(len(s))), s...) }

// int32 writes a field of type i32.
func (t *thrift) int32(id, v int) {
	t.field(id, thriftInt32)
	t.varint(int64(v))
}

// int64 writes a field of type i64.
func (t *thrift) int64(id int, v int64) {
	t.field(id, thriftInt64)
	t.varint(v)
}

// text writes a field of type string.
func (t *thrift) text(id int, s string) {
	t.field(id, thriftBinary)
	t.string(s)
}

// list starts a field with a list of n elements, which the caller writes next.
func (t *thrift) list(id int, kind byte, n int) {
	t.field(id, thriftList)
	if n < 15 {
		t.b = append(t.b, byte(n)<<4|kind)
		return
	}
	t.b = binary.AppendUvarint(append(t.b, 0xf0|kind), uint64(n))
}

// element writes a struct that is an element of a list. fields writes its fields.
func (t *thrift) element(fields func()) {
	outer := t.last
	t.last = 0
	fields()
	t.b = append(t.b, 0)
	t.last = outer
}

// structure writes a field of a struct type. fields writes its fields.
func (t *thrift) structure(id int, fields func()) {
	t.field(id, thriftStruct)
	t.element(fields)
}
