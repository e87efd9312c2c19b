// Package shared is the root of the packages that several programs use. The folder decides the kind of a package, and
// the kind decides which rules it obeys:
//
//   - shared/NAME is the thin library. Two or more functions ship each package. A package has one purpose, reads no
//     environment variables, opens nothing when it is imported, and has at most 320 lines outside its tests. It imports
//     no other package of the module, except within its own folder.
//   - shared/schema/NAME holds the wire formats and database schemas that functions exchange. The package comment names
//     the writers of each. Types that only one function uses stay in
//     that function. A package below NAME may import an engine if all writers store its output the same way; programs
//     that only read the schema then do not link it.
//   - shared/engine/NAME holds engines: larger packages with a README, a benchmark and a fuzz target each.
//   - shared/fake/NAME holds test servers and test support. No shipped binary contains one.
//
// The tests of this package enforce these rules.
package shared
