package judge

import (
	"slices"
	"testing"

	"benchd/daemon/bench"
)

// A baseline is held against the canary that does as it does. When the machine
// computes more slowly for some cycles, but by too little to call it the host,
// the canary that waits is no witness against the model.
func TestBaselineIsHeldAgainstItsLike(t *testing.T) {
	t.Parallel()
	baseline, spin := key("cpu", golang, "sync", 1), key("canary", golang, "spin", 1)
	var told []string
	for seed := range uint64(20) {
		w := newWorld(t, seed)
		w.noise, w.shared, w.options.LeastChange = 0.012, 0, 0.03
		w.options.Experiments = slices.DeleteFunc(w.options.Experiments, func(x bench.Experiment) bool {
			return !x.Canary && (x.Task != "cpu" || x.Runtime != golang) // too few to tell the host by
		})
		w.start()
		w.cycles(40)
		w.factor = func(k bench.Key, f bench.Figure) float64 {
			switch {
			case w.cycle > 44 || k == waiting || f != bench.Time:
				return 1
			case k == spin:
				return 1.018
			default:
				return 1.04
			}
		}
		w.cycles(20)
		for _, c := range w.history.changes {
			if c.Key == baseline && c.Scope == bench.ScopeModel {
				told = append(told, c.Sentence())
			}
		}
	}
	if len(told) > 1 { // by the canary that waits it were in 9 of 20 worlds
		t.Errorf("in 20 worlds the baseline is blamed %d times: %q", len(told), told)
	}
}

func TestReference(t *testing.T) {
	baseline, spin := key("cpu", golang, "sync", 1), key("canary", golang, "spin", 1)
	w := newWorld(t, 1)
	w.cycles(5)
	c := w.byKey[baseline]
	expect := func(f bench.Figure, want bench.Key) {
		t.Helper()
		if with := w.reference(c, f); with == nil || with.Key != want {
			t.Errorf("%s is held against %v, want %s", f, with, want)
		}
	}
	expect(bench.Time, spin)
	expect(bench.CPU, spin)
	for i := range c.points {
		c.points[i].CPUSecondsPerUnit /= 20 // it waits
	}
	expect(bench.Time, waiting)
	expect(bench.LatencyP99, waiting)
	expect(bench.CPU, spin)
	c = w.byKey[key("cpu", golang, "loop", 1)]
	expect(bench.Time, baseline)
	for _, none := range []bench.Figure{bench.Memory, bench.Relative} {
		if with := w.reference(c, none); with != nil {
			t.Errorf("%s is held against %s", none, with.Key)
		}
	}
	if with := w.reference(w.byKey[spin], bench.Time); with != nil {
		t.Errorf("a canary is held against %s", with.Key)
	}
}
