package detect

import "math"

// Suspect reports whether the newest values look unlike those before: too
// little to raise an alert, enough for another run at once. Of the newest one,
// two or three values each must lie off the level, on the same side, and their mean be
// far off it; a single normal value ends the suspicion.
func Suspect(regime []Value, o Options) bool {
	var w window
	w.fill(regime, o.Known)
	for m := 1; m <= 3 && w.n-m >= max(minBase, w.known); m++ {
		base, recent := w.split(m)
		level, squares := levelOf(base)
		n := float64(len(base))
		sd := math.Sqrt(max(leastVariance, squares/(n-1)))
		least := math.Inf(1)
		sum := 0.0
		for _, x := range recent {
			sum += x - level
		}
		for _, x := range recent {
			least = min(least, (x-level)*math.Copysign(1, sum))
		}
		mean := math.Abs(sum) / float64(m)
		if least >= sd && mean >= math.Log1p(o.LeastEffect) &&
			mean >= suspectT*sd*math.Sqrt(designEffect(0.3, m)/float64(m)+1/n) {
			return true
		}
	}
	return false
}

const suspectT = 3.2

// Noticeable is the smallest lasting change, up or down, that would be noticed if it began
// now: with probability 0.8 within 20 further runs. ok is false where there
// are too few values to say, or to find an ordinary change with (firstBase).
func Noticeable(regime []Value, o Options) (ratio float64, ok bool) {
	var w window
	w.fill(regime, o.Known)
	const m = 16
	if w.n < 2*minBase || o.First && w.n < firstBase {
		return 0, false
	}
	x := w.x[max(0, w.n-maxBase):w.n]
	level, squares := levelOf(x)
	var room [MaxValues]float64
	residuals := room[:0]
	for _, y := range x {
		residuals = append(residuals, y-level)
	}
	r := autocorrelation(residuals)
	n := len(x)
	c := comparison{n: n, m: m, variance: max(leastVariance, squares/float64(n-1)), design: designOf(r, n, m)}
	// What is on the limit is above it half of the time. Four of five need 0.84
	// standard errors more; half of that was measured to be enough, as the other
	// numbers of new values within 20 runs are tried too.
	size := max(math.Log1p(o.LeastEffect), needT(m)*c.standardError()) + 0.42*c.standardError()
	return math.Expm1(size), true
}
