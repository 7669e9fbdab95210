package detect

import "math"

// Suspect is how surely the newest values look unlike those before: too little
// to raise an alert, enough for another run at once. t is the size of the
// difference by its standard error, positive for more, and 0 where they do not;
// since is the index of the first of them. Of one, two or three values each must
// lie off the level, on the same side, so that a single normal one ends the
// suspicion. Of more it takes what Latest takes, less surely.
func Suspect(regime []Value, o Options) (since int, t float64) {
	var w window
	w.fill(regime, o.Known)
	for m := 1; m <= 3 && w.n-m >= max(minBase, w.known); m++ {
		if t := w.off(m, o); t != 0 {
			return w.at[w.n-m], t
		}
	}
	z, most := w.rankTests()
	for _, m := range windows {
		if m > min(most, maxSuspects) {
			break
		}
		if math.Abs(z[m]) < weakZ {
			continue
		}
		if c := w.compare(m); math.Abs(c.t()) >= weakZ && math.Abs(c.difference) >= math.Log1p(o.LeastEffect) {
			return w.at[w.n-m], c.t()
		}
	}
	return 0, 0
}

// off is by how much few values are off the level, 0 where not each of them is.
func (w *window) off(m int, o Options) float64 {
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
	mean := sum / float64(m)
	t := mean / sd / math.Sqrt(designEffect(0.3, m)/float64(m)+1/n)
	if least < sd || math.Abs(mean) < math.Log1p(o.LeastEffect) || math.Abs(t) < suspectT {
		return 0
	}
	return t
}

const (
	suspectT    = 3.2 // up to 3 values must be off by; of more weakZ is asked, as so many numbers of them are tried
	maxSuspects = 27  // to where a few runs more change what the newest say
)

// Difference is how surely the values from since on differ from those before and
// o.Known: the size by its standard error, positive for more. It is 0 where there are
// too few to say, or the size is of no interest. It is a witness of a change that
// was found and dated in other values, and does not look for the place itself.
func Difference(regime []Value, since int, o Options) float64 {
	var w window
	w.fill(regime, o.Known)
	m := 0
	for m < w.n-w.known && w.at[w.n-1-m] >= since {
		m++
	}
	if m == 0 || w.n-m < minBase {
		return 0
	}
	c := w.compare(m)
	if math.Abs(c.difference) < math.Log1p(o.LeastEffect) {
		return 0
	}
	if m == 1 {
		return c.t() // one value has no spread of its own
	}
	return c.difference / max(c.standardError(), math.Sqrt(c.own*c.design))
}

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
