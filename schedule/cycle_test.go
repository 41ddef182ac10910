package schedule_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/datapush-go/datapush/schedule"
)

// runs lists the local times of the runs of s after one local time and up to
// another, both exclusive where strictness says so.
func runs(t testing.TB, s schedule.Schedule, after, upTo, layout string) []string {
	t.Helper()
	table, err := s.Compile()
	if err != nil {
		t.Fatal(err)
	}
	zone := table.Location().String()
	end := local(t, upTo, zone)
	var got []string
	for at := local(t, after, zone); ; {
		next, ok := table.Next(at)
		if slow, slowOK := s.Next(at); slow != next || slowOK != ok {
			t.Errorf("Schedule.Next(%s) = %s, %t; its Timetable says %s, %t", at, slow, slowOK, next, ok)
		}
		if !ok || next.After(end) {
			return got
		}
		if !next.After(at) {
			t.Fatalf("Next(%s) = %s, which is not after it", at, next)
		}
		got = append(got, next.Format(layout))
		at = next
	}
}

func TestCyclesRunAtTheSpecifiedTimes(t *testing.T) {
	const (
		full  = "2006-01-02 15:04"
		clock = "15:04"
		day   = "01-02"
	)
	last := schedule.LastDay
	tests := []struct {
		name        string
		cycle       schedule.Cycle
		zone        string
		after, upTo string
		layout      string
		want        []string
	}{
		{"C1: the first of the month, a minute before", schedule.Monthly("08:00", 1), "", "2024-01-01 07:59:00", "2024-01-01 23:59:59", full, []string{"2024-01-01 08:00"}},
		{"C2: the first of the month, strictly after", schedule.Monthly("08:00", 1), "", "2024-01-01 08:00:00", "2024-02-28 00:00:00", full, []string{"2024-02-01 08:00"}},
		{"C3: the 31st runs in seven months", schedule.Monthly("00:00", 31), "", "2023-12-31 00:00:00", "2024-12-31 23:59:59", day, []string{"01-31", "03-31", "05-31", "07-31", "08-31", "10-31", "12-31"}},
		{"C4: the 30th skips February", schedule.Monthly("00:00", 30), "", "2025-01-01 00:00:00", "2025-12-31 23:59:59", day, []string{"01-30", "03-30", "04-30", "05-30", "06-30", "07-30", "08-30", "09-30", "10-30", "11-30", "12-30"}},
		{"C5: the 29th runs in a leap February", schedule.Monthly("00:00", 29), "", "2024-01-30 00:00:00", "2024-03-28 00:00:00", day, []string{"02-29"}},
		{"C5: the 29th skips a short February", schedule.Monthly("00:00", 29), "", "2025-01-30 00:00:00", "2025-03-30 00:00:00", day, []string{"03-29"}},
		{"C6: the last day", schedule.Monthly("23:00", last), "", "2024-01-31 23:00:00", "2024-05-01 00:00:00", full, []string{"2024-02-29 23:00", "2024-03-31 23:00", "2024-04-30 23:00"}},
		{"C7: the last day of a short February", schedule.Monthly("00:00", last), "", "2025-02-01 00:00:00", "2025-03-01 00:00:00", full, []string{"2025-02-28 00:00"}},
		{"C8: the 31st that is the last day runs once", schedule.Monthly("00:00", 15, 31, last), "", "2024-03-15 00:00:00", "2024-05-01 00:00:00", day, []string{"03-31", "04-15", "04-30"}},
		{"C9: Monday, strictly after", schedule.Weekly("09:00", time.Monday), "", "2024-01-01 09:00:00", "2024-01-14 00:00:00", full, []string{"2024-01-08 09:00"}},
		{"C10: Monday and Friday", schedule.Weekly("00:00", time.Monday, time.Friday), "", "2024-01-01 00:00:00", "2024-01-08 00:00:00", day, []string{"01-05", "01-08"}},
		{"C11: every day over a leap day", schedule.Daily("08:00"), "", "2024-02-28 08:00:00", "2024-03-01 00:00:00", full, []string{"2024-02-29 08:00"}},
		{"C13: an interval is closed at both ends", schedule.Hourly("00:00", "03:00", 1), "", "2023-12-31 23:59:59", "2024-01-01 23:59:59", clock, []string{"00:00", "01:00", "02:00", "03:00"}},
		{"C14: every six hours", schedule.Hourly("00:00", "23:59", 6), "", "2023-12-31 23:59:59", "2024-01-01 23:59:59", clock, []string{"00:00", "06:00", "12:00", "18:00"}},
		{"C15: every five hours from half past", schedule.Hourly("00:30", "23:59", 5), "", "2023-12-31 23:59:59", "2024-01-01 23:59:59", clock, []string{"00:30", "05:30", "10:30", "15:30", "20:30"}},
		{"C16: an interval starts anew each day", schedule.Hourly("00:00", "23:59", 7), "", "2023-12-31 23:59:59", "2024-01-02 01:00:00", clock, []string{"00:00", "07:00", "14:00", "21:00", "00:00"}},
		{"C17: start and end may be one", schedule.Hourly("08:00", "08:00", 1), "", "2023-12-31 23:59:59", "2024-01-01 23:59:59", clock, []string{"08:00"}},
		{"C19: hours at a minute", schedule.HourlyAt([]int{0, 1}, 10), "", "2023-12-31 23:59:59", "2024-01-01 23:59:59", clock, []string{"00:10", "01:10"}},
		{"C20: hours in any order, repeated", schedule.HourlyAt([]int{1, 0, 1}, 10), "", "2023-12-31 23:59:59", "2024-01-01 23:59:59", clock, []string{"00:10", "01:10"}},
		{"C23: a time inside the gap moves forward by it", schedule.Daily("02:30"), "America/Los_Angeles", "2025-03-08 02:30:00", "2025-03-10 23:59:59", full, []string{"2025-03-09 03:30", "2025-03-10 02:30"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.zone == "" {
				tt.zone = "Asia/Shanghai"
			}
			got := runs(t, schedule.Schedule{Cycle: tt.cycle, TimeZone: tt.zone}, tt.after, tt.upTo, tt.layout)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("runs (-want +got):\n%s", diff)
			}
		})
	}
}

func TestHourlyCyclesCountTheRunsOfADay(t *testing.T) {
	every := schedule.Hourly("00:00", "23:59", 1)
	tests := []struct {
		name, zone, after, upTo string
		want                    []string
	}{
		{"C12: 24 on a plain day", "Asia/Shanghai", "2023-12-31 23:59:59", "2024-01-01 23:59:59",
			[]string{"00+0800", "01+0800", "02+0800", "03+0800", "04+0800", "05+0800", "06+0800", "07+0800", "08+0800", "09+0800", "10+0800", "11+0800", "12+0800", "13+0800", "14+0800", "15+0800", "16+0800", "17+0800", "18+0800", "19+0800", "20+0800", "21+0800", "22+0800", "23+0800"}},
		{"C21: 23 in spring, none at two", "America/Los_Angeles", "2025-03-08 23:59:59", "2025-03-09 23:59:59",
			[]string{"00-0800", "01-0800", "03-0700", "04-0700", "05-0700", "06-0700", "07-0700", "08-0700", "09-0700", "10-0700", "11-0700", "12-0700", "13-0700", "14-0700", "15-0700", "16-0700", "17-0700", "18-0700", "19-0700", "20-0700", "21-0700", "22-0700", "23-0700"}},
		{"C22: 24 in autumn, the second two o'clock only", "Europe/Berlin", "2025-10-25 23:59:59", "2025-10-26 23:59:59",
			[]string{"00+0200", "01+0200", "02+0100", "03+0100", "04+0100", "05+0100", "06+0100", "07+0100", "08+0100", "09+0100", "10+0100", "11+0100", "12+0100", "13+0100", "14+0100", "15+0100", "16+0100", "17+0100", "18+0100", "19+0100", "20+0100", "21+0100", "22+0100", "23+0100"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := runs(t, schedule.Schedule{Cycle: every, TimeZone: tt.zone}, tt.after, tt.upTo, "15-0700")
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("runs (-want +got):\n%s", diff)
			}
		})
	}
}
