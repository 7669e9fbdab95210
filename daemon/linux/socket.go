package linux

import (
	"fmt"
	"os"
	"path/filepath"
)

// maxSocketPath is what fits into sun_path, with its final NUL: unix(7).
const maxSocketPath = 107

// SocketPath is a name for the socket at path that is short enough for the
// kernel: where the path is longer than the 107 bytes that it takes, one by way
// of the open folder. It holds until release is called.
func SocketPath(path string) (short string, release func(), err error) {
	if len(path) <= maxSocketPath {
		return path, func() {}, nil
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return "", nil, err
	}
	return fmt.Sprintf("/proc/self/fd/%d/%s", dir.Fd(), filepath.Base(path)), func() { dir.Close() }, nil
}
