package linux

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"
)

// Workloads run as benchd's user, so they can do anything to its own folders
// and files. These get them back.

// OpenAgain gives us our rights on a folder or file of ours, if they were taken
// away. What the user benchd runs as does not own stays as it is.
func OpenAgain(path string) {
	info, err := os.Stat(path)
	if err != nil {
		return
	}
	rights := fs.FileMode(0o700)
	if !info.IsDir() {
		rights = 0o600
		if link, err := os.Lstat(path); err != nil || link.Mode()&fs.ModeSymlink != 0 {
			return // to a file that is none of benchd's
		}
	}
	if mode := info.Mode().Perm(); mode&rights != rights {
		_ = os.Chmod(path, mode|rights) // if it fails, so does what follows
	}
}

// MakeFolder makes a folder for ourselves, or opens it again. What lies in its
// place and is none is kept under another name.
func MakeFolder(path string) error {
	OpenAgain(path)
	info, err := os.Stat(path) // it may be a symbolic link to a folder
	if err == nil && info.IsDir() {
		return nil
	}
	if _, err := SetAside(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return os.Mkdir(path, 0o755)
}

// SetAside gives what lies at path, in the place of something of benchd's,
// another name, so that nothing is lost.
func SetAside(path string) (kept string, err error) {
	kept = fmt.Sprintf("%s.foreign-%d", path, time.Now().UnixNano())
	return kept, os.Rename(path, kept)
}
