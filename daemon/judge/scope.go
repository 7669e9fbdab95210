package judge

import (
	"maps"
	"math"
	"slices"

	"benchd/daemon/bench"
)

const (
	// mostOthers is how many other experiments must have runs on both sides
	// before their majority says anything.
	mostOthers = 4
	// leastBefore is in how many cycles before the change one must have run, at
	// least, and canaryCycles a canary after it.
	leastBefore, canaryCycles = 5, 3
	// usualCycles is how many cycles before a change tell how many dirty runs are
	// usual.
	usualCycles = window / 2
	// near is how many cycles before the change another's level is taken from. A
	// change is dated to within 3: what moved much earlier is no cause of it.
	near = 8
	// alike are shares of computing that differ by no more, and leastAlike how many
	// such experiments there must be before they outweigh a canary.
	alike, leastAlike = 0.25, 2
	// share of the change that something else must have moved by to be a cause.
	share = 0.5
)

// around is when a change is looked for in the figures of others: up to the last
// cycle before it, and since it began in those cycles in which the experiment
// itself had runs that count, for at other times the machine may have been in
// another state. Runs of one cycle share its state, so cycles are the border.
type around struct {
	before int64
	since  []int64 // sorted
}

func (c *cell) around(change *bench.Change) around {
	// Reruns of a cycle may be on either side.
	at := around{before: min(change.LastBefore.Cycle, change.Began.Cycle-1)}
	for _, s := range last(perCycle(c.steps(change.Figure)), 2*returned) {
		if s.point.Cycle >= change.Began.Cycle {
			at.since = append(at.since, s.point.Cycle)
		}
	}
	return at
}

// scope finds out what a change is of, by what else moved with it: the canary,
// the other experiments, or the baseline alone.
func (j *Judge) scope(c *cell, change *bench.Change) bench.Scope {
	size := math.Log(change.Size.Ratio)
	follows := func(moved float64) bool { return moved*sign(size) >= share*math.Abs(size) }
	at := c.around(change)
	switch {
	case c.Canary:
		return bench.ScopeHost
	case change.Figure == bench.Relative && j.baselineMoved(c, at, size):
		return bench.ScopeBaseline
	case change.Figure == bench.Memory:
		// Neither a slow nor a busy host changes what a process needs.
	case j.canaryMoved(change.Figure, at, follows) && !j.alikeStayed(c, change.Figure, at, size):
		return bench.ScopeHost
	case j.disturbedAt(change.Began.Cycle) && c.points[len(c.points)-1].Cycle-change.Began.Cycle <= 2*returned:
		// What lasts longer than the neighbour is the model's after all.
		return bench.ScopeHost
	}
	moved := func(of func(*cell) bool) (median64 float64, n int) {
		list := j.moves(change.Figure, at, func(o *cell) bool { return o != c && !o.Canary && of(o) })
		return median(list), len(list)
	}
	ofRuntime, n := moved(func(o *cell) bool { return o.Runtime == c.Runtime })
	elsewhere, m := moved(func(o *cell) bool { return o.Runtime != c.Runtime })
	runtimeChanged := slices.ContainsFunc(change.Differences, func(d bench.Difference) bool {
		return d.Cause == bench.CauseRuntime || d.Cause == bench.CauseGIL
	})
	switch {
	case m >= mostOthers && follows(elsewhere):
		return bench.ScopeHost
	case n < mostOthers || !follows(ofRuntime):
		return bench.ScopeModel
	case m >= mostOthers || runtimeChanged:
		return bench.ScopeRuntime // the others stayed where they were
	default:
		return bench.ScopeHost // there is but this runtime, and it is the same
	}
}

// disturbedAt reports whether unusually many runs were dirty around a cycle, and
// most of them: a neighbour came or went, and what seemed clean beside him may
// have been slow.
func (j *Judge) disturbedAt(cycle int64) bool {
	var dirty, all, usuallyDirty, usually float64
	for _, c := range j.cells {
		for i := range c.points {
			p := &c.points[i]
			bad := 0.0
			if !p.Sound {
				bad = 1
			}
			switch {
			case p.Cycle < cycle-usualCycles: // of either kind all that far back are held, but no further
			case p.Cycle < cycle-3:
				usually++
				usuallyDirty += bad
			case p.Cycle <= cycle+1:
				all++
				dirty += bad
			}
		}
	}
	return dirty > 0.5*all && dirty*usually > 1.5*usuallyDirty*all
}

// baselineMoved reports whether a ratio changed because of its divisor: that
// moved further, in the other direction, than the experiment itself. What the
// machine moved by meanwhile says nothing of either: that is told by the canaries
// and the other baselines, which hardly share what an experiment and its siblings
// do, such as a library.
func (j *Judge) baselineMoved(c *cell, at around, size float64) bool {
	own, ok := c.moved(bench.Time, at)
	divisor, okDivisor := c.baseline.moved(bench.Time, at)
	machine := 0.0
	if others := j.moves(bench.Time, at, func(o *cell) bool { return o.baseline == nil && o != c.baseline }); len(others) > 0 {
		machine = median(others)
	}
	return ok && okDivisor && (machine-divisor)*sign(size) > (own-machine)*sign(size)
}

// moves are by how much a figure of the selected experiments moved.
func (j *Judge) moves(f bench.Figure, at around, of func(*cell) bool) (list []float64) {
	for _, c := range j.cells {
		if !of(c) {
			continue
		}
		if m, ok := c.moved(f, at); ok {
			list = append(list, m)
		}
	}
	return list
}

// canaryMoved reports whether a canary followed: by at least half of the size,
// and by more than its own noise.
func (j *Judge) canaryMoved(f bench.Figure, at around, follows func(float64) bool) bool {
	f = ofMachine(f)
	for _, c := range j.cells {
		if !c.Canary || f == bench.CPU && !c.atWork() { // the few milliseconds of one that waits vary at will
			continue
		}
		before, since, ok := c.sides(f, at)
		old, recent := valuesOf(before), valuesOf(since)
		if !ok || len(recent) < canaryCycles || !follows(math.Log(median(recent)/median(old))) {
			continue
		}
		if size := sizeOf(old, recent); size.Low > 1 || size.High < 1 {
			return true
		}
	}
	return false
}

// ofMachine is the figure by which others show what the machine did to one.
func ofMachine(f bench.Figure) bench.Figure {
	if f == bench.Relative || f == bench.LatencyP99 {
		return bench.Time
	}
	return f
}

// alikeStayed reports whether the experiments that compute and wait in the same
// shares surely did not follow, taken together cycle by cycle. Then the canary is no
// excuse, although it moved: it computes more densely than most, and feels first who
// shares a core.
func (j *Judge) alikeStayed(c *cell, f bench.Figure, at around, size float64) bool {
	before, since := map[int64][]float64{}, map[int64][]float64{}
	n := 0
	for _, o := range j.cells {
		if o == c || o.Canary || math.Abs(o.computing()-c.computing()) > alike {
			continue
		}
		old, recent, ok := o.sides(ofMachine(f), at)
		if !ok {
			continue
		}
		n++
		level := median(valuesOf(old))
		for _, s := range old {
			before[s.point.Cycle] = append(before[s.point.Cycle], s.value/level)
		}
		for _, s := range recent {
			since[s.point.Cycle] = append(since[s.point.Cycle], s.value/level)
		}
	}
	if n < leastAlike || len(since) < canaryCycles {
		return false
	}
	moved := sizeOf(medians(before), medians(since))
	most := moved.High
	if size < 0 {
		most = moved.Low
	}
	return math.Log(most)*sign(size) < share*math.Abs(size)
}

func medians(of map[int64][]float64) []float64 {
	var list []float64
	for _, cycle := range slices.Sorted(maps.Keys(of)) {
		list = append(list, median(of[cycle]))
	}
	return list
}

// moved is by how much the median of a figure differs between the cycles before
// a change and those since, as the logarithm of the ratio.
func (c *cell) moved(f bench.Figure, at around) (float64, bool) {
	old, recent, ok := c.sides(f, at)
	if !ok {
		return 0, false
	}
	return math.Log(median(valuesOf(recent)) / median(valuesOf(old))), true
}

// sides are the steps of a figure, by cycle, just before a change and since;
// false where there are too few.
func (c *cell) sides(f bench.Figure, at around) (old, recent []step, ok bool) {
	for _, s := range perCycle(c.steps(f)) {
		if s.point.Cycle <= at.before {
			old = append(old, s)
		} else if _, both := slices.BinarySearch(at.since, s.point.Cycle); both {
			recent = append(recent, s)
		}
	}
	return last(old, near), recent, len(old) >= leastBefore && len(recent) > 0
}

func sign(x float64) float64 { return math.Copysign(1, x) }
