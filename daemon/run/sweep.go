package run

import (
	"errors"
	"os"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"benchd/daemon/linux"
)

// sweep kills and reaps what a supervisor that was itself killed left behind,
// adopted by the daemon as the next subreaper: all processes with the mark in
// their environment, the others, and first, unless it is 0.
//
// One that dies loses its environment some time before it can be reaped, so
// what was found once is looked after until it is gone. That may be for
// others to do, who do not; hence the limit of about a second. One that is
// just being started has no environment for a moment, hence the second look.
func sweep(mark string, first int, others func() []int) {
	victims := map[int]bool{}
	if first != 0 {
		victims[first] = true
	}
	for tries, quiet := 0, 0; tries < 200 && quiet < 2; tries++ {
		quiet++
		found := slices.DeleteFunc(linux.Processes(), func(pid int) bool {
			return pid == os.Getpid() || !linux.Environ(pid, mark)
		})
		for _, pid := range append(found, others()...) {
			quiet, victims[pid] = 0, true
			_ = unix.Kill(pid, unix.SIGKILL)
		}
		for pid := range victims {
			// Never wait for any child: that would steal those of os/exec.
			_, _ = unix.Wait4(pid, nil, unix.WNOHANG, nil)
			if errors.Is(unix.Kill(pid, 0), unix.ESRCH) {
				delete(victims, pid)
			}
		}
		if len(victims) > 0 {
			quiet = 0
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// adopted returns the children that this process did not have before and has
// not started, for what it starts, supervisors and the httpbin, is itself: so
// those are found that have cleared their environment.
func adopted(had []int) []int {
	self, err := os.Stat("/proc/self/exe")
	if err != nil {
		return nil
	}
	return slices.DeleteFunc(linux.Children(os.Getpid()), func(pid int) bool {
		exe, err := os.Stat("/proc/" + strconv.Itoa(pid) + "/exe")
		return err != nil || os.SameFile(exe, self) || slices.Contains(had, pid)
	})
}
