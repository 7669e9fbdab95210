package run

import (
	"fmt"
	"hash/fnv"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"

	"benchd/daemon/linux"
)

// brandOf is the brand of all that runs with the scratch folder start, by which
// a later daemon of the folder knows them. It is the folder's own number, and
// not its path, for in a container that is another folder.
func brandOf(scratch string) uint64 {
	var s unix.Stat_t
	_ = unix.Stat(scratch, &s) // a run has made it; without one there is nothing to be found
	hash := fnv.New64a()
	fmt.Fprint(hash, s.Dev, " ", s.Ino)
	return hash.Sum64()>>2 | 1<<62 // so that it is no limit that anybody sets
}

// groupPrefix begins the names of the cgroups of such runs.
func groupPrefix(brand uint64) string { return fmt.Sprintf("benchd-%x-", brand) }

// makeGroup makes the cgroup of the run with the folder. Where there is none to
// be had the run goes without: its processes are found all the same.
func (r *Runner) makeGroup(dir string) linux.Group {
	if r.Groups == "" {
		return linux.Group{}
	}
	group, err := linux.MakeGroup(filepath.Join(r.Groups, groupPrefix(brandOf(r.ScratchDir))+filepath.Base(dir)))
	if err != nil {
		r.Log.Warn("the run has no cgroup of its own", "err", err)
	}
	return group
}

// removeGroup removes the cgroup of a run that has ended. It stays while
// something lives in it, for the next look.
func (r *Runner) removeGroup(group linux.Group) {
	if err := group.Remove(); err != nil && r.Leftovers().Processes == 0 {
		r.Log.Warn("the cgroup of a run cannot be removed", "err", err)
	}
}

// clearProcesses kills the processes of earlier runs.
func (r *Runner) clearProcesses() {
	brand := brandOf(r.ScratchDir)
	groups := linux.FindGroups(groupPrefix(brand))
	find := func() []int { return linux.Branded(brand) }
	killed, left := sweep(find, linux.Group{})
	for _, group := range groups {
		more, still := sweep(find, group)
		killed, left = append(killed, more...), append(left, still...)
	}
	linux.ReapOrphans()
	if len(killed) > 0 {
		r.Log.Warn("processes of earlier runs were still there; they were killed", "processes", len(killed))
	}
	r.watchLeft(living(left))
	for _, group := range groups {
		r.removeGroup(group)
	}
}

// watchLeft remembers processes that cannot be killed, and names those that it
// did not know.
func (r *Runner) watchLeft(pids []int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.forgetEnded()
	for _, pid := range pids {
		if slices.ContainsFunc(r.survivors, func(p *linux.Process) bool { return p.PID == pid }) {
			continue
		}
		p, err := linux.Watch(pid)
		if err != nil {
			continue // it has ended
		}
		r.survivors = append(r.survivors, p)
		r.Log.Error("a process of a run cannot be killed; runs are excluded while it lives: end it as its owner or as root",
			"pid", pid, "name", linux.Name(pid))
	}
}

// forgetEnded closes those that have ended after all.
func (r *Runner) forgetEnded() {
	r.survivors = slices.DeleteFunc(r.survivors, func(p *linux.Process) bool {
		if s, err := p.Stat(); err == nil && !s.Zombie {
			return false
		}
		p.Close()
		return true
	})
}
