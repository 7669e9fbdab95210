package judge

import (
	"context"
	"fmt"
	"testing"

	"benchd/daemon/bench"
)

// BenchmarkJudge is the cost of judging one run of an experiment with a long
// history: five figures, by all runs, by cycles, and by the baseline.
//
//	go test -run '^$' -bench 'Judge|Cycle|Restore' ./daemon/judge
func BenchmarkJudge(b *testing.B) {
	w := newWorld(b, 1)
	w.cycles(120)
	r := w.history.runs[len(w.history.runs)-1]
	b.ReportAllocs()
	for b.Loop() {
		r.ID++
		r.Cycle++
		w.Judge.Judge(b.Context(), &r)
	}
}

// BenchmarkCycle is the cost of the verdicts after a cycle of 16 experiments
// that are compared.
func BenchmarkCycle(b *testing.B) {
	w := newWorld(b, 1)
	w.cycles(120)
	b.ReportAllocs()
	for b.Loop() {
		w.CycleEnded(b.Context(), bench.Cycle{Number: w.cycle})
	}
}

// BenchmarkRestore is the cost of going on after a restart, with 1,000
// experiments of 200 points each and the canaries; reading those is the
// history's, see there.
func BenchmarkRestore(b *testing.B) {
	w := newWorld(b, 1)
	var experiments []bench.Experiment
	points := map[bench.Series][]bench.Point{}
	w.cycles(window)
	// Canaries are one for all, however many experiments there are.
	var series []bench.Series
	for _, x := range w.options.Experiments {
		series = append(series, bench.Series{Key: x.Key, Input: x.Input()})
	}
	known, err := w.history.Points(b.Context(), series, window)
	if err != nil {
		b.Fatal(err)
	}
	for copies := 0; len(experiments) < 990; copies++ {
		copied := func(k bench.Key) bench.Key {
			if k.Task != "canary" {
				k.Task = fmt.Sprintf("%s-%d", k.Task, copies)
			}
			return k
		}
		for _, x := range w.options.Experiments {
			if x.Key = copied(x.Key); copies == 0 || !x.Canary {
				experiments = append(experiments, x)
			}
		}
		for s, of := range known {
			s.Key = copied(s.Key)
			points[s] = of
		}
	}
	w.options.Experiments = experiments
	w.options.History = &pointsOnly{memory: memory{ended: w.cycle}, points: points}
	b.ReportAllocs()
	for b.Loop() {
		if err := New(w.options).Restore(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}

// pointsOnly is a history that has nothing but points, ready to be handed out.
type pointsOnly struct {
	memory
	points map[bench.Series][]bench.Point
}

func (p *pointsOnly) Points(context.Context, []bench.Series, int) (map[bench.Series][]bench.Point, error) {
	return p.points, nil
}
