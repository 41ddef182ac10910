package schedule_test

import (
	"testing"
	"time"

	"github.com/datapush-go/datapush/schedule"
)

func BenchmarkTimetableNext(b *testing.B) {
	cycles := []struct {
		name  string
		cycle schedule.Cycle
	}{
		{"month", schedule.Monthly("08:00", 1)},
		{"week", schedule.Weekly("09:00", time.Monday)},
		{"day", schedule.Daily("08:00")},
		{"hour", schedule.Hourly("00:00", "23:59", 1)},
		{"hours", schedule.HourlyAt([]int{0, 1}, 10)},
	}
	for _, zone := range []string{"Asia/Shanghai", "America/New_York"} {
		for _, c := range cycles {
			b.Run(c.name+"/"+zone, func(b *testing.B) {
				table, err := schedule.Schedule{Cycle: c.cycle, TimeZone: zone}.Compile()
				if err != nil {
					b.Fatal(err)
				}
				at := local(b, "2024-01-01 00:00:00", zone)
				b.ReportAllocs()
				for i := 0; b.Loop(); i++ {
					if i%1000 == 0 {
						at = local(b, "2024-01-01 00:00:00", zone)
					}
					at, _ = table.Next(at)
				}
			})
		}
	}
}

func BenchmarkExprAppend(b *testing.B) {
	tests := []struct{ expr, layout string }{
		{"$[yyyymmdd]", "20060102"},
		{"$[yyyymmddhh24miss]", "20060102150405"},
		{"$[yyyy-mm-dd]", "2006-01-02"},
		{"$[hh24:mi:ss]", "15:04:05"},
	}
	for _, zone := range []string{"Asia/Shanghai", "America/New_York"} {
		at := local(b, "2024-07-01 08:00:00", zone)
		for _, tt := range tests {
			expr, err := schedule.ParseExpr(tt.expr)
			if err != nil {
				b.Fatal(err)
			}
			var buffer [64]byte
			b.Run(tt.expr+"/"+zone, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					_ = expr.Append(buffer[:0], at)
				}
			})
			b.Run("AppendFormat "+tt.layout+"/"+zone, func(b *testing.B) {
				for b.Loop() {
					_ = at.AppendFormat(buffer[:0], tt.layout)
				}
			})
		}
	}
}
