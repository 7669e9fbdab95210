//go:build faults

package run

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"benchd/daemon/bench"
	"benchd/daemon/linux"
)

// deepChain is a program of 401 processes, each of which has started the next.
const deepChain = `import os, sys, time
for _ in range(400):
    if os.fork(): break
else:
    open(sys.argv[1], "w").close()
time.sleep(600)`

func init() {
	workloads["leaves-deep-chain"] = func(a *actor) {
		a.work(func() { startAndAwait("/usr/bin/env", "-i", "setsid", "python3", "-c", deepChain) })
	}
	// As a set-uid program would: a process of another user, whom ours cannot signal.
	workloads["leaves-other-user"] = func(a *actor) {
		a.work(func() {
			startAndAwait(filepath.Join(filepath.Dir(filepath.Dir(os.Getenv("WORKLOAD_DIR"))), "set-uid"), "-p", "-c", `echo >"$0"; exec setpriv --reuid 0 sleep 600`)
		})
	}
}

// inGroup gives the runner cgroups. A machine that CI runs on has them.
func inGroup(t *testing.T, r *Runner) {
	t.Helper()
	dir, err := linux.Delegated()
	if err != nil {
		t.Fatal(err)
	}
	r.Groups = dir
}

// TestFaultDeepChain leaves a chain of processes, with cgroups and without.
func TestFaultDeepChain(t *testing.T) {
	for _, grouped := range []bool{false, true} {
		t.Run(fmt.Sprint("grouped ", grouped), func(t *testing.T) {
			r := newRunner(t)
			if grouped {
				inGroup(t, r)
			}
			e := experiment(r, "leaves-deep-chain")
			e.Timeout = 5 * time.Minute
			run := r.Run(context.Background(), e)
			if run.Outcome != bench.OK || run.Exit.Strays != 401 {
				t.Errorf("%s: %s %s, with %d strays, want 401", run.Outcome, run.Error, run.Output, run.Exit.Strays)
			}
			nothingLeft(t, r.ScratchDir)
		})
	}
}

// TestFaultGroups runs workloads that leave processes in a cgroup of the run's
// own, which has no controllers and is gone afterwards.
func TestFaultGroups(t *testing.T) {
	for _, workload := range []string{"good", "leaves-chain", "leaves-hopper", "leaves-phoenix", "leaves-chain-and-kills-supervisor", "leaves-hopper-and-kills-supervisor", "leaves-own-program-and-kills-supervisor"} {
		t.Run(workload, func(t *testing.T) {
			r := newRunner(t)
			inGroup(t, r)
			prefix := groupPrefix(brandOf(r.ScratchDir))
			seen := make(chan string)
			done := make(chan struct{})
			go func() {
				for {
					for _, group := range linux.FindGroups(prefix) {
						controllers, err := os.ReadFile(filepath.Join(group.Dir(), "cgroup.controllers"))
						if err == nil && len(group.Processes()) > 0 {
							seen <- string(controllers)
							return
						}
					}
					select {
					case <-done:
						seen <- "no group"
						return
					case <-time.After(time.Millisecond):
					}
				}
			}()
			e := experiment(r, workload)
			e.Timeout = time.Minute
			run := r.Run(context.Background(), e)
			close(done)
			if controllers := <-seen; strings.TrimSpace(controllers) != "" {
				t.Errorf("the group has %q, want no controllers", controllers)
			}
			if (run.Exit.Strays > 0) != (workload != "good") {
				t.Errorf("%s: %s, with %d strays", run.Outcome, run.Error, run.Exit.Strays)
			}
			if left := linux.FindGroups(prefix); len(left) > 0 {
				t.Errorf("groups are left: %v", left)
			}
			nothingLeft(t, r.ScratchDir)
		})
	}
}

// TestFaultClearFindsGroups kills daemon and supervisor together, and wants the
// next daemon to find the group of the run.
func TestFaultClearFindsGroups(t *testing.T) {
	r := newRunner(t)
	inGroup(t, r)
	brand := brandOf(r.ScratchDir)
	group, err := linux.MakeGroup(filepath.Join(r.Groups, groupPrefix(brand)+"run-1"))
	if err != nil {
		t.Fatal(err)
	}
	// Without the brand, and below the group.
	inner, err := linux.MakeGroup(filepath.Join(group.Dir(), "inner"))
	if err != nil {
		t.Fatal(err)
	}
	stray := exec.Command("sleep", "600")
	if err := linux.Start(stray); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = stray.Process.Kill() })
	if err := os.WriteFile(filepath.Join(inner.Dir(), "cgroup.procs"), fmt.Append(nil, stray.Process.Pid), 0); err != nil {
		t.Fatal(err)
	}
	r.Clear()
	if err := linux.Wait(stray); err == nil || err.Error() != "signal: killed" {
		t.Errorf("the stray ended with %v", err)
	}
	if left := linux.FindGroups(groupPrefix(brand)); len(left) > 0 {
		t.Errorf("groups are left: %v", left)
	}
}

// TestFaultProcessThatCannotBeKilled runs as an ordinary user a workload that
// leaves a process of root. It is named and counted, and excludes further runs
// until it ends.
func TestFaultProcessThatCannotBeKilled(t *testing.T) {
	const user = 10001
	base, err := os.MkdirTemp("", "run-faults-") //nolint:usetesting // others cannot enter t.TempDir
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(base) })
	for _, err := range []error{
		os.Chmod(base, 0o755), os.Mkdir(base+"/data", 0o755), os.Mkdir(base+"/data/scratch", 0o755),
		exec.Command("cp", os.Args[0], base+"/test").Run(),
		exec.Command("cp", "/bin/bash", base+"/data/set-uid").Run(),
		os.Chmod(base+"/data/set-uid", 0o755|os.ModeSetuid),
		os.Chown(base+"/data", user, user), os.Chown(base+"/data/scratch", user, user),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(base+"/test", "runs", base+"/data/scratch", "leaves-other-user", "good")
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: user, Gid: user}}
	cmd.Dir = base
	text, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	got := string(text)
	for _, want := range []string{
		"leaves-other-user ok noise=[] processes=1\n",
		"good ok noise=[leftover] processes=1\n",
		"a process of a run cannot be killed; runs are excluded while it lives: end it as its owner or as root",
		"name=sleep",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is missing in\n%s", want, got)
		}
	}
	// Root can: it is found by its brand.
	r := newRunner(t)
	r.ScratchDir = base + "/data/scratch"
	var log bytes.Buffer
	r.Log = slog.New(slog.NewTextHandler(&log, nil))
	if r.Clear(); !strings.Contains(log.String(), "processes=1") || r.Leftovers().Processes != 0 {
		t.Errorf("as root: %+v\n%s", r.Leftovers(), &log)
	}
}

// playRuns runs workloads one after the other, and prints what became of them.
func playRuns(scratch string, names []string) {
	r := playRunner(scratch)
	r.Log = slog.New(slog.NewTextHandler(os.Stdout, nil))
	for _, name := range names {
		run := r.Run(context.Background(), experiment(r, name))
		var noise []bench.Noise
		for _, cause := range run.Noise {
			if cause == bench.NoiseLeftover { // others are the machine's
				noise = append(noise, cause)
			}
		}
		fmt.Printf("%s %s noise=%v processes=%d\n%s%s", name, run.Outcome, noise, r.Leftovers().Processes, run.Error, run.Output)
	}
}

func init() { roles["runs"] = func(args []string) { playRuns(args[0], args[1:]) } }
