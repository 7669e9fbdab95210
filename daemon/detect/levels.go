package detect

import "math"

// Compare is the size of the difference between two levels that are known to
// be two: the second by the first, with its 95 % confidence interval, in the way
// of Shift. Of the old values the newest 50 are looked at, of the others the
// newest MaxValues-50. The ratio is NaN where either has none that is usable.
func Compare(old, values []float64) (ratio, low, high float64) {
	var w window
	add := func(list []float64, most int) (n int) {
		var kept []float64
		for i := len(list) - 1; i >= 0 && len(kept) < most; i-- {
			if usable(list[i]) {
				kept = append(kept, logarithm(list[i]))
			}
		}
		for i := len(kept) - 1; i >= 0; i-- {
			w.x[w.n] = kept[i]
			w.n++
		}
		return len(kept)
	}
	n, m := add(old, maxBase), add(values, MaxValues-maxBase)
	if n == 0 || m == 0 {
		return math.NaN(), math.NaN(), math.NaN()
	}
	c := w.compare(m)
	from, to := w.interval(m, c)
	return math.Exp(c.difference), math.Exp(from), math.Exp(to)
}
