package run

import (
	"time"

	"benchd/daemon/bench"
	"benchd/daemon/linux"
)

// figures computes what was measured, once the root has ended. exit is nil if
// it has not.
func (g *region) figures(wall time.Duration, exit *ended) bench.Figures {
	b, a, s := &g.before, &g.after, g.sampler
	f := bench.Figures{
		WallSeconds:    wall.Seconds(),
		ThreadsMax:     float64(max(s.threadsMax, b.cpu.threads, a.cpu.threads)),
		Samples:        s.samples,
		SamplerSeconds: s.spent.Seconds(),
	}
	f.CPUUserSeconds, f.CPUSystemSeconds = g.cpu(exit)
	g.systemCPU(&f)
	g.memory(&f)
	g.waiting(&f, exit)
	f.FrozenSeconds = g.frozen(wall, exit).Seconds()
	if s.cpuWindows >= minWindows {
		f.CPUPercentMax = new(100 * s.cpuMax)
	}
	f.CPUPressurePercent = g.pressure(b.pressure.CPU, a.pressure.CPU)
	f.IOPressurePercent = g.pressure(b.pressure.IO, a.pressure.IO)
	f.MemPressurePercent = g.pressure(b.pressure.Memory, a.pressure.Memory)
	if b.throttling != nil && a.throttling != nil {
		f.ThrottledPeriods = grown(b.throttling.Periods, a.throttling.Periods)
		f.ThrottledSeconds = grown(b.throttling.Seconds, a.throttling.Seconds)
	}
	if b.io != nil && a.io != nil {
		f.DiskReadBytes = grown(b.io.ReadBytes, a.io.ReadBytes)
		f.DiskWrittenBytes = grown(b.io.WrittenBytes, a.io.WrittenBytes)
	}
	if b.network != nil && a.network != nil {
		f.NetworkReceivedBytes = grown(float64(b.network.BytesRecv), float64(a.network.BytesRecv))
		f.NetworkSentBytes = grown(float64(b.network.BytesSent), float64(a.network.BytesSent))
	}
	f.ServerCPUSeconds, f.ServerMemoryBytes = g.serverCPU(), a.server.MemoryBytes
	return f
}

// grown is by how much a counter has grown; nil if it has not kept all that it
// had: a network interface has gone, or a process whose parent ignores SIGCHLD.
func grown(before, after float64) *float64 {
	if after < before {
		return nil
	}
	return new(after - before)
}

// cpu is the tree's user and system time. Reaped time is known in steps of
// 10 ms a process from /proc; but if only the root was alive at the end, what
// it had reaped is what wait4 says of its whole life less its own clock.
func (g *region) cpu(exit *ended) (user, system float64) {
	b, a := &g.before.cpu, g.after.cpu
	// Not so if it had reaped already at the gate before, which is only known
	// rounded down: the difference would be too large by that.
	if g.alone && exit != nil && !b.waited {
		if exact := exit.CPU - exit.OwnCPU; exact >= a.reaped && exact <= a.reaped+reapRounding {
			a.reaped = exact
		}
	}
	total := max(0, a.total()-b.total()).Seconds()
	u, s := (a.user - b.user).Seconds(), (a.system - b.system).Seconds()
	if u+s <= 0 {
		return total, 0 // too little for the kernel's steps of 10 ms
	}
	share := min(1, max(0, s/(u+s)))
	return total * (1 - share), total * share
}

// minCapacity is the CPU time, in seconds of all cores, of which the kernel's
// step of 10 ms is 5 %: the share of less would be chance. A run of 0.3 ms
// showed a system that was idle or busy throughout.
const minCapacity = 0.2

// systemCPU is what all cores did, and what others than the workload and its
// server used of them.
func (g *region) systemCPU(f *bench.Figures) {
	b, a, s := g.before, g.after, g.sampler
	// Not the wall time: these counters go on between the gate and its reading.
	capacity := float64(g.cores) * a.at.Sub(b.at).Seconds()
	if b.idle == nil || a.idle == nil || capacity <= 0 {
		return
	}
	// A file that is but a copy, or a sandbox's, would read as a machine that is
	// never idle. Each core's time may be two steps of 10 ms behind.
	if a.idle.TotalSeconds-b.idle.TotalSeconds < capacity/2-0.02*float64(g.cores) {
		return
	}
	if b.idle.StealSeconds != nil && a.idle.StealSeconds != nil {
		if f.StealSeconds = grown(*b.idle.StealSeconds, *a.idle.StealSeconds); f.StealSeconds == nil {
			return // what is left of the sum says nothing either
		}
		f.StealPercent = new(100 * *f.StealSeconds / capacity)
	}
	known := f.CPUSeconds()
	if cpu := g.serverCPU(); cpu != nil && a.server.SameHost {
		known += *cpu
	}
	// At least what is known to have been used: a virtual CPU that is woken late
	// has been idle and stolen at the same time, and is subtracted twice.
	busy := min(capacity, max(known, capacity-(a.idle.Unused()-b.idle.Unused())))
	f.ForeignCPUSeconds = new(max(0, busy-known))
	if capacity >= minCapacity {
		f.SystemCPUPercentAvg = new(100 * busy / capacity)
	}
	if s.systemWindows >= minWindows {
		f.SystemCPUPercentMax = new(100 * min(1, max(0, s.systemBusy)))
	}
}

// serverCPU is nil where the server does not tell it, or was started anew
// during the run.
func (g *region) serverCPU() *float64 {
	b, a := g.before.server, g.after.server
	if b.CPUSeconds == nil || a.CPUSeconds == nil || a.Restarts != b.Restarts || *a.CPUSeconds < *b.CPUSeconds {
		return nil
	}
	return new(*a.CPUSeconds - *b.CPUSeconds)
}

func (g *region) memory(f *bench.Figures) {
	s := g.sampler
	s.note(g.after.memory, g.after.at)
	f.ProcessesMax = float64(s.processesMax)
	average := s.memory.value()
	switch {
	case s.memoryUntold:
		return
	case s.processesMax > 1:
		f.PeakMemoryBytes = &s.memoryMax
	case g.peakRSS != nil:
		f.PeakMemoryBytes = g.peakRSS
		average = min(average, *g.peakRSS)
	}
	f.AvgMemoryBytes = &average
}

// waiting is run delay and context switches, of the threads that are alive at
// the gate after. What ended earlier took its run delay along, so there is none
// to be told if that used more than a tenth of the CPU time. Its switches are
// in the usage that wait4 tells of the whole life, with those of the exit.
func (g *region) waiting(f *bench.Figures, exit *ended) {
	b, a := &g.before, &g.after
	var delay, ran, voluntary, involuntary, earlier, earlierInvoluntary float64
	told := false
	complete := len(a.threads) >= g.sampler.threadsMax && a.cpu.reaped == b.cpu.reaped
	for t, was := range b.threads {
		_, alive := a.threads[t]
		complete = complete && alive
		earlier += was.Voluntary
		earlierInvoluntary += was.Involuntary
	}
	for t, is := range a.threads {
		was := b.threads[t] // zero for a thread that came later
		if is.Voluntary < was.Voluntary || is.RunSeconds < was.RunSeconds {
			was, complete = linux.ThreadCounters{}, false // another one, with the same id
		}
		told = told || is.RunSeconds > 0
		ran += is.RunSeconds - was.RunSeconds
		delay += is.RunDelaySeconds - was.RunDelaySeconds
		voluntary += is.Voluntary - was.Voluntary
		involuntary += is.Involuntary - was.Involuntary
	}
	const negligible = 0.001 // seconds: of a run of nothing there is no tenth to be had
	if told && ran+negligible >= 0.9*f.CPUSeconds() {
		f.RunDelaySeconds = &delay
	}
	switch {
	case complete:
		f.VoluntarySwitches, f.InvoluntarySwitches = &voluntary, &involuntary
	case exit != nil:
		f.VoluntarySwitches = new(max(voluntary, exit.Voluntary-earlier))
		f.InvoluntarySwitches = new(max(involuntary, exit.Involuntary-earlierInvoluntary))
	}
}

// pressure is the share of the time, in percent, in which some task waited.
func (g *region) pressure(before, after *float64) *float64 {
	span := g.after.at.Sub(g.before.at).Seconds()
	if before == nil || after == nil || *after < *before || span <= 0 {
		return nil
	}
	return new(min(100, 100*(*after-*before)/span))
}
