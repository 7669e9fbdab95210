package judge

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"benchd/daemon/bench"
)

// slowdown multiplies a figure of an experiment from a cycle on.
func (w *world) slowdown(k bench.Key, f bench.Figure, from int64, by float64) {
	usual := w.factor
	w.factor = func(of bench.Key, figure bench.Figure) float64 {
		if of == k && figure == f && w.cycle >= from {
			return by
		}
		return usual(of, figure)
	}
}

// regresses slows an experiment down from cycle 41 on, until that is found.
func (w *world) regresses(k bench.Key, f bench.Figure, by float64) {
	w.t.Helper()
	w.cycles(40)
	w.slowdown(k, f, 41, by)
	for w.of(k, f) == nil && w.cycle < 60 {
		w.cycles(1)
	}
	if w.of(k, f) == nil {
		w.t.Fatal("not found")
	}
}

// A step in any figure is found, sized, dated and blamed on the model; nothing
// else is.
func TestRegressionOfOneModel(t *testing.T) {
	for _, tt := range []struct {
		figure bench.Figure
		by     float64
		within int64 // cycles
	}{
		{bench.Time, 1.2, 10},
		{bench.CPU, 1.05, 20},
		{bench.CPU, 1.2, 10},
		{bench.Memory, 1.2, 10},
		{bench.LatencyP99, 1.3, 10},
	} {
		t.Run(string(tt.figure), func(t *testing.T) {
			w := newWorld(t, 1)
			victim := key("io", python, "threads", 10)
			w.cycles(40)
			if open := w.open(); len(open) > 0 {
				t.Fatalf("open before anything happened: %v", open)
			}
			w.slowdown(victim, tt.figure, 41, tt.by)
			for w.of(victim, tt.figure) == nil && w.cycle < 40+tt.within {
				w.cycles(1)
			}
			c := w.of(victim, tt.figure)
			if c == nil {
				t.Fatalf("not found within %d cycles", tt.within)
			}
			if c.Direction != bench.Regression || c.Scope != bench.ScopeModel || math.Abs(float64(c.Began.Cycle-41)) > 3 ||
				c.Size.Low > tt.by || c.Size.High < tt.by || c.Size.Low <= 1 || c.LastBefore.Run >= c.Began.Run || c.Detected.Run < c.Began.Run {
				t.Errorf("%s\n%+v", c.Sentence(), c)
			}
			w.cycles(10)
			for _, other := range w.open() {
				if other.Key != victim {
					t.Errorf("blamed as well: %s", other.Sentence())
				}
			}
		})
	}
}

// A suspect is run again beside its baseline and the canary, within the cycle
// in which it was seen; without reruns it takes longer.
func TestRerunsShortenTheDelay(t *testing.T) {
	victim := key("cpu", golang, "threads", 100)
	delay := func(reruns int) int64 {
		w := newWorld(t, 2)
		w.reruns = reruns
		w.cycles(40)
		w.rounds = 0
		w.slowdown(victim, bench.Time, 41, 1.3)
		for w.of(victim, bench.Time) == nil && w.cycle < 80 {
			if reruns > 0 && w.cycle == 41 {
				want := []bench.Key{victim, key("cpu", golang, "sync", 1), waiting, key("canary", golang, "spin", 1)}
				if again := w.Again(victim); again != nil && !cmp.Equal(want, again) {
					t.Errorf("run again is %v, want %v", again, want)
				}
			}
			w.cycles(1)
		}
		if (w.rounds > 0) != (reruns > 0) {
			t.Errorf("%d rounds of reruns, of at most %d a cycle", w.rounds, reruns)
		}
		return w.cycle - 40
	}
	with, without := delay(6), delay(0)
	if with >= without || with > 3 {
		t.Errorf("found after %d cycles with reruns, after %d without", with, without)
	}
}

// One bad minute, however bad, is not a change: the runs of a new level are of
// two cycles at least.
func TestOneBadCycleIsNoChange(t *testing.T) {
	w := newWorld(t, 3)
	w.reruns = 30
	victim := key("cpu", golang, "loop", 1)
	w.cycles(40)
	w.factor = func(k bench.Key, f bench.Figure) float64 {
		if k == victim && f == bench.Time && w.cycle == 41 {
			return 2
		}
		return 1
	}
	w.cycles(1)
	if w.rounds == 0 {
		t.Error("it was not even suspect")
	}
	w.cycles(10)
	if len(w.history.changes) > 0 {
		t.Errorf("%v", w.history.changes)
	}
}

// Several runs of a cycle are no reruns: they share what the cycle was like, and
// count as one.
func TestRepeatedRunsCountAsOne(t *testing.T) {
	w := newWorld(t, 13)
	w.options.Repeat, w.reruns = 4, 0
	w.start()
	memory := map[bench.Key]float64{}
	w.factor = func(k bench.Key, f bench.Figure) float64 {
		if f == bench.Memory {
			return memory[k]
		}
		return 1
	}
	for range 70 {
		for _, x := range w.options.Experiments {
			memory[x.Key] = math.Exp(0.01 * w.random.NormFloat64()) // of the cycle
		}
		w.cycles(1)
	}
	for _, c := range w.history.changes {
		if c.Figure == bench.Memory {
			t.Error(c.Sentence())
		}
	}
	if runs := w.byKey[w.options.Experiments[3].Key].course(bench.Memory).Runs; runs != 4*70 {
		t.Errorf("%d runs are looked at, want all", runs)
	}
}

func TestDirtyRunsAreNotLookedAt(t *testing.T) {
	w := newWorld(t, 4)
	victim := key("cpu", golang, "loop", 1)
	w.cycles(30)
	w.slowdown(victim, bench.Time, 31, 2)
	w.dirty = func(k bench.Key) bool { return k == victim }
	before := w.byKey[victim].course(bench.Time).Course
	w.cycles(30)
	if diff := cmp.Diff(before, w.byKey[victim].course(bench.Time).Course); diff != "" || len(w.history.changes) > 0 {
		t.Errorf("dirty runs changed the course:\n%s\n%v", diff, w.history.changes)
	}
}

// What gets better is told, and is what the next runs are held against: losing
// it again is a regression.
func TestImprovementAndItsLoss(t *testing.T) {
	t.Parallel()
	held := 0
	for seed := range uint64(10) {
		w := newWorld(t, seed)
		k := key("cpu", golang, "loop", 1)
		w.only("cpu")
		w.start()
		w.cycles(40)
		w.slowdown(k, bench.CPU, 41, 0.8)
		w.cycles(20)
		c := w.of(k, bench.CPU)
		if c == nil || c.Direction != bench.Improvement || w.byKey[k].course(bench.CPU).State != bench.Improved {
			t.Fatalf("open: %+v", w.open())
		}
		w.slowdown(k, bench.CPU, 61, 1)
		w.cycles(1)
		if s := w.byKey[k].course(bench.CPU); s.State != bench.Suspected || s.open == nil {
			t.Errorf("at once the loss is %s", s.State)
		}
		w.cycles(19)
		lost := w.of(k, bench.CPU)
		if lost == nil || lost.Direction != bench.Regression || lost.ID == c.ID {
			t.Fatalf("open: %+v", w.open())
		}
		if lost.Size.Low <= 1.25 && lost.Size.High >= 1.25 {
			held++
		}
		if first := w.history.changes[c.ID-1]; first.Ending != bench.Superseded {
			t.Errorf("the improvement ended as %q", first.Ending)
		}
	}
	if held < 8 {
		t.Errorf("%d of 10 intervals of 95 %% hold the size", held)
	}
}

func TestRecovery(t *testing.T) {
	for name, after := range map[string]int{"at once": 2, "in time": 30} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, 6)
			k := key("io", golang, "loop", 1)
			w.regresses(k, bench.Time, 1.25)
			w.cycles(after)
			if w.of(k, bench.Time) == nil {
				t.Fatal("not found, or not kept open")
			}
			w.slowdown(k, bench.Time, w.cycle+1, 1)
			back := w.cycle + 1
			for w.of(k, bench.Time) != nil && w.cycle < back+15 {
				w.cycles(1)
			}
			if w.of(k, bench.Time) != nil {
				t.Fatalf("still open after %d good cycles", w.cycle-back+1)
			}
			if c := w.history.changes[0]; c.Ending != bench.Recovered || c.Closed.IsZero() {
				t.Errorf("ended as %q at %v", c.Ending, c.Closed)
			}
			w.cycles(20)
			for _, c := range w.history.changes {
				if c.Key == k && c.Open() {
					t.Errorf("after the recovery: %s", c.Sentence())
				}
			}
		})
	}
}

// Half a recovery is none: what is left stays open, of its present size.
func TestPartOfARegressionIsLeft(t *testing.T) {
	w := newWorld(t, 14)
	k := key("io", golang, "loop", 1)
	w.regresses(k, bench.CPU, 1.4)
	w.slowdown(k, bench.CPU, w.cycle+2, 1.15)
	w.cycles(20)
	c := w.of(k, bench.CPU)
	if c == nil || math.Abs(c.Size.Ratio-1.15) > 0.02 || math.Abs(float64(c.Began.Cycle-41)) > 3 {
		t.Errorf("open is %+v; all: %v", c, w.history.changes)
	}
}

// A regression that grows stays one change, of its present size.
func TestRegressionThatGrows(t *testing.T) {
	w := newWorld(t, 7)
	k := key("io", golang, "loop", 1)
	w.cycles(40)
	w.slowdown(k, bench.CPU, 41, 1.2)
	w.cycles(25)
	w.slowdown(k, bench.CPU, 66, 1.5)
	w.cycles(25)
	c := w.of(k, bench.CPU)
	if c == nil || math.Abs(c.Size.Ratio-1.5) > 0.03 || math.Abs(float64(c.Began.Cycle-41)) > 3 || c.Level <= c.Began.Run {
		t.Fatalf("%s: size %+v, began %+v, level %d", c.Sentence(), c.Size, c.Began, c.Level)
	}
	for _, other := range w.history.changes {
		if other.Key == k && other.Figure == bench.CPU && other.ID != c.ID {
			t.Errorf("a second change: %s", other.Sentence())
		}
	}
}

// Whatever happened, a daemon that is started anew, after every cycle or in the
// middle of them, says the same as one that never ended.
func TestRestartChangesNothing(t *testing.T) {
	story := func(prepare func(*world)) *world {
		w := newWorld(t, 8)
		prepare(w)
		k, other := key("io", python, "threads", 10), key("cpu", golang, "loop", 1)
		w.cycles(35)
		w.slowdown(k, bench.Time, 36, 1.2)
		w.slowdown(other, bench.Memory, 40, 1.2)
		w.cycles(20)
		w.slowdown(k, bench.Time, 56, 1)
		w.cycles(20)
		return w
	}
	steady := story(func(*world) {})
	for name, prepare := range map[string]func(*world){
		"once a cycle": func(w *world) {
			runs := 0
			w.after = func() {
				if runs++; runs%len(w.options.Experiments) == 0 {
					w.start()
				}
			}
		},
		"in the middle": func(w *world) {
			runs := 0
			w.after = func() { // now after this experiment, now after that one
				if runs++; runs%7 == 0 {
					w.start()
				}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			restarted := story(prepare)
			ignore := cmpopts.IgnoreFields(bench.Judgements{}, "Found", "Closed", "Suspects") // since the start
			if diff := cmp.Diff(steady.Judgements(), restarted.Judgements(), ignore, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("-steady +restarted:\n%s", diff)
			}
			if diff := cmp.Diff(steady.history.changes, restarted.history.changes); diff != "" || len(steady.history.changes) < 2 {
				t.Errorf("changes, -steady +restarted:\n%s", diff)
			}
			if steady.rounds != restarted.rounds {
				t.Errorf("%d rounds of reruns, restarted %d", steady.rounds, restarted.rounds)
			}
		})
	}
}

// What cannot be recorded is not shown; the next run shows it again.
func TestChangeThatCannotBeRecorded(t *testing.T) {
	w := newWorld(t, 9)
	k := key("cpu", golang, "loop", 1)
	w.cycles(40)
	w.slowdown(k, bench.CPU, 41, 1.5)
	w.history.fail = errors.New("the disk is full")
	w.cycles(10)
	if len(w.open()) > 0 || !strings.Contains(w.log.String(), "the disk is full") {
		t.Errorf("open: %v\n%s", w.open(), w.log.String())
	}
	if n := w.Judgements().Unrecorded; n == 0 {
		t.Error("no metric tells that it could not be recorded")
	}
	w.history.fail = nil
	w.cycles(1)
	if c := w.of(k, bench.CPU); c == nil || math.Abs(float64(c.Began.Cycle-41)) > 3 {
		t.Errorf("open: %+v", w.open())
	}
}

// Unchanged work, on a machine whose cycles differ: 300 cycles of 17
// experiments and nearly 80 figures.
func TestNothingChanges(t *testing.T) {
	t.Parallel()
	for seed := range uint64(3) {
		w := newWorld(t, 100+seed)
		w.cycles(100)
		for _, c := range w.history.changes {
			if c.Scope != bench.ScopeHost {
				t.Errorf("seed %d: %s", seed, c.Sentence())
			}
		}
		runs := 17 * 100
		if extra := float64(len(w.history.runs)-runs) / float64(runs); extra > 0.5 {
			t.Errorf("seed %d: reruns are %.0f %% of the plan", seed, 100*extra)
		}
	}
}

// Where cycles differ by a quarter of what a regression was, one of them strays
// to its side now and then; the recovery is seen all the same.
func TestRecoveryOnANoisyMachine(t *testing.T) {
	t.Parallel()
	k := key("io", golang, "loop", 1)
	for seed := range uint64(20) {
		w := newWorld(t, seed)
		w.only("io")
		w.regresses(k, bench.Time, 1.25)
		w.cycles(2)
		w.slowdown(k, bench.Time, w.cycle+1, 1)
		back := w.cycle
		for w.of(k, bench.Time) != nil && w.cycle < back+20 {
			w.cycles(1)
		}
		if c := w.of(k, bench.Time); c != nil {
			t.Errorf("seed %d: after 20 good cycles open is %s", seed, c.Sentence())
		}
	}
}

// What has recovered is the level that it was, and all that is known of that
// counts: the next regression is found as soon as if nothing had been.
func TestFoundSoonAfterARecovery(t *testing.T) {
	t.Parallel()
	late := 0
	var misdated []string
	for seed := range uint64(20) {
		w := newWorld(t, seed)
		w.only("cpu")
		w.noise, w.shared = 0.02, 0
		w.start()
		w.recovered(fast)
		again := w.cycle
		if w.toldAfter(fast, 1.05, 10) > 10 {
			late++
			continue
		}
		for _, c := range w.open() {
			if c.Key == fast && c.Began.Cycle < again-3 {
				misdated = append(misdated, fmt.Sprintf("seed %d: dated %d cycles before: %s", seed, again-c.Began.Cycle, c.Sentence()))
			}
		}
	}
	if len(misdated) > 1 {
		t.Errorf("%d are dated more than 3 cycles early: %q", len(misdated), misdated)
	}
	if late > 3 { // 14 where only the newest 3 values can be suspect
		t.Errorf("in %d of 20 worlds it takes more than 10 cycles", late)
	}
}
