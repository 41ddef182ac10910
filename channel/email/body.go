package email

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"

	"github.com/datapush-go/datapush/channel"
	"github.com/datapush-go/datapush/internal/fit"
	imagefile "github.com/datapush-go/datapush/internal/picture"
)

// htmlLimit is where the HTML part ends, its line breaks counted as two bytes. Gmail hides what comes after about
// 102 KB
// (https://www.spamresource.com/2022/01/what-is-gmail-clipping-and-what-to-do.html,
// read on 2026-11-23).
const htmlLimit = 100_000

// body is what both forms of a mail's text share: the pictures they show, how
// many rows of each table, and what could not be shown.
type body struct {
	s        settings
	files    *files
	pictures []*picture
	notes    []channel.Warning
	// shares are the bytes of HTML for each table; nil is no limit.
	shares []int
	// tables are those of the body; others is the file of those left out.
	tables []*channel.Table
	others string
	// shown are the rows of those tables that were cut.
	shown map[int]int
}

// picture is carried in the mail and shown by its Content-ID.
type picture struct {
	sum       [sha256.Size]byte
	id        string
	mediaType string
	ext       string
	data      []byte
	width     int
	bad       bool
}

// warn keeps each warning once, whichever form of the text found it.
func (b *body) warn(code channel.WarningCode, format string, args ...any) {
	w := channel.Warning{Code: code, Text: fmt.Sprintf(format, args...)}
	if !slices.Contains(b.notes, w) {
		b.notes = append(b.notes, w)
	}
}

func (b *body) mention() {
	b.warn(channel.WarnDegraded, "mail cannot call anyone; mentions are shown as text")
}

func (b *body) badLink() {
	b.warn(channel.WarnRemoved, "a link that is neither http, https nor mailto is shown without its address")
}

// picture finds what shows an image by Content-ID, or nil.
func (b *body) picture(m *channel.Image) *picture {
	if len(m.Data) == 0 {
		if !b.loads(m) {
			b.warn(channel.WarnDegraded, "a picture by address is shown as a link")
		}
		return nil
	}
	sum := sha256.Sum256(m.Data)
	for _, p := range b.pictures {
		if p.sum == sum {
			if p.bad {
				return nil
			}
			return p
		}
	}
	p := &picture{sum: sum, id: hex.EncodeToString(sum[:8]) + "@datapush", data: m.Data}
	b.pictures = append(b.pictures, p)
	p.mediaType, p.ext, p.width, p.bad = sniff(m.Data)
	if p.bad {
		b.warn(channel.WarnUnresolved, "a picture is not a PNG, JPEG or GIF file; its description is shown instead")
		return nil
	}
	return p
}

// shows reports whether a client sees the image itself.
func (b *body) shows(m *channel.Image) bool {
	return b.picture(m) != nil || len(m.Data) == 0 && b.loads(m)
}

// loads reports whether a client is to load the image from its address.
func (b *body) loads(m *channel.Image) bool { return b.s.remoteImages && webURL(m.URL) }

// sniff reads a picture's form from its bytes, because a wrong media type makes
// some clients show nothing. WebP is bad, because not every mail client shows
// it.
func sniff(data []byte) (mediaType, ext string, width int, bad bool) {
	i, ok := imagefile.Read(data)
	return i.Type, i.Ext, i.Width, !ok || i.Type == imagefile.WebP
}

// render writes both forms. The HTML is measured by writing it, tables up to the
// limit of the whole; only a body over the limit is written again, with its
// tables cut to what is left for them.
func (b *body) render(title string, blocks []channel.Block) (html, text []byte) {
	flat := make([]channel.Block, len(blocks))
	for i := range blocks {
		flat[i] = fit.Shallow(blocks[i])
	}
	blocks = flat
	h := b.html(title, blocks)
	if size := sent(h.buf); size > htmlLimit && len(h.tables) > 0 {
		const note = 300 // room for the sentence under a cut table
		room := htmlLimit - size
		for _, n := range h.tables {
			room += n
		}
		b.tables, b.shares = h.drawn, shares(h.tables, room, note)
		if crowded(b.shares) {
			b.shares = inOrder(h, room-2*note, note)
		}
		h = b.html(title, blocks)
	}
	if sent(h.buf) > htmlLimit {
		b.warn(channel.WarnDegraded, "the mail's text is longer than 100,000 bytes; Gmail shows only its beginning until the reader asks for the rest")
	}
	t := &textWriter{b: b}
	t.blocks(blocks)
	return h.buf, append(bytes.TrimRight(t.buf, "\n"), '\n')
}

func (b *body) html(title string, blocks []channel.Block) *htmlWriter {
	w := &htmlWriter{b: b, most: htmlLimit}
	w.str(htmlHead)
	w.attr(title)
	w.str(htmlBodyStart)
	w.blocks(blocks)
	w.str(htmlEnd)
	return w
}

// shares divides room among tables of the given sizes: small ones stay whole,
// the others get equal parts of what is left, less the note under them. A table
// that stays whole has share 0.
func shares(sizes []int, room, note int) []int {
	order := make([]int, len(sizes))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return sizes[a] - sizes[b] })
	out := make([]int, len(sizes))
	for k, i := range order {
		part := room / (len(sizes) - k)
		if sizes[i] <= part {
			room -= sizes[i]
			continue
		}
		out[i] = max(1, part-note)
		room -= part
	}
	return out
}

// sent is how long HTML gets with the line breaks of a mail.
func sent(html []byte) int { return len(html) + bytes.Count(html, []byte("\n")) }

const (
	// mostCut is how many tables may be cut, each with a file of its own.
	mostCut = 10
	// leastShare is what a header and a row take, about.
	leastShare = 1000
	// leftOut is the share of a table that is not shown.
	leftOut = -1
)

// crowded reports whether the tables are too many to show the beginning of each.
func crowded(shares []int) bool {
	cut, tiny := 0, false
	for _, n := range shares {
		if n > 0 {
			cut++
			tiny = tiny || n < leastShare
		}
	}
	return cut > mostCut || tiny && len(shares) > 1
}

// inOrder shows the first tables until there is no room and leaves the others out.
// Where the text alone is too long, those stay that its beginning holds.
func inOrder(h *htmlWriter, room, note int) []int {
	out := make([]int, len(h.tables))
	used := 0
	for i, n := range h.tables {
		if used+n <= room || room < 0 && h.ends[i] <= htmlLimit {
			used += n
			continue
		}
		for j := i; j < len(out); j++ {
			out[j] = leftOut
		}
		if part := room - used - note; part >= leastShare {
			out[i] = part
		}
		break
	}
	return out
}

// left reports whether table i is left out. The note stands in the place of the
// first of them.
func (b *body) left(i int) (note string, out bool) {
	if b.share(i) != leftOut {
		return "", false
	}
	if b.share(i-1) == leftOut {
		return "", true
	}
	ts := b.tables[i:]
	rows := 0
	for _, t := range ts {
		rows += t.Rows()
	}
	if b.others == "" {
		b.others = b.files.together(ts)
	}
	b.warn(channel.WarnCut, "the mail does not show %d of its %d tables, with %d rows; they are attached in one file", len(ts), len(b.tables), rows)
	return "… " + strconv.Itoa(rows) + " more rows in " + strconv.Itoa(len(ts)) + " more tables: " + b.others, true
}

func (b *body) share(i int) int {
	if i >= 0 && i < len(b.shares) {
		return b.shares[i]
	}
	return 0
}

// rows is how many rows of table i are shown.
func (b *body) rows(i int, t *channel.Table) int {
	if n, ok := b.shown[i]; ok {
		return n
	}
	return t.Rows()
}

// cut says what is missing under the first rows of a table and where the whole
// table is.
func (b *body) cut(i int, t *channel.Table, rows int) string {
	if b.shown == nil {
		b.shown = map[int]int{}
	}
	b.shown[i] = rows
	name := b.files.whole(t)
	b.warn(channel.WarnCut, "the mail shows %d of %d rows of a table; the whole table is attached", rows, t.Rows())
	return "… " + strconv.Itoa(t.Rows()-rows) + " more rows: " + name
}
