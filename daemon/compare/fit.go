package compare

import (
	"cmp"
	"math"
	"slices"
)

// measured is what levels come to: those with figures, by concurrency.
type measured struct {
	levels       []measuredLevel
	cycles       int // that have a figure of any level
	fewestCycles int // of a level
}

type measuredLevel struct {
	n, throughput float64 // geometric mean over the cycles
	// deviation is, per cycle, that of the log from its mean, multiplied by what
	// share of the cycles have this level, inverted: so that over all cycles it
	// counts for what is missing. 0 where there is no figure.
	deviation []float64
}

// measure takes logs and leaves out what has none. Levels of the same
// concurrency stay apart: each counts.
func measure(levels []Level) *measured {
	width := 0
	for _, l := range levels {
		width = max(width, len(l.Throughputs))
	}
	has := func(l Level, c int) bool {
		return l.N > 0 && c < len(l.Throughputs) && l.Throughputs[c] > 0 && !math.IsInf(l.Throughputs[c], 1)
	}
	var cycles []int // by their place in Throughputs
	for c := range width {
		if slices.ContainsFunc(levels, func(l Level) bool { return has(l, c) }) {
			cycles = append(cycles, c)
		}
	}
	m := &measured{cycles: len(cycles), fewestCycles: len(cycles)}
	for _, l := range levels {
		var sum float64
		count := 0
		for _, c := range cycles {
			if has(l, c) {
				sum += math.Log(l.Throughputs[c])
				count++
			}
		}
		if count == 0 {
			continue
		}
		mean := sum / float64(count)
		deviation := make([]float64, len(cycles))
		for i, c := range cycles {
			if has(l, c) {
				deviation[i] = (math.Log(l.Throughputs[c]) - mean) * float64(len(cycles)) / float64(count)
			}
		}
		m.levels = append(m.levels, measuredLevel{float64(l.N), math.Exp(mean), deviation})
		m.fewestCycles = min(m.fewestCycles, count)
	}
	slices.SortStableFunc(m.levels, func(a, b measuredLevel) int { return cmp.Compare(a.n, b.n) })
	return m
}

// distinct is the number of different concurrencies.
func (m *measured) distinct() int {
	n := 0
	for i, l := range m.levels {
		if i == 0 || l.n != m.levels[i-1].n {
			n++
		}
	}
	return n
}

// best is the level with the highest throughput.
func (m *measured) best() int {
	best := 0
	for i, l := range m.levels {
		if l.throughput > m.levels[best].throughput {
			best = i
		}
	}
	return best
}

// against is the log ratio of one level's throughput to that of another, and
// half its 95 % interval, paired within cycles.
func (m *measured) against(level, other int) (log, half float64) {
	a, b := m.levels[level], m.levels[other]
	d := make([]float64, m.cycles)
	for c := range d {
		d[c] = a.deviation[c] - b.deviation[c]
	}
	return math.Log(a.throughput / b.throughput), halfWidth(longRun(d), m.cycles)
}

func (m *measured) slower(level, than int) bool {
	log, half := m.against(level, than)
	return log+half < 0
}

// noSlower says that a level is not slower than any other by more than
// LeastRatio.
func (m *measured) noSlower(level int) bool {
	for other := range m.levels {
		if other == level {
			continue
		}
		if log, half := m.against(level, other); log-half < -math.Log1p(LeastRatio) {
			return false
		}
	}
	return true
}

// termsOf are the factors of 1/Lambda, Sigma/Lambda and Kappa/Lambda in
// n/throughput.
func termsOf(n float64) [3]float64 { return [3]float64{1, n - 1, n * (n - 1)} }

// solution is a least squares fit of some of the three terms.
type solution struct {
	beta    [3]float64 // 1/Lambda, Sigma/Lambda, Kappa/Lambda; 0 for a term left out
	squares float64    // sum of the squared relative errors
	// influence is, for each coefficient and cycle, what that cycle moves it by,
	// times the number of cycles: the coefficient is the mean of them, and so
	// has the long-run variance of a mean.
	influence [3][]float64
}

// fit is the best solution of which no coefficient is negative: with three, all
// sets of terms can be tried (Lawson and Hanson, "Solving Least Squares
// Problems", 1974, chapter 23). 1/Lambda is in each: data that a Lambda without
// bound would fit best is not of this law, which the misfit then shows.
func (m *measured) fit() *solution {
	var best *solution
	for _, terms := range [][]int{{0, 1, 2}, {0, 1}, {0, 2}, {0}} {
		s := m.solve(terms)
		if s.beta[0] > 0 && s.beta[1] >= 0 && s.beta[2] >= 0 && (best == nil || s.squares < best.squares) {
			best = s
		}
	}
	return best // {0} is always among them
}

// solve minimises the squared relative errors of n/throughput by the terms
// given, whatever their signs.
func (m *measured) solve(terms []int) *solution {
	// Each row is divided by what it should come to, so that it should come to
	// 1; each column by its norm, for n (n-1) may be a million times 1.
	k := len(terms)
	rows := make([][]float64, len(m.levels))
	norm := make([]float64, k)
	for j, l := range m.levels {
		rows[j] = make([]float64, k)
		all := termsOf(l.n)
		for i, term := range terms {
			rows[j][i] = all[term] * l.throughput / l.n
			norm[i] += rows[j][i] * rows[j][i]
		}
	}
	var gram [3][3]float64
	for i := range norm {
		norm[i] = math.Sqrt(norm[i])
	}
	for _, row := range rows {
		for i := range row {
			row[i] /= norm[i]
		}
		for i := range row {
			for h := range row {
				gram[i][h] += row[i] * row[h]
			}
		}
	}
	s := &solution{}
	inverse := invert(gram, k)
	for i, term := range terms {
		s.influence[term] = make([]float64, m.cycles)
		for j, row := range rows {
			var weight float64 // of level j in this coefficient
			for h := range row {
				weight += inverse[i][h] * row[h]
			}
			weight /= norm[i]
			s.beta[term] += weight
			for c, d := range m.levels[j].deviation {
				s.influence[term][c] -= weight * d // n/throughput is less where throughput is more
			}
		}
	}
	for term := range s.influence {
		if s.influence[term] == nil {
			s.influence[term] = make([]float64, m.cycles)
		}
	}
	for _, l := range m.levels {
		e := 1 - s.reciprocal(l.n)*l.throughput/l.n
		s.squares += e * e
	}
	return s
}

// reciprocal is n/throughput.
func (s *solution) reciprocal(n float64) float64 {
	var y float64
	for i, x := range termsOf(n) {
		y += x * s.beta[i]
	}
	return y
}

// invert inverts the first k rows and columns of a symmetric positive matrix,
// by Gauss and Jordan.
func invert(a [3][3]float64, k int) [3][3]float64 {
	inverse := [3][3]float64{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}
	for i := range k {
		pivot := a[i][i]
		for c := range k {
			a[i][c] /= pivot
			inverse[i][c] /= pivot
		}
		for r := range k {
			if r == i {
				continue
			}
			f := a[r][i]
			for c := range k {
				a[r][c] -= f * a[i][c]
				inverse[r][c] -= f * inverse[i][c]
			}
		}
	}
	return inverse
}

// covariance is the long-run covariance of the coefficients.
func (m *measured) covariance(s *solution) (v [3][3]float64) {
	for i := range v {
		for h := range i + 1 {
			v[i][h] = longRunProduct(s.influence[i], s.influence[h])
			v[h][i] = v[i][h]
		}
	}
	return v
}

// refuted says whether a level is further from the law than is tolerated, and
// than the cycles explain.
func (m *measured) refuted(law *solution) bool {
	// As many levels are looked at, each gets its part of the 5 %: Bonferroni.
	t := student(1-0.025/float64(len(m.levels)), frequencies(m.cycles))
	distance := make([]float64, m.cycles)
	for _, l := range m.levels {
		terms, y := termsOf(l.n), law.reciprocal(l.n)
		for c := range distance {
			distance[c] = l.deviation[c]
			for i, x := range terms {
				distance[c] += x * law.influence[i][c] / y
			}
		}
		off := math.Abs(math.Log(l.throughput * y / l.n))
		if off > math.Log1p(tolerated) && off > t*math.Sqrt(longRun(distance)/float64(m.cycles)) {
			return true
		}
	}
	return false
}

// fieller is the interval of u/v: all r for which u - r v is within its own
// interval. g is the square of the t-quantile, over the number of cycles. If v
// may be 0 there is no upper end, and perhaps no lower one.
func fieller(u, v, vuu, vuv, vvv, g float64) (low, high float64) {
	qa, qb, qc := v*v-g*vvv, u*v-g*vuv, u*u-g*vuu
	root := math.Sqrt(max(0, qb*qb-qa*qc))
	switch {
	case qa > 0:
		return (qb - root) / qa, (qb + root) / qa
	case qa < 0 && qc > 0 && u > 0:
		// u is not 0, v may be: all but what lies between a negative and a
		// positive end, and u/v is above the latter.
		return (qb - root) / qa, math.Inf(1)
	default:
		return 0, math.Inf(1)
	}
}
