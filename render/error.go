package render

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Error is one mistake in content, or one place where content does not fit its
// data. Its text names parameters and columns and never holds a value of one.
type Error struct {
	// Block counts the content's blocks from 1. It is 0 for the title and for
	// the content as a whole.
	Block int
	// Field is the place inside the block as its JSON names it, such as
	// "markdown.text" or "table.columns[0].field". Without a block it is
	// "title" or "blocks".
	Field string
	// Line and Column count lines and characters of the field's text from 1.
	// Both are 0 when the mistake is not at one place in a text.
	Line, Column int
	// Err says what is wrong and what to do.
	Err error
}

// Path is the place in a task's specification, such as
// "content.blocks[1].table.columns[0].field".
func (e *Error) Path() string {
	p := "content"
	if e.Block > 0 {
		p += ".blocks[" + strconv.Itoa(e.Block-1) + "]"
	}
	if e.Field != "" {
		p += "." + e.Field
	}
	return p
}

// Error gives "render: block 2, line 3, column 5: ${x}: …".
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("render: ")
	switch {
	case e.Block > 0:
		b.WriteString("block ")
		b.WriteString(strconv.Itoa(e.Block))
		if e.Line == 0 && e.Field != "" {
			b.WriteString(", ")
			b.WriteString(e.Field)
		}
	case e.Field != "":
		b.WriteString(e.Field)
	default:
		b.WriteString("content")
	}
	if e.Line > 0 {
		b.WriteString(", line ")
		b.WriteString(strconv.Itoa(e.Line))
		b.WriteString(", column ")
		b.WriteString(strconv.Itoa(e.Column))
	}
	if e.Err != nil {
		b.WriteString(": ")
		b.WriteString(e.Err.Error())
	}
	return b.String()
}

// Unwrap returns what is wrong, without the place.
func (e *Error) Unwrap() error { return e.Err }

// place is where in the content the work is, and collects what goes wrong
// there.
type place struct {
	block int
	// col is a column of a table, from 1: fields are then that column's.
	col  int
	errs []error
}

func (p *place) path(field string) string {
	if p.col > 0 {
		return fmt.Sprintf("table.columns[%d].%s", p.col-1, field)
	}
	return field
}

// at records an error of a field as a whole.
func (p *place) at(field, text string) {
	p.errs = append(p.errs, &Error{Block: p.block, Field: p.path(field), Err: errors.New(text)})
}

// in records an error at a byte offset of a field's text.
func (p *place) in(field, src string, offset int, text string) {
	offset = min(offset, len(src))
	line := 1 + strings.Count(src[:offset], "\n")
	start := strings.LastIndexByte(src[:offset], '\n') + 1
	p.errs = append(p.errs, &Error{
		Block:  p.block,
		Field:  p.path(field),
		Line:   line,
		Column: 1 + utf8.RuneCountInString(src[start:offset]),
		Err:    errors.New(text),
	})
}

// mistakes records those of a template that stand before an offset, so that
// they come in the order of the text, and gives the others.
func (p *place) mistakes(field string, t *template, bad []mistake, before int) []mistake {
	for len(bad) > 0 && bad[0].offset < before {
		p.in(field, t.src, bad[0].offset, bad[0].text)
		bad = bad[1:]
	}
	return bad
}

func (p *place) err() error { return errors.Join(p.errs...) }
