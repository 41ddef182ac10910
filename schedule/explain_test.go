package schedule_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/datapush-go/datapush/schedule"
)

// told is an Explanation in a form that a table can show.
type told struct {
	Named  string
	At     string
	Biz    string
	Effect schedule.Effect
	Reason string
}

func TestExplainSaysWhatBecameOfEachNamedTime(t *testing.T) {
	tests := []struct {
		name     string
		schedule schedule.Schedule
		from, to schedule.Date
		want     []told
	}{
		{"the 31st of April does not exist",
			schedule.Schedule{Cycle: schedule.Monthly("08:00", 31), TimeZone: "Asia/Shanghai"},
			schedule.Date{2024, 4, 31}, schedule.Date{2024, 5, 31},
			[]told{
				{Named: "2024-04-31 08:00", Effect: schedule.Dropped, Reason: "April 2024 has 30 days"},
				{Named: "2024-05-31 08:00", At: "2024-05-31 08:00 CST", Biz: "2024-05-30"},
			}},
		{"days outside of the bounds are dropped",
			schedule.Schedule{Cycle: schedule.Daily("08:00"), TimeZone: "Asia/Shanghai", From: schedule.Date{2024, 1, 2}, Until: schedule.Date{2024, 1, 2}},
			schedule.Date{2024, 1, 1}, schedule.Date{2024, 1, 3},
			[]told{
				{Named: "2024-01-01 08:00", Effect: schedule.Dropped, Reason: "2024-01-01 is before the first date of the schedule, 2024-01-02"},
				{Named: "2024-01-02 08:00", At: "2024-01-02 08:00 CST", Biz: "2024-01-01"},
				{Named: "2024-01-03 08:00", Effect: schedule.Dropped, Reason: "2024-01-03 is after the last date of the schedule, 2024-01-02"},
			}},
		{"a time in the gap is moved by it",
			schedule.Schedule{Cycle: schedule.Daily("02:30"), TimeZone: "America/Los_Angeles"},
			schedule.Date{2025, 3, 9}, schedule.Date{2025, 3, 9},
			[]told{{Named: "2025-03-09 02:30", At: "2025-03-09 03:30 PDT", Biz: "2025-03-08", Effect: schedule.Moved,
				Reason: "02:30 does not exist on 2025-03-09 in America/Los_Angeles, where clocks go forward from 02:00 to 03:00; it runs at 03:30"}}},
		{"a time moved onto another is one with it",
			schedule.Schedule{Cycle: schedule.HourlyAt([]int{2, 3}, 0), TimeZone: "America/Los_Angeles"},
			schedule.Date{2025, 3, 9}, schedule.Date{2025, 3, 9},
			[]told{
				{Named: "2025-03-09 02:00", At: "2025-03-09 03:00 PDT", Biz: "2025-03-08", Effect: schedule.Merged,
					Reason: "02:00 does not exist on 2025-03-09 in America/Los_Angeles, where clocks go forward from 02:00 to 03:00; it is one with the run at 03:00"},
				{Named: "2025-03-09 03:00", At: "2025-03-09 03:00 PDT", Biz: "2025-03-08"},
			}},
		{"a time that comes twice runs the second time",
			schedule.Schedule{Cycle: schedule.Daily("02:00"), TimeZone: "Europe/Berlin"},
			schedule.Date{2025, 10, 26}, schedule.Date{2025, 10, 26},
			[]told{{Named: "2025-10-26 02:00", At: "2025-10-26 02:00 CET", Biz: "2025-10-25", Effect: schedule.Second,
				Reason: "02:00 comes twice on 2025-10-26 in Europe/Berlin, where clocks go back from 03:00 to 02:00; it runs the second time"}}},
		{"a skipped day moves to the next, and so does the business date",
			schedule.Schedule{Cycle: schedule.Monthly("08:00", 30), TimeZone: "Pacific/Apia"},
			schedule.Date{2011, 12, 30}, schedule.Date{2011, 12, 31},
			[]told{{Named: "2011-12-30 08:00", At: "2011-12-31 08:00 +14", Biz: "2011-12-30", Effect: schedule.Moved,
				Reason: "08:00 does not exist on 2011-12-30 in Pacific/Apia, where clocks go forward from 00:00 to 2011-12-31 00:00; it runs at 2011-12-31 08:00"}}},
		{"seconds are shown where clocks have them",
			schedule.Schedule{Cycle: schedule.Daily("00:10"), TimeZone: "Africa/Monrovia"},
			schedule.Date{1972, 1, 7}, schedule.Date{1972, 1, 7},
			[]told{{Named: "1972-01-07 00:10", At: "1972-01-07 00:54 GMT", Biz: "1972-01-06", Effect: schedule.Moved,
				Reason: "00:10 does not exist on 1972-01-07 in Africa/Monrovia, where clocks go forward from 00:00 to 00:44:30; it runs at 00:54:30"}}},
		{"days that the cycle does not name are not told",
			schedule.Schedule{Cycle: schedule.Weekly("09:00", time.Monday)},
			schedule.Date{2024, 1, 2}, schedule.Date{2024, 1, 7}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			list, err := tt.schedule.Explain(tt.from, tt.to)
			if err != nil {
				t.Fatal(err)
			}
			var got []told
			for e := range list {
				one := told{Named: e.Date.String() + " " + e.Time, Biz: e.BizDate.String(), Effect: e.Effect, Reason: e.Reason}
				if !e.At.IsZero() {
					one.At = e.At.Format("2006-01-02 15:04 MST")
				}
				got = append(got, one)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("explanations (-want +got):\n%s", diff)
			}
		})
	}
}

func TestExplainNamesTheRunsOfNext(t *testing.T) {
	for _, s := range []schedule.Schedule{
		{Cycle: schedule.Hourly("00:00", "23:59", 1), TimeZone: "America/New_York", From: schedule.Date{2024, 2, 1}, Until: schedule.Date{2024, 11, 20}},
		{Cycle: schedule.HourlyAt([]int{0, 2, 3}, 15), TimeZone: "Australia/Lord_Howe"},
		{Cycle: schedule.Monthly("02:15", 10, 31, schedule.LastDay), TimeZone: "Europe/Berlin"},
		{Cycle: schedule.Weekly("02:30", time.Sunday), TimeZone: "Europe/Berlin"},
	} {
		list, err := s.Explain(schedule.Date{2024, 1, 1}, schedule.Date{2024, 12, 31})
		if err != nil {
			t.Fatal(err)
		}
		var want []int64
		for e := range list {
			if e.Effect != schedule.Merged && e.Effect != schedule.Dropped {
				want = append(want, e.At.Unix())
			}
		}
		slices.Sort(want)
		table, err := s.Compile()
		if err != nil {
			t.Fatal(err)
		}
		var got []int64
		end := time.Date(2025, 1, 1, 0, 0, 0, 0, table.Location())
		for at := time.Date(2023, 12, 31, 23, 59, 59, 0, table.Location()); ; {
			next, ok := table.Next(at)
			if !ok || !next.Before(end) {
				break
			}
			got = append(got, next.Unix())
			at = next
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: runs of Explain and Next (-want +got):\n%s", s, diff)
		}
	}
}

func TestExplainRefusesWhatItCannotTell(t *testing.T) {
	day := schedule.Schedule{Cycle: schedule.Daily("08:00")}
	tests := []struct {
		name     string
		schedule schedule.Schedule
		from, to schedule.Date
	}{
		{"an invalid schedule", schedule.Schedule{}, schedule.Date{2024, 1, 1}, schedule.Date{2024, 1, 1}},
		{"no first date", day, schedule.Date{}, schedule.Date{2024, 1, 1}},
		{"no last date", day, schedule.Date{2024, 1, 1}, schedule.Date{}},
		{"a 32nd", day, schedule.Date{2024, 1, 1}, schedule.Date{2024, 1, 32}},
		{"an end before the start", day, schedule.Date{2024, 1, 2}, schedule.Date{2024, 1, 1}},
	}
	for _, tt := range tests {
		if _, err := tt.schedule.Explain(tt.from, tt.to); err == nil {
			t.Errorf("%s: no error", tt.name)
		}
	}
}

func TestPreviewShowsTheNextRunsWithTheirParameters(t *testing.T) {
	s := schedule.Schedule{Cycle: schedule.Daily("08:00"), TimeZone: "Asia/Shanghai", Until: schedule.Date{2024, 1, 4}}
	list, err := s.Preview(local(t, "2024-01-02 08:00:00", ""), 5, map[string]string{"date": "${yyyymmdd}", "creator": "admin"})
	if err != nil {
		t.Fatal(err)
	}
	want := []schedule.Upcoming{
		{At: local(t, "2024-01-03 08:00:00", ""), BizDate: schedule.Date{2024, 1, 2}, Params: map[string]string{"date": "20240102", "creator": "admin"}},
		{At: local(t, "2024-01-04 08:00:00", ""), BizDate: schedule.Date{2024, 1, 3}, Params: map[string]string{"date": "20240103", "creator": "admin"}},
	}
	if diff := cmp.Diff(want, list); diff != "" {
		t.Errorf("Preview (-want +got):\n%s", diff)
	}
}

func TestPreviewReportsEveryMistake(t *testing.T) {
	s := schedule.Schedule{Cycle: schedule.Daily("25:00")}
	_, err := s.Preview(time.Time{}, 1, map[string]string{"a": "${foo}", "b": "x y"})
	var cycle *schedule.Error
	var expr *schedule.ExprError
	if !errors.As(err, &cycle) || !errors.As(err, &expr) {
		t.Errorf("Preview = %v; want the mistakes of the schedule and of the parameters", err)
	}
}

func TestLintFindsTraps(t *testing.T) {
	daily := schedule.Schedule{Cycle: schedule.Daily("08:00"), TimeZone: "Asia/Shanghai"}
	hourly := schedule.Schedule{Cycle: schedule.Hourly("00:00", "23:59", 1), TimeZone: "Asia/Shanghai"}
	tests := []struct {
		name     string
		schedule schedule.Schedule // the zero Schedule: Lint of the package
		params   map[string]string
		want     []string // names of the parameters found
	}{
		{"J1 is sound", schedule.Schedule{}, map[string]string{"datetime1": "$[yyyy-mm-dd]", "datetime2": "$[hh24:mi:ss]"}, nil},
		{"J3 has an hour offset beside a date without one", schedule.Schedule{}, map[string]string{"datetime1": "$[yyyy-mm-dd]", "datetime2": "$[hh24:mi:ss-1/24]"}, []string{"datetime2"}},
		{"J2 has a minute offset beside a date without one", schedule.Schedule{}, map[string]string{"datetime1": "$[yyyy-mm-dd]", "datetime2": "$[hh24:mi:ss-1/24/60]"}, []string{"datetime2"}},
		{"the same offset on the date is sound", schedule.Schedule{}, map[string]string{"datetime1": "$[yyyy-mm-dd-1/24]", "datetime2": "$[hh24:mi:ss-1/24]", "today": "$[yyyymmdd]"}, nil},
		{"J4 has a whole day on the date", schedule.Schedule{}, map[string]string{"datetime1": "$[yyyymmdd-1]", "datetime2": "$[hh24:mi:ss]"}, nil},
		{"J7 keeps date and hour together", schedule.Schedule{}, map[string]string{"begin": "$[yyyymmddhh24-1/24]", "end": "$[yyyymmddhh24]"}, nil},
		{"a date and an hour in one value", schedule.Schedule{}, map[string]string{"stamp": "$[yyyymmdd]$[hh24-1/24]"}, []string{"stamp"}},
		{"an offset with a leading zero", schedule.Schedule{}, map[string]string{"january": "${yyyy-01}", "ok": "${yyyy}-01", "zero": "${yyyymmdd-0}"}, []string{"january"}},
		{"a leading zero in $[…]", schedule.Schedule{}, map[string]string{"a": "$[yyyymmdd-01]"}, []string{"a"}},
		{"a constant that looks like an expression", schedule.Schedule{}, map[string]string{"a": "$bizdatex", "b": "yyyymmdd", "c": "$(yyyymmdd)", "d": "{yyyymmdd}", "e": "admin", "f": "$5", "g": "20240101"}, []string{"a", "b", "c", "d"}},
		{"a day with an offset beside its month without one", schedule.Schedule{}, map[string]string{"ym": "$[yyyymm]", "d": "$[dd-1/24]"}, []string{"d"}},
		{"a day and its month with the same offset", schedule.Schedule{}, map[string]string{"ym": "$[yyyymm-1/24]", "d": "$[dd-1/24]", "y": "${yyyy}"}, nil},
		{"a year with no offset beside a day with one", schedule.Schedule{}, map[string]string{"y": "$[yy]", "d": "$[mmdd-1/24]"}, []string{"d"}},
		{"the scheduled date, written as a business date", schedule.Schedule{}, map[string]string{"d": "${yyyymmdd+1}", "t": "$[hh24-1/24]"}, []string{"t"}},
		{"the business date", schedule.Schedule{}, map[string]string{"d": "${yyyymmdd}", "t": "$[hh24-1/24]"}, nil},
		{"spaces, which a host may allow", schedule.Schedule{}, map[string]string{"d": "$[yyyy mm dd]", "t": "$[hh24 mi-1/24]"}, []string{"t"}},
		{"an expression that would take seconds to try out", hourly, map[string]string{"a": strings.Repeat("$[mi]", 6500)}, nil},
		{"seconds, which are always 0", schedule.Schedule{}, map[string]string{"s": "$[ss]", "m": "$[mi]"}, []string{"s"}},
		{"the hour of a daily run", daily, map[string]string{"hour": "$[hh24]", "date": "$[yyyymmdd]", "year": "${yyyy}"}, []string{"hour"}},
		{"the hour of an hourly run changes and its minute does not", hourly, map[string]string{"hour": "$[hh24]", "minute": "$[mi]"}, []string{"minute"}},
		{"the day of a monthly run", schedule.Schedule{Cycle: schedule.Monthly("08:00", 1)}, map[string]string{"day": "$[dd]", "biz": "${dd}"}, []string{"day"}},
		{"values that cannot be parsed are left out", daily, map[string]string{"a": "${foo}", "b": "x y"}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			findings := schedule.Lint(tt.params)
			if !tt.schedule.Cycle.IsZero() {
				findings = tt.schedule.Lint(tt.params)
			}
			var got []string
			for _, f := range findings {
				got = append(got, f.Param)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("findings %v (-want +got):\n%s", findings, diff)
			}
		})
	}
}

func TestAFindingSaysWhatToDo(t *testing.T) {
	got := schedule.Lint(map[string]string{"day": "$[yyyymmdd]", "hour": "$[hh24-1/24]"})
	want := []schedule.Finding{{Param: "hour", Text: `"$[hh24-1/24]" has an offset of hours or minutes, and the date in day has none: around midnight the two are of different days; give the date the same offset, as in $[yyyymmdd-1/24]`}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Lint (-want +got):\n%s", diff)
	}
}
