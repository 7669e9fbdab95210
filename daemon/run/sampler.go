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
	// What costs more than a sample is done only so often that it takes this
	// share of the time at most: finding processes, reading PSS.
	maxShare = 0.002
)

// sampler watches a tree while it works. It disturbs as little as it can: per
// sample a handful of reads of open files, and the rest by maxShare.
type sampler struct {
	tree     *tree
	system   *linux.System
	live     func(bench.Live)
	cores    int // of the whole machine
	interval time.Duration

	quit chan struct{}
	once sync.Once
	done chan struct{}

	window       window
	cpuMax       float64 // cores
	systemIdle   float64 // smallest share of idle and stolen time, all cores
	windows      int
	samples      int
	threadsMax   int
	processesMax int
	memory       []float64 // bytes: by RSS while there is one process, by PSS when there are more
	memoryMax    float64
	memoryCost   time.Duration
	memoryRead   time.Time
	spent        time.Duration // CPU time of the sampling
}

// window is the beginning of the span over which a maximum is taken.
type window struct {
	at   time.Time
	cpu  time.Duration
	idle float64
	ok   bool
}

func newSampler(r *Runner, t *tree, g *region) (*sampler, error) {
	// Its own, for at the end of the region both read at the same time.
	system, err := linux.OpenSystem()
	if err != nil {
		return nil, err
	}
	return &sampler{
		tree: t, system: system, cores: g.cores, interval: r.SampleInterval,
		live: func(l bench.Live) {
			l.Key, l.Since = g.key, g.since
			r.live.Store(&l)
		},
		systemIdle: 1,
		quit:       make(chan struct{}), done: make(chan struct{}),
	}, nil
}

// start begins sampling; the reading at the gate is the first sample.
func (s *sampler) start(b *reading) {
	s.note(b.memory)
	s.tree.lastPID, _ = s.system.LastPID()
	s.open(time.Now(), b.cpu.total())
	go s.loop()
}

// stop ends sampling and hands the tree back. It may be called twice.
func (s *sampler) stop() *tree {
	s.once.Do(func() {
		close(s.quit)
		<-s.done
	})
	return s.tree
}

func (s *sampler) loop() {
	defer close(s.done)
	// The thread's own CPU clock tells what sampling costs.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	begun := threadCPU()
	defer func() { s.spent = threadCPU() - begun }()

	ticker := time.NewTicker(s.interval)
	defer ticker.Stop()
	for {
		select {
		case <-s.quit:
			return
		case <-ticker.C:
			s.sample()
		}
	}
}

func (s *sampler) sample() {
	s.samples++
	if last, err := s.system.LastPID(); err != nil || last != s.tree.lastPID {
		if affordable(s.tree.found, s.tree.cost) {
			s.tree.lastPID = last
			s.tree.discover()
		}
	}
	before := time.Now()
	cpu := s.tree.cpu()
	after := time.Now()
	at := before.Add(after.Sub(before) / 2)
	s.threadsMax = max(s.threadsMax, cpu.threads)

	live := bench.Live{Threads: float64(cpu.threads), Processes: float64(len(s.tree.processes))}
	if span := at.Sub(s.window.at); s.window.ok && span > 0 {
		live.CPUPercent = max(0, 100*(cpu.total()-s.window.cpu).Seconds()/span.Seconds())
	}
	// If the reading itself was interrupted, nobody knows which moment it shows.
	if after.Sub(before) > minWindow/20 {
		s.window.ok = false
	}
	switch {
	case !s.window.ok:
		s.open(at, cpu.total())
	case at.Sub(s.window.at) >= minWindow:
		s.shut(at, cpu.total())
	}
	live.MemoryBytes = s.sampleMemory()
	s.live(live)
}

func (s *sampler) open(at time.Time, cpu time.Duration) {
	idle, err := s.system.CPUTimes()
	s.window = window{at: at, cpu: cpu, idle: idle.IdleSeconds + idle.StealSeconds, ok: err == nil}
}

// shut ends a window, and opens the next.
func (s *sampler) shut(at time.Time, cpu time.Duration) {
	past := s.window
	s.open(at, cpu)
	span := at.Sub(past.at).Seconds()
	s.windows++
	s.cpuMax = max(s.cpuMax, (cpu-past.cpu).Seconds()/span)
	s.systemIdle = min(s.systemIdle, (s.window.idle-past.idle)/(span*float64(s.cores)))
}

// sampleMemory takes every sample of one process's RSS, but of several
// processes' PSS only what is affordable.
func (s *sampler) sampleMemory() float64 {
	several := len(s.tree.processes) > 1
	if several && !affordable(s.memoryRead, s.memoryCost) {
		return s.memory[len(s.memory)-1]
	}
	begun := time.Now()
	m := s.tree.memory()
	s.memoryRead = time.Now()
	s.memoryCost = s.memoryRead.Sub(begun)
	s.note(m)
	return m.bytes
}

func (s *sampler) note(m memory) {
	s.memory = append(s.memory, m.bytes)
	s.memoryMax = max(s.memoryMax, m.bytes)
	s.processesMax = max(s.processesMax, m.processes)
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
