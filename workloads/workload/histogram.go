package workload

import (
	"math"
	"slices"
	"sync"
	"time"

	"benchd/workloads/protocol"
)

// Buckets are spaced evenly on a logarithmic scale from 1 us to 1,000 s, 120 a
// decade, so that each is 1.9 % above the one before, which is less than a change
// that benchd tells of, and powers of ten are bounds. Their bounds are whole
// nanoseconds: two languages then agree on them to the last bit, and histograms
// of different runtimes merge.
const (
	bucketsPerDecade = 120
	decades          = 9
	bucketCount      = decades*bucketsPerDecade + 1
	lowestNanos      = 1000
)

// bounds are the upper bounds in nanoseconds. They are made at the first use,
// for the daemon holds this package too and must not pay at its start.
var bounds = sync.OnceValue(func() []int64 {
	b := make([]int64, bucketCount)
	for i := range b {
		b[i] = int64(math.Round(lowestNanos * math.Pow(10, float64(i)/bucketsPerDecade)))
	}
	return b
})

// Histogram counts durations in buckets. The zero value is empty. It is not
// safe for concurrent use: each worker has its own.
type Histogram struct {
	counts [bucketCount]uint32 // 1,000 workers have one each, and it counts as their memory; no run has so many items
	nanos  int64               // sum; overflows after 292 years of waiting
}

// Record counts one duration. What is longer than 1,000 s counts as that, which
// no client with a time-out reaches.
func (h *Histogram) Record(d time.Duration) {
	b := bounds()
	nanos := min(max(int64(d), 0), b[bucketCount-1])
	i, _ := slices.BinarySearch(b, nanos)
	h.counts[i]++
	h.nanos += nanos
}

func (h *Histogram) add(o *Histogram) {
	for i, n := range o.counts {
		h.counts[i] += n
	}
	h.nanos += o.nanos
}

// Message is the histogram as the protocol has it. It leaves out empty buckets, save the one below each that counts: its
// bound says where that one begins.
func (h *Histogram) Message() *protocol.Latency {
	m := &protocol.Latency{SumSeconds: float64(h.nanos) / 1e9, Buckets: []protocol.Bucket{}}
	for i, n := range h.counts {
		if n > 0 || i+1 < bucketCount && h.counts[i+1] > 0 {
			m.Buckets = append(m.Buckets, protocol.Bucket{LE: float64(bounds()[i]) / 1e9, Count: uint64(n)})
		}
	}
	return m
}
