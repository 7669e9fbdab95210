// Package host describes the machine: what a reader must know of it to make
// sense of the figures, and what a later reader compares when they change.
package host

import (
	"runtime"
	"strings"

	"github.com/shirou/gopsutil/v3/cpu"
	"github.com/shirou/gopsutil/v3/host"
	"golang.org/x/sys/unix"

	"benchd/daemon/bench"
	"benchd/daemon/linux"
)

// Describe reads the description of this machine. The limits are those of the
// cgroup that the daemon, and so every workload, is in. What the machine does
// not tell is left out: a /proc of processes alone (subset=pid, as systemd's
// ProcSubset mounts it) hides the CPU's model. So kernel and memory are asked of
// the kernel itself, by system calls.
func Describe() bench.Host {
	h := bench.Host{Cores: runtime.NumCPU(), Architecture: runtime.GOARCH}
	var info unix.Sysinfo_t
	if unix.Sysinfo(&info) == nil {
		h.MemoryBytes = float64(info.Totalram) * float64(info.Unit)
	}
	h.Kernel, _ = host.KernelVersion()
	platform, _, version, _ := host.PlatformInformation()
	h.OS = strings.TrimSpace(platform + " " + version)
	if cpus, err := cpu.Info(); err == nil && len(cpus) > 0 {
		h.CPUModel = cpus[0].ModelName // some architectures do not tell
	}
	if group, err := linux.FindCgroup("/"); err == nil {
		h.CPULimit, h.MemoryLimitBytes = group.CPULimit(), group.MemoryLimit()
	}
	return h
}
