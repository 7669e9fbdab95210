package compare

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/jedib0t/go-pretty/v6/table"
)

var cyclesClaimed = []int{5, 8, 12, 20}

// BenchmarkCoverage prints how many of 95 % intervals hold the true ratio:
//
//	go test -run '^$' -bench Coverage -benchtime 1x ./daemon/compare
func BenchmarkCoverage(b *testing.B) {
	for range b.N {
		t := table.NewWriter()
		t.AppendHeader(table.Row{"log ratios", "autocorrelation", "5 cycles", "8", "12", "20", "width at 5", "at 8", "at 20"})
		for _, k := range kinds() {
			for _, r := range []float64{0, 0.3, 0.5} {
				row := table.Row{k.name, r}
				var widths []any
				for _, n := range cyclesClaimed {
					held, width := coverage(k, r, n, 50_000)
					row = append(row, fmt.Sprintf("%.1f", 100*held))
					if n != 12 {
						widths = append(widths, fmt.Sprintf("%.2f", width))
					}
				}
				t.AppendRow(append(row, widths...))
			}
		}
		fmt.Println(t.RenderMarkdown())
	}
}

// BenchmarkVerdicts prints how often identical models are told apart, how many
// cycles it takes to tell what is different or the same, and whether
// MissingCycles foretells it:
//
//	go test -run '^$' -bench Verdicts -benchtime 1x ./daemon/compare
func BenchmarkVerdicts(b *testing.B) {
	for range b.N {
		t := table.NewWriter()
		t.AppendHeader(table.Row{"runs of identical models", "autocorrelation", "6 cycles", "8", "12", "20"})
		const sequences = 50_000
		for _, k := range kinds() {
			for _, r := range []float64{0, 0.3, 0.5} {
				row := table.Row{k.name, r}
				for _, n := range []int{6, 8, 12, 20} {
					row = append(row, fmt.Sprintf("%.2f", 1000*float64(countWrong(k, r, n, sequences))/sequences))
				}
				t.AppendRow(row)
			}
		}
		fmt.Println("Wrong verdicts per 1,000, without a least effect")
		fmt.Println(t.RenderMarkdown())
		fmt.Println(rollingTable())
		fmt.Println(powerTable())
		fmt.Println(missingTable())
	}
}

// rolling follows sequences of identical models over 100 cycles with a window
// of 20, judged after each cycle from the fifth on.
func rolling(k *kind, autocorrelation, cv float64, o Options, sequences int) (windows, wrong, sequencesWrong int) {
	r := seeded(uint64(100*cv), uint64(10*autocorrelation), uint64(len(k.name)), 2)
	for range sequences {
		d := newSource(r, k, autocorrelation).series(100, 0, cv/math.Sqrt2)
		for i, v := range newSource(r, k, autocorrelation).series(100, 0, cv/math.Sqrt2) {
			d[i] -= v
		}
		before := wrong
		for n := 5; n <= len(d); n++ {
			windows++
			if v := Paired(d[max(0, n-20):n], o).Verdict; v == Better || v == Worse {
				wrong++
			}
		}
		if wrong > before {
			sequencesWrong++
		}
	}
	return windows, wrong, sequencesWrong
}

func rollingTable() string {
	t := table.NewWriter()
	t.AppendHeader(table.Row{"runs of identical models", "autocorrelation", "CV of the ratio", "least effect", "wrong windows per 1,000", "sequences of 100 cycles with one, per 1,000"})
	for _, k := range kinds() {
		for _, r := range []float64{0, 0.3} {
			for _, o := range []struct{ cv, least float64 }{{0.05, 0.05}, {0.2, 0.05}} {
				const sequences = 1000
				windows, wrong, sequencesWrong := rolling(k, r, o.cv, Options{LeastEffect: o.least}, sequences)
				t.AppendRow(table.Row{k.name, r, percent(o.cv), percent(o.least),
					fmt.Sprintf("%.2f", 1000*float64(wrong)/float64(windows)), fmt.Sprintf("%.1f", 1000*float64(sequencesWrong)/sequences)})
			}
		}
	}
	return t.RenderMarkdown()
}

func percent(v float64) string { return fmt.Sprintf("%.0f %%", 100*v) }

// cyclesUntil is how many cycles a verdict took; beyond 30 they are looked at in
// steps of 5 %. It is 0 if 1,000 did not do.
func cyclesUntil(s *source, mean, cv float64, o Options, want ...Verdict) int {
	d := s.series(1000, mean, cv)
	for n := LeastCycles; n <= len(d); n += max(1, (n-10)/20) {
		if slices.Contains(want, Paired(d[:n], o).Verdict) {
			return n
		}
	}
	return 0
}

func powerTable() string {
	t := table.NewWriter()
	t.AppendHeader(table.Row{"truth", "verdict", "least effect", "autocorrelation", "CV 1 %", "CV 5 %", "CV 20 %"})
	for _, p := range []struct {
		truth, least float64
		want         Verdict
	}{{1, 0.05, Same}, {1.05, 0.02, Worse}, {1.20, 0.05, Worse}, {2, 0.05, Worse}} {
		for _, r := range []float64{0, 0.3} {
			row := table.Row{fmt.Sprintf("%.2f", p.truth), p.want, percent(p.least), r}
			for _, cv := range []float64{0.01, 0.05, 0.20} {
				random := seeded(uint64(100*cv), uint64(100*p.truth), uint64(10*r))
				var took []int
				for range 200 {
					n := cyclesUntil(newSource(random, kinds()[0], r), math.Log(p.truth), cv, Options{LeastEffect: p.least}, p.want)
					if n == 0 {
						n = math.MaxInt
					}
					took = append(took, n)
				}
				slices.Sort(took)
				row = append(row, manyOr(took[100])+" ("+manyOr(took[180])+")")
			}
			t.AppendRow(row)
		}
	}
	return "Cycles until a verdict: median (90th percentile)\n" + t.RenderMarkdown()
}

func manyOr(n int) string {
	if n == math.MaxInt {
		return "> 1000"
	}
	return fmt.Sprint(n)
}

// foretold is the median, over sequences that had no verdict after so many
// cycles, of the cycles it took then, and of MissingCycles; and the median of
// one divided by the other.
func foretold(truth, cv, autocorrelation float64, after, sequences int) (took, missing, ratio float64) {
	r := seeded(uint64(100*cv), uint64(100*truth), uint64(after), uint64(10*autocorrelation), 3)
	var tooks, missings, ratios []float64
	for range sequences {
		d := newSource(r, kinds()[0], autocorrelation).series(600, math.Log(truth), cv)
		c := Paired(d[:after], Options{})
		if c.Verdict != NotEnoughData {
			continue
		}
		n := after + 1
		for n < len(d) && Paired(d[:n], Options{}).Verdict == NotEnoughData {
			n += max(1, (n-after)/20)
		}
		tooks = append(tooks, float64(n-after))
		missings = append(missings, float64(c.MissingCycles))
		ratios = append(ratios, float64(n-after)/float64(c.MissingCycles))
	}
	return median(tooks), median(missings), median(ratios)
}

func median(x []float64) float64 {
	if len(x) == 0 {
		return math.NaN()
	}
	slices.Sort(x)
	return x[len(x)/2]
}

var foretelling = []struct {
	truth, cv float64
	after     int
}{{1.02, 0.05, 8}, {1.03, 0.05, 20}, {1.08, 0.05, 8}, {1, 0.05, 5}, {1, 0.05, 8}, {1, 0.10, 8}, {1, 0.10, 20}, {1.2, 0.10, 5}, {1.2, 0.10, 8}, {1.2, 0.20, 8}, {1.5, 0.20, 5}, {1.2, 0.20, 20}}

func missingTable() string {
	t := table.NewWriter()
	t.AppendHeader(table.Row{"truth", "CV", "autocorrelation", "after cycles", "it took", "MissingCycles", "median of their ratio"})
	for _, f := range foretelling {
		for _, r := range []float64{0, 0.3} {
			took, missing, ratio := foretold(f.truth, f.cv, r, f.after, 300)
			t.AppendRow(table.Row{fmt.Sprintf("%.2f", f.truth), percent(f.cv), r, f.after, took, missing, fmt.Sprintf("%.2f", ratio)})
		}
	}
	return "Cycles until a verdict, foretold\n" + t.RenderMarkdown()
}

// BenchmarkScaling prints how many of FitUSL's 95 % intervals hold the truth, and
// whether it finds the peak that is there, and none where none is:
//
//	go test -run '^$' -bench Scaling -benchtime 1x ./daemon/compare
func BenchmarkScaling(b *testing.B) {
	for range b.N {
		t := table.NewWriter()
		t.AppendHeader(table.Row{"law, levels", "CV", "cycles", "Lambda", "Sigma", "Kappa", "peak shown %", "Peak", "PeakThroughput", "wrong peaks %", "else"})
		for _, l := range laws {
			for _, cv := range []float64{0.01, 0.05, 0.20} {
				for _, n := range []int{5, 8, 20} {
					o := simulateScaling(l.law, cv, n, 3000)
					t.AppendRow(table.Row{l.name, percent(cv), n, share(o.lambda), share(o.sigma), share(o.kappa),
						share(o.shown), share(o.peak), share(o.top), share(o.wrong), commonest(o.reasons)})
				}
			}
		}
		fmt.Println(t.RenderMarkdown())
	}
}

// BenchmarkFitUSL is the cost of one fit: six levels, 20 cycles.
func BenchmarkFitUSL(b *testing.B) {
	levels := laws[0].simulate(seeded(1), 0.05, 20)
	for b.Loop() {
		FitUSL(levels)
	}
}

// BenchmarkPaired is the cost of one comparison of 20 cycles.
func BenchmarkPaired(b *testing.B) {
	d := newSource(seeded(1), kinds()[0], 0).series(20, 0.01, 0.2)
	for b.Loop() {
		Paired(d, Options{})
	}
}

func share(v float64) string {
	if math.IsNaN(v) {
		return ""
	}
	return fmt.Sprintf("%.1f", 100*v)
}

func commonest(reasons map[Reason]float64) string {
	var most Reason
	for r, n := range reasons {
		if r != "" && (most == "" || n > reasons[most] || n == reasons[most] && r < most) {
			most = r
		}
	}
	if most == "" {
		return ""
	}
	return fmt.Sprintf("%s %.0f %%", most, 100*reasons[most])
}
