package judge

import (
	"math"
	"slices"
	"sort"

	"benchd/daemon/bench"
	"benchd/daemon/detect"
)

// cell is one experiment and what is known of it.
type cell struct {
	bench.Experiment
	input       string
	baseline    *cell         // of its task and runtime; nil for that itself, and for canaries
	points      []bench.Point // the newest, of this input, by run and so by cycle; see add
	courses     []*course
	comparisons []bench.Comparison
	advice      []bench.GoalAdvice
}

func newCell(x bench.Experiment) *cell {
	c := &cell{Experiment: x, input: x.Input()}
	for _, f := range bench.WatchedFigures() {
		if f != bench.Relative { // only with a baseline
			c.courses = append(c.courses, &course{figure: f})
		}
	}
	return c
}

func (c *cell) course(f bench.Figure) *course {
	if i := slices.IndexFunc(c.courses, func(s *course) bool { return s.figure == f }); i >= 0 {
		return c.courses[i]
	}
	return nil
}

// add holds another point, and lets go of the oldest of its kind.
func (c *cell) add(p bench.Point, most int) {
	c.points = append(c.points, p)
	n, oldest := 0, 0
	for i := range c.points {
		if c.points[i].Sound == p.Sound {
			if n++; n == 1 {
				oldest = i
			}
		}
	}
	if n > most {
		c.points = slices.Delete(c.points, oldest, oldest+1)
	}
}

func (c *cell) ranIn(cycle int64) bool {
	i := c.firstIn(cycle)
	return i < len(c.points) && c.points[i].Cycle == cycle
}

// firstIn is the first point of a cycle or, if there is none, of a later one.
func (c *cell) firstIn(cycle int64) int {
	return sort.Search(len(c.points), func(i int) bool { return c.points[i].Cycle >= cycle })
}

// counts reports whether the point may be looked at. Those of a canary always:
// that the host was disturbed is what it is there to tell.
func (c *cell) counts(p *bench.Point) bool { return p.Sound || c.Canary }

// computing is the share of the wall time in which the cell uses a CPU when
// nobody keeps it from that: above 1 with several; NaN without sound runs that
// were clocked.
func (c *cell) computing() float64 {
	var shares []float64
	for i := range c.points {
		if p := &c.points[i]; p.Sound && p.SecondsPerUnit > 0 {
			shares = append(shares, p.CPUSecondsPerUnit/p.SecondsPerUnit)
		}
	}
	return median(last(shares, baselineRuns))
}

// atWork reports whether the cell computes nearly all the time.
func (c *cell) atWork() bool { return c.computing() > 0.8 }

// step is one value of a course, and the run it is of.
type step struct {
	value float64
	point *bench.Point
}

// steps are the values of a figure that count, by run.
func (c *cell) steps(f bench.Figure) []step {
	list := make([]step, 0, len(c.points))
	for i := range c.points {
		p := &c.points[i]
		if !c.counts(p) {
			continue
		}
		if v, ok := c.value(p, f); ok {
			list = append(list, step{v, p})
		}
	}
	return list
}

func (c *cell) value(p *bench.Point, f bench.Figure) (float64, bool) {
	if f != bench.Relative {
		return p.Value(f)
	}
	if c.baseline == nil || p.SecondsPerUnit <= 0 {
		return 0, false
	}
	with := c.baseline.nearest(p)
	if with == nil {
		return 0, false
	}
	return p.SecondsPerUnit / with.SecondsPerUnit, true
}

// nearest is the run of the cell that was made in the same cycle as the point,
// and nearest to it: with reruns there are several.
func (c *cell) nearest(to *bench.Point) *bench.Point {
	var best *bench.Point
	for i := c.firstIn(to.Cycle); i < len(c.points) && c.points[i].Cycle == to.Cycle; i++ {
		p := &c.points[i]
		if !c.counts(p) || p.SecondsPerUnit <= 0 {
			continue
		}
		if best == nil || p.Started.Sub(to.Started).Abs() < best.Started.Sub(to.Started).Abs() {
			best = p
		}
	}
	return best
}

// since are the steps from a run on.
func since(steps []step, run int64) []step {
	i := slices.IndexFunc(steps, func(s step) bool { return s.point.Run >= run })
	if i < 0 {
		return nil
	}
	return steps[i:]
}

func valuesOf(steps []step) []float64 {
	list := make([]float64, len(steps))
	for i, s := range steps {
		list[i] = s.value
	}
	return list
}

func forDetector(steps []step) []detect.Value {
	list := make([]detect.Value, len(steps))
	for i, s := range steps {
		list[i] = detect.Value{X: s.value, Block: s.point.Cycle}
	}
	return list
}

// cycleMedians are the medians of a figure over the sound runs of each cycle up
// to one, in the order of the cycles.
func (c *cell) cycleMedians(f bench.Figure, upTo int64) []cycleMedian {
	steps := make([]step, 0, len(c.points))
	for i := range c.points {
		if p := &c.points[i]; p.Sound && p.Cycle <= upTo {
			if v, ok := p.Value(f); ok {
				steps = append(steps, step{v, p})
			}
		}
	}
	cycles := perCycle(steps)
	medians := make([]cycleMedian, len(cycles))
	for i, s := range cycles {
		medians[i] = cycleMedian{s.point.Cycle, s.value}
	}
	return medians
}

type cycleMedian struct {
	cycle int64
	value float64
}

// median is NaN of nothing.
func median(list []float64) float64 {
	if len(list) == 0 {
		return math.NaN()
	}
	sorted := slices.Clone(list)
	slices.Sort(sorted)
	n := len(sorted)
	if n%2 == 1 {
		return sorted[n/2]
	}
	return (sorted[n/2-1] + sorted[n/2]) / 2
}
