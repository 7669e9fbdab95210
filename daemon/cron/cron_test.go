package cron

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // for machines that know no time zones
)

func TestParseRefuses(t *testing.T) {
	for _, tt := range []struct{ expression, want string }{
		{"", "it has 0 fields: want 5, for minute, hour, day of the month, month and day of the week"},
		{"* * * *", "it has 4 fields: want 5, for minute, hour, day of the month, month and day of the week"},
		{"0 * * * * *", "it has 6 fields: want 5, for minute, hour, day of the month, month and day of the week"},
		{"@hourly", "it has 1 fields: want 5, for minute, hour, day of the month, month and day of the week"},
		{"0,60 * * * *", `its minute has "60": want 0 to 59`},
		{"60,0 * * * *", `its minute has "60": want 0 to 59`},
		{"0,60 H * * *", `its minute has "60": want 0 to 59` + "\n" + `its hour has "H": want 0 to 23`},
		{"0-60 * * * *", `its minute has "60": want 0 to 59`},
		{"*/90 * * * *", `its minute has "*/90": want a step of 1 to 59`},
		{"0-10/11 * * * *", `its minute has "0-10/11": want a step of 1 to 10`},
		{"*/0 * * * *", `its minute has "*/0": want a step of 1 to 59`},
		{"*/ * * * *", `its minute has "*/": want a step of 1 to 59`},
		{"*/2/3 * * * *", `its minute has "*/2/3": want a step of 1 to 59`},
		{"5/10 * * * *", `its minute has "5/10": a step needs a range, such as */2 or 5-59/2`},
		{"50-10 * * * *", `its minute has "50-10", which runs backwards: write it as two ranges`},
		{"1-2-3 * * * *", `its minute has "2-3": want 0 to 59`},
		{"*-5 * * * *", `its minute has "*": want 0 to 59`},
		{"1,,2 * * * *", `its minute has "": want 0 to 59`},
		{"1, * * * *", `its minute has "": want 0 to 59`},
		{"+5 * * * *", `its minute has "+5": want 0 to 59`},
		{"-5 * * * *", `its minute has "": want 0 to 59`},
		{"0x5 * * * *", `its minute has "0x5": want 0 to 59`},
		{"1_0 * * * *", `its minute has "1_0": want 0 to 59`},
		{"٣ * * * *", `its minute has "٣": want 0 to 59`},
		{"? * * * *", `its minute has "?": want 0 to 59`},
		{"MON * * * *", `its minute has "MON": want 0 to 59`},
		{"0~30 * * * *", `its minute has "0~30": want 0 to 59`},
		{"0 24 * * *", `its hour has "24": want 0 to 23`},
		{"0 0 0 * *", `its day of the month has "0": want 1 to 31`},
		{"0 0 L * *", `its day of the month has "L": want 1 to 31`},
		{"0 0 15W * *", `its day of the month has "15W": want 1 to 31`},
		{"0 0 * 13 *", `its month has "13": want 1 to 12 or JAN to DEC`},
		{"0 0 * JANUARY *", `its month has "JANUARY": want 1 to 12 or JAN to DEC`},
		{"0 0 * * 8", `its day of the week has "8": want 0 to 7 or SUN to SAT`},
		{"0 0 * * 1#2", `its day of the week has "1#2": want 0 to 7 or SUN to SAT`},
		{"0 0 * * 5L", `its day of the week has "5L": want 0 to 7 or SUN to SAT`},
		{"0 0 * * FRI-MON", `its day of the week has "FRI-MON", which runs backwards: write it as two ranges`},
		{"0 0 30 2 *", "it is never due: no such day of the month is in these months"},
		{"0 0 31 4,6,9,11 *", "it is never due: no such day of the month is in these months"},
		{"0 0 31 2 */2", "it is never due: no such day of the month is in these months"},
	} {
		if s, err := Parse(tt.expression); err == nil || err.Error() != tt.want {
			t.Errorf("%q: got %v, %v\nwant %s", tt.expression, s, err, tt.want)
		}
	}
}

func TestNext(t *testing.T) {
	for _, tt := range []struct{ zone, expression, after, want string }{
		{"UTC", "*/15 * * * *", "2026-06-01T02:29:59Z", "2026-06-01T02:30:00Z"},
		{"UTC", "*/15 * * * *", "2026-06-01T02:30:00Z", "2026-06-01T02:45:00Z"},
		{"UTC", "05 4 * * *", "2026-06-01T04:05:00.000000001Z", "2026-06-02T04:05:00Z"},
		{"UTC", "0 0 29 2 *", "2096-02-29T00:00:00Z", "2104-02-29T00:00:00Z"}, // 2100 is no leap year
		{"UTC", "0 0 * * 7", "2026-11-27T00:00:00Z", "2026-11-29T00:00:00Z"},
		{"UTC", "0 0 * * fri-sun", "2026-11-29T00:00:00Z", "2026-12-04T00:00:00Z"},
		{"UTC", "0 0 31 2 1", "2026-11-27T00:00:00Z", "2027-02-01T00:00:00Z"},     // one of both days
		{"UTC", "0 0 1 * MON", "2026-11-27T00:00:00Z", "2026-11-30T00:00:00Z"},    // one of both days
		{"UTC", "0 0 */10 * MON", "2026-11-27T00:00:00Z", "2026-12-21T00:00:00Z"}, // a star restricts nothing: both
		{"UTC", "0 0 13 * */5", "2026-11-27T00:00:00Z", "2026-12-13T00:00:00Z"},
		// Clocks go forward: what they leave out has no cycle.
		{"Europe/Berlin", "30 2 * * *", "2026-03-28T02:30:00+01:00", "2026-03-30T02:30:00+02:00"},
		{"Europe/Berlin", "*/15 * * * *", "2026-03-29T01:50:00+01:00", "2026-03-29T03:00:00+02:00"},
		{"Europe/Berlin", "* 2 * * *", "2026-03-29T00:40:00+01:00", "2026-03-30T02:00:00+02:00"},
		{"America/Sao_Paulo", "0 0 * * *", "2018-11-03T00:00:00-03:00", "2018-11-05T00:00:00-02:00"}, // no midnight
		{"Pacific/Apia", "0 12 * * *", "2011-12-29T12:00:00-10:00", "2011-12-31T12:00:00+14:00"},     // no 30 December
		// Clocks go back: what comes twice has two.
		{"Europe/Berlin", "30 2 * * *", "2026-10-24T02:30:00+02:00", "2026-10-25T02:30:00+02:00"},
		{"Europe/Berlin", "30 2 * * *", "2026-10-25T02:30:00+02:00", "2026-10-25T02:30:00+01:00"},
		{"Europe/Berlin", "30 2 * * *", "2026-10-25T02:30:00+01:00", "2026-10-26T02:30:00+01:00"},
		{"Europe/Berlin", "*/15 * * * *", "2026-10-25T02:45:00+02:00", "2026-10-25T02:00:00+01:00"},
		{"Australia/Lord_Howe", "8 4 5 4 *", "2026-04-04T00:00:00+11:00", "2026-04-05T04:08:00+10:30"},
		{"Australia/Lord_Howe", "45 1 * * *", "2026-04-05T01:45:00+11:00", "2026-04-05T01:45:00+10:30"},
	} {
		location, err := time.LoadLocation(tt.zone)
		if err != nil {
			t.Fatal(err)
		}
		after, err := time.Parse(time.RFC3339Nano, tt.after)
		if err != nil {
			t.Fatal(err)
		}
		s, err := Parse(tt.expression)
		if err != nil {
			t.Errorf("%s: %v", tt.expression, err)
			continue
		}
		if got := s.Next(after.In(location)).Format(time.RFC3339Nano); got != tt.want {
			t.Errorf("%s: %s after %s: got %s, want %s", tt.zone, tt.expression, tt.after, got, tt.want)
		}
	}
}

// TestNextAgainstAWallClock holds it against a clock that is looked at each minute.
func TestNextAgainstAWallClock(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	some := func(least, most int) string {
		from := least + random.IntN(most-least)
		to := from + 1 + random.IntN(most-from)
		switch random.IntN(6) {
		case 0:
			return "*"
		case 1:
			return fmt.Sprintf("*/%d", 1+random.IntN(most-least))
		case 2:
			return fmt.Sprintf("%d-%d/%d", from, to, 1+random.IntN(to-from))
		case 3:
			return fmt.Sprintf("%d,%d-%d", random.IntN(most-least)+least, from, to)
		}
		return fmt.Sprint(from)
	}
	for _, zone := range []string{"UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Chatham", "America/Havana"} {
		location, err := time.LoadLocation(zone)
		if err != nil {
			t.Fatal(err)
		}
		for range 200 {
			expression := strings.Join([]string{some(0, 59), some(0, 23), "*", "*", some(0, 6)}, " ")
			s, err := Parse(expression)
			if err != nil {
				t.Fatalf("%s: %v", expression, err)
			}
			after := time.Date(2026, time.March, 6, 0, 0, 0, 0, location).Add(time.Duration(random.IntN(270*24*60*60)) * time.Second)
			want := after.Truncate(time.Minute).Add(time.Minute)
			for !s.minutes.has(want.Minute()) || !s.hours.has(want.Hour()) || !s.week.has(int(want.Weekday())) {
				want = want.Add(time.Minute)
			}
			if got := s.Next(after); !got.Equal(want) {
				t.Errorf("%s: %s after %v: got %v, want %v", zone, expression, after, got, want)
			}
		}
	}
}

// FuzzParse wants whatever is taken to come, and its fields to mean the same in any letters.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{"*/30 2-5 * * MON", "0 0 29 2 *", "59 23 31 1,3-12/3 0-7", "0,60 H * * *"} {
		f.Add(seed)
	}
	after := time.Date(2026, time.November, 27, 12, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, expression string) {
		s, err := Parse(expression)
		if err != nil {
			return
		}
		next := s.Next(after)
		if !next.After(after) || next.After(after.AddDate(40, 0, 0)) || next.Second() != 0 {
			t.Errorf("%q is due at %v", expression, next)
		}
		lower, err := Parse(strings.ToLower(expression))
		if err != nil || !lower.Next(after).Equal(next) {
			t.Errorf("%q: in small letters %v, %v", expression, lower, err)
		}
	})
}
