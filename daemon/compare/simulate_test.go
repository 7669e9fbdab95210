package compare

import (
	"math"
	"math/rand/v2"
	"sync"

	"gonum.org/v1/gonum/stat/distuv"
)

// kind is a distribution of simulated log ratios with a mean of 0, as a function
// of a standard normal value: a normal series with autocorrelation becomes one
// of the kind, whose distribution is exact whatever the autocorrelation.
type kind struct {
	name   string
	from   func(z float64) float64
	spread float64
	latent map[float64]float64 // autocorrelation of the normal series, by that of the kind's
}

// kinds are what log ratios may look like. Of the skewed and the bimodal ones
// the mean is what Paired estimates, and the truth it is held against.
var kinds = sync.OnceValue(func() []*kind {
	all := []*kind{
		{name: "normal", from: func(z float64) float64 { return z }},
		{name: "heavy tails (t3)", from: tabled(distuv.StudentsT{Mu: 0, Sigma: 1, Nu: 3}.Quantile)},
		{name: "skewed (lognormal)", from: func(z float64) float64 { return math.Exp(z/2) - math.Exp(0.125) }}, // skewness 1.75
		{name: "two modes", from: tabled(modes(0.5))},
		{name: "rare mode (30 %)", from: tabled(modes(0.3))},
	}
	for _, k := range all {
		k.spread = math.Sqrt(k.product(1))
		k.latent = map[float64]float64{0: 0}
		for _, r := range []float64{0.3, 0.5} {
			low, high := r, 0.95
			for range 20 {
				if middle := (low + high) / 2; k.product(middle) < r*k.spread*k.spread {
					low = middle
				} else {
					high = middle
				}
			}
			k.latent[r] = low
		}
	}
	return all
})

// product is the mean product of two values whose normal ones have that
// correlation, by the trapezium rule.
func (k *kind) product(correlation float64) float64 {
	const step, end = 0.1, 6.0
	rest := math.Sqrt(1 - correlation*correlation)
	var sum, weight float64
	for x := -end; x <= end; x += step {
		fx, wx := k.from(x), math.Exp(-x*x/2)
		for y := -end; y <= end; y += step {
			w := wx * math.Exp(-y*y/2)
			sum += w * fx * k.from(correlation*x+rest*y)
			weight += w
		}
	}
	return sum / weight
}

// modes is the quantile function of two modes, four times their own spread
// apart, the upper one with that probability.
func modes(upper float64) func(p float64) float64 {
	const apart = 4
	return func(p float64) float64 {
		low, high := -20.0, 20.0
		for range 60 {
			x := (low + high) / 2
			if (1-upper)*distuv.UnitNormal.CDF(x+upper*apart)+upper*distuv.UnitNormal.CDF(x-(1-upper)*apart) < p {
				low = x
			} else {
				high = x
			}
		}
		return low
	}
}

// tabled is a quantile function of a standard normal value instead of a
// probability, from a table: the functions take microseconds.
func tabled(quantile func(p float64) float64) func(z float64) float64 {
	const end, perUnit = 8, 500
	var table [2*end*perUnit + 1]float64
	for i := range table {
		p := distuv.UnitNormal.CDF(float64(i)/perUnit - end)
		table[i] = quantile(min(max(p, 1e-15), 1-1e-15))
	}
	return func(z float64) float64 {
		x := min(max((z+end)*perUnit, 0), float64(len(table)-2))
		i := int(x)
		return table[i] + (x-float64(i))*(table[i+1]-table[i])
	}
}

// source is a series of one kind that goes on and on.
type source struct {
	*kind
	r    *rand.Rand
	phi  float64
	last float64
}

func newSource(r *rand.Rand, k *kind, autocorrelation float64) *source {
	return &source{k, r, k.latent[autocorrelation], r.NormFloat64()}
}

// next has a mean of 0 and a spread of 1.
func (s *source) next() float64 {
	v := s.from(s.last) / s.spread
	s.last = s.phi*s.last + math.Sqrt(1-s.phi*s.phi)*s.r.NormFloat64()
	return v
}

// series is mean + cv times n values.
func (s *source) series(n int, mean, cv float64) []float64 {
	d := make([]float64, n)
	for i := range d {
		d[i] = mean + cv*s.next()
	}
	return d
}

func seeded(n ...uint64) *rand.Rand {
	seed := uint64(1)
	for _, v := range n {
		seed = seed*1_000_003 + v
	}
	return rand.New(rand.NewPCG(seed, 2026))
}

// coverage is the share of intervals that hold the true ratio, and how wide they
// are in the mean of the logs, against Student's interval of the same cycles.
func coverage(k *kind, autocorrelation float64, cycles, sequences int) (covered, width float64) {
	r := seeded(uint64(cycles), uint64(10*autocorrelation), uint64(len(k.name)))
	const truth, cv = 1.25, 0.05
	plain := student(0.975, cycles-1) / math.Sqrt(float64(cycles))
	var held, ours, students float64
	for range sequences {
		d := newSource(r, k, autocorrelation).series(cycles, math.Log(truth), cv)
		c := Paired(d, Options{})
		if c.Low <= truth && truth <= c.High {
			held++
		}
		_, spread := meanAndSpread(d)
		ours += math.Log(c.High / c.Low)
		students += 2 * plain * spread
	}
	return held / float64(sequences), ours / students
}

// wrongVerdicts counts those of better and worse where both sides are the same
// model: the difference of two series of one kind. The least effect is next to
// none, so that nothing but the cycles speaks against a difference.
func countWrong(k *kind, autocorrelation float64, cycles, sequences int) (wrong int) {
	r := seeded(uint64(cycles), uint64(10*autocorrelation), uint64(len(k.name)), 1)
	for range sequences {
		d := newSource(r, k, autocorrelation).series(cycles, 0, 0.05)
		for i, v := range newSource(r, k, autocorrelation).series(cycles, 0, 0.05) {
			d[i] -= v
		}
		if v := Paired(d, Options{LeastEffect: 1e-9}).Verdict; v == Better || v == Worse {
			wrong++
		}
	}
	return wrong
}

// countSame counts the verdicts same where the true ratio is that much more
// than 1.
func countSame(k *kind, autocorrelation, ratio, cv float64, cycles, sequences int) (same int) {
	r := seeded(uint64(cycles), uint64(10*autocorrelation), uint64(len(k.name)), 4)
	for range sequences {
		if Paired(newSource(r, k, autocorrelation).series(cycles, math.Log(ratio), cv), Options{}).Verdict == Same {
			same++
		}
	}
	return same
}

// law is a model that obeys the law exactly, and the levels it is measured at.
type law struct {
	levels               []int
	lambda, sigma, kappa float64
}

func (l law) at(n float64) float64 {
	return l.lambda * n / (1 + l.sigma*(n-1) + l.kappa*n*(n-1))
}

func (l law) peak() float64 { return math.Sqrt((1 - l.sigma) / l.kappa) }

// simulate measures a law: each cycle is faster or slower as a whole by 10 %
// and like the one before it (0.5), and each level by cv (0.3).
func (l law) simulate(r *rand.Rand, cv float64, cycles int) []Level {
	throughputs := make([]float64, len(l.levels))
	for j, n := range l.levels {
		throughputs[j] = l.at(float64(n))
	}
	return simulateLevels(r, l.levels, throughputs, cv, cycles)
}

func simulateLevels(r *rand.Rand, ns []int, throughputs []float64, cv float64, cycles int) []Level {
	levels := make([]Level, len(ns))
	machine := newSource(r, kinds()[0], 0.5).series(cycles, 0, 0.10)
	for j, n := range ns {
		d := newSource(r, kinds()[0], 0.3).series(cycles, 0, cv)
		for c := range d {
			d[c] = throughputs[j] * math.Exp(d[c]+machine[c])
		}
		levels[j] = Level{n, d}
	}
	return levels
}

// scalingOutcome is what many fits of one law come to, in shares.
type scalingOutcome struct {
	lambda, sigma, kappa float64 // of the intervals there are, those that hold the truth
	peak, top            float64 // the same, of the peaks shown
	shown, wrong         float64 // peaks shown; those whose interval does not hold the truth, or that there is none
	reasons              map[Reason]float64
}

func simulateScaling(l law, cv float64, cycles, sequences int) scalingOutcome {
	r := seeded(uint64(cycles), uint64(1000*cv), uint64(len(l.levels)), 5)
	o := scalingOutcome{reasons: map[Reason]float64{}}
	type tally struct{ held, of float64 }
	var lambda, sigma, kappa, peak, top tally
	count := func(t *tally, i Interval, truth float64) bool {
		held := i.Low <= truth*(1+1e-9) && truth*(1-1e-9) <= i.High
		if i.Known() {
			t.of++
			if held {
				t.held++
			}
		}
		return held
	}
	for range sequences {
		s := FitUSL(l.simulate(r, cv, cycles))
		count(&lambda, s.Lambda, l.lambda)
		count(&sigma, s.Sigma, l.sigma)
		count(&kappa, s.Kappa, l.kappa)
		if s.Shape == PeakShown {
			o.shown += 1 / float64(sequences)
			if !count(&peak, *s.Peak, l.peak()) {
				o.wrong += 1 / float64(sequences)
			}
			count(&top, *s.PeakThroughput, l.at(l.peak()))
		}
		o.reasons[s.Reason] += 1 / float64(sequences)
	}
	o.lambda, o.sigma, o.kappa = lambda.held/lambda.of, sigma.held/sigma.of, kappa.held/kappa.of
	o.peak, o.top = peak.held/peak.of, top.held/top.of
	return o
}

var laws = []struct {
	name string
	law
}{
	{"peak at 13.8 of 1, 2, 4 .. 32", law{[]int{1, 2, 4, 8, 16, 32}, 100, 0.05, 0.005}},
	{"peak at 6.7 of 2, 4 .. 10", law{[]int{2, 4, 6, 8, 10}, 100, 0.1, 0.02}},
	{"peak at 221 of 10, 100, 1000", law{[]int{10, 100, 1000}, 20, 0.02, 2e-5}},
	{"none (Kappa 0) of 1, 2 .. 16", law{[]int{1, 2, 4, 8, 16}, 100, 0.05, 0}},
	{"none (flat) of 2, 4 .. 10", law{[]int{2, 4, 6, 8, 10}, 20, 1, 0}},
	{"peak at 49 of 1, 2 .. 16", law{[]int{1, 2, 4, 8, 16}, 100, 0.05, 4e-4}},
}
