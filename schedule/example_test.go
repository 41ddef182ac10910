package schedule_test

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/datapush-go/datapush/schedule"
)

func ExampleSchedule_Next() {
	s := schedule.Schedule{
		Cycle:    schedule.Monthly("08:00", schedule.LastDay),
		TimeZone: "Asia/Shanghai",
		Until:    schedule.Date{Year: 2024, Month: time.March, Day: 31},
	}
	at := time.Date(2024, time.January, 1, 0, 0, 0, 0, time.UTC)
	for {
		next, ok := s.Next(at)
		if !ok {
			break
		}
		fmt.Println(next)
		at = next
	}
	// Output:
	// 2024-01-31 08:00:00 +0800 CST
	// 2024-02-29 08:00:00 +0800 CST
	// 2024-03-31 08:00:00 +0800 CST
}

func ExampleSchedule_Compile() {
	table, err := schedule.Schedule{
		Cycle:    schedule.HourlyAt([]int{0, 1}, 10),
		TimeZone: "Asia/Shanghai",
	}.Compile()
	if err != nil {
		fmt.Println(err)
		return
	}
	at := time.Date(2024, time.January, 1, 0, 10, 0, 0, table.Location())
	for range 3 {
		at, _ = table.Next(at)
		fmt.Println(at.Format(time.DateTime))
	}
	// Output:
	// 2024-01-01 01:10:00
	// 2024-01-02 00:10:00
	// 2024-01-02 01:10:00
}

func ExampleSchedule_Validate() {
	err := schedule.Schedule{
		Cycle:    schedule.Monthly("24:00", 32),
		TimeZone: "Asia/Peking",
	}.Validate()
	fmt.Println(err)
	// Output:
	// schedule: cycle.at: "24:00" is not a time of day; write hours and minutes, 00:00 to 23:59
	// schedule: cycle.days: 32 is not a day of the month; use 1 to 31 or the last day
	// schedule: timeZone: "Asia/Peking" is not in this host's zone database; use an IANA name such as Asia/Shanghai, and import time/tzdata where the host has no database
}

func ExampleSchedule_String() {
	fmt.Println(schedule.Schedule{
		Cycle:    schedule.Weekly("09:00", time.Monday),
		TimeZone: "Asia/Shanghai",
		From:     schedule.Date{Year: 2024, Month: time.January, Day: 1},
		Until:    schedule.Date{Year: 2024, Month: time.December, Day: 31},
	})
	fmt.Println(schedule.Schedule{Cycle: schedule.Hourly("00:00", "23:59", 6), Timeout: time.Hour})
	// Output:
	// every Monday at 09:00 Asia/Shanghai, from 2024-01-01 to 2024-12-31
	// every 6 hours from 00:00 to 23:59 UTC, timeout 1h
}

func ExampleSchedule_MarshalJSON() {
	text, err := json.Marshal(schedule.Schedule{
		Cycle:    schedule.Monthly("08:00", 1, schedule.LastDay),
		TimeZone: "Asia/Shanghai",
		Timeout:  time.Hour,
		Misfire:  schedule.All,
	})
	fmt.Println(string(text), err)
	// Output:
	// {"cycle":{"every":"month","days":[1,"last"],"at":"08:00"},"timeZone":"Asia/Shanghai","timeout":"1h","misfire":"all"} <nil>
}

func ExampleParse() {
	s, err := schedule.Parse("every Monday and Friday at 09:00 Asia/Shanghai, timeout 1h")
	if err != nil {
		fmt.Println(err)
		return
	}
	next, _ := s.Next(time.Date(2024, time.January, 1, 12, 0, 0, 0, time.UTC))
	fmt.Println(next, s.Timeout)
	// Output:
	// 2024-01-05 09:00:00 +0800 CST 1h0m0s
}

func ExampleSchedule_Explain() {
	s := schedule.Schedule{Cycle: schedule.Monthly("02:30", 31, 30), TimeZone: "Europe/Berlin"}
	list, err := s.Explain(schedule.Date{Year: 2025, Month: time.March, Day: 30}, schedule.Date{Year: 2025, Month: time.April, Day: 31})
	if err != nil {
		fmt.Println(err)
		return
	}
	for e := range list {
		fmt.Println(e.Date, e.Time)
		if e.Effect != schedule.Dropped {
			fmt.Println("  runs at", e.At.Format(time.DateTime), "for", e.BizDate)
		}
		if e.Reason != "" {
			fmt.Println("  " + e.Reason)
		}
	}
	// Output:
	// 2025-03-30 02:30
	//   runs at 2025-03-30 03:30:00 for 2025-03-29
	//   02:30 does not exist on 2025-03-30 in Europe/Berlin, where clocks go forward from 02:00 to 03:00; it runs at 03:30
	// 2025-03-31 02:30
	//   runs at 2025-03-31 02:30:00 for 2025-03-30
	// 2025-04-30 02:30
	//   runs at 2025-04-30 02:30:00 for 2025-04-29
	// 2025-04-31 02:30
	//   April 2025 has 30 days
}

func ExampleSchedule_Preview() {
	s := schedule.Schedule{Cycle: schedule.Daily("08:00"), TimeZone: "Asia/Shanghai"}
	list, err := s.Preview(time.Date(2024, time.January, 2, 12, 0, 0, 0, time.UTC), 2, map[string]string{
		"date":          "${yyyymmdd}",
		"previous_date": "${yyyymmdd-1}",
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, u := range list {
		fmt.Println(u.At.Format(time.DateTime), u.Params["date"], u.Params["previous_date"])
	}
	// Output:
	// 2024-01-03 08:00:00 20240102 20240101
	// 2024-01-04 08:00:00 20240103 20240102
}

func ExampleSchedule_Lint() {
	s := schedule.Schedule{Cycle: schedule.Daily("08:00")}
	for _, finding := range s.Lint(map[string]string{"hour": "$[hh24]", "january": "${yyyy-01}"}) {
		fmt.Println(finding)
	}
	// Output:
	// params.hour: "$[hh24]" never changes: each run of the schedule has the same value
	// params.january: "${yyyy-01}" has an offset with a leading zero at character 7: it counts days, months or years; for literal text close the expression before it, as in ${yyyy}-01
}

func ExampleSchedule_Deadline() {
	s := schedule.Schedule{Cycle: schedule.Daily("08:00"), Timeout: time.Hour}
	scheduled := time.Date(2024, time.January, 1, 8, 0, 0, 0, time.UTC)
	fmt.Println(s.Deadline(scheduled, scheduled.Add(20*time.Minute), false))
	// Output: 2024-01-01 09:00:00 +0000 UTC
}

func ExampleLint() {
	findings := schedule.Lint(map[string]string{"day": "$[yyyy-mm-dd]", "time": "$[hh24:mi:ss-1/24]"})
	fmt.Println(len(findings), findings[0].Param)
	// Output: 1 time
}

func ExampleBizDate() {
	fmt.Println(schedule.BizDate(time.Date(2024, time.March, 1, 0, 0, 0, 0, time.UTC)))
	// Output: 2024-02-29
}

func ExampleParseDate() {
	_, err := schedule.ParseDate("2023-02-29")
	fmt.Println(err)
	// Output: schedule: date "2023-02-29": day 29; February 2023 has days 1 to 28
}

func ExampleEval() {
	at := time.Date(2024, time.January, 3, 8, 0, 0, 0, time.UTC)
	for _, expr := range []string{"${yyyymmdd}", "$[yyyy-mm-dd]", "$[add_months(yyyymm,-1)]01", "dt_$bizdate", "$[yyyymm-1]"} {
		value, err := schedule.Eval(expr, at)
		if err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Println(expr, "is", value)
	}
	// Output:
	// ${yyyymmdd} is 20240102
	// $[yyyy-mm-dd] is 2024-01-03
	// $[add_months(yyyymm,-1)]01 is 20231201
	// dt_$bizdate is dt_20240102
	// schedule: expression "$[yyyymm-1]", character 9: whole days on a format without dd; expected dd in the format, or a fraction of a day; an offset in $[…] is in days; for months write $[add_months(yyyymm,-1)]
}

func ExampleParseExpr() {
	expr, err := schedule.ParseExpr("$[yyyymmddhh24-1/24]")
	if err != nil {
		fmt.Println(err)
		return
	}
	var buffer []byte
	for hour := range 3 {
		buffer = expr.Append(buffer[:0], time.Date(2024, time.January, 1, hour, 0, 0, 0, time.UTC))
		fmt.Println(string(buffer))
	}
	// Output:
	// 2023123123
	// 2024010100
	// 2024010101
}

func ExampleExpr_Constant() {
	for _, text := range []string{"admin", "${yyyymmdd}"} {
		expr, err := schedule.ParseExpr(text)
		if err != nil {
			fmt.Println(err)
			return
		}
		value, ok := expr.Constant()
		fmt.Printf("%q %t\n", value, ok)
	}
	// Output:
	// "admin" true
	// "" false
}
