package run

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"benchd/daemon/bench"
	"benchd/daemon/linux"
)

// chainDepth is that of the chain that a workload starts, in which each process
// has started the next. TestFaultDeepChain has a longer one.
const chainDepth = 60

// chain is a script of a process that has its depth, that of the last, and a
// file to write when it is the last as arguments.
const chain = `if [ $1 -lt $2 ]; then /bin/sh -c "$0" "$0" $(($1 + 1)) $2 "$3" & else echo >"$3"; fi; exec sleep 600`

// hopper is a script that starts itself again and ends, again and again, so that
// no look sees it for long.
const hopper = `[ -d "${1%/*/*}" ] || exit; env -i setsid /bin/sh -c "$0" "$0" "$1" & echo >"$1"`

// phoenix starts a child again whenever one is killed.
const phoenix = `echo >"$1"; while :; do sleep 600; done`

func init() {
	script := func(text string, args ...string) {
		startAndAwait(append([]string{"/usr/bin/env", "-i", "setsid", "/bin/sh", "-c", text, text}, args...)...)
	}
	start := func(name string) {
		switch name {
		case "chain":
			script(chain, "1", strconv.Itoa(chainDepth))
		case "hopper":
			script(hopper)
		case "phoenix":
			script(phoenix)
		case "own-program": // without environment, in a session of its own
			cmd := part("stray")
			cmd.Env, cmd.SysProcAttr = []string{}, &unix.SysProcAttr{Setsid: true}
			if err := cmd.Start(); err != nil {
				panic(err)
			}
		}
	}
	for _, name := range []string{"chain", "hopper", "phoenix", "own-program"} {
		workloads["leaves-"+name] = func(a *actor) { a.work(func() { start(name) }) }
		workloads["leaves-"+name+"-and-kills-supervisor"] = func(a *actor) {
			a.work(func() {
				start(name)
				_ = unix.Kill(os.Getppid(), unix.SIGKILL)
				sleepForEver()
			})
		}
		workloads["leaves-"+name+"-and-hangs"] = func(a *actor) {
			a.work(func() {
				start(name)
				fmt.Println("started")
				sleepForEver()
			})
		}
	}
}

// startAndAwait starts a command, for a workload, and waits for the file that it
// writes, which is its last argument.
func startAndAwait(command ...string) {
	done, err := filepath.Abs("done")
	if err != nil {
		panic(err)
	}
	if err := exec.Command(command[0], append(command[1:], done)...).Start(); err != nil {
		panic(err)
	}
	for _, err := os.Stat(done); err != nil; _, err = os.Stat(done) {
		time.Sleep(time.Millisecond)
	}
}

// TestSweep leaves processes of all kinds behind, to the supervisor or, when
// that was killed too, to the daemon: all are killed, counted and told.
func TestSweep(t *testing.T) {
	for _, test := range []struct {
		name  string
		least int
	}{{"chain", chainDepth}, {"hopper", 1}, {"phoenix", 2}, {"own-program", 1}} {
		for _, end := range []string{"", "-and-kills-supervisor"} {
			workload := "leaves-" + test.name + end
			t.Run(workload, func(t *testing.T) {
				r := newRunner(t)
				var log bytes.Buffer
				r.Log = slog.New(slog.NewTextHandler(&log, nil))
				e := experiment(r, workload)
				e.Timeout = time.Minute
				run := r.Run(context.Background(), e)
				want := bench.OK
				if end != "" {
					want = bench.Killed
				}
				if run.Outcome != want || run.Exit.Strays < test.least || run.Exit.Strays > test.least+1 {
					t.Errorf("%s: %s, with %d strays, want %s and %d", run.Outcome, run.Error, run.Exit.Strays, want, test.least)
				}
				if !strings.Contains(log.String(), fmt.Sprintf("strays=%d", run.Exit.Strays)) {
					t.Errorf("the log does not tell:\n%s", &log)
				}
				nothingLeft(t, r.ScratchDir)
				if left := linux.Branded(brandOf(r.ScratchDir)); len(left) > 0 {
					t.Errorf("processes are left: %v", left)
				}
			})
		}
	}
}

// TestClearFindsAll kills daemon and supervisor together, which leaves all
// others to the next daemon, whatever their environment.
func TestClearFindsAll(t *testing.T) {
	for _, name := range []string{"chain", "hopper", "phoenix", "own-program"} {
		t.Run(name, func(t *testing.T) {
			t.Cleanup(linux.ReapOrphans)
			r := newRunner(t)
			brand := brandOf(r.ScratchDir)
			daemon := exec.Command("/proc/self/exe", "daemon", "leaves-"+name+"-and-hangs", r.ScratchDir)
			if err := linux.Start(daemon); err != nil {
				t.Fatal(err)
			}
			end := sync.OnceFunc(func() {
				_ = daemon.Process.Kill()
				_ = linux.Wait(daemon)
			})
			t.Cleanup(end)
			poll(t, "the workload", func() bool {
				found, _ := filepath.Glob(r.ScratchDir + "/run-*/done")
				return len(found) > 0 || name == "own-program" && len(living(linux.Branded(brand))) == 3
			})
			supervisors := linux.Children(daemon.Process.Pid)
			_ = daemon.Process.Signal(unix.SIGSTOP) // so that it cannot sweep
			for _, pid := range supervisors {
				_ = unix.Kill(pid, unix.SIGKILL)
			}
			end()
			poll(t, "something that can be found", func() bool { return len(living(linux.Branded(brand))) > 0 })
			poll(t, "nothing", func() bool {
				r.Clear()
				return len(living(linux.Branded(brand))) == 0
			})
			nothingLeft(t, r.ScratchDir)
		})
	}
}

// TestSupervisorIsNotCalledBenchd wants one who kills all processes of benchd's
// name to leave the supervisor, which then kills the rest.
func TestSupervisorIsNotCalledBenchd(t *testing.T) {
	scratch := t.TempDir()
	daemon := daemonInMidRun(t, scratch)
	supervisors := linux.Children(daemon.Process.Pid)
	if len(supervisors) != 1 || linux.Name(supervisors[0]) != "supervise" {
		t.Errorf("the daemon's child %v is called %s", supervisors, linux.Name(supervisors[0]))
	}
	name := linux.Name(daemon.Process.Pid)
	for _, pid := range linux.Descendants(daemon.Process.Pid) {
		if linux.Name(pid) == name {
			_ = unix.Kill(pid, unix.SIGKILL)
		}
	}
	_ = daemon.Process.Kill()
	_ = daemon.Wait()
	poll(t, "no process", func() bool { return len(processesOf(scratch)) == 0 })
}

// TestOrphansAreReaped makes an orphan of ours end, and wants no zombie, while
// what was started here can still be waited for.
func TestOrphansAreReaped(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go linux.KeepReaping(ctx)
	for range 20 {
		own := exec.Command("/bin/sh", "-c", "(sleep 0.01 &) & exit 7")
		if err := linux.Start(own); err != nil {
			t.Fatal(err)
		}
		_ = linux.Wait(own)
		if own.ProcessState == nil || own.ProcessState.ExitCode() != 7 {
			t.Fatalf("the exit status was lost: %v", own.ProcessState)
		}
	}
	poll(t, "no child", func() bool { return len(linux.Children(os.Getpid())) == 0 })
}
