package main

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"log"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"strings"
)

// part is a leaf of a mail, decoded.
type part struct {
	mediaType string
	file      string
	data      []byte
}

// read gives a mail's headers and its leaves in order.
func read(data []byte) (mail.Header, []part) {
	m, err := mail.ReadMessage(bytes.NewReader(data))
	check(err)
	return m.Header, leaves(m.Header.Get("Content-Type"), m.Body)
}

func leaves(contentType string, body io.Reader) []part {
	_, params, err := mime.ParseMediaType(contentType)
	check(err)
	var out []part
	for r := multipart.NewReader(body, params["boundary"]); ; {
		p, err := r.NextRawPart()
		if errors.Is(err, io.EOF) {
			return out
		}
		check(err)
		mediaType, params, err := mime.ParseMediaType(p.Header.Get("Content-Type"))
		check(err)
		if strings.HasPrefix(mediaType, "multipart/") {
			out = append(out, leaves(p.Header.Get("Content-Type"), p)...)
			continue
		}
		var in io.Reader
		switch e := p.Header.Get("Content-Transfer-Encoding"); e {
		case "quoted-printable":
			in = quotedprintable.NewReader(p)
		case "base64":
			in = base64.NewDecoder(base64.StdEncoding, p)
		default:
			log.Fatalf("a part has the encoding %q", e)
		}
		l := part{mediaType: mediaType + "; charset=" + strings.ToLower(params["charset"]), file: p.FileName()}
		l.data, err = io.ReadAll(in)
		check(err)
		out = append(out, l)
	}
}
