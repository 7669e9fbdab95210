package judge

import (
	"fmt"
	"math"
	"slices"

	"benchd/daemon/bench"
	"benchd/daemon/compare"
)

// leastErrorDifference is the least difference of error ratios that is of
// interest: a percentage point.
const leastErrorDifference = 0.01

// compareAll compares all experiments, and concludes.
func (j *Judge) compareAll() {
	t := newTable(j)
	for _, c := range j.cells {
		c.comparisons, c.advice = nil, nil
		if c.Canary {
			continue
		}
		if c.baseline != nil {
			c.comparisons = append(c.comparisons, t.compare(c, c.baseline, bench.AmongModels)...)
		}
		if with := j.counterpart(c); with != nil {
			c.comparisons = append(c.comparisons, t.compare(c, with, bench.AmongRuntimes)...)
		}
	}
	j.conclude(t)
	j.scale(t)
	j.driftAll()
}

// counterpart is the same model of the first runtime of the task that has it;
// nil if that is the cell itself.
func (j *Judge) counterpart(c *cell) *cell {
	for _, other := range j.cells { // sorted by runtime within a task
		if other.Task == c.Task && other.Model == c.Model && other.Concurrency == c.Concurrency && other.Skip == nil {
			if other == c {
				return nil
			}
			return other
		}
	}
	return nil
}

// table holds the figures of all cycles: each is looked up many times.
type table struct {
	*Judge
	medians map[*cell]map[bench.Figure][]cycleMedian
}

func newTable(j *Judge) *table {
	return &table{j, map[*cell]map[bench.Figure][]cycleMedian{}}
}

// of are the figure's medians, in the order of the cycles.
func (t *table) of(c *cell, f bench.Figure) []cycleMedian {
	figures := t.medians[c]
	if figures == nil {
		figures = map[bench.Figure][]cycleMedian{}
		t.medians[c] = figures
	}
	medians, known := figures[f]
	if !known {
		medians = c.cycleMedians(f, t.ended)
		figures[f] = medians
	}
	return medians
}

// paired compares a with b, cycle by cycle, over the latest in which both had a
// sound run.
func (t *table) paired(a, b *cell, f bench.Figure) compare.Comparison {
	of, with := t.of(a, f), t.of(b, f)
	values := make([]float64, 0, t.options.Cycles)
	for i, k := len(of)-1, len(with)-1; i >= 0 && k >= 0 && len(values) < t.options.Cycles; {
		switch x, y := of[i], with[k]; {
		case x.cycle > y.cycle:
			i--
			continue
		case x.cycle < y.cycle:
			k--
			continue
		case f == bench.ErrorRatio:
			values = append(values, x.value-y.value)
		default:
			values = append(values, math.Log(x.value/y.value))
		}
		i--
		k--
	}
	slices.Reverse(values)
	if f == bench.ErrorRatio {
		return compare.Differences(values, compare.Options{LeastEffect: leastErrorDifference})
	}
	return compare.Paired(values, compare.Options{LeastEffect: t.options.LeastDifference, HigherIsBetter: f.HigherIsBetter()})
}

// compare compares by all figures that both have.
func (t *table) compare(c, with *cell, among bench.Among) []bench.Comparison {
	var list []bench.Comparison
	for _, f := range bench.ComparedFigures() {
		found := t.paired(c, with, f)
		if found.N == 0 && f != bench.Throughput {
			continue // not a figure of this task, or no run yet: said once
		}
		result := bench.Comparison{
			Figure: f, With: with.Key, Among: among, Cycles: found.N, Verdict: verdictOf(found.Verdict), Ratio: ratioOf(found.Interval),
		}
		if n := found.MissingCycles; result.Verdict == bench.Unknown && n > 0 && n < compare.ManyCycles {
			result.Missing = &n
		}
		result.Sentence = sentence(c.Key, &result, &t.options)
		list = append(list, result)
	}
	return list
}

// ratioOf is nil where there is no interval.
func ratioOf(i compare.Interval) *bench.Ratio {
	if math.IsNaN(i.Value) || math.IsNaN(i.Low) || math.IsNaN(i.High) {
		return nil
	}
	return &bench.Ratio{Ratio: i.Value, Low: i.Low, High: i.High}
}

func verdictOf(v compare.Verdict) bench.Verdict {
	switch v {
	case compare.Better:
		return bench.Better
	case compare.Worse:
		return bench.Worse
	case compare.Same:
		return bench.Same
	default:
		return bench.Unknown
	}
}

// name is an experiment within its task.
func name(k bench.Key) string { return fmt.Sprintf("%s %d · %s", k.Model, k.Concurrency, k.Runtime) }

// words are how a verdict on a figure is put.
var words = map[bench.Figure]struct{ times, quantity string }{
	bench.Throughput: {"as fast as", "throughput"},
	bench.CPU:        {"the CPU time per unit of", "CPU time per unit"},
	bench.Memory:     {"the peak memory of", "peak memory"},
	bench.LatencyP50: {"the median latency of", "median latency"},
	bench.LatencyP99: {"the p99 latency of", "p99 latency"},
	bench.ErrorRatio: {"", "share of failed items"},
}

// sentence says a comparison in plain words.
func sentence(of bench.Key, c *bench.Comparison, o *Options) string {
	w := words[c.Figure]
	a, b := name(of), name(c.With)
	if c.Ratio == nil {
		return fmt.Sprintf("Not enough data yet to compare %s of %s with %s: %d clean cycles that both have, at least %d are needed.",
			w.quantity, a, b, c.Cycles, compare.LeastCycles)
	}
	figures := fmt.Sprintf("95 %%: %s to %s, %d cycles", bench.Number(c.Ratio.Low, 3), bench.Number(c.Ratio.High, 3), c.Cycles)
	size := bench.Number(c.Ratio.Ratio, 3) + " x"
	limits := bench.Number(100*o.LeastDifference, 3) + " %"
	if c.Figure == bench.ErrorRatio {
		figures = fmt.Sprintf("95 %%: %s to %s percentage points, %d cycles", bench.Signed(100*c.Ratio.Low, 2), bench.Signed(100*c.Ratio.High, 2), c.Cycles)
		size = bench.Signed(100*c.Ratio.Ratio, 2) + " percentage points"
		limits = "1 percentage point"
	}
	switch c.Verdict {
	case bench.Same:
		return fmt.Sprintf("%s and %s have the same %s, within %s (%s; %s).", a, b, w.quantity, limits, size, figures)
	case bench.Better, bench.Worse:
		if c.Figure == bench.ErrorRatio {
			return fmt.Sprintf("%s is %s: its share of failed items differs from that of %s by %s (%s).", a, c.Verdict, b, size, figures)
		}
		return fmt.Sprintf("%s is %s: %s %s %s (%s).", a, c.Verdict, size, w.times, b, figures)
	}
	wait := "more cycles than anyone will wait for"
	switch {
	case c.Missing == nil:
	case c.Cycles+*c.Missing > o.Cycles:
		wait = fmt.Sprintf("likely %d more cycles, and more than the %d of BENCHD_VERDICT_CYCLES", *c.Missing, o.Cycles)
	default:
		wait = fmt.Sprintf("likely %d more cycles", *c.Missing)
	}
	return fmt.Sprintf("Not enough data yet to tell %s of %s from that of %s: %s so far (%s); it takes %s.", w.quantity, a, b, size, figures, wait)
}
