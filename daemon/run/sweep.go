package run

import (
	"os"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"benchd/daemon/linux"
)

const (
	// sweepPatience is how long a sweep goes on while no process ends.
	sweepPatience = 2 * time.Second
	// sweepLimit bounds a sweep. A busy machine needs seconds until a thousand
	// processes have ended that were killed.
	sweepLimit = 8 * time.Second
)

// sweep kills the group, and whatever find finds, to a fixed point: it stops
// all, and looks again until there is none that it has not stopped. What stands
// still cannot start others, nor replace those that die, nor give its children
// away. Then it kills them. It returns those that it has killed, and those that
// live on, because they are another user's or wait for a device.
func sweep(find func() []int, group linux.Group) (killed, left []int) {
	find = withGroup(find, group)
	stopped, signalled := map[int]bool{}, map[int]bool{}
	note := func(pid int, err error) {
		if err == nil {
			signalled[pid] = true
		}
	}
	if group.Dir() != "" {
		inGroup := living(group.Processes())
		if group.Kill() == nil {
			for _, pid := range inGroup {
				note(pid, nil)
			}
		}
	}
	// Two looks, for one that was being started may be behind the first.
	limit := time.Now().Add(sweepLimit)
	var deadline time.Time
	for quiet, fewest := 0, -1; quiet < 2; {
		left = find()
		if fewest < 0 || len(left) < fewest {
			fewest, deadline = len(left), time.Now().Add(sweepPatience)
		}
		fresh, refused := false, len(left) > 0
		for _, pid := range left {
			if !stopped[pid] {
				_ = unix.Kill(pid, unix.SIGSTOP)
				stopped[pid], fresh = true, true
			}
		}
		late := time.Now().After(limit) || time.Now().After(deadline)
		if fresh && !late {
			quiet, fewest = 0, -1
			continue
		}
		for _, pid := range left {
			err := unix.Kill(pid, unix.SIGKILL)
			note(pid, err)
			refused = refused && err == unix.EPERM
		}
		if late || refused {
			break
		}
		quiet++
		if len(left) > 0 {
			quiet = 0
			time.Sleep(2 * time.Millisecond)
		}
	}
	for pid := range signalled {
		if !slices.Contains(left, pid) {
			killed = append(killed, pid)
		}
	}
	return killed, left
}

// strays counts those of the killed that are not the workload's first process.
func strays(killed []int, first int) int {
	if slices.Contains(killed, first) {
		return len(killed) - 1
	}
	return len(killed)
}

func withGroup(find func() []int, group linux.Group) func() []int {
	return func() []int { return living(append(find(), group.Processes()...)) }
}

// living are those of the processes that have not ended, each once. This one is
// none of them.
func living(pids []int) []int {
	slices.Sort(pids)
	return slices.DeleteFunc(slices.Compact(pids), func(pid int) bool {
		return pid <= 1 || pid == os.Getpid() || !linux.Lives(pid)
	})
}

// remains are the processes of this daemon's runs: those that bear the brand,
// and those that were given to us since, with all that is below them. An orphan
// of a person's `docker exec` is given to us as well, but not below a run.
func remains(brand uint64, had []int) []int {
	pids := linux.Branded(brand)
	for _, pid := range linux.Orphans() {
		if !slices.Contains(had, pid) {
			pids = append(append(pids, pid), linux.Descendants(pid)...)
		}
	}
	return pids
}
