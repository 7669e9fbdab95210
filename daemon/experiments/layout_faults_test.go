//go:build faults

package experiments

import (
	"os"
	"os/exec"
	"strings"
	"testing"
	"testing/fstest"

	"golang.org/x/sys/unix"
)

// TestFaultLayOutPassesOver leaves what cannot be removed, and lays out all the
// same; what lies behind a mount stays.
func TestFaultLayOutPassesOver(t *testing.T) {
	chattr := func(t *testing.T, flags, path string) {
		t.Helper()
		if text, err := exec.Command("chattr", flags, path).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, text)
		}
	}
	tasks := fstest.MapFS{"a/run.sh": {Data: []byte("#!/bin/sh\n")}}
	for name, test := range map[string]struct {
		do, undo func(t *testing.T, dir string)
		want     string
	}{
		"immutable file": {
			func(t *testing.T, dir string) {
				writeFile(t, dir+"/a/stale", "", 0o644)
				chattr(t, "+i", dir+"/a/stale")
			},
			func(t *testing.T, dir string) { chattr(t, "-i", dir+"/a/stale") },
			"cannot remove DIR/a/stale: operation not permitted (chattr -i, or remove it as its owner)",
		},
		"immutable folder, with what belongs there": {
			func(t *testing.T, dir string) {
				writeFile(t, dir+"/a/stale", "", 0o644)
				chattr(t, "+i", dir+"/a")
			},
			func(t *testing.T, dir string) { chattr(t, "-i", dir+"/a") },
			"cannot remove DIR/a/stale: operation not permitted (chattr -i, or remove it as its owner)",
		},
		"mount": {
			func(t *testing.T, dir string) {
				must(t, os.Mkdir(dir+"/m", 0o755))
				must(t, unix.Mount("none", dir+"/m", "tmpfs", 0, ""))
				writeFile(t, dir+"/m/precious", "", 0o644)
			},
			func(t *testing.T, dir string) {
				must(t, stat(dir+"/m/precious"))
				must(t, unix.Unmount(dir+"/m", unix.MNT_DETACH))
			},
			"cannot remove DIR/m: a mount point, which is not entered: umount it",
		},
		"mount over a task": {
			func(t *testing.T, dir string) {
				must(t, unix.Mount("none", dir+"/a", "tmpfs", 0, ""))
				writeFile(t, dir+"/a/precious", "", 0o644)
			},
			func(t *testing.T, dir string) {
				must(t, stat(dir+"/a/precious"))
				must(t, unix.Unmount(dir+"/a", unix.MNT_DETACH))
			},
			"DIR/a is a mount point, in which nothing is removed: umount it",
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := resolved(t)
			_, _, err := layOut(tasks, dir)
			must(t, err)
			test.do(t, dir)
			_, left, err := layOut(tasks, dir)
			want := strings.ReplaceAll(test.want, "DIR", dir)
			if err != nil || len(left) != 1 || left[0].Error() != want {
				t.Errorf("got  %v, %v\nwant %s", left, err, want)
			}
			must(t, stat(dir+"/a/run.sh"))
			test.undo(t, dir)
			if _, left, err = layOut(tasks, dir); err != nil || left != nil {
				t.Errorf("afterwards: %v, %v", left, err)
			}
		})
	}
}

func stat(path string) error {
	_, err := os.Stat(path)
	return err
}
