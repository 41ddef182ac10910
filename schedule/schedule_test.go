package schedule_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/datapush-go/datapush/schedule"
)

// fields lists the paths of the mistakes in err.
func fields(err error) []string {
	var list []string
	var one *schedule.Error
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range joined.Unwrap() {
			list = append(list, fields(e)...)
		}
	} else if errors.As(err, &one) {
		list = append(list, one.Field)
	}
	return list
}

func TestValidateReportsEveryMistake(t *testing.T) {
	day := schedule.Daily("08:00")
	tests := []struct {
		name     string
		schedule schedule.Schedule
		want     []string
	}{
		{"a plain schedule has none", schedule.Schedule{Cycle: day}, nil},
		{"no cycle", schedule.Schedule{}, []string{"cycle"}},
		{"an impossible time", schedule.Schedule{Cycle: schedule.Daily("24:00")}, []string{"cycle.at"}},
		{"a time without a leading zero", schedule.Schedule{Cycle: schedule.Daily("8:00")}, []string{"cycle.at"}},
		{"no time", schedule.Schedule{Cycle: schedule.Daily("")}, []string{"cycle.at"}},
		{"a minute of 60", schedule.Schedule{Cycle: schedule.Daily("08:60")}, []string{"cycle.at"}},
		{"a signed time", schedule.Schedule{Cycle: schedule.Daily("+8:00")}, []string{"cycle.at"}},
		{"day 32", schedule.Schedule{Cycle: schedule.Monthly("08:00", 1, 32)}, []string{"cycle.days"}},
		{"day 0", schedule.Schedule{Cycle: schedule.Monthly("08:00", 0)}, []string{"cycle.days"}},
		{"no day of the month", schedule.Schedule{Cycle: schedule.Monthly("08:00")}, []string{"cycle.days"}},
		{"no day of the week", schedule.Schedule{Cycle: schedule.Weekly("08:00")}, []string{"cycle.days"}},
		{"an eighth day of the week", schedule.Schedule{Cycle: schedule.Weekly("08:00", 7)}, []string{"cycle.days"}},
		{"C18: an end before the start", schedule.Schedule{Cycle: schedule.Hourly("09:00", "08:00", 1)}, []string{"cycle.to"}},
		{"an interval of 0", schedule.Schedule{Cycle: schedule.Hourly("00:00", "23:59", 0)}, []string{"cycle.step"}},
		{"an interval of 25", schedule.Schedule{Cycle: schedule.Hourly("00:00", "23:59", 25)}, []string{"cycle.step"}},
		{"no hour", schedule.Schedule{Cycle: schedule.HourlyAt(nil, 10)}, []string{"cycle.hours"}},
		{"hour 24 and minute 60", schedule.Schedule{Cycle: schedule.HourlyAt([]int{24}, 60)}, []string{"cycle.hours", "cycle.minute"}},
		{"an unknown zone", schedule.Schedule{Cycle: day, TimeZone: "Mars/Olympus"}, []string{"timeZone"}},
		{"the zone of the host", schedule.Schedule{Cycle: day, TimeZone: "Local"}, []string{"timeZone"}},
		{"a path as a zone", schedule.Schedule{Cycle: day, TimeZone: "../Asia/Shanghai"}, []string{"timeZone"}},
		{"until before from", schedule.Schedule{Cycle: day, From: schedule.Date{2024, 2, 1}, Until: schedule.Date{2024, 1, 31}}, []string{"until"}},
		{"one day from and until", schedule.Schedule{Cycle: day, From: schedule.Date{2024, 2, 1}, Until: schedule.Date{2024, 2, 1}}, nil},
		{"a date that does not exist", schedule.Schedule{Cycle: day, From: schedule.Date{2023, 2, 29}}, []string{"from"}},
		{"the year 10000", schedule.Schedule{Cycle: day, Until: schedule.Date{10000, 1, 1}}, []string{"until"}},
		{"a negative timeout and catch-up", schedule.Schedule{Cycle: day, Timeout: -1, CatchUp: -1}, []string{"timeout", "catchUp"}},
		{"an unknown misfire policy", schedule.Schedule{Cycle: day, Misfire: "never"}, []string{"misfire"}},
		{"all of it at once", schedule.Schedule{Cycle: schedule.Monthly("25:00", 40, 41), TimeZone: "x", From: schedule.Date{1, 13, 1}, Timeout: -1, Misfire: "x", CatchUp: -1},
			[]string{"cycle.at", "cycle.days", "cycle.days", "timeZone", "from", "timeout", "misfire", "catchUp"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := tt.schedule.Validate()
			if diff := cmp.Diff(tt.want, fields(err)); diff != "" {
				t.Errorf("fields of %v (-want +got):\n%s", err, diff)
			}
			table, compileErr := tt.schedule.Compile()
			if (compileErr == nil) != (err == nil) || (table != nil) != (err == nil) {
				t.Errorf("Compile = %v, %v; Validate says %v", table, compileErr, err)
			}
			if at, ok := tt.schedule.Next(time.Unix(0, 0)); ok != (err == nil) {
				t.Errorf("Next = %s, %t; Validate says %v", at, ok, err)
			}
			// A draft keeps its mistakes.
			text, jsonErr := json.Marshal(tt.schedule)
			if jsonErr != nil {
				t.Fatal(jsonErr)
			}
			var back schedule.Schedule
			if err := json.Unmarshal(text, &back); err != nil || back != tt.schedule {
				t.Errorf("%s reads back as %+v, %v; want %+v", text, back, err, tt.schedule)
			}
		})
	}
}

func TestCyclesMadeOfTheSameTimesAreEqual(t *testing.T) {
	pairs := [][2]schedule.Cycle{
		{schedule.Monthly("08:00", 15, 1, schedule.LastDay, 1), schedule.Monthly("08:00", 1, schedule.LastDay, 15)},
		{schedule.Weekly("08:00", time.Sunday, time.Monday), schedule.Weekly("08:00", time.Monday, time.Sunday, time.Monday)},
		{schedule.HourlyAt([]int{1, 0, 1}, 10), schedule.HourlyAt([]int{0, 1}, 10)},
		{schedule.Monthly("x", 99), schedule.Monthly("x", 99)},
	}
	for _, p := range pairs {
		if p[0] != p[1] {
			t.Errorf("%v != %v", p[0], p[1])
		}
	}
	if schedule.Daily("08:00") == schedule.Daily("08:01") {
		t.Error("cycles of different times are equal")
	}
}

func TestSchedulesHaveAFormToWriteByHand(t *testing.T) {
	tests := []struct {
		name     string
		schedule schedule.Schedule
		json     string
		sentence string
	}{
		{"month", schedule.Schedule{Cycle: schedule.Monthly("08:00", schedule.LastDay, 1)},
			`{"cycle":{"every":"month","days":[1,"last"],"at":"08:00"}}`,
			"every month on the 1st and last day at 08:00 UTC"},
		{"days of a month", schedule.Schedule{Cycle: schedule.Monthly("23:59", 2, 3, 11, 12, 13, 21, 22, 31)},
			`{"cycle":{"every":"month","days":[2,3,11,12,13,21,22,31],"at":"23:59"}}`,
			"every month on the 2nd, 3rd, 11th, 12th, 13th, 21st, 22nd and 31st at 23:59 UTC"},
		{"week with bounds", schedule.Schedule{Cycle: schedule.Weekly("09:00", time.Monday), TimeZone: "Asia/Shanghai", From: schedule.Date{2024, 1, 1}, Until: schedule.Date{2024, 12, 31}},
			`{"cycle":{"every":"week","days":["monday"],"at":"09:00"},"timeZone":"Asia/Shanghai","from":"2024-01-01","until":"2024-12-31"}`,
			"every Monday at 09:00 Asia/Shanghai, from 2024-01-01 to 2024-12-31"},
		{"days of a week", schedule.Schedule{Cycle: schedule.Weekly("09:00", time.Sunday, time.Monday, time.Friday)},
			`{"cycle":{"every":"week","days":["monday","friday","sunday"],"at":"09:00"}}`,
			"every Monday, Friday and Sunday at 09:00 UTC"},
		{"day with everything", schedule.Schedule{Cycle: schedule.Daily("08:00"), Until: schedule.Date{2024, 12, 31}, Timeout: time.Hour, Misfire: schedule.Skip, CatchUp: 90 * time.Minute},
			`{"cycle":{"every":"day","at":"08:00"},"until":"2024-12-31","timeout":"1h","misfire":"skip","catchUp":"1h30m"}`,
			"every day at 08:00 UTC, until 2024-12-31, timeout 1h, misfire skip, catch up 1h30m"},
		{"day from a date", schedule.Schedule{Cycle: schedule.Daily("08:00"), From: schedule.Date{2024, 1, 1}, Misfire: schedule.All, Timeout: 90 * time.Second},
			`{"cycle":{"every":"day","at":"08:00"},"from":"2024-01-01","timeout":"1m30s","misfire":"all"}`,
			"every day at 08:00 UTC, from 2024-01-01, timeout 1m30s, misfire all"},
		{"hour", schedule.Schedule{Cycle: schedule.Hourly("00:00", "23:59", 1)},
			`{"cycle":{"every":"hour","from":"00:00","to":"23:59","step":1}}`,
			"every hour from 00:00 to 23:59 UTC"},
		{"hours", schedule.Schedule{Cycle: schedule.Hourly("00:30", "22:00", 6), TimeZone: "America/New_York"},
			`{"cycle":{"every":"hour","from":"00:30","to":"22:00","step":6},"timeZone":"America/New_York"}`,
			"every 6 hours from 00:30 to 22:00 America/New_York"},
		{"times", schedule.Schedule{Cycle: schedule.HourlyAt([]int{0, 1}, 10), From: schedule.Date{2024, 1, 1}},
			`{"cycle":{"every":"hour","hours":[0,1],"minute":10},"from":"2024-01-01"}`,
			"every day at 00:10 and 01:10 UTC, from 2024-01-01"},
		{"one of the times", schedule.Schedule{Cycle: schedule.HourlyAt([]int{0}, 10)},
			`{"cycle":{"every":"hour","hours":[0],"minute":10}}`,
			"every day at 00:10 only UTC"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := json.Marshal(tt.schedule)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.json, string(got)); diff != "" {
				t.Errorf("JSON (-want +got):\n%s", diff)
			}
			var back schedule.Schedule
			if err := json.Unmarshal([]byte(tt.json), &back); err != nil || back != tt.schedule {
				t.Errorf("reading the JSON: %+v, %v; want %+v", back, err, tt.schedule)
			}
			if diff := cmp.Diff(tt.sentence, tt.schedule.String()); diff != "" {
				t.Errorf("sentence (-want +got):\n%s", diff)
			}
			if back, err := schedule.Parse(tt.sentence); err != nil || back != tt.schedule {
				t.Errorf("Parse(%q) = %+v, %v; want %+v", tt.sentence, back, err, tt.schedule)
			}
			if back, err := schedule.Parse("  " + strings.ReplaceAll(strings.ToLower(tt.sentence), " ", "  ")); tt.schedule.TimeZone == "" && (err != nil || back.Cycle != tt.schedule.Cycle) {
				t.Errorf("the sentence in lower case: %+v, %v; want %+v", back, err, tt.schedule)
			}
		})
	}
}

func TestJSONAcceptsWhatMeansTheSame(t *testing.T) {
	var got schedule.Schedule
	err := json.Unmarshal([]byte(`{"cycle":{"every":"week","days":["Friday","MONDAY","friday"],"at":"09:00"},"misfire":"latest","catchUp":"24h0m0s"}`), &got)
	want := schedule.Schedule{Cycle: schedule.Weekly("09:00", time.Monday, time.Friday), CatchUp: 24 * time.Hour}
	if err != nil || got != want {
		t.Errorf("got %+v, %v; want %+v", got, err, want)
	}
	got = want
	if err := json.Unmarshal([]byte(`{"cycle":null}`), &got); err != nil || got != (schedule.Schedule{}) {
		t.Errorf("reading over a schedule leaves %+v, %v; want the zero value", got, err)
	}
}

func TestJSONOfTheWrongShapeIsRefused(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"an unknown key", `{"cycle":{"every":"day","at":"08:00"},"timezone_":"UTC"}`, "timezone_"},
		{"an unknown key of a cycle", `{"cycle":{"every":"day","at":"08:00","minutes":1}}`, "minutes"},
		{"an unknown cycle", `{"cycle":{"every":"year","at":"08:00"}}`, `"year"`},
		{"no kind of cycle", `{"cycle":{"at":"08:00"}}`, `"every"`},
		{"a missing key", `{"cycle":{"every":"month","at":"08:00"}}`, `"days" is missing`},
		{"a key of another cycle", `{"cycle":{"every":"day","at":"08:00","days":[1]}}`, `"days" does not belong here`},
		{"both forms of hours", `{"cycle":{"every":"hour","hours":[1],"minute":1,"step":1}}`, `"step" does not belong here`},
		{"a day that is no day", `{"cycle":{"every":"month","days":[1.5],"at":"08:00"}}`, "1.5"},
		{"a number for a time", `{"cycle":{"every":"day","at":8}}`, "cycle"},
		{"a number for a zone", `{"timeZone":8}`, "timeZone"},
		{"a bad duration", `{"timeout":"soon"}`, "timeout"},
		{"a number for a duration", `{"catchUp":3600}`, "catchUp"},
		{"a bad date", `{"from":"yesterday"}`, "from"},
		{"a date of zeros", `{"until":"0000-00-00"}`, "until"},
		{"a date without its zeros", `{"from":"2024-1-1"}`, "from"},
		{"a date with more zeros", `{"from":"00002024-01-01"}`, "from"},
		{"half a document", `{"cycle":`, ""},
		{"a list", `[]`, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var s schedule.Schedule
			err := json.Unmarshal([]byte(tt.text), &s)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Unmarshal(%s) = %v; want an error that says %q", tt.text, err, tt.want)
			}
		})
	}
}

func TestSentencesThatCannotBeReadSayWhere(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"nothing", "", `schedule: text: at the end: expected "every"`},
		{"no such day", "every Funday at 09:00", `schedule: text: at " Funday at 09:00": expected "month on the"`},
		{"no time", "every Monday", `schedule: text: at the end: expected "at" and a time of day`},
		{"an impossible time", "every Monday at 25:00 UTC", `schedule: cycle.at: "25:00" is not a time of day`},
		{"an ordinal that is none", "every month on the 1th at 09:00", `schedule: text: at " 1th at 09:00": expected a day`},
		{"day 32", "every month on the 32nd at 09:00", `schedule: cycle.days: 32 is not a day of the month`},
		{"an unknown zone", "every day at 09:00 Mars/Olympus", `schedule: timeZone: "Mars/Olympus" is not in this host's zone database`},
		{"a date that does not exist", "every day at 09:00 UTC, from 2023-02-29", `expected a date such as 2024-01-31`},
		{"times of two minutes", "every day at 09:00 and 10:01 UTC", `schedule: cycle.at: "10:01" has another minute`},
		{"text after the end", "every day at 09:00 UTC, please", `schedule: text: at ", please": expected the end`},
		{"an unknown policy", "every day at 09:00 UTC, misfire never", `schedule: misfire: "never" is no policy`},
		{"no policy", "every day at 09:00 UTC, misfire", `expected "latest", "skip" or "all"`},
		{"no duration", "every day at 09:00 UTC, timeout soon", `schedule: timeout: "soon" is not a duration`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := schedule.Parse(tt.text)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Parse(%q) = %v; want %q", tt.text, err, tt.want)
			}
		})
	}
}

func TestAnInvalidScheduleHasNoTextForm(t *testing.T) {
	s := schedule.Schedule{Cycle: schedule.Daily("25:00")}
	if text, err := s.MarshalText(); err == nil {
		t.Errorf("MarshalText = %q; want the error of Validate", text)
	}
	const want = `invalid schedule: cycle.at: "25:00" is not a time of day; write hours and minutes, 00:00 to 23:59`
	if diff := cmp.Diff(want, s.String()); diff != "" {
		t.Errorf("String (-want +got):\n%s", diff)
	}
}

func TestFromAndUntilAreInclusiveLocalDates(t *testing.T) {
	const full = "2006-01-02 15:04 -0700"
	tests := []struct {
		name        string
		schedule    schedule.Schedule
		after, upTo string
		want        []string
	}{
		{"the last day runs and the day after does not",
			schedule.Schedule{Cycle: schedule.Daily("08:00"), TimeZone: "Asia/Shanghai", From: schedule.Date{2024, 1, 1}, Until: schedule.Date{2024, 12, 31}},
			"2024-12-30 08:00:00", "2025-02-01 00:00:00", []string{"2024-12-31 08:00 +0800"}},
		{"the first day runs and the day before does not",
			schedule.Schedule{Cycle: schedule.Daily("00:00"), TimeZone: "Asia/Shanghai", From: schedule.Date{2024, 1, 1}},
			"1999-01-01 00:00:00", "2024-01-01 23:59:59", []string{"2024-01-01 00:00 +0800"}},
		{"a run that the gap moved past Until is judged by its rule date",
			schedule.Schedule{Cycle: schedule.Daily("08:00"), TimeZone: "Pacific/Apia", From: schedule.Date{2011, 12, 29}, Until: schedule.Date{2011, 12, 30}},
			"2011-12-01 00:00:00", "2012-02-01 00:00:00", []string{"2011-12-29 08:00 -1000", "2011-12-31 08:00 +1400"}},
		{"a run that the gap moved to From is judged by its rule date",
			schedule.Schedule{Cycle: schedule.Monthly("08:00", 30), TimeZone: "Pacific/Apia", From: schedule.Date{2011, 12, 31}},
			"2011-12-01 00:00:00", "2012-02-01 00:00:00", []string{"2012-01-30 08:00 +1400"}},
		{"the run at the second of two times belongs to the last day",
			schedule.Schedule{Cycle: schedule.Daily("23:30"), TimeZone: "America/Havana", From: schedule.Date{2024, 11, 2}, Until: schedule.Date{2024, 11, 3}},
			"2024-11-01 00:00:00", "2024-12-01 00:00:00", []string{"2024-11-02 23:30 -0400", "2024-11-03 23:30 -0500"}},
		{"Monrovia's gap of 44 minutes and 30 seconds moves by it",
			schedule.Schedule{Cycle: schedule.Daily("00:10"), TimeZone: "Africa/Monrovia", From: schedule.Date{1972, 1, 7}, Until: schedule.Date{1972, 1, 7}},
			"1972-01-01 00:00:00", "1972-02-01 00:00:00", []string{"1972-01-07 00:54 +0000"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, runs(t, tt.schedule, tt.after, tt.upTo, full)); diff != "" {
				t.Errorf("runs (-want +got):\n%s", diff)
			}
		})
	}
}

func TestNextEndsWithTheCalendar(t *testing.T) {
	table, err := schedule.Schedule{Cycle: schedule.Daily("08:00"), TimeZone: "America/New_York"}.Compile()
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name  string
		after time.Time
		want  string
	}{
		{"before the first year", time.Date(-5000, 1, 1, 0, 0, 0, 0, time.UTC), "0001-01-01 08:00:00"},
		{"the zero time", time.Time{}, "0001-01-01 08:00:00"},
		{"before the last run", time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC), "9999-12-31 08:00:00"},
		{"after the last run", time.Date(9999, 12, 31, 23, 0, 0, 0, time.UTC), ""},
		{"long after", time.Date(200000, 1, 1, 0, 0, 0, 0, time.UTC), ""},
		{"the latest time there is", time.Unix(1<<63-62135596801, 999999999), ""},
		{"the earliest time there is", time.Unix(-1<<63, 0), "0001-01-01 08:00:00"},
		{"a fraction of a second before", time.Date(2024, 1, 1, 12, 59, 59, 999999999, time.UTC), "2024-01-01 08:00:00"},
		{"a fraction of a second after", time.Date(2024, 1, 1, 13, 0, 0, 1, time.UTC), "2024-01-02 08:00:00"},
		{"before the table of offsets", time.Date(1960, 7, 1, 0, 0, 0, 0, time.UTC), "1960-07-01 08:00:00"},
		{"after the table of offsets", time.Date(2150, 7, 1, 0, 0, 0, 0, time.UTC), "2150-07-01 08:00:00"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := ""
			if at, ok := table.Next(tt.after); ok {
				got = at.Format(time.DateTime)
			}
			if got != tt.want {
				t.Errorf("Next = %q; want %q", got, tt.want)
			}
		})
	}
}

func TestDeadlineCountsFromTheScheduledTime(t *testing.T) {
	at := func(clock string) time.Time { return local(t, "2024-01-01 "+clock, "") }
	tests := []struct {
		name               string
		timeout            time.Duration
		scheduled, started string
		ownStart           bool
		want               time.Time
	}{
		{"W1", time.Hour, "08:00:00", "08:00:00", false, at("09:00:00")},
		{"W2: waiting is included", time.Hour, "08:00:00", "08:20:00", false, at("09:00:00")},
		{"W3: the default is 72 hours", 0, "08:00:00", "08:00:00", false, local(t, "2024-01-04 08:00:00", "")},
		{"a run that was caught up counts from its own start", time.Hour, "08:00:00", "13:00:00", true, at("14:00:00")},
	}
	for _, tt := range tests {
		s := schedule.Schedule{Cycle: schedule.Daily("08:00"), Timeout: tt.timeout}
		if got := s.Deadline(at(tt.scheduled), at(tt.started), tt.ownStart); !got.Equal(tt.want) {
			t.Errorf("%s: Deadline = %s; want %s", tt.name, got, tt.want)
		}
	}
}

func TestTimetablesAllocateNothing(t *testing.T) {
	for _, zone := range []string{"", "Asia/Shanghai", "America/New_York"} {
		table, err := schedule.Schedule{Cycle: schedule.Hourly("00:00", "23:59", 1), TimeZone: zone}.Compile()
		if err != nil {
			t.Fatal(err)
		}
		for _, start := range []string{"1930-01-01 00:00:00", "2024-01-01 00:00:00", "2200-01-01 00:00:00"} {
			at := local(t, start, table.Location().String())
			if n := testing.AllocsPerRun(10_000, func() { at, _ = table.Next(at) }); n != 0 {
				t.Errorf("%s from %s: Next allocates %v times", zone, start, n)
			}
		}
	}
}

func TestDatesAgreeWithTheTimePackage(t *testing.T) {
	d := schedule.Date{Year: 1, Month: time.January, Day: 1}
	// 400 years are a whole turn of the calendar.
	for want := time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC); want.Year() <= 9999; {
		if year, month, day := want.Date(); d != (schedule.Date{year, month, day}) || d.Weekday() != want.Weekday() || !d.Valid() {
			t.Fatalf("got %s, %s; want %s", d, d.Weekday(), want)
		}
		step := 97
		if y := want.Year(); y > 1800 && y < 2201 {
			step = 1
		}
		d = d.AddDays(step)
		want = want.AddDate(0, 0, step)
	}
	if d.Valid() {
		t.Errorf("%s is valid", d)
	}
	if got := (schedule.Date{2024, 3, 1}).AddDays(-1); got != (schedule.Date{2024, 2, 29}) {
		t.Errorf("the day before 2024-03-01 is %s", got)
	}
}

func TestDatesAreOrderedAndRead(t *testing.T) {
	order := []schedule.Date{{}, {2023, 12, 31}, {2024, 1, 1}, {2024, 1, 2}, {2024, 2, 1}}
	for i, a := range order {
		for j, b := range order {
			want := 0
			if i < j {
				want = -1
			} else if i > j {
				want = 1
			}
			if got := a.Compare(b); got != want {
				t.Errorf("%q.Compare(%q) = %d; want %d", a, b, got, want)
			}
		}
	}
	for _, bad := range []string{"", "2024", "2024-02-30", "2024-13-01", "0000-01-01", "10000-01-01", "-001-01-01", "2024-01-01 ", "2024-+1-01"} {
		if d, err := schedule.ParseDate(bad); err == nil {
			t.Errorf("ParseDate(%q) = %s; want an error", bad, d)
		}
	}
	if d, err := schedule.ParseDate("2024-02-29"); err != nil || d != (schedule.Date{2024, 2, 29}) {
		t.Errorf("ParseDate = %s, %v", d, err)
	}
}

func TestBusinessDateIsTheDayBefore(t *testing.T) {
	tests := []struct{ at, zone, want string }{
		{"2024-01-01 08:00:00", "", "2023-12-31"},
		{"2024-03-01 00:00:00", "", "2024-02-29"},
		{"2025-03-10 00:10:00", "America/Los_Angeles", "2025-03-09"},
		// Local time has no 30 December here.
		{"2011-12-31 08:00:00", "Pacific/Apia", "2011-12-30"},
	}
	for _, tt := range tests {
		if got := schedule.BizDate(local(t, tt.at, tt.zone)).String(); got != tt.want {
			t.Errorf("BizDate(%s %s) = %s; want %s", tt.at, tt.zone, got, tt.want)
		}
	}
}
