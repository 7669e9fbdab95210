package record

import (
	"testing"
	"time"
)

// TestPauseIsBelievedForADay opens a history whose newest run ended at some time.
func TestPauseIsBelievedForADay(t *testing.T) {
	for _, test := range []struct {
		name string
		ago  time.Duration // the end of the newest run
		want time.Duration
	}{
		{"started once a day", 23 * time.Hour, 23 * time.Hour},
		{"stopped for a year", 365 * 24 * time.Hour, 24 * time.Hour},
		{"the clock is years behind now", -20 * 365 * 24 * time.Hour, 0},
		{"the clock was at 1970", time.Since(time.Unix(100, 0)), 24 * time.Hour},
	} {
		dir := t.TempDir()
		s, err := Open(t.Context(), dir, quiet)
		if err != nil {
			t.Fatal(err)
		}
		s.running = func() time.Duration { return time.Hour }
		r := example(1)
		r.Started = time.Now().Add(-test.ago)
		r.Ended = r.Started
		if err := s.Record(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		again, err := Open(t.Context(), dir, quiet)
		if err != nil {
			t.Fatal(err)
		}
		again.running = func() time.Duration { return 0 }
		// Opening took a moment, which counts.
		if got := again.Uptime() - time.Hour; got < test.want || got > test.want+10*time.Minute {
			t.Errorf("%s: %v counts, want %v", test.name, got, test.want)
		}
		if err := again.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if got := pauseSince(time.Time{}, time.Now()); got != 0 {
		t.Errorf("before the first run: %v", got)
	}
}
