package detect

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// repeat returns n values around level that differ by spread at most, each of
// a block of its own.
func repeat(level, spread float64, n int) []Value {
	rnd := rand.New(rand.NewPCG(uint64(n), 9))
	v := make([]Value, n)
	for i := range v {
		v[i] = Value{X: level * (1 + spread*(2*rnd.Float64()-1)), Block: int64(i)}
	}
	return v
}

func join(all ...[]Value) (out []Value) {
	for _, v := range all {
		out = append(out, v...)
	}
	for i := range out {
		out[i].Block = int64(i)
	}
	return out
}

// TestScan shows what is a change and what is none.
func TestScan(t *testing.T) {
	t.Parallel()
	alternating := make([]Value, 120) // two modes, 10 % apart
	for i := range alternating {
		alternating[i].X = 1 + 0.1*float64(i%2)
	}
	for _, c := range []struct {
		name   string
		values []Value
		least  float64
		want   []int // since
		ratio  float64
	}{
		{"nothing", nil, 0.02, nil, 0},
		{"too few", repeat(1, 0.01, 10), 0.02, nil, 0},
		{"steady", repeat(1, 0.01, 200), 0.02, nil, 0},
		{"step up", join(repeat(1, 0.01, 60), repeat(1.2, 0.01, 20)), 0.02, []int{60}, 1.2},
		{"step down", join(repeat(1.2, 0.01, 60), repeat(1, 0.01, 20)), 0.02, []int{60}, 1 / 1.2},
		{"nanoseconds", join(repeat(1e-9, 0.01, 60), repeat(1.2e-9, 0.01, 20)), 0.02, []int{60}, 1.2},
		{"terabytes", join(repeat(1e12, 0.01, 60), repeat(1.2e12, 0.01, 20)), 0.02, []int{60}, 1.2},
		{"constant", repeat(7, 0, 200), 0.02, nil, 0},
		{"constant, a page more", join(repeat(8<<20, 0, 100), repeat(8<<20+4096, 0, 100)), 0.02, nil, 0},
		{"constant, a fifth more", join(repeat(8<<20, 0, 100), repeat(1.2*(8<<20), 0, 30)), 0.02, []int{100}, 1.2},
		{"constant, any effect", repeat(7, 0, 200), 0, nil, 0},
		{"constant but for outliers", join(repeat(7, 0, 40), repeat(70, 0, 2), repeat(7, 0, 40), repeat(0.7, 0, 1), repeat(7, 0, 40)), 0.02, nil, 0},
		{"smaller than of interest", join(repeat(1, 0.001, 60), repeat(1.015, 0.001, 60)), 0.02, nil, 0},
		{"of interest", join(repeat(1, 0.001, 60), repeat(1.015, 0.001, 30)), 0.01, []int{60}, 1.015},
		{"burst of 3", join(repeat(1, 0.01, 60), repeat(2, 0.01, 3), repeat(1, 0.01, 60)), 0.02, nil, 0},
		{"two modes", alternating, 0.02, nil, 0},
		{"again soon", join(repeat(1, 0.01, 60), repeat(1.2, 0.01, 12), repeat(1.5, 0.01, 20)), 0.02, []int{60, 72}, 1.25},
		{"with what is no figure", join(repeat(1, 0.01, 30), []Value{{X: 0}, {X: -1}, {X: math.NaN()}, {X: math.Inf(1)}}, repeat(1, 0.01, 30),
			repeat(1.2, 0.01, 5), []Value{{X: math.NaN()}}, repeat(1.2, 0.01, 15)), 0.02, []int{64}, 1.2},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var since []int
			var last Shift
			for _, a := range Scan(c.values, Options{LeastEffect: c.least}) {
				since, last = append(since, a.Since), a.Shift
			}
			if d := cmp.Diff(c.want, since); d != "" {
				t.Fatalf("since (-want +got):\n%s%+v", d, last)
			}
			if c.want != nil && (math.Abs(last.Ratio/c.ratio-1) > 0.01 || last.Low > last.Ratio || last.High < last.Ratio) {
				t.Errorf("%+v, want a ratio of %g within its interval", last, c.ratio)
			}
		})
	}
}

// TestBlocks wants a change to be of as many blocks as was asked.
func TestBlocks(t *testing.T) {
	t.Parallel()
	values := join(repeat(1, 0.01, 60), repeat(1.3, 0.01, 20))
	for i := range values {
		values[i].Block = int64(i / 5)
	}
	for _, c := range []struct{ blocks, at int }{{0, 63}, {1, 63}, {2, 65}, {3, 70}, {4, 75}} {
		all := Scan(values, Options{LeastEffect: 0.02, MinBlocks: c.blocks})
		if len(all) != 1 || all[0].At != c.at {
			t.Errorf("%d blocks: %+v, want one alert at %d", c.blocks, all, c.at)
		}
	}
}

// TestMemory wants the same answers with any older values, so that a restart
// needs no more than the newest of the regime.
func TestMemory(t *testing.T) {
	t.Parallel()
	rnd := rand.New(rand.NewPCG(1, 2))
	y := valuesOf(noises[2].series(rnd, 400, 0.02, 250, 0.06))
	alerts := 0
	for n := MaxValues; n <= len(y); n++ {
		cut := n - MaxValues
		a, aOK := Latest(y[:n], twoPercent)
		b, bOK := Latest(y[cut:n], twoPercent)
		if b.Since += cut; aOK != bOK || aOK && a != b {
			t.Fatalf("after %d values %+v %v, from the newest alone %+v %v", n, a, aOK, b, bOK)
		}
		if isSuspect(y[:n], twoPercent) != isSuspect(y[cut:n], twoPercent) {
			t.Fatalf("after %d values Suspect depends on old ones", n)
		}
		if aOK {
			alerts++
		}
	}
	if alerts == 0 {
		t.Error("no alert at all, so nothing was compared")
	}
}

// TestScale wants no unit to matter, nor the direction.
func TestScale(t *testing.T) {
	t.Parallel()
	rnd := rand.New(rand.NewPCG(5, 5))
	x := noises[1].series(rnd, 200, 0.03, 120, 0.12)
	plain := Scan(valuesOf(x), twoPercent)
	if len(plain) == 0 {
		t.Fatal("no alert, so nothing is compared")
	}
	scaled, upside := make([]Value, len(x)), make([]Value, len(x))
	for i := range x {
		scaled[i].X, upside[i].X = 0x1p40*x[i], 1/x[i]
	}
	inUnit, inverse := Scan(scaled, twoPercent), Scan(upside, twoPercent)
	if len(inUnit) != len(plain) || len(inverse) != len(plain) {
		t.Fatalf("%d alerts in another unit and %d of the inverse, want %d", len(inUnit), len(inverse), len(plain))
	}
	for i, a := range inUnit {
		if a.At != plain[i].At || a.Since != plain[i].Since || math.Abs(a.Ratio/plain[i].Ratio-1) > 1e-9 {
			t.Errorf("in another unit %+v, want %+v", a, plain[i])
		}
	}
	for i, a := range inverse {
		if a.At != plain[i].At || a.Since != plain[i].Since || math.Abs(a.Ratio*plain[i].Ratio-1) > 1e-9 {
			t.Errorf("of the inverse %+v, want that of %+v", a, plain[i])
		}
	}
}

// TestRankZ holds the sum of signs, kept up from m to m+1, and the exact
// distribution against those computed anew in another way.
func TestRankZ(t *testing.T) {
	t.Parallel()
	rnd := rand.New(rand.NewPCG(3, 3))
	for range 20 {
		var w window
		values := make([]Value, 20+rnd.IntN(150))
		for i := range values {
			values[i].X = 1 + float64(rnd.IntN(30)) // with ties
			if i > len(values)-15 {
				values[i].X += 20
			}
		}
		w.fill(values, nil)
		z, most := w.rankTests()
		for m := 1; m <= most; m++ {
			base, recent := w.split(m)
			if want := referenceZ(base, recent); math.Abs(want) > 0.1 && math.Abs(z[m]-want) > 1e-9*math.Abs(want)+1e-9 {
				t.Fatalf("%d new of %d: %g, want %g", m, len(values), z[m], want)
			}
		}
	}
}

// TestNoticeable makes steps of the size that is promised to be noticed.
func TestNoticeable(t *testing.T) {
	t.Parallel()
	for _, few := range [][]Value{nil, repeat(1, 0.01, 15)} {
		if ratio, ok := Noticeable(few, twoPercent); ok {
			t.Errorf("%g with %d values, want none", ratio, len(few))
		}
	}
	if ratio, ok := Noticeable(repeat(1, 0, 50), twoPercent); !ok || math.Abs(ratio-0.02) > 1e-6 {
		t.Errorf("%g %v for a constant, want the least of interest", ratio, ok)
	}
	first := Options{LeastEffect: 0.02, First: true}
	if ratio, ok := Noticeable(repeat(1, 0.01, firstBase-1), first); ok {
		t.Errorf("%g at a cold start, where no ordinary change could be found yet", ratio)
	}
	if _, ok := Noticeable(repeat(1, 0.01, firstBase), first); !ok {
		t.Error("nothing once a change that begins now could be found")
	}
	for _, k := range noises[:3] {
		for _, cv := range []float64{0.005, 0.02, 0.05} {
			for _, down := range []bool{false, true} {
				for _, c := range []struct {
					seen  int
					first bool
				}{{2 * minBase, false}, {firstBase, true}, {100, false}} {
					if share := noticed(k, cv, down, c.seen, c.first, 200); share < 0.7 || share > 0.97 {
						t.Errorf("%s, CV %g, down %v, %d values, first %v: %g of the steps were noticed, want 0.8", k.name, cv, down, c.seen, c.first, share)
					}
				}
			}
		}
	}
}

// noticed is the share of steps, as small as Noticeable says, that are found
// within 20 runs, where so many values were seen before.
func noticed(k noise, cv float64, down bool, seen int, first bool, count int) float64 {
	o := Options{LeastEffect: 0.02, First: first}
	hits := 0
	for i := range count {
		rnd := rand.New(rand.NewPCG(uint64(i), 4))
		y := valuesOf(k.series(rnd, seen+20, cv, seen+20, 0))
		size, _ := Noticeable(y[:seen], o)
		factor := 1 + size
		if down {
			factor = 1 / factor
		}
		for i := seen; i < len(y); i++ {
			y[i].X *= factor
		}
		for n := seen + 1; n <= len(y); n++ {
			if _, ok := Latest(y[:n], o); ok {
				hits++
				break
			}
		}
	}
	return float64(hits) / float64(count)
}

// A regime is held against what is known of its level, which is no part of it.
func TestKnown(t *testing.T) {
	known := make([]float64, 40)
	for i, v := range repeat(1, 0.02, 40) {
		known[i] = v.X
	}
	regime := join(repeat(1, 0.02, 5), repeat(1.1, 0.02, 7))
	if s, ok := Latest(regime, Options{}); ok {
		t.Errorf("five values and seven are too few: %+v", s)
	}
	s, ok := Latest(regime, Options{Known: known})
	if !ok || s.Since != 5 || s.Base != 45 || math.Abs(s.Before-1) > 0.01 {
		t.Errorf("found %v: %+v", ok, s)
	}
	// Where the whole regime is off, its first value is all of the old level that is in it.
	if s, ok := Latest(regime[5:], Options{Known: known}); !ok || s.Since != 1 {
		t.Errorf("found %v: %+v", ok, s)
	}
	if s, ok := Latest(repeat(1, 0.02, MaxValues+20), Options{Known: []float64{5, 5, 5, math.NaN()}}); ok {
		t.Errorf("what is known is forgotten at last: %+v", s)
	}
	if !isSuspect(regime[:6], Options{Known: known}) || isSuspect(regime[:6], Options{}) {
		t.Error("one value off a known level is suspect, off five values it is not")
	}
}

// A creep of a thousandth before a leap is no part of it, and one outlier before it
// is not its beginning.
func TestDateOfALeap(t *testing.T) {
	creep := append(join(repeat(1, 0.0004, 40), repeat(1.001, 0.0002, 6)), repeat(1.2, 0.0004, 7)...)
	s, ok := Latest(creep, Options{})
	if !ok || s.Since != 46 || math.Abs(s.Ratio-1.2) > 0.002 || s.Low < 1.19 {
		t.Errorf("found %v: %+v", ok, s)
	}
	creep[43].X = 1.25
	if s, ok := Latest(creep, Options{}); !ok || s.Since != 46 {
		t.Errorf("with an outlier found %v: %+v", ok, s)
	}
}

// TestSuspect wants few runs repeated for nothing, most shifts suspected after
// two values, and suspicion to end.
func TestSuspect(t *testing.T) {
	t.Parallel()
	for _, k := range noises[:2] {
		idle, _, two, after := suspicion(k, 4, 300)
		_, _, three, _ := suspicion(k, 3, 300)
		t.Logf("%s: %.4f of unchanged runs, %.2f of 3 and %.2f of 4 standard deviations, %.2f three runs later", k.name, idle, three, two, after)
		if idle > 0.02 || three < 0.6 || two < 0.85 || after > 0.05 {
			t.Errorf("%s: %.4f of unchanged runs, want at most 0.02; %.2f of 3 and %.2f of 4 standard deviations, want 0.6 and 0.85; %.2f three runs later, want at most 0.05",
				k.name, idle, three, two, after)
		}
	}
	if isSuspect(repeat(7, 0, 60), twoPercent) || !isSuspect(join(repeat(7, 0, 60), repeat(8, 0, 1)), twoPercent) {
		t.Error("of a constant, only the first other value is suspect")
	}
}

// ExampleScan finds a step of 20 %.
func ExampleScan() {
	var values []Value
	for i := range 60 {
		x := 10 + float64(i*7%5)/10
		if i >= 40 {
			x *= 1.2
		}
		values = append(values, Value{X: x, Block: int64(i)})
	}
	for _, a := range Scan(values, Options{LeastEffect: 0.02}) {
		fmt.Printf("since run %d, told after run %d: %+.0f %%\n", a.Since, a.At, 100*(a.Ratio-1))
	}
	// Output: since run 40, told after run 43: +20 %
}

// Difference is 0 where nothing can be said.
func TestDifference(t *testing.T) {
	t.Parallel()
	regime := join(repeat(1, 0.02, 30), repeat(1.1, 0.02, 8))
	known := make([]float64, 30)
	for i := range known {
		known[i] = regime[i].X
	}
	down := join(repeat(1.1, 0.02, 30), repeat(1, 0.02, 8))
	for _, tt := range []struct {
		name     string
		regime   []Value
		since    int
		o        Options
		from, to float64
	}{
		{"up", regime, 30, twoPercent, 8, 30},
		{"down", down, 30, twoPercent, -30, -8},
		{"one value", regime[:31], 30, twoPercent, 2, 10},
		{"too few before", regime[25:], 5, twoPercent, 0, 0},
		{"of which more is known", regime[25:], 5, Options{Known: known}, 8, 30},
		{"too small to be of interest", regime, 30, Options{LeastEffect: 0.2}, 0, 0},
		{"nothing since", regime, len(regime), twoPercent, 0, 0},
	} {
		if got := Difference(tt.regime, tt.since, tt.o); got < tt.from || got > tt.to {
			t.Errorf("%s: %.2f standard errors, want %g to %g", tt.name, got, tt.from, tt.to)
		}
	}
	// What spreads by far more than what was before is no surer for that one's calm.
	noisy := join(repeat(1, 0.002, 50), repeat(1.05, 0.1, 4))
	if got := Difference(noisy, 50, twoPercent); got > 3 {
		t.Errorf("of few noisy values: %.2f standard errors", got)
	}
}
