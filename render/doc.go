// Package render turns what an author wrote into a channel.Message: parameters
// substituted, Markdown parsed into a tree, tables paired with rows, conditions
// judged. It is the only package that knows goldmark.
//
// [Content] is what an author writes, [Data] what a run has: parameter values
// and results. A [Renderer] makes one from the other, once per run and for all
// destinations. [Default] is the one described here.
//
// # References
//
// ${name} stands for a parameter of the task or for a result column, in the
// title, in Markdown, in the mail body, and in the header, prefix, suffix, empty
// text and threshold of a table's column. A name may hold spaces and any script,
// but neither begin nor end with a space. Case does not matter. Where a
// parameter and a column share a name, the column is meant.
//
//	${revenue}        the first row's value, or as [Rows] says
//	${revenue[2]}     the value in row 2, counted from 0
//	${inputs[0][1]}   row 0, column 1 of the first result
//	${inputs2[0][1]}  the same of the second result
//
// A reference is always a reference. In Markdown $\{name} shows these
// characters. An unknown name, and a row or column that does not exist, are
// errors ([Options].Lenient makes them warnings); a column without rows is empty
// text.
//
// # Values are data
//
// A value never becomes markup, whatever its characters are. The author's text
// is parsed first, with each reference as an opaque token, and values go into
// the tree that this gave. Control characters other than tab are removed. A line
// break in a value is a line break in a paragraph and in a code block, and a
// space in a title, a heading, a table cell, a link's text or a code span.
//
// In the address of a link or an image a value is percent-encoded. At the start
// of the address it may be an address itself; anywhere else it is one component.
// Links go to http, https and mailto, images to http and https; what else claims
// to be one is shown as text, with a warning. An author's image, never a value,
// may hold the picture itself, as a PNG, JPEG, GIF or WebP of at most 2 MB in
// base64: ![logo](data:image/png;base64,…).
//
// Null is empty text. Integers and decimals keep every digit. Floats have the
// fewest digits that tell them apart, without exponent. Dates are 2024-01-02,
// times 2024-01-02 15:04:05 in the zone they came in. Bytes are text where they
// are UTF-8, else base64.
//
// # Markdown
//
// Authors write CommonMark with GFM's tables, task lists and strikethrough. HTML
// is text, with two exceptions: <br> is a line break, and <at …> mentions
// somebody.
//
//	<at id="all" />  <at id="ou_1" />  <at email="a@example.com" />  <at phone="138…" />  <at id="ou_1">Name</at>
//
// The value of a parameter may fill in id, email or phone, but only as one
// person: text with other characters than such a name has, and "all", mentions
// nobody. In a cell of a Markdown table everything is plain text.
//
// The name of one of DingTalk's emoji in brackets, such as [微笑], is that emoji
// on DingTalk and its Unicode form elsewhere (see channel.Text.Emoji). In titles,
// cells, headers, prefixes, suffixes and marks, which are strings, it is the
// Unicode form everywhere. \[微笑] shows these characters, and so does a value.
//
// # Tables
//
// A [TableBlock] has one row per row of its longest result; columns from several
// results are paired by position, shorter ones end in empty cells, with a
// warning. A parameter repeats in every row. Columns of numbers are aligned
// right unless they say otherwise.
//
// [Column].Format is a number pattern of #, 0, commas, a point and a percent
// sign, rounded half away from zero, or a date layout of yyyy, yy, mm, m, dd, d,
// hh, hh12, mi and ss, in which mm after hh or before ss is minutes. It applies to
// numbers and times, and to text that is one; other values stay as they are.
//
// [Condition] compares the raw value, in exact decimal arithmetic where both
// sides are numbers.
package render
