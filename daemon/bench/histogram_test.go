package bench

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

func TestQuantile(t *testing.T) {
	tenths := &Histogram{Buckets: []Bucket{{0.1, 0}, {0.2, 6}, {0.3, 1}, {0.4, 0}, {0.5, 93}}}
	tests := []struct {
		name string
		h    *Histogram
		q    float64
		want float64
	}{
		{"empty", &Histogram{}, 0.5, math.NaN()},
		{"empty buckets", &Histogram{Buckets: []Bucket{{1, 0}}}, 0.5, math.NaN()},
		{"one bucket that begins at 0", &Histogram{Buckets: []Bucket{{1, 5}}}, 0.5, 1},
		{"lowest", tenths, 0, 0.1},
		{"the middle of a bucket", tenths, 0.03, math.Sqrt(0.1 * 0.2)},
		{"the last of a bucket", tenths, 0.06, 0.2},
		// 0.07*100 is 7.000000000000001.
		{"the seventh of a hundred", tenths, 0.07, 0.3},
		{"across an empty bucket", tenths, 0.08, 0.4 * math.Pow(0.5/0.4, 1.0/93)},
		{"highest", tenths, 1, 0.5},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := test.h.Quantile(test.q)
			if math.IsNaN(got) != math.IsNaN(test.want) || math.Abs(got-test.want) > 1e-12 {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}

// Quantiles of random durations: within the bucket of the exact one, never
// falling as q rises, and the same however often the durations are repeated.
func TestQuantileProperties(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	const growth = 1.04
	for range 200 {
		durations := make([]float64, 1+random.IntN(500))
		for i := range durations {
			durations[i] = 1e-5 * math.Exp(random.ExpFloat64()*3)
		}
		slices.Sort(durations)
		h, repeated := &Histogram{}, &Histogram{}
		for le, i := 1e-6, 0; i < len(durations); le *= growth {
			n := uint64(0)
			for ; i < len(durations) && durations[i] <= le; i++ {
				n++
			}
			h.Buckets = append(h.Buckets, Bucket{le, n})
			repeated.Buckets = append(repeated.Buckets, Bucket{le, 1000 * n})
		}
		if h.Count() != uint64(len(durations)) {
			t.Fatalf("count is %d of %d", h.Count(), len(durations))
		}
		last := 0.0
		for percent := range 101 {
			q := float64(percent) / 100
			got := h.Quantile(q)
			// By whole numbers, which do not round: ceil(percent n / 100).
			exact := durations[max(0, (percent*len(durations)+99)/100-1)]
			if off := got / exact; off > growth*1.0001 || off < 1/growth/1.0001 {
				t.Fatalf("%d %% of %d durations: got %v, exact is %v", percent, len(durations), got, exact)
			}
			if got < last {
				t.Fatalf("%d %%: %v after %v", percent, got, last)
			}
			if again := repeated.Quantile(q); math.Abs(again/got-1) > 1e-9 {
				t.Fatalf("%d %%: got %v, of a thousand times the durations %v", percent, got, again)
			}
			last = got
		}
	}
}

// Durations that grow by little move a quantile by little, even across the bounds
// of buckets: one that jumped by a bucket would be told as a change of level.
func TestQuantileMovesGradually(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 3))
	durations := make([]float64, 1000)
	for i := range durations {
		durations[i] = 0.05 * math.Exp(0.1*random.NormFloat64())
	}
	const growth = 1.0194
	quantile := func(by float64) float64 {
		h := &Histogram{}
		for le := 0.01; le < 0.1; le *= growth {
			n := 0
			for _, d := range durations {
				if d *= by; d <= le && d > le/growth {
					n++
				}
			}
			h.Buckets = append(h.Buckets, Bucket{le, uint64(n)})
		}
		return h.Quantile(0.99)
	}
	start := quantile(1)
	for by := 1.001; by < 1.05; by += 0.001 {
		if off := quantile(by) / start / by; math.Abs(off-1) > 0.008 {
			t.Errorf("of durations that are %.1f %% longer p99 is wrong by %.2f %%", 100*(by-1), 100*(off-1))
		}
	}
}
