package judge

import (
	"errors"
	"math"
	"testing"
	"time"

	"benchd/daemon/bench"
)

// regressed is a world in which one figure of one experiment regressed.
func regressed(t *testing.T, by float64) (*world, bench.Key, *bench.Change) {
	t.Helper()
	w := newWorld(t, 11)
	k := key("cpu", golang, "loop", 1)
	w.regresses(k, bench.CPU, by)
	w.cycles(int(52 - w.cycle))
	return w, k, w.of(k, bench.CPU)
}

// From acceptance on the new level is the baseline: staying there is steady,
// the way back an improvement.
func TestAccept(t *testing.T) {
	w, k, c := regressed(t, 1.3)
	accepted, err := w.Accept(t.Context(), bench.Selection{ID: c.ID}, "ann: new library")
	if err != nil || len(accepted) != 1 || accepted[0].Ending != bench.Accepted || accepted[0].By != "ann: new library" {
		t.Fatalf("%+v, %v", accepted, err)
	}
	w.start()
	w.cycles(30)
	if all := w.Judgements(); len(all.Ended) != 1 || all.Ended[0].ID != c.ID || all.Ended[0].Ending != bench.Accepted {
		t.Errorf("ended: %+v", all.Ended)
	}
	if s := w.byKey[k].course(bench.CPU); s.State != bench.Steady || s.open != nil {
		t.Errorf("%+v", s.Course)
	}
	w.slowdown(k, bench.CPU, w.cycle+1, 1)
	w.cycles(20)
	if c := w.of(k, bench.CPU); c == nil || c.Direction != bench.Improvement {
		t.Errorf("the way back is %+v", c)
	}
	for range 2 { // the second is of a daemon that was started anew
		if all := w.Judgements(); len(all.Ended) != 1 || all.Ended[0].ID != c.ID {
			t.Errorf("ended, while another is open: %+v", all.Ended)
		}
		w.start()
	}

	_, err = w.Accept(t.Context(), bench.Selection{ID: c.ID}, "")
	if !errors.Is(err, bench.ErrConflict) {
		t.Errorf("accepted twice: %v", err)
	}
	_, err = w.Accept(t.Context(), bench.Selection{ID: 999}, "")
	if !errors.Is(err, bench.ErrNotFound) {
		t.Errorf("unknown: %v", err)
	}
	all, err := w.Accept(t.Context(), bench.Selection{}, "")
	if err != nil || len(all) != 1 || len(w.open()) != 0 {
		t.Errorf("all: %v, %v", all, err)
	}
}

// Of several persons who accept one change at once, one does.
func TestAcceptedByManyAtOnce(t *testing.T) {
	w, _, c := regressed(t, 1.3)
	errs := make(chan error)
	const persons = 8
	for range persons {
		go func() {
			_, err := w.Accept(t.Context(), bench.Selection{ID: c.ID}, "")
			errs <- err
		}()
	}
	accepted := 0
	for range persons {
		switch err := <-errs; {
		case err == nil:
			accepted++
		case !errors.Is(err, bench.ErrConflict):
			t.Error(err)
		}
	}
	if accepted != 1 {
		t.Errorf("accepted %d times", accepted)
	}
}

// What was accepted is not told again when a noisier figure shows it later.
func TestAcceptedWithAnother(t *testing.T) {
	w := newWorld(t, 11)
	k := key("cpu", golang, "loop", 1)
	w.noise = 0.02
	w.slowdown(k, bench.Time, 41, 1.08)
	w.regresses(k, bench.CPU, 1.08)
	if _, err := w.Accept(t.Context(), bench.Selection{}, "ann: new library"); err != nil {
		t.Fatal(err)
	}
	known := len(w.history.changes)
	w.start()
	w.cycles(40)
	told := w.history.changes[known:]
	if len(told) == 0 {
		t.Fatal("nothing is seen later")
	}
	for _, change := range told {
		if change.Key != k || change.Ending != bench.Accepted || change.By != "ann: new library" || change.With == 0 {
			t.Errorf("%s", change.Sentence())
		}
	}
	if open := w.open(); len(open) > 0 {
		t.Errorf("open: %v", open)
	}
}

func TestOnlyTheSameChangeIsAcceptedWithAnother(t *testing.T) {
	accepted := func() bench.Change {
		return bench.Change{ID: 7, Figure: bench.CPU, Direction: bench.Regression, Ending: bench.Accepted, By: "ann",
			Began: bench.Moment{Cycle: 40, Run: 400}, ClosedRun: 490, Size: bench.Ratio{Ratio: 1.1, Low: 1.08, High: 1.12}}
	}
	later := func() bench.Change {
		return bench.Change{Figure: bench.Time, Direction: bench.Regression,
			Began: bench.Moment{Cycle: 43, Run: 430}, Size: bench.Ratio{Ratio: 1.2, Low: 1.11, High: 1.3}}
	}
	for name, tt := range map[string]struct {
		differ func(accepted, later, own *bench.Change)
		want   bool
	}{
		"the same":              {func(_, _, _ *bench.Change) {}, true},
		"smaller":               {func(_, c, _ *bench.Change) { c.Size = bench.Ratio{Ratio: 1.04, Low: 1.03, High: 1.05} }, true},
		"surely larger":         {func(_, c, _ *bench.Change) { c.Size.Low = 1.13 }, false},
		"dated later":           {func(_, c, _ *bench.Change) { c.Began.Cycle = 50 }, true},
		"dated earlier":         {func(_, c, _ *bench.Change) { c.Began.Cycle = 36 }, true},
		"began long before":     {func(_, c, _ *bench.Change) { c.Began.Cycle = 31 }, false},
		"began when accepted":   {func(a, c, _ *bench.Change) { c.Began.Run = a.ClosedRun + 1 }, false},
		"other direction":       {func(_, c, _ *bench.Change) { c.Direction = bench.Improvement }, false},
		"memory":                {func(_, c, _ *bench.Change) { c.Figure = bench.Memory }, false},
		"memory was accepted":   {func(a, _, _ *bench.Change) { a.Figure = bench.Memory }, false},
		"p99":                   {func(_, c, _ *bench.Change) { c.Figure = bench.LatencyP99 }, false},
		"p99 was accepted":      {func(a, _, _ *bench.Change) { a.Figure = bench.LatencyP99 }, false},
		"the host was accepted": {func(a, _, _ *bench.Change) { a.Scope = bench.ScopeHost }, false},
		"was itself another's":  {func(a, _, _ *bench.Change) { a.With = 3 }, false},
		"recovered":             {func(a, _, _ *bench.Change) { a.Ending = bench.Recovered }, false},
		"its own is there":      {func(_, _, own *bench.Change) { own.Began.Cycle = 41 }, false},
		"its own is of earlier": {func(_, _, own *bench.Change) { own.Began.Cycle = 20 }, true},
		"improvements":          {func(a, c, _ *bench.Change) { better(a, 0.9); better(c, 0.85) }, true},
		"surely a larger improvement": {func(a, c, _ *bench.Change) {
			better(a, 0.9)
			better(c, 0.7)
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			a, c, own := accepted(), later(), bench.Change{Ending: bench.Superseded}
			tt.differ(&a, &c, &own)
			cell := newCell(bench.Experiment{})
			cell.points = []bench.Point{{Sound: true, SecondsPerUnit: 1, CPUSecondsPerUnit: 0.9}}
			cell.course(c.Figure).ended = &own
			cell.course(a.Figure).ended = &a
			if got := cell.acceptedWith(&c); (got != nil) != tt.want {
				t.Errorf("it is accepted with %+v", got)
			}
		})
	}
}

// What an experiment that waits computes is no sign of how long it takes.
func TestNotTheSameWork(t *testing.T) {
	c := newCell(bench.Experiment{})
	c.points = []bench.Point{{Sound: true, SecondsPerUnit: 1, CPUSecondsPerUnit: 0.1}}
	if c.sameWork(bench.CPU, bench.Time) || c.sameWork(bench.Relative, bench.CPU) || !c.sameWork(bench.Time, bench.Relative) {
		t.Error("of what waits, CPU time and wall time clock the same work, or wall time does not")
	}
}

// better makes an improvement of the change.
func better(c *bench.Change, ratio float64) {
	c.Direction, c.Size = bench.Improvement, bench.Ratio{Ratio: ratio, Low: ratio - 0.06, High: ratio + 0.02}
}

func TestAcceptByItself(t *testing.T) {
	w, k, c := regressed(t, 1.3)
	w.options.AcceptAfter = 24 * time.Hour
	w.start()
	w.cycles(96 - 20)
	if w.of(k, bench.CPU) == nil {
		t.Fatal("accepted before its time")
	}
	w.cycles(21)
	if got := w.history.changes[c.ID-1]; got.Ending != bench.Expired {
		t.Errorf("after %v: %q", w.now.Sub(got.Detected.Time), got.Ending)
	}
	if s := w.byKey[k].course(bench.CPU); s.State != bench.Steady {
		t.Errorf("%+v", s.Course)
	}
}

// TestAWrongClockAcceptsNothing sets the clock years ahead, and back to 1970, for
// a cycle each.
func TestAWrongClockAcceptsNothing(t *testing.T) {
	w, k, c := regressed(t, 1.3)
	for _, w.wrong = range []time.Duration{10 * 365 * 24 * time.Hour, midnight.Sub(time.Unix(0, 0)) * -1, 0} {
		w.cycles(1)
		w.start()
		if got := w.of(k, bench.CPU); got == nil || got.ID != c.ID {
			t.Fatalf("with a clock wrong by %v: %v", w.wrong, w.history.changes[c.ID-1])
		}
	}
}

// Another input is another series: nothing is held against the old one.
func TestAnotherInput(t *testing.T) {
	w, k, c := regressed(t, 1.3)
	for i := range w.options.Experiments {
		w.options.Experiments[i].Size = "quick"
	}
	w.start()
	if got := w.history.changes[c.ID-1]; !got.Open() || len(w.open()) > 0 {
		t.Errorf("ended as %q; shown are %v", got.Ending, w.open())
	}
	w.slowdown(k, bench.CPU, w.cycle+1, 0.1)
	n := len(w.history.changes)
	w.cycles(20)
	if len(w.history.changes) != n {
		t.Errorf("%v", w.history.changes[n:])
	}
	for i := range w.options.Experiments {
		w.options.Experiments[i].Size = "standard"
	}
	w.start()
	if w.of(k, bench.CPU) == nil {
		t.Error("when the input is back the change is not open any more")
	}
}

// A change whose input or experiment is not measured any more ends by itself too;
// and however many runs of another input there are, those of this one are known
// when it is back.
func TestAnotherInputForLong(t *testing.T) {
	w, k, c := regressed(t, 1.3)
	w.only("cpu")
	w.options.AcceptAfter = 4 * 24 * time.Hour
	size := func(name string) {
		for i := range w.options.Experiments {
			w.options.Experiments[i].Size = name
		}
		w.start()
	}
	runs := w.byKey[k].course(bench.CPU).Runs
	size("quick")
	w.cycles(window + 10)
	size("standard")
	if s := w.byKey[k].course(bench.CPU); s.open == nil || s.Runs != runs {
		t.Errorf("of %d runs of the level %d are known; open is %v", runs, s.Runs, w.open())
	}
	size("quick")
	w.cycles(4*96 - window)
	if got := w.history.changes[c.ID-1]; got.Ending != bench.Expired {
		t.Errorf("after %v: %q", w.now.Sub(got.Detected.Time), got.Ending)
	}
}

// A drift too slow for the detector shows against the pinned baseline.
func TestDrift(t *testing.T) {
	w := newWorld(t, 12)
	k := key("cpu", golang, "loop", 1)
	if _, err := w.Pin(t.Context(), "too early"); !errors.Is(err, bench.ErrConflict) {
		t.Errorf("pinned without runs: %v", err)
	}
	w.cycles(40)
	pin, err := w.Pin(t.Context(), "spring")
	if err != nil || len(pin.Levels) < 70 || !pin.Pinned.Equal(w.now) {
		t.Fatalf("%d levels at %v, %v", len(pin.Levels), pin.Pinned, err)
	}
	if _, err := w.Pin(t.Context(), "spring"); !errors.Is(err, bench.ErrConflict) {
		t.Errorf("pinned twice: %v", err)
	}
	start := w.cycle
	w.factor = func(of bench.Key, f bench.Figure) float64 {
		if of == k && f == bench.CPU {
			return 1 + 0.001*float64(w.cycle-start)
		}
		return 1
	}
	w.cycles(150)
	w.start()
	drift := w.byKey[k].course(bench.CPU).Drift
	if drift == nil || math.Abs(drift.Ratio-1.14) > 0.02 || drift.Low > 1.14 || drift.High < 1.13 {
		t.Errorf("drift is %+v, want about 1.14", drift)
	}
	if other := w.byKey[key("cpu", golang, "threads", 10)].course(bench.CPU).Drift; other == nil || math.Abs(other.Ratio-1) > 0.02 {
		t.Errorf("the other's drift is %+v", other)
	}
	if err := w.Unpin(t.Context(), "autumn"); !errors.Is(err, bench.ErrNotFound) {
		t.Errorf("unpinned what there is not: %v", err)
	}
	if err := w.Unpin(t.Context(), "spring"); err != nil || w.Judgements().PinName != "" || w.byKey[k].course(bench.CPU).Drift != nil {
		t.Errorf("unpinned: %v, %q", err, w.Judgements().PinName)
	}
	if pins, err := w.Pins(t.Context()); err != nil || len(pins) != 0 {
		t.Errorf("%v, %v", pins, err)
	}
}
