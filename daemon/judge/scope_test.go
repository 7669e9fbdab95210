package judge

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"benchd/daemon/bench"
)

// changed counts the changes of a scope, and lists the others in words.
func (w *world) changed(scope bench.Scope) (n int, others []string) {
	for _, c := range w.history.changes {
		if c.Scope == scope {
			n++
		} else {
			others = append(others, c.Sentence())
		}
	}
	return n, others
}

// When everything gets slower, the canary included, it was the host.
func TestHostGetsSlower(t *testing.T) {
	w := newWorld(t, 1)
	w.cycles(40)
	w.factor = func(_ bench.Key, f bench.Figure) float64 {
		if f == bench.Time || f == bench.CPU {
			return 1.3
		}
		return 1
	}
	w.cycles(15)
	n, others := w.changed(bench.ScopeHost)
	if n < 10 || len(others) > 0 {
		t.Errorf("%d changes of the host, and %v", n, others)
	}
	all := w.Judgements()
	if all.Host != bench.HostSlower || all.HostRatio == nil || all.HostRatio.Low > 1.3 || all.HostRatio.High < 1.25 {
		t.Errorf("the host is %s by %v", all.Host, all.HostRatio)
	}
	w.factor = func(bench.Key, bench.Figure) float64 { return 1 }
	w.cycles(30)
	if all := w.Judgements(); all.Host != bench.HostOK || len(all.Open) > 0 {
		for _, c := range all.Open {
			t.Error(c.Sentence())
		}
		t.Errorf("afterwards the host is %s", all.Host)
	}
}

// While a host recovers nothing becomes a model's that was the host's: neither
// with several runs in a cycle, nor of a model most of whose runs are dirty, which
// shows later than the canary that all is as it was.
func TestHostRecovers(t *testing.T) {
	victim := key("cpu", golang, "loop", 1)
	for name, prepare := range map[string]func(*world){
		"several runs in a cycle": func(w *world) { w.options.Repeat = 3 },
		"a model seldom clean": func(w *world) {
			w.dirty = func(k bench.Key) bool { return k == victim && w.cycle%5 != 0 }
		},
	} {
		for _, slow := range []int{20, 40} {
			t.Run(fmt.Sprintf("%s, slow for %d cycles", name, slow), func(t *testing.T) {
				w := newWorld(t, 9)
				prepare(w)
				w.only("cpu")
				w.start()
				w.cycles(60)
				begun := w.cycle
				w.factor = func(_ bench.Key, f bench.Figure) float64 {
					if f == bench.Time && w.cycle > begun && w.cycle <= begun+int64(slow) {
						return 1.4
					}
					return 1
				}
				for range slow + 40 {
					w.cycles(1)
					for _, c := range w.history.changes {
						if c.Scope != bench.ScopeHost {
							t.Fatalf("cycle %d: %s", w.cycle-begun, c.Sentence())
						}
					}
				}
				if len(w.history.changes) < 8 {
					t.Errorf("only %d changes: the host was not noticed", len(w.history.changes))
				}
			})
		}
	}
}

// A host that moved well before a model excuses it no longer: the ratio to the
// baseline shows whose it is.
func TestModelAfterAHost(t *testing.T) {
	w := newWorld(t, 10)
	w.noise, w.shared = 0.02, 0.02
	victim := key("cpu", golang, "loop", 1)
	w.cycles(40)
	w.factor = func(k bench.Key, f bench.Figure) float64 {
		slow := 1.0
		if f == bench.Time && w.cycle > 40 {
			slow = 1.1
		}
		if f == bench.Time && w.cycle > 46 && k == victim {
			slow *= 1.09
		}
		return slow
	}
	w.cycles(40)
	if c := w.of(victim, bench.Relative); c == nil || c.Scope != bench.ScopeModel {
		t.Errorf("open is %+v", w.open())
	}
}

// Some experiments that a neighbour is blamed for are not the host; most are.
func TestHostByFollowers(t *testing.T) {
	for followers, want := range map[int]bench.HostState{3: bench.HostOK, 5: bench.HostOK, 8: bench.HostOK, 9: bench.HostSlower} {
		w := newWorld(t, 11)
		w.cycles(12)
		n := 0
		for _, c := range w.cells {
			if !c.Canary && n < followers {
				n++
				c.courses[0].open = &bench.Change{Scope: bench.ScopeHost, Direction: bench.Regression}
			}
		}
		if got := w.Judgements().Host; got != want {
			t.Errorf("with %d of 16 followers the host is %s, want %s", followers, got, want)
		}
	}
}

// It stays the host's when the runs from before are long forgotten.
func TestHostStaysSlower(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.cycles(40)
	w.factor = func(_ bench.Key, f bench.Figure) float64 {
		if f == bench.Time {
			return 1.3
		}
		return 1
	}
	w.cycles(window + 20)
	if _, others := w.changed(bench.ScopeHost); len(others) > 0 {
		t.Errorf("%v", others)
	}
	if all := w.Judgements(); all.Host != bench.HostSlower {
		t.Errorf("the host is %s", all.Host)
	}
}

// The same without a canary: most experiments say it.
func TestHostGetsSlowerWithoutCanary(t *testing.T) {
	w := newWorld(t, 2)
	w.options.Experiments = slices.DeleteFunc(w.options.Experiments, func(e bench.Experiment) bool { return e.Canary })
	w.start()
	w.cycles(40)
	w.factor = func(_ bench.Key, f bench.Figure) float64 {
		if f == bench.Time {
			return 1.3
		}
		return 1
	}
	w.cycles(15)
	for _, c := range w.open() {
		if c.Scope != bench.ScopeHost {
			t.Error(c.Sentence())
		}
	}
	if all := w.Judgements(); all.Host != bench.HostSlower {
		t.Errorf("the host is %s", all.Host)
	}
}

// A model that got slower while the host was slower too is blamed once the
// host is as it was.
func TestModelBehindAHost(t *testing.T) {
	w := newWorld(t, 3)
	victim := key("cpu", golang, "loop", 1)
	w.cycles(40)
	w.factor = func(k bench.Key, f bench.Figure) float64 {
		slow := 1.0
		if f == bench.Time && w.cycle <= 60 {
			slow = 1.3
		}
		if k == victim && f == bench.Time {
			slow *= 1.3
		}
		return slow
	}
	w.cycles(20)
	w.cycles(40)
	c := w.of(victim, bench.Time)
	if c == nil || c.Scope != bench.ScopeModel {
		t.Errorf("open is %+v", c)
	}
}

// When the baseline changes, so do all ratios to it: of those nothing is told.
func TestBaselineChanges(t *testing.T) {
	for name, by := range map[string]float64{"slower": 1.3, "faster": 0.75} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, 4)
			baseline := key("cpu", golang, "sync", 1)
			w.cycles(40)
			w.slowdown(baseline, bench.Time, 41, by)
			w.cycles(25)
			for _, c := range w.open() {
				if c.Key != baseline {
					t.Error(c.Sentence())
				}
			}
			if w.of(baseline, bench.Time) == nil {
				t.Error("the baseline's own change was not found")
			}
			if n, _ := w.changed(bench.ScopeBaseline); n == 0 {
				t.Error("no ratio got a new level")
			}
		})
	}
}

// Whose a ratio's change is shows although the machine makes all runs of a cycle
// vary by as much: what all share is no one's.
func TestRatioOnARestlessMachine(t *testing.T) {
	t.Parallel()
	for model, tt := range map[string]struct {
		by    float64
		scope bench.Scope
	}{"loop": {1.1, bench.ScopeModel}, "sync": {1 / 1.1, bench.ScopeBaseline}} {
		right, wrong := 0, []string{}
		for seed := range uint64(20) {
			w := newWorld(t, seed)
			w.only("cpu")
			w.shared, w.noise = 0.08, 0.02
			w.slowdown(key("cpu", golang, model, 1), bench.Time, 41, tt.by)
			w.cycles(70)
			for _, c := range w.history.changes {
				switch {
				case c.Figure != bench.Relative || c.Key.Runtime != golang:
				case c.Scope == tt.scope:
					right++
				default:
					wrong = append(wrong, c.Sentence())
				}
			}
		}
		if right < 18 || len(wrong) > 1 {
			t.Errorf("when %s changes, %d ratios are put down to the %s, not so %q", model, right, tt.scope, wrong)
		}
	}
}

// The CPU time of a canary that waits is a few milliseconds, which vary at will:
// no excuse for a model.
func TestVagueCanaryIsNoExcuse(t *testing.T) {
	t.Parallel()
	victim := key("cpu", golang, "loop", 1)
	found := 0
	for seed := range uint64(40) {
		w := newWorld(t, seed)
		w.only("cpu")
		w.cycles(40)
		w.slowdown(victim, bench.CPU, 41, 1.06)
		for range 20 {
			w.cycles(1)
			if c := w.of(victim, bench.CPU); c != nil && c.Scope != bench.ScopeModel {
				t.Errorf("seed %d: %s", seed, c.Sentence())
			}
		}
		if w.of(victim, bench.CPU) != nil {
			found++
		}
	}
	if found < 36 {
		t.Errorf("found in %d of 40 worlds", found)
	}
}

// A canary that moves by itself is no excuse either: what does as the model does
// stayed where it was.
func TestRestlessCanaryIsNoExcuse(t *testing.T) {
	t.Parallel()
	victim, spin := key("cpu", golang, "loop", 1), key("canary", golang, "spin", 1)
	found := 0
	for seed := range uint64(20) {
		w := newWorld(t, seed)
		w.options.Experiments = slices.DeleteFunc(w.options.Experiments, func(x bench.Experiment) bool {
			return !x.Canary && (x.Task != "cpu" || x.Runtime != golang)
		})
		w.start()
		w.noise, w.shared = 0.015, 0
		w.cycles(40)
		w.factor = func(k bench.Key, f bench.Figure) float64 {
			switch {
			case f == bench.Time && k == victim:
				return 1.05
			case f == bench.Time && k == spin:
				return 1.04
			default:
				return 1
			}
		}
		w.cycles(20)
		if c := w.of(victim, bench.Time); c != nil && c.Scope == bench.ScopeModel {
			found++
		}
	}
	if found < 18 {
		t.Errorf("in %d of 20 worlds it is the model's", found)
	}
}

// A little slower host is the host in most cases, also where few runs tell.
func TestHostGetsALittleSlower(t *testing.T) {
	t.Parallel()
	models, host := 0, 0
	for seed := range uint64(20) {
		w := newWorld(t, seed)
		w.only("cpu")
		w.noise, w.shared = 0.02, 0.01
		w.cycles(40)
		w.factor = func(k bench.Key, f bench.Figure) float64 {
			if f == bench.Time && k != waiting {
				return 1.06
			}
			return 1
		}
		blamed := map[int64]bool{}
		for range 20 {
			w.cycles(1)
			for _, c := range w.open() {
				if c.Scope == bench.ScopeModel {
					blamed[c.ID] = true
				}
			}
		}
		models += len(blamed)
		n, _ := w.changed(bench.ScopeHost)
		host += n
	}
	t.Logf("%d changes of the host, %d of models", host, models)
	if host < 100 || models > host/20 {
		t.Errorf("%d changes of the host, %d of models", host, models)
	}
}

// What the siblings of an experiment do, which share its library, is not the
// machine's, and no excuse.
func TestRatioAmongSiblings(t *testing.T) {
	t.Parallel()
	alone := key("cpu", golang, "loop", 1)
	for name, tt := range map[string]struct {
		moves func(bench.Key) bool
		by    float64
		of    func(bench.Key) bool // whose ratios change
		want  []bench.Scope
	}{
		"all but the baselines got slower": {
			func(k bench.Key) bool { return k.Model != "sync" }, 1.15,
			func(k bench.Key) bool { return k.Model != "sync" }, []bench.Scope{bench.ScopeModel, bench.ScopeHost}, // most others moved too
		},
		"all but one got faster": {
			func(k bench.Key) bool { return k != alone }, 0.87,
			func(k bench.Key) bool { return k == alone }, []bench.Scope{bench.ScopeBaseline},
		},
	} {
		right, wrong := 0, []string{}
		for seed := range uint64(10) {
			w := newWorld(t, seed)
			w.options.Experiments = slices.DeleteFunc(w.options.Experiments, func(x bench.Experiment) bool { return x.Runtime == python })
			w.start()
			w.shared, w.noise = 0.08, 0.02
			w.factor = func(k bench.Key, f bench.Figure) float64 {
				if f == bench.Time && k.Task != "canary" && w.cycle > 40 && tt.moves(k) {
					return tt.by
				}
				return 1
			}
			w.cycles(70)
			for _, c := range w.history.changes {
				switch {
				case c.Figure != bench.Relative || !tt.of(c.Key):
				case slices.Contains(tt.want, c.Scope):
					right++
				default:
					wrong = append(wrong, c.Sentence())
				}
			}
		}
		if right < 9 || len(wrong) > right/20 {
			t.Errorf("when %s, %d ratios are put down as they should be, not so %d: %q", name, right, len(wrong), wrong)
		}
	}
}

// Another version of an interpreter: its experiments move, the others do not.
func TestRuntimeChanges(t *testing.T) {
	w := newWorld(t, 5)
	w.cycles(40)
	w.factor = func(k bench.Key, f bench.Figure) float64 {
		if k.Runtime == python && f == bench.CPU {
			return 1.25
		}
		return 1
	}
	w.version = func(runtime string) string {
		if runtime == python {
			return "1.1"
		}
		return "1.0"
	}
	w.cycles(20)
	open := w.open()
	if len(open) < 6 {
		t.Errorf("only %d are open", len(open))
	}
	for _, c := range open {
		if c.Scope != bench.ScopeRuntime || c.Runtime != python || len(c.Differences) != 1 || c.Differences[0].String() != "runtime from 1.0 to 1.1" {
			t.Error(c.Sentence())
		}
	}
}

// What begins while a neighbour is there is his, unless it outlasts him by far.
func TestChangeBesideANeighbour(t *testing.T) {
	w := newWorld(t, 7)
	w.only("cpu")
	w.reruns = 0 // of the victim there would be many clean runs
	w.start()
	victim := key("cpu", golang, "loop", 1)
	// What was long ago says nothing of what is usual.
	const comes = 500
	w.dirty = func(k bench.Key) bool {
		return k != victim && (w.cycle < 200 || slices.Contains([]int64{comes - 1, comes, comes + 2}, w.cycle))
	}
	w.cycles(comes)
	w.slowdown(victim, bench.Time, comes+1, 1.3)
	w.cycles(12)
	if c := w.of(victim, bench.Time); c == nil || c.Scope != bench.ScopeHost {
		t.Errorf("open is %+v", w.open())
	}
	w.cycles(10)
	if c := w.of(victim, bench.Time); c == nil || c.Scope != bench.ScopeModel {
		t.Errorf("long after the neighbour has gone open is %+v", w.open())
	}
}

func TestDisturbedHost(t *testing.T) {
	w := newWorld(t, 6)
	w.cycles(5)
	if all := w.Judgements(); all.Host != bench.HostOK || all.Disturbed != 0 {
		t.Errorf("the host is %s, %v", all.Host, all.Disturbed)
	}
	n := len(w.options.Experiments)
	for i := range w.history.runs[len(w.history.runs)-n:] { // a warm-up cycle does not count, however dirty
		r := &w.history.runs[len(w.history.runs)-n+i]
		r.WarmUp, r.Noise = true, []bench.Noise{bench.NoiseSteal}
	}
	w.start()
	if all := w.Judgements(); all.Disturbed != 0 {
		t.Errorf("after a restart %v are disturbed", all.Disturbed)
	}
	w.dirty = func(bench.Key) bool { return true }
	w.cycles(1)
	if all := w.Judgements(); all.Host != bench.HostDisturbed || math.Abs(all.Disturbed-18.0/20) > 1e-9 {
		t.Errorf("the host is %s, %v", all.Host, all.Disturbed)
	}
	w.start()
	if all := w.Judgements(); all.Host != bench.HostDisturbed {
		t.Errorf("after a restart the host is %s", all.Host)
	}
}
