package record

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// TestAFolderByALink records into a folder that a symbolic link leads to.
func TestAFolderByALink(t *testing.T) {
	t.Parallel()
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(t.TempDir(), link); err != nil {
		t.Fatal(err)
	}
	s := open(t, link)
	for n := range 2 {
		if err := s.Record(t.Context(), example(n)); err != nil {
			t.Fatal(err)
		}
	}
}

// TestWhatWorkloadsLeaveStopsNoStart opens a folder in which a workload has made
// folders and pipes in the place of files, or has shut them.
func TestWhatWorkloadsLeaveStopsNoStart(t *testing.T) {
	t.Parallel()
	folder := func(path string) error { return os.MkdirAll(path+"/x", 0o700) }
	pipe := func(path string) error { return unix.Mkfifo(path, 0o600) }
	for _, name := range []string{fileName, fileName + "-wal", fileName + "-shm", newName, markName} {
		for kind, leave := range map[string]func(string) error{"folder": folder, "pipe": pipe, "shut": nil} {
			dir := t.TempDir()
			filled(t, dir, 2)
			path := filepath.Join(dir, name)
			var err error
			if leave != nil {
				err = errors.Join(os.RemoveAll(path), leave(path))
			} else if _, there := os.Stat(path); there == nil {
				err = os.Chmod(path, 0)
			}
			if err != nil {
				t.Fatal(err)
			}
			s, err := Open(t.Context(), dir, quiet)
			if err != nil {
				t.Errorf("%s in place of %s: %v", kind, name, err)
				continue
			}
			r := example(3)
			if err := s.Record(t.Context(), r); err != nil || r.ID != 3 {
				t.Errorf("%s in place of %s: run %d, %v", kind, name, r.ID, err)
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}
