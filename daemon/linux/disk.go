package linux

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// FreeBytes is how much more this user may write to the file system of path.
func FreeBytes(path string) (float64, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(path, &s); err != nil {
		return 0, fmt.Errorf("free space of %s: %w", path, err)
	}
	return float64(s.Bavail) * float64(s.Bsize), nil
}

// SizeBytes is the space that the files of a folder take up, which of a sparse
// file is less than its length. Files that vanish meanwhile are passed over: a
// workload may be removing them.
func SizeBytes(folder string) (float64, error) {
	var blocks int64
	err := filepath.WalkDir(folder, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return gone(err)
		}
		var s unix.Stat_t
		if err := unix.Lstat(path, &s); err != nil {
			return gone(err)
		}
		blocks += s.Blocks
		return nil
	})
	const blockBytes = 512 // of st_blocks, whatever the file system's own are
	return float64(blocks) * blockBytes, err
}

func gone(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
