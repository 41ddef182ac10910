// Package fit brings a message within a vendor's limit: whole when it fits,
// else split at row or block borders into numbered parts, else with the top
// rows and a note of how many more there are.
package fit
