package channeltest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// TeamsOptions configure a fake Teams.
type TeamsOptions struct {
	// Now is the fake's clock, used for rates. Nil is time.Now.
	Now func() time.Time
	// Workflows are the flows by id. Nil: every id is a flow that is switched on
	// and whose signature is "sig".
	Workflows map[string]TeamsWorkflow
	// PerSecond is how many requests a flow takes in a rolling second. Zero is 4.
	PerSecond int
	// RetryAfter is what a throttled request is told to wait, in seconds. Zero
	// is 1.
	RetryAfter int
	// Stored is how many bytes a card may have once it is stored as a JSON
	// string. Zero is 28,672.
	Stored int
	// Legacy answers as the retired connectors did: 200 with "1", 200 with a
	// sentence about a failure, 400 for an empty card.
	Legacy bool
}

// TeamsWorkflow is one flow.
type TeamsWorkflow struct {
	// Sig is the signature that addresses carry. Empty is "sig".
	Sig string
	// Disabled flows are switched off.
	Disabled bool
}

// Teams is a fake of the Workflows webhook, and in legacy mode of the retired
// connector. A workflow answers 202 before it looks at the card; what became of
// the card is in [Teams.Results], and [Server.Messages] holds only what was
// really posted. For 413, 502 and 503 inject an [Answer].
type Teams struct {
	Server
	o       TeamsOptions
	flows   map[string]*window
	results []TeamsResult
}

// TeamsResult is what became of a request after its 202.
type TeamsResult struct {
	Token string
	At    time.Time
	// Failed says why nothing was posted; it is empty when the card was.
	Failed string
}

// NewTeams starts a fake; nil means defaults. Close it.
func NewTeams(o *TeamsOptions) *Teams {
	f := &Teams{flows: map[string]*window{}}
	if o != nil {
		f.o = *o
	}
	for _, d := range []struct {
		n    *int
		want int
	}{{&f.o.PerSecond, 4}, {&f.o.RetryAfter, 1}, {&f.o.Stored, 28_672}} {
		if *d.n <= 0 {
			*d.n = d.want
		}
	}
	f.start(f.o.Now, func(r *http.Request) string {
		if m := teamsPath.FindStringSubmatch(r.URL.Path); m != nil {
			return m[1] + m[2]
		}
		return ""
	}, f.judge)
	return f
}

// teamsPath knows both generations of addresses and the connector's.
var teamsPath = regexp.MustCompile(`^(?:(?:/powerautomate/automations/direct(?:/cu/\d+)?)?/workflows/([^/]+)/triggers/manual/paths/invoke|/webhookb2/([^/]+)(?:/.*)?)$`)

func (f *Teams) query(id, version string) string {
	sig := f.o.Workflows[id].Sig
	if sig == "" {
		sig = "sig"
	}
	return "?api-version=" + version + "&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig=" + url.QueryEscape(sig)
}

// URL is the address of a flow in its current shape, or of a connector in legacy
// mode.
func (f *Teams) URL(id string) string {
	if f.o.Legacy {
		return f.Base() + "/webhookb2/" + id
	}
	return f.Base() + "/powerautomate/automations/direct/workflows/" + id + "/triggers/manual/paths/invoke" + f.query(id, "1")
}

// OldURL is the address of a flow in the shape that was used until 2025.
func (f *Teams) OldURL(id string) string {
	return f.Base() + "/workflows/" + id + "/triggers/manual/paths/invoke" + f.query(id, "2016-06-01")
}

// Results are what became of the requests that were answered with 202.
func (f *Teams) Results() []TeamsResult {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.results)
}

func teamsFail(status int, code, message string) reply {
	return reply{status: status, body: answerJSON(map[string]any{"error": map[string]any{"code": code, "message": message}})}
}

func (f *Teams) judge(c *Call) reply {
	if c.Token == "" || c.Method != http.MethodPost {
		return reply{status: http.StatusNotFound, body: []byte("404 page not found")}
	}
	if f.o.Legacy {
		return f.legacy(c)
	}
	flow, known := f.o.Workflows[c.Token]
	if flow.Sig == "" {
		flow.Sig = "sig"
	}
	switch sig := c.Query.Get("sig"); {
	case sig == "":
		return teamsFail(http.StatusUnauthorized, "DirectApiAuthorizationRequired", "The request must be authenticated only by Shared Access scheme.")
	case known && sig != flow.Sig || f.o.Workflows == nil && sig != flow.Sig:
		return teamsFail(http.StatusUnauthorized, "AuthorizationFailed", "The authentication credentials are not valid.")
	case !known && f.o.Workflows != nil:
		return teamsFail(http.StatusNotFound, "WorkflowNotFound", "The workflow could not be found.")
	case flow.Disabled:
		return teamsFail(http.StatusBadRequest, "WorkflowTriggerIsNotEnabled", "Could not execute workflow trigger because it is not enabled.")
	}
	if len(list(c.Body, "attachments")) == 0 {
		return teamsFail(http.StatusBadRequest, "TriggerInputSchemaMismatch", "The input body for trigger 'manual' of type 'Request' did not match its schema definition.")
	}
	if f.limited(c) {
		rep := teamsFail(http.StatusTooManyRequests, "TooManyRequests", "Rate limit is exceeded.")
		rep.header = http.Header{"Retry-After": {strconv.Itoa(f.o.RetryAfter)}}
		return rep
	}
	m, failed := f.post(c)
	f.results = append(f.results, TeamsResult{Token: c.Token, At: c.At, Failed: failed})
	rep := reply{status: http.StatusAccepted, header: http.Header{"X-Ms-Workflow-Run-Id": {fmt.Sprintf("run%06d", len(f.results))}}}
	if failed == "" {
		rep.record = &m
	}
	return rep
}

func (f *Teams) limited(c *Call) bool {
	w := f.flows[c.Token]
	if w == nil {
		w = &window{per: time.Second}
		f.flows[c.Token] = w
	}
	if w.within(c.At) >= f.o.PerSecond {
		return true
	}
	w.add(c.At)
	return false
}

// legacy answers as the connector did.
func (f *Teams) legacy(c *Call) reply {
	fail := func(status int) reply {
		return reply{body: fmt.Appendf(nil, "Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error %d with ContextId tcid=0,server=FAKE,cv=0.", status)}
	}
	if f.limited(c) {
		return fail(http.StatusTooManyRequests)
	}
	if text(c.Body, "text") == "" && text(c.Body, "summary") == "" && len(list(c.Body, "attachments")) == 0 {
		return reply{status: http.StatusBadRequest, body: []byte("Summary or Text is required.")}
	}
	if len(list(c.Body, "attachments")) == 0 {
		return reply{body: []byte("1"), record: &Message{Type: "MessageCard", Title: text(c.Body, "title"), Text: text(c.Body, "text")}}
	}
	m, failed := f.post(c)
	switch {
	case strings.Contains(failed, "bytes"):
		return fail(http.StatusRequestEntityTooLarge)
	case failed != "":
		return fail(http.StatusBadRequest)
	}
	return reply{body: []byte("1"), record: &m}
}

// post does what the flow does after its answer.
func (f *Teams) post(c *Call) (Message, string) {
	m := Message{Type: text(c.Body, "type")}
	var raw struct {
		Attachments []struct {
			Content json.RawMessage `json:"content"`
		} `json:"attachments"`
	}
	if json.Unmarshal(c.Raw, &raw) != nil {
		return m, "the attachments are not a list of objects"
	}
	for i, a := range list(c.Body, "attachments") {
		if text(a, "contentType") != "application/vnd.microsoft.card.adaptive" {
			return m, fmt.Sprintf("attachment %d is no Adaptive Card", i+1)
		}
		if n := len(answerJSON(string(bytes.TrimSpace(raw.Attachments[i].Content)))); n > f.o.Stored {
			return m, fmt.Sprintf("the card has %d bytes when it is stored, at most %d are allowed", n, f.o.Stored)
		}
		x := teamsCard{m: &m}
		x.card(object(a, "content"))
		if x.failed != "" {
			return m, x.failed
		}
	}
	return m, ""
}

// teamsCard checks a card and collects what a reader sees.
type teamsCard struct {
	m      *Message
	minor  int
	texts  []string // of TextBlocks, where mentions work
	lines  []string
	failed string
}

func (x *teamsCard) fail(format string, args ...any) {
	if x.failed == "" {
		x.failed = fmt.Sprintf(format, args...)
	}
}

func (x *teamsCard) card(card map[string]any) {
	if text(card, "type") != "AdaptiveCard" {
		x.fail("the content is no AdaptiveCard")
		return
	}
	minor, ok := strings.CutPrefix(text(card, "version"), "1.")
	n, err := strconv.Atoi(minor)
	if !ok || err != nil || n > 5 {
		x.fail("version %q is not supported", text(card, "version"))
		return
	}
	x.minor = n
	if width := text(object(card, "msteams"), "width"); width != "" && !strings.EqualFold(width, "full") {
		x.fail("msteams.width %q is unknown", width)
	}
	x.elements(list(card, "body"), "body")
	if len(x.lines) > 0 && len(list(card, "body")) > 0 && x.heading(list(card, "body")[0]) {
		x.m.Title, x.lines = x.lines[0], x.lines[1:]
	}
	x.m.Text = strings.Join(x.lines, "\n")
	for _, e := range list(object(card, "msteams"), "entities") {
		at := text(e, "text")
		who := text(object(e, "mentioned"), "id")
		if text(e, "type") != "mention" || who == "" || at != "<at>"+text(object(e, "mentioned"), "name")+"</at>" {
			x.fail("an entity is no mention of somebody")
			continue
		}
		// Nobody is called whose name is not in a text, exactly as declared.
		if slices.ContainsFunc(x.texts, func(s string) bool { return strings.Contains(s, at) }) {
			x.m.Mentions = append(x.m.Mentions, who)
		}
	}
}

func (x *teamsCard) heading(v any) bool {
	if text(v, "weight") == "Bolder" && text(v, "size") == "Large" {
		return true
	}
	in := list(v, "inlines")
	return len(in) > 0 && text(in[0], "size") == "Large"
}

// teamsElements are the elements of a card by the minor version that brought
// them.
var teamsElements = map[string]int{
	"TextBlock": 0, "Image": 0, "Container": 0, "ColumnSet": 0, "FactSet": 0, "ImageSet": 0, "ActionSet": 2, "RichTextBlock": 2, "Table": 5, "CodeBlock": 0,
}

func (x *teamsCard) elements(es []any, where string) {
	for _, e := range es {
		x.element(e, where)
	}
}

func (x *teamsCard) element(e any, where string) {
	kind := text(e, "type")
	since, known := teamsElements[kind]
	if !known || since > x.minor {
		x.fail("%s: element %q is not known in version 1.%d", where, kind, x.minor)
		return
	}
	switch kind {
	case "TextBlock", "RichTextBlock":
		x.lines = append(x.lines, x.text(e))
	case "Image":
		u, err := url.Parse(text(e, "url"))
		if err != nil || u.Scheme != "https" {
			x.fail("%s: an image needs an https address", where)
		}
		x.lines = append(x.lines, "["+text(e, "altText")+"]")
	case "Container":
		x.elements(list(e, "items"), where+".items")
	case "FactSet":
		for _, f := range list(e, "facts") {
			x.texts = append(x.texts, text(f, "title"), text(f, "value"))
			x.lines = append(x.lines, text(f, "title")+": "+text(f, "value"))
		}
	case "ColumnSet":
		x.row(list(e, "columns"), "Column", where)
	case "Table":
		columns := len(list(e, "columns"))
		if columns == 0 {
			x.fail("%s: a table has no columns", where)
		}
		for _, r := range list(e, "rows") {
			cells := list(r, "cells")
			if text(r, "type") != "TableRow" || len(cells) != columns {
				x.fail("%s: a row of a table has %d cells in %d columns", where, len(cells), columns)
			}
			x.row(cells, "TableCell", where)
		}
	case "ActionSet":
		for _, a := range list(e, "actions") {
			if t := text(a, "type"); !slices.Contains([]string{"Action.OpenUrl", "Action.ShowCard", "Action.ToggleVisibility"}, t) {
				x.fail("%s: action %q does not work from a webhook", where, t)
			}
		}
	}
}

// row writes cells as a line.
func (x *teamsCard) row(cells []any, kind, where string) {
	line := "|"
	for _, c := range cells {
		if text(c, "type") != kind {
			x.fail("%s: %q where %q is wanted", where, text(c, "type"), kind)
		}
		inner := teamsCard{m: x.m, minor: x.minor}
		inner.elements(list(c, "items"), where+".items")
		if inner.failed != "" {
			x.fail("%s", inner.failed)
		}
		x.texts = append(x.texts, inner.texts...)
		line += " " + strings.Join(inner.lines, " ") + " |"
	}
	x.lines = append(x.lines, line)
}

// text is what a TextBlock or RichTextBlock shows.
func (x *teamsCard) text(e any) string {
	if text(e, "type") == "TextBlock" {
		s := text(e, "text")
		if s == "" {
			if _, ok := e.(map[string]any)["text"].(string); !ok {
				x.fail("a TextBlock has no text")
			}
		}
		x.texts = append(x.texts, s)
		return s
	}
	var b strings.Builder
	for _, r := range list(e, "inlines") {
		if s, ok := r.(string); ok {
			b.WriteString(s)
			continue
		}
		if text(r, "type") != "TextRun" {
			x.fail("inline %q is unknown", text(r, "type"))
		}
		b.WriteString(text(r, "text"))
	}
	return b.String()
}

var _ http.Handler = (*Teams)(nil)
