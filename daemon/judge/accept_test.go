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
