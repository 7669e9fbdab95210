package judge

import (
	"fmt"
	"slices"
	"strings"

	"benchd/daemon/bench"
	"benchd/daemon/compare"
)

const (
	// avoidBeyond is how many times as bad as the best is to be avoided even
	// where the baseline is no better.
	avoidBeyond = 2
	// tooManyErrors is a share of failed items with which nothing is
	// recommended: what failed was not waited for, and flatters the figures.
	tooManyErrors = 0.01
)

// conclude says, for every task and goal, which experiments to use and which
// to avoid: among the models of each runtime, and among all runtimes.
func (j *Judge) conclude(t *table) {
	j.conclusions = nil
	groups := map[[2]string][]*cell{}
	var order [][2]string
	for _, c := range j.cells {
		if c.Canary || c.Skip != nil {
			continue
		}
		for _, group := range [][2]string{{c.Task, ""}, {c.Task, c.Runtime}} {
			if groups[group] == nil {
				order = append(order, group)
			}
			groups[group] = append(groups[group], c)
		}
	}
	slices.SortFunc(order, func(a, b [2]string) int { return slices.Compare(a[:], b[:]) })
	for _, group := range order {
		if len(groups[group]) < 2 {
			continue // nothing to choose from
		}
		for _, goal := range bench.Goals() {
			if found, ok := t.conclusion(groups[group], goal); ok {
				found.Task, found.Runtime = group[0], group[1]
				j.conclusions = append(j.conclusions, found)
				j.advise(&found, groups[group])
			}
		}
	}
}

// conclusion is false where nobody has the goal's figure.
func (t *table) conclusion(group []*cell, goal bench.Goal) (bench.Conclusion, bool) {
	f := goal.Figure()
	result := bench.Conclusion{Goal: goal, Best: []bench.Key{}}
	candidates := slices.DeleteFunc(slices.Clone(group), func(c *cell) bool { return len(t.of(c, f)) == 0 })
	if len(candidates) < 2 {
		return result, false
	}
	var sound []*cell
	for _, c := range candidates {
		if median(values(last(t.of(c, bench.ErrorRatio), t.options.Cycles))) > tooManyErrors {
			result.Avoid = append(result.Avoid, c.Key)
		} else {
			sound = append(sound, c)
		}
	}
	best := t.leader(sound, f)
	if best == nil {
		result.Sentence = fmt.Sprintf("For %s there is not enough data yet.", goalWords[goal])
		return result, true
	}
	result.Best = []bench.Key{best.Key}
	var same []bench.Key
	for _, c := range sound {
		if c == best {
			continue
		}
		switch found := t.paired(c, best, f); {
		case found.Verdict == compare.Same || found.Verdict == compare.Better:
			same = append(same, c.Key)
		case found.Verdict == compare.Worse && t.avoid(c, found, f):
			result.Avoid = append(result.Avoid, c.Key)
		case found.Verdict == compare.NotEnoughData:
			result.Undecided = append(result.Undecided, c.Key)
		}
	}
	result.Best = append(append(result.Best, same...), result.Undecided...)
	result.Sentence = conclusionSentence(&result, same)
	return result, true
}

// leader is the one with the best estimate, by pairs with whichever of the
// candidates has the most cycles: all others are measured by the same.
func (t *table) leader(candidates []*cell, f bench.Figure) *cell {
	var by *cell
	for _, c := range candidates {
		if by == nil || len(t.of(c, f)) > len(t.of(by, f)) {
			by = c
		}
	}
	if by == nil || len(t.of(by, f)) < compare.LeastCycles {
		return nil
	}
	best, bestRatio := by, 1.0
	for _, c := range candidates {
		found := t.paired(c, by, f)
		ratio := found.Value
		if f.HigherIsBetter() {
			ratio = 1 / ratio
		}
		if c != by && found.N >= compare.LeastCycles && ratio < bestRatio {
			best, bestRatio = c, ratio
		}
	}
	return best
}

// avoid reports whether one that is worse than the best is also worse than the
// baseline, or more than twice as bad as the best.
func (t *table) avoid(c *cell, toBest compare.Comparison, f bench.Figure) bool {
	ratio := toBest.Value
	if f.HigherIsBetter() {
		ratio = 1 / ratio
	}
	return ratio > avoidBeyond || c.baseline != nil && t.paired(c, c.baseline, f).Verdict == compare.Worse
}

func values(medians []cycleMedian) []float64 {
	list := make([]float64, len(medians))
	for i, m := range medians {
		list[i] = m.value
	}
	return list
}

// advise tells the experiments what was concluded of them.
func (j *Judge) advise(c *bench.Conclusion, group []*cell) {
	among := bench.AmongModels
	if c.Runtime == "" {
		among = bench.AmongRuntimes
	}
	for _, of := range group {
		advice := bench.Neutral
		switch {
		case len(c.Best) == 0:
			continue
		case slices.Contains(c.Undecided, of.Key):
			advice = bench.Undecided
		case slices.Contains(c.Best, of.Key):
			advice = bench.Use
		case slices.Contains(c.Avoid, of.Key):
			advice = bench.Avoid
		}
		of.advice = append(of.advice, bench.GoalAdvice{Goal: c.Goal, Among: among, Advice: advice})
	}
}

var goalWords = map[bench.Goal]string{
	bench.GoalThroughput: "throughput", bench.GoalCPU: "little CPU time per unit", bench.GoalMemory: "little memory", bench.GoalTailLatency: "short tail latency",
}

func conclusionSentence(c *bench.Conclusion, same []bench.Key) string {
	var b strings.Builder
	fmt.Fprintf(&b, "For %s use %s", goalWords[c.Goal], name(c.Best[0]))
	if len(same) > 0 {
		fmt.Fprintf(&b, "; a tie with %s", names(same))
	}
	b.WriteString(".")
	if len(c.Undecided) > 0 {
		fmt.Fprintf(&b, " Not told apart from it yet: %s.", names(c.Undecided))
	}
	if len(c.Avoid) > 0 {
		fmt.Fprintf(&b, " Avoid %s.", names(c.Avoid))
	}
	return b.String()
}

func names(keys []bench.Key) string {
	list := make([]string, len(keys))
	for i, k := range keys {
		list[i] = name(k)
	}
	return strings.Join(list, ", ")
}
