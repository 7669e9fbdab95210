package run

import (
	"fmt"
	"runtime"
	"time"

	"github.com/shirou/gopsutil/v3/net"

	"benchd/daemon/bench"
	"benchd/daemon/linux"
)

// region is the measured part of a run: what was read at the gate before it,
// what was sampled meanwhile, and what was read at the gate after it. At both
// gates the workload waits, so its counters stand still.
type region struct {
	key              bench.Key
	since            time.Time // when the workload was started
	supervisor, root int
	cores            int     // of the whole machine, as /proc/stat counts them; 0 if it does not
	usable           float64 // of these, by this process and its children
	limited          linux.Cgroup
	hasCgroup        bool
	server           func() bench.Server // nil where the experiment needs none

	system        *linux.System
	before, after reading
	sampler       *sampler
	peakReset     bool    // the root's high-water mark of memory
	peakBefore    float64 // that mark at the gate before
	lostCPU       bool
	traced        bool     // a debugger is attached to a process
	peakRSS       *float64 // of the root; nil if that of the region cannot be had
	alone         bool     // no process but the root was alive at the gate after
}

// reading is everything read at one gate. Counters that grow are seconds or
// counts since some fixed past; what could not be read is nil.
type reading struct {
	at         time.Time // of what goes on growing while we read
	cpu        treeCPU
	idle       *linux.CPUTimes
	server     bench.Server
	pressure   linux.Pressure
	throttling *linux.Throttling
	threads    map[thread]linux.ThreadCounters
	io         *linux.IO
	network    *net.IOCountersStat
	memory     memory
	standstill standstill
}

type thread struct{ pid, tid int }

// begin reads what is slow to read first and the CPU clocks last, so that the
// reading itself is not in the figures.
func (r *Runner) begin(c *child, e bench.Experiment, since time.Time) (*region, error) {
	tree, err := watchTree(c.cmd.Process.Pid)
	if err != nil {
		return nil, fmt.Errorf("supervisor: %w", err)
	}
	g := &region{
		key: e.Key, since: since, supervisor: c.cmd.Process.Pid, root: c.pid,
		usable: float64(runtime.NumCPU()), system: linux.OpenSystem(),
	}
	if cores, err := linux.OnlineCPUs(); err == nil {
		g.cores = cores
	}
	if e.HTTPBin {
		g.server = r.HTTPBin
	}
	if group, err := linux.FindCgroup("/"); err == nil {
		g.limited, g.hasCgroup = group, true
		if limit := group.CPULimit(); limit != nil {
			g.usable = min(g.usable, *limit)
		}
	}
	g.peakReset = linux.ResetPeakRSS(g.root) == nil
	g.peakBefore, _ = linux.PeakRSS(g.root)
	if g.sampler, err = newSampler(r, tree, g); err != nil {
		tree.close()
		g.system.Close()
		return nil, err
	}
	g.sampler.system.TrustLastPID(c.lastPID, c.pid)
	b := &g.before
	b.slow(g, tree)
	b.cpu = tree.cpu()
	b.fast(g)
	g.sampler.start(b)
	return g, nil
}

// end reads the CPU clocks first. It returns false if the root did not live to
// have its counters read, against the protocol.
func (g *region) end() (alive bool) {
	a := &g.after
	a.fast(g)
	tree := g.sampler.stop()
	tree.discover()
	a.cpu = tree.cpu()
	a.slow(g, tree)
	// A mark that was not reset is of the region if it rose meanwhile.
	if peak, err := linux.PeakRSS(g.root); err == nil && (g.peakReset || peak > g.peakBefore) {
		g.peakRSS = &peak
	}
	g.alone = len(tree.processes) == 1 && tree.processes[0].PID == g.root
	for _, p := range tree.processes {
		g.lostCPU = g.lostCPU || linux.IgnoresSIGCHLD(p.PID)
		g.traced = g.traced || linux.Traced(p.PID)
		if p.PID == g.root {
			s, err := p.Stat()
			alive = err == nil && !s.Zombie
		}
	}
	return alive
}

func (g *region) close() {
	g.sampler.stop().close()
	g.sampler.system.Close()
	g.system.Close()
}

// noise is what only the watching of the processes can tell.
func (g *region) noise() []bench.Noise {
	if g.lostCPU || g.sampler.lostCPU {
		return []bench.Noise{bench.NoiseLostCPU}
	}
	return nil
}

// fast reads what goes on growing while we read.
func (b *reading) fast(g *region) {
	b.at = time.Now()
	if idle, err := g.system.CPUTimes(); err == nil {
		b.idle = &idle
	}
	if g.server != nil {
		b.server = g.server()
	}
	b.pressure = linux.ReadPressure()
	if g.hasCgroup {
		if t, err := g.limited.Throttling(); err == nil {
			b.throttling = &t
		}
	}
}

// slow reads what stands still while the workload waits, and what others
// barely change in a moment.
func (b *reading) slow(g *region, tree *tree) {
	b.standstill.read(g.root)
	b.memory = tree.memory()
	b.threads = map[thread]linux.ThreadCounters{}
	for _, p := range tree.processes {
		for _, tid := range linux.Threads(p.PID) {
			if c, err := linux.ReadThread(p.PID, tid); err == nil { // else it has just ended
				b.threads[thread{p.PID, tid}] = c
			}
		}
	}
	b.io = treeIO(g.supervisor, tree)
	if all, err := net.IOCounters(false); err == nil && len(all) == 1 {
		b.network = &all[0]
	}
}

// treeIO sums the tree's counters, and those of orphans that the supervisor
// has reaped.
func treeIO(supervisor int, tree *tree) *linux.IO {
	var sum linux.IO
	pids := []int{supervisor}
	for _, p := range tree.processes {
		pids = append(pids, p.PID)
	}
	for _, pid := range pids {
		io, err := linux.ReadIO(pid)
		if err != nil {
			return nil
		}
		sum.ReadBytes += io.ReadBytes
		sum.WrittenBytes += io.WrittenBytes
	}
	return &sum
}
