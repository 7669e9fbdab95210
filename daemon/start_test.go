package main

import (
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// TestStartSetsUpLittle bounds what packages of ours allocate before main: benchd
// starts itself as a workload, whose memory that is, too.
func TestStartSetsUpLittle(t *testing.T) {
	t.Parallel()
	trace := runCommand(t, []string{"GODEBUG=inittrace=1"}, "version")
	found := regexp.MustCompile(`(?m)^init (benchd/\S+) @.* (\d+) bytes, \d+ allocs$`).FindAllStringSubmatch(trace.stderr, -1)
	if !strings.Contains(trace.stderr, "init runtime @") {
		t.Fatalf("nothing was traced: %+v", trace)
	}
	for _, m := range found {
		if bytes, err := strconv.Atoi(m[2]); err != nil || bytes > 200_000 {
			t.Errorf("%s allocates %s bytes before main, want up to 200,000 (%v)", m[1], m[2], err)
		}
	}
}
