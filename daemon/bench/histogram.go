package bench

import "math"

// Histogram holds durations already counted into buckets, as a workload
// reports them. Upper bounds are finite and increase.
type Histogram struct {
	SumSeconds float64  `json:"sum_seconds"`
	Buckets    []Bucket `json:"buckets"`
}

// Bucket counts the durations above the bound before it, up to its own.
type Bucket struct {
	LE    float64 `json:"le"` // seconds, inclusive
	Count uint64  `json:"count"`
}

// Count is the number of durations in all buckets.
func (h *Histogram) Count() uint64 {
	var n uint64
	for _, b := range h.Buckets {
		n += b.Count
	}
	return n
}

// Middle is the value that stands for bucket i: the geometric mean of its
// bounds, which halves the relative error of either. A bucket that begins at 0
// is represented by its upper bound.
func (h *Histogram) Middle(i int) float64 {
	upper := h.Buckets[i].LE
	if i == 0 || h.Buckets[i-1].LE <= 0 {
		return upper
	}
	return math.Sqrt(h.Buckets[i-1].LE * upper)
}

// Quantile is the q-quantile (0 to 1) in seconds, in the bucket in which the
// ceil(q n)-th duration fell: as far up, on a logarithmic scale, as q n is among
// that bucket's durations, as Prometheus' histogram_quantile has it for native
// histograms. A bucket's middle would move by a whole bucket or not at all, which
// looks like a change of level. A bucket that begins at 0 is represented by its
// upper bound. It is NaN when the histogram is empty. Quantiles of several runs
// come from merged histograms, never from averages.
func (h *Histogram) Quantile(q float64) float64 {
	n := h.Count()
	if n == 0 {
		return math.NaN()
	}
	position := q * float64(n)
	// The product may come out a little above a whole number (0.07 of 100 is
	// 7.000000000000001), which must not round up to the next duration.
	rank := min(n, max(1, uint64(math.Ceil(position*(1-1e-12)))))
	var below uint64
	for i, b := range h.Buckets {
		if below+b.Count < rank {
			below += b.Count
			continue
		}
		if i == 0 || h.Buckets[i-1].LE <= 0 {
			return b.LE
		}
		lower := h.Buckets[i-1].LE
		return lower * math.Pow(b.LE/lower, min(1, (position-float64(below))/float64(b.Count)))
	}
	return math.NaN()
}
