package judge

import (
	"fmt"
	"slices"
	"sort"
	"strconv"
	"testing"

	pretty "github.com/jedib0t/go-pretty/v6/table"

	"benchd/daemon/bench"
)

// BenchmarkFalseAlarms prints how many regressions of models are told where
// nothing changes, in a whole installation: 16 experiments with 72 figures, and
// two canaries, over 200 cycles from a cold start, 20 times.
//
//	go test -run '^$' -bench FalseAlarms -benchtime 1x ./daemon/judge
func BenchmarkFalseAlarms(b *testing.B) {
	const cycles, times = 200, 20
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

// BenchmarkSoon prints after how many cycles a slowdown of 5 % is told, of one
// of 8 experiments, 60 times each: in the first level of a series, and soon after
// a regression of 20 % has recovered.
//
//	go test -run '^$' -bench Soon -benchtime 1x ./daemon/judge
func BenchmarkSoon(b *testing.B) {
	const times, most = 60, 40
	t := pretty.NewWriter()
	t.AppendHeader(pretty.Row{"noise of wall time", "since", "median, cycles", "of ten, nine within", "within 20 cycles", "rounds of reruns per cycle"})
	for _, noise := range []float64{0.01, 0.02, 0.025, 0.03} {
		for _, since := range []string{"40 cycles", "a recovery"} {
			var delays []int
			rounds, cycles := 0, 0
			for seed := range uint64(times) {
				w := newWorld(b, 7000+seed)
				w.only("cpu")
				w.noise, w.shared = noise, 0.005
				w.start()
				if since == "a recovery" {
					w.recovered(fast)
				} else {
					w.cycles(40)
				}
				earlier := w.rounds
				delay := w.toldAfter(fast, 1.05, most)
				delays, rounds, cycles = append(delays, delay), rounds+w.rounds-earlier, cycles+delay
			}
			slices.Sort(delays)
			within := sort.SearchInts(delays, 21)
			t.AppendRow(pretty.Row{fmt.Sprintf("%g %%", 100*noise), since, count(delays[times/2], most), count(delays[times*9/10], most),
				fmt.Sprintf("%d of %d", within, times), fmt.Sprintf("%.1f", float64(rounds)/float64(cycles))})
		}
	}
	fmt.Println(t.RenderMarkdown())
}

// count is a number of cycles, of which more than the most were not waited for.
func count(n, most int) string {
	if n > most {
		return fmt.Sprintf("over %d", most)
	}
	return strconv.Itoa(n)
}
