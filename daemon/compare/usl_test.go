package compare

import (
	"math"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// exact is a law measured without noise in each of so many cycles.
func exact(l law, cycles int) []Level {
	levels := make([]Level, len(l.levels))
	for i, n := range l.levels {
		levels[i] = Level{n, times(cycles, l.at(float64(n)))}
	}
	return levels
}

func TestFitUSLExact(t *testing.T) {
	for _, l := range laws {
		t.Run(l.name, func(t *testing.T) {
			s := FitUSL(exact(l.law, 8))
			for _, p := range []struct {
				name      string
				got, want float64
			}{
				{"Lambda", s.Lambda.Value, l.lambda}, {"Sigma", s.Sigma.Value, l.sigma}, {"Kappa", s.Kappa.Value, l.kappa},
				{"throughput of 3", s.At(3), l.at(3)}, {"Misfit", s.Misfit, 0},
			} {
				if math.Abs(p.got-p.want) > 1e-8*max(1, p.want) {
					t.Errorf("%s is %v, want %v", p.name, p.got, p.want)
				}
			}
			inside := l.peak() < float64(slices.Max(l.levels))
			if (s.Shape == PeakShown) != inside {
				t.Errorf("%v (%s), want a peak: %v", s.Shape, s.Reason, inside)
			}
			if s.Peak != nil && math.Abs(s.Peak.Value-l.peak()) > 1e-6*l.peak() {
				t.Errorf("peak at %v, want %v", s.Peak.Value, l.peak())
			}
			if s.PeakThroughput != nil && math.Abs(s.PeakThroughput.Value-l.at(l.peak())) > 1e-6*l.at(l.peak()) {
				t.Errorf("throughput of %v at the peak, want %v", s.PeakThroughput.Value, l.at(l.peak()))
			}
		})
	}
}

// Throughputs as benchd measured them, with noise of 2 % around them.
func TestFitUSLMeasured(t *testing.T) {
	tests := []struct {
		name        string
		levels      []int
		throughputs []float64
		shape       Shape
		reason      Reason
		best        int
	}{
		{"asyncio", []int{10, 100, 1000}, []float64{188, 1785, 2272}, NoPeakShown, NoDecline, 1000},
		{"threads", []int{10, 100, 1000}, []float64{180, 467, 420}, PeakShown, "", 100},
		{"asyncio+threads: no such law", []int{10, 100, 1000}, []float64{1458, 1034, 535}, NoPeakShown, BadFit, 10},
		{"CPU-bound threads", []int{2, 4, 6, 8, 10}, []float64{20e6, 20e6, 20e6, 20e6, 20e6}, NoPeakShown, NoDecline, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := FitUSL(simulateLevels(seeded(4), test.levels, test.throughputs, 0.02, 20))
			if s.Shape != test.shape || s.Reason != test.reason {
				t.Errorf("%v (%s), want %v (%s)\n%+v", s.Shape, s.Reason, test.shape, test.reason, s)
			}
			if test.best != 0 && s.BestLevel != test.best {
				t.Errorf("best at %d, want %d", s.BestLevel, test.best)
			}
			if s.Reason == BadFit && (!math.IsNaN(s.Lambda.Value) || !math.IsNaN(s.At(10)) || math.Abs(s.Misfit) < tolerated) {
				t.Errorf("a law that does not hold has values: %+v", s)
			}
			if s.Peak != nil && (s.Peak.Value < 200 || s.Peak.Value > 300 || s.PeakThroughput.Value < 400 || s.PeakThroughput.Value > 600) {
				t.Errorf("peak at %v, %v units/s", *s.Peak, *s.PeakThroughput)
			}
		})
	}
}

// What a cycle does to all levels does not excuse a law that does not hold.
func TestFitUSLRefuted(t *testing.T) {
	levels := exact(laws[0].law, 12)
	levels[2].Throughputs = times(12, 1.4*levels[2].Throughputs[0])
	r := seeded(8)
	for c := range 12 {
		machine := math.Exp(0.4 * r.NormFloat64())
		for i := range levels {
			levels[i].Throughputs[c] *= machine * math.Exp(0.01*r.NormFloat64())
		}
	}
	if s := FitUSL(levels); s.Reason != BadFit || s.Misfit < tolerated {
		t.Errorf("%v (%s), misfit %.2f", s.Shape, s.Reason, s.Misfit)
	}
}

// The law may see a peak where the levels only rise, fall or stay: that is not a
// peak that was seen, and more cycles do not show it.
func TestFitUSLUnseenPeak(t *testing.T) {
	tests := []struct {
		name   string
		law    law
		cv     float64
		reason Reason
	}{
		{"rises up to its peak", law{[]int{2, 4, 6, 8, 10}, 100, 0.1, 0.9 / 81}, 0.005, NoDecline},
		{"falls from its peak", law{[]int{10, 20, 40, 80}, 100, 0.1, 0.9 / 121}, 0.005, NoRise},
		{"as fast before it as after", law{[]int{10, 20, 40, 80}, 100, 0.1, 0.9 / 196}, 0.005, NoRise},
		{"falls", law{[]int{2, 4, 6, 8, 10}, 100, 0.9, 0.3}, 0.005, NoRise},
		{"rises, noisily", law{[]int{2, 4, 6, 8, 10}, 100, 0.1, 0.9 / 81}, 0.05, ""},
		{"falls, noisily", law{[]int{10, 20, 40, 80}, 100, 0.1, 0.9 / 196}, 0.05, ""},
		{"flat, noisily", law{[]int{2, 4, 6, 8, 10}, 20, 1, 0}, 0.02, ""},
	}
	for _, test := range tests {
		o := simulateScaling(test.law, test.cv, 20, 400)
		if o.shown > 0.03 || test.reason != "" && o.reasons[test.reason] < 0.97 {
			t.Errorf("%s: a peak in %.1f %% of fits; %v, want %q", test.name, 100*o.shown, o.reasons, test.reason)
		}
	}
	// Throughput hardly rises at the end, and the law has no peak for it.
	var levels []Level
	for i, x := range []float64{20, 20, 20, 20.1, 20.3} {
		levels = append(levels, Level{2 + 2*i, times(8, x)})
	}
	if s := FitUSL(levels); s.Reason != NoDecline {
		t.Errorf("nearly flat: %v (%s), want %s", s.Shape, s.Reason, NoDecline)
	}
}

func TestFitUSLTooLittle(t *testing.T) {
	l := laws[0].law
	without := exact(l, 8)
	without[1].Throughputs = times(8, nan)
	short := exact(l, 8)
	short[2].Throughputs = short[2].Throughputs[:4]
	tests := []struct {
		name   string
		levels []Level
		reason Reason
		best   int
	}{
		{"nothing", nil, TooFewLevels, 0},
		{"two levels", exact(l, 8)[:2], TooFewLevels, 2},
		{"one level three times", []Level{without[0], without[0], without[0]}, TooFewLevels, 1},
		{"two of three have figures", without[:3], TooFewLevels, 4},
		{"no workers, no figures", []Level{{0, times(8, 1)}, {-1, times(8, 1)}, {1, times(8, 0)}, {2, times(8, math.Inf(1))}}, TooFewLevels, 0},
		{"four cycles", exact(l, 4), TooFewCycles, 16},
		{"four cycles of one level", short, TooFewCycles, 16},
		{"four cycles that the law does not fit", []Level{{10, times(4, 1458)}, {100, times(4, 1034)}, {1000, times(4, 535)}}, TooFewCycles, 10},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := FitUSL(test.levels)
			if s.Shape != ShapeUnknown || s.Reason != test.reason || s.BestLevel != test.best {
				t.Errorf("%v (%s), best at %d; want %v (%s), %d", s.Shape, s.Reason, s.BestLevel, ShapeUnknown, test.reason, test.best)
			}
			if known := !math.IsNaN(s.Lambda.Value); known != (math.Abs(s.Misfit) < tolerated) {
				t.Errorf("Lambda is %v", s.Lambda)
			}
			if s.Lambda.Known() || s.Sigma.Known() || s.Kappa.Known() || s.Peak != nil || s.PeakThroughput != nil {
				t.Errorf("there is an interval: %+v", s)
			}
		})
	}
}

// Neither the unit of throughput, the order of the levels nor cycles without
// figures change what is said of the model.
func TestFitUSLInvariance(t *testing.T) {
	r := seeded(5)
	for range 300 {
		l := laws[r.IntN(len(laws))]
		levels := l.simulate(r, 0.05, 12)
		want := FitUSL(levels)

		other := slices.Clone(levels)
		r.Shuffle(len(other), func(i, j int) { other[i], other[j] = other[j], other[i] })
		for i := range other {
			d := []float64{nan}
			for _, v := range other[i].Throughputs {
				d = append(d, 1e6*v, nan)
			}
			other[i].Throughputs = d
		}
		got := FitUSL(other)

		for _, i := range []*Interval{&want.Lambda, want.PeakThroughput} {
			if i != nil {
				*i = Interval{1e6 * i.Value, 1e6 * i.Low, 1e6 * i.High}
			}
		}
		if diff := cmp.Diff(want, got, same); diff != "" {
			t.Fatalf("%s\n%s", l.name, diff)
		}
	}
}

// No other coefficients that are not negative fit better.
func TestFitIsLeast(t *testing.T) {
	r := seeded(6)
	bound, free := 0, 0
	for range 1000 {
		var levels []Level
		for _, n := range laws[r.IntN(len(laws))].levels {
			levels = append(levels, Level{n, []float64{laws[0].at(float64(n)) * math.Exp(r.NormFloat64()/2)}})
		}
		m := measure(levels)
		best := m.fit()
		if slices.ContainsFunc([][]int{{1, 2}, {1}, {2}}, func(terms []int) bool {
			s := m.solve(terms)
			return s.beta[1] >= 0 && s.beta[2] >= 0 && s.squares < best.squares
		}) {
			continue // the best has a Lambda without bound, which is none
		}
		if best.beta[1] == 0 || best.beta[2] == 0 {
			bound++
		} else {
			free++
		}
		for range 200 {
			other := *best
			for i := range other.beta {
				other.beta[i] = math.Abs(best.beta[i]+best.beta[0]*1e-3*r.NormFloat64()/termsOf(4)[i]) * math.Exp(1e-3*r.NormFloat64())
			}
			var squares float64
			for _, l := range m.levels {
				e := 1 - other.reciprocal(l.n)*l.throughput/l.n
				squares += e * e
			}
			if squares < best.squares*(1-1e-9) {
				t.Fatalf("%v: %v fits better than %v", levels, other.beta, best.beta)
			}
		}
	}
	if bound < 50 || free < 50 {
		t.Errorf("in %d fits a coefficient was held at 0, in %d none: the test does not see both kinds", bound, free)
	}
}

func TestFieller(t *testing.T) {
	inf := math.Inf(1)
	tests := []struct {
		name                         string
		u, v, vuu, vuv, vvv, g       float64
		wantLow, wantHigh, tolerance float64
	}{
		{"certain", 3, 2, 0, 0, 0, 4, 1.5, 1.5, 0},
		{"the numerator alone", 3, 2, 1, 0, 0, 0.25, 1.25, 1.75, 1e-12},
		{"the denominator alone", 1, 2, 0, 0, 1, 1, 1. / 3, 1, 1e-12},
		{"in step: the ratio is certain", 4, 2, 4, 2, 1, 1, 2, 2, 1e-7},
		{"the denominator may be 0", 1, 1, 0, 0, 1, 4, 1. / 3, inf, 1e-12},
		{"both may be 0", 1, 1, 1, 0, 1, 4, 0, inf, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			low, high := fieller(test.u, test.v, test.vuu, test.vuv, test.vvv, test.g)
			if math.Abs(low-test.wantLow) > test.tolerance || high != test.wantHigh && math.Abs(high-test.wantHigh) > test.tolerance {
				t.Errorf("%v to %v, want %v to %v", low, high, test.wantLow, test.wantHigh)
			}
		})
	}
}

func TestScalingCoverage(t *testing.T) {
	t.Parallel()
	for _, l := range laws[:3] {
		for _, n := range []int{8, 12, 20} {
			o := simulateScaling(l.law, 0.05, n, 1500)
			for _, p := range []struct {
				name        string
				held, least float64
			}{{"Sigma", o.sigma, 0.93}, {"Kappa", o.kappa, 0.93}, {"Lambda", o.lambda, 0.915}, {"PeakThroughput", o.top, 0.915}} {
				if p.held < p.least || p.held > 0.975 {
					t.Errorf("%s, %d cycles: %.1f %% of the intervals of %s hold the truth", l.name, n, 100*p.held, p.name)
				}
			}
			if o.wrong > 0.07 {
				t.Errorf("%s, %d cycles: %.1f %% of fits show a peak where it is not", l.name, n, 100*o.wrong)
			}
		}
	}
}

// Where there is no peak, or it is beyond the levels, none is shown; where there
// is one it is, with cycles enough.
func TestScalingShape(t *testing.T) {
	t.Parallel()
	for i, l := range laws {
		for _, cv := range []float64{0.01, 0.20} {
			o := simulateScaling(l.law, cv, 12, 500)
			switch {
			case i >= 3 && o.shown > 0.01:
				t.Errorf("%s, CV %v: a peak in %.1f %% of fits", l.name, cv, 100*o.shown)
			case i < 3 && cv == 0.01 && o.shown < 0.98:
				t.Errorf("%s, CV %v: a peak in %.1f %% of fits only", l.name, cv, 100*o.shown)
			}
			want := map[int]Reason{3: PeakBeyondRange, 4: NoDecline, 5: PeakBeyondRange}[i]
			if cv == 0.01 && o.reasons[want] < 0.98 {
				t.Errorf("%s, CV %v: %v, want %q", l.name, cv, o.reasons, want)
			}
			if o.reasons[BadFit] > 0.05 {
				t.Errorf("%s, CV %v: refuted in %.1f %% of fits", l.name, cv, 100*o.reasons[BadFit])
			}
		}
	}
}

func TestReasonsAreListed(t *testing.T) {
	if got := len(slices.Compact(slices.Sorted(slices.Values(Reasons())))); got != 7 {
		t.Errorf("%d different reasons, want 7", got)
	}
	for s, want := range map[Shape]string{ShapeUnknown: "not enough data yet", PeakShown: "peak", NoPeakShown: "no peak"} {
		if s.String() != want {
			t.Errorf("%d is %q, want %q", s, s, want)
		}
	}
}
