package detect

import (
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"testing"

	"github.com/jedib0t/go-pretty/v6/table"
)

var (
	falseSeries = flag.Int("series", 2000, "simulated series a cell for false alarms in BenchmarkDetection")
	powerSeries = flag.Int("steps", 100, "simulated steps a cell for power in BenchmarkDetection")
)

// BenchmarkDetection prints what the detector is worth, as tables: on series
// with human annotations, on triaged ones, and on simulated ones. More series,
// for less chance in the figures, take longer:
//
//	go test -run '^$' -bench Detection -benchtime 1x -timeout 2h ./daemon/detect -series 6000 -steps 1000
func BenchmarkDetection(b *testing.B) {
	labelled(b)
	for b.Loop() {
		fmt.Printf("\n%s", annotatedTable(b))
		fmt.Printf("\n\n%s", triagedTable(b))
		fmt.Printf("\n\n%s", falseTable(*falseSeries))
		fmt.Printf("\n\n%s", powerTable(*powerSeries))
		fmt.Printf("\n\n%s", sizeTable(300))
		fmt.Printf("\n\n%s\n", suspectTable(300))
	}
}

func newTable(header ...any) table.Writer {
	t := table.NewWriter()
	t.AppendHeader(header)
	return t
}

// annotatedTable holds ours against others'. Those in the lower part were
// measured on 221 series of the same data that are not those above.
func annotatedTable(t testing.TB) string {
	out := newTable("detector", "series", "unsupported per 1,000 runs", "recall", "recall of steps >= 5 %", "median delay, runs")
	for _, d := range []struct {
		name string
		detector
	}{{"benchd", ours}, {"rank and t-type test, the design that benchd began from", reference(0.02)}} {
		s := scoreAnnotated(t, d.detector)
		out.AppendRow(table.Row{d.name, "part A", fmt.Sprintf("%.2f", s.per1000()), fmt.Sprintf("%.2f", s.recall()),
			fmt.Sprintf("%.2f", s.recallLarge()), s.delay()})
	}
	for _, row := range []table.Row{
		{"Perfherder (t > 7, 12 + 12 runs, 2 %)", "part A", "0.16", ".58", ".83", 12},
		{"Mann-Whitney 20 v 10, p < .001", "part A", "1.80", ".87", ".95", 9},
		{"Page-Hinkley", "others", "1.46", ".13", ".17", 27},
		{"Bayesian online", "others", "4.60", ".81", ".87", 26},
		{"Otava (E-divisive, t-test, 5 %)", "others", "4.71", ".48", ".94", 2},
		{"CUSUM k .5 h 5", "others", "5.89", ".86", ".91", 9},
		{"E-divisive, permutation .01", "others", "8.76", "1.0", "1.0", 3},
		{"z > 3 over 30", "others", "13.6", ".67", ".68", 2},
		{"z > 5 over 100", "others", "1.91", ".09", ".15", 1},
		{"+10 % of the previous run", "others", "38.5", ".40", ".82", 1},
		{"200 % of the previous run", "others", "1.88", ".01", ".02", 1},
	} {
		out.AppendRow(row)
	}
	return out.RenderMarkdown()
}

func triagedTable(t testing.TB) string {
	out := newTable("type", "series", "runs", "begins at", "alerts: since, told after runs, change")
	for _, s := range readTriaged(t, filepath.Join(data, "sap_hana_small")) {
		alerts := ""
		for _, a := range Scan(s.values, twoPercent) {
			alerts += fmt.Sprintf("%d, %d, %+.1f %% ", a.Since, a.At+1-a.Since, 100*(a.Ratio-1))
		}
		begins := ""
		if s.change > 0 {
			begins = fmt.Sprint(s.change)
		}
		out.AppendRow(table.Row{s.kind, s.name, len(s.values), begins, alerts})
	}
	return out.RenderMarkdown()
}

// falseTable has, of the noises for which something is promised and of those with
// two modes, count series a cell, as alerts are rare; of the others and of the
// design, which are there to be compared, a quarter of it. Standard errors are
// those of counts.
func falseTable(count int) string {
	rate := func(k noise, cv float64, count int, d detector) string {
		runs := float64(count * falseRuns)
		alerts := float64(falseAlarms(k, cv, count, d))
		return fmt.Sprintf("%.3f ± %.3f", 1000*alerts/runs, 1000*math.Sqrt(alerts)/runs)
	}
	out := newTable("false alarms per 1,000 runs", "CV", "benchd", "design")
	for i, k := range noises {
		series := count
		if i >= 6 {
			series = count / 4
		}
		for _, cv := range spreads {
			out.AppendRow(table.Row{k.name, percent(cv), rate(k, cv, series, ours), rate(k, cv, count/4, reference(0.02))})
		}
	}
	return out.RenderMarkdown()
}

// powerTable holds ours against the design by the same series. Standard errors of
// the differences are those of the series that only one of the two finds.
func powerTable(count int) string {
	out := newTable("noise", "CV", "step", "benchd within 10", "20", "50", "design within 10", "20", "50", "more within 10", "20", "50")
	for _, k := range noises[:3] {
		for _, cv := range spreads {
			for _, step := range steps {
				mine, theirs := foundAfter(k, cv, step, count, ours), foundAfter(k, cv, step, count, reference(0.02))
				row := table.Row{k.name, percent(cv), percent(step)}
				for _, found := range [][]int{mine, theirs} {
					for _, share := range shares(found) {
						row = append(row, percent(share))
					}
				}
				for _, limit := range within {
					won, lost := decided(mine, theirs, limit)
					row = append(row, fmt.Sprintf("%+.1f ± %.1f", 100*float64(won-lost)/float64(count), 100*math.Sqrt(float64(won+lost))/float64(count)))
				}
				out.AppendRow(row)
			}
		}
	}
	return out.RenderMarkdown()
}

func percent(share float64) string { return fmt.Sprintf("%.0f %%", 100*share) }

// sizes says of steps that were found: how often the interval holds the true
// size, and how often the date is within 3 runs.
func sizes(k noise, cv, step float64, count int) (foundCount int, coverage, dated float64) {
	const before, after = 100, 50
	type result struct{ found, covered, dated bool }
	for _, r := range parallel(count, func(i int) (r result) {
		rnd := rand.New(rand.NewPCG(uint64(i), 2))
		y := valuesOf(k.series(rnd, before+after, cv, before, step))
		for n := before + 1; n <= len(y); n++ {
			if s, ok := Latest(y[:n], twoPercent); ok {
				return result{true, s.Low <= 1+step && 1+step <= s.High, s.Since >= before-3 && s.Since <= before+3}
			}
		}
		return r
	}) {
		if r.found {
			foundCount++
		}
		if r.covered {
			coverage++
		}
		if r.dated {
			dated++
		}
	}
	n := math.Max(1, float64(foundCount))
	return foundCount, coverage / n, dated / n
}

func sizeTable(count int) string {
	out := newTable("noise", "CV", "step", "found within 50", "interval holds the step", "date within 3 runs")
	for _, k := range noises[:3] {
		for _, c := range [][2]float64{{0.02, 0.05}, {0.02, 0.1}, {0.05, 0.1}, {0.05, 0.2}, {0.1, 0.2}} {
			n, coverage, dated := sizes(k, c[0], c[1], count)
			out.AppendRow(table.Row{k.name, percent(c[0]), percent(c[1]), percent(float64(n) / float64(count)), percent(coverage), percent(dated)})
		}
	}
	return out.RenderMarkdown()
}

func isSuspect(regime []Value, o Options) bool {
	_, t := Suspect(regime, o)
	return t != 0
}

// suspicion is the share of runs that are suspect without a change, the share
// of steps of so many standard deviations that are after 1 and 2 runs, and how
// many remain so 3 runs after the series is normal again.
func suspicion(k noise, sigmas float64, count int) (idle, one, two, after float64) {
	const before, cv = 60, 0.02
	idleRuns := 0
	for _, r := range parallel(count, func(i int) (r [5]float64) {
		rnd := rand.New(rand.NewPCG(uint64(i), 3))
		y := valuesOf(k.series(rnd, before+5, cv, before+5, 0))
		for n := 20; n < before; n++ {
			r[4]++
			if isSuspect(y[:n], twoPercent) {
				r[0]++
			}
		}
		for i := before; i < before+2; i++ {
			y[i].X *= 1 + sigmas*cv
		}
		for j, n := range []int{before + 1, before + 2, before + 5} {
			if isSuspect(y[:n], twoPercent) {
				r[1+j]++
			}
		}
		if r[1] > 0 {
			r[2] = 1 // it was suspect after 1 run already
		}
		return r
	}) {
		idle += r[0]
		idleRuns += int(r[4])
		one, two, after = one+r[1]/float64(count), two+r[2]/float64(count), after+r[3]/float64(count)
	}
	return idle / float64(idleRuns), one, two, after
}

func suspectTable(count int) string {
	out := newTable("suspects: noise", "of unchanged runs", "3 sd: after 1 run", "after 1 or 2", "4 sd: after 1 run", "after 1 or 2", "3 runs after it is over")
	for _, k := range noises[:3] {
		idle, one3, two3, _ := suspicion(k, 3, count)
		_, one4, two4, after := suspicion(k, 4, count)
		out.AppendRow(table.Row{k.name, fmt.Sprintf("%.2f %%", 100*idle), percent(one3), percent(two3), percent(one4), percent(two4), percent(after)})
	}
	return out.RenderMarkdown()
}

// BenchmarkLatest is what one run costs: nothing found, and in the worst case,
// a change that is certain but too small to be of interest.
func BenchmarkLatest(b *testing.B) {
	for _, c := range []struct {
		name string
		step float64
	}{{"no-change", 0}, {"small-change", 0.019}} {
		y := valuesOf(noises[0].series(rand.New(rand.NewPCG(1, 1)), MaxValues, 0.005, MaxValues-maxRecent, c.step))
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				Latest(y, twoPercent)
			}
		})
	}
}
