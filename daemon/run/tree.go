package run

import (
	"runtime"
	"slices"
	"time"

	"benchd/daemon/linux"
)

// tree is the workload's living processes: all descendants of the supervisor,
// whatever session or group they have put themselves into.
type tree struct {
	supervisor *linux.Process // what it has reaped was the workload's
	processes  []*linux.Process
	alive      int           // of them that are no zombies, when the CPU time was read last
	stopped    bool          // one of them was at that time, be it by a signal, a debugger or its cgroup
	lastPID    int           // id given last when the tree was discovered
	found      time.Time     // when it was discovered
	cost       time.Duration // of discovering it, CPU time
}

// watchTree discovers the processes below the supervisor.
func watchTree(supervisor int) (*tree, error) {
	p, err := linux.Watch(supervisor)
	if err != nil {
		return nil, err
	}
	t := &tree{supervisor: p}
	t.discover()
	return t, nil
}

// discover looks for processes that have come and gone.
func (t *tree) discover() {
	// By CPU time, for on a busy machine most of the time is spent waiting,
	// which costs the workload nothing.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	begun := threadCPU()
	pids := linux.Descendants(t.supervisor.PID)
	t.forget(func(p *linux.Process) bool {
		if !slices.Contains(pids, p.PID) {
			return true
		}
		_, err := p.Stat() // fails if it is another process that has the id now
		return err != nil
	})
	for _, pid := range pids {
		known := slices.ContainsFunc(t.processes, func(p *linux.Process) bool { return p.PID == pid })
		if known {
			continue
		}
		if p, err := linux.Watch(pid); err == nil {
			t.processes = append(t.processes, p)
		}
	}
	t.found = time.Now()
	t.cost = threadCPU() - begun
}

func (t *tree) forget(gone func(*linux.Process) bool) {
	t.processes = slices.DeleteFunc(t.processes, func(p *linux.Process) bool {
		if !gone(p) {
			return false
		}
		p.Close()
		return true
	})
}

func (t *tree) close() {
	t.supervisor.Close()
	t.forget(func(*linux.Process) bool { return true })
}

// treeCPU is the CPU time that a tree has used, of all processes that ever
// belonged to it: what the living have used, and what was waited for. When a
// child ends, its time moves from one to the other, so the sum never jumps.
type treeCPU struct {
	living time.Duration // exact
	reaped time.Duration // each process's rounded down to 10 ms, user and system
	// The same sum in steps of 10 ms, to tell user from system time.
	user, system time.Duration
	waited       bool // a child has been waited for, be its time too short to show
	threads      int
}

func (c treeCPU) total() time.Duration { return c.living + c.reaped }

// cpu reads the counters of the processes known. Parents are read before their
// children, so that no time is counted twice; but of a process that is reaped
// in between nobody has told, so all are read again without it.
func (t *tree) cpu() treeCPU {
	for {
		sum, gone := t.readCPU()
		if gone == nil {
			return sum
		}
		t.forget(func(p *linux.Process) bool { return p == gone })
	}
}

func (t *tree) readCPU() (sum treeCPU, gone *linux.Process) {
	t.alive, t.stopped = 0, false
	if s, err := t.supervisor.Stat(); err == nil {
		sum.reap(s)
	}
	for _, p := range t.processes {
		s, err := p.Stat()
		if err != nil {
			return sum, p
		}
		clock, err := linux.CPU(p.PID)
		if err != nil {
			return sum, p
		}
		sum.living += clock
		sum.user += s.User
		sum.system += s.System
		if !s.Zombie {
			t.alive++
			sum.threads += s.Threads
			t.stopped = t.stopped || s.Stopped || s.Uninterruptible && linux.GroupFrozen(p.PID)
		}
		sum.reap(s)
	}
	return sum, nil
}

func (c *treeCPU) reap(s linux.Stat) {
	c.reaped += s.ReapedUser + s.ReapedSystem
	c.user += s.ReapedUser
	c.system += s.ReapedSystem
	c.waited = c.waited || s.HasReaped
}

// memory is what a tree occupies at one moment.
type memory struct {
	bytes     float64 // 0 where it is not told
	processes int
	untold    bool
}

// memory of one process is its RSS, of several the sum of their PSS, which is
// slow to read. Their RSS does not stand in for it: it counts shared pages for
// each, which would show as a growth that never was.
func (t *tree) memory() memory {
	var m memory
	rss := map[*linux.Process]float64{} // of those that have memory: a zombie has none
	for _, p := range t.processes {
		if s, err := p.Stat(); err == nil && !s.Zombie {
			rss[p] = s.RSSBytes
		}
	}
	m.processes = len(rss)
	for p, bytes := range rss {
		if len(rss) > 1 {
			var err error
			if bytes, err = linux.PSS(p.PID); err != nil {
				s, gone := p.Stat()
				m.untold = m.untold || gone == nil && s.RSSBytes > 0
			}
		}
		m.bytes += bytes
	}
	if m.untold {
		m.bytes = 0
	}
	return m
}
