//go:build faults

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"benchd/daemon/bench"
)

// imageUser is whom the image runs benchd as.
const imageUser = 10001

// asUser is this program, run by the image's user, and a data folder of theirs.
func asUser(t *testing.T) (program, data string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "benchd-faults-") //nolint:usetesting // others cannot enter t.TempDir
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	binary, err := os.ReadFile(self(t))
	if err != nil {
		t.Fatal(err)
	}
	program, data = dir+"/as-user", dir+"/data"
	script := fmt.Sprintf("#!/bin/sh\nexec setpriv --reuid %d --regid %[1]d --clear-groups --no-new-privs --bounding-set=-all %s/benchd \"$@\"\n", imageUser, dir)
	for path, content := range map[string][]byte{dir + "/benchd": binary, program: []byte(script)} {
		if err := os.WriteFile(path, content, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, err := range []error{os.Chmod(dir, 0o755), os.Mkdir(data, 0o755), os.Chown(data, imageUser, imageUser)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return program, data
}

// TestFaultWorkloadsShutFolders runs workloads as the image's user that leave
// behind what is hard to remove, and starts the daemon again.
func TestFaultWorkloadsShutFolders(t *testing.T) {
	t.Parallel()
	for name, lines := range map[string]string{
		"Go's module cache":    `mkdir -p $HOME/go/pkg/mod/x; touch $HOME/go/pkg/mod/x/f; chmod 555 $HOME/go/pkg/mod/x`,
		"chmod 000":            `touch $HOME/f; chmod 000 $WORKLOAD_DIR`,
		"the scratch folder":   `chmod 555 $WORKLOAD_DIR/..`,
		"the data folder":      `chmod 000 $WORKLOAD_DIR/../..`,
		"the folder of a task": `chmod 000 $WORKLOAD_DIR/../../workloads/noop`,
		"the history":          `chmod 000 $WORKLOAD_DIR/../../benchd.*`,
		"no scratch folder":    `cd /; rm -rf $WORKLOAD_DIR/..; echo >$(dirname $WORKLOAD_DIR)`,
		"no folder of tasks":   `cd $WORKLOAD_DIR/../..; rm -rf workloads; echo >workloads`,
		"a link in its place":  `cd /; rmdir $WORKLOAD_DIR; ln -s /etc $WORKLOAD_DIR`,
		"all of it removed":    `rm -rf $WORKLOAD_DIR/..`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			program, data := asUser(t)
			tasks := filepath.Join(filepath.Dir(data), "tasks")
			if err := os.CopyFS(tasks, os.DirFS(writeTask(t, lines))); err != nil {
				t.Fatal(err)
			}
			if err := exec.Command("chmod", "-R", "a+rX", tasks).Run(); err != nil {
				t.Fatal(err)
			}
			for range 2 {
				d := startDaemon(t, program, data, "BENCHD_WORKLOADS_DIR="+tasks, "BENCHD_TASKS=script", "BENCHD_INTERVAL=1s")
				d.awaitCycles(t, 2)
				if n := d.metrics(t)["benchd_scratch_leftovers"]; n != 0 {
					t.Errorf("%v things are left:\n%s", n, d.log)
				}
				for _, r := range d.runs(t, "") {
					if r.Outcome != bench.OK && r.Outcome != bench.Killed { // by the end of the daemon before
						t.Errorf("%s: %s", r.Outcome, r.Error)
					}
				}
				d.end(t)
			}
			if entries, err := os.ReadDir(data + "/scratch"); err != nil && !os.IsNotExist(err) || len(entries) > 0 {
				t.Errorf("left: %v, %v", entries, err)
			}
		})
	}
}

// TestFaultShutBeforeAStart shuts what is benchd's own while it does not run, as
// a workload does that kills it first.
func TestFaultShutBeforeAStart(t *testing.T) {
	t.Parallel()
	program, data := asUser(t)
	for range 2 {
		d := startDaemon(t, program, data, "BENCHD_TASKS=noop", "BENCHD_RUNTIMES=go", "BENCHD_INTERVAL=1s")
		d.awaitCycles(t, 1)
		d.end(t)
		for _, path := range []string{data + "/scratch", data + "/workloads", data + "/benchd.db", data + "/benchd.mark", data} {
			if err := os.Chmod(path, 0); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestFaultWorkloadsThatCannotBeCleared runs workloads as root that leave what
// cannot be removed: it is named, counted and passed over, now and at the next
// start, until somebody has removed it.
func TestFaultWorkloadsThatCannotBeCleared(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		lines, named string
		undo         func(path string) error
	}{
		"immutable file": {
			`touch $HOME/f; chattr +i $HOME/f`, "/f: operation not permitted (chattr -i, or remove it as its owner)",
			func(run string) error { return exec.Command("chattr", "-i", run+"/f").Run() },
		},
		"mount": {
			`mkdir $HOME/m; mount --bind KEPT $HOME/m`, "/m: a mount point, which is not entered: umount it",
			func(run string) error { return unix.Unmount(run+"/m", unix.MNT_DETACH) },
		},
		"mount over its folder": {
			`cd /; mount --bind KEPT $WORKLOAD_DIR`, ": a mount point, which is not entered: umount it",
			func(run string) error { return unix.Unmount(run, unix.MNT_DETACH) },
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			kept, data := t.TempDir(), t.TempDir()
			if err := os.WriteFile(kept+"/precious", []byte("x"), 0o600); err != nil {
				t.Fatal(err)
			}
			runs := func() []string {
				found, err := filepath.Glob(data + "/scratch/run-*")
				if err != nil {
					t.Fatal(err)
				}
				return found
			}
			t.Cleanup(func() {
				for _, run := range runs() {
					_ = test.undo(run)
				}
			})
			env := []string{"BENCHD_TASKS=script", "BENCHD_WORKLOADS_DIR=" + writeTask(t, strings.ReplaceAll(test.lines, "KEPT", kept))}
			for starts := 1; starts <= 2; starts++ {
				d := startDaemon(t, self(t), data, env...)
				d.awaitCycles(t, 1)
				if n := d.metrics(t)["benchd_scratch_leftovers"]; n != float64(starts) || len(runs()) != starts {
					t.Errorf("%v things are counted, want %d: %v", n, starts, runs())
				}
				if text := d.log.String(); !strings.Contains(text, test.named) || !strings.Contains(text, "left="+fmt.Sprint(starts)) {
					t.Errorf("the log does not name what is left:\n%s", text)
				}
				d.end(t)
			}
			for _, run := range runs() {
				if err := test.undo(run); err != nil {
					t.Fatal(err)
				}
			}
			d := startDaemon(t, self(t), data, "BENCHD_TASKS=noop", "BENCHD_RUNTIMES=go")
			d.awaitCycles(t, 1)
			if n := d.metrics(t)["benchd_scratch_leftovers"]; n != 0 || len(runs()) != 0 {
				t.Errorf("%v things are counted after the cause is gone: %v", n, runs())
			}
			d.end(t)
			if _, err := os.Stat(kept + "/precious"); err != nil {
				t.Errorf("behind the mount: %v", err)
			}
		})
	}
}
