//go:build faults

package experiments

import (
	"os"
	"path/filepath"
	goruntime "runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestFaultUnreadableTasks looks as another user into folders that only root may
// read. A file system's lost+found is always such a one.
func TestFaultUnreadableTasks(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"closed", "lost+found", "file"} {
		writeFile(t, filepath.Join(dir, name, manifestName), "", 0o600)
	}
	for _, name := range []string{"closed", "lost+found"} {
		if err := os.Chmod(filepath.Join(dir, name), 0); err != nil {
			t.Fatal(err)
		}
	}
	for parent := dir; parent != os.TempDir(); parent = filepath.Dir(parent) {
		if err := os.Chmod(parent, 0o1777); err != nil {
			t.Fatal(err)
		}
	}
	got := make(chan error)
	go func() {
		goruntime.LockOSThread() // and let it end: it is another user's
		if err := unix.Setfsuid(65534); err != nil {
			got <- err
			return
		}
		_, err := readTasks([]tree{{dir: dir}}, func(string) bool { return false })
		got <- err
	}()
	want := []string{
		filepath.Join(dir, "closed") + ": cannot be looked into, and may hold a task: permission denied: let benchd's user read it, or move it elsewhere",
		filepath.Join(dir, "file", manifestName) + ": permission denied",
	}
	if err := <-got; err == nil || err.Error() != strings.Join(want, "\n") {
		t.Errorf("got %v\nwant %s", err, strings.Join(want, "\n"))
	}
}
