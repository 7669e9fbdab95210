package run

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"benchd/daemon/bench"
	"benchd/daemon/linux"
)

func TestOutcomes(t *testing.T) {
	tests := []struct {
		workload string
		outcome  bench.Outcome
		reason   string // what the reason must say
		output   string // what the captured output must say
	}{
		{"good", bench.OK, "", ""},
		{"some-errors", bench.OK, "", ""},
		{"forks-away", bench.OK, "", ""},
		{"fails", bench.Failed, "exit status 5 before its result: see its output", "because of a reason"},
		{"dies-working", bench.Killed, "ended by a signal before its result: killed", ""},
		{"dies-after-result", bench.Failed, "exit status 9 after its result", ""},
		{"exits-early", bench.BadProtocol, "exited before its result, with status 0 but a message missing", ""},
		{"exits-after-ready", bench.BadProtocol, "exited before its result", ""},
		{"hangs-before-ready", bench.TimedOut, "timeout: waited in vain for its message ready (limit 2s: raise BENCHD_RUN_TIMEOUT", ""},
		{"hangs-working", bench.TimedOut, "waited in vain for its result", ""},
		{"ignores-term", bench.TimedOut, "waited in vain for its result", ""},
		{"stops-itself", bench.TimedOut, "waited in vain for its result", ""},
		{"forks-away-and-hangs", bench.TimedOut, "waited in vain for its result", ""},
		{"malformed", bench.BadProtocol, "ready: not a JSON object on one line", ""},
		{"no-newline", bench.BadProtocol, "has no line feed at its end", ""},
		{"oversized", bench.BadProtocol, "a message has more than 262144 bytes", ""},
		{"result-first", bench.BadProtocol, `want a message of type "ready"`, ""},
		{"result-before-start", bench.BadProtocol, `result: token is "", want that of the line "start `, ""},
		{"result-with-ready", bench.BadProtocol, `result: token is ""`, ""},
		{"result-by-guess", bench.BadProtocol, `result: token is "start"`, ""},
		{"ready-twice", bench.BadProtocol, `want a message of type "result", got type "ready"`, ""},
		{"both-in-one-line", bench.BadProtocol, "ready: not a JSON object on one line", ""},
		{"talks-at-exit", bench.BadProtocol, `a further message after the result: "one thing more`, ""},
		{"talks-in-part-at-exit", bench.BadProtocol, "the last message", ""},
		{"floods-at-exit", bench.BadProtocol, "a message has more than 262144 bytes", ""},
		{"closes-messages-after-result", bench.OK, "", ""},
		{"exits-unasked", bench.BadProtocol, "exited before", ""},
		{"floods", bench.BadProtocol, "result: not a JSON object on one line", ""},
		{"closes-messages", bench.BadProtocol, "it closed descriptor 3 before its result", ""},
		{"talks-on", bench.BadProtocol, "a further message after the result", ""},
		{"closes-stdin", bench.BadProtocol, "its standard input, on which it waits for the gates, is closed", ""},
		{"wrong-units", bench.WrongResult, "bytes: 99, expected 100: not the same input", ""},
		{"wrong-checksum", bench.WrongResult, "checksum: 8, expected 7", ""},
		{"wrong-items", bench.WrongResult, "items: 11, expected 10", ""},
		{"all-errors", bench.Failed, "all 10 items failed (connect): is the httpbin up?", ""},
		{"fills-stdout", bench.Failed, "exit status 4 after its result", "bytes left out"},
		{"kills-supervisor", bench.Killed, "its supervisor was killed", ""},
		{"kills-supervisor-in-disguise", bench.Killed, "its supervisor was killed", ""},
	}
	for _, test := range tests {
		t.Run(test.workload, func(t *testing.T) {
			r := newRunner(t)
			e := experiment(r, test.workload)
			if test.outcome == bench.TimedOut {
				e.Timeout = 2 * time.Second // ample for getting ready, on a busy machine too
			}
			run := r.Run(context.Background(), e)
			if run.Outcome != test.outcome {
				t.Errorf("outcome is %s (%s), want %s; output: %s", run.Outcome, run.Error, test.outcome, run.Output)
			}
			if !strings.Contains(run.Error, test.reason) || (run.Error == "") != (test.outcome == bench.OK) {
				t.Errorf("reason is %q, want %q in it", run.Error, test.reason)
			}
			if !strings.Contains(run.Output, test.output) {
				t.Errorf("output is %q, want %q in it", run.Output, test.output)
			}
			// Whether one that dies of itself lives long enough to be read is chance.
			byChance := test.workload == "dies-after-result"
			if !byChance && (run.Figures != nil) != reported(test.workload, test.outcome) {
				t.Errorf("figures: %+v", run.Figures)
			}
			nothingLeft(t, r.ScratchDir)
		})
	}
}

// reported tells whether a workload got as far as a result to be measured.
func reported(workload string, outcome bench.Outcome) bool {
	switch outcome {
	case bench.OK, bench.WrongResult:
		return true
	}
	switch workload {
	case "all-errors", "fills-stdout", "talks-on", "talks-at-exit", "talks-in-part-at-exit", "floods-at-exit":
		return true
	}
	return false
}

// nothingLeft fails the test if a process of a run, or its folder, is left.
func nothingLeft(t *testing.T, scratch string) {
	t.Helper()
	if left := processesOf(scratch); len(left) > 0 {
		t.Errorf("processes are left: %v", left)
	}
	if zombies := zombieChildren(); len(zombies) > 0 {
		t.Errorf("zombies are left: %v", zombies)
	}
	if children := linux.Children(os.Getpid()); len(children) > 0 {
		t.Errorf("children are left: %v", children)
	}
	if entries, _ := os.ReadDir(scratch); len(entries) > 0 {
		t.Errorf("scratch folder holds %v", entries)
	}
}

func processesOf(scratch string) (left []string) {
	for _, pid := range linux.Processes() {
		environ, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
		if err == nil && strings.Contains(string(environ), "WORKLOAD_DIR="+scratch+"/") {
			cmdline, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
			left = append(left, fmt.Sprintf("%d %q", pid, cmdline))
		}
	}
	return left
}

func zombieChildren() (zombies []int) {
	for _, pid := range linux.Children(os.Getpid()) {
		if p, err := linux.Watch(pid); err == nil {
			if s, err := p.Stat(); err == nil && s.Zombie {
				zombies = append(zombies, pid)
			}
			p.Close()
		}
	}
	return zombies
}

func TestStrays(t *testing.T) {
	r := newRunner(t)
	if run := r.Run(context.Background(), experiment(r, "forks-away")); run.Exit.Strays != 1 {
		t.Errorf("strays: %d, want 1 (%s %s)", run.Exit.Strays, run.Outcome, run.Error)
	}
}

// One that ends by itself a moment after the first process is not a stray. A
// busy machine may make the moment too long, but not five times.
func TestHelperIsNoStray(t *testing.T) {
	r := newRunner(t)
	strays := 1
	for tries := 0; strays > 0 && tries < 5; tries++ {
		run := r.Run(context.Background(), experiment(r, "has-a-helper"))
		if run.Outcome != bench.OK {
			t.Fatalf("%s: %s", run.Outcome, run.Error)
		}
		strays = run.Exit.Strays
	}
	if strays > 0 {
		t.Errorf("strays: %d", strays)
	}
}

func TestNotStarted(t *testing.T) {
	r := newRunner(t)
	e := experiment(r, "good")
	e.Command = []string{"/no/such/program"}
	run := r.Run(context.Background(), e)
	if run.Outcome != bench.Failed || run.Error != "not started: start /no/such/program: no such file or directory" {
		t.Errorf("%s: %s", run.Outcome, run.Error)
	}
	r.ScratchDir = "/no/such/folder"
	run = r.Run(context.Background(), experiment(r, "good"))
	if run.Outcome != bench.Failed || !strings.Contains(run.Error, "BENCHD_DATA_DIR") {
		t.Errorf("%s: %s", run.Outcome, run.Error)
	}
}

func TestCancel(t *testing.T) {
	for _, workload := range []string{"hangs-before-ready", "hangs-working", "ignores-term", "stops-itself", "stops-supervisor"} {
		t.Run(workload, func(t *testing.T) {
			r := newRunner(t)
			ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
			defer cancel()
			begun := time.Now()
			run := r.Run(ctx, experiment(r, workload))
			if run.Outcome != bench.Killed || run.Error != "the daemon was stopped during the run" {
				t.Errorf("%s: %s", run.Outcome, run.Error)
			}
			if took := time.Since(begun); took > 4500*time.Millisecond {
				t.Errorf("took %v; the daemon must be able to exit within 5 s", took)
			}
			nothingLeft(t, r.ScratchDir)
		})
	}
}

// daemonInMidRun is a daemon whose workload has fled from its parent, its group
// and its session.
func daemonInMidRun(t *testing.T, scratch string) *exec.Cmd {
	t.Helper()
	t.Cleanup(reapAdopted)
	daemon := exec.Command("/proc/self/exe", "daemon", "forks-away-and-hangs", scratch)
	if err := daemon.Start(); err != nil {
		t.Fatal(err)
	}
	poll(t, "supervisor, workload and stray", func() bool {
		left := processesOf(scratch)
		return len(left) == 3 && strings.Contains(strings.Join(left, " "), "stray")
	})
	return daemon
}

// TestDaemonKilled kills a daemon in the middle of a run.
func TestDaemonKilled(t *testing.T) {
	scratch := t.TempDir()
	daemon := daemonInMidRun(t, scratch)
	_ = daemon.Process.Signal(unix.SIGKILL)
	_ = daemon.Wait()
	poll(t, "no process", func() bool { return len(processesOf(scratch)) == 0 })
}

// TestClear kills daemon and supervisor together, which leaves the
// stray to the next daemon.
func TestClear(t *testing.T) {
	scratch := t.TempDir()
	daemon := daemonInMidRun(t, scratch)
	supervisor := linux.Children(daemon.Process.Pid)
	_ = daemon.Process.Signal(unix.SIGSTOP) // so that it cannot sweep
	_ = unix.Kill(supervisor[0], unix.SIGKILL)
	_ = daemon.Process.Signal(unix.SIGKILL)
	_ = daemon.Wait()
	poll(t, "the stray alone", func() bool { return len(processesOf(scratch)) == 1 })
	r := newRunner(t)
	r.ScratchDir = scratch
	r.Clear()
	if left := processesOf(scratch); len(left) > 0 {
		t.Errorf("processes are left: %v", left)
	}
	if left, _ := filepath.Glob(filepath.Join(scratch, "*")); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

// reapAdopted waits for what this process adopted as a subreaper when the
// daemon under test was killed: elsewhere that is init's work.
func reapAdopted() {
	for _, pid := range zombieChildren() {
		_, _ = unix.Wait4(pid, nil, 0, nil)
	}
}

// poll waits for longer than a busy machine explains.
func poll(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("waited in vain for: %s", what)
}

func TestEnvironment(t *testing.T) {
	t.Setenv("BENCHD_SECRET", "not for workloads")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "nor this")
	t.Setenv("LD_LIBRARY_PATH", "/opt/lib")
	r := newRunner(t)
	r.HTTPBin = func() bench.Server { return bench.Server{URL: "http://127.0.0.1:1"} }
	e := experiment(r, "shows-environment")
	e.HTTPBin = true
	e.Env["WORKLOAD_URLS"] = "12"
	run := r.Run(context.Background(), e)
	for _, want := range []string{"WORKLOAD_URLS=12", "WORKLOAD_HTTPBIN_URL=http://127.0.0.1:1", "WORKLOAD_PROTOCOL=1", "WORKLOAD_FD=3", "LD_LIBRARY_PATH=/opt/lib"} {
		if !strings.Contains(run.Output, want) {
			t.Errorf("%s is missing in:\n%s", want, run.Output)
		}
	}
	if strings.Contains(run.Output, "SECRET") {
		t.Errorf("the daemon's environment leaked:\n%s", run.Output)
	}
	if !slices.IsSorted(strings.Split(strings.TrimSpace(run.Output), "\n")) {
		t.Errorf("the order is that of a map:\n%s", run.Output)
	}
}

// The stack of each program begins at the same place in a page, whatever is in
// its environment and arguments.
func TestStackDoesNotMove(t *testing.T) {
	r := newRunner(t)
	for n := range 300 {
		e := experiment(r, strings.Repeat("w", n))
		e.Env["WORKLOAD_MODEL"] = strings.Repeat("m", 20*n)
		env := environmentOf(e, strings.Repeat("d", n), "")
		if above := stackBytes(env) + stackBytes(e.Command) + len(e.Command[0]) + 1; above%4096 != 0 {
			t.Fatalf("%d bytes lie above the stack", above)
		}
	}
}

// The folders of runs have names of the same width.
func TestScratchNames(t *testing.T) {
	r := newRunner(t)
	widths := map[int]bool{}
	for range 100 {
		dir, err := r.makeScratch()
		if err != nil {
			t.Fatal(err)
		}
		widths[len(dir)] = true
	}
	if len(widths) != 1 {
		t.Errorf("names are so long: %v", widths)
	}
}
