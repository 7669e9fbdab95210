package workload

import (
	"os"
	"runtime/debug"
	"strings"

	"github.com/prometheus/procfs"
	"golang.org/x/sys/unix"
)

// Shed gives back the memory that this process has touched and may not need
// again: what is free on its heap, and the pages of its own file, which come
// back as they are needed. Ready calls it, for a Go workload is a part of
// benchd alone: it would show some 8 MB that a program of its own would not
// have, touched when benchd started. The daemon calls it between cycles.
func Shed() {
	debug.FreeOSMemory()
	self, err := procfs.Self()
	if err != nil {
		return
	}
	maps, err := self.ProcMaps()
	if err != nil {
		return
	}
	executable, err := os.Executable()
	if err != nil {
		return
	}
	for _, m := range maps {
		// Only what cannot have been written to is the same when it is read again.
		if m.Perms.Write || strings.TrimSuffix(m.Pathname, " (deleted)") != executable {
			continue
		}
		_, _, _ = unix.Syscall(unix.SYS_MADVISE, m.StartAddr, m.EndAddr-m.StartAddr, unix.MADV_DONTNEED)
	}
}
