// Package house holds no code. Its tests keep the rules of the repository that
// the compiler does not: which package may import which, and what a host links.
package house
