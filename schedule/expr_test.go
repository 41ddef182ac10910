package schedule_test

import (
	"errors"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/google/go-cmp/cmp"

	"github.com/datapush-go/datapush/schedule"
)

// local reads a local time; the zone is Asia/Shanghai when it is empty.
func local(t testing.TB, text, zone string) time.Time {
	t.Helper()
	if zone == "" {
		zone = "Asia/Shanghai"
	}
	loc, err := time.LoadLocation(zone)
	if err != nil {
		t.Fatal(err)
	}
	at, err := time.ParseInLocation("2006-01-02 15:04:05", text, loc)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// vectors are those of section 3.5 of the behaviour specification. An empty
// want is an error.
var vectors = []struct {
	number         int
	expr, at, zone string
	want           string
}{
	{1, "${yyyy}", "2025-11-01 02:30:45", "", "2025"},
	{2, "${mm}", "2025-11-01 02:30:45", "", "10"},
	{3, "${dd}", "2025-11-01 02:30:45", "", "31"},
	{4, "${yyyymm}", "2025-11-01 02:30:45", "", "202510"},
	{6, "${yyyymmdd}", "2025-11-01 02:30:45", "", "20251031"},
	{7, "$[yyyy]", "2025-11-01 02:30:45", "", "2025"},
	{8, "$[mm]", "2025-11-01 02:30:45", "", "11"},
	{9, "$[dd]", "2025-11-01 02:30:45", "", "01"},
	{11, "$[hh]", "2025-11-01 02:30:45", "", "02"},
	{12, "$[mi]", "2025-11-01 02:30:45", "", "30"},
	{13, "$[ss]", "2025-11-01 02:30:45", "", "45"},
	{14, "$[yyyymm]", "2025-11-01 02:30:45", "", "202511"},
	{16, "$[yyyymmddhh24miss]", "2025-11-01 02:30:45", "", "20251101023045"},
	{17, "$[hh12]", "2025-11-01 02:30:45", "", "02"},
	{18, "${yy}", "2025-11-01 02:30:45", "", "25"},
	{19, "$[yy]", "2025-11-01 02:30:45", "", "25"},
	{21, "$[yyyymmddhh24miss]", "2025-11-01 00:00:00", "", "20251101000000"},
	{22, "$bizdate", "2025-11-01 00:00:00", "", "20251031"},
	{23, "$cyctime", "2025-11-01 00:00:00", "", "20251101000000"},
	{24, "$gmtdate", "2025-11-01 00:00:00", "", "20251101"},
	{26, "${yyyy}", "2025-07-20 10:30:00", "", "2025"},
	{27, "$[yyyy]", "2025-07-20 10:30:00", "", "2025"},
	{28, "${yy}", "2025-07-20 10:30:00", "", "25"},
	{29, "$[yy]", "2025-07-20 10:30:00", "", "25"},
	{31, "${mm}", "2025-07-20 10:30:00", "", "07"},
	{32, "$[mm]", "2025-07-20 10:30:00", "", "07"},
	{33, "$[dd]", "2025-07-20 10:30:00", "", "20"},
	{34, "${yyyy-mm-dd-29}", "2025-07-20 10:30:00", "", "2025-06-20"},
	{36, "$[yyyy-mm-dd-1]", "2025-07-20 10:30:00", "", "2025-07-19"},
	{37, "${yyyy-mm-dd-364}", "2025-07-20 10:30:00", "", "2024-07-20"},
	{38, "$[hh24:mi:ss]", "2025-07-20 10:30:00", "", "10:30:00"},
	{39, "$[yyyy-mm-dd]", "2025-07-20 10:30:00", "", "2025-07-20"},
	{41, "$[hh24:mi:ss-1/24]", "2025-07-20 10:30:00", "", "09:30:00"},
	{42, "$[yyyymmdd-1]", "2025-07-20 10:30:00", "", "20250719"},
	{43, "${dd}", "2025-07-20 10:30:00", "", "19"},
	{44, "$[yyyymmddhh24miss-1]", "2025-07-20 10:30:00", "", "20250719103000"},
	{46, "$[add_months(yyyymmdd,-12)]", "2025-07-20 10:30:00", "", "20240720"},
	{47, "${yyyymmdd}", "2025-03-15 00:00:00", "", "20250314"},
	{48, "$[yyyymmddhh24miss]", "2025-03-15 00:00:00", "", "20250315000000"},
	{49, "${yyyymmdd}", "2025-03-16 00:00:00", "", "20250315"},
	{51, "${yyyymm}01", "2023-10-28 00:00:00", "", "20231001"},
	{52, "$[yyyymmdd-1/24]", "2021-07-21 00:00:00", "", "20210720"},
	{53, "$[hh24-1/24]", "2021-07-21 00:00:00", "", "23"},
	{54, "$[yyyymmdd-1/24]", "2021-07-21 01:00:00", "", "20210721"},
	{56, "$[yyyy-mm]", "2025-07-27 00:05:00", "", "2025-07"},
	{57, "$[mm]", "2025-07-27 00:05:00", "", "07"},
	{58, "$[yyyy-15/24/60]", "2025-07-27 00:05:00", "", "2025"},
	{59, "$[yyyymm-15/24/60]", "2025-07-27 00:05:00", "", "202507"},
	{61, "$[hh24-15/24/60]", "2025-07-27 00:05:00", "", "23"},
	{62, "$[mi-15/24/60]", "2025-07-27 00:05:00", "", "50"},
	{63, "$[yyyymmdd-1]", "2025-07-27 00:05:00", "", "20250726"},
	{64, "$[yyyymmdd]", "2025-07-27 00:05:00", "", "20250727"},
	{66, "$[yyyymmddhh24]", "2025-07-27 00:05:00", "", "2025072700"},
	{67, "$[add_months(yyyymmdd,-1)]", "2025-03-31 08:00:00", "", "20250228"},
	{68, "${yyyy-mm-dd-1/24}", "2025-07-20 10:30:00", "", ""},
	{69, "${hh24}", "2025-07-20 10:30:00", "", ""},
	{71, "$[mm-1]", "2025-07-20 10:30:00", "", ""},
	{72, "$[yyyymm-1]", "2025-07-20 10:30:00", "", ""},
	{73, "$[yyyy-mm-dd hh24:mi:ss]", "2025-07-20 10:30:00", "", ""},
	{74, "${yyyymmdd}", "2024-01-03 08:00:00", "", "20240102"},
	{76, "$[hh24-1/24]", "2025-03-30 03:00:00", "Europe/Berlin", "01"},
	{77, "$[hh24-1/24]", "2025-03-09 03:00:00", "America/Los_Angeles", "01"},
	{78, "$[hh24:mi-10/24/60]", "2025-03-09 03:00:00", "America/Los_Angeles", "01:50"},
	{79, "$[hh24-2/24]", "2025-10-26 03:00:00", "Europe/Berlin", "02"},
	{81, "$[hh24:mi-10/24/60]", "2025-10-26 02:00:00", "Europe/Berlin", "02:50"},
	{82, "$[hh24-1/24]", "2025-10-26 01:00:00", "Europe/Berlin", "00"},
	{83, "$[yyyymmddhh24-1]", "2025-03-31 02:00:00", "Europe/Berlin", "2025033002"},
	{84, "$[yyyymmdd-1]", "2025-10-27 00:30:00", "Europe/Berlin", "20251026"},
	{86, "$[hh24-2/24]", "2025-11-02 03:00:00", "America/Los_Angeles", "01"},
	{87, "$[hh24-3/24]", "2025-11-02 03:00:00", "America/Los_Angeles", "01"},
	{88, "$[yyyymmddhh24mi-1/24]", "2025-11-02 00:30:00", "America/Los_Angeles", "202511012330"},
	{89, "${yyyymmdd}", "2025-03-10 00:10:00", "America/Los_Angeles", "20250309"},
	{91, "${yyyymmdd}", "2024-03-01 00:00:00", "", "20240229"},
	{92, "${yyyymmdd}", "2025-03-01 00:00:00", "", "20250228"},
	{93, "${yyyymmdd+1}", "2025-07-20 10:30:00", "", "20250720"},
	{94, "${yyyymmdd-7*1}", "2025-07-20 10:30:00", "", "20250712"},
	{96, "${yyyymmdd+7*1}", "2025-07-20 10:30:00", "", "20250726"},
	{97, "${yyyymm-1}", "2025-07-20 10:30:00", "", "202506"},
	{98, "${yyyymm-1}", "2025-01-15 08:00:00", "", "202412"},
	{99, "${yyyymm-1}", "2025-04-01 08:00:00", "", "202502"},
	{101, "${yyyymm-12}", "2025-07-20 10:30:00", "", "202407"},
	{102, "${yyyy-mm-1}", "2025-07-20 10:30:00", "", "2025-06"},
	{103, "${yyyy-1}", "2024-03-01 00:00:00", "", "2023"},
	{104, "${yy-1}", "2025-07-20 10:30:00", "", "24"},
	{106, "${yy-1}", "2000-06-15 00:00:00", "", "99"},
	{107, "${mm-1}", "2025-07-20 10:30:00", "", "06"},
	{108, "${mm-1}", "2025-01-15 08:00:00", "", "12"},
	{109, "${mm+1}", "2025-12-15 08:00:00", "", "01"},
	{111, "${dd-1}", "2025-07-20 10:30:00", "", "18"},
	{112, "${mmdd-1}", "2025-01-02 00:00:00", "", "1231"},
	{113, "${yyyy/mm/dd}", "2025-07-20 10:30:00", "", "2025/07/19"},
	{114, "${yyyy.mm.dd}", "2025-07-20 10:30:00", "", "2025.07.19"},
	{116, "${yyyy年mm月dd日}", "2025-07-20 10:30:00", "", "2025年07月19日"},
	{117, "${dd/mm/yyyy}", "2025-07-20 10:30:00", "", "19/07/2025"},
	{118, "${yyyymm}01-1", "2025-07-20 10:30:00", "", "20250701-1"},
	{119, "${mm}01", "2025-07-20 10:30:00", "", "0701"},
	{121, "${yyyymmdd}-$[hh24]", "2025-07-20 10:30:00", "", "20250719-10"},
	{122, "$[yyyymmdd]$[hh24miss]", "2025-07-20 10:30:00", "", "20250720103000"},
	{123, "$[yyyymmdd]", "2025-07-20 10:30:00", "", "20250720"},
	{124, "$[yyyymmddhh24:mi:ss]", "2025-07-20 10:30:00", "", "2025072010:30:00"},
	{126, "$[hh24mi]", "2025-07-20 10:30:00", "", "1030"},
	{127, "$[miss]", "2025-07-20 10:30:00", "", "3000"},
	{128, "$[yyyymmdd-7*1]", "2025-07-20 10:30:00", "", "20250713"},
	{129, "$[yyyymmdd+7*1]", "2025-07-20 10:30:00", "", "20250727"},
	{131, "$[yyyymmdd+1]", "2025-02-28 08:00:00", "", "20250301"},
	{132, "$[yyyymmdd-1]", "2025-01-01 00:00:00", "", "20241231"},
	{133, "$[yyyymmdd-1-1/24]", "2025-07-20 10:30:00", "", "20250719"},
	{134, "$[yyyymmddhh24-1-1/24]", "2025-07-20 10:30:00", "", "2025071909"},
	{136, "$[yyyymmddhh24miss-15/24/60]", "2025-07-20 10:30:00", "", "20250720101500"},
	{137, "$[yyyymmddhh24miss+90/24/60]", "2025-07-20 10:30:00", "", "20250720120000"},
	{138, "$[yyyymmddhh24miss-1/24/60/60]", "2025-07-20 10:30:00", "", "20250720102959"},
	{139, "$[hh24miss+13/24]", "2025-07-20 10:30:00", "", "233000"},
	{141, "$[mm-1/24]", "2025-11-01 00:30:00", "", "10"},
	{142, "$[yyyy-1/24]", "2025-01-01 00:30:00", "", "2024"},
	{143, "$[yyyymm-1/24]", "2025-01-01 00:30:00", "", "202412"},
	{144, "$[mi-15/24/60]", "2025-07-20 10:30:00", "", "15"},
	{146, "$[hh]", "2025-11-01 14:30:00", "", "02"},
	{147, "$[hh12]", "2025-11-01 00:30:00", "", "12"},
	{148, "$[hh12]", "2025-11-01 12:00:00", "", "12"},
	{149, "$[hh24]", "2025-11-01 00:30:00", "", "00"},
	{151, "$[add_months(yyyymmdd,1)]", "2024-01-31 08:00:00", "", "20240229"},
	{152, "$[add_months(yyyymmdd,-1)]", "2024-03-31 08:00:00", "", "20240229"},
	{153, "$[add_months(yyyymmdd,1)]", "2025-02-28 08:00:00", "", "20250328"},
	{154, "$[add_months(yyyymmdd,-12)]", "2024-02-29 08:00:00", "", "20230228"},
	{156, "$[add_months(yyyymmdd,-12*2)]", "2025-07-20 10:30:00", "", "20230720"},
	{157, "$[add_months(yyyymm,-1)]", "2025-01-15 08:00:00", "", "202412"},
	{158, "$[add_months(yyyymm,-1)]", "2025-03-31 08:00:00", "", "202502"},
	{159, "$[add_months(yyyy-mm-dd,-1)]", "2025-05-31 08:00:00", "", "2025-04-30"},
	{161, "$[add_months(yyyymmdd,0)]", "2025-07-20 10:30:00", "", "20250720"},
	{162, "$[add_months(yyyymm,-1)]01", "2025-07-20 10:30:00", "", "20250601"},
	{163, "$[add_months(yyyy,-12)]", "2025-07-20 10:30:00", "", "2024"},
	{164, "$[add_months(mm,-1)]", "2025-01-15 08:00:00", "", "12"},
	{166, "$bizmonth", "2025-12-01 08:00:00", "", "202511"},
	{167, "$bizmonth", "2025-01-15 08:00:00", "", "202412"},
	{168, "$bizmonth", "2025-01-01 08:00:00", "", "202412"},
	{169, "$bizdate", "2024-03-01 00:10:00", "", "20240229"},
	{171, "$gmtdate", "2024-03-01 00:10:00", "", "20240301"},
	{172, "${bdp.system.bizdate}", "2025-07-20 10:30:00", "", "20250719"},
	{173, "${bdp.system.cyctime}", "2025-07-20 10:30:00", "", "20250720103000"},
	{174, "abc", "2025-07-20 10:30:00", "", "abc"},
	{176, "'abc'", "2025-07-20 10:30:00", "", "'abc'"},
	{177, "dt_$bizdate", "2025-07-20 10:30:00", "", "dt_20250719"},
	{178, "$bizdatex", "2025-07-20 10:30:00", "", "$bizdatex"},
	{179, "$", "2025-07-20 10:30:00", "", "$"},
	{181, "${yyyy-01}", "2025-07-20 10:30:00", "", "2024"},
	{182, "${yyyy}-01", "2025-07-20 10:30:00", "", "2025-01"},
	{183, "${yyyymmdd", "2025-07-20 10:30:00", "", ""},
	{184, "$[yyyymmdd", "2025-07-20 10:30:00", "", ""},
	{186, "$[]", "2025-07-20 10:30:00", "", ""},
	{187, "${YYYYMMDD}", "2025-07-20 10:30:00", "", ""},
	{188, "${foo}", "2025-07-20 10:30:00", "", ""},
	{189, "${mi}", "2025-07-20 10:30:00", "", ""},
	{191, "$[add_months(yyyymmdd)]", "2025-07-20 10:30:00", "", ""},
	{192, "$[add_months(yyyymmdd,1/2)]", "2025-07-20 10:30:00", "", ""},
	{193, "a=b", "2025-07-20 10:30:00", "", ""},
	{194, "$[yyyymm+1]", "2025-07-20 10:30:00", "", ""},
	{196, "$[add_months(yyyymmdd,-1)-1]", "2025-07-20 10:30:00", "", ""},
	{197, "$[ yyyymmdd ]", "2025-07-20 10:30:00", "", ""},
	{198, "${}${yyyymmdd}", "2025-07-20 10:30:00", "", ""},
}

func TestExpressionsGiveTheSpecifiedValues(t *testing.T) {
	for _, v := range vectors {
		at := local(t, v.at, v.zone)
		if v.number == 81 {
			// The zone has two of this local time; the vector is the second.
			at = time.Date(2025, 10, 26, 1, 0, 0, 0, time.UTC).In(at.Location())
		}
		got, err := schedule.Eval(v.expr, at)
		if v.want == "" {
			var mistake *schedule.ExprError
			if !errors.As(err, &mistake) {
				t.Errorf("vector %d: Eval(%q) = %q, %v; want an *ExprError", v.number, v.expr, got, err)
			}
			continue
		}
		if err != nil || got != v.want {
			t.Errorf("vector %d: Eval(%q, %s) = %q, %v; want %q", v.number, v.expr, at, got, err, v.want)
		}
	}
}

func TestParametersJoinWhereTheyAreUsed(t *testing.T) {
	const noon = "2025-07-20 10:30:00"
	tests := []struct {
		name   string
		params map[string]string
		used   string
		at     string
		want   string
	}{
		{"J1", map[string]string{"datetime1": "$[yyyy-mm-dd]", "datetime2": "$[hh24:mi:ss]"}, "${datetime1} ${datetime2}", noon, "2025-07-20 10:30:00"},
		{"J2", map[string]string{"datetime1": "$[yyyy-mm-dd]", "datetime2": "$[hh24:mi:ss-1/24/60]"}, "${datetime1} ${datetime2}", noon, "2025-07-20 10:29:00"},
		{"J3", map[string]string{"datetime1": "$[yyyy-mm-dd]", "datetime2": "$[hh24:mi:ss-1/24]"}, "${datetime1} ${datetime2}", noon, "2025-07-20 09:30:00"},
		{"J4", map[string]string{"datetime1": "$[yyyymmdd-1]", "datetime2": "$[hh24:mi:ss]"}, "${datetime1} ${datetime2}", noon, "20250719 10:30:00"},
		{"J5", map[string]string{"datetime1": "$[yyyy-mm-dd]", "datetime2": "$[hh24:mi:ss-1/24]"}, "${datetime1} ${datetime2}", "2025-07-20 00:30:00", "2025-07-20 23:30:00"},
		{"J6", map[string]string{"beginDateTime": "$[yyyymmdd-1]", "endDateTime": "$[yyyymmdd]"}, "'${beginDateTime}000000', '${endDateTime}000000'", "2025-07-27 00:05:00", "'20250726000000', '20250727000000'"},
		{"J7", map[string]string{"beginDateTime": "$[yyyymmddhh24-1/24]", "endDateTime": "$[yyyymmddhh24]"}, "'${beginDateTime}0000', '${endDateTime}0000'", "2025-07-27 00:05:00", "'20250726230000', '20250727000000'"},
	}
	for _, tt := range tests {
		got := tt.used
		for name, expr := range tt.params {
			value, err := schedule.Eval(expr, local(t, tt.at, ""))
			if err != nil {
				t.Errorf("%s: %v", tt.name, err)
			}
			got = strings.ReplaceAll(got, "${"+name+"}", value)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

func TestExpressionErrorsSayWhereAndWhatToWrite(t *testing.T) {
	tests := []struct {
		name, expr string
		pos        int
		want       []string // parts of the message
	}{
		{"a month offset in $[…]", "$[yyyymm-1]", 8, []string{"character 9", "dd in the format", "$[add_months(yyyymm,-1)]"}},
		{"a month offset after text", "月$[yyyy-mm+2]", 12, []string{"character 11", "$[add_months(yyyy-mm,+2)]"}},
		{"a year offset in $[…]", "$[yyyy-1]", 6, []string{"$[add_months(yyyy,-12*1)]"}},
		{"whole days written as a fraction", "$[yyyymm-24/24]", 8, []string{"whole days on a format without dd"}},
		{"a space", "$[yyyy-mm-dd hh24:mi:ss]", 12, []string{"a space", "two parameters"}},
		{"whole days after a fraction, on a format without dd", "$[yyyymm-1/24-1]", 13, []string{"whole days", "$[add_months(yyyymm,-1)]"}},
		{"a fraction that is whole days", "$[yyyymm-24/24]", 8, []string{"whole days", "$[add_months(yyyymm,N)]"}},
		{"a large number", "$[dd-9999999999]", 5, []string{"beyond the calendar", "expected at most"}},
		{"a tab", "a\tb", 1, []string{"a space"}},
		{"an equals sign", "a=b", 1, []string{"an equals sign"}},
		{"an unclosed ${", "x${yyyymmdd", 1, []string{"character 2", "${ is not closed", "'}'"}},
		{"an unclosed $[", "$[yyyymmdd", 0, []string{"$[ is not closed", "']'"}},
		{"nothing to show", "$[]", 2, []string{"no date or time to show", "yyyy, yy, mm, dd, hh24"}},
		{"an offset alone", "$[-1]", 2, []string{"no date or time to show"}},
		{"upper case", "${YYYYMMDD}", 2, []string{`"YYYYMMDD" is no part of a date`, "lower case: yyyymmdd"}},
		{"an unknown token", "${yyyyww}", 6, []string{`"ww"`, "year_week"}},
		{"a digit in a format", "$[yyyy0101]", 6, []string{`"0101"`}},
		{"a minute in ${…}", "${yyyymmddmi}", 10, []string{"mi in ${…}", "$[mi]"}},
		{"a fraction in ${…}", "${yyyy-mm-dd-1/24}", 14, []string{`"/24" after the offset`, "$[…-1/24]"}},
		{"two offsets in ${…}", "${yyyymmdd-1-1}", 12, []string{`"-1" after the offset`}},
		{"an offset after add_months", "$[add_months(yyyymmdd,-1)-1]", 25, []string{"takes no offset"}},
		{"add_months of one argument", "$[add_months(yyyymmdd)]", 21, []string{"number of months is missing"}},
		{"a fraction of a month", "$[add_months(yyyymmdd,1/2)]", 23, []string{`"/2" after the number`}},
		{"an empty number", "$[add_months(yyyymmdd,)]", 22, []string{"no number"}},
		{"an offset in the format of a function", "$[add_months(yyyymmdd-1,-1)]", 21, []string{"an offset in the format of add_months"}},
		{"an unclosed function", "$[add_months(yyyymmdd,-1]", 12, []string{"add_months( is not closed"}},
		{"an unknown function", "$[last_day(yyyymmdd)]", 2, []string{`unknown function "last_day"`, "month_last_day"}},
		{"a division by zero", "$[yyyymmdd-1/0]", 13, []string{"division by zero"}},
		{"a fraction of a second", "$[hh24-1/7]", 6, []string{"not a whole number of seconds"}},
		{"text after an offset", "$[yyyymmdd-1x]", 12, []string{`"x" after the offset`}},
		{"a nested expression", "${yyyy${mm}}", 6, []string{"'$' inside an expression", "do not nest"}},
		{"a workflow id", "a_$jobid", 2, []string{"$jobid", "$bizdate"}},
		{"a node id", "$nodeid", 0, []string{"$nodeid"}},
		{"an instance id", "$taskid", 0, []string{"$taskid"}},
		{"an offset beyond the calendar", "${yyyymmdd-9999999}", 10, []string{"beyond the calendar"}},
		{"a number beyond any calendar", "$[yyyymmdd-99999999999999999999]", 11, []string{"beyond the calendar"}},
		{"a product beyond any calendar", "$[hh24-999999*999999*999999]", 14, []string{"beyond the calendar"}},
		{"an eighth day of the week", "$[year_week(yyyymm,8)]", 19, []string{"8 is no day of the week"}},
		{"a time in a week", "$[year_week(yyyymmhh24)]", 12, []string{"a time of day"}},
		{"an argument of unix_timestamp", "$[unix_timestamp(yyyy)]", 17, []string{"an argument"}},
		{"a megabyte", strings.Repeat("${yyyymmdd}", 1<<17), 0, []string{"1441792 bytes", "at most 65536"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := schedule.ParseExpr(tt.expr)
			var mistake *schedule.ExprError
			if !errors.As(err, &mistake) {
				t.Fatalf("ParseExpr = %v; want an *ExprError", err)
			}
			if mistake.Pos != tt.pos {
				t.Errorf("Pos = %d; want %d: %v", mistake.Pos, tt.pos, err)
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q; want %q in it", err, want)
				}
			}
		})
	}
}

func TestSpacesAreAllowedOnRequest(t *testing.T) {
	at := time.Date(2025, 7, 20, 10, 30, 0, 0, time.UTC)
	for expr, want := range map[string]string{
		"$[yyyy-mm-dd hh24:mi:ss]": "2025-07-20 10:30:00", // vector 73
		"$[ yyyymmdd ]":            " 20250720 ",
		"New York":                 "New York",
		"${yyyy mm dd-1} or so":    "2025 07 18 or so",
	} {
		e, err := schedule.ParseSpacedExpr(expr)
		if err != nil {
			t.Errorf("%q: %v", expr, err)
			continue
		}
		if got := string(e.Append(nil, at)); got != want {
			t.Errorf("%q is %q, want %q", expr, got, want)
		}
	}
	for _, expr := range []string{"a\tb", "a\nb", "a\u00a0b", "a = b", "$[yyyymmdd - 1]"} {
		if _, err := schedule.ParseSpacedExpr(expr); err == nil {
			t.Errorf("%q is accepted", expr)
		}
	}
}

func TestExtensionsGiveTheirValues(t *testing.T) {
	tests := []struct{ expr, at, want string }{
		// Values of section 3.5, from DolphinScheduler.
		{"$[year_week(yyyy-mm-dd)]", "2022-08-26 00:00:00", "2022-34"},
		{"$[year_week(yyyy-mm-dd,5)]", "2022-08-26 00:00:00", "2022-35"},
		{"$[month_first_day(yyyy-mm-dd,-1)]", "2022-08-26 00:00:00", "2022-07-01"},
		{"$[month_last_day(yyyy-mm-dd,-1)]", "2022-08-28 00:00:00", "2022-07-31"},
		{"$[week_first_day(yyyy-mm-dd,-1)]", "2022-08-26 00:00:00", "2022-08-15"},
		{"$[week_last_day(yyyy-mm-dd,-1)]", "2022-08-26 00:00:00", "2022-08-21"},
		// Values of the calendar.
		{"$[month_last_day(yyyymmdd)]", "2024-02-01 00:00:00", "20240229"},
		{"$[month_last_day(yyyymmddhh24miss,12)]", "2024-02-29 10:20:30", "20250228102030"},
		{"$[week_first_day(yyyymmdd)]", "2024-01-01 00:00:00", "20240101"},
		{"$[week_first_day(yyyymmdd)]", "2023-12-31 00:00:00", "20231225"},
		{"$[week_last_day(yyyymmdd)]", "2023-12-31 00:00:00", "20231231"},
		{"$[year_week(yyyymmdd)]", "2023-01-01 00:00:00", "202252"},
		{"$[year_week(yyyymmdd)]", "2024-12-30 00:00:00", "202501"},
		{"$[year_week(yy-mm,7)]", "2024-12-29 00:00:00", "25-01"},
		{"$[quarter(mm)]", "2025-07-27 00:05:00", "3"},
		{"$[quarter(yyyy-mm-dd,-1)]", "2025-03-31 00:00:00", "2024-4"},
		{"$[quarter(mm)]", "2025-12-31 00:00:00", "4"},
		{"$[unix_timestamp()]", "2025-07-27 00:05:00", "1753545900"},
	}
	for _, tt := range tests {
		if got, err := schedule.Eval(tt.expr, local(t, tt.at, "")); err != nil || got != tt.want {
			t.Errorf("Eval(%s, %s) = %q, %v; want %q", tt.expr, tt.at, got, err, tt.want)
		}
	}
}

func TestValuesBeyondTheVectors(t *testing.T) {
	tests := []struct{ name, expr, at, zone, want string }{
		{"G16: a fraction of whole days is of the calendar", "$[yyyymmddhh24-24/24]", "2025-03-31 02:00:00", "Europe/Berlin", "2025033002"},
		{"two halves of a day are elapsed time", "$[yyyymmddhh24-12/24-12/24]", "2025-03-31 02:00:00", "Europe/Berlin", "2025033001"},
		{"a day and then an hour, from a time that exists", "$[yyyymmddhh24-1-1/24]", "2025-03-31 03:00:00", "Europe/Berlin", "2025033001"},
		{"a day and then an hour, from a time in the gap", "$[yyyymmddhh24-1-1/24]", "2025-03-31 02:00:00", "Europe/Berlin", "2025033001"},
		{"a day and then an hour, from a time that exists twice", "$[yyyymmddhh24-1-1/24]", "2025-10-27 02:00:00", "Europe/Berlin", "2025102602"},
		{"a trailing separator", "$[yyyy-]", "2025-07-20 10:30:00", "", "2025-"},
		{"a separator before an offset", "$[yyyymmdd--1]", "2025-07-20 10:30:00", "", "20250719-"},
		{"braces and brackets outside of expressions", "}]{[(", "2025-07-20 10:30:00", "", "}]{[("},
		{"a built-in name before another letter", "$bizdate年", "2025-07-20 10:30:00", "", "20250719年"},
		{"a dollar before a built-in name", "$$bizdate", "2025-07-20 10:30:00", "", "$20250719"},
		{"a name in upper case is literal", "$BIZDATE", "2025-07-20 10:30:00", "", "$BIZDATE"},
		{"a long literal between tokens", "${yyyy年度第mm}", "2025-07-20 10:30:00", "", "2025年度第07"},
		{"a literal of every length", "$[-yyyy:mm::dd:::hh24::::mi:::::ss::::::]", "2025-07-20 10:30:45", "", "-2025:07::20:::10::::30:::::45::::::"},
		{"tokens in another order", "$[ssmihh24ddmmyyyy]", "2025-07-20 10:30:45", "", "45301020072025"},
		{"a token that repeats", "$[mmmm]", "2025-07-20 10:30:45", "", "0707"},
		{"neighbours of two words", "$[ddhh12]", "2025-07-20 13:30:45", "", "2001"},
		{"a year before the table", "$[yyyymmddhh24miss]", "1969-12-31 23:59:59", "", "19691231235959"},
		{"a year after the table", "$[yyyymmddhh24miss]", "2100-03-01 00:00:00", "", "21000301000000"},
		{"an offset out of the table", "${yyyy-mm-dd-36525}", "2025-07-20 10:30:00", "", "1925-07-19"},
		{"a year of five digits", "${yyyymmdd+3000000}", "2025-07-20 00:00:00", "", "102390409"},
		{"the zero value", "", "2025-07-20 10:30:00", "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got, err := schedule.Eval(tt.expr, local(t, tt.at, tt.zone)); err != nil || got != tt.want {
				t.Errorf("Eval(%s, %s) = %q, %v; want %q", tt.expr, tt.at, got, err, tt.want)
			}
		})
	}
	var zero schedule.Expr
	if got := string(zero.Append([]byte("x"), time.Now())); got != "x" || zero.String() != "" {
		t.Errorf("the zero Expr appends to %q and is %q", got, zero)
	}
}

func TestConstantsAreToldFromExpressions(t *testing.T) {
	for text, want := range map[string]bool{
		"": true, "admin": true, "'abc'": true, "20240101": true, "$": true, "$bizdatex": true, "$5": true, "a$b$": true,
		"$bizdate": false, "x${yyyymmdd}": false, "$[hh24]y": false, "${bdp.system.cyctime}": false, "$[unix_timestamp()]": false,
	} {
		e, err := schedule.ParseExpr(text)
		if err != nil {
			t.Fatal(err)
		}
		if value, ok := e.Constant(); ok != want || ok && value != text {
			t.Errorf("%q: Constant = %q, %t; want %t", text, value, ok, want)
		}
	}
}

// layouts pair formats with the layouts of package time.
var layouts = []struct{ expr, layout string }{
	{"$[yyyymmdd]", "20060102"},
	{"$[yyyymmddhh24miss]", "20060102150405"},
	{"$[yyyy-mm-dd]", "2006-01-02"},
	{"$[hh24:mi:ss]", "15:04:05"},
	{"$[yy/mm/dd_hh12:mi]", "06/01/02_03:04"},
	{"$[mi]", "04"},
	{"$[yyyy年mm月dd日]", "2006年01月02日"},
	{"$[ddmmyyyy_ss]", "02012006_05"},
	// As long as a common layout, and different.
	{"$[yyyy----]", "2006----"},
	{"$[yyyy----hh24miss]", "2006----150405"},
	{"$[yyyy-mm---]", "2006-01---"},
	{"$[mm-dd-yyyy]", "01-02-2006"},
	{"$[hh24-----]", "15-----"},
	{"$[hh12:mi:ss]", "03:04:05"},
	{"$[yyyymm]", "200601"},
	{"$[mmdd]", "0102"},
	{"$[hh24mi]", "1504"},
}

func TestExpressionsAgreeWithTimeFormat(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, zone := range []string{"UTC", "Asia/Shanghai", "America/New_York", "Australia/Lord_Howe", "Africa/Monrovia"} {
		loc, err := time.LoadLocation(zone)
		if err != nil {
			t.Fatal(err)
		}
		for _, tt := range layouts {
			plain, err := schedule.ParseExpr(tt.expr)
			if err != nil {
				t.Fatal(err)
			}
			later, err := schedule.ParseExpr(strings.TrimSuffix(tt.expr, "]") + "+7/24/60]")
			if err != nil {
				t.Fatal(err)
			}
			for range 2000 {
				at := time.Unix(random.Int64N(8_000_000_000)-3_000_000_000, 0).In(loc)
				if got, want := string(plain.Append(nil, at)), at.Format(tt.layout); got != want {
					t.Fatalf("%s at %s = %q; time says %q", plain, at, got, want)
				}
				if got, want := string(later.Append(nil, at)), at.Add(7*time.Minute).Format(tt.layout); got != want {
					t.Fatalf("%s at %s = %q; time says %q", later, at, got, want)
				}
			}
		}
	}
}

func TestAppendKeepsToItsBuffer(t *testing.T) {
	e, err := schedule.ParseExpr("<$[yyyy-mm-dd]T$[hh24:mi]>")
	if err != nil {
		t.Fatal(err)
	}
	at := local(t, "2024-01-02 03:04:05", "")
	buffer := []byte("prefix ................................................")
	got := e.Append(buffer[:7], at)
	if want := "prefix <2024-01-02T03:04>............................."; string(buffer[:len(want)]) != want || string(got) != want[:25] {
		t.Errorf("the buffer holds %q, and Append returns %q; want %q", buffer, got, want)
	}
}

func TestAppendAllocatesNothing(t *testing.T) {
	for _, text := range []string{"${yyyymmdd}", "$[hh24:mi:ss]", "$[yyyymmddhh24-1-1/24]", "$[add_months(yyyymmdd,-1)]", "$[year_week(yyyymm)]", "$[unix_timestamp()]", "dt_$bizdate$cyctime"} {
		e, err := schedule.ParseExpr(text)
		if err != nil {
			t.Fatal(err)
		}
		at := local(t, "2024-01-02 03:04:05", "America/New_York")
		buffer := make([]byte, 0, 64)
		if n := testing.AllocsPerRun(1000, func() {
			at = at.Add(7 * time.Hour)
			buffer = e.Append(buffer[:0], at)
		}); n != 0 {
			t.Errorf("%s: Append allocates %v times", text, n)
		}
	}
}

func TestAnExpressionServesSeveralZonesAtOnce(t *testing.T) {
	e, err := schedule.ParseExpr("$[yyyymmddhh24miss]")
	if err != nil {
		t.Fatal(err)
	}
	var work sync.WaitGroup
	for _, zone := range []string{"UTC", "Asia/Shanghai", "America/New_York", "Europe/Berlin"} {
		work.Go(func() {
			at := local(t, "2024-01-01 00:00:00", zone)
			for range 5000 {
				at = at.Add(97 * time.Minute)
				if got, want := string(e.Append(nil, at)), at.Format("20060102150405"); got != want {
					t.Errorf("%s = %q; time says %q", at, got, want)
					return
				}
			}
		})
	}
	work.Wait()
}
