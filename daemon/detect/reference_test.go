package detect

import (
	"math"
	"slices"
	"sync"
)

// reference is the design that ours has to beat, written from its description
// and as plainly as possible: a rank test and a robust t-type test must agree,
// over windows of 3 to 35 new values against up to 50 before them.
func reference(leastEffect float64) detector {
	logLeast := math.Log1p(leastEffect)
	return func(regime []float64, _ bool) (int, bool) {
		x := logs(regime[max(0, len(regime)-90):])
		found := false
		for _, m := range []int{3, 4, 5, 7, 9, 12, 16, 21, 27, 35} {
			n := min(50, len(x)-m)
			if n < 8 {
				break
			}
			split := len(x) - m
			base, recent := x[split-n:split], x[split:]
			if math.Abs(referenceZ(base, recent)) >= 4 &&
				math.Abs(median(recent)-median(base)) >= logLeast &&
				math.Abs(referenceT(base, recent)) >= 7 {
				found = true
				break
			}
		}
		if !found {
			return 0, false
		}
		best, since := 0.0, 0
		for m := 3; m <= 40 && len(x)-m >= 8; m++ {
			split := len(x) - m
			if z := math.Abs(referenceZ(x[max(0, split-50):split], x[split:])); z > best {
				best, since = z, split
			}
		}
		return len(regime) - len(x) + since, true
	}
}

func referenceZ(base, recent []float64) float64 {
	n, m := len(base), len(recent)
	u := 0.0 // pairs in which the recent value is the larger
	for _, b := range base {
		for _, r := range recent {
			switch {
			case r > b:
				u++
			case r == b:
				u += 0.5
			}
		}
	}
	nm := float64(n * m)
	sign := 1.0
	if u < nm/2 {
		sign, u = -1, nm-u
	}
	if m > 12 {
		return sign * max(0, u-nm/2-0.5) / math.Sqrt(nm*float64(n+m+1)/12)
	}
	return sign * normalQuantile(referenceTail(n, m, int(math.Ceil(nm-u))))
}

// referenceTail is the probability of at most u, for up to 12 new values.
func referenceTail(n, m, u int) float64 {
	sum := 0.0
	for _, p := range referenceP()[[2]int{n, m}][:u+1] {
		sum += p
	}
	return sum
}

// referenceP is the exact distribution of U by the numbers of old and new
// values, from the numbers of ways to get there: the recurrence in whole
// numbers, not in probabilities as ours.
var referenceP = sync.OnceValue(func() map[[2]int][]float64 {
	ways := map[[2]int][]float64{}
	for n := range 51 {
		for m := range 13 {
			w := make([]float64, n*m+1)
			if n == 0 || m == 0 {
				w[0] = 1
			} else {
				for u, k := range ways[[2]int{n - 1, m}] {
					w[u+m] += k
				}
				for u, k := range ways[[2]int{n, m - 1}] {
					w[u] += k
				}
			}
			ways[[2]int{n, m}] = w
		}
	}
	for _, w := range ways {
		total := 0.0
		for _, k := range w {
			total += k
		}
		for u := range w {
			w[u] /= total
		}
	}
	return ways
})

// normalQuantile is how many standard deviations cut off a tail of p.
func normalQuantile(p float64) float64 { return math.Sqrt2 * math.Erfcinv(2*p) }

func referenceT(base, recent []float64) float64 {
	n, m := float64(len(base)), float64(len(recent))
	var differences []float64
	for _, b := range base {
		for _, r := range recent {
			differences = append(differences, r-b)
		}
	}
	v := max(1e-14, (n*square(1.4826*mad(base))+m*square(1.4826*mad(recent)))/(n+m))
	r := min(0.8, max(0, rankAutocorrelation(base)))
	d := func(k int) float64 {
		sum, power := 1.0, 1.0
		for j := 1; j < k; j++ {
			power *= r
			sum += 2 * (1 - float64(j)/float64(k)) * power
		}
		return sum
	}
	return median(differences) / math.Sqrt(1.0472*v*(d(len(recent))/m+d(len(base))/n))
}

func rankAutocorrelation(x []float64) float64 {
	ranks := make([]float64, len(x))
	for i, a := range x {
		for _, b := range x {
			switch {
			case b < a:
				ranks[i]++
			case b == a:
				ranks[i] += 0.5
			}
		}
	}
	mean := float64(len(x)) / 2
	var num, den float64
	for i, r := range ranks {
		den += square(r - mean)
		if i > 0 {
			num += (r - mean) * (ranks[i-1] - mean)
		}
	}
	if den == 0 {
		return 0
	}
	return num / den
}

func square(x float64) float64 { return x * x }

func logs(x []float64) []float64 {
	out := make([]float64, len(x))
	for i, v := range x {
		out[i] = math.Log(v)
	}
	return out
}

func median(x []float64) float64 {
	s := slices.Sorted(slices.Values(x))
	return (s[(len(s)-1)/2] + s[len(s)/2]) / 2
}

func mad(x []float64) float64 {
	m := median(x)
	d := make([]float64, len(x))
	for i, v := range x {
		d[i] = math.Abs(v - m)
	}
	return median(d)
}
