package detect

import (
	"math"
	"slices"
	"sync"
)

// exactRecent is up to how many new values the rank test uses the exact
// distribution. With more, the normal approximation is as good where it
// matters, 4 standard deviations out.
const exactRecent = 12

// exactZ holds, by the numbers of new and old values and by U, how many
// standard deviations of a normal distribution cut off a tail as large as that
// of U or less. Probabilities by the recurrence of Mann and Whitney (1947):
//
//	p(n,m,u) = n/(n+m) p(n-1,m,u-m) + m/(n+m) p(n,m-1,u)
//
// It assumes that no values are equal. Equal ones count as half a pair, which
// makes U less extreme than any order among them would at the extreme side, so
// that ties cost power and do not raise alarms. The correction for ties would:
// in a series that is constant but for three values it makes those significant.
// It is made when it is first needed: the daemon executes itself as a workload,
// whose start is measured.
var exactZ = sync.OnceValue(func() *[exactRecent + 1][maxBase + 1][]float64 {
	var z [exactRecent + 1][maxBase + 1][]float64
	var p [exactRecent + 1][maxBase + 1][]float64
	for m := range p {
		for n := range p[m] {
			p[m][n] = make([]float64, n*m+1)
			if n == 0 || m == 0 {
				p[m][n][0] = 1
				continue
			}
			old := float64(n) / float64(n+m)
			for u := range p[m][n] {
				if u >= m && u-m < len(p[m][n-1]) {
					p[m][n][u] += old * p[m][n-1][u-m]
				}
				if u < len(p[m-1][n]) {
					p[m][n][u] += (1 - old) * p[m-1][n][u]
				}
			}
			tail := 0.0
			for _, probability := range p[m][n][:n*m/2+1] {
				tail += probability
				z[m][n] = append(z[m][n], max(0, math.Sqrt2*math.Erfcinv(2*min(1, tail))))
			}
		}
	}
	return &z
})

// rankZ turns the sum of signs of all n*m differences into standard deviations.
func rankZ(n, m, signs int) float64 {
	pairs := n * m
	most := max(signs, -signs)
	z := 0.0
	if m > exactRecent {
		// Half a pair is the correction for continuity.
		z = max(0, float64(most-1)/2) / math.Sqrt(float64(pairs)*float64(n+m+1)/12)
	} else if tail, u := exactZ()[m][n], (pairs-most+1)/2; u < len(tail) {
		z = tail[u]
	}
	if signs < 0 {
		return -z
	}
	return z
}

// rankTests holds the newest m values against those before them, for every m
// up to most, of which all and the one before are of the regime itself.
func (w *window) rankTests() (z [maxRecent + 1]float64, most int) {
	for m := 1; m <= maxRecent && w.n-m >= max(minBase, w.known+1); m++ {
		k := w.n - m // where the new values begin
		z[m], most = rankZ(min(k, maxBase), m, int(w.signs[k])), m
	}
	return z, most
}

// rankOf numbers the values by size; equal ones have equal numbers.
func rankOf(x []float64, rank []int32) {
	var room [MaxValues]float64
	sorted := room[:copy(room[:], x)]
	slices.Sort(sorted)
	sorted = slices.Compact(sorted)
	for i, v := range x {
		k, _ := slices.BinarySearch(sorted, v)
		rank[i] = int32(k)
	}
}
