package detect

import (
	"math"
	"math/rand/v2"
)

// noise is a stationary process of mean 0 and variance 1, to be scaled.
type noise struct {
	name string
	r    float64                  // of AR(1)
	draw func(*rand.Rand) float64 // an innovation of variance 1
}

func gauss(r *rand.Rand) float64 { return r.NormFloat64() }

// student3 is Student's t with 3 degrees of freedom: its variance is 3.
func student3(r *rand.Rand) float64 {
	chi := square(r.NormFloat64()) + square(r.NormFloat64()) + square(r.NormFloat64())
	return r.NormFloat64() / math.Sqrt(chi/3) / math.Sqrt(3)
}

// lognormal is skewed, as times are: most runs are alike, some are slow.
func lognormal(r *rand.Rand) float64 {
	const s = 0.8
	mean, sd := math.Exp(s*s/2), math.Sqrt((math.Exp(s*s)-1)*math.Exp(s*s))
	return (math.Exp(s*r.NormFloat64()) - mean) / sd
}

// bimodal is two levels, ten times as far apart as each spreads, the slow one in
// that share of the runs.
func bimodal(slow float64) func(*rand.Rand) float64 {
	return func(r *rand.Rand) float64 {
		level := -slow
		if r.Float64() < slow {
			level++
		}
		return (level + 0.1*r.NormFloat64()) / math.Sqrt(slow*(1-slow)+0.01)
	}
}

// levels of noise and sizes of steps that all tables and tests have.
var (
	spreads = []float64{0.02, 0.05, 0.1}
	steps   = []float64{0.05, 0.07, 0.1, 0.2}
)

var noises = []noise{
	{"iid", 0, gauss}, {"AR(.3)", 0.3, gauss}, {"AR(.5)", 0.5, gauss}, {"bimodal, 3 of 10 slow", 0, bimodal(0.3)},
	{"bimodal, 1 of 5 slow", 0, bimodal(0.2)}, {"bimodal, 1 of 10 slow", 0, bimodal(0.1)},
	{"t3", 0, student3}, {"lognormal", 0, lognormal}, {"AR(.5) t3", 0.5, student3},
}

// series draws n values with the given coefficient of variation around 1, and
// from step on around 1+effect.
func (k noise) series(rnd *rand.Rand, n int, cv float64, step int, effect float64) []float64 {
	y := make([]float64, n)
	e := 0.0
	if k.r > 0 {
		for range 30 {
			e = k.r*e + math.Sqrt(1-k.r*k.r)*k.draw(rnd)
		}
	}
	for i := range y {
		e = k.r*e + math.Sqrt(1-k.r*k.r)*k.draw(rnd)
		y[i] = max(0.01, 1+cv*e)
		if i >= step {
			y[i] *= 1 + effect
		}
	}
	return y
}

// falseAlarms counts alerts in series without a change, from a cold start of
// falseRuns runs each.
func falseAlarms(k noise, cv float64, count int, d detector) (alerts int) {
	for _, n := range parallel(count, func(i int) int {
		rnd := rand.New(rand.NewPCG(uint64(i), math.Float64bits(cv)))
		return len(online(k.series(rnd, falseRuns, cv, falseRuns, 0), d))
	}) {
		alerts += n
	}
	return alerts
}

const falseRuns = 300

func falsePer1000(k noise, cv float64, count int, d detector) float64 {
	return 1000 * float64(falseAlarms(k, cv, count, d)) / float64(count*falseRuns)
}

// within are the numbers of runs after a step for which power is shown.
var within = [3]int{10, 20, 50}

// foundAfter says, for each series, how many runs after its step it was found,
// or more than the most of within. 100 runs were seen before the step. The
// same seeds are the same series for every detector.
func foundAfter(k noise, cv, step float64, count int, d detector) []int {
	const before = 100
	return parallel(count, func(i int) int {
		rnd := rand.New(rand.NewPCG(uint64(i), 1))
		y := k.series(rnd, before+within[2], cv, before, step)
		for n := 1; n <= within[2]; n++ {
			if _, ok := d(y[:before+n], true); ok {
				return n
			}
		}
		return within[2] + 1
	})
}

// power is the share of steps that are found within so many runs.
func power(k noise, cv, step float64, count int, d detector) [3]float64 {
	return shares(foundAfter(k, cv, step, count, d))
}

func shares(found []int) (share [3]float64) {
	for _, n := range found {
		for j, limit := range within {
			if n <= limit {
				share[j] += 1 / float64(len(found))
			}
		}
	}
	return share
}

// decided counts the series that only one of two detectors finds in time.
func decided(mine, theirs []int, limit int) (won, lost int) {
	for i := range mine {
		switch {
		case mine[i] <= limit && theirs[i] > limit:
			won++
		case mine[i] > limit && theirs[i] <= limit:
			lost++
		}
	}
	return won, lost
}
