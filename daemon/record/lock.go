package record

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// lockDir makes the folder this daemon's own until the file is closed. Two
// daemons would not damage the history, SQLite sees to that, but they would
// count the same cycles and disturb each other's runs. The kernel frees an
// flock when its holder dies, however it dies, so none is ever stale.
func lockDir(dir string) (*os.File, error) {
	const remedy = "make it a folder that the user benchd runs as can write, or set BENCHD_DATA_DIR to another one"
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("create BENCHD_DATA_DIR %s: %w: %s", dir, err, remedy)
	}
	f, err := os.OpenFile(filepath.Join(dir, lockName), os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, fmt.Errorf("lock BENCHD_DATA_DIR: %w: %s", err, remedy)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		defer f.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, fmt.Errorf("BENCHD_DATA_DIR %s is in use by another benchd, %s: stop it, or set BENCHD_DATA_DIR to another folder", dir, holder(f))
		}
		return nil, fmt.Errorf("lock BENCHD_DATA_DIR: flock %s: %w", f.Name(), err)
	}
	if err := writePID(f); err != nil {
		return nil, errors.Join(fmt.Errorf("lock BENCHD_DATA_DIR: %w", err), f.Close())
	}
	return f, nil
}

// writePID leaves a note of who holds the lock.
func writePID(f *os.File) error {
	if err := f.Truncate(0); err != nil {
		return err
	}
	_, err := fmt.Fprintf(f, "%d\n", os.Getpid())
	return err
}

// holder reads that note. It is empty for a moment while the lock is taken.
func holder(f *os.File) string {
	pid, err := io.ReadAll(io.LimitReader(f, 20))
	if err != nil || len(pid) == 0 {
		return "whose pid is unknown"
	}
	return "pid " + strings.TrimSpace(string(pid))
}
