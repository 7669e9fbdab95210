package run

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"benchd/daemon/linux"
)

// However often and however badly runs end, nothing piles up in the daemon.
func TestNothingPilesUp(t *testing.T) {
	r := newRunner(t)
	kinds := []string{"nothing", "fails", "floods", "nothing", "malformed", "kills-supervisor-in-disguise", "exits-unasked", "nothing"}
	round := func() {
		for _, workload := range kinds {
			r.Run(context.Background(), experiment(r, workload))
		}
	}
	round() // what the first run opens stays: the network's poller, threads
	before := held(t)
	// 200 runs, or as many as this machine does in two seconds.
	deadline := time.Now().Add(2 * time.Second)
	for rounds := 0; rounds < 25 && (rounds < 3 || time.Now().Before(deadline)); rounds++ {
		round()
	}
	var after holdings
	for tries := 0; tries < 3000; tries++ { // what has been closed takes a moment to end
		if after = held(t); after.atMost(before) {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	stacks := make([]byte, 1<<16)
	t.Errorf("held before %+v, after %+v\n%s", before, after, stacks[:runtime.Stack(stacks, true)])
}

func init() { workloads["nothing"] = func(a *actor) { a.work(func() {}) } }

// holdings is what this process has of everything that could leak.
type holdings struct{ files, goroutines, children, threads int }

func held(t *testing.T) holdings {
	t.Helper()
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", os.Getpid()))
	if err != nil {
		t.Fatal(err)
	}
	return holdings{len(files), runtime.NumGoroutine(), len(linux.Children(os.Getpid())), len(linux.Threads(os.Getpid()))}
}

// atMost allows for some threads, which the runtime keeps for later.
func (h holdings) atMost(o holdings) bool {
	return h.files <= o.files && h.goroutines <= o.goroutines && h.children <= o.children && h.threads <= o.threads+8
}
