package linux

import (
	"errors"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// NotRegularError is that what lies at a path is no regular file.
type NotRegularError struct{ kind string }

func (e NotRegularError) Error() string { return "is " + e.kind + ", want a regular file" }

// OpenRegular opens a regular file for reading, also by a link, or fails with a
// NotRegularError. It neither waits for the writer of a pipe nor opens a device,
// which may have no end: others decide what lies at the path, and when.
func OpenRegular(path string) (*os.File, fs.FileInfo, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if errors.Is(err, unix.ENXIO) {
		return nil, nil, NotRegularError{"a socket or a device"}
	}
	if err != nil {
		return nil, nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = NotRegularError{kindOf(info.Mode())}
	}
	if err != nil {
		f.Close()
		return nil, nil, err
	}
	return f, info, nil
}

func kindOf(mode fs.FileMode) string {
	switch {
	case mode.IsDir():
		return "a folder"
	case mode&fs.ModeNamedPipe != 0:
		return "a pipe"
	}
	return "a device"
}
