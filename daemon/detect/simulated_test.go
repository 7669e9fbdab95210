package detect

import (
	"math"
	"math/rand/v2"
	"testing"
)

// TestFalseAlarms holds every cell against what is promised. At half the limit
// 200 series raise 1.5 alerts and 3 are allowed, which 7 of 100 draws exceed;
// true rates, of 6,000 series, are .003 and .02. Those of two modes (.03
// to .04) and of strong autocorrelation (.08 to .095) are nearer to their limits, so
// these have more series: at half the limit 1 of 100 draws would fail. The last
// is so near that other seeds may fail: it guards against what is worse.
func TestFalseAlarms(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		noise
		most  float64 // false alarms per 1,000 runs, what is promised
		count int     // of series
	}{{noises[0], 0.05, 200}, {noises[1], 0.05, 200}, {noises[2], 0.1, 600}, {noises[3], 0.05, 800}} {
		for _, cv := range spreads {
			rate := falsePer1000(c.noise, cv, c.count, ours)
			t.Logf("%s, CV %g: %.3f", c.name, cv, rate)
			if rate > c.most {
				t.Errorf("%s, CV %g: %.3f false alarms per 1,000 runs, want at most %g", c.name, cv, rate, c.most)
			}
		}
	}
}

// TestNoiseGrows: that runs have begun to vary more is no change of their level.
// The design raises two to four times as many alerts.
func TestNoiseGrows(t *testing.T) {
	t.Parallel()
	const count = 1000
	for _, c := range []struct{ from, to, most float64 }{{0.02, 0.04, 0.015}, {0.02, 0.1, 0.07}, {0.01, 0.1, 0.19}} {
		deceived := func(d detector) float64 {
			alerts := 0
			for _, n := range parallel(count, func(i int) int {
				rnd := rand.New(rand.NewPCG(uint64(i), 9))
				y := noises[0].series(rnd, 80, c.from, 80, 0)
				return len(online(append(y, noises[0].series(rnd, 100, c.to, 100, 0)...), d))
			}) {
				alerts += n
			}
			return float64(alerts) / count
		}
		mine, theirs := deceived(ours), deceived(reference(0.02))
		t.Logf("CV from %g to %g: %.3f alerts a series, the design %.3f", c.from, c.to, mine, theirs)
		if mine > c.most || mine >= theirs {
			t.Errorf("CV from %g to %g: %.3f alerts a series, want at most %g, and fewer than the design's %.3f", c.from, c.to, mine, c.most, theirs)
		}
	}
}

// TestPower holds power against that of the reference, by the very same
// series. Series that only one of the two finds decide (McNemar, Psychometrika
// 12, 1947): at equal power those that only the reference finds outnumber the
// others by 3.1 standard deviations in 1 of 1,000 figures, of which there are
// 108. That is lenient to a single figure of 40 series (10 lost for none won),
// so all figures of a noise together must besides be won, not lost.
func TestPower(t *testing.T) {
	t.Parallel()
	for _, k := range noises[:3] {
		var sum [len(within)]int
		for _, cv := range spreads {
			for _, step := range steps {
				mine, theirs := foundAfter(k, cv, step, 40, ours), foundAfter(k, cv, step, 40, reference(0.02))
				for j, limit := range within {
					won, lost := decided(mine, theirs, limit)
					sum[j] += won - lost
					if float64(lost-won) > 3.1*math.Sqrt(float64(lost+won)) {
						t.Errorf("%s, CV %g, step %g, within %d: %d steps found that the reference misses, %d missed that it finds", k.name, cv, step, limit, won, lost)
					}
				}
			}
		}
		t.Logf("%s: %d more found than by the reference", k.name, sum)
		for j, more := range sum {
			if more <= 0 {
				t.Errorf("%s, within %d: %d more steps found than by the reference, want some", k.name, within[j], more)
			}
		}
	}
}

// TestSimulated is a small part of what BenchmarkDetection shows.
func TestSimulated(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		noise
		cv, step float64
		want     [3]float64
	}{
		{noises[0], 0.02, 0.05, [3]float64{0.6, 0.9, 0.99}},
		{noises[0], 0.05, 0.2, [3]float64{0.97, 0.99, 0.99}},
		{noises[0], 0.05, 0.1, [3]float64{0.2, 0.55, 0.9}},
		{noises[2], 0.02, 0.1, [3]float64{0.9, 0.97, 0.99}},
	} {
		for i, share := range power(c.noise, c.cv, c.step, 100, ours) {
			if share < c.want[i] {
				t.Errorf("%s, CV %g, step %g: %.2f found within %d runs, want %.2f", c.name, c.cv, c.step, share, within[i], c.want[i])
			}
		}
	}
	n, coverage, dated := sizes(noises[0], 0.02, 0.1, 200)
	if n < 190 || coverage < 0.88 || dated < 0.84 {
		t.Errorf("%d of 200 steps found, the interval held %.2f, dated %.2f", n, coverage, dated)
	}
}
