package detect

import (
	"math"
	"slices"
)

// What is compared.
const (
	maxBase   = 50 // older values say more of the past than of the level
	minBase   = 8
	maxRecent = 60
	minRecent = 4
)

// What a change must show. These limits, and what is usual (usualR), were chosen
// among some 45 settings that were scored on all annotated series of part A,
// with simulated ones beside them, so their figures there flatter: the two
// halves of part A differ by more than most of the choices do.
const (
	leastZ = 4.0
	// Up to mostShort new values may be a burst: a neighbour that was noisy for
	// some runs. They must be far off; the next few are what strong
	// autocorrelation deceives most.
	mostShort  = 6
	leastShort = 10.0
	mostFew    = 9
	leastFew   = 7.0
	// The more values, the more there is to see in slow wandering, which a
	// model of neighbours alone does not know: so the size must be surer, from
	// leastT at 12 new values to mostT at 60.
	leastT = 5.35
	mostT  = 7.5
	// A few outliers among the old values, or few of these, keep the rank test
	// from ever being sure. Where the size is beyond doubt by either estimate
	// of the spread, it need not be: this is what finds a change soon after the
	// last one. Two modes of a series would pass by the robust spread alone,
	// which sees only one of them.
	weakZ      = 3.6
	weakRecent = 6
	strongT    = 10.0
	strongWide = 8.0
	// At a cold start nothing is known of how neighbours resemble one another,
	// and fewer values cannot tell it: of all false alarms at an
	// autocorrelation of 0.5, nearly half were raised within the first 60 runs.
	// After a change as many would leave it partly blind for longer.
	firstBase = 22
	// Where every third run is slow, some slow ones in a row are as far off as
	// a change, by a spread that sees only the other runs. Such a level was
	// visited before: several times some of the old values were nearer to it.
	// Where they raise the spread besides, only the ranks are left as a witness,
	// and must be surer. Fewer visits may be of an earlier level, which real
	// series return to: to be strict there lost steps of part A.
	mostVisits = 3
	oneMode    = 0.7
	modesZ     = 5.0
	// Where noise has grown and the level has not, both tests are deceived: of many
	// quiet values and few noisy ones, what they take for the spread is mostly that
	// of the quiet ones. So the size must hold by either side's own spread as well
	// (Welch, The Generalization of "Student's" Problem when Several Different
	// Population Variances are Involved, Biometrika 34, 1947). Of steps in equal
	// noise this loses 1 in 200 within 10 runs, and none later.
	ownT = 4.5
)

// windows are the numbers of new values that are tried, about 15 % apart.
var windows = []int{4, 5, 6, 7, 8, 9, 10, 12, 14, 16, 18, 21, 24, 27, 31, 35, 40, 46, 53, 60}

// comparison is of the newest m values with n before them.
type comparison struct {
	n, m       int
	difference float64 // of the levels, in logarithms
	variance   float64 // of single values around their level, of the many that are near it
	wide       float64 // the same with the rest of them, but for the outermost fifth
	design     float64 // variance of the difference by what it were without autocorrelation
	own        float64 // variance of the difference by either side's own spread, without autocorrelation
	visits     int     // how often old values in a row were nearer to the new level
}

// leastVariance is that of figures that agree in 7 digits. Without it a
// constant series would divide by 0.
const leastVariance = 1e-14

func (c *comparison) standardError() float64 {
	return math.Sqrt(c.variance * c.design * (1/float64(c.n) + 1/float64(c.m)) / levelEfficiency)
}

func (c *comparison) t() float64 { return c.difference / c.standardError() }

// needT is what |t| must be at least with m new values.
func needT(m int) float64 {
	switch {
	case m <= mostShort:
		return leastShort
	case m <= mostFew:
		return leastFew
	case m <= 12:
		return leastT
	}
	return leastT + (mostT-leastT)*math.Log(float64(m)/12)/math.Log(maxRecent/12.0)
}

func (c *comparison) passes(z float64, o Options) bool {
	size, t := math.Abs(c.difference), math.Abs(c.t())
	if size < math.Log1p(o.LeastEffect) || size == 0 {
		return false
	}
	if size < ownT*math.Sqrt(c.own*c.design) {
		return false
	}
	spreads := math.Sqrt(c.variance / c.wide)
	needZ := leastZ
	if c.visits > mostVisits && spreads < oneMode {
		needZ = modesZ
	}
	if math.Abs(z) < needZ {
		return c.m >= weakRecent && c.variance > leastVariance &&
			t >= strongT && t*spreads >= strongWide
	}
	return t >= needT(c.m) && (c.n >= firstBase || !o.First)
}

// difference is that of the levels, in logarithms.
func (w *window) difference(m int) float64 {
	base, recent := w.split(m)
	old, _ := levelOf(base)
	level, _ := levelOf(recent)
	return level - old
}

// compare estimates levels, spread and autocorrelation.
func (w *window) compare(m int) comparison {
	base, recent := w.split(m)
	levelBase, squaresBase := levelOf(base)
	levelRecent, squaresRecent := levelOf(recent)
	var room [MaxValues]float64
	residuals := room[:0]
	for _, x := range base {
		residuals = append(residuals, x-levelBase)
	}
	for _, x := range recent {
		residuals = append(residuals, x-levelRecent)
	}
	n := len(base)
	var r float64
	// Of what is older than the base, the spread says little of today, but
	// neighbours resemble one another as they did: twice as many values tell
	// this much surer.
	if k := w.n - m - n; k >= minBase {
		level, _ := levelOf(w.x[:k])
		// Their residuals come first, so that neighbours stay neighbours.
		var all [MaxValues]float64
		for i, x := range w.x[:k] {
			all[i] = x - level
		}
		r = autocorrelation(append(all[:k], residuals...))
	} else {
		r = autocorrelation(residuals)
	}
	visits, there := 0, false
	for _, x := range base {
		was := there
		if there = x > (levelBase+levelRecent)/2 == (levelRecent > levelBase); there && !was {
			visits++
		}
	}
	return comparison{
		n: n, m: m, difference: levelRecent - levelBase,
		variance: max(leastVariance, (squaresBase+squaresRecent)/float64(max(1, n+m-2))),
		wide:     max(leastVariance, winsorized(residuals)),
		design:   designOf(r, n, m),
		visits:   visits,
		own:      max(leastVariance/float64(m), squaresBase/float64(n*(n-1))+squaresRecent/float64(m*(m-1))) / levelEfficiency,
	}
}

// levelEfficiency is the variance of the mean by that of levelOf, for normal values.
const levelEfficiency = 0.955

// levelOf returns a robust level, and the sum of squares around it: Huber's
// M-estimator in one step from the median (Robust Estimation of a Location
// Parameter, Ann. Math. Statist. 35, 1964; Bickel, One-Step Huber Estimates in
// the Linear Model, JASA 70, 1975), and the tau scale of Maronna and Zamar
// (Robust Estimates of Location and Dispersion for High-Dimensional Datasets,
// Technometrics 44, 2002). The median itself needs half as many values more for the
// same certainty, and the median of deviations nearly three times as many.
func levelOf(x []float64) (level, squares float64) {
	var room, deviations [MaxValues]float64
	sorted := room[:copy(room[:], x)]
	slices.Sort(sorted)
	m := middle(sorted)
	// From the middle outwards, deviations are sorted already.
	d := deviations[:0]
	i, j := len(sorted)/2-1, len(sorted)/2
	for i >= 0 || j < len(sorted) {
		if i < 0 || j < len(sorted) && sorted[j]-m < m-sorted[i] {
			d = append(d, sorted[j]-m)
			j++
		} else {
			d = append(d, m-sorted[i])
			i--
		}
	}
	sd := 1.4826 * middle(d) // that of a normal distribution with this median of deviations
	if sd == 0 {
		return m, 0 // most values are equal
	}
	sum, within := 0.0, 0
	for _, y := range sorted {
		e := y - m
		if math.Abs(e) <= 1.5*sd {
			within++
		}
		sum += min(1.5*sd, max(-1.5*sd, e))
	}
	level = m + sum/float64(within)
	for _, y := range sorted {
		squares += min(9*sd*sd, (y-level)*(y-level))
	}
	return level, squares / 0.9917 // what lies within 3 standard deviations
}

// winsorized is the variance of residuals of two levels, with the lowest and
// the highest tenth moved to the next of them, as for a normal distribution
// (Tukey and McLaughlin, Less Vulnerable Confidence and Significance Procedures
// for Location, Sankhya A 25, 1963).
func winsorized(residuals []float64) float64 {
	var room [MaxValues]float64
	sorted := room[:copy(room[:], residuals)]
	slices.Sort(sorted)
	n := len(sorted)
	low, high := sorted[n/10], sorted[n-1-n/10]
	sum := 0.0
	for _, x := range sorted {
		x = min(high, max(low, x))
		sum += x * x
	}
	return sum / float64(max(1, n-2)) / 0.67865
}

// What is usual: an autocorrelation of 0.3, worth as much as 20 values.
const usualR, usualValues = 0.3, 20.0

// autocorrelation of neighbours, by ranks, as outliers would hide it. Few values say little of it:
// corrected for its bias, -(1+3r)/n (Kendall, Note on Bias in the Estimation of
// Autocorrelation, Biometrika 41, 1954), and mixed with what is usual.
func autocorrelation(residuals []float64) float64 {
	var room [MaxValues]int32
	rank := room[:len(residuals)]
	rankOf(residuals, rank)
	n := float64(len(rank))
	mean := 0.0
	for _, r := range rank {
		mean += float64(r) / n
	}
	var products, squares, last float64
	for i, r := range rank {
		d := float64(r) - mean
		if i > 0 {
			products += d * last
		}
		squares += d * d
		last = d
	}
	r := 0.0
	if squares > 0 {
		r = products / squares
	}
	r += (1 + 3*r) / n
	r = (n*r + usualValues*usualR) / (n + usualValues)
	return min(0.8, max(0, r))
}

// designEffect is by how much the autocorrelation r of neighbours raises the
// variance of a mean of k values: 1 + 2 sum over j<k of (1-j/k) r^j.
func designEffect(r float64, k int) float64 {
	return (1+r)/(1-r) - 2*r*(1-math.Pow(r, float64(k)))/(float64(k)*(1-r)*(1-r))
}

// designOf is the design effect of a difference of levels of n and m values.
func designOf(r float64, n, m int) float64 {
	return (designEffect(r, m)/float64(m) + designEffect(r, n)/float64(n)) / (1/float64(m) + 1/float64(n))
}

func medianOf(x []float64) float64 {
	var room [MaxValues]float64
	sorted := room[:copy(room[:], x)]
	slices.Sort(sorted)
	return middle(sorted)
}

// middle is the median of sorted values.
func middle(sorted []float64) float64 {
	low, high := sorted[(len(sorted)-1)/2], sorted[len(sorted)/2]
	if m := (low + high) / 2; !math.IsInf(m, 0) {
		return m
	}
	return low/2 + high/2 // near the end of float64 the sum is beyond it
}

// interval is a 95 % confidence interval of the difference of levels: order
// statistics of all differences between new and old values (Lehmann,
// Nonparametric Confidence Intervals for a Shift Parameter, Ann. Math. Statist.
// 34, 1963), taken further out as autocorrelation demands.
func (w *window) interval(m int, c comparison) (low, high float64) {
	base, recent := w.split(m)
	all := make([]float64, 0, len(base)*len(recent))
	for _, b := range base {
		for _, r := range recent {
			all = append(all, r-b)
		}
	}
	slices.Sort(all)
	pairs := float64(len(all))
	out := 1.96 * math.Sqrt(pairs*float64(c.n+c.m+1)/12*c.design)
	k := max(0, int(pairs/2-out))
	return min(all[k], c.difference), max(all[len(all)-1-k], c.difference)
}
