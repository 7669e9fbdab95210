//go:build faults

package run

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"benchd/daemon/bench"
	"benchd/daemon/linux"
)

// freezer is a cgroup whose processes can be frozen, of version 1 or 2.
type freezer struct{ folder, file, freeze, thaw string }

func newFreezer(t *testing.T, mount string) *freezer {
	t.Helper()
	f := &freezer{folder: filepath.Join(mount, "benchd-"+strconv.Itoa(os.Getpid())), file: "cgroup.freeze", freeze: "1", thaw: "0"}
	if filepath.Base(mount) == "freezer" {
		f.file, f.freeze, f.thaw = "freezer.state", "FROZEN", "THAWED"
	}
	if err := os.Mkdir(f.folder, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		f.write(t, f.file, f.thaw)
		poll(t, "an empty cgroup", func() bool { return os.Remove(f.folder) == nil })
	})
	return f
}

func (f *freezer) write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(f.folder, file), []byte(text), 0); err != nil {
		t.Error(err)
	}
}

// What docker pause does: it freezes the cgroup, of which no process is told.
func TestFaultFrozenCgroup(t *testing.T) {
	var mounts []string
	for _, mount := range []string{"/sys/fs/cgroup", "/sys/fs/cgroup/unified", "/sys/fs/cgroup/freezer"} {
		if _, err := os.Stat(filepath.Join(mount, "cgroup.procs")); err == nil {
			mounts = append(mounts, mount)
		}
	}
	if len(mounts) == 0 {
		t.Fatal("no hierarchy of cgroups is mounted at /sys/fs/cgroup")
	}
	for _, mount := range mounts {
		for _, all := range []bool{true, false} {
			t.Run(mount+", with the daemon "+strconv.FormatBool(all), func(t *testing.T) {
				f := newFreezer(t, mount)
				run := tell(t, "works-on", func(pids []int) {
					if !all {
						pids = pids[2:] // neither daemon nor supervisor
					}
					for _, pid := range pids {
						f.write(t, "cgroup.procs", strconv.Itoa(pid))
					}
					f.write(t, f.file, f.freeze)
					time.Sleep(stopped)
					f.write(t, f.file, f.thaw)
				})
				if !slices.Contains(run.Noise, bench.NoiseFrozen) {
					t.Errorf("noise is %v, frozen for %v s of %v s", run.Noise, run.Figures.FrozenSeconds, run.Figures.WallSeconds)
				}
			})
		}
	}
}

// A debugger slows what it watches.
func TestFaultDebugger(t *testing.T) {
	if _, err := exec.LookPath("strace"); err != nil {
		t.Fatal("strace is missing: apt-get install strace")
	}
	var strace *exec.Cmd
	run := tell(t, "works-on", func(pids []int) {
		strace = exec.Command("strace", "-f", "-o", "/dev/null", "-p", strconv.Itoa(pids[2]))
		if err := strace.Start(); err != nil {
			t.Fatal(err)
		}
		poll(t, "a debugger", func() bool { return linux.Traced(pids[2]) })
	})
	_ = strace.Wait()
	if !slices.Contains(run.Noise, bench.NoiseFrozen) {
		t.Errorf("noise is %v", run.Noise)
	}
}
