package judge

import (
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"benchd/daemon/bench"
)

func (w *world) comparison(of bench.Key, f bench.Figure, among bench.Among) *bench.Comparison {
	for _, x := range w.Judgements().Experiments {
		for _, c := range x.Comparisons {
			if x.Key == of && c.Figure == f && c.Among == among {
				return &c
			}
		}
	}
	return nil
}

func (w *world) conclusion(task, runtime string, goal bench.Goal) bench.Conclusion {
	for _, c := range w.Judgements().Conclusions {
		if c.Task == task && c.Runtime == runtime && c.Goal == goal {
			return c
		}
	}
	return bench.Conclusion{}
}

// threads take half of sync's time, loop 3/8; threads at 100 are like those
// at 10.
func TestVerdicts(t *testing.T) {
	w := newWorld(t, 21)
	w.noise = 0.02
	w.cycles(3)
	loop := key("cpu", golang, "loop", 1)
	c := w.comparison(loop, bench.Throughput, bench.AmongModels)
	if c == nil || c.Verdict != bench.Unknown || c.Ratio != nil || c.Cycles != 3 ||
		c.Sentence != "Not enough data yet to compare throughput of loop 1 · go with sync 1 · go: 3 clean cycles that both have, at least 5 are needed." {
		t.Errorf("early: %+v", c)
	}
	if early := w.conclusion("cpu", golang, bench.GoalThroughput); early.Sentence != "For throughput there is not enough data yet." || len(early.Best) > 0 {
		t.Errorf("early: %+v", early)
	}
	w.cycles(20)
	c = w.comparison(loop, bench.Throughput, bench.AmongModels)
	if c == nil || c.Verdict != bench.Better || c.Cycles != 20 || c.Ratio.Low > 8.0/3 || c.Ratio.High < 8.0/3 ||
		!strings.HasPrefix(c.Sentence, "loop 1 · go is better: 2.") || !strings.Contains(c.Sentence, " x as fast as sync 1 · go (95 %: ") {
		t.Errorf("%+v", c)
	}
	if c := w.comparison(loop, bench.Memory, bench.AmongModels); c == nil || c.Verdict != bench.Same ||
		!strings.HasPrefix(c.Sentence, "loop 1 · go and sync 1 · go have the same peak memory, within 5 % (") {
		t.Errorf("memory: %+v", c)
	}
	// The same model in the first runtime, which is Python.
	if c := w.comparison(loop, bench.Throughput, bench.AmongRuntimes); c == nil || c.With != key("cpu", python, "loop", 1) || c.Verdict != bench.Same {
		t.Errorf("among runtimes: %+v", c)
	}
	if c := w.comparison(key("cpu", python, "loop", 1), bench.Throughput, bench.AmongRuntimes); c != nil {
		t.Errorf("the first runtime is compared with %v", c.With)
	}
	if c := w.comparison(key("cpu", python, "sync", 1), bench.Throughput, bench.AmongModels); c != nil {
		t.Errorf("the baseline is compared with %v", c.With)
	}
	if c := w.comparison(loop, bench.LatencyP99, bench.AmongModels); c != nil {
		t.Errorf("a figure that the task does not have: %+v", c)
	}
	if c := w.comparison(key("io", golang, "loop", 1), bench.LatencyP99, bench.AmongModels); c == nil || c.Verdict == bench.Worse || c.Verdict == bench.Better {
		t.Errorf("latencies that are the same: %+v", c)
	}
}

func TestConclusions(t *testing.T) {
	w := newWorld(t, 22)
	w.noise = 0.02
	w.cycles(25)
	of := w.conclusion("cpu", golang, bench.GoalThroughput)
	if len(of.Best) != 1 || of.Best[0] != key("cpu", golang, "loop", 1) || len(of.Avoid) != 1 || of.Avoid[0] != key("cpu", golang, "sync", 1) ||
		of.Sentence != "For throughput use loop 1 · go. Avoid sync 1 · go." {
		t.Errorf("%+v", of)
	}
	// All need the same memory: a tie is said to be one.
	if tie := w.conclusion("cpu", golang, bench.GoalMemory); len(tie.Best) != 4 || len(tie.Avoid) > 0 || !strings.Contains(tie.Sentence, "; a tie with ") {
		t.Errorf("%+v", tie)
	}
	among := w.conclusion("cpu", "", bench.GoalThroughput)
	if len(among.Best) != 2 || len(among.Undecided) > 0 || !strings.Contains(among.Sentence, "a tie with loop 1 · ") {
		t.Errorf("%+v", among)
	}
	if none := w.conclusion("cpu", golang, bench.GoalTailLatency); none.Goal != "" {
		t.Errorf("a goal that nobody has a figure of: %+v", none)
	}
	advice := map[bench.Advice]int{}
	for _, x := range w.Judgements().Experiments {
		if x.Task == "canary" && len(x.Advice)+len(x.Comparisons) > 0 {
			t.Errorf("a canary is compared: %+v", x)
		}
		for _, a := range x.Advice {
			if a.Goal == bench.GoalThroughput && a.Among == bench.AmongModels {
				advice[a.Advice]++
			}
		}
	}
	if advice[bench.Use] != 4 || advice[bench.Avoid] != 4 || advice[bench.Neutral] != 8 {
		t.Errorf("advice: %v", advice)
	}
}

// Noise that is larger than the difference: nothing is claimed, and how long it
// will take is.
func TestUndecided(t *testing.T) {
	w := newWorld(t, 23)
	w.noise = 0.2
	w.factor = func(k bench.Key, f bench.Figure) float64 {
		if k.Model == "threads" && k.Concurrency == 100 && f == bench.Time {
			return 0.7 // near loop
		}
		return 1
	}
	w.cycles(8)
	of := w.conclusion("cpu", golang, bench.GoalThroughput)
	if len(of.Undecided) == 0 || !strings.Contains(of.Sentence, "Not told apart from it yet: ") {
		t.Errorf("%+v", of)
	}
	told := false
	for _, x := range w.Judgements().Experiments {
		for _, c := range x.Comparisons {
			told = told || c.Verdict == bench.Unknown && c.Missing != nil && *c.Missing > 0 && strings.Contains(c.Sentence, "; it takes likely ")
		}
	}
	if !told {
		t.Error("nobody is told how many cycles it takes")
	}
}

// A cycle that was interrupted says nothing of models, neither before the restart
// nor after it.
func TestVerdictsAreOfWholeCycles(t *testing.T) {
	w := newWorld(t, 26)
	w.cycles(10)
	w.cycle++
	for _, x := range w.options.Experiments[:9] {
		w.run(x, 1)
	}
	before := w.Judgements()
	w.start()
	after := w.Judgements()
	compared := 0
	for i, x := range before.Experiments {
		compared += len(x.Comparisons)
		if diff := cmp.Diff(x.Comparisons, after.Experiments[i].Comparisons); diff != "" {
			t.Errorf("%s: -before +after the restart:\n%s", x.Key, diff)
		}
	}
	if compared < 50 {
		t.Errorf("only %d comparisons", compared)
	}
}

// A model that fails gets no recommendation, however fast it fails.
func TestFailuresAreNotRecommended(t *testing.T) {
	w := newWorld(t, 24)
	w.noise = 0.02
	w.cycles(70)
	fast := w.byKey[key("io", golang, "loop", 1)]
	for i := range fast.points[50:] { // what was before does not excuse it
		fast.points[50+i].ErrorRatio = 0.02
	}
	w.CycleEnded(t.Context(), bench.Cycle{Number: w.cycle})
	of := w.conclusion("io", golang, bench.GoalThroughput)
	if len(of.Best) == 0 || of.Best[0] == fast.Key || of.Avoid[0] != fast.Key {
		t.Errorf("%+v", of)
	}
	if c := w.comparison(fast.Key, bench.ErrorRatio, bench.AmongModels); c == nil || c.Verdict != bench.Worse ||
		c.Sentence != "loop 1 · go is worse: its share of failed items differs from that of sync 1 · go by +2 percentage points (95 %: +2 to +2 percentage points, 20 cycles)." {
		t.Errorf("%+v", c)
	}
}

func TestScaling(t *testing.T) {
	w := newWorld(t, 25)
	w.noise = 0.02
	for _, n := range []int{20, 200, 400} {
		for _, x := range w.options.Experiments {
			if x.Model == "threads" && x.Concurrency == 10 {
				x.Concurrency = n
				w.options.Experiments = append(w.options.Experiments, x)
			}
		}
	}
	w.factor = func(k bench.Key, f bench.Figure) float64 {
		if k.Model != "threads" || f != bench.Time {
			return 1
		}
		n := float64(k.Concurrency)
		return (1 + 0.02*(n-1) + 0.0001*n*(n-1)) / n // a peak at 99
	}
	w.start()
	w.cycles(2)
	if s := w.Judgements().Scalings; len(s) != 4 || s[0].Verdict != bench.ScalingUnknown {
		t.Errorf("early: %+v", s)
	}
	w.cycles(20)
	for _, s := range w.Judgements().Scalings {
		if s.Verdict != bench.PeakShown || math.Abs(s.Peak.Ratio-99) > 3 || s.Peak.Low >= s.Peak.High || math.Abs(s.Sigma.Ratio-0.02) > 0.003 || s.Best != 100 ||
			!strings.HasPrefix(s.Sentence, "threads · "+s.Runtime+" has its peak at a concurrency of ") {
			t.Errorf("%+v, sigma %v, peak %v", s, s.Sigma, s.Peak)
		}
	}
}
