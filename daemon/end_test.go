package main

import (
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"benchd/daemon/bench"
	"benchd/daemon/linux"
	"benchd/daemon/record"
)

// startHeld starts a daemon whose run of the model never ends, and returns it
// with all processes below it once the run has started every one of its own.
func startHeld(t *testing.T, data, model string) (*daemon, family) {
	t.Helper()
	hold(t, data)
	d := startDaemon(t, self(t), data, "BENCHD_WORKLOADS_DIR=testdata/tasks", "BENCHD_TASKS=unruly",
		"BENCHD_MODELS="+model, "BENCHD_INTERVAL=1s")
	return d, d.awaitHeld(t, model)
}

// hold makes the next runs of the models held and stubborn endless.
func hold(t *testing.T, data string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(data, "hold"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
}

// awaitHeld waits for an endless run: a shell, which waits for a process, one
// in another session, and an orphan.
func (d *daemon) awaitHeld(t *testing.T, model string) family {
	t.Helper()
	running := series("benchd_running_processes", bench.Key{Task: "unruly", Runtime: "bash", Model: model, Concurrency: 1})
	d.eventually(t, "runs "+model, func() bool { return d.metrics(t)[running] == 4 })
	f := watchFamily(t, d.cmd.Process.Pid)
	// The httpbin, the supervisor, and the four.
	if len(f) != 6 {
		t.Fatalf("%d processes below benchd, want 6", len(f))
	}
	return f
}

// family are processes that are watched: their open files keep naming them,
// even if their ids are given to others.
type family []*linux.Process

func watchFamily(t *testing.T, pid int) family {
	t.Helper()
	var f family
	for _, descendant := range linux.Descendants(pid) {
		p, err := linux.Watch(descendant)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(p.Close)
		f = append(f, p)
	}
	return f
}

// alive are the ids of those that have not ended. Nobody may be there to reap
// them.
func (f family) alive() (pids []int) {
	for _, p := range f {
		if s, err := p.Stat(); err == nil && !s.Zombie {
			pids = append(pids, p.PID)
		}
	}
	return pids
}

// mustBeGone wants the processes, and every other with the mark of a run in
// the data folder, to have ended within the time.
func (f family) mustBeGone(t *testing.T, data string, within time.Duration) {
	t.Helper()
	for deadline := time.Now().Add(within); ; time.Sleep(5 * time.Millisecond) {
		left := append(f.alive(), marked(data)...)
		if len(left) == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("processes %v are left", left)
		}
	}
}

// marked are the processes that belong to a run in the data folder.
func marked(data string) (pids []int) {
	for _, pid := range linux.Processes() {
		environ, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "environ"))
		if err == nil && strings.Contains(string(environ), "WORKLOAD_DIR="+data+"/") {
			pids = append(pids, pid)
		}
	}
	return pids
}

// TestEnd ends the daemon in the middle of a run, in every way, and looks for
// what is left.
func TestEnd(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		model   string
		signals []os.Signal
		code    int
		says    string
	}{
		{"terminated", "held", []os.Signal{syscall.SIGTERM}, 0, "cycle was cut short"},
		{"interrupted", "held", []os.Signal{syscall.SIGINT}, 0, "cycle was cut short"},
		{"terminated, and the workload ignores it", "stubborn", []os.Signal{syscall.SIGTERM}, 0, "cycle was cut short"},
		{"terminated twice", "stubborn", []os.Signal{syscall.SIGINT, syscall.SIGTERM}, 1, "second signal, ended at once"},
		{"killed", "held", []os.Signal{syscall.SIGKILL}, -1, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			data := t.TempDir()
			d, f := startHeld(t, data, test.model)
			code, took := d.signal(t, test.signals...)
			if code != test.code || took > 5*time.Second || !strings.Contains(d.log.String(), test.says) {
				t.Errorf("exit status %d after %v, want %d within 5 s, and %q in the log:\n%s", code, took, test.code, test.says, d.log)
			}
			if test.code == 0 {
				f.mustBeGone(t, data, 0)
				checkKilledRun(t, data)
			}
			// Without a daemon, its supervisor and httpbin end by themselves.
			f.mustBeGone(t, data, 5*time.Second)
		})
	}
}

// TestEndOfAll is what a service manager does that signals every process of
// the service at once.
func TestEndOfAll(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	d, f := startHeld(t, data, "held")
	for _, p := range f {
		if err := syscall.Kill(p.PID, syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
	}
	if code, took := d.signal(t, syscall.SIGTERM); code != 0 || took > 5*time.Second {
		t.Errorf("exit status %d after %v, want 0 within 5 s:\n%s", code, took, d.log)
	}
	f.mustBeGone(t, data, 0)
}

// TestEndWhileStarting sends the signal before there is anything to end.
func TestEndWhileStarting(t *testing.T) {
	t.Parallel()
	slow := filepath.Join(t.TempDir(), "python3")
	if err := os.WriteFile(slow, []byte("#!/bin/sh\n: >\"$0.started\"\nexec sleep 1000\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	d := launch(t, self(t), t.TempDir(), "BENCHD_PYTHONS="+slow)
	d.eventually(t, "asks the interpreter what it is", func() bool {
		_, err := os.Stat(slow + ".started")
		return err == nil
	})
	f := watchFamily(t, d.cmd.Process.Pid)
	if code, took := d.signal(t, syscall.SIGTERM); code != 0 || took > 5*time.Second {
		t.Errorf("exit status %d after %v, want 0 within 5 s:\n%s", code, took, d.log)
	}
	f.mustBeGone(t, d.data, 0)
}

// checkKilledRun reads what the history says of the run that was cut short.
func checkKilledRun(t *testing.T, data string) {
	t.Helper()
	store, err := record.Open(t.Context(), data, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	}()
	runs, err := store.Runs(t.Context(), bench.RunQuery{})
	if err != nil {
		t.Fatal(err)
	}
	if len(runs) != 1 || runs[0].Outcome != bench.Killed || runs[0].Error != "the daemon was stopped during the run" || runs[0].Figures != nil {
		t.Errorf("the history has %+v", runs)
	}
}

// TestStartAfterKill kills the daemon in its second cycle, and wants the next
// one to go on from there.
func TestStartAfterKill(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	settings := []string{"BENCHD_WORKLOADS_DIR=testdata/tasks", "BENCHD_TASKS=unruly", "BENCHD_MODELS=held", "BENCHD_INTERVAL=1s"}
	key := bench.Key{Task: "unruly", Runtime: "bash", Model: "held", Concurrency: 1}

	d := startDaemon(t, self(t), data, settings...)
	d.awaitCycles(t, 1)
	hold(t, data)
	f := d.awaitHeld(t, "held")
	was := d.metrics(t)
	d.signal(t, syscall.SIGKILL)
	f.mustBeGone(t, data, 5*time.Second)

	d = startDaemon(t, self(t), data, settings...)
	f = d.awaitHeld(t, "held")
	is := d.metrics(t)
	if ended, cut := was.value(t, "benchd_cycles_total"), is.value(t, "benchd_cycle_number"); cut != ended+2 {
		t.Errorf("cycle %v after %v that ended and one that was cut short", cut, ended)
	}
	for _, figure := range []string{"cycle", "duration_seconds", "cpu_seconds", "memory_peak_bytes", "timestamp_seconds"} {
		if before, after := lastRun(t, was, figure, key), lastRun(t, is, figure, key); before != after {
			t.Errorf("%s of the last run is %v, was %v", figure, after, before)
		}
	}
	if n := is.value(t, series("benchd_runs_total", key, "outcome", "ok")); n != 0 {
		t.Errorf("%v runs are counted that others made", n)
	}
	if status, _ := d.get(t, "/-/ready"); status != 200 {
		t.Errorf("not ready, with results to show: status %d", status)
	}
	runs := d.runs(t, "outcome=ok")
	if cycles := was.value(t, "benchd_cycles_total"); float64(len(runs)) != cycles || float64(runs[0].Cycle) != lastRun(t, was, "cycle", key) {
		t.Errorf("the history has %+v, want a run of each of %v cycles", runs, cycles)
	}
	d.end(t)
	f.mustBeGone(t, data, 0)
}
