package run

import (
	"context"
	"os"
	"testing"
	"time"

	"benchd/daemon/bench"
	"benchd/daemon/linux"
)

func TestLive(t *testing.T) {
	r := newRunner(t)
	r.SampleInterval = 20 * time.Millisecond
	e := experiment(r, "long")
	ended := make(chan bench.Run)
	begun := time.Now()
	go func() { ended <- r.Run(context.Background(), e) }()
	poll(t, "the live view of a workload that works", func() bool {
		l, ok := r.Live()
		return ok && l.Threads >= 1 && l.Processes == 1 && l.CPUPercent > 10 && l.MemoryBytes > 1<<20
	})
	l, _ := r.Live()
	if l.Key != e.Key || l.Since.Before(begun) || l.Since.After(time.Now()) {
		t.Errorf("live: %+v", l)
	}
	if run := <-ended; run.Outcome != bench.OK {
		t.Errorf("%s: %s", run.Outcome, run.Error)
	}
	if l, ok := r.Live(); ok {
		t.Errorf("live after the run: %+v", l)
	}
}

// What costs 1 ms may be done every 500 ms.
func TestAffordable(t *testing.T) {
	for _, test := range []struct {
		ago, cost time.Duration
		want      bool
	}{
		{time.Second, time.Millisecond, true},
		{time.Second, 3 * time.Millisecond, false},
		{0, time.Millisecond, false},
		{time.Second, 0, true},
	} {
		if got := affordable(time.Now().Add(-test.ago), test.cost); got != test.want {
			t.Errorf("%v after it cost %v: %v", test.ago, test.cost, got)
		}
	}
}

// watching is a sampler of this process itself, which has been sampled at the
// gate a second ago.
func watching(t *testing.T) *sampler {
	t.Helper()
	p, err := linux.Watch(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	s, err := newSampler(&Runner{}, &tree{supervisor: p, processes: []*linux.Process{p}}, &region{cores: 1000})
	if err != nil {
		t.Fatal(err)
	}
	s.live = func(bench.Live) {}
	t.Cleanup(func() { s.system.Close(); p.Close() })
	if s.tree.lastPID, err = s.system.LastPID(); err != nil {
		t.Fatal(err)
	}
	s.open(time.Now().Add(-time.Second), s.tree.cpu().total())
	return s
}

// While processes may be missing, no window is closed: what they have used would
// later seem to have been used at once.
func TestWindowWaitsForProcesses(t *testing.T) {
	s := watching(t)
	const dear = time.Hour
	s.tree.lastPID, s.tree.found, s.tree.cost = -1, time.Now(), dear
	s.sample()
	if s.cpuWindows != 0 || !s.window.ok {
		t.Errorf("%d windows with a process unknown, open: %v", s.cpuWindows, s.window.ok)
	}
	if s.tree.cost != dear {
		t.Error("processes were looked for, at any price")
	}
	// A reading may be interrupted and void its window.
	poll(t, "a window", func() bool {
		s.tree.lastPID, _ = s.system.LastPID()
		s.window.at = s.window.at.Add(-time.Second)
		s.sample()
		return s.cpuWindows > 0
	})
	if s.cpuMax < 0 || s.cpuMax > 8 || s.systemWindows != s.cpuWindows {
		t.Errorf("maximum %v of %d windows, %d of the system", s.cpuMax, s.cpuWindows, s.systemWindows)
	}
}

// Without /proc/stat there is a maximum of the workload nevertheless.
func TestWindowWithoutSystem(t *testing.T) {
	s := watching(t)
	s.system.Close()
	s.system = &linux.System{}
	s.open(time.Now().Add(-time.Second), 0)
	s.shut(time.Now(), 500*time.Millisecond)
	if s.cpuWindows != 1 || s.systemWindows != 0 || s.cpuMax < 0.4 || s.cpuMax > 0.5 {
		t.Errorf("%d windows with a maximum of %v, %d of the system", s.cpuWindows, s.cpuMax, s.systemWindows)
	}
}

func TestCompare(t *testing.T) {
	for _, test := range []struct {
		name string
		now  time.Duration
		lost bool
	}{
		{"grown", 1100 * time.Millisecond, false},
		{"rounded", 961 * time.Millisecond, false}, // by two that may have reaped
		{"fallen", 959 * time.Millisecond, true},
	} {
		s := &sampler{tree: &tree{processes: make([]*linux.Process, 1)}, cpuLast: time.Second}
		if s.compare(test.now); s.lostCPU != test.lost {
			t.Errorf("%s: lost is %v", test.name, s.lostCPU)
		}
	}
}

// PSS is read as rarely as its cost demands.
func TestSampleMemory(t *testing.T) {
	s := watching(t)
	s.tree.alive = 2
	s.memory.note(7, time.Now())
	s.memoryRead, s.memoryCost = time.Now(), time.Hour
	if got := s.sampleMemory(); got != 7 || s.processesMax != 2 {
		t.Errorf("%v bytes were read at any price; at most %d processes", got, s.processesMax)
	}
	s.tree.alive = 1
	if got := s.sampleMemory(); got < 1<<20 || s.memoryMax != got {
		t.Errorf("one process has %v bytes, at most %v", got, s.memoryMax)
	}
}

func TestAverage(t *testing.T) {
	at := time.Unix(1, 0)
	var a average
	if a.value() != 0 {
		t.Errorf("of nothing: %v", a.value())
	}
	a.note(10, at)
	if a.value() != 10 {
		t.Errorf("of one: %v", a.value())
	}
	a.note(10, at.Add(100*time.Millisecond))
	a.note(30, at.Add(200*time.Millisecond))
	a.note(30, at.Add(1200*time.Millisecond)) // counts ten times
	if want := (1.0 + 2 + 30) / 1.2; a.value()-want > 1e-9 || want-a.value() > 1e-9 {
		t.Errorf("got %v, want %v", a.value(), want)
	}
}

// A process that has been reaped is not counted, and one that is a zombie has
// neither threads nor memory.
func TestTreeOfTheDead(t *testing.T) {
	cmd := part("fails")
	cmd.Stderr = nil
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	self, err := linux.Watch(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	child, err := linux.Watch(cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	tree := &tree{supervisor: self, processes: []*linux.Process{child}}
	defer tree.close()
	poll(t, "a zombie", func() bool { s, err := child.Stat(); return err == nil && s.Zombie })
	cpu := tree.cpu()
	if cpu.living <= 0 || cpu.threads != 0 || tree.alive != 0 || len(tree.processes) != 1 {
		t.Errorf("a zombie: %+v, %d alive", cpu, tree.alive)
	}
	if m := tree.memory(); m != (memory{}) {
		t.Errorf("a zombie has %+v", m)
	}
	_ = cmd.Wait()
	if cpu := tree.cpu(); cpu.living != 0 || len(tree.processes) != 0 {
		t.Errorf("one that was reaped: %+v, %d known", cpu, len(tree.processes))
	}
}
