// Package bench is the module of benchmarks beside rivals. It is a module of its
// own, so that no rival becomes a dependency of datapush.
//
// Each command under cmd gives the rival and datapush identical input, compares
// what they make of it before it takes a time, prints a table of ratios, and
// exits with status 1 when a stated ratio is missed. Package ratio has what the
// commands share.
package bench
