package judge

import (
	"fmt"
	"testing"

	pretty "github.com/jedib0t/go-pretty/v6/table"

	"benchd/daemon/bench"
)

// BenchmarkFalseAlarms prints how many regressions of models are told where
// nothing changes, in a whole installation: 16 experiments with 72 figures, and
// two canaries, over 200 cycles from a cold start, 5 times.
//
//	go test -run '^$' -bench FalseAlarms -benchtime 1x ./daemon/judge
func BenchmarkFalseAlarms(b *testing.B) {
	const cycles, times = 200, 5
	t := pretty.NewWriter()
	t.AppendHeader(pretty.Row{"noise of wall time", "regressions per 1,000 cycles", "improvements", "of the host", "rounds of reruns per cycle"})
	for _, kind := range []struct {
		name                     string
		noise, shared, lag, tail float64
	}{
		{"3 % each, 5 % of all runs of a cycle", 0.03, 0.05, 0, 0},
		{"10 % each", 0.1, 0, 0, 0},
		{"3 % each, autocorrelation 0.3", 0.03, 0.02, 0.3, 0},
		{"3 % each, autocorrelation 0.5", 0.03, 0.02, 0.5, 0},
		{"3 % each, a tenth of the runs slower by half", 0.03, 0.02, 0, 0.1},
	} {
		var worse, better, host, rounds int
		for seed := range uint64(times) {
			w := newWorld(b, 1000+seed)
			w.noise, w.shared, w.lag, w.tail = kind.noise, kind.shared, kind.lag, kind.tail
			w.cycles(cycles)
			rounds += w.rounds
			for _, c := range w.history.changes {
				switch {
				case c.Scope == bench.ScopeHost:
					host++
				case c.Direction == bench.Improvement:
					better++
				case c.Scope != bench.ScopeBaseline:
					worse++
				}
			}
		}
		per := func(n int) string { return fmt.Sprintf("%.2f", 1000*float64(n)/(cycles*times)) }
		t.AppendRow(pretty.Row{kind.name, per(worse), per(better), per(host), fmt.Sprintf("%.2f", float64(rounds)/(cycles*times))})
	}
	fmt.Println(t.RenderMarkdown())
}
