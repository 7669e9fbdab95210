package run

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"benchd/daemon/bench"
)

// TestAdviceHelps wants a setting to be named where it helps, and nowhere else.
func TestAdviceHelps(t *testing.T) {
	for _, tt := range []struct {
		err     error
		outcome bench.Outcome
		want    string
	}{
		{fmt.Errorf("%w: waited in vain for its result", errTimeout), bench.TimedOut,
			"timeout: waited in vain for its result (limit 5m0s: raise BENCHD_RUN_TIMEOUT, or see its output)"},
		{fmt.Errorf("%w: it did not exit within %v of being let go", errLingers, exitPatience), bench.TimedOut,
			"timeout: it did not exit within 10s of being let go: end it at the line exit (see workloads/README.md); its output may say what it waits for"},
		{errors.New("anything else"), bench.Failed, "anything else"},
	} {
		got := judge(bench.Experiment{Timeout: 5 * time.Minute}, &bench.Run{}, &talk{}, tt.err)
		if got.outcome != tt.outcome || got.reason != tt.want {
			t.Errorf("%v: got %s, %s\nwant %s, %s", tt.err, got.outcome, got.reason, tt.outcome, tt.want)
		}
	}
}
