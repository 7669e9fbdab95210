package record

import (
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"benchd/daemon/linux"
)

const folderRemedy = "make it a folder that the user benchd runs as can write, or set BENCHD_DATA_DIR to another one"

// lockDir makes the folder this daemon's own until the file is closed. Two
// daemons would not damage the history, SQLite sees to that, but they would
// count the same cycles and disturb each other's runs. It is the folder itself
// that is locked: a file in it can be removed or be a link, and a second way to
// the folder leads to the same lock. The kernel frees an flock when its holder
// dies, however it dies, so none is ever stale.
//
// A folder that is made here is closed to other users, for whoever may open it
// can lock it.
func lockDir(dir string) (*os.File, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("create BENCHD_DATA_DIR %s: %w: %s", dir, err, folderRemedy)
	}
	linux.OpenAgain(dir) // a workload may have shut it
	f, err := os.OpenFile(dir, unix.O_DIRECTORY|os.O_RDONLY, 0)
	if err != nil {
		return nil, fmt.Errorf("lock BENCHD_DATA_DIR: %w: %s", err, folderRemedy)
	}
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	// A child that its holder has forked keeps a lock until it is another program.
	for wait := time.Millisecond; errors.Is(err, unix.EWOULDBLOCK) && len(linux.LockHolders(dir)) == 0 && wait < time.Second; wait *= 2 {
		time.Sleep(wait)
		err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	}
	if err == nil {
		return f, nil
	}
	defer f.Close()
	if errors.Is(err, unix.EWOULDBLOCK) {
		return nil, fmt.Errorf("BENCHD_DATA_DIR %s is in use by %s", dir, inUseBy(dir))
	}
	return nil, fmt.Errorf("lock BENCHD_DATA_DIR: flock %s: %w: its file system cannot lock folders, as those of a network often cannot: set BENCHD_DATA_DIR to a folder on a local disk", dir, err)
}

// inUseBy names who holds the folder, and says what to do about that.
func inUseBy(dir string) string {
	holders := linux.LockHolders(dir)
	switch {
	case len(holders) == 0:
		return "a process that cannot be seen from here, perhaps a benchd in another container: stop it, or set BENCHD_DATA_DIR to another folder"
	case holders[0].User != os.Geteuid():
		return fmt.Sprintf("%s of another user: end it and keep others out with chmod go-rwx, or set BENCHD_DATA_DIR to another folder", holders[0])
	default:
		return fmt.Sprintf("another process, %s: stop it, or set BENCHD_DATA_DIR to another folder", holders[0])
	}
}
