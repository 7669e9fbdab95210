package bench

import (
	"testing"
	"time"
)

func TestSizeInSentences(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		size Ratio
		want string
	}{
		{Ratio{1.234, 1.2, 1.25}, "more by 23.4 % (95 %: +20 % to +25 %)"},
		{Ratio{0.8, 0.75, 1}, "less by 20 % (95 %: -25 % to 0 %)"},
		{Ratio{11.004, 10.997, 13.5}, "more by 1000 % (95 %: +1000 % to +1250 %)"},
		{Ratio{1e9, 1e8, 1e10}, "more by 99999999900 % (95 %: +9999999900 % to +999999999900 %)"},
	} {
		c := Change{Key: Key{"t", "r", "m", 1}, Figure: Memory, Size: test.size, Began: Moment{Run: 7, Time: time.Unix(0, 0)}}
		if got, want := c.Sentence(), "peak memory of t/r/m/1: "+test.want+" since run 7 of 1970-01-01 00:00 UTC"; got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}
