package workload

import (
	"os"
	"runtime/debug"
	"strings"

	"github.com/prometheus/procfs"
	"golang.org/x/sys/unix"
)

// shed gives back the memory that the start of benchd itself has touched, of
// which this program is only a part: the pages of its file, which come back as
// they are needed, and what its packages allocated. Without it a Go workload
// would show some 8 MB that a program of its own would not have.
func shed() {
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
