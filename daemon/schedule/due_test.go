package schedule

import (
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // for machines that know no time zones
)

func TestDueByCronInLocalTime(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ cron, start, want string }{
		{"30 2 * * *", "2026-06-01T02:29:59+02:00", "2026-06-01T02:30:00+02:00"},
		{"30 2 * * *", "2026-06-01T02:30:00+02:00", "2026-06-02T02:30:00+02:00"},
		{"0 3 * * 1", "2026-10-22T01:00:00+02:00", "2026-10-26T03:00:00+01:00"},
		{"*/15 * * * *", "2026-03-29T01:50:00+01:00", "2026-03-29T03:00:00+02:00"}, // the hour that is left out
	} {
		start, err := time.Parse(time.RFC3339, tt.start)
		if err != nil {
			t.Fatal(err)
		}
		s := &Scheduler{Cron: tt.cron}
		got, err := s.due(start.In(berlin))
		if err != nil || got.Format(time.RFC3339) != tt.want {
			t.Errorf("%s after %s: %s, %v; want %s", tt.cron, tt.start, got.Format(time.RFC3339), err, tt.want)
		}
	}
	// Where clocks change, an expression that is due in the past would start
	// cycle after cycle without a pause.
	for _, cron := range []string{"*/15 * * * *", "30 2 * * *", "0 * * * *", "59 1,2,3 * * *"} {
		s := &Scheduler{Cron: cron}
		for _, start := range []time.Time{
			time.Date(2026, time.March, 29, 0, 0, 30, 0, berlin),
			time.Date(2026, time.October, 25, 0, 0, 30, 0, berlin),
		} {
			for range 100 {
				start = start.Add(3 * time.Minute)
				next, err := s.due(start)
				if err != nil || !next.After(start) || next.Sub(start) > 49*time.Hour {
					t.Errorf("%s after %v: %v, %v", cron, start, next, err)
				}
			}
		}
	}
}

func TestWaitFollowsTheClock(t *testing.T) {
	for _, tt := range []struct {
		name string
		cron string
		set  time.Duration // the clock, half an hour after the start
		want time.Duration // the truth, from start to start
	}{
		{"undisturbed", "0 * * * *", 0, time.Hour},
		{"set forward past the hour", "0 * * * *", 45 * time.Minute, 30 * time.Minute},
		{"set forward", "0 * * * *", 15 * time.Minute, 45 * time.Minute},
		{"set back", "0 * * * *", -15 * time.Minute, time.Hour + 15*time.Minute},
		{"set back by years", "0 * * * *", -3 * 365 * 24 * time.Hour, time.Hour},
	} {
		inBubble(t, tt.name, func(t *testing.T) {
			w := newWorld(1)
			w.Cron, w.take = tt.cron, time.Second
			began := w.began
			w.Now = func() time.Time {
				// In UTC, as an hour begins elsewhere at half past in some zones.
				now := time.Now().UTC().Round(0) // the clock on the wall alone
				if now.Sub(began) > 30*time.Minute {
					now = now.Add(tt.set)
				}
				return now
			}
			var starts []time.Duration
			w.afterRun = func(int) { starts = append(starts, time.Since(began)-w.take) }
			w.runFor(t, 110*time.Minute)
			if len(starts) < 2 {
				t.Fatalf("starts at %v", starts)
			}
			if late := starts[1] - tt.want; late < 0 || late > maxSleep {
				t.Errorf("the second cycle started after %v, want %v", starts[1], tt.want)
			}
		})
	}
}

func TestSettingTheClockMovesNoInterval(t *testing.T) {
	next, err := (&Scheduler{Interval: time.Hour}).due(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(next.String(), " m=") {
		t.Error("the time carries no monotonic reading")
	}
}
