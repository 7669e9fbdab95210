package compare

import (
	"math"
	"slices"
)

// Verdict is what a comparison comes to.
type Verdict int8

// The verdicts. The zero value claims nothing.
const (
	NotEnoughData Verdict = iota
	Better
	Same // the interval lies within the least effect: what difference there may be is of no interest
	Worse
)

// Verdicts lists all verdicts, in the order in which they are shown.
func Verdicts() []Verdict { return []Verdict{Better, Same, Worse, NotEnoughData} }

func (v Verdict) String() string {
	switch v {
	case Better:
		return "better"
	case Same:
		return "same"
	case Worse:
		return "worse"
	default:
		return "not enough data yet"
	}
}

// ManyCycles is the largest MissingCycles: so many, or more than anyone will
// wait for.
const ManyCycles = 1000

// Least effects where Options has none.
const (
	LeastRatio      = 0.05 // of Paired: 5 % more, or as much less
	LeastDifference = 0.01 // of Differences: of error ratios, a percentage point
)

// Options say how figures are judged.
type Options struct {
	// LeastEffect is the difference below which nobody would choose another
	// model. Paired takes it as a ratio, 0.05 being all between 1/1.05 and 1.05;
	// Differences in the unit of the figures. Zero stands for LeastRatio or
	// LeastDifference.
	LeastEffect    float64
	HigherIsBetter bool // of throughput; false of time, CPU, memory and errors
}

// Comparison is an experiment held against its baseline over N cycles.
type Comparison struct {
	// Interval holds, from Paired, the geometric mean over the cycles of the
	// figure divided by that of the baseline: the mean of the log ratios, not
	// their median and not the ratio of means. From Differences it holds the
	// mean of the differences.
	Interval
	N       int // cycles that had both figures
	Verdict Verdict
	// MissingCycles is how many more cycles it would likely take to tell, with
	// the effect and spread seen so far: 1 to ManyCycles where the verdict is
	// NotEnoughData, 0 elsewhere. A window that cannot hold them will not tell.
	MissingCycles int
}

// Paired compares figures by the natural logarithm, cycle for cycle and in
// their order, of the figure over that of the baseline. A cycle without either
// is NaN, and left out. A figure of 0 has no ratio: where there is one the
// comparison has neither estimate nor verdict, and Differences is what to use.
func Paired(logRatios []float64, o Options) Comparison {
	least := math.Log1p(o.least(LeastRatio))
	c := compare(logRatios, least, o.HigherIsBetter)
	c.Interval = Interval{math.Exp(c.Value), math.Exp(c.Low), math.Exp(c.High)}
	return c
}

// Differences compares figures that may be 0, such as error ratios, by the
// figure less that of the baseline; else it is like Paired.
func Differences(diffs []float64, o Options) Comparison {
	return compare(diffs, o.least(LeastDifference), o.HigherIsBetter)
}

func (o Options) least(otherwise float64) float64 {
	if o.LeastEffect > 0 {
		return o.LeastEffect
	}
	return otherwise
}

func compare(perCycle []float64, least float64, higherIsBetter bool) Comparison {
	d := slices.DeleteFunc(slices.Clone(perCycle), math.IsNaN)
	c := Comparison{Interval: unknown(), N: len(d)}
	if slices.ContainsFunc(d, func(v float64) bool { return math.IsInf(v, 0) }) {
		c.MissingCycles = ManyCycles
		return c
	}
	if c.N > 0 {
		c.Value, _ = meanAndSpread(d)
	}
	if c.N < LeastCycles {
		c.MissingCycles = LeastCycles - c.N
		if math.Abs(c.Value) > least {
			c.MissingCycles = leastToDiffer - c.N
		}
		return c
	}
	mean, spread := meanAndSpread(d)
	slow := 0.0
	if spread > 0 {
		slow = longRun(d)
	}
	half := halfWidth(slow, c.N)
	c.Low, c.High = mean-half, mean+half
	switch {
	case differs(mean, spread, c.N, least) && math.Abs(mean) > half:
		c.Verdict = Worse
		if mean > 0 == higherIsBetter {
			c.Verdict = Better
		}
	case math.Abs(mean)+half <= least:
		// Two one-sided tests: Schuirmann, "A Comparison of the Two One-Sided Tests
		// Procedure", Journal of Pharmacokinetics and Biopharmaceutics 15 (1987).
		// By the 95 % interval, not his 90 %: what is shown and what is said agree.
		c.Verdict = Same
	default:
		c.MissingCycles = missing(mean, spread, slow, c.N, least)
	}
	return c
}

// leastToDiffer is the number of cycles below which nothing is better or worse.
// Figures of identical models that have few distinct values (pages of memory, a
// run with or without a neighbour) differ by the same step in the same direction
// with a probability of at most 1/4 a cycle, and then have no spread that could
// warn: 2/4^5 is 2 in 1,000, 2/4^6 half of one.
const leastToDiffer = 6

// Better and Worse are wrong at most once in 1,000 times with identical models.
const (
	wrongVerdicts = 0.001
	// allowedCorrelation is the autocorrelation that is taken for granted.
	// Estimating it, as the interval does, leaves so few degrees of freedom
	// that at 1 in 1,000 nothing would ever be told: t is 31.6 with two, against
	// 8.6 with the four of five cycles. At 0.5 it is some 1.7 times the usual t,
	// and also covers bimodal figures with an autocorrelation of 0.3, which are
	// worse than normal ones with 0.4. Rejected: 0.4, which needs a quarter fewer
	// cycles, and is wrong 1.4 times in 1,000 with those after six.
	allowedCorrelation = 0.5
)

// differs says whether a mean is beyond the least effect, and beyond what
// identical models yield.
func differs(mean, spread float64, n int, least float64) bool {
	return n >= leastToDiffer && math.Abs(mean) > least && math.Abs(mean) > critical(n)*spread
}

// critical is the mean, in spreads, that identical models exceed once in 1,000
// times: Student's t over the root of n, by what an autocorrelation of first
// order adds to the variance of the mean and takes from the spread.
func critical(n int) float64 {
	const r = allowedCorrelation
	cycles := float64(n)
	// Variance of the mean, in those of independent values: Box, Jenkins and
	// Reinsel, "Time Series Analysis", 2.1.5, summed.
	mean := (1+r)/(1-r) - 2*r*(1-math.Pow(r, cycles))/(cycles*(1-r)*(1-r))
	spread := (cycles - mean) / (cycles - 1) // expected square of the spread, likewise
	return student(1-wrongVerdicts/2, n-1) * math.Sqrt(mean/spread/cycles)
}

// missing is how many cycles more than n it takes for a difference or its
// absence to be told, if mean, spread and longRun stay.
//
// For its absence the mean cannot be taken as it stands: with few cycles most of
// it is chance, which more of them will average away. It is shrunk by what its
// own error explains (James and Stein, "Estimation with Quadratic Loss", 1961;
// the positive part). What it will be off by then is left out: the verdict comes
// with the first cycle at which that is little.
func missing(mean, spread, longRun float64, n int, least float64) int {
	likely := math.Sqrt(max(0, mean*mean-longRun/float64(n)))
	told := func(n int) bool {
		return differs(mean, spread, n, least) || likely+halfWidth(longRun, n) <= least
	}
	// Both come nearer with every cycle, but for steps of frequencies: bisect.
	low, high := n, n+ManyCycles
	for high-low > 1 {
		if middle := (low + high) / 2; told(middle) {
			high = middle
		} else {
			low = middle
		}
	}
	return high - n
}
