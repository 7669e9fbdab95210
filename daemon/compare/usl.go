package compare

import "math"

// Level is one level of concurrency of a model, with what was measured there.
type Level struct {
	N int // workers or connections, at least 1
	// Throughputs are in units/s, one for each cycle and in their order, the
	// same cycles for every level; NaN, or none, where a cycle has none.
	Throughputs []float64
}

// Shape says whether throughput has a peak over the concurrency.
type Shape int8

// The shapes. The zero value claims nothing.
const (
	ShapeUnknown Shape = iota // there is not enough data yet
	PeakShown                 // within the levels measured
	NoPeakShown               // and more cycles of these levels will not show one
)

func (s Shape) String() string {
	switch s {
	case PeakShown:
		return "peak"
	case NoPeakShown:
		return "no peak"
	default:
		return "not enough data yet"
	}
}

// Reason is an enumerated cause of there being no peak: it can be a label.
type Reason string

// The reasons for which no peak is shown.
const (
	TooFewLevels    Reason = "too_few_levels"    // fewer than three have figures
	TooFewCycles    Reason = "too_few_cycles"    // a level has fewer than LeastCycles
	TooNoisy        Reason = "too_noisy"         // there may be one or none: more cycles may tell
	BadFit          Reason = "bad_fit"           // the law does not hold: a level is far from it
	PeakBeyondRange Reason = "peak_beyond_range" // the law has it, if any, outside the levels measured
	NoDecline       Reason = "no_decline"        // the highest level is not slower than any other, but for LeastRatio
	NoRise          Reason = "no_rise"           // the lowest level is not: fewer workers do as well
)

// Reasons lists all reasons, in the order in which they are looked for.
func Reasons() []Reason {
	return []Reason{TooFewLevels, TooFewCycles, BadFit, PeakBeyondRange, NoDecline, NoRise, TooNoisy}
}

// Scaling is what the levels of one model say of it by the Universal
// Scalability Law: throughput = Lambda n / (1 + Sigma (n-1) + Kappa n (n-1)).
// Where a level has fewer than LeastCycles there are values without intervals;
// with fewer than three levels, or where the law does not hold, there is neither.
// A High is +Inf where the levels do not bound the value.
type Scaling struct {
	Lambda Interval // units/s of one worker, by the law: n = 1 need not have been measured
	Sigma  Interval // contention: the share of the work that waits for its turn; 1 means flat
	Kappa  Interval // coherency: what each pair of workers costs; above 0 means that throughput falls again

	Shape  Shape
	Reason Reason // why Shape is not PeakShown; "" where it is
	// Peak is the concurrency of the highest throughput, and PeakThroughput what
	// the law says it is, in units/s; nil unless Shape is PeakShown.
	Peak           *Interval
	PeakThroughput *Interval

	BestLevel int // measured level with the highest geometric mean, law or no law; 0 without figures
	// Misfit is the largest distance of a level from the law: measured over
	// predicted, less 1. R2 is not given: where throughput is flat there is
	// nothing to explain, and a perfect fit has an R2 of 0.
	Misfit float64
}

// At is the throughput that the law predicts for n workers, in units/s.
func (s *Scaling) At(n float64) float64 {
	return s.Lambda.Value * n / (1 + s.Sigma.Value*(n-1) + s.Kappa.Value*n*(n-1))
}

// tolerated is the Misfit up to which the law is said to hold. A law of three
// parameters is never exact, and enough cycles would refute any.
const tolerated = 0.10

// FitUSL fits the law of Gunther, "A General Theory of Computational Scalability
// Based on Rational Functions", arXiv:0808.1431 (2008). Put as
//
//	n / throughput = (1 + Sigma (n-1) + Kappa n (n-1)) / Lambda
//
// it is linear, so that least squares of relative errors, of which none may be
// negative, have an exact solution; an optimiser on the law as it stands needs
// a start, and may end beside it. Every level counts alike, by the geometric
// mean of its cycles.
//
// Intervals come from the cycles, as in Paired: what one cycle contributes to
// an estimate is a series, and what it shares with all levels cancels out of
// Sigma, Kappa and Peak. Rejected: resampling the cycles, whose intervals cover
// 63 to 92 % with 5 to 20 cycles and cost a hundred times as much. Ratios of coefficients, which these are, get Fieller's
// interval ("Some Problems in Interval Estimation", Journal of the Royal
// Statistical Society B 16, 1954), which has no upper end where the data does
// not show the denominator to differ from 0: that is how a peak that is not
// there shows.
//
// A peak is shown where the law holds, its interval lies between the levels
// measured, and the lowest and the highest level are measurably slower than the
// best: a peak between levels that only rise or fall would be the law's word
// alone.
func FitUSL(levels []Level) Scaling {
	s := Scaling{Lambda: unknown(), Sigma: unknown(), Kappa: unknown(), Misfit: math.NaN()}
	m := measure(levels)
	if len(m.levels) > 0 {
		s.BestLevel = int(m.levels[m.best()].n)
	}
	if m.distinct() < 3 {
		s.Reason = TooFewLevels
		return s
	}
	law := m.fit()
	s.Lambda.Value = 1 / law.beta[0]
	s.Sigma.Value = law.beta[1] / law.beta[0]
	s.Kappa.Value = law.beta[2] / law.beta[0]
	for _, l := range m.levels {
		if f := l.throughput/s.At(l.n) - 1; !(math.Abs(f) <= math.Abs(s.Misfit)) {
			s.Misfit = f
		}
	}
	if m.fewestCycles < LeastCycles {
		s.Reason = TooFewCycles
		if math.Abs(s.Misfit) > tolerated { // whether by chance is not known
			s.Lambda, s.Sigma, s.Kappa = unknown(), unknown(), unknown()
		}
		return s
	}
	if m.refuted(law) {
		s.Lambda, s.Sigma, s.Kappa = unknown(), unknown(), unknown()
		s.Shape, s.Reason = NoPeakShown, BadFit
		return s
	}
	free := m.solve([]int{0, 1, 2})
	peak := s.infer(m, free)
	s.Shape, s.Reason = s.shape(m, &peak)
	if s.Shape == PeakShown {
		top := s.peakThroughput(m, free, peak.Value)
		s.Peak, s.PeakThroughput = &peak, &top
	}
	return s
}

// infer sets the intervals, and returns the peak with its own. They come from
// the solution without regard to signs, whose errors are those of a linear
// estimate even where the truth is 0, and are cut at 0 afterwards, which costs
// no coverage. The value, for which signs did matter, is let in. Where all of an
// interval is below 0 the law holds but roughly, and the cycles do not say how
// uncertain the 0 is: there is no interval.
func (s *Scaling) infer(m *measured, free *solution) (peak Interval) {
	a, b, c := free.beta[0], free.beta[1], free.beta[2]
	v := m.covariance(free)
	t := student(0.5+level/2, frequencies(m.cycles))
	g := t * t / float64(m.cycles)

	s.Lambda.Low, s.Lambda.High = fieller(1, a, 0, 0, v[0][0], g)
	s.Sigma.Low, s.Sigma.High = fieller(b, a, v[1][1], v[0][1], v[0][0], g)
	s.Kappa.Low, s.Kappa.High = fieller(c, a, v[2][2], v[0][2], v[0][0], g)
	peak.Value = math.Inf(1)
	if s.Kappa.Value > 0 {
		peak.Value = math.Sqrt(max(0, (1-s.Sigma.Value)/s.Kappa.Value))
	}
	// Throughput is highest at the root of (a-b)/c.
	low, high := fieller(a-b, c, v[0][0]-2*v[0][1]+v[1][1], v[0][2]-v[1][2], v[2][2], g)
	if c < 0 && !math.IsInf(high, 1) {
		low, high = math.Inf(1), math.Inf(1) // Kappa is below 0, which stands for 0
	}
	peak.Low, peak.High = math.Sqrt(max(0, low)), math.Sqrt(max(0, high))
	for _, i := range []*Interval{&s.Lambda, &s.Sigma, &s.Kappa, &peak} {
		if i.High < 0 {
			i.Low, i.High = math.NaN(), math.NaN()
			continue
		}
		i.Low, i.High = min(max(0, i.Low), i.Value), max(i.High, i.Value)
	}
	return peak
}

// shape decides, and cuts the interval of a peak that is shown to the levels
// between which it was seen.
func (s *Scaling) shape(m *measured, peak *Interval) (Shape, Reason) {
	best, last := m.best(), len(m.levels)-1
	lowest, highest := m.levels[0].n, m.levels[last].n
	rises := lowest == 1 || m.slower(0, best)
	falls := m.slower(last, best)
	gains := m.levels[last].throughput > m.levels[last-1].throughput*(1+LeastRatio)
	switch {
	case peak.Low > highest && gains:
		return NoPeakShown, PeakBeyondRange
	case m.noSlower(last):
		return NoPeakShown, NoDecline
	case m.noSlower(0):
		return NoPeakShown, NoRise
	case peak.High < lowest:
		return NoPeakShown, PeakBeyondRange
	case !rises || !falls || math.IsInf(peak.High, 1) || peak.Value < lowest || peak.Value > highest:
		return ShapeUnknown, TooNoisy
	}
	peak.Low, peak.High = max(peak.Low, lowest), min(peak.High, highest)
	return PeakShown, ""
}

// peakThroughput moves with the coefficients alone: where the law is at its
// highest, moving the peak itself changes nothing.
func (s *Scaling) peakThroughput(m *measured, free *solution, peak float64) Interval {
	top := s.At(peak)
	terms := termsOf(peak)
	moves := make([]float64, m.cycles)
	for c := range moves {
		for i, x := range terms {
			moves[c] -= x * free.influence[i][c]
		}
		moves[c] *= top / peak
	}
	half := halfWidth(longRun(moves), m.cycles)
	return Interval{top, top * math.Exp(-half), top * math.Exp(half)}
}
