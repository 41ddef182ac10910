package email

import (
	"strings"

	"github.com/datapush-go/datapush/internal/mailhtml"
)

// clean removes what no mail client should get to see from a row or a title.
func clean(s string) string { return mailhtml.Clean(s) }

// oneLine is clean with every run of white space as one space.
func oneLine(s string) string { return strings.Join(strings.Fields(clean(s)), " ") }
