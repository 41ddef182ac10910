// Package sourcetest holds what tests of sources, and of hosts that have some,
// need: a source without a database ([Memory]) and the rules that every source
// keeps ([Test]).
//
// To prove a source of your own, describe it in a [Harness] and call Test:
//
//	func TestContract(t *testing.T) {
//		sourcetest.Test(t, func(t *testing.T) sourcetest.Harness {
//			return sourcetest.Harness{
//				Source: mydb.New(…),
//				Count:  func(n int) string { return fmt.Sprintf("SELECT i FROM seq(%d)", n) },
//				…
//			}
//		})
//	}
//
// Count is all that is needed. Every other field declares something that the
// database can do; what is not declared is skipped and listed as such. A rule
// that fails names itself: "S03 reading stops at MaxRows and Truncated says so".
// Outside of tests, [Rules] gives the rules one by one.
package sourcetest
