package channeltest

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// LarkOptions configure a fake Lark.
type LarkOptions struct {
	// Now is the fake's clock, used for signatures and rates. Nil is time.Now.
	Now func() time.Time
	// Bots are the custom bots by token. Nil: every token is a bot without
	// security settings.
	Bots map[string]LarkBot
	// PerSecond and PerMinute are how many messages a bot takes in a rolling
	// second and minute. Zero is 5 and 100.
	PerSecond, PerMinute int
	// Tables is how many tables a card may hold. Zero is 3.
	Tables int
	// Legacy answers successes in the older form.
	Legacy bool
	// Apps are secrets by app id, for the token endpoint.
	Apps map[string]string
	// Uploads is how many pictures may be uploaded in a rolling second. Zero is
	// 50.
	Uploads int
}

// LarkBot is one custom bot's security settings.
type LarkBot struct {
	// Secret turns signing on.
	Secret string
	// Keywords turn the keyword check on: one of them must be in the visible
	// text.
	Keywords []string
	// IPs turn the address check on.
	IPs []string
}

// Lark is a fake of the Lark and Feishu custom bot's webhook, and of the two
// app endpoints with which pictures are uploaded. Of card JSON 2.0 it knows the
// components that a webhook can use for a report: markdown, div, hr, img, table,
// column_set, column, button and their texts. It refuses every other tag and
// every property it does not know.
type Lark struct {
	Server
	o      LarkOptions
	bots   map[string]*larkBot
	tokens map[string]bool // tenant access tokens given out
	images [][]byte
	upload window
}

type larkBot struct {
	second, minute window
	refused        int
}

// NewLark starts a fake; nil means defaults. Close it.
func NewLark(o *LarkOptions) *Lark {
	f := &Lark{bots: map[string]*larkBot{}, tokens: map[string]bool{}, upload: window{per: time.Second}}
	if o != nil {
		f.o = *o
	}
	for _, d := range []struct {
		n    *int
		want int
	}{{&f.o.PerSecond, 5}, {&f.o.PerMinute, 100}, {&f.o.Tables, 3}, {&f.o.Uploads, 50}} {
		if *d.n <= 0 {
			*d.n = d.want
		}
	}
	f.start(f.o.Now, func(r *http.Request) string {
		t, _ := strings.CutPrefix(r.URL.Path, larkHook)
		return t
	}, f.judge)
	return f
}

const larkHook = "/open-apis/bot/v2/hook/"

// URL is the webhook address of a bot.
func (f *Lark) URL(token string) string { return f.Base() + larkHook + token }

// Images are the pictures uploaded so far; the key of the i-th, from 1, is
// "img_i".
func (f *Lark) Images() [][]byte {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.images)
}

func larkFail(code int, msg string) reply {
	return reply{body: answerJSON(struct {
		Code int      `json:"code"`
		Data struct{} `json:"data"`
		Msg  string   `json:"msg"`
	}{Code: code, Msg: msg})}
}

func (f *Lark) judge(c *Call) reply {
	switch {
	case c.Path == "/open-apis/auth/v3/tenant_access_token/internal":
		return f.token(c)
	case c.Path == "/open-apis/im/v1/images":
		return f.image(c)
	case !strings.HasPrefix(c.Path, larkHook) || c.Method != http.MethodPost:
		return reply{status: http.StatusNotFound, body: []byte("404 page not found")}
	}
	bot, known := f.o.Bots[c.Token]
	if c.Token == "" || !known && f.o.Bots != nil {
		return larkFail(19001, "param invalid: incoming webhook access token invalid")
	}
	body, ok := c.Body.(map[string]any)
	if len(c.Raw) > 20_480 || !ok {
		return larkFail(9499, "Bad Request")
	}
	if bot.Secret != "" && !larkSigned(body, bot.Secret, c.At) {
		return larkFail(19021, "sign match fail or timestamp is not within one hour from current time")
	}
	if len(bot.IPs) > 0 && !slices.Contains(bot.IPs, "127.0.0.1") {
		return larkFail(19022, "Ip Not Allowed")
	}
	m := larkRead(body)
	if len(bot.Keywords) > 0 && !slices.ContainsFunc(bot.Keywords, func(k string) bool {
		return strings.Contains(LarkVisible(m.Title), k) || strings.Contains(LarkVisible(m.Text), k)
	}) {
		return larkFail(19024, "Key Words Not Found")
	}
	if rep, ok := f.shape(body); !ok {
		return rep
	}

	b := f.bots[c.Token]
	if b == nil {
		b = &larkBot{second: window{per: time.Second}, minute: window{per: time.Minute}}
		f.bots[c.Token] = b
	}
	if b.second.within(c.At) >= f.o.PerSecond || b.minute.within(c.At) >= f.o.PerMinute {
		b.refused++
		if b.refused%2 == 1 {
			return larkFail(11232, "frequency limited psm[lark.oapi.app_platform_runtime]appID[1500]")
		}
		rep := larkFail(9499, "too many request")
		rep.status = http.StatusBadRequest
		return rep
	}
	b.second.add(c.At)
	b.minute.add(c.At)
	if f.o.Legacy {
		return reply{body: []byte(`{"Extra":null,"StatusCode":0,"StatusMessage":"success"}`), record: &m}
	}
	return reply{body: []byte(`{"StatusCode":0,"StatusMessage":"success","code":0,"data":{},"msg":"success"}`), record: &m}
}

// larkSigned checks the signature: the key is time and secret, the message is
// empty.
func larkSigned(body map[string]any, secret string, now time.Time) bool {
	at, _ := body["timestamp"].(string)
	sec, err := strconv.ParseInt(at, 10, 64)
	if err != nil || now.Sub(time.Unix(sec, 0)).Abs() > time.Hour {
		return false
	}
	mac := hmac.New(sha256.New, []byte(at+"\n"+secret))
	return hmac.Equal([]byte(base64.StdEncoding.EncodeToString(mac.Sum(nil))), []byte(text(body, "sign")))
}

// shape checks the message type and its content.
func (f *Lark) shape(body map[string]any) (reply, bool) {
	content := object(body, "content")
	switch text(body, "msg_type") {
	case "text":
		if text(content, "text") == "" {
			return larkFail(9499, "Bad Request"), false
		}
	case "post":
		if len(object(content, "post")) == 0 {
			return larkFail(9499, "Bad Request"), false
		}
	case "image":
		if text(content, "image_key") == "" {
			return larkFail(9499, "Bad Request"), false
		}
	case "share_chat":
		if text(content, "share_chat_id") == "" {
			return larkFail(9499, "Bad Request"), false
		}
	case "interactive":
		card, ok := body["card"].(map[string]any)
		if _, misplaced := body["content"]; !ok || misplaced {
			return larkFail(9499, "Bad Request"), false
		}
		if e := f.card(card); e != "" {
			return larkFail(11246, e), false
		}
	default:
		return larkFail(19002, "params error, invalid msg_type"), false
	}
	return reply{}, true
}

// larkProps are the properties of card JSON 2.0 by tag; "" is the card itself,
// and names with a slash are objects without a tag.
var larkProps = map[string]string{
	"":                     "schema config card_link header body",
	"/config":              "streaming_mode streaming_config summary locales enable_forward update_multi width_mode use_custom_translation enable_forward_interaction style",
	"/config/summary":      "content i18n_content",
	"/header":              "title subtitle text_tag_list i18n_text_tag_list template icon padding",
	"/body":                "direction padding horizontal_spacing horizontal_align vertical_spacing vertical_align elements",
	"markdown":             "tag element_id margin content text_size text_align icon",
	"div":                  "tag element_id margin width text icon",
	"plain_text":           "tag element_id content i18n_content text_size text_color text_align lines",
	"lark_md":              "tag element_id content i18n_content text_size text_color text_align lines",
	"hr":                   "tag element_id margin",
	"img":                  "tag element_id margin img_key alt title corner_radius scale_type size transparent preview",
	"table":                "tag element_id margin page_size row_height row_max_height freeze_first_column header_style columns rows",
	"table/columns":        "name display_name width horizontal_align vertical_align data_type format date_format",
	"table/header_style":   "text_align text_size background_style text_color bold lines",
	"table/columns/format": "symbol precision separator",
	"column_set":           "tag element_id margin flex_mode background_style horizontal_spacing horizontal_align columns action",
	"column":               "tag element_id margin width weight background_style padding vertical_align vertical_spacing horizontal_align horizontal_spacing direction elements",
	"button":               "tag element_id margin type size width text icon hover_tips disabled disabled_tips behaviors name",
	"text_tag":             "tag element_id text color",
	"standard_icon":        "tag token color size",
	"custom_icon":          "tag img_key size",
}

// larkTags1 are the tags of card JSON 1.0.
const larkTags1 = "div markdown hr img note action column_set column table plain_text lark_md button overflow select_static date_picker text_tag standard_icon custom_icon"

// card checks a card and describes the first mistake as the vendor does.
func (f *Lark) card(card map[string]any) string {
	v2 := text(card, "schema") == "2.0"
	w := larkWalk{v2: v2, tables: f.o.Tables}
	if s, set := card["schema"]; set && !v2 && s != "1.0" {
		return "ErrCode: 200621; ErrMsg: parse card json err: unsupported schema; "
	}
	if !v2 {
		if h, ok := card["header"]; ok {
			w.any(h, "/header", false)
		}
		elements, ok := card["elements"].([]any)
		if !ok {
			return "ErrCode: 200621; ErrMsg: parse card json err: elements is missing; "
		}
		w.elements(elements, true)
		return w.err
	}
	w.props(card, "")
	if config, ok := card["config"].(map[string]any); ok {
		if multi, set := config["update_multi"]; set && multi != true {
			w.fail(300302, "update_multi must be true in a card of schema 2.0", "update_multi")
		}
		w.props(config, "/config")
		if s, ok := config["summary"].(map[string]any); ok {
			w.props(s, "/config/summary")
		}
	}
	if h, ok := card["header"].(map[string]any); ok {
		w.props(h, "/header")
		if text(object(h, "title"), "content") == "" {
			w.fail(200621, "parse card json err: header without title", "header")
		}
		for _, k := range []string{"title", "subtitle", "icon"} {
			if o, ok := h[k]; ok {
				w.any(o, k, false)
			}
		}
		for _, t := range list(h, "text_tag_list") {
			w.any(t, "text_tag_list", false)
		}
	}
	bodyPart, ok := card["body"].(map[string]any)
	elements, isList := bodyPart["elements"].([]any)
	if !ok || !isList {
		w.fail(200621, "parse card json err: body.elements is missing", "body")
		return w.err
	}
	w.props(bodyPart, "/body")
	w.elements(elements, true)
	if w.count > 200 {
		w.fail(300305, "the number of components exceeds 200", strconv.Itoa(w.count))
	}
	return w.err
}

type larkWalk struct {
	v2     bool
	tables int
	seen   int // tables
	count  int // components
	err    string
}

func (w *larkWalk) fail(code int, msg, value string) {
	if w.err == "" {
		w.err = fmt.Sprintf("ErrCode: %d; ErrMsg: %s; ErrorValue: %s; ", code, msg, value)
	}
}

func (w *larkWalk) props(o map[string]any, kind string) {
	if !w.v2 {
		return
	}
	known := strings.Fields(larkProps[kind])
	for k := range o {
		if !slices.Contains(known, k) {
			w.fail(200621, "parse card json err: unknown property", k)
		}
	}
}

func (w *larkWalk) elements(es []any, root bool) {
	for _, e := range es {
		w.any(e, "elements", root)
	}
}

var larkAtEmail = regexp.MustCompile(`<at\s+email\s*=`)

// any checks a component and what is in it.
func (w *larkWalk) any(v any, where string, root bool) {
	o, ok := v.(map[string]any)
	if !ok {
		w.fail(200621, "parse card json err: not an object", where)
		return
	}
	tag := text(o, "tag")
	if !w.v2 {
		if where == "/header" {
			return
		}
		if !slices.Contains(strings.Fields(larkTags1), tag) {
			w.fail(11310, "unsupported type of block", tag)
			return
		}
	} else {
		w.count++
		switch _, known := larkProps[tag]; {
		case tag == "action" || tag == "note":
			w.fail(200861, "cards of schema V2 no longer support this capability; unsupported tag "+tag, tag)
			return
		case !known || tag == "" || strings.Contains(tag, "/"):
			w.fail(11310, "unsupported type of block", tag)
			return
		}
		w.props(o, tag)
	}
	if tag == "markdown" || tag == "lark_md" {
		w.markdown(text(o, "content"))
	}
	for _, k := range []string{"text", "alt", "title", "icon"} {
		if c, ok := o[k].(map[string]any); ok {
			w.any(c, k, false)
		}
	}
	switch tag {
	case "table":
		w.table(o, root)
	case "column_set":
		for _, c := range list(o, "columns") {
			w.any(c, "columns", false)
		}
	case "column", "note", "action":
		w.elements(list(o, "elements"), false)
	case "img":
		if text(o, "img_key") == "" {
			w.fail(200621, "parse card json err: img_key is missing", "img")
		}
	}
}

func (w *larkWalk) markdown(s string) {
	if larkAtEmail.MatchString(s) {
		w.fail(200410, "the at element of a custom bot takes no email", "at")
	}
	w.seen += len(larkDelimiterRow.FindAllString(s, -1))
	w.cap()
}

// larkDelimiterRow is the second line of a Markdown table, which counts as a
// table.
var larkDelimiterRow = regexp.MustCompile(`(?m)^ {0,3}\|?(?:\s*:?-+:?\s*\|)+(?:\s*:?-+:?\s*)?$`)

func (w *larkWalk) cap() {
	if w.seen > w.tables {
		w.fail(11310, "card table number over limit", "table")
	}
}

func (w *larkWalk) table(o map[string]any, root bool) {
	if !root {
		w.fail(200410, "element not allowed here", "table")
		return
	}
	w.seen++
	w.cap()
	if n, ok := o["page_size"].(json.Number); ok {
		if i, err := n.Int64(); err != nil || i < 1 || i > 10 {
			w.fail(200621, "parse card json err: page_size", n.String())
		}
	}
	if s, ok := o["header_style"].(map[string]any); ok {
		w.props(s, "table/header_style")
	}
	columns := list(o, "columns")
	if len(columns) == 0 {
		w.fail(200621, "parse card json err: columns is missing", "table")
	}
	types := map[string]string{}
	for _, c := range columns {
		col, _ := c.(map[string]any)
		w.props(col, "table/columns")
		if f, ok := col["format"].(map[string]any); ok {
			w.props(f, "table/columns/format")
		}
		name, kind := text(col, "name"), text(col, "data_type")
		if kind == "" {
			kind = "text"
		}
		if name == "" || types[name] != "" {
			w.fail(200621, "parse card json err: column name", name)
		}
		if !slices.Contains([]string{"text", "lark_md", "markdown", "number", "options", "persons", "date"}, kind) {
			w.fail(200621, "parse card json err: data_type", kind)
		}
		types[name] = kind
	}
	for _, r := range list(o, "rows") {
		row, ok := r.(map[string]any)
		if !ok {
			w.fail(200621, "parse card json err: row", "rows")
			return
		}
		for k, v := range row {
			kind := types[k]
			_, nested := v.(map[string]any)
			_, isText := v.(string)
			_, isNumber := v.(json.Number)
			_, isList := v.([]any)
			switch {
			case nested:
				w.fail(200410, "element not allowed here", k)
			case kind == "number" && !isNumber, kind == "date" && !isNumber,
				(kind == "lark_md" || kind == "markdown") && !isText, kind == "options" && !isText && !isList:
				w.fail(200621, "parse card json err: cell of data_type "+kind, k)
			case kind == "lark_md" || kind == "markdown":
				w.markdown(v.(string))
			}
		}
	}
}

// larkRead collects what a reader sees.
func larkRead(body map[string]any) Message {
	m := Message{Type: text(body, "msg_type")}
	var lines []string
	add := func(s string) {
		if s != "" {
			lines = append(lines, s)
		}
	}
	markdown := func(s string) {
		add(s)
		m.Mentions = append(m.Mentions, larkMentions(s)...)
	}
	content := object(body, "content")
	if s := text(content, "text"); s != "" {
		add(s)
		for _, at := range regexp.MustCompile(`<at user_id="([^"]+)">`).FindAllStringSubmatch(s, -1) {
			m.Mentions = append(m.Mentions, at[1])
		}
	}
	for _, locale := range object(content, "post") {
		m.Title = text(locale, "title")
		for _, l := range list(locale, "content") {
			var b strings.Builder
			nodes, _ := l.([]any)
			for _, n := range nodes {
				b.WriteString(text(n, "text"))
				if text(n, "tag") == "at" {
					b.WriteString("@" + text(n, "user_name"))
					m.Mentions = append(m.Mentions, text(n, "user_id"))
				}
			}
			add(b.String())
		}
	}
	card := object(body, "card")
	m.Title = text(object(object(card, "header"), "title"), "content") + m.Title
	var walk func(v any)
	walk = func(v any) {
		switch text(v, "tag") {
		case "markdown", "lark_md":
			markdown(text(v, "content"))
		case "plain_text":
			add(text(v, "content"))
		case "div", "button":
			walk(object(v, "text"))
		case "img":
			add("[" + text(object(v, "alt"), "content") + "]")
		case "hr":
			add("---")
		case "table":
			lines = append(lines, larkTable(v, &m))
		}
		for _, k := range []string{"elements", "columns", "actions"} {
			if text(v, "tag") != "table" {
				for _, e := range list(v, k) {
					walk(e)
				}
			}
		}
	}
	for _, e := range append(list(card, "elements"), list(object(card, "body"), "elements")...) {
		walk(e)
	}
	m.Text = strings.Join(lines, "\n\n")
	return m
}

// larkTable writes a table with a line for each row.
func larkTable(v any, m *Message) string {
	var b strings.Builder
	columns := list(v, "columns")
	for _, c := range columns {
		b.WriteString("| " + text(c, "display_name") + " ")
	}
	b.WriteString("|")
	for _, r := range list(v, "rows") {
		b.WriteString("\n")
		row, _ := r.(map[string]any)
		for _, c := range columns {
			s := ""
			switch v := row[text(c, "name")].(type) {
			case string:
				s = v
				if t := text(c, "data_type"); t == "lark_md" || t == "markdown" {
					m.Mentions = append(m.Mentions, larkMentions(v)...)
				}
			case json.Number:
				s = v.String()
			case []any:
				for i, o := range v {
					if i > 0 {
						s += ", "
					}
					s += text(o, "text")
				}
			}
			b.WriteString("| " + s + " ")
		}
		b.WriteString("|")
	}
	return b.String()
}

var (
	larkCode = regexp.MustCompile("(?s)```+.*?```+|`[^`\n]+`")
	larkAt   = regexp.MustCompile(`<at\s+ids?\s*=\s*["']?([^"'\s>/]+)["']?\s*/?>`)
	larkTag  = regexp.MustCompile(`</?(?:font|text_tag|at|a|link|person|raw|number_tag|local_datetime)(?:\s[^<>]*)?/?>`)
)

// larkMentions are the people that Markdown calls: at elements outside code.
func larkMentions(s string) []string {
	var out []string
	for _, at := range larkAt.FindAllStringSubmatch(larkCode.ReplaceAllString(s, ""), -1) {
		out = append(out, strings.Split(at[1], ",")...)
	}
	return out
}

var larkMarks = strings.NewReplacer("**", "", "~~", "", "<br>", "\n")

// LarkVisible is about what a reader sees of Lark's Markdown: without tags and
// emphasis marks, and with the characters that entities stand for. Addresses of
// links are no visible text.
func LarkVisible(s string) string {
	s = regexp.MustCompile(`\]\([^)\s]*\)`).ReplaceAllString(s, "]")
	return html.UnescapeString(larkMarks.Replace(larkTag.ReplaceAllString(s, "")))
}

// token gives out a tenant access token.
func (f *Lark) token(c *Call) reply {
	id := text(c.Body, "app_id")
	if secret, ok := f.o.Apps[id]; !ok || secret != text(c.Body, "app_secret") {
		return larkFail(10003, "invalid app_id or app_secret")
	}
	t := "t-" + strconv.Itoa(len(f.tokens)+1)
	f.tokens[t] = true
	return reply{body: answerJSON(map[string]any{"code": 0, "msg": "ok", "tenant_access_token": t, "expire": 7200})}
}

// image takes an uploaded picture.
func (f *Lark) image(c *Call) reply {
	fail := func(status, code int, msg string) reply {
		rep := larkFail(code, msg)
		rep.status = status
		return rep
	}
	if t, ok := strings.CutPrefix(c.Header.Get("Authorization"), "Bearer "); !ok || !f.tokens[t] {
		return fail(http.StatusUnauthorized, 234002, "Unauthorized")
	}
	if f.upload.within(c.At) >= f.o.Uploads {
		rep := fail(http.StatusTooManyRequests, 99991400, "request trigger frequency limit")
		rep.header = http.Header{"X-Ogw-Ratelimit-Limit": {strconv.Itoa(f.o.Uploads)}, "X-Ogw-Ratelimit-Reset": {"1"}}
		return rep
	}
	f.upload.add(c.At)
	_, params, err := mime.ParseMediaType(c.Header.Get("Content-Type"))
	if err != nil {
		return fail(http.StatusBadRequest, 234001, "Invalid request param")
	}
	form, err := multipart.NewReader(bytes.NewReader(c.Raw), params["boundary"]).ReadForm(maxBody)
	if err != nil || len(form.Value["image_type"]) != 1 || form.Value["image_type"][0] != "message" || len(form.File["image"]) != 1 {
		return fail(http.StatusBadRequest, 234001, "Invalid request param")
	}
	file, err := form.File["image"][0].Open()
	if err != nil {
		return fail(http.StatusBadRequest, 234001, "Invalid request param")
	}
	defer file.Close()
	data, err := io.ReadAll(file)
	switch {
	case err != nil:
		return fail(http.StatusBadRequest, 234001, "Invalid request param")
	case len(data) == 0:
		return fail(http.StatusBadRequest, 234010, "File's size can't be 0")
	case len(data) > 10<<20:
		return fail(http.StatusBadRequest, 234006, "The file size exceed the max value")
	}
	f.images = append(f.images, data)
	return reply{body: answerJSON(map[string]any{"code": 0, "msg": "success", "data": map[string]any{"image_key": fmt.Sprintf("img_%d", len(f.images))}})}
}

var _ http.Handler = (*Lark)(nil)
