package detect

import "math"

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
	return w.latest(o)
}

func (w *window) latest(o Options) (Shift, bool) {
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
// regime is the first it knows itself, whatever Options.First says. It is Latest
// of every value, with a window that moves on in place of one for each.
func Scan(series []Value, o Options) []Alert {
	var all []Alert
	var w window
	w.begin(o.Known)
	for at, v := range series {
		w.add(at, v)
		o.First = len(all) == 0
		if s, ok := w.latest(o); ok {
			all = append(all, Alert{at, s})
			w.begin(o.Known)
			for i := s.Since; i <= at; i++ {
				w.add(i, series[i])
			}
		}
	}
	return all
}
