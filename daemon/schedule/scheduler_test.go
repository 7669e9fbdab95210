package schedule

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"benchd/daemon/bench"
)

func TestCycleOneByOneRecordedBeforeTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(2)
		w.LastCycle = 41
		runs, c, err := w.Cycle(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		first, second := runs[0].Model, runs[1].Model
		same(t, "events", w.events, []string{
			"record cycle 42, 0/2", "cycle 42 starts, 2 runs",
			"start " + first, "record " + first, "judge " + first, "end " + first + ", ID 1, <nil>", "progress 1/2",
			"start " + second, "record " + second, "judge " + second, "end " + second + ", ID 2, <nil>", "progress 2/2",
			"record cycle 42, 2/2", "judge cycle 42", "cycle 42 ends, 2/2",
		})
		for _, r := range runs {
			if r.Cycle != 42 || !r.WarmUp || r.ID == 0 {
				t.Errorf("run %+v: want an ID, cycle 42, warm-up", r)
			}
		}
		if c.Number != 42 || !c.WarmUp || c.Done != 2 || c.Ended.Sub(c.Started) != 20*time.Second || !c.Next.IsZero() || c.Overran {
			t.Errorf("cycle is %+v", c)
		}
	})
}

func TestCyclesAreDueFromStartToStart(t *testing.T) {
	const minute = time.Minute
	for _, tt := range []struct {
		name     string
		interval time.Duration
		cron     string
		begin    time.Duration // after midnight
		take     []time.Duration
		starts   []time.Duration
		overran  []bool
	}{
		{
			name: "interval", interval: 10 * minute, take: []time.Duration{4 * minute},
			starts: []time.Duration{0, 10 * minute, 20 * minute, 30 * minute}, overran: []bool{false, false, false},
		}, {
			name: "interval, ended just in time", interval: 10 * minute, take: []time.Duration{10 * minute},
			starts: []time.Duration{0, 10 * minute, 20 * minute, 30 * minute}, overran: []bool{false, false, false},
		}, {
			// 25 minutes: two starts were missed, one is made up for, and
			// the next is due 10 minutes from that one.
			name: "interval, one overruns", interval: 10 * minute, take: []time.Duration{25 * minute, 4 * minute},
			starts: []time.Duration{0, 25 * minute, 35 * minute}, overran: []bool{true, false},
		}, {
			name: "interval, all overrun", interval: 10 * minute, take: []time.Duration{12 * minute},
			starts: []time.Duration{0, 12 * minute, 24 * minute, 36 * minute}, overran: []bool{true, true, true},
		}, {
			name: "cron, first at once", cron: "*/10 * * * *", begin: 3 * minute, take: []time.Duration{4 * minute},
			starts: []time.Duration{0, 7 * minute, 17 * minute, 27 * minute, 37 * minute}, overran: []bool{false, false, false, false},
		}, {
			name: "cron, one overruns", cron: "*/10 * * * *", begin: 3 * minute, take: []time.Duration{21 * minute, 4 * minute},
			starts: []time.Duration{0, 21 * minute, 27 * minute, 37 * minute}, overran: []bool{true, false, false},
		},
	} {
		inBubble(t, tt.name, func(t *testing.T) {
			time.Sleep(tt.begin) // a bubble begins at midnight UTC, a whole hour or half one anywhere
			w := newWorld(1)
			w.Interval, w.Cron, w.take = tt.interval, cronOf(t, tt.cron), tt.take[0]
			w.afterRun = func(n int) { w.take = tt.take[min(n, len(tt.take)-1)] }
			w.runFor(t, 38*minute)

			same(t, "starts", w.starts, tt.starts)
			var overran []bool
			ended := w.cycles[:len(tt.overran)]
			for i, c := range ended {
				overran = append(overran, c.Overran)
				if next := c.Next.Sub(w.began); i+1 < len(tt.starts) && next != tt.starts[i+1] {
					t.Errorf("cycle %d announced the next at %v, it came at %v", c.Number, next, tt.starts[i+1])
				}
				if c.Number != int64(i+1) || c.WarmUp != (i == 0) {
					t.Errorf("cycle %d has number %d, warm-up %v", i+1, c.Number, c.WarmUp)
				}
			}
			same(t, "overran", overran, tt.overran)
			for _, r := range w.runs {
				if r.WarmUp != (r.Cycle == 1) {
					t.Errorf("run of cycle %d: warm-up %v", r.Cycle, r.WarmUp)
				}
			}
		})
	}
}

func TestTheEndCutsTheRunShort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(3)
		w.recording = func(ctx context.Context) {
			if ctx.Err() != nil {
				t.Error("recording with a context that has ended")
			}
			if until, ok := ctx.Deadline(); !ok || time.Until(until) > 2*time.Second {
				t.Error("recording may take for ever")
			}
		}
		w.runFor(t, 15*time.Second)
		if len(w.runs) != 2 || w.runs[1].Outcome != bench.Killed || w.runs[1].ID != 2 {
			t.Errorf("runs are %+v, want the second killed, and recorded", w.runs)
		}
		last := w.cycles[len(w.cycles)-1]
		if last.Done != 1 || last.Total != 3 || last.Ended.IsZero() || !last.Next.IsZero() {
			t.Errorf("cycle is %+v, want it ended with 1 of 3 runs", last)
		}
		same(t, "last events", w.events[len(w.events)-3:], []string{"record cycle 1, 1/3", "judge cycle 1", "cycle 1 ends, 1/3"})
	})
}

func TestTheEndBetweenCycles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(1)
		w.runFor(t, 9*time.Minute)
		if len(w.cycles) != 1 || w.cycles[0].Done != 1 {
			t.Errorf("cycles are %+v, want one, whole", w.cycles)
		}
	})
}

func TestTheEndBeforeTheFirstRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(1)
		w.runFor(t, 0)
		if len(w.events) != 0 {
			t.Errorf("after the end: %v", w.events)
		}
	})
}

func TestCycleCutShortReturnsWhatThereIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(4)
		ctx, cancel := context.WithTimeout(t.Context(), 25*time.Second)
		defer cancel()
		runs, c, err := w.Cycle(ctx)
		if len(runs) != 3 || c.Done != 2 || c.Total != 4 || err != nil {
			t.Errorf("%d runs, cycle %+v, %v; want 3, one of them killed", len(runs), c, err)
		}
	})
}

// TestWhatCannotBeRecordedWaits has a recorder that fails from the second run of
// the first cycle to the second of the next one: measuring goes on, nothing is
// shown before it is recorded, and all of it is, in order.
func TestWhatCannotBeRecordedWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(3)
		measured := 0
		w.refuse = func(*bench.Run) error {
			if measured = strings.Count(strings.Join(w.events, " "), "progress"); measured > 0 && measured < 5 {
				return errors.New("the disk is full")
			}
			return nil
		}
		w.runFor(t, 11*time.Minute)
		var shown, want []string
		waited := 0
		for _, e := range w.events {
			switch {
			case strings.HasPrefix(e, "start "):
				want = append(want, strings.TrimPrefix(e, "start "))
			case strings.HasPrefix(e, "judge cycle"):
				want = append(want, "cycle")
				shown = append(shown, "cycle")
			case strings.HasPrefix(e, "end "):
				model, rest, _ := strings.Cut(strings.TrimPrefix(e, "end "), ",")
				if shown = append(shown, model); !strings.HasSuffix(rest, "<nil>") {
					t.Errorf("lost: %s", e)
				}
			case strings.HasSuffix(e, " wait"):
				waited++
			}
		}
		want = slices.DeleteFunc(want, func(s string) bool { return s == "cycle" })
		cycles := len(shown)
		shown = slices.DeleteFunc(shown, func(s string) bool { return s == "cycle" })
		if cycles -= len(shown); cycles != 2 || waited < 5 {
			t.Errorf("%d cycles were judged, want 2; told %d times that something waits", cycles, waited)
		}
		same(t, "runs in the order in which they are shown", shown, want)
		for i, r := range w.runs {
			if r.ID != int64(i+1) {
				t.Errorf("run %d has ID %d", i, r.ID)
			}
		}
		for _, text := range []string{
			`level=ERROR msg="results cannot be recorded now; they wait in memory and are not shown, measuring goes on; mend what the error names" err="the disk is full"`,
			`level=INFO msg="all results that waited are recorded"`,
		} {
			if n := w.logged(text); n != 1 {
				t.Errorf("logged %d times, want once: %s\n%s", n, text, &w.log)
			}
		}
	})
}

// TestWhatWaitsIsRecordedBetweenCycles does not leave it to the next cycle.
func TestWhatWaitsIsRecordedBetweenCycles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(1)
		begun := time.Now()
		w.refuse = func(*bench.Run) error {
			if time.Since(begun) < time.Minute {
				return errors.New("the disk is full")
			}
			return nil
		}
		w.runFor(t, 2*time.Minute)
		same(t, "last events", w.events[len(w.events)-8:], []string{"record cycle 1, 0/1", "record 0", "judge 0", "end 0, ID 1, <nil>",
			"record cycle 1, 1/1", "judge cycle 1", "cycle 1 ends, 1/1", "0 wait"})
	})
}

// TestTheMemoryOfWhatWaitsIsBounded loses the oldest runs, and says so.
func TestTheMemoryOfWhatWaitsIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(1)
		w.output = strings.Repeat("x", mostWaiting/8)
		w.refuse = func(*bench.Run) error { return errors.New("the disk is full") }
		w.runFor(t, 115*time.Minute) // 12 runs
		most, lost := 0, 0
		for _, e := range w.events {
			var n int
			if _, err := fmt.Sscanf(e, "%d wait", &n); err == nil {
				most = max(most, n)
			}
			if strings.HasSuffix(e, "ID 0, the disk is full") {
				lost++
			}
		}
		if most > 3*8 || lost != 5 || w.logged(`msg="run is lost: it was not recorded"`) != 12 {
			t.Errorf("up to %d results waited, %d runs were lost while it was full:\n%.2000s", most, lost, &w.log)
		}
	})
}

// TestWhatCanNeverBeRecordedHoldsUpNothing is for a figure that is no number.
func TestWhatCanNeverBeRecordedHoldsUpNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(2)
		w.refuse = func(r *bench.Run) error {
			if r != nil && r.Model == "0" {
				return fmt.Errorf("WallSeconds is NaN: %w", bench.ErrUnrecordable)
			}
			return nil
		}
		if _, _, err := w.Cycle(t.Context()); err != nil {
			t.Fatal(err)
		}
		if slices.Contains(w.events, "judge 0") || !slices.Contains(w.events, "judge 1") ||
			!slices.Contains(w.events, "end 0, ID 0, WallSeconds is NaN: please report this as a fault of benchd") {
			t.Errorf("events: %v", w.events)
		}
	})
}

func TestSkippedAreLoggedAndLeftOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(3)
		w.Experiments[1].Skip = &bench.Skip{Reason: bench.SkipMissingLibrary, Detail: "no aiohttp"}
		w.runFor(t, 25*time.Minute)
		for _, r := range w.runs {
			if r.Model == "1" {
				t.Error("a skipped experiment was run")
			}
		}
		if w.cycles[0].Total != 2 {
			t.Errorf("the cycle has %d runs, want 2", w.cycles[0].Total)
		}
		const line = `level=WARN msg="experiment is skipped" experiment=t//1/0 reason=missing_library detail="no aiohttp"`
		if n := w.logged(line); n != 1 {
			t.Errorf("logged %d times, want once: %s\n%s", n, line, &w.log)
		}
	})
}

func TestRefuses(t *testing.T) {
	for _, tt := range []struct {
		name  string
		spoil func(*Scheduler)
		want  string
	}{
		{"no experiments", func(s *Scheduler) { s.Experiments = nil },
			"there is no experiment to run: look at BENCHD_WORKLOADS_DIR and at what BENCHD_TASKS, BENCHD_RUNTIMES, BENCHD_MODELS and BENCHD_CONCURRENCIES select"},
		{"all skipped", func(s *Scheduler) {
			for i := range s.Experiments {
				s.Experiments[i].Skip = &bench.Skip{Reason: bench.SkipNoInterpreter}
			}
		}, "none of the 2 experiments can run here: install what they lack, the log and `benchd list` say what that is"},
		{"no repeat", func(s *Scheduler) { s.Repeat = 0 }, "BENCHD_REPEAT is 0, want at least 1"},
		{"no interval", func(s *Scheduler) { s.Interval = 0 }, "BENCHD_INTERVAL is 0s, want more than 0"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(2)
			w.Now = func() time.Time { return time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC) }
			tt.spoil(w.Scheduler)
			if err := w.Scheduler.Run(t.Context()); err == nil || err.Error() != tt.want {
				t.Errorf("got error %v\nwant %s", err, tt.want)
			}
			if len(w.events) != 0 {
				t.Errorf("it began all the same: %v", w.events)
			}
		})
	}
}

func TestAFailedRunIsLogged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(1)
		w.Runner = runnerFunc(func(e bench.Experiment) bench.Run {
			return bench.Run{Key: e.Key, Outcome: bench.Failed, Error: "exit status 3", Output: "no such module"}
		})
		_, c, err := w.Cycle(t.Context())
		if err != nil || c.Done != 1 {
			t.Errorf("a failed run is a result: %v, %+v", err, c)
		}
		const line = `level=WARN msg="run is not ok" experiment=t//0/0 cycle=1 run=1 outcome=failed err="exit status 3" output="no such module"`
		if w.logged(line) != 1 {
			t.Errorf("want %s\nlogged\n%s", line, &w.log)
		}
	})
}

type runnerFunc func(bench.Experiment) bench.Run

func (f runnerFunc) Run(_ context.Context, e bench.Experiment) bench.Run { return f(e) }

// A suspect is run again beside what the judge names until it names nothing,
// and all suspects of a cycle together no more often than the limit.
func TestSuspectsAreRunAgain(t *testing.T) {
	for _, tt := range []struct {
		name          string
		rounds, limit int   // that the judge wants, that there may be
		begun         int64 // cycles before
		want          int   // runs beyond the plan
	}{
		{"no doubt", 0, 5, 1, 0},
		{"until there is no doubt", 3, 5, 1, 6},
		{"up to the limit", 100, 5, 1, 10},
		{"switched off", 100, 0, 1, 0},
		{"in the warm-up cycle, of which nothing is judged", 100, 5, 0, 0},
	} {
		inBubble(t, tt.name, func(t *testing.T) {
			w := newWorld(4)
			w.Reruns, w.begun = tt.limit, tt.begun
			suspect, beside := w.Experiments[1].Key, w.Experiments[3].Key
			asked := 0
			w.again = func(k bench.Key) []bench.Key {
				if k != suspect || asked == tt.rounds {
					return nil
				}
				asked++
				return []bench.Key{suspect, {Task: "gone"}, beside}
			}
			runs, c, err := w.Cycle(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if c.Done != 4 || c.Total != 4 || c.Reruns != tt.want || len(runs) != 4+tt.want {
				t.Errorf("%d of %d runs and %d reruns, %d in all: want 4, 4, %d", c.Done, c.Total, c.Reruns, len(runs), tt.want)
			}
			for i, r := range runs {
				if r.Rerun != (r.Key == suspect && i > 0 && slices.ContainsFunc(runs[:i], func(o bench.Run) bool { return o.Key == suspect })) && r.Key == suspect {
					t.Errorf("run %d of the suspect has rerun %v", i, r.Rerun)
				}
				if r.Rerun && r.Key != suspect && r.Key != beside {
					t.Errorf("%s was run again", r.Key)
				}
			}
		})
	}
}
