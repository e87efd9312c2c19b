// Package shared holds what functions have in common, and as little as that can be.
//
// A package may live here when all of this is true: two functions use it today; one sentence without
// "and" says what it is for; it reads no environment, opens nothing when it is imported, and has no
// global state; it has at most some 300 lines without its tests. The wire formats that functions
// exchange and the database schema are shared; a function's own types are not. No package here
// imports another one, except within a folder: x/xtest may import x. An engine with a life of its own
// that two functions use may be larger: it has a README, tests and benchmarks; and a test engine, such as
// languagetest, may stand on it. A test keeps these rules.
package shared
