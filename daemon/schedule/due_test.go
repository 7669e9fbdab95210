package schedule

import (
	"slices"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // for machines that know no time zones
)

// TestCyclesWhereClocksChange starts cycles through the nights in which clocks change.
func TestCyclesWhereClocksChange(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name  string
		cron  string
		began time.Time
		want  []string
	}{
		{"forward, hourly", "0 * * * *", time.Date(2026, time.March, 29, 0, 30, 0, 0, berlin),
			[]string{"00:30 CET", "01:00 CET", "03:00 CEST", "04:00 CEST"}},
		{"forward, nightly", "30 2 * * *", time.Date(2026, time.March, 28, 2, 0, 0, 0, berlin),
			[]string{"02:00 CET", "02:30 CET", "02:30 CEST"}},
		{"back, hourly", "0 * * * *", time.Date(2026, time.October, 25, 1, 30, 0, 0, berlin),
			[]string{"01:30 CEST", "02:00 CEST", "02:00 CET", "03:00 CET"}},
		{"back, nightly", "30 2 * * *", time.Date(2026, time.October, 25, 1, 0, 0, 0, berlin),
			[]string{"01:00 CEST", "02:30 CEST", "02:30 CET", "02:30 CET"}},
	} {
		inBubble(t, tt.name, func(t *testing.T) {
			w := newWorld(1)
			w.Cron, w.take = cronOf(t, tt.cron), time.Second
			began := w.began
			w.Now = func() time.Time { return tt.began.Add(time.Since(began)) }
			var starts []string
			w.afterRun = func(int) { starts = append(starts, w.Now().Add(-w.take).Format("15:04 MST")) }
			w.runFor(t, 75*time.Hour)
			if len(starts) < len(tt.want) || !slices.Equal(starts[:len(tt.want)], tt.want) {
				t.Errorf("cycles started at %v, want %v", starts[:min(len(starts), len(tt.want))], tt.want)
			}
		})
	}
}

// TestTheNextStartIsSaid wants the log to say when, and by which clock.
func TestTheNextStartIsSaid(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	inBubble(t, "nightly", func(t *testing.T) {
		w := newWorld(1)
		w.Cron = cronOf(t, "30 2 * * *")
		w.Now = func() time.Time { return time.Date(2026, time.June, 1, 12, 0, 0, 0, berlin) }
		w.runFor(t, time.Minute)
		const line = `level=INFO msg="a cycle starts now, and the next one when it is due" next=2026-06-02T02:30:00.000+02:00 zone=CEST`
		if w.logged(line) != 1 {
			t.Errorf("the log does not have %s:\n%s", line, &w.log)
		}
	})
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
			w.Cron, w.take = cronOf(t, tt.cron), time.Second
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
	next := (&Scheduler{Interval: time.Hour}).due(time.Now())
	if !strings.Contains(next.String(), " m=") {
		t.Error("the time carries no monotonic reading")
	}
}
