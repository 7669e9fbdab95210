//go:build faults

package record

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"benchd/daemon/bench"
)

// mounted is a folder that is a small file system of its own.
func mounted(t *testing.T, options string) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "benchd-fault-") //nolint:usetesting // below t.TempDir other users cannot go
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, options); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(unix.Unmount(dir, unix.MNT_DETACH), os.Remove(dir)); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// TestFaultAnotherUserHoldsTheFolder names who that is. A folder that benchd makes
// cannot be opened by others.
func TestFaultAnotherUserHoldsTheFolder(t *testing.T) {
	dir := mounted(t, "mode=0755")
	hold := func(dir string) *exec.Cmd {
		cmd := exec.CommandContext(t.Context(), "flock", dir, "sh", "-c", "echo; exec sleep 600")
		cmd.Dir = "/"
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}, Pdeathsig: syscall.SIGKILL}
		return cmd
	}
	cmd := hold(dir)
	awaitLine(t, cmd)
	_, err := Open(t.Context(), dir, quiet)
	want := fmt.Sprintf("BENCHD_DATA_DIR %s is in use by pid %d (", dir, cmd.Process.Pid)
	if err == nil || !strings.HasPrefix(err.Error(), want) || !strings.Contains(err.Error(), "of another user: end it and keep others out with chmod go-rwx") {
		t.Errorf("got error %v\nwant %s...", err, want)
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()

	made := filepath.Join(dir, "data")
	open(t, made)
	if output, err := hold(made).CombinedOutput(); err == nil || !strings.Contains(string(output), "Permission denied") {
		t.Errorf("another user can lock what benchd made: %v %s", err, output)
	}
}

// TestFaultTwoWaysToAFolder mounts it at a second place.
func TestFaultTwoWaysToAFolder(t *testing.T) {
	dir, second := mounted(t, ""), t.TempDir()
	open(t, dir)
	if err := unix.Mount(dir, second, "", unix.MS_BIND, ""); err != nil {
		t.Fatal(err)
	}
	defer unix.Unmount(second, unix.MNT_DETACH) //nolint:errcheck // the folder goes with the test
	if _, err := Open(t.Context(), second, quiet); err == nil || !strings.Contains(err.Error(), "is in use by") {
		t.Errorf("got error %v", err)
	}
}

// TestFaultReadOnlyForAWhile makes the file system read-only and writable again:
// no run for which Record returned nil is lost.
func TestFaultReadOnlyForAWhile(t *testing.T) {
	dir := mounted(t, "")
	s := open(t, dir)
	want := history(t, s, 5)
	if err := unix.Mount("", dir, "", unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
		// Files that are open for writing hold that up on some file systems: it is
		// what protects them.
		t.Logf("not read-only: %v", err)
	} else if err := s.Record(t.Context(), example(6)); err == nil || !strings.Contains(err.Error(), "benchd.db: ") {
		t.Errorf("got error %v", err)
	}
	if err := unix.Mount("", dir, "", unix.MS_REMOUNT, ""); err != nil {
		t.Fatal(err)
	}
	r := example(7)
	if err := s.Record(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(holdsAll(s, append(want, *r)), consistent(s, false)); err != nil {
		t.Error(err)
	}
}

// TestFaultNoRoomForDecisions fills the disk: whatever is asked for is refused,
// named, and done when there is room.
func TestFaultNoRoomForDecisions(t *testing.T) {
	dir := mounted(t, "size=2m")
	s := open(t, dir)
	runs := history(t, s, 20)
	c := exampleChange(&runs[0])
	if err := s.RecordChange(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	fill(t, dir)
	over := *c
	over.Ending, over.By = bench.Accepted, strings.Repeat("by ", 100_000)
	for what, do := range map[string]func() error{
		"change": func() error { return s.RecordChange(t.Context(), &over) },
		"pin":    func() error { return s.RecordPin(t.Context(), bench.Pin{Name: strings.Repeat("p", 300_000)}) },
	} {
		if err := do(); err == nil || !strings.Contains(err.Error(), "the disk is full: make room on it") {
			t.Errorf("%s: got error %v", what, err)
		}
	}
	if got, err := s.Changes(t.Context(), bench.ChangeQuery{ID: c.ID}); err != nil || len(got) != 1 || got[0].By != c.By {
		t.Errorf("the change is %v, %v", got, err)
	}
	if err := os.Remove(filepath.Join(dir, "ballast")); err != nil {
		t.Fatal(err)
	}
	if err := s.RecordChange(t.Context(), &over); err != nil {
		t.Error(err)
	}
	if err := consistent(s, false); err != nil {
		t.Error(err)
	}
}

// TestFaultNoRoomForAFileMadeAnew removes the file while the disk is full: nothing
// is lost as long as benchd runs, and all is there when there is room.
func TestFaultNoRoomForAFileMadeAnew(t *testing.T) {
	dir := mounted(t, "size=12m")
	var log bytes.Buffer
	s, err := Open(t.Context(), dir, slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	want := history(t, s, 100)
	for _, suffix := range suffixes {
		if err := os.Remove(filepath.Join(dir, fileName+suffix)); err != nil {
			t.Fatal(err)
		}
	}
	fill(t, dir)
	r := example(1)
	if err := s.Record(t.Context(), r); err == nil || !strings.Contains(err.Error(), "benchd.db was removed") {
		t.Errorf("got error %v", err)
	}
	if err := os.Remove(filepath.Join(dir, "ballast")); err != nil {
		t.Fatal(err)
	}
	if err := s.Record(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	s = open(t, dir)
	if err := errors.Join(holdsAll(s, append(want, *r)), consistent(s, false)); err != nil {
		t.Errorf("%v\n%s", err, &log)
	}
}

// fill leaves no room in the file system.
func fill(t *testing.T, dir string) {
	t.Helper()
	f, err := os.Create(filepath.Join(dir, "ballast"))
	if err != nil {
		t.Fatal(err)
	}
	for err == nil {
		_, err = f.Write(make([]byte, 4096))
	}
	if err := f.Close(); err != nil && !errors.Is(err, unix.ENOSPC) {
		t.Fatal(err)
	}
}
