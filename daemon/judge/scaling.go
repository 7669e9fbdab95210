package judge

import (
	"fmt"
	"math"
	"slices"

	"benchd/daemon/bench"
	"benchd/daemon/compare"
)

// scale fits the scalability law to every model that runs at several
// concurrencies.
func (j *Judge) scale(t *table) {
	j.scalings = nil
	for begin := 0; begin < len(j.cells); {
		end := begin + 1
		for end < len(j.cells) && sameModel(j.cells[end], j.cells[begin]) {
			end++
		}
		if group := j.cells[begin:end]; len(group) > 1 && !group[0].Canary {
			j.scalings = append(j.scalings, t.scaling(group))
		}
		begin = end
	}
}

func sameModel(a, b *cell) bool {
	return a.Task == b.Task && a.Runtime == b.Runtime && a.Model == b.Model
}

func (t *table) scaling(group []*cell) bench.Scaling {
	var cycles []int64
	for _, c := range group {
		for _, m := range t.of(c, bench.Throughput) {
			cycles = append(cycles, m.cycle)
		}
	}
	slices.Sort(cycles)
	cycles = last(slices.Compact(cycles), t.options.Cycles)
	levels := make([]compare.Level, len(group))
	for i, c := range group {
		levels[i] = compare.Level{N: c.Concurrency, Throughputs: make([]float64, len(cycles))}
		for k := range cycles {
			levels[i].Throughputs[k] = math.NaN()
		}
		for _, m := range t.of(c, bench.Throughput) {
			if k, ok := slices.BinarySearch(cycles, m.cycle); ok {
				levels[i].Throughputs[k] = m.value
			}
		}
	}
	law := compare.FitUSL(levels)
	s := bench.Scaling{
		Task: group[0].Task, Runtime: group[0].Runtime, Model: group[0].Model, Cycles: len(cycles), Best: law.BestLevel,
		Lambda: ratioOf(law.Lambda), Sigma: ratioOf(law.Sigma), Kappa: ratioOf(law.Kappa), Verdict: bench.ScalingUnknown,
	}
	switch law.Shape {
	case compare.PeakShown:
		s.Verdict, s.Peak = bench.PeakShown, ratioOf(*law.Peak)
	case compare.NoPeakShown:
		s.Verdict = bench.NoPeakShown
	}
	s.Sentence = scalingSentence(&s, law)
	return s
}

func scalingSentence(s *bench.Scaling, law compare.Scaling) string {
	who := s.Model + " · " + s.Runtime
	switch {
	case s.Peak != nil:
		return fmt.Sprintf("%s has its peak at a concurrency of %s (95 %%: %s to %s): %s units/s by the law; the best measured was %d.",
			who, bench.Number(s.Peak.Ratio, 3), bench.Number(s.Peak.Low, 3), bench.Number(s.Peak.High, 3), bench.Number(law.PeakThroughput.Value, 3), s.Best)
	case s.Verdict == bench.NoPeakShown:
		return fmt.Sprintf("The data does not show a peak of %s (%s); the best measured concurrency was %d.", who, reasonWords[law.Reason], s.Best)
	default:
		return fmt.Sprintf("Not enough data yet to tell how %s scales: %s.", who, reasonWords[law.Reason])
	}
}

var reasonWords = map[compare.Reason]string{
	compare.TooFewLevels:    "it takes three concurrencies with clean runs",
	compare.TooFewCycles:    "it takes five clean cycles at each concurrency",
	compare.TooNoisy:        "the intervals are too wide, more cycles may tell",
	compare.BadFit:          "the scalability law does not hold: a concurrency is far from it",
	compare.PeakBeyondRange: "the law has it beyond the concurrencies measured",
	compare.NoRise:          "the lowest concurrency is not measurably slower than the best",
	compare.NoDecline:       "the highest concurrency is not measurably slower than the best",
}
