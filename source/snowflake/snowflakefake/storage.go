package snowflakefake

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// answer is what a statement returns.
type answer struct {
	columns   []Column
	rows      [][]any
	statement int

	count  int
	inline []byte
	chunks []*part
	types  []wireType
}

// part is the rows of a chunk: rows in JSON with commas between, as they go over
// the wire.
type part struct {
	rows   int
	ends   []int // where each row ends in text
	text   []byte
	packed []byte
}

// chunk is a part at an address.
type chunk struct {
	part    *part
	key     string
	headers bool
	faults  *Faults
	first   bool
}

// pack writes the rows in their wire form.
func (a *answer) pack(inline, size int) *failure {
	a.count = len(a.rows)
	a.types = make([]wireType, len(a.columns))
	for i, c := range a.columns {
		t, err := typeOf(c.Type)
		if err != nil {
			return &failure{"002040", "42601", "SQL compilation error:\n" + err.Error()}
		}
		a.types[i] = t
	}
	first := min(inline, len(a.rows))
	head, fail := a.write(a.rows[:first])
	if fail != nil {
		return fail
	}
	a.inline = append(append([]byte("["), head.text...), ']')
	for from := first; from < len(a.rows); from += size {
		p, fail := a.write(a.rows[from:min(from+size, len(a.rows))])
		if fail != nil {
			return fail
		}
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		_, _ = z.Write(p.text)
		_ = z.Close()
		p.packed = b.Bytes()
		a.chunks = append(a.chunks, p)
	}
	return nil
}

func (a *answer) write(rows [][]any) (*part, *failure) {
	p := &part{rows: len(rows)}
	for _, row := range rows {
		cells := make([]*string, len(row))
		for i, v := range row {
			if v == nil {
				continue
			}
			text, err := a.types[i].encode(v)
			if err != nil {
				return nil, &failure{"100038", "22018", err.Error()}
			}
			cells[i] = &text
		}
		b, err := json.Marshal(cells)
		if err != nil {
			return nil, &failure{"300002", "XX000", err.Error()}
		}
		if len(p.text) > 0 {
			p.text = append(p.text, ", "...)
		}
		p.text = append(p.text, b...)
		p.ends = append(p.ends, len(p.text))
	}
	return p, nil
}

// rowType is what answers say about the columns.
func (a *answer) rowType(first string) []map[string]any {
	list := []map[string]any{}
	for i, c := range a.columns {
		t := a.types[i]
		name := t.name
		if i == 0 && first != "" {
			name = first
		}
		col := map[string]any{
			"name": c.Name, "database": "", "schema": "", "table": "", "nullable": true, "type": name, "collation": nil,
			"precision": nil, "scale": nil, "length": nil, "byteLength": nil,
		}
		switch t.name {
		case "fixed":
			col["precision"], col["scale"] = t.precision, t.scale
		case "time", "timestamp_ntz", "timestamp_ltz", "timestamp_tz":
			col["precision"], col["scale"] = 0, t.scale
		case "text", "binary":
			col["length"], col["byteLength"] = 16777216, 16777216
		}
		if t.ext != "" {
			col["extTypeName"] = t.ext
		}
		if t.name == "map" {
			key, value, _ := strings.Cut(strings.TrimSuffix(c.Type[len("MAP("):], ")"), ",")
			var fields []map[string]any
			for _, ddl := range []string{key, value} {
				f, _ := typeOf(strings.TrimSpace(ddl))
				fields = append(fields, map[string]any{"type": f.name, "nullable": true, "precision": f.precision, "scale": f.scale})
			}
			col["fields"] = fields
		}
		list = append(list, col)
	}
	return list
}

func (s *Server) serveStorage(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	c := s.chunks[r.URL.RequestURI()]
	s.mu.Unlock()
	const name = "X-Amz-Server-Side-Encryption-Customer-"
	switch {
	case c == nil || r.Method != "GET":
		s.refuse(w, r, "no such chunk")
		return
	case r.Header.Get("Authorization") != "":
		s.refuse(w, r, "a session's token was sent to the storage")
		return
	case r.Header.Get(name+"Key") != c.key, c.headers && r.Header.Get(name+"Key-Md5") == "", !c.headers && r.Header.Get(name+"Algorithm") != "AES256":
		s.refuse(w, r, "the chunk's headers are missing")
		return
	}
	s.mu.Lock()
	f := c.faults
	fail, deny := take(&f.FailChunks), false
	if !fail {
		deny = take(&f.DenyChunks)
	}
	cut := c.first && (f.Cut > 0 || f.Inside) && (f.CutTimes == 0 || f.cuts < f.CutTimes)
	if cut {
		f.cuts++
	}
	at, inside, stall, reset := f.Cut, f.Inside, f.Stall, f.Reset
	s.streams++
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		s.streams--
		s.mu.Unlock()
	}()
	switch {
	case fail:
		w.WriteHeader(http.StatusServiceUnavailable)
	case deny:
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprint(w, "<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>")
	case cut:
		s.sendRows(w, c.part, at, inside, true)
	case c.first && stall > 0:
		s.sendRows(w, c.part, stall, false, false)
		<-r.Context().Done()
	case c.first && reset > 0:
		s.sendRows(w, c.part, reset, true, false)
		drop(w)
	default:
		_, _ = w.Write(c.part.packed)
		s.count(c.part.rows)
	}
}

func (s *Server) count(rows int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sent += rows
}

// sendRows sends the first n rows of a chunk, and a part of the next one or not,
// and ends the compressed text properly or not.
func (s *Server) sendRows(w http.ResponseWriter, p *part, n int, inside, whole bool) {
	n = min(n, p.rows)
	end := 0
	if n > 0 {
		end = p.ends[n-1]
	}
	if inside {
		end = min(end+7, len(p.text))
	}
	z := gzip.NewWriter(w)
	_, _ = z.Write(p.text[:end])
	if whole {
		_ = z.Close()
	} else {
		_ = z.Flush()
		if f, ok := w.(http.Flusher); ok {
			f.Flush()
		}
	}
	s.count(n)
}
