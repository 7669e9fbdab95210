package run

import (
	"context"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/shirou/gopsutil/v3/net"
	"golang.org/x/sys/unix"

	"benchd/daemon/bench"
	"benchd/daemon/linux"
	"benchd/workloads/protocol"
)

// What a workload knows of itself it reports as bytes sent: the CPU time, in
// microseconds, of its process and of the children that it has waited for.
func (a *actor) workAndTell(do func()) {
	used := func() (us uint64) {
		for _, who := range []int{unix.RUSAGE_SELF, unix.RUSAGE_CHILDREN} {
			var use unix.Rusage
			_ = unix.Getrusage(who, &use)
			us += uint64(use.Utime.Nano()+use.Stime.Nano()) / 1000
		}
		return us
	}
	a.ready()
	a.await(protocol.GateStart)
	begun, before := time.Now(), used()
	do()
	r := result()
	r.BytesSent = used() - before
	r.ElapsedSeconds = time.Since(begun).Seconds()
	a.say(r)
	a.await(protocol.GateExit)
}

func init() {
	workloads["tells-sync"] = func(a *actor) { a.workAndTell(func() { spin(200 * time.Millisecond) }) }
	workloads["tells-threads"] = func(a *actor) {
		a.workAndTell(func() {
			var all sync.WaitGroup
			for range 10 {
				all.Go(func() { spin(200 * time.Millisecond) }) // together: spin looks at the whole process
			}
			all.Wait()
		})
	}
	workloads["tells-children"] = func(a *actor) { a.workAndTell(func() { spinProcesses(12, 1, "burn") }) }
	workloads["tells-parallel-children"] = func(a *actor) { a.workAndTell(func() { spinProcesses(12, 4, "burn") }) }
	// Children before the gate are not of the region, but wait4 counts them.
	workloads["tells-after-children"] = func(a *actor) {
		spinProcesses(3, 1, "burn")
		a.workAndTell(func() { spinProcesses(3, 1, "burn") })
	}
}

func measure(t *testing.T, workload string) (bench.Run, *bench.Figures) {
	t.Helper()
	r := newRunner(t)
	run := r.Run(context.Background(), experiment(r, workload))
	if run.Outcome != bench.OK || run.Figures == nil {
		t.Fatalf("%s: %s: %s\n%s", workload, run.Outcome, run.Error, run.Output)
	}
	return run, run.Figures
}

// The daemon and the kernel's own accounts must agree, whoever used the time.
func TestCPU(t *testing.T) {
	const step = 0.02 // user and system time of a process that reaps, where only /proc tells it
	for _, test := range []struct {
		workload string
		allowed  float64 // seconds, beside 2 %
		loops    bool    // and does little else
	}{
		{"tells-sync", 0.002, true},
		{"tells-threads", 0.002, true},
		{"tells-children", 0.002, false},
		{"tells-parallel-children", 0.002, false},
		{"tells-after-children", step, false},
	} {
		t.Run(test.workload, func(t *testing.T) {
			_, f := measure(t, test.workload)
			truth := f.BytesSent / 1e6
			if off := f.CPUSeconds() - truth; off > 0.02*truth+test.allowed || off < -0.02*truth-test.allowed {
				t.Errorf("CPU is %.4f s, the workload's own account says %.4f s", f.CPUSeconds(), truth)
			}
			// Starting processes is mostly the kernel's work.
			if test.loops && f.CPUUserSeconds <= f.CPUSystemSeconds {
				t.Errorf("a loop used %v s of user time and %v s of system time", f.CPUUserSeconds, f.CPUSystemSeconds)
			}
		})
	}
}

// ru_maxrss of a child begins with its parent's resident set. What is reported
// must be the workload's own, however much the daemon holds.
func TestPeakMemoryIsNotInherited(t *testing.T) {
	const held, allocated = 500 << 20, 64 << 20
	ballast, err := unix.Mmap(-1, 0, held, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON|unix.MAP_POPULATE)
	if err != nil {
		t.Skipf("cannot hold 500 MB: %v", err)
	}
	defer func() { _ = unix.Munmap(ballast) }()
	r := newRunner(t)
	e := experiment(r, "allocates")
	e.Env["WORKLOAD_BYTES"] = strconv.Itoa(allocated)
	run := r.Run(context.Background(), e)
	if run.Outcome != bench.OK {
		t.Fatalf("%s: %s\n%s", run.Outcome, run.Error, run.Output)
	}
	f := run.Figures
	// What a Go program has beside is some 10 MB, with the race detector 90. How
	// exact it is, BenchmarkAccuracy tells.
	if *f.PeakMemoryBytes < allocated || *f.PeakMemoryBytes > held/2 {
		t.Errorf("peak memory of a workload that allocated %d MiB is %.1f MiB", allocated>>20, *f.PeakMemoryBytes/(1<<20))
	}
	if *f.AvgMemoryBytes <= 0 || *f.AvgMemoryBytes > *f.PeakMemoryBytes {
		t.Errorf("memory is %v on average, %v at its peak", *f.AvgMemoryBytes, *f.PeakMemoryBytes)
	}
}

func TestFigures(t *testing.T) {
	_, f := measure(t, "long") // 700 ms of CPU time
	if f.WallSeconds < f.WorkloadSeconds || f.WallSeconds > f.WorkloadSeconds+0.5 {
		t.Errorf("wall is %v s, the workload's own clock says %v s", f.WallSeconds, f.WorkloadSeconds)
	}
	for name, figure := range map[string]*float64{
		"system CPU": f.SystemCPUPercentAvg, "run delay": f.RunDelaySeconds, "foreign CPU": f.ForeignCPUSeconds,
		"voluntary switches": f.VoluntarySwitches, "involuntary switches": f.InvoluntarySwitches,
		"disk read": f.DiskReadBytes, "disk written": f.DiskWrittenBytes, "network received": f.NetworkReceivedBytes, "network sent": f.NetworkSentBytes,
	} {
		if figure == nil || *figure < 0 {
			t.Errorf("%s is %v", name, figure)
		}
	}
	if f.ThreadsMax < 1 || f.ProcessesMax != 1 || f.Samples < 3 || f.SamplerSeconds <= 0 {
		t.Errorf("threads %v, processes %v, samples %v, sampling %v s", f.ThreadsMax, f.ProcessesMax, f.Samples, f.SamplerSeconds)
	}
	// A maximum is no more than the processes can have used.
	if f.CPUPercentMax != nil && (*f.CPUPercentMax < 0.9*f.CPUPercent() || *f.CPUPercentMax > 130) {
		t.Errorf("CPU is %v %% on average, %v %% at its maximum", f.CPUPercent(), *f.CPUPercentMax)
	}
	if f.ServerCPUSeconds != nil || f.ServerMemoryBytes != nil {
		t.Errorf("figures of a server that is not used: %v, %v", f.ServerCPUSeconds, f.ServerMemoryBytes)
	}
}

func TestLostCPU(t *testing.T) {
	if run, _ := measure(t, "loses-children"); !slices.Contains(run.Noise, bench.NoiseLostCPU) {
		t.Errorf("noise of a workload that ignores SIGCHLD is %v", run.Noise)
	}
	if run, _ := measure(t, "good"); slices.Contains(run.Noise, bench.NoiseLostCPU) {
		t.Errorf("noise of one that does not is %v", run.Noise)
	}
}

// made is a region of one second on two cores, all made up: the first process
// used a second, half of it in each of two threads.
func made() *region {
	at := time.Unix(1, 0)
	const pid = 10
	used := func(cpu time.Duration) treeCPU {
		return treeCPU{living: cpu, user: cpu * 3 / 4, system: cpu / 4, threads: 2}
	}
	g := &region{cores: 2, usable: 2, alone: true, peakRSS: new(9.0 * (1 << 20))}
	g.sampler = &sampler{threadsMax: 2, pulse: &pulse{}, thread: 1}
	g.before = reading{
		at: at, cpu: used(time.Second),
		idle:     &linux.CPUTimes{IdleSeconds: 100, StealSeconds: new(5.0), TotalSeconds: 1000},
		pressure: linux.Pressure{CPU: new(3.0)}, throttling: &linux.Throttling{Periods: 4, Seconds: 1},
		threads: map[thread]linux.ThreadCounters{
			{pid, 10}: {RunSeconds: 0.5, RunDelaySeconds: 0.1, Voluntary: 7, Involuntary: 3},
			{pid, 11}: {RunSeconds: 0.5, RunDelaySeconds: 0.2, Voluntary: 9, Involuntary: 1},
		},
		io: &linux.IO{ReadBytes: 100, WrittenBytes: 1000}, network: &net.IOCountersStat{BytesRecv: 10, BytesSent: 20},
		memory:     memory{bytes: 2 << 20, processes: 1},
		standstill: standstill{least: time.Hour, most: time.Hour + 2*time.Millisecond, delays: map[int]float64{1: 1, 2: 1}},
	}
	g.sampler.note(g.before.memory, at)
	g.after = reading{
		at: at.Add(time.Second), cpu: used(2 * time.Second),
		idle:     &linux.CPUTimes{IdleSeconds: 100.5, StealSeconds: new(5.1), TotalSeconds: 1002},
		pressure: linux.Pressure{CPU: new(3.25)}, throttling: &linux.Throttling{Periods: 6, Seconds: 1.5},
		threads: map[thread]linux.ThreadCounters{
			{pid, 10}: {RunSeconds: 1, RunDelaySeconds: 0.15, Voluntary: 17, Involuntary: 4},
			{pid, 11}: {RunSeconds: 1, RunDelaySeconds: 0.25, Voluntary: 19, Involuntary: 3},
		},
		io: &linux.IO{ReadBytes: 150, WrittenBytes: 4000}, network: &net.IOCountersStat{BytesRecv: 15, BytesSent: 120},
		memory:     memory{bytes: 4 << 20, processes: 1},
		standstill: standstill{least: time.Hour - time.Millisecond, most: time.Hour + time.Second, delays: map[int]float64{1: 9, 2: 1, 3: 0}},
	}
	return g
}

func TestMadeUpFigures(t *testing.T) {
	type figures = bench.Figures
	tests := []struct {
		name string
		edit func(*region)
		exit *ended
		get  func(*figures) *float64
		want *float64
	}{
		{"user", nil, nil, func(f *figures) *float64 { return &f.CPUUserSeconds }, new(0.75)},
		{"system", nil, nil, func(f *figures) *float64 { return &f.CPUSystemSeconds }, new(0.25)},
		{"reaped, to the step", func(g *region) { g.after.cpu.reaped = time.Second }, nil,
			func(f *figures) *float64 { return new(f.CPUSeconds()) }, new(2.0)},
		{"reaped, exactly", func(g *region) { g.after.cpu.reaped = time.Second },
			&ended{CPU: 3015 * time.Millisecond, OwnCPU: 2 * time.Second},
			func(f *figures) *float64 { return new(f.CPUSeconds()) }, new(2.015)},
		{"reaped, but not by the first alone", func(g *region) { g.after.cpu.reaped = time.Second },
			&ended{CPU: 2 * time.Second, OwnCPU: 2 * time.Second},
			func(f *figures) *float64 { return new(f.CPUSeconds()) }, new(2.0)},
		{"reaped before the gate, too", func(g *region) { g.after.cpu.reaped, g.before.cpu.waited = time.Second, true },
			&ended{CPU: 3015 * time.Millisecond, OwnCPU: 2 * time.Second},
			func(f *figures) *float64 { return new(f.CPUSeconds()) }, new(2.0)},

		{"4 windows", func(g *region) { g.sampler.cpuWindows, g.sampler.cpuMax = 4, 1.5 }, nil,
			func(f *figures) *float64 { return f.CPUPercentMax }, nil},
		{"5 windows", func(g *region) { g.sampler.cpuWindows, g.sampler.cpuMax = 5, 1.5 }, nil,
			func(f *figures) *float64 { return f.CPUPercentMax }, new(150.0)},
		{"4 windows of the system", func(g *region) { g.sampler.systemWindows, g.sampler.systemBusy = 4, 0.9 }, nil,
			func(f *figures) *float64 { return f.SystemCPUPercentMax }, nil},
		{"5 windows of the system", func(g *region) { g.sampler.systemWindows, g.sampler.systemBusy = 5, 0.9 }, nil,
			func(f *figures) *float64 { return f.SystemCPUPercentMax }, new(90.0)},

		{"system", nil, nil, func(f *figures) *float64 { return f.SystemCPUPercentAvg }, new(70.0)},
		{"system, by what is known at least", func(g *region) { g.after.idle.IdleSeconds += 0.9 }, nil,
			func(f *figures) *float64 { return f.SystemCPUPercentAvg }, new(50.0)},
		{"system, of a moment", func(g *region) { g.after.at = g.before.at.Add(99 * time.Millisecond) }, nil,
			func(f *figures) *float64 { return f.SystemCPUPercentAvg }, nil},
		{"system, of hardly more", func(g *region) {
			g.after.at, g.after.idle.IdleSeconds = g.before.at.Add(100*time.Millisecond), 100.01
			g.before.idle.StealSeconds, g.after.cpu = g.after.idle.StealSeconds, g.before.cpu
		}, nil, func(f *figures) *float64 { return f.SystemCPUPercentAvg }, new(95.0)},
		{"foreign", nil, nil, func(f *figures) *float64 { return f.ForeignCPUSeconds }, new(0.4)},
		{"foreign, read late", func(g *region) {
			g.after.at = g.after.at.Add(time.Second)
			g.after.idle.IdleSeconds += 2
			g.after.idle.TotalSeconds += 2
		}, nil,
			func(f *figures) *float64 { return f.ForeignCPUSeconds }, new(0.4)},
		{"steal", nil, nil, func(f *figures) *float64 { return f.StealSeconds }, new(0.1)},
		{"steal %", nil, nil, func(f *figures) *float64 { return f.StealPercent }, new(5.0)},
		{"no steal told", func(g *region) { g.after.idle.StealSeconds = nil }, nil,
			func(f *figures) *float64 { return f.StealSeconds }, nil},
		{"no system", func(g *region) { g.before.idle = nil }, nil,
			func(f *figures) *float64 { return f.SystemCPUPercentAvg }, nil},
		{"a copy of /proc/stat", func(g *region) { *g.after.idle = *g.before.idle }, nil,
			func(f *figures) *float64 { return f.SystemCPUPercentAvg }, nil},
		{"foreign, by a copy of /proc/stat", func(g *region) { *g.after.idle = *g.before.idle }, nil,
			func(f *figures) *float64 { return f.ForeignCPUSeconds }, nil},
		{"steal that is taken back", func(g *region) { g.after.idle.StealSeconds = new(4.0) }, nil,
			func(f *figures) *float64 { return f.StealSeconds }, nil},
		{"no cores", func(g *region) { g.cores = 0 }, nil,
			func(f *figures) *float64 { return f.ForeignCPUSeconds }, nil},

		{"run delay", nil, nil, func(f *figures) *float64 { return f.RunDelaySeconds }, new(0.1)},
		{"a kernel without run delay", func(g *region) {
			for t, c := range g.after.threads {
				g.after.threads[t] = linux.ThreadCounters{Voluntary: c.Voluntary, Involuntary: c.Involuntary}
			}
			clear(g.before.threads)
		}, nil, func(f *figures) *float64 { return f.RunDelaySeconds }, nil},
		{"a thread that ended took half", func(g *region) { delete(g.after.threads, thread{10, 11}) }, nil,
			func(f *figures) *float64 { return f.RunDelaySeconds }, nil},
		{"children that ended took half", func(g *region) { g.after.cpu.reaped = time.Second }, nil,
			func(f *figures) *float64 { return f.RunDelaySeconds }, nil},
		{"switches", nil, &ended{Voluntary: 99}, func(f *figures) *float64 { return f.VoluntarySwitches }, new(20.0)},
		{"involuntary switches", nil, nil, func(f *figures) *float64 { return f.InvoluntarySwitches }, new(3.0)},
		{"a thread has ended", func(g *region) { delete(g.after.threads, thread{10, 11}) }, &ended{Voluntary: 99},
			func(f *figures) *float64 { return f.VoluntarySwitches }, new(83.0)},
		{"a thread has ended, and the supervisor too", func(g *region) { delete(g.after.threads, thread{10, 11}) }, nil,
			func(f *figures) *float64 { return f.VoluntarySwitches }, nil},
		{"another thread with the same id", func(g *region) {
			g.after.threads[thread{10, 11}] = linux.ThreadCounters{RunSeconds: 0.5, Voluntary: 2}
		}, &ended{Voluntary: 40}, func(f *figures) *float64 { return f.VoluntarySwitches }, new(24.0)},

		{"pressure", nil, nil, func(f *figures) *float64 { return f.CPUPressurePercent }, new(25.0)},
		{"pressure that is taken back", func(g *region) { g.after.pressure.CPU = new(1.0) }, nil,
			func(f *figures) *float64 { return f.CPUPressurePercent }, nil},
		{"no pressure", nil, nil, func(f *figures) *float64 { return f.IOPressurePercent }, nil},
		{"throttled", nil, nil, func(f *figures) *float64 { return f.ThrottledPeriods }, new(2.0)},
		{"disk", nil, nil, func(f *figures) *float64 { return f.DiskWrittenBytes }, new(3000.0)},
		{"disk of a process that was forgotten", func(g *region) { g.after.io.WrittenBytes = 0 }, nil,
			func(f *figures) *float64 { return f.DiskWrittenBytes }, nil},
		{"network", nil, nil, func(f *figures) *float64 { return f.NetworkSentBytes }, new(100.0)},
		{"an interface has gone", func(g *region) { g.after.network.BytesSent = 0 }, nil,
			func(f *figures) *float64 { return f.NetworkSentBytes }, nil},

		{"peak of one process", nil, nil, func(f *figures) *float64 { return f.PeakMemoryBytes }, new(9.0 * (1 << 20))},
		{"average", nil, nil, func(f *figures) *float64 { return f.AvgMemoryBytes }, new(3.0 * (1 << 20))},
		{"peak of several", func(g *region) { g.after.memory.processes = 2 }, nil,
			func(f *figures) *float64 { return f.PeakMemoryBytes }, new(4.0 * (1 << 20))},
		{"peak of the set-up", func(g *region) { g.peakRSS = nil }, nil,
			func(f *figures) *float64 { return f.PeakMemoryBytes }, nil},
		{"average where the peak is of the set-up", func(g *region) { g.peakRSS = nil }, nil,
			func(f *figures) *float64 { return f.AvgMemoryBytes }, new(3.0 * (1 << 20))},
		{"peak of several of which one does not tell", func(g *region) { g.after.memory = memory{processes: 2, untold: true} }, nil,
			func(f *figures) *float64 { return f.PeakMemoryBytes }, nil},
		{"average of several of which one does not tell", func(g *region) { g.after.memory = memory{processes: 2, untold: true} }, nil,
			func(f *figures) *float64 { return f.AvgMemoryBytes }, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			g := made()
			if test.edit != nil {
				test.edit(g)
			}
			f := g.figures(time.Second, test.exit)
			got := test.get(&f)
			if (got == nil) != (test.want == nil) || got != nil && (*got-*test.want > 1e-9 || *test.want-*got > 1e-9) {
				t.Errorf("got %v, want %v", show(got), show(test.want))
			}
		})
	}
}

func show(figure *float64) any {
	if figure == nil {
		return "nothing"
	}
	return *figure
}
