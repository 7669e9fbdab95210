package record

import (
	"context"
	"errors"
	"math"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"benchd/daemon/bench"
)

// hourly records n runs of two models, one each hour, and one good run of a
// third before them. The first is the newest.
func hourly(t *testing.T, s *Store, n int) (runs []bench.Run) {
	t.Helper()
	for i := range n {
		r := example(i)
		r.Model, r.Concurrency = []string{"a", "b"}[i%2], 1
		if i == 0 {
			r.Model = "no longer good"
		} else if i%50 == 9 {
			r.Model = "no longer good"
			r.Outcome = bench.TimedOut
		}
		r.Started = time.Date(2026, 3, 20, i, 0, 0, 0, time.UTC)
		r.Ended = r.Started.Add(time.Minute)
		if i%11 == 0 {
			r.Samples = []bench.Sample{{Seconds: 1}}
		}
		s.running = func() time.Duration { return time.Duration(i) * time.Hour }
		if err := s.Record(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		r.Samples = nil
		runs = append(runs, *r)
	}
	slices.Reverse(runs)
	return runs
}

func TestPruneByAge(t *testing.T) {
	s := quick(t, t.TempDir())
	all := hourly(t, s, 700)
	needed := []int64{1} // the last good one of its model
	for i, at := range []int64{10, 200} {
		c := exampleChange(&all[len(all)-int(at)])
		c.LastBefore.Run, c.Began.Run, c.Detected.Run, c.Level = at, at+1, at+5, at+2
		if i == 1 {
			c.Closed = time.Now()
		} else {
			c.Closed = time.Time{}
			needed = append(needed, at, at+1, at+2, at+5)
		}
		if err := s.RecordChange(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	now := all[0].Ended
	s.running = func() time.Duration { return 699*time.Hour + 30*time.Minute }
	const age = 100 * time.Hour // a hundred runs
	n, err := s.Prune(t.Context(), now, Limits{Age: age, Points: pointsKept})
	if err != nil {
		t.Fatal(err)
	}
	var kept, dropped []bench.Run
	for i, r := range all {
		if i < 100 || slices.Contains(needed, r.ID) {
			kept = append(kept, r)
		} else {
			dropped = append(dropped, r)
		}
	}
	if n != len(dropped) {
		t.Errorf("%d were dropped, want %d", n, len(dropped))
	}
	got, err := s.Runs(t.Context(), bench.RunQuery{Limit: maxLimit})
	if err != nil {
		t.Fatal(err)
	}
	if d := diff(kept, got); d != "" {
		t.Errorf("runs: -want +got:\n%s", d)
	}
	points, err := s.Points(t.Context(), seriesOfRuns(all), 10_000)
	if err != nil {
		t.Fatal(err)
	}
	if d := diff(nonEmpty(pointsLeft(all, kept)), nonEmpty(points)); d != "" {
		t.Errorf("points: -want +got:\n%s", d)
	}
	if err := consistent(s, true); err != nil {
		t.Error(err)
	}
	compareStatistics(t, s, dropped)

	// Nothing is left to do, and what is known of the dropped ones stays.
	if n, err := s.Prune(t.Context(), now, Limits{Age: age, Points: pointsKept}); n != 0 || err != nil {
		t.Errorf("again: %d were dropped, %v", n, err)
	}
	// Nearly all of the rest, which is added to the statistics.
	if _, err := s.Prune(t.Context(), now, Limits{Age: age / 50, Points: pointsKept}); err != nil {
		t.Error(err)
	}
	for _, r := range kept[2:] {
		if _, ok, err := s.RunByID(t.Context(), r.ID); err != nil {
			t.Fatal(err)
		} else if !ok {
			dropped = append(dropped, r)
		}
	}
	compareStatistics(t, s, dropped)
}

// pointsKept is for these tests how many points of each series outlive their runs.
const pointsKept = 40

// pointsLeft are those of kept runs and the newest ones of each series.
func pointsLeft(all, kept []bench.Run) map[bench.Series][]bench.Point {
	newest, left := pointsOf(all, pointsKept), pointsOf(all, len(all))
	for series, of := range left {
		left[series] = slices.DeleteFunc(of, func(p bench.Point) bool {
			return !slices.Contains(newest[series], p) && !slices.ContainsFunc(kept, func(r bench.Run) bool { return r.ID == p.Run })
		})
	}
	return left
}

// compareStatistics computes them anew, from all values at once.
func compareStatistics(t *testing.T, s *Store, dropped []bench.Run) {
	t.Helper()
	byKey := map[bench.Key][]bench.Run{}
	for _, r := range dropped {
		byKey[r.Key] = append(byKey[r.Key], r)
	}
	if len(byKey) != 3 {
		t.Errorf("runs of %d experiments were dropped, want 3", len(byKey))
	}
	for key, runs := range byKey {
		want := map[string]*bench.Dropped{}
		values := map[string]map[bench.Figure][]float64{}
		slices.SortFunc(runs, func(a, b bench.Run) int { return int(a.ID - b.ID) })
		for _, r := range runs {
			month := r.Started.Format("2006-01")
			name := month + r.Input
			m := bench.Moment{Run: r.ID, Cycle: r.Cycle, Time: r.Started}
			if want[name] == nil {
				want[name] = &bench.Dropped{Key: key, Input: r.Input, Month: month, First: m, Runs: map[bench.Outcome]int{}, Figures: map[bench.Figure]bench.Spread{}}
				values[name] = map[bench.Figure][]float64{}
			}
			d := want[name]
			d.Last = m
			d.Runs[r.Outcome]++
			p, ok := bench.PointOf(&r)
			if !ok || !p.Sound {
				continue
			}
			d.Sound++
			for f, v := range map[bench.Figure]float64{
				bench.Time: p.SecondsPerUnit, bench.CPU: p.CPUSecondsPerUnit, bench.Memory: p.PeakMemoryBytes,
				bench.LatencyP50: p.LatencyP50Seconds, bench.LatencyP99: p.LatencyP99Seconds, bench.ErrorRatio: p.ErrorRatio,
			} {
				values[name][f] = append(values[name][f], v)
			}
		}
		for name, of := range values {
			for f, list := range of {
				want[name].Figures[f] = spreadOf(list)
			}
		}
		got, err := s.Statistics(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		byName := map[string]*bench.Dropped{}
		for i, d := range got {
			byName[d.Month+d.Input] = &got[i]
		}
		approximate := cmpopts.EquateApprox(1e-9, 1e-25)
		if d := cmp.Diff(want, byName, approximate, cmpopts.EquateEmpty()); d != "" || len(got) != len(want) {
			t.Errorf("%s: -want +got:\n%s", key, d)
		}
	}
}

func spreadOf(values []float64) bench.Spread {
	s := bench.Spread{Count: len(values), Min: slices.Min(values), Max: slices.Max(values)}
	for _, v := range values {
		s.Mean += v / float64(len(values))
	}
	for _, v := range values {
		s.Squares += (v - s.Mean) * (v - s.Mean)
	}
	return s
}

func TestDeviation(t *testing.T) {
	for _, tt := range []struct {
		values []float64
		want   float64
	}{
		{[]float64{5}, 0},
		{[]float64{2, 4, 4, 4, 5, 5, 7, 9}, math.Sqrt(32.0 / 7)},
	} {
		var s bench.Spread
		for _, v := range tt.values {
			s = s.And(bench.Spread{Count: 1, Mean: v, Min: v, Max: v})
		}
		if got := s.Deviation(); math.Abs(got-tt.want) > 1e-12 {
			t.Errorf("%v: got %v, want %v", tt.values, got, tt.want)
		}
	}
}

func TestPruneBySizeShrinksTheFile(t *testing.T) {
	s := quick(t, t.TempDir())
	const n, each = 450, 20_000
	var newest int64
	for i := range n {
		r := example(1)
		r.Started = time.Date(2026, 3, 1, 0, i, 0, 0, time.UTC)
		r.Ended = r.Started.Add(time.Second)
		r.Output = string(make([]byte, each))
		if err := s.Record(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		newest = r.ID
	}
	const bytes = 2 << 20
	dropped, err := s.Prune(t.Context(), time.Now(), Limits{Bytes: bytes, Points: pointsKept})
	if err != nil {
		t.Fatal(err)
	}
	runs, err := s.Runs(t.Context(), bench.RunQuery{Limit: maxLimit})
	if err != nil {
		t.Fatal(err)
	}
	if len(runs)+dropped != n || runs[0].ID != newest || runs[len(runs)-1].ID != newest-int64(len(runs))+1 {
		t.Errorf("%d were dropped, %d are left, want the newest of %d", dropped, len(runs), n)
	}
	f, err := readFileSize(t.Context(), s.file.Load().write)
	if err != nil {
		t.Fatal(err)
	}
	// The last chunk that went may have been more than had to go.
	if used := (f.pages - f.free) * f.pageBytes; used > bytes || used < bytes-2*runsChunk*each {
		t.Errorf("%d bytes are in use, want %d to %d", used, bytes-2*runsChunk*each, bytes)
	}
	if _, err := s.file.Load().write.ExecContext(t.Context(), "PRAGMA wal_checkpoint(TRUNCATE)"); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(s.path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Size() > bytes*11/10 {
		t.Errorf("the file has %d bytes, want about %d", info.Size(), bytes)
	}
	if err := consistent(s, true); err != nil {
		t.Error(err)
	}
}

func TestACancelledPruneGoesOn(t *testing.T) {
	s := quick(t, t.TempDir())
	hourly(t, s, 500)
	now := time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
	s.running = func() time.Duration { return 600 * time.Hour }
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		defer cancel()
		for n := 500; n == 500; { // until the first batch is through
			if err := s.file.Load().read.QueryRowContext(t.Context(), "SELECT count(*) FROM runs").Scan(&n); err != nil {
				t.Error(err)
				return
			}
		}
	}()
	first, err := s.Prune(ctx, now, Limits{Age: time.Hour, Points: pointsKept})
	if err != nil && !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if err := consistent(s, true); err != nil {
		t.Error("cancelled:", err)
	}
	runs, err := s.Runs(t.Context(), bench.RunQuery{Limit: maxLimit})
	if err != nil {
		t.Fatal(err)
	}
	if len(runs)+first != 500 {
		t.Errorf("%d were dropped, but %d are left", first, len(runs))
	}
	second, err := s.Prune(t.Context(), now, Limits{Age: time.Hour, Points: pointsKept})
	if err != nil {
		t.Fatal(err)
	}
	if first+second != 497 { // but for the last good ones
		t.Errorf("%d and %d were dropped, want 497 in all", first, second)
	}
	if err := consistent(s, true); err != nil {
		t.Error(err)
	}
}

// TestRetentionTrustsNoTimeOfDay has runs of the last 8 hours in which benchd ran,
// whatever the clock said when they were made, or says now.
func TestRetentionTrustsNoTimeOfDay(t *testing.T) {
	unset, ahead := time.Unix(100, 0), time.Date(2099, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, now := range []time.Time{unset, ahead, time.Date(2026, 3, 20, 0, 0, 0, 0, time.UTC)} {
		dir := t.TempDir()
		for part := range 2 { // benchd is started again, and goes on
			s, err := Open(t.Context(), dir, quiet)
			if err != nil {
				t.Fatal(err)
			}
			for i, started := range []time.Time{unset, ahead, now, {}} {
				s.running = func() time.Duration { return time.Duration(i+1) * time.Hour }
				r := example(1)
				r.Started, r.Ended = started, started
				if err := s.Record(t.Context(), r); err != nil {
					t.Fatal(err)
				}
				if want := time.Duration(4*part+i+1) * time.Hour; r.Uptime != want {
					t.Errorf("uptime %v, want %v", r.Uptime, want)
				}
			}
			if part == 1 {
				for i, want := range []int{0, 3, 4} { // but for the last good one
					age := []time.Duration{9 * time.Hour, 5*time.Hour - time.Minute, time.Minute}[i]
					if n, err := s.Prune(t.Context(), now, Limits{Age: age, Points: pointsKept}); err != nil || n != want {
						t.Errorf("now is %v: %d were dropped of an age of %v, want %d, %v", now, n, age, want, err)
					}
				}
				if err := consistent(s, true); err != nil {
					t.Error(err)
				}
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestMonthOfAWrongClock(t *testing.T) {
	now := time.Date(2026, 11, 27, 0, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		started      time.Time
		before, want string
	}{
		{time.Date(2026, 3, 31, 23, 0, 0, 0, time.UTC), "", "2026-03"},
		{time.Date(2026, 4, 1, 1, 0, 0, 0, time.FixedZone("", 7200)), "2026-02", "2026-03"},
		{time.Unix(60, 0), "2026-03", "2026-03"},
		{time.Date(2031, 1, 1, 0, 0, 0, 0, time.UTC), "2026-03", "2026-03"},
		{time.Unix(60, 0), "", "1970-01"}, // nothing better is known
	} {
		if got := monthOf(tt.started, now, tt.before); got != tt.want {
			t.Errorf("%v after %q: %s, want %s", tt.started, tt.before, got, tt.want)
		}
	}
}
