package linux

import (
	"context"
	"os"
	"os/exec"
	"os/signal"
	"sync"

	"golang.org/x/sys/unix"
)

// started are the children that this process has started and not yet waited
// for. All others are orphans: the kernel has given them to us, as the first
// process of a container or as a subreaper.
var started = struct {
	sync.Mutex
	pids map[int]bool
}{pids: map[int]bool{}}

// Start starts the command as a child that is no orphan until Wait. What is
// started in another way is taken for an orphan, and reaped.
func Start(cmd *exec.Cmd) error {
	started.Lock()
	defer started.Unlock()
	err := cmd.Start()
	if err == nil {
		started.pids[cmd.Process.Pid] = true
	}
	return err
}

// Wait waits for a command that Start has started.
func Wait(cmd *exec.Cmd) error {
	err := cmd.Wait()
	started.Lock()
	defer started.Unlock()
	delete(started.pids, cmd.Process.Pid)
	return err
}

// Orphans returns the children that this process has not started.
func Orphans() []int {
	started.Lock()
	defer started.Unlock()
	var orphans []int
	for _, pid := range Children(os.Getpid()) {
		if !started.pids[pid] {
			orphans = append(orphans, pid)
		}
	}
	return orphans
}

// ReapOrphans waits for the orphans that have ended. wait4(-1), as an init does
// it, would steal those that os/exec waits for.
func ReapOrphans() {
	for _, pid := range Orphans() {
		_, _ = unix.Wait4(pid, nil, unix.WNOHANG, nil)
	}
}

// KeepReaping reaps orphans whenever a child ends, until ctx is done. Else they
// would stay zombies, as those of a `docker exec` do, until no process can be
// started any more.
func KeepReaping(ctx context.Context) {
	ends := make(chan os.Signal, 1)
	signal.Notify(ends, unix.SIGCHLD)
	defer signal.Stop(ends)
	for {
		ReapOrphans()
		select {
		case <-ends:
		case <-ctx.Done():
			return
		}
	}
}
