package run

import (
	"time"

	"benchd/daemon/bench"
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
	if s.windows >= minWindows {
		f.CPUPercentMax = new(100 * s.cpuMax)
	}
	f.CPUPressurePercent = pressure(b.pressure.CPU, a.pressure.CPU, wall)
	f.IOPressurePercent = pressure(b.pressure.IO, a.pressure.IO, wall)
	f.MemPressurePercent = pressure(b.pressure.Memory, a.pressure.Memory, wall)
	if b.throttling != nil && a.throttling != nil {
		f.ThrottledPeriods = new(a.throttling.Periods - b.throttling.Periods)
		f.ThrottledSeconds = new(a.throttling.Seconds - b.throttling.Seconds)
	}
	if b.io != nil && a.io != nil {
		f.DiskReadBytes = new(a.io.ReadBytes - b.io.ReadBytes)
		f.DiskWrittenBytes = new(a.io.WrittenBytes - b.io.WrittenBytes)
	}
	if b.network != nil && a.network != nil {
		f.NetworkReceivedBytes = new(float64(a.network.BytesRecv - b.network.BytesRecv))
		f.NetworkSentBytes = new(float64(a.network.BytesSent - b.network.BytesSent))
	}
	if b.server != nil && a.server != nil {
		f.ServerCPUSeconds = new(*a.server - *b.server)
		f.ServerMemoryBytes = g.server.MemoryBytes
	}
	return f
}

// cpu is the tree's user and system time. Reaped time is known in steps of
// 10 ms a process from /proc; but if only the root was alive at the end, what
// it had reaped is what wait4 says of its whole life less its own clock.
func (g *region) cpu(exit *ended) (user, system float64) {
	b, a := &g.before.cpu, g.after.cpu
	if g.alone && exit != nil {
		const rounding = 20 * time.Millisecond // a step of each, user and system
		if exact := exit.CPU - exit.OwnCPU; exact >= a.reaped && exact <= a.reaped+rounding {
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

// systemCPU is what all cores did, and what others than the workload and its
// server used of them.
func (g *region) systemCPU(f *bench.Figures) {
	b, a, s := g.before, g.after, g.sampler
	if b.idle == nil || a.idle == nil || f.WallSeconds <= 0 {
		return
	}
	capacity := float64(g.cores) * f.WallSeconds
	steal := max(0, a.idle.StealSeconds-b.idle.StealSeconds)
	busy := min(capacity, max(0, capacity-(a.idle.IdleSeconds-b.idle.IdleSeconds)-steal))
	f.StealSeconds = &steal
	f.StealPercent = new(100 * steal / capacity)
	f.SystemCPUPercentAvg = new(100 * busy / capacity)
	if s.windows >= minWindows {
		f.SystemCPUPercentMax = new(100 * min(1, max(0, 1-s.systemIdle)))
	}
	foreign := busy - f.CPUSeconds()
	if b.server != nil && a.server != nil {
		foreign -= *a.server - *b.server
	}
	f.ForeignCPUSeconds = new(max(0, foreign))
}

func (g *region) memory(f *bench.Figures) {
	s := g.sampler
	s.note(g.after.memory)
	f.ProcessesMax = float64(s.processesMax)
	f.PeakMemoryBytes = s.memoryMax
	if s.processesMax == 1 && g.peakRSS > 0 {
		f.PeakMemoryBytes = g.peakRSS
	}
	var sum float64
	for _, bytes := range s.memory {
		sum += bytes
	}
	f.AvgMemoryBytes = min(sum/float64(len(s.memory)), f.PeakMemoryBytes)
}

// waiting is run delay and context switches, of the threads that are alive at
// the gate after. What ended earlier took its run delay along; its switches
// are in the usage that wait4 tells of the whole life.
func (g *region) waiting(f *bench.Figures, exit *ended) {
	b, a := g.before, g.after
	if b.threads == nil || a.threads == nil {
		return
	}
	var delay, voluntary, involuntary, earlier, earlierInvoluntary float64
	complete := len(a.threads) >= g.sampler.threadsMax
	for t, was := range b.threads {
		_, alive := a.threads[t]
		complete = complete && alive
		earlier += was.Voluntary
		earlierInvoluntary += was.Involuntary
	}
	for t, is := range a.threads {
		was := b.threads[t] // zero for a thread that came later
		delay += is.RunDelaySeconds - was.RunDelaySeconds
		voluntary += is.Voluntary - was.Voluntary
		involuntary += is.Involuntary - was.Involuntary
	}
	reaped := (a.cpu.reaped - b.cpu.reaped).Seconds()
	complete = complete && reaped == 0
	if reaped <= 0.1*f.CPUSeconds() {
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
func pressure(before, after *float64, wall time.Duration) *float64 {
	if before == nil || after == nil || wall <= 0 {
		return nil
	}
	return new(min(100, 100*(*after-*before)/wall.Seconds()))
}
