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
		{"lowest", tenths, 0, math.Sqrt(0.1 * 0.2)},
		{"the last of a bucket", tenths, 0.06, math.Sqrt(0.1 * 0.2)},
		// 0.07*100 is 7.000000000000001.
		{"the seventh of a hundred", tenths, 0.07, math.Sqrt(0.2 * 0.3)},
		{"across an empty bucket", tenths, 0.08, math.Sqrt(0.4 * 0.5)},
		{"highest", tenths, 1, math.Sqrt(0.4 * 0.5)},
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

// Quantiles of random durations: within half a bucket of the exact one, never
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
			if off := got / exact; off > math.Sqrt(growth)*1.0001 || off < 1/math.Sqrt(growth)/1.0001 {
				t.Fatalf("%d %% of %d durations: got %v, exact is %v", percent, len(durations), got, exact)
			}
			if got < last {
				t.Fatalf("%d %%: %v after %v", percent, got, last)
			}
			if again := repeated.Quantile(q); again != got {
				t.Fatalf("%d %%: got %v, of a thousand times the durations %v", percent, got, again)
			}
			last = got
		}
	}
}
