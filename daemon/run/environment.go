package run

import (
	"strconv"
	"strings"

	"benchd/daemon/bench"
	"benchd/daemon/environment"
	"benchd/workloads/protocol"
)

// environmentOf is all that a workload gets. Where a program's stack begins
// depends on how much lies above it: arguments and environment. So that is the
// same for all experiments and runs, up to a multiple of a page.
func environmentOf(e bench.Experiment, dir, httpbin string) []string {
	own := map[string]string{
		"WORKLOAD_PROTOCOL": strconv.Itoa(protocol.Version),
		"WORKLOAD_FD":       strconv.Itoa(protocol.FD),
		"WORKLOAD_DIR":      dir,
	}
	if e.HTTPBin {
		own["WORKLOAD_HTTPBIN_URL"] = httpbin
	}
	env := environment.Of(dir, e.Env, own)
	env["WORKLOAD_PADDING"] = ""
	const page = 4096
	above := stackBytes(environment.List(env)) + stackBytes(e.Command)
	if len(e.Command) > 0 {
		above += len(e.Command[0]) + 1 // the file's name, once more
	}
	env["WORKLOAD_PADDING"] = strings.Repeat("x", (page-above%page)%page)
	return environment.List(env)
}

// stackBytes is what the kernel puts on the stack of strings: a pointer and a
// zero at the end for each.
func stackBytes(list []string) (n int) {
	for _, text := range list {
		n += len(text) + 1 + strconv.IntSize/8
	}
	return n
}
