package detect

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// scanAnew is what Scan promises: Latest of every value, of all since the last alert.
func scanAnew(series []Value, o Options) (all []Alert) {
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

// TestScanIsLatest wants the window that moves on to say the same, bit by bit, as one
// that is filled anew for each value.
func TestScanIsLatest(t *testing.T) {
	t.Parallel()
	for seed := range uint64(12) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		y := valuesOf(noises[seed%3].series(rnd, 500, 0.02, 250, 0.1))
		for i := range y {
			y[i].Block = int64(i / 3)
			if i > 300 {
				y[i].X *= 1.3
			}
			if rnd.IntN(10) == 0 {
				y[i].X = []float64{0, -1, math.NaN(), math.Inf(1)}[rnd.IntN(4)]
			}
		}
		o := Options{LeastEffect: 0.02, MinBlocks: int(seed % 4)}
		if seed%2 == 1 {
			o.Known = []float64{1, 1.01, 0.99, 1, 1.02, 0.98, 1, 1.01, 0.99, 1}
		}
		want := scanAnew(y, o)
		if len(want) == 0 {
			t.Errorf("seed %d: no alert, so nothing is compared", seed)
		}
		if d := cmp.Diff(want, Scan(y, o)); d != "" {
			t.Errorf("seed %d (-anew +scan):\n%s", seed, d)
		}
	}
}

// TestScanIsLinear would take twenty minutes if each value looked back over all those that
// are passed over, and a minute if each counted all its pairs anew.
func TestScanIsLinear(t *testing.T) {
	t.Parallel()
	values := make([]Value, 1_000_000)
	if alerts := Scan(values, twoPercent); len(alerts) != 0 {
		t.Errorf("of zeros %d alerts", len(alerts))
	}
	rnd := rand.New(rand.NewPCG(1, 1))
	for i := range values {
		values[i] = Value{X: math.Exp(0.05 * rnd.NormFloat64()), Block: int64(i)}
	}
	if alerts := Scan(values, twoPercent); len(alerts) > 20 {
		t.Errorf("of noise %d alerts", len(alerts))
	}
}

// TestEndsOfFloat64 wants the largest and the smallest values there are to be
// values like others.
func TestEndsOfFloat64(t *testing.T) {
	t.Parallel()
	for name, level := range map[string]float64{"largest": math.MaxFloat64 / 1.3, "subnormal": 1e-315, "smallest normal": 0x1p-1022} {
		all := Scan(join(repeat(level, 0.001, 40), repeat(1.2*level, 0.001, 20)), twoPercent)
		if len(all) != 1 || all[0].Since != 40 {
			t.Errorf("%s: %+v, want one alert since 40", name, all)
			continue
		}
		if a := all[0]; math.Abs(a.Before/level-1) > 0.01 || math.Abs(a.After/level-1.2) > 0.01 || math.Abs(a.Ratio-1.2) > 0.01 {
			t.Errorf("%s: %+v", name, a)
		}
	}
}
