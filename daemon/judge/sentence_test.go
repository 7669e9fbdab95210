package judge

import (
	"testing"

	"benchd/daemon/bench"
	"benchd/daemon/compare"
)

// Numbers at the borders are written out: an exponent is read as a fault, and a
// rounded limit of 0 % would be one.
func TestNumbersInSentences(t *testing.T) {
	t.Parallel()
	of, with := bench.Key{Model: "a", Runtime: "go", Concurrency: 1}, bench.Key{Model: "b", Runtime: "go", Concurrency: 1}
	for _, test := range []struct {
		c    bench.Comparison
		want string
	}{
		{bench.Comparison{Figure: bench.ErrorRatio, Verdict: bench.Worse, Ratio: &bench.Ratio{Ratio: 1, Low: 0.996, High: 1}},
			"a 1 · go is worse: its share of failed items differs from that of b 1 · go by +100 percentage points (95 %: +100 to +100 percentage points, 7 cycles)."},
		{bench.Comparison{Figure: bench.Throughput, Verdict: bench.Better, Ratio: &bench.Ratio{Ratio: 1234.5, Low: 999.6, High: 20000}},
			"a 1 · go is better: 1235 x as fast as b 1 · go (95 %: 1000 to 20000, 7 cycles)."},
		{bench.Comparison{Figure: bench.Memory, Verdict: bench.Same, Ratio: &bench.Ratio{Ratio: 1, Low: 0.99996, High: 1.0004}},
			"a 1 · go and b 1 · go have the same peak memory, within 0.4 % (1 x; 95 %: 1 to 1, 7 cycles)."},
	} {
		test.c.With, test.c.Cycles = with, 7
		if got := sentence(of, &test.c, &Options{LeastDifference: 0.004}); got != test.want {
			t.Errorf("got  %s\nwant %s", got, test.want)
		}
	}
	s := bench.Scaling{Model: "a", Runtime: "go", Peak: &bench.Ratio{Ratio: 1000, Low: 999.7, High: 1234}, Best: 1000}
	want := "a · go has its peak at a concurrency of 1000 (95 %: 1000 to 1234): 520123456 units/s by the law; the best measured was 1000."
	if got := scalingSentence(&s, compare.Scaling{PeakThroughput: &compare.Interval{Value: 520123456}}); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
