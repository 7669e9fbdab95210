package detect

import (
	"math"
	"slices"
)

// MaxValues is how many values, the newest, any function but Scan looks at.
const MaxValues = maxBase + maxRecent

// Value is one run's figure. Values are given in order of time. One that is
// not a positive number (zero, less, NaN, infinite) has no logarithm, says
// nothing of a level, and is passed over as if it were not there.
type Value struct {
	X     float64
	Block int64 // the cycle it is of: runs of one block share the state of the machine
}

// Options say what is of interest. The zero value is every change, however small.
type Options struct {
	// LeastEffect is the least change of interest, a ratio: 0.02 is 2 %, up or
	// down. Smaller ones are never told.
	LeastEffect float64
	// MinBlocks is of how many blocks the new values must be, at least. A
	// change that was seen in one block only may be one of the machine. 0 is 1.
	MinBlocks int
	// First says that the regime is the first of the series: there was no
	// change before. A cold start needs more values than what follows a change.
	First bool
	// Known are earlier values of the regime's level, such as from before a
	// regression that has recovered. The regime is held against them too, but no
	// change begins with them.
	Known []float64
}

// Shift is a lasting change of level.
type Shift struct {
	Since         int     // index of the first value of the new level in the values given
	Ratio         float64 // new level by old: 1.2 is 20 % more
	Low, High     float64 // 95 % confidence interval of Ratio
	Before, After float64 // medians of what was compared
	Base, Recent  int     // how many values were compared
	Z             float64 // rank test, in standard deviations, positive for more
	T             float64 // size by its standard error, positive for more
}

// Alert is a Shift in a whole series.
type Alert struct {
	At int // index of the run after which it is raised
	Shift
}

// Latest reports whether there was a lasting change as of the newest value.
// regime is everything since the last change that was accepted: it should
// begin at that one's Since.
func Latest(regime []Value, o Options) (Shift, bool) {
	var w window
	w.fill(regime, o.Known)
	z, most := w.rankTests()
	for _, m := range windows {
		if m > most {
			break
		}
		if math.Abs(z[m]) < weakZ {
			continue
		}
		// Most that are sure, but small, are told from the levels alone.
		if math.Abs(w.difference(m)) < math.Log1p(o.LeastEffect) {
			continue
		}
		c := w.compare(m)
		if !c.passes(z[m], o) {
			continue
		}
		dated := w.date(&z, most, c.difference > 0)
		// Of m values some may be of the old level: those since it began count.
		if o.MinBlocks <= 1 || w.blocks(dated) >= o.MinBlocks {
			return w.shift(z[dated], dated), true
		}
	}
	return Shift{}, false
}

// date is how many values are of the new level: where the rank test is surest,
// of those that see the change in the same direction. Ranks do not know by how
// much values differ, and take a creep of a thousandth before a leap for part of it:
// where every single value tells which level it is of, that decides.
func (w *window) date(z *[maxRecent + 1]float64, most int, up bool) int {
	best := minRecent
	for m := minRecent; m <= most; m++ {
		if (z[m] > 0) == up && math.Abs(z[m]) > math.Abs(z[best]) {
			best = m
		}
	}
	base, recent := w.split(best)
	old, squares := levelOf(base)
	level, _ := levelOf(recent)
	half := (level - old) / 2
	if math.Abs(half) < sureHalf*math.Sqrt(max(leastVariance, squares/float64(len(base)-1))) {
		return best
	}
	// Of the values, the fewest are on the wrong side.
	wrong, fewest := 0, 0
	best = minRecent
	for m := minRecent + 1; m <= most; m++ {
		if isNew := (w.x[w.n-m]-old)*half > half*half; isNew {
			wrong--
		} else {
			wrong++
		}
		if wrong < fewest {
			best, fewest = m, wrong
		}
	}
	return best
}

// sureHalf is how many standard deviations of the old level the middle between two
// levels must be from it: so many that a spread that is misjudged does not matter.
const sureHalf = 10

func (w *window) shift(z float64, m int) Shift {
	c := w.compare(m)
	low, high := w.interval(m, c)
	k := w.n - m
	return Shift{
		Since: w.at[k],
		Ratio: math.Exp(c.difference), Low: math.Exp(low), High: math.Exp(high),
		Before: medianOf(w.given[k-c.n : k]), After: medianOf(w.given[k:w.n]),
		Base: c.n, Recent: c.m, Z: z, T: c.t(),
	}
}

// Scan goes through a whole series as if it came run by run, and accepts every
// alert at once: the new level is what later values are held against. Which
// regime is the first it knows itself, whatever Options.First says.
func Scan(series []Value, o Options) []Alert {
	var all []Alert
	start := 0
	for at := range series {
		o.First = len(all) == 0
		if s, ok := Latest(series[start:at+1], o); ok {
			s.Since += start
			start = s.Since
			all = append(all, Alert{at, s})
		}
	}
	return all
}

// window is what of a regime is looked at.
type window struct {
	n     int
	known int                // how many of them are only known, the oldest
	x     [MaxValues]float64 // logarithms, so that a change is a difference
	given [MaxValues]float64
	at    [MaxValues]int // their indices in what was given
	block [MaxValues]int64
}

func (w *window) fill(regime []Value, known []float64) {
	first, n := len(regime), 0
	for ; first > 0 && n < MaxValues; first-- {
		if usable(regime[first-1].X) {
			n++
		}
	}
	for _, x := range known[max(0, len(known)-(MaxValues-n)):] {
		if usable(x) {
			w.x[w.n], w.given[w.n] = math.Log(x), x
			w.n++
		}
	}
	w.known = w.n
	for i := first; i < len(regime); i++ {
		if v := regime[i]; usable(v.X) {
			w.x[w.n], w.given[w.n], w.at[w.n], w.block[w.n] = math.Log(v.X), v.X, i, v.Block
			w.n++
		}
	}
}

func usable(x float64) bool { return x > 0 && !math.IsInf(x, 1) }

// blocks counts the blocks of the newest m values.
func (w *window) blocks(m int) int {
	count := 0
	for i := w.n - m; i < w.n; i++ {
		if !slices.Contains(w.block[w.n-m:i], w.block[i]) {
			count++
		}
	}
	return count
}

// split returns the newest m values, and those before that they are held
// against.
func (w *window) split(m int) (base, recent []float64) {
	k := w.n - m
	return w.x[max(0, k-maxBase):k], w.x[k:w.n]
}
