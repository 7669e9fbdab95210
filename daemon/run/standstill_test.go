package run

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"benchd/daemon/bench"
	"benchd/daemon/linux"
)

// stopped is for how long somebody is, below: for longer than threads of a busy
// machine may wait for a CPU, which explains shorter gaps.
const stopped = certainGap + 500*time.Millisecond

func init() {
	workloads["is-stopped"] = func(a *actor) {
		a.work(func() {
			runPart("stops", strconv.Itoa(os.Getpid()))
			spin(50 * time.Millisecond)
		})
	}
	workloads["child-is-stopped"] = func(a *actor) {
		a.work(func() {
			child := part("sleeps")
			if err := child.Start(); err != nil {
				panic(err)
			}
			runPart("stops", strconv.Itoa(child.Process.Pid))
			_ = child.Process.Kill()
			_ = child.Wait()
		})
	}
	workloads["sleeps"] = func(*actor) { sleepForEver() }
	workloads["stops"] = func(*actor) {
		pid, _ := strconv.Atoi(os.Getenv("VICTIM"))
		stop(pid)
	}
	// Works for as long as it takes to be stopped, by its CPU clock.
	workloads["works-on"] = func(a *actor) { a.work(func() { spin(time.Second) }) }
}

func runPart(name, victim string) {
	cmd := part(name)
	cmd.Env = append(os.Environ(), "VICTIM="+victim)
	if err := cmd.Run(); err != nil {
		panic(err)
	}
}

// stop stops processes for some time, which is what shall be measured.
func stop(pids ...int) {
	for _, pid := range pids {
		_ = unix.Kill(pid, unix.SIGSTOP)
	}
	time.Sleep(stopped)
	for _, pid := range pids {
		_ = unix.Kill(pid, unix.SIGCONT)
	}
}

// A stop of the workload is found by the samples. If these are rare, that of its
// first process is found nevertheless.
func TestStoppedWorkload(t *testing.T) {
	for _, test := range []struct {
		workload string
		interval time.Duration
	}{
		{"is-stopped", 100 * time.Millisecond},
		{"is-stopped", 10 * time.Second},
		{"child-is-stopped", 100 * time.Millisecond},
	} {
		t.Run(test.workload+" sampled each "+test.interval.String(), func(t *testing.T) {
			r := newRunner(t)
			r.SampleInterval = test.interval
			run := r.Run(context.Background(), experiment(r, test.workload))
			if run.Outcome != bench.OK {
				t.Fatalf("%s: %s\n%s", run.Outcome, run.Error, run.Output)
			}
			if !slices.Contains(run.Noise, bench.NoiseFrozen) {
				t.Errorf("noise is %v, frozen for %v s of %v s", run.Noise, run.Figures.FrozenSeconds, run.Figures.WallSeconds)
			}
		})
	}
}

// playTeller runs one workload and tells the run.
func playTeller(workload, scratch string) {
	r := playRunner(scratch)
	run := r.Run(context.Background(), experiment(r, workload))
	_ = json.NewEncoder(os.Stdout).Encode(run)
}

// tell runs a workload in a daemon of its own, and returns the run. While the
// workload works, meddle gets the pids of the daemon, the supervisor and the
// workload, in this order.
func tell(t *testing.T, workload string, meddle func(pids []int)) bench.Run {
	t.Helper()
	var out, errs strings.Builder
	cmd := exec.Command("/proc/self/exe", "tells", workload, t.TempDir())
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	pids := []int{cmd.Process.Pid}
	poll(t, "a workload that works", func() bool {
		pids = append(pids[:1], linux.Descendants(cmd.Process.Pid)...)
		if len(pids) < 3 {
			return false
		}
		cpu, err := linux.CPU(pids[2])
		return err == nil && cpu > 300*time.Millisecond
	})
	meddle(pids)
	if err := cmd.Wait(); err != nil {
		t.Fatalf("%v\n%s", err, errs.String())
	}
	var run bench.Run
	if err := json.Unmarshal([]byte(out.String()), &run); err != nil || run.Outcome != bench.OK {
		t.Fatalf("%v: %s", err, out.String())
	}
	return run
}

// The daemon itself is stopped, alone or with all that it has started.
func TestStoppedDaemon(t *testing.T) {
	for _, all := range []bool{true, false} {
		t.Run("with the workload "+strconv.FormatBool(all), func(t *testing.T) {
			run := tell(t, "works-on", func(pids []int) {
				if !all {
					pids = pids[:1]
				}
				stop(pids...)
			})
			if !slices.Contains(run.Noise, bench.NoiseFrozen) {
				t.Errorf("noise is %v, frozen for %v s of %v s", run.Noise, run.Figures.FrozenSeconds, run.Figures.WallSeconds)
			}
		})
	}
}

func TestBeat(t *testing.T) {
	at := time.Unix(1, 0)
	for _, test := range []struct {
		name              string
		slept, had        time.Duration
		untold            bool
		certain, doubtful time.Duration
	}{
		{"as it should", 100 * time.Millisecond, 0, false, 0, 0},
		{"a little late", 124 * time.Millisecond, 0, false, 0, 0},
		{"late", 160 * time.Millisecond, 0, false, 0, 60 * time.Millisecond},
		{"late, but it waited for a CPU", 160 * time.Millisecond, 50 * time.Millisecond, false, 0, 0},
		{"late, and who knows why", 1000 * time.Millisecond, 0, true, 0, 0},
		{"very late", 3100 * time.Millisecond, 0, false, 3 * time.Second, 0},
		{"very late, whyever", 3100 * time.Millisecond, 0, true, 3 * time.Second, 0},
		{"very late, but it waited for a CPU", 3100 * time.Millisecond, 3 * time.Second, false, 0, 0},
	} {
		p := &pulse{every: 100 * time.Millisecond, last: at, told: !test.untold}
		p.note(at.Add(test.slept), test.had)
		if p.certain != test.certain || p.doubtful != test.doubtful {
			t.Errorf("%s: %v certain, %v doubtful", test.name, p.certain, p.doubtful)
		}
	}
}

// However rarely samples are taken, stops are looked for often.
func TestPulse(t *testing.T) {
	for interval, want := range map[time.Duration]int{
		10 * time.Millisecond: 1, 100 * time.Millisecond: 1, 101 * time.Millisecond: 2, 250 * time.Millisecond: 3, 10 * time.Second: 100,
	} {
		p, times, err := newPulse(interval)
		if err != nil {
			t.Fatal(err)
		}
		unix.Close(p.quit)
		if times != want || p.every != interval/time.Duration(want) {
			t.Errorf("%v: %d beats of %v a sample, want %d", interval, times, p.every, want)
		}
	}
}

func TestFrozen(t *testing.T) {
	for _, test := range []struct {
		name string
		edit func(*region)
		exit *ended
		want time.Duration
	}{
		{"never", func(*region) {}, &ended{}, 0},
		{"the machine was suspended", func(g *region) { g.after.standstill.least = time.Hour + time.Minute }, &ended{}, time.Minute - 2*time.Millisecond},
		{"seen by the samples", func(g *region) { g.sampler.stopped = time.Second }, nil, time.Second},
		{"told by the supervisor", func(g *region) { g.sampler.stopped = time.Second }, &ended{Stopped: 2 * time.Second}, 2 * time.Second},
		{"told by the cgroup", func(g *region) {
			g.before.standstill.group = &linux.FrozenTime{Group: "/a", Seconds: 5}
			g.after.standstill.group = &linux.FrozenTime{Group: "/a", Seconds: 5.5}
		}, nil, 500 * time.Millisecond},
		{"told by another cgroup", func(g *region) {
			g.before.standstill.group = &linux.FrozenTime{Group: "/a", Seconds: 5}
			g.after.standstill.group = &linux.FrozenTime{Group: "/b", Seconds: 2}
		}, nil, 2 * time.Second},
		{"missed", func(g *region) { g.sampler.pulse.certain = 3 * time.Second }, nil, 3 * time.Second},
		{"missed, shortly, less 0.1 s of steal", func(g *region) { g.sampler.pulse.doubtful = 300 * time.Millisecond }, nil, 200 * time.Millisecond},
		{"missed, shortly, as another thread waited for a CPU", func(g *region) {
			g.sampler.pulse.doubtful, g.after.standstill.delays[3] = 300*time.Millisecond, 0.25
		}, nil, 0},
		{"under a debugger", func(g *region) { g.traced = true }, nil, time.Second},
	} {
		g := made()
		test.edit(g)
		if got := g.frozen(time.Second, test.exit); (got - test.want).Abs() > time.Microsecond {
			t.Errorf("%s: frozen for %v, want %v", test.name, got, test.want)
		}
	}
}

// A stop and a start may be told together, or a start that nobody saw coming.
func TestStopwatch(t *testing.T) {
	at := func(s int) time.Time { return time.Unix(int64(s), 0) }
	var w stopwatch
	w.note(false, at(1))
	w.note(true, at(2))
	w.note(true, at(3))
	w.note(false, at(5))
	w.note(false, at(9))
	if w.total != 3*time.Second {
		t.Errorf("stopped for %v, want 3s", w.total)
	}
}
