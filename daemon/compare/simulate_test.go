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
