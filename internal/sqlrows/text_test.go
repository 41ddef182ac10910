package sqlrows_test

import (
	"strings"
	"testing"
	"time"

	"github.com/datapush-go/datapush/internal/sqlrows"
)

func TestTextsAreWhatTheyWereMadeOf(t *testing.T) {
	var texts sqlrows.Texts
	var got, want []string
	for i := range 2_000 {
		s := strings.Repeat(string(rune('a'+i%26)), i%700)
		b := []byte(s)
		got, want = append(got, texts.String(b)), append(want, s)
		for j := range b {
			b[j] = '!' // the driver uses its memory again
		}
	}
	for i := range got {
		if got[i] != want[i] {
			t.Fatalf("text %d is %q, want %q", i, got[i], want[i])
		}
	}
}

func TestParseTime(t *testing.T) {
	shanghai := time.FixedZone("CST", 8*3600)
	tests := []struct {
		text string
		want string // RFC 3339, "" for none
	}{
		{"2024-02-29", "2024-02-29T00:00:00+08:00"},
		{"2024-01-02 08:09:10", "2024-01-02T08:09:10+08:00"},
		{"2024-01-02 08:09:10.5", "2024-01-02T08:09:10.5+08:00"},
		{"2024-01-02 08:09:10.123456", "2024-01-02T08:09:10.123456+08:00"},
		{"2024-01-02 08:09:10+00", "2024-01-02T08:09:10Z"},
		{"2024-01-02 08:09:10.5-03:30", "2024-01-02T08:09:10.5-03:30"},
		{"2023-02-29", ""}, {"2024-04-31", ""}, {"2024-00-01", ""}, {"2024-13-01", ""}, {"2024-01-00", ""}, {"0000-00-00", ""}, {"0000-01-01", ""},
		{"2024-01-02 24:00:00", ""}, {"2024-01-02 08:60:00", ""}, {"2024-01-02 08:09", ""}, {"2024-01-02T08:09:10", ""}, {"2024-01-02 08:09:10 BC", ""},
		{"12024-01-01", ""}, {"infinity", ""}, {"", ""}, {"2024-01-02 08:09:10+", ""}, {"2024-01-02 08:09:10+8", ""}, {"2024-01-02 08:09:10x", ""},
	}
	for _, tt := range tests {
		got, ok := sqlrows.ParseTime([]byte(tt.text), shanghai)
		if ok != (tt.want != "") || ok && got.Format(time.RFC3339Nano) != tt.want {
			t.Errorf("%q became %v, %v; want %q", tt.text, got, ok, tt.want)
		}
	}
}

// A time that the zone's clocks went past keeps its wall clock.
func TestParseTimeInAGap(t *testing.T) {
	tests := []struct{ zone, text, want string }{
		{"America/Sao_Paulo", "2018-11-04", "2018-11-04T00:00:00Z"},
		{"America/Sao_Paulo", "2018-11-04 00:59:59.5", "2018-11-04T00:59:59.5Z"},
		{"America/Sao_Paulo", "2018-11-04 01:00:00", "2018-11-04T01:00:00-02:00"},
		{"America/Sao_Paulo", "2018-11-03 23:59:59", "2018-11-03T23:59:59-03:00"},
		{"Europe/Berlin", "2024-03-31 02:30:00", "2024-03-31T02:30:00Z"},
		{"Europe/Berlin", "2024-03-31 03:00:00", "2024-03-31T03:00:00+02:00"},
		{"Pacific/Apia", "2011-12-30", "2011-12-30T00:00:00Z"},
		{"Pacific/Apia", "2011-12-31", "2011-12-31T00:00:00+14:00"},
		{"Australia/Lord_Howe", "2024-10-06 02:15:00", "2024-10-06T02:15:00Z"},
		{"Asia/Shanghai", "1901-01-01", "1901-01-01T00:00:00+08:00"},
	}
	for _, tt := range tests {
		loc, err := time.LoadLocation(tt.zone)
		if err != nil {
			t.Fatal(err)
		}
		if got, ok := sqlrows.ParseTime([]byte(tt.text), loc); !ok || got.Format(time.RFC3339Nano) != tt.want {
			t.Errorf("%q in %s became %v, %v; want %s", tt.text, tt.zone, got, ok, tt.want)
		}
	}
}

func TestParseTimeCountsDaysAsTheTimePackageDoes(t *testing.T) {
	for _, years := range [][2]int{{1, 5}, {1599, 2001}, {9996, 10000}} {
		end := time.Date(years[1], 1, 1, 0, 0, 0, 0, time.UTC)
		for want := time.Date(years[0], 1, 1, 23, 59, 59, 0, time.UTC); want.Before(end); want = want.AddDate(0, 0, 1) {
			got, ok := sqlrows.ParseTime([]byte(want.Format("2006-01-02 15:04:05")), time.UTC)
			if !ok || !got.Equal(want) || got.Location() != time.UTC {
				t.Fatalf("%v became %v, %v", want, got, ok)
			}
		}
	}
}

// FuzzParseTime asks the time package.
func FuzzParseTime(f *testing.F) {
	for _, s := range []string{"2024-01-02", "2024-01-02 08:09:10.5", "2024-02-30", "2024-01-02 08:09:10-03:30"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, ok := sqlrows.ParseTime([]byte(text), time.UTC)
		for _, layout := range []string{"2006-01-02", "2006-01-02 15:04:05"} {
			if n := len(text); n > 20 && n <= 29 {
				layout += "." + strings.Repeat("0", n-20)
			}
			want, err := time.Parse(layout, text)
			if err != nil || want.Year() == 0 || want.Format(layout) != text {
				continue // the time package takes more than servers send
			}
			if !ok || !got.Equal(want) {
				t.Errorf("%q became %v, %v; the time package says %v", text, got, ok, want)
			}
		}
	})
}
