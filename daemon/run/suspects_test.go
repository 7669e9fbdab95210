package run

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"benchd/daemon/linux"
)

func init() {
	workloads["s-burners"] = func(a *actor) { a.work(func() { spinProcesses(2, 2, "s-burn") }) }
	workloads["s-burn"] = func(*actor) { spin(900 * time.Millisecond) }
	workloads["s-many"] = func(a *actor) { a.work(func() { spinProcesses(12, 1, "s-burn100") }) }
	workloads["s-burn100"] = func(*actor) { spin(130 * time.Millisecond) }
	workloads["s-early-result"] = func(a *actor) { a.ready(); r := result(); r.ElapsedSeconds = 0.1; a.say(r); a.await("start"); a.await("exit") }
	workloads["s-nowait"] = func(a *actor) { a.ready(); a.await("start"); a.say(result()); os.Exit(0) }
	workloads["s-flood"] = func(a *actor) {
		a.ready()
		a.await("start")
		for {
			if _, err := fmt.Fprintln(a.out, "x"); err != nil {
				sleepForEver()
			}
		}
	}
	workloads["s-comet"] = func(a *actor) {
		a.ready()
		a.await("start")
		cmd := exec.Command("/bin/bash", "-c", `f() { ( f ) & exit; }; f`)
		cmd.Start()
		sleepForEver()
	}
	workloads["s-comet-setsid"] = func(a *actor) {
		a.ready()
		a.await("start")
		cmd := exec.Command("/usr/bin/perl", "-e", `use POSIX; while(1){ my $p=fork(); if($p){exit 0} POSIX::setsid(); }`)
		cmd.Start()
		sleepForEver()
	}
	workloads["s-bomb"] = func(a *actor) {
		a.ready()
		a.await("start")
		cmd := exec.Command("/usr/bin/perl", "-e", `use POSIX; my $n=0; while($n<7){ fork(); $n++; } while(1){ my $p=fork(); if($p){exit 0} }`)
		cmd.Start()
		sleepForEver()
	}
	workloads["s-closefd"] = func(a *actor) { a.ready(); a.await("start"); a.out.Close(); sleepForEver() }
	workloads["s-kill-sup-env"] = func(a *actor) {
		a.work(func() {
			cmd := exec.Command("/usr/bin/env", "-i", "setsid", "sh", "-c", "trap '' TERM; sleep 77.5 & wait")
			cmd.Start()
			time.Sleep(50 * time.Millisecond)
			_ = unix.Kill(os.Getppid(), unix.SIGKILL)
			sleepForEver()
		})
	}
	workloads["s-stop-sup"] = func(a *actor) {
		a.work(func() {
			_ = unix.Kill(os.Getppid(), unix.SIGSTOP)
		})
	}
	_ = syscall.SIGKILL
}

func TestS(t *testing.T) {
	for _, w := range []string{"s-burners", "s-many", "s-early-result", "s-nowait", "s-flood", "s-closefd", "s-stop-sup", "s-kill-sup-env", "s-comet", "s-comet-setsid", "s-bomb"} {
		t.Run(w, func(t *testing.T) {
			r := newRunner(t)
			e := experiment(r, w)
			e.Timeout = 3 * time.Second
			g0 := runtime.NumGoroutine()
			begun := time.Now()
			run := r.Run(context.Background(), e)
			t.Logf("%s in %v: %s strays %d exit %+v noise %v", run.Outcome, time.Since(begun), run.Error, run.Exit.Strays, run.Exit, run.Noise)
			if f := run.Figures; f != nil {
				mx := -1.0
				if f.CPUPercentMax != nil {
					mx = *f.CPUPercentMax
				}
				t.Logf("wall %v cpu %v pct %v max %v threads %v procs %v samples %d delay %v", f.WallSeconds, f.CPUSeconds(), f.CPUPercent(), mx, f.ThreadsMax, f.ProcessesMax, f.Samples, f.RunDelaySeconds)
			}
			time.Sleep(50 * time.Millisecond)
			if g := runtime.NumGoroutine(); g > g0 {
				t.Logf("goroutines %d -> %d", g0, g)
			}
			t.Log("children", linux.Children(os.Getpid()))
			nothingLeft(t, r.ScratchDir)
			out, _ := exec.Command("pgrep", "-af", "sleep 77.5|fork|setsid").CombinedOutput()
			t.Logf("%s", out)
		})
	}
}
