package judge

import (
	"math"
	"slices"

	"benchd/daemon/bench"
)

const (
	// mostOthers is how many other experiments must have runs on both sides
	// before their majority says anything.
	mostOthers = 4
	// canaryRuns is how many runs of a canary after the change are the least
	// that say anything.
	canaryRuns = 3
	// share of the change that something else must have moved by to be a cause.
	share = 0.5
)

// scope finds out what a change is of, by what else moved since its first
// cycle: the canary, the other experiments, or the baseline alone. Runs of one
// cycle share the state of the machine, so the cycle is the border.
func (j *Judge) scope(c *cell, change *bench.Change) bench.Scope {
	size := math.Log(change.Size.Ratio)
	follows := func(moved float64) bool { return moved*sign(size) >= share*math.Abs(size) }
	border := change.Began.Cycle
	switch {
	case c.Canary:
		return bench.ScopeHost
	case change.Figure == bench.Relative && baselineMoved(c, border, size):
		return bench.ScopeBaseline
	case j.canaryMoved(change, follows):
		return bench.ScopeHost
	case j.disturbedAt(border) && c.points[len(c.points)-1].Cycle-border <= 2*returned:
		// What lasts longer than the neighbour is the model's after all.
		return bench.ScopeHost
	}
	moved := func(of func(*cell) bool) (median64 float64, n int) {
		var list []float64
		for _, other := range j.cells {
			if other == c || other.Canary || !of(other) {
				continue
			}
			if m, ok := other.moved(change.Figure, border, 1); ok {
				list = append(list, m)
			}
		}
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
// moved further, in the other direction, than the experiment itself.
func baselineMoved(c *cell, border int64, size float64) bool {
	own, ok := c.moved(bench.Time, border, 1)
	divisor, okDivisor := c.baseline.moved(bench.Time, border, 1)
	return ok && okDivisor && -divisor*sign(size) > own*sign(size)
}

// canaryMoved reports whether a canary followed: by at least half of the size,
// and by more than its own noise.
func (j *Judge) canaryMoved(change *bench.Change, follows func(float64) bool) bool {
	figure := change.Figure
	switch figure {
	case bench.Relative, bench.LatencyP99:
		figure = bench.Time
	case bench.Memory:
		return false // a canary's memory is its own
	}
	for _, c := range j.cells {
		if !c.Canary {
			continue
		}
		old, recent, ok := c.sides(figure, change.Began.Cycle, canaryRuns)
		if !ok || !follows(math.Log(median(recent)/median(old))) {
			continue
		}
		if size := sizeOf(old, recent); size.Low > 1 || size.High < 1 {
			return true
		}
	}
	return false
}

// moved is by how much the median of a figure differs between the runs before
// a cycle and those from it on, as the logarithm of the ratio; false without 5
// runs before and so many after.
func (c *cell) moved(f bench.Figure, border int64, after int) (float64, bool) {
	old, recent, ok := c.sides(f, border, after)
	if !ok {
		return 0, false
	}
	return math.Log(median(recent) / median(old)), true
}

// sides are the latest values of a figure before a cycle, and from it on.
func (c *cell) sides(f bench.Figure, border int64, after int) (old, recent []float64, ok bool) {
	steps := c.steps(f)
	i := slices.IndexFunc(steps, func(s step) bool { return s.point.Cycle >= border })
	if i < 5 || len(steps)-i < after {
		return nil, nil, false
	}
	return valuesOf(last(steps[:i], baselineRuns)), valuesOf(last(steps[i:], 2*returned)), true
}

func sign(x float64) float64 { return math.Copysign(1, x) }
