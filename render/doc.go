// Package render turns what an author wrote into a channel.Message: parameters
// substituted, Markdown parsed into a tree, tables paired with rows, conditions
// judged. It is the only package that knows goldmark.
package render
