// Package host describes the machine: what a reader must know of it to make
// sense of the figures, and what a later reader compares when they change.
package host

import (
	"fmt"
	"runtime"

	"github.com/shirou/gopsutil/v3/cpu"
	"github.com/shirou/gopsutil/v3/host"
	"github.com/shirou/gopsutil/v3/mem"

	"benchd/daemon/bench"
	"benchd/daemon/linux"
)

// Describe reads the description of this machine. The limits are those of the
// cgroup that the daemon, and so every workload, is in.
func Describe() (bench.Host, error) {
	h := bench.Host{Cores: runtime.NumCPU(), Architecture: runtime.GOARCH}
	memory, err := mem.VirtualMemory()
	if err != nil {
		return h, fmt.Errorf("read the host's memory: %w", err)
	}
	h.MemoryBytes = float64(memory.Total)
	info, err := host.Info()
	if err != nil {
		return h, fmt.Errorf("read the host's description: %w", err)
	}
	h.Kernel = info.KernelVersion
	h.OS = info.Platform + " " + info.PlatformVersion
	if cpus, err := cpu.Info(); err == nil && len(cpus) > 0 {
		h.CPUModel = cpus[0].ModelName // some architectures do not tell
	}
	if group, err := linux.FindCgroup("/"); err == nil {
		h.CPULimit, h.MemoryLimitBytes = group.CPULimit(), group.MemoryLimit()
	}
	return h, nil
}
