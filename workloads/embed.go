// Package workloads holds the tasks that benchd ships: their manifests and
// programs as files, and the built-in programs that are written in Go. Package
// experiments reads the former; the daemon runs one of the latter when it is
// started as `benchd workload NAME`.
package workloads

import (
	"embed"

	canary "benchd/workloads/canary/golang"
	cpubound "benchd/workloads/cpu-bound/golang"
	fixedrate "benchd/workloads/fixed-rate/golang"
	iobound "benchd/workloads/io-bound/golang"
	noop "benchd/workloads/noop/golang"
	"benchd/workloads/workload"
)

// FS holds the folder of every task, without the sources of built-in programs,
// and lib, which programs import from.
//
//go:embed */workload.yaml */cpython/*.py lib/python/*.py
var FS embed.FS

// Builtin returns the built-in program that a manifest names.
func Builtin(name string) (workload.Program, bool) {
	program, ok := builtins()[name]
	return program, ok
}

// builtins is a function, not a variable: the daemon starts itself once per
// run of a built-in, and what it initialises is paid each time.
func builtins() map[string]workload.Program {
	return map[string]workload.Program{
		"noop": noop.Noop,

		"canary-spin": canary.Spin,
		"canary-io":   canary.IO,

		"cpu-bound-sync":        cpubound.Sync,
		"cpu-bound-event-loop":  cpubound.EventLoop,
		"cpu-bound-goroutines":  cpubound.Goroutines,
		"cpu-bound-worker-pool": cpubound.WorkerPool,
		"cpu-bound-threads":     cpubound.Threads,

		"io-bound-sync":        iobound.Sync,
		"io-bound-event-loop":  iobound.EventLoop,
		"io-bound-goroutines":  iobound.Goroutines,
		"io-bound-worker-pool": iobound.WorkerPool,
		"io-bound-threads":     iobound.Threads,

		"fixed-rate-goroutines": fixedrate.Goroutines,
	}
}
