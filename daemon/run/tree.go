package run

import (
	"slices"
	"time"

	"benchd/daemon/linux"
)

// tree is the workload's living processes: all descendants of the supervisor,
// whatever session or group they have put themselves into.
type tree struct {
	supervisor *linux.Process // what it has reaped was the workload's
	processes  []*linux.Process
	lastPID    int           // id given last when the tree was discovered
	found      time.Time     // when it was discovered
	cost       time.Duration // of discovering it
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
	begun := time.Now()
	pids := linux.Descendants(t.supervisor.PID)
	t.processes = slices.DeleteFunc(t.processes, func(p *linux.Process) bool {
		gone := !slices.Contains(pids, p.PID)
		if gone {
			p.Close()
		}
		return gone
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
	t.cost = t.found.Sub(begun)
}

func (t *tree) close() {
	t.supervisor.Close()
	for _, p := range t.processes {
		p.Close()
	}
	t.processes = nil
}

// treeCPU is the CPU time that a tree has used, of all processes that ever
// belonged to it: what the living have used, and what was waited for. When a
// child ends, its time moves from one to the other, so the sum never jumps.
type treeCPU struct {
	living time.Duration // exact
	reaped time.Duration // each process's rounded down to 10 ms, user and system
	// The same sum in steps of 10 ms, to tell user from system time.
	user, system time.Duration
	threads      int
}

func (c treeCPU) total() time.Duration { return c.living + c.reaped }

// cpu reads the counters of the processes known.
func (t *tree) cpu() treeCPU {
	var sum treeCPU
	if s, err := t.supervisor.Stat(); err == nil {
		sum.reap(s)
	}
	for _, p := range t.processes {
		s, err := p.Stat()
		if err != nil {
			continue // gone: its parent's reaped time has it
		}
		clock, err := linux.CPU(p.PID)
		if err != nil {
			continue
		}
		sum.living += clock
		sum.user += s.User
		sum.system += s.System
		sum.threads += s.Threads
		sum.reap(s)
	}
	return sum
}

func (c *treeCPU) reap(s linux.Stat) {
	c.reaped += s.ReapedUser + s.ReapedSystem
	c.user += s.ReapedUser
	c.system += s.ReapedSystem
}

// memory is what a tree occupies at one moment.
type memory struct {
	bytes     float64
	processes int
}

// memory of one process is its RSS, of several the sum of their PSS, which is
// slow to read.
func (t *tree) memory() memory {
	m := memory{processes: len(t.processes)}
	for _, p := range t.processes {
		if len(t.processes) > 1 {
			if bytes, err := linux.PSS(p.PID); err == nil {
				m.bytes += bytes
				continue
			}
		}
		if s, err := p.Stat(); err == nil {
			m.bytes += s.RSSBytes
		}
	}
	return m
}
