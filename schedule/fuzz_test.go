package schedule_test

import (
	"encoding/json"
	"errors"
	"math"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/datapush-go/datapush/schedule"
)

func FuzzParseExpr(f *testing.F) {
	for _, v := range vectors {
		f.Add(v.expr, int64(1_753_000_000))
	}
	for _, s := range []string{"$[year_week(yyyymmdd,5)]", "$[quarter(mm,-1)]", "$[unix_timestamp()]", "$[week_last_day(yyyymmdd,12*2)]", "$[add_months(", "${${", "$[[", "$[yyyy-1/24/60*3-2+1/2]", "年$", "\xff${yyyy\xff}"} {
		f.Add(s, int64(math.MinInt64))
		f.Add(s, int64(math.MaxInt64))
	}
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string, unix int64) {
		e, err := schedule.ParseExpr(text)
		if err != nil {
			var mistake *schedule.ExprError
			if !errors.As(err, &mistake) || mistake.Pos < 0 || mistake.Pos > len(text) || mistake.Text == "" {
				t.Fatalf("ParseExpr(%q) = %#v", text, err)
			}
			return
		}
		if e.String() != text {
			t.Fatalf("String = %q; want %q", e, text)
		}
		for _, at := range []time.Time{time.Unix(unix, 0).UTC(), time.Unix(unix, 0).In(berlin)} {
			got := string(e.Append(nil, at))
			if value, ok := e.Constant(); ok && (value != text || got != text) {
				t.Fatalf("the constant %q is %q and appends %q", text, value, got)
			}
			if utf8.ValidString(text) && !utf8.ValidString(got) {
				t.Fatalf("%q gives %q", text, got)
			}
			if again := string(e.Append([]byte("x"), at)); again != "x"+got {
				t.Fatalf("%q gives %q and then %q", text, got, again)
			}
		}
		schedule.Lint(map[string]string{"a": text, "b": "$[yyyymmdd]"})
	})
}

func FuzzScheduleJSON(f *testing.F) {
	for _, s := range []string{
		`{"cycle":{"every":"month","days":[1,"last"],"at":"08:00"},"timeZone":"Asia/Shanghai"}`,
		`{"cycle":{"every":"week","days":["monday"],"at":"09:00"},"from":"2024-01-01","until":"2024-12-31"}`,
		`{"cycle":{"every":"day","at":"08:00"},"timeout":"1h","misfire":"skip","catchUp":"24h"}`,
		`{"cycle":{"every":"hour","from":"00:00","to":"23:59","step":1}}`,
		`{"cycle":{"every":"hour","hours":[0,1],"minute":10}}`,
		`{"cycle":{"every":"month","days":[32,"first",-1],"at":"25:00"},"from":"2024-02-31"}`,
		`{"cycle":{"every":"week","days":[9,"funday"],"at":"x"}}`,
		`{"cycle":{"every":"hour","hours":[-1,99],"minute":-5}}`,
		`{"cycle":null,"misfire":"never"}`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var s schedule.Schedule
		if json.Unmarshal([]byte(text), &s) != nil {
			return
		}
		written, err := json.Marshal(s)
		if err != nil {
			t.Fatalf("%s is read as %+v and cannot be written: %v", text, s, err)
		}
		var back schedule.Schedule
		if err := json.Unmarshal(written, &back); err != nil || back != s {
			t.Fatalf("%s is written as %s and read back as %+v, %v; want %+v", text, written, back, err, s)
		}
		if s.Validate() != nil {
			return
		}
		parsed, err := schedule.Parse(s.String())
		want := s
		if want.TimeZone == "UTC" {
			want.TimeZone = ""
		}
		if err != nil || parsed != want {
			t.Fatalf("%q is read back as %+v, %v; want %+v", s, parsed, err, want)
		}
		if at, ok := s.Next(time.Unix(1_700_000_000, 0)); ok && at.Unix() <= 1_700_000_000 {
			t.Fatalf("%s: Next = %s", s, at)
		}
	})
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"every month on the 1st, 15th and last day at 08:00 Asia/Shanghai",
		"every Monday and Friday at 09:00, from 2024-01-01 to 2024-12-31",
		"every day at 08:00 UTC, until 2024-12-31, timeout 1h, misfire skip, catch up 48h",
		"every 6 hours from 00:00 to 23:59", "every hour from 1 to 2",
		"every day at 00:10, 01:10 and 02:10 UTC", "every day at 00:10 only", "every ,,, and and", "every day at",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := schedule.Parse(text)
		if err != nil {
			return
		}
		if back, err := schedule.Parse(s.String()); err != nil || back != s {
			t.Fatalf("%q is %+v, written %q and read back as %+v, %v", text, s, s, back, err)
		}
	})
}

func FuzzParseDate(f *testing.F) {
	for _, s := range []string{"2024-02-29", "2024-2-29", "", "0000-00-00", "-1-1-1", "999999999-999999999-999999999"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var d schedule.Date
		if d.UnmarshalText([]byte(text)) == nil {
			written, err := d.MarshalText()
			var back schedule.Date
			if err != nil || back.UnmarshalText(written) != nil || back != d {
				t.Fatalf("%q is %+v, written %q (%v) and read back as %+v", text, d, written, err, back)
			}
		}
		if d, err := schedule.ParseDate(text); err == nil {
			if _, err := time.Parse(time.DateOnly, d.String()); err != nil {
				t.Fatalf("%q is read as a date; time says %v", text, err)
			}
		}
	})
}

func FuzzNext(f *testing.F) {
	zones := zoneNames(f)
	f.Add(uint8(0), uint32(1), uint16(480), uint16(1439), uint8(1), uint16(100), int64(1_700_000_000))
	f.Add(uint8(1), uint32(2), uint16(150), uint16(1439), uint8(1), uint16(200), int64(1_741_500_000))
	f.Add(uint8(2), uint32(0), uint16(30), uint16(1439), uint8(1), uint16(300), int64(63_593_070))
	f.Add(uint8(3), uint32(0), uint16(0), uint16(1439), uint8(6), uint16(400), int64(4_102_444_799))
	f.Add(uint8(4), uint32(0b1010), uint16(59), uint16(0), uint8(0), uint16(500), int64(math.MinInt64))
	f.Fuzz(func(t *testing.T, kind uint8, set uint32, at, end uint16, step uint8, zone uint16, unix int64) {
		clock := func(minutes uint16) string {
			minutes %= 24 * 60
			return time.Date(2000, 1, 1, int(minutes)/60, int(minutes)%60, 0, 0, time.UTC).Format("15:04")
		}
		var c schedule.Cycle
		switch kind % 5 {
		case 0:
			days := []int{}
			for d := range 32 {
				if set>>d&1 != 0 {
					days = append(days, d)
				}
			}
			if len(days) > 0 && days[0] == 0 {
				days[0] = schedule.LastDay
			}
			c = schedule.Monthly(clock(at), days...)
		case 1:
			days := []time.Weekday{}
			for d := range 7 {
				if set>>d&1 != 0 {
					days = append(days, time.Weekday(d))
				}
			}
			c = schedule.Weekly(clock(at), days...)
		case 2:
			c = schedule.Daily(clock(at))
		case 3:
			c = schedule.Hourly(clock(at), clock(end), int(step))
		case 4:
			hours := []int{}
			for h := range 24 {
				if set>>h&1 != 0 {
					hours = append(hours, h)
				}
			}
			c = schedule.HourlyAt(hours, int(at%60))
		}
		s := schedule.Schedule{Cycle: c, TimeZone: zones[int(zone)%len(zones)]}
		table, err := s.Compile()
		if err != nil {
			return
		}
		after := time.Unix(unix, 0)
		next, ok := table.Next(after)
		if !ok {
			if after.Year() < 9990 && after.Year() > 0 && unix < 1<<40 {
				t.Fatalf("%s: no run after %s", s, after)
			}
			return
		}
		if !next.After(after) {
			t.Fatalf("%s: Next(%s) = %s, which is not after it", s, after, next)
		}
		// From any time before it on, the run is the same one.
		for _, earlier := range []time.Time{next.Add(-1), after.Add(next.Sub(after) / 2)} {
			if earlier.Before(after) || !earlier.Before(next) {
				continue
			}
			if again, _ := table.Next(earlier); !again.Equal(next) {
				t.Fatalf("%s: Next(%s) = %s, and Next(%s) = %s", s, after, next, earlier, again)
			}
		}
		// The run is one that the cycle names that day or the day before.
		day := schedule.DateOf(next)
		list, err := s.Explain(day.AddDays(-1), day)
		if err != nil {
			// Years that Explain does not know.
			return
		}
		for e := range list {
			if e.Effect != schedule.Dropped && e.At.Equal(next) {
				return
			}
		}
		t.Fatalf("%s: Next(%s) = %s, which Explain does not name", s, after, next)
	})
}
