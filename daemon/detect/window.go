package detect

import (
	"math"
	"slices"
)

// window is what of a regime is looked at: the newest of its usable values.
type window struct {
	n     int
	known int                // how many of them are only known, the oldest
	x     [MaxValues]float64 // logarithms, so that a change is a difference
	given [MaxValues]float64
	at    [MaxValues]int // their indices in what was given
	block [MaxValues]int64
	signs [MaxValues]int32 // by where new values may begin: in how many pairs with its base they are more, less those in which they are less
}

// begin makes the window that of a regime without values.
func (w *window) begin(known []float64) {
	*w = window{}
	for _, x := range known[max(0, len(known)-MaxValues):] {
		if usable(x) {
			w.x[w.n], w.given[w.n] = logarithm(x), x
			w.n++
		}
	}
	w.known = w.n
}

// fill makes the window that of a regime.
func (w *window) fill(regime []Value, known []float64) {
	first, n := len(regime), 0
	for ; first > 0 && n < MaxValues; first-- {
		if usable(regime[first-1].X) {
			n++
		}
	}
	w.begin(known[max(0, len(known)-(MaxValues-n)):])
	for i := first; i < len(regime); i++ {
		w.append(i, regime[i])
	}
	for newest := max(0, w.n-maxRecent); newest < w.n; newest++ {
		w.count(newest)
	}
}

// add appends the value with that index, if it is usable.
func (w *window) add(index int, v Value) {
	if usable(v.X) {
		w.append(index, v)
		w.count(w.n - 1)
	}
}

// append leaves the counting to others. The oldest makes room.
func (w *window) append(index int, v Value) {
	if !usable(v.X) {
		return
	}
	if w.n == MaxValues {
		w.n--
		w.known = max(0, w.known-1)
		copy(w.x[:], w.x[1:])
		copy(w.given[:], w.given[1:])
		copy(w.at[:], w.at[1:])
		copy(w.block[:], w.block[1:])
		copy(w.signs[:], w.signs[1:])
	}
	w.x[w.n], w.given[w.n], w.at[w.n], w.block[w.n] = logarithm(v.X), v.X, index, v.Block
	w.n++
}

// count holds one value against the base of every place at which new
// values may begin. Bases of neighbouring places differ by two values: so all
// places cost little more than one, and what older values say need not be
// counted again.
func (w *window) count(newest int) {
	x := w.x[newest]
	var signs int32
	for _, b := range w.x[max(0, newest-maxBase):newest] {
		signs += order(x, b)
	}
	w.signs[newest] = signs
	for k := newest - 1; k >= max(0, w.n-maxRecent); k-- {
		signs -= order(x, w.x[k])
		if k >= maxBase {
			signs += order(x, w.x[k-maxBase])
		}
		w.signs[k] += signs
	}
}

// order is -1, 0 or 1 as x is less than y, equal or more. Without branches, for they could
// not be foretold: it is most of what a call costs.
func order(x, y float64) int32 {
	var more, less int32
	if x > y {
		more = 1
	}
	if x < y {
		less = 1
	}
	return more - less
}

// logarithm is that of math.Log, which in Go 1.26 takes all numbers below 2^-1022 for one on amd64.
func logarithm(x float64) float64 {
	const smallestNormal = 0x1p-1022
	if x < smallestNormal {
		return math.Log(x*0x1p64) - 64*math.Ln2
	}
	return math.Log(x)
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
