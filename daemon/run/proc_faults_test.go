//go:build faults

package run

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"benchd/daemon/bench"
)

const ballast = 100 << 20

func init() {
	hold := func(free bool) {
		held, err := unix.Mmap(-1, 0, ballast, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON|unix.MAP_POPULATE)
		if err != nil {
			panic(err)
		}
		if free {
			_ = unix.Munmap(held)
		}
	}
	workloads["works-lightly"] = func(a *actor) { a.work(func() { spin(50 * time.Millisecond) }) }
	workloads["needs-memory"] = func(a *actor) { a.work(func() { hold(true) }) }
	workloads["needs-memory-to-set-up"] = func(a *actor) {
		hold(true)
		a.work(func() { spin(50 * time.Millisecond) })
	}
	workWithChild := func(name string) func(*actor) {
		return func(a *actor) {
			a.work(func() {
				child := part(name)
				if err := child.Start(); err != nil {
					panic(err)
				}
				time.Sleep(2 * time.Second) // which a busy machine may take to look for it
				_ = child.Process.Kill()
				_ = child.Wait()
			})
		}
	}
	workloads["has-a-child-that-needs-memory"] = workWithChild("holds")
	workloads["holds"] = func(*actor) { hold(false); sleepForEver() }
	workloads["has-a-secretive-child"] = workWithChild("hides")
	// Of a process that is not dumpable its own user is told little.
	workloads["hides"] = func(*actor) {
		_ = unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0)
		sleepForEver()
	}
}

// TestFaultProc measures where /proc is not what it mostly is.
func TestFaultProc(t *testing.T) {
	const nobody = 65534
	peak := func(least, most float64) func(*testing.T, *bench.Figures) {
		return func(t *testing.T, f *bench.Figures) {
			if f.PeakMemoryBytes == nil || *f.PeakMemoryBytes < least || *f.PeakMemoryBytes > most {
				t.Errorf("peak memory is %v, want %v to %v", show(f.PeakMemoryBytes), least, most)
			}
		}
	}
	noPeak := func(t *testing.T, f *bench.Figures) {
		if f.PeakMemoryBytes != nil {
			t.Errorf("peak memory is %v, which nobody can know", *f.PeakMemoryBytes)
		}
	}
	noSystem := func(t *testing.T, f *bench.Figures) {
		if f.SystemCPUPercentAvg != nil || f.SystemCPUPercentMax != nil || f.ForeignCPUSeconds != nil || f.StealSeconds != nil {
			t.Errorf("of the system: %v, %v, %v, %v", show(f.SystemCPUPercentAvg), show(f.SystemCPUPercentMax), show(f.ForeignCPUSeconds), show(f.StealSeconds))
		}
	}
	const copied = "cp /proc/FILE $SCRATCH/copy && mount --bind $SCRATCH/copy /proc/FILE"
	for _, test := range []struct {
		name, mount, workload string
		user                  uint32
		check                 func(*testing.T, *bench.Figures)
	}{
		{"loadavg that does not move", strings.ReplaceAll(copied, "FILE", "loadavg"), "has-a-child-that-needs-memory", 0, peak(ballast, 3*ballast)},
		{"no loadavg", "mount --bind /dev/null /proc/loadavg", "has-a-child-that-needs-memory", 0, peak(ballast, 3*ballast)},
		{"stat that does not move", strings.ReplaceAll(copied, "FILE", "stat"), "long", 0, noSystem},
		{"no stat", "mount --bind /dev/null /proc/stat", "long", 0, noSystem},
		{"read-only, and the set-up needs more", "mount -t proc -o ro proc /proc", "needs-memory-to-set-up", 0, noPeak},
		{"read-only, and the work needs more", "mount -t proc -o ro proc /proc", "needs-memory", 0, peak(ballast, 3*ballast)},
		{"writable, and the set-up needs more", "true", "needs-memory-to-set-up", 0, peak(1, ballast)},
		{"a child that hides its memory", "true", "has-a-secretive-child", nobody, noPeak},
		{"of processes alone", "mount -t proc -o subset=pid proc /proc", "works-lightly", nobody, noSystem},
		{"of one's own processes alone", "mount -t proc -o hidepid=2 proc /proc", "has-a-child-that-needs-memory", nobody, peak(ballast, 3*ballast)},
		{"of one's own processes alone, and nothing else", "mount -t proc -o subset=pid,hidepid=2 proc /proc", "has-a-child-that-needs-memory", nobody, peak(ballast, 3*ballast)},
		{"without pressure and sys", "mount -t tmpfs none /proc/pressure && mount -t tmpfs none /sys", "long", 0, func(t *testing.T, f *bench.Figures) {
			if f.CPUPressurePercent != nil || f.ThrottledPeriods != nil {
				t.Errorf("pressure %v, throttled %v", show(f.CPUPressurePercent), show(f.ThrottledPeriods))
			}
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			scratch, err := os.MkdirTemp("", "benchd-") //nolint:usetesting // t.TempDir is within a folder that is root's alone
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = os.RemoveAll(scratch) })
			program := filepath.Join(scratch, "program") // which nobody may execute
			self, err := os.Executable()
			if err == nil {
				err = exec.Command("cp", self, program).Run()
			}
			if err != nil {
				t.Fatal(err)
			}
			if err := os.Chown(scratch, int(test.user), int(test.user)); err != nil {
				t.Fatal(err)
			}
			if test.user != 0 {
				test.mount += " && exec setpriv --reuid=65534 --regid=65534 --clear-groups"
			} else {
				test.mount += " && exec"
			}
			cmd := exec.Command("sh", "-c", test.mount+` $PROGRAM tells $WORKLOAD $SCRATCH`)
			cmd.Env = append(os.Environ(), "SCRATCH="+scratch, "PROGRAM="+program, "WORKLOAD="+test.workload)
			cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
			var errs strings.Builder
			cmd.Stderr = &errs
			out, err := cmd.Output()
			if err != nil {
				t.Fatalf("%v\n%s", err, errs.String())
			}
			var run bench.Run
			if err := json.Unmarshal(out, &run); err != nil || run.Outcome != bench.OK {
				t.Fatalf("%v: %s", err, out)
			}
			test.check(t, run.Figures)
		})
	}
}
