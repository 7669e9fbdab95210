package run

import (
	"runtime"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"benchd/daemon/bench"
	"benchd/daemon/linux"
)

const (
	// Shorter windows would show the jumps of reaped time, in steps of 10 ms,
	// as a maximum that never was. A ticker may come a little early.
	minWindow = 95 * time.Millisecond
	// With fewer windows a maximum says nothing.
	minWindows = 5
	// Reaped time is told in steps of 10 ms, of user and of system time.
	reapRounding = 20 * time.Millisecond
	// What costs more than a sample is done only so often that it takes this
	// share of the time at most: finding processes, reading PSS.
	maxShare = 0.002
)

// sampler watches a tree while it works. It disturbs as little as it can: per
// sample a handful of reads of open files, and the rest by maxShare.
type sampler struct {
	tree   *tree
	system *linux.System
	live   func(bench.Live)
	cores  int // of the whole machine
	pulse  *pulse
	times  int // beats of the pulse for a sample
	thread int // that samples

	once sync.Once
	done chan struct{}

	window        window
	cpuMax        float64 // cores
	cpuWindows    int
	cpuLast       time.Duration // at the last sample that saw all processes
	lostCPU       bool          // time that had been used is no longer counted
	systemBusy    float64       // largest share, all cores
	systemWindows int
	samples       int
	sampled       time.Time     // when the last sample was taken
	stopped       time.Duration // time in which processes of the tree were
	threadsMax    int
	processesMax  int
	memory        average
	memoryMax     float64
	memoryUntold  bool // in one of the samples, which may have been the largest
	memoryCost    time.Duration
	memoryRead    time.Time
	spent         time.Duration // CPU time of the sampling
	begun         time.Time
	stride        int // every so many samples one is kept
	trace         []bench.Sample
}

// maxTrace bounds the samples that are kept of a run: a minute at the default
// interval. Of a longer run they get sparser, not fewer.
const maxTrace = 600

// window is the beginning of the span over which a maximum is taken.
type window struct {
	at   time.Time
	cpu  time.Duration
	idle *linux.CPUTimes // nil where it is not told
	ok   bool
}

func newSampler(r *Runner, t *tree, g *region) (*sampler, error) {
	pulse, times, err := newPulse(r.SampleInterval)
	if err != nil {
		return nil, err
	}
	return &sampler{
		tree: t, cores: g.cores, pulse: pulse, times: times,
		system: linux.OpenSystem(), // its own, for at the end of the region both read at the same time
		live: func(l bench.Live) {
			l.Key, l.Since = g.key, g.since
			r.live.Store(&l)
		},
		stride: 1, done: make(chan struct{}),
	}, nil
}

// start begins sampling; the reading at the gate is the first sample.
func (s *sampler) start(b *reading) {
	s.note(b.memory, time.Now())
	s.tree.lastPID, _ = s.system.LastPID()
	s.cpuLast = b.cpu.total()
	s.begun = time.Now()
	s.sampled = s.begun
	s.open(s.begun, b.cpu.total())
	ticking := make(chan struct{})
	go s.loop(ticking)
	<-ticking // else what stops us now would not be missed
}

// stop ends sampling and hands the tree back. It may be called twice.
func (s *sampler) stop() *tree {
	s.once.Do(func() {
		s.pulse.end()
		<-s.done
	})
	return s.tree
}

func (s *sampler) loop(ticking chan<- struct{}) {
	defer close(s.done)
	// The thread's own CPU clock tells what sampling costs.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	begun := threadCPU()
	defer func() { s.spent = threadCPU() - begun }()

	s.thread = unix.Gettid()
	s.pulse.begin()
	defer s.pulse.close()
	close(ticking)
	for beats := 1; s.pulse.wait(); beats++ {
		if beats%s.times == 0 {
			s.sample()
		}
	}
}

func (s *sampler) sample() {
	s.samples++
	complete := s.seek()
	before := time.Now()
	cpu := s.tree.cpu()
	after := time.Now()
	at := before.Add(after.Sub(before) / 2)
	if s.tree.stopped {
		s.stopped += at.Sub(s.sampled)
	}
	s.sampled = at
	s.threadsMax = max(s.threadsMax, cpu.threads)

	live := bench.Live{Threads: float64(cpu.threads), Processes: float64(len(s.tree.processes))}
	if span := at.Sub(s.window.at); s.window.ok && span > 0 {
		live.CPUPercent = max(0, 100*(cpu.total()-s.window.cpu).Seconds()/span.Seconds())
	}
	switch {
	// The time of a process not yet found is still to come, all at once: the
	// window stays open until it has.
	case !complete:
	// If the reading itself was interrupted, nobody knows which moment it shows.
	case after.Sub(before) > minWindow/20:
		s.window.ok = false
	case !s.window.ok:
		s.open(at, cpu.total())
	case at.Sub(s.window.at) >= minWindow:
		s.shut(at, cpu.total())
	}
	if complete {
		s.compare(cpu.total())
	}
	live.MemoryBytes = s.sampleMemory()
	s.live(live)
	s.keep(at, &live)
}

// keep appends to the trace. A full one is thinned to every second sample, and
// from then on only as many are added.
func (s *sampler) keep(at time.Time, l *bench.Live) {
	if s.samples%s.stride != 0 {
		return
	}
	s.trace = append(s.trace, bench.Sample{
		Seconds: at.Sub(s.begun).Seconds(), CPUPercent: l.CPUPercent,
		MemoryBytes: l.MemoryBytes, Threads: l.Threads, Processes: l.Processes,
	})
	if len(s.trace) < maxTrace {
		return
	}
	s.stride *= 2
	kept := s.trace[:0]
	for i, sample := range s.trace {
		if i%2 == 1 { // every second one was taken at a multiple of the new stride
			kept = append(kept, sample)
		}
	}
	s.trace = kept
}

// seek finds the processes that have come and gone, unless none can have or it
// would cost too much. It returns whether all are known.
func (s *sampler) seek() (complete bool) {
	last, err := s.system.LastPID()
	if err == nil && last == s.tree.lastPID {
		return true
	}
	if !affordable(s.tree.found, s.tree.cost) {
		return false
	}
	s.tree.lastPID = last
	s.tree.discover()
	return true
}

// compare looks for CPU time that got lost. The sum over all processes only
// grows, but for what is rounded when a process is reaped: a step of user and
// one of system time for each that reaps. It falls by more where the kernel
// forgets children, because their parent ignores SIGCHLD or has set
// SA_NOCLDWAIT, which cannot be seen from outside.
func (s *sampler) compare(cpu time.Duration) {
	reapers := 1 + len(s.tree.processes)
	if cpu < s.cpuLast-time.Duration(reapers)*reapRounding {
		s.lostCPU = true
	}
	s.cpuLast = cpu
}

func (s *sampler) open(at time.Time, cpu time.Duration) {
	s.window = window{at: at, cpu: cpu, ok: true}
	if idle, err := s.system.CPUTimes(); err == nil {
		s.window.idle = &idle
	}
}

// shut ends a window, and opens the next.
func (s *sampler) shut(at time.Time, cpu time.Duration) {
	past := s.window
	s.open(at, cpu)
	span := at.Sub(past.at).Seconds()
	s.cpuWindows++
	s.cpuMax = max(s.cpuMax, (cpu-past.cpu).Seconds()/span)
	if past.idle != nil && s.window.idle != nil && s.cores > 0 {
		s.systemWindows++
		capacity := span * float64(s.cores)
		s.systemBusy = max(s.systemBusy, 1-(s.window.idle.Unused()-past.idle.Unused())/capacity)
	}
}

// sampleMemory takes every sample of one process's RSS, but of several
// processes' PSS only what is affordable.
func (s *sampler) sampleMemory() float64 {
	s.processesMax = max(s.processesMax, s.tree.alive)
	if s.tree.alive > 1 && !affordable(s.memoryRead, s.memoryCost) {
		return s.memory.last
	}
	begun := threadCPU()
	m := s.tree.memory()
	s.memoryRead = time.Now()
	s.memoryCost = threadCPU() - begun
	s.note(m, s.memoryRead)
	return m.bytes
}

func (s *sampler) note(m memory, at time.Time) {
	s.memoryUntold = s.memoryUntold || m.untold
	s.memory.note(m.bytes, at)
	s.memoryMax = max(s.memoryMax, m.bytes)
	s.processesMax = max(s.processesMax, m.processes)
}

// average is that of a value over time, taken to change evenly from one sample
// to the next. A plain one would count the samples of one process, which are
// cheap and many, for more than those of several.
type average struct {
	last    float64
	at      time.Time
	area    float64 // value x seconds
	seconds float64
}

func (a *average) note(value float64, at time.Time) {
	if !a.at.IsZero() {
		span := at.Sub(a.at).Seconds()
		a.seconds += span
		a.area += span * (a.last + value) / 2
	}
	a.last, a.at = value, at
}

func (a *average) value() float64 {
	if a.seconds <= 0 {
		return a.last
	}
	return a.area / a.seconds
}

func affordable(last time.Time, cost time.Duration) bool {
	return time.Since(last).Seconds()*maxShare >= cost.Seconds()
}

func threadCPU() time.Duration {
	var t unix.Timespec
	if unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t) != nil {
		return 0
	}
	return time.Duration(t.Nano())
}
