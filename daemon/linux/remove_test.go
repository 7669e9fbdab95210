package linux

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestRemoveAll(t *testing.T) {
	folder := func(t *testing.T, path string) string {
		t.Helper()
		if err := os.MkdirAll(path, 0o755); err != nil {
			t.Fatal(err)
		}
		return path
	}
	file := func(t *testing.T, path string) {
		t.Helper()
		folder(t, filepath.Dir(path))
		if err := os.WriteFile(path, []byte("x"), 0o400); err != nil {
			t.Fatal(err)
		}
	}
	mode := func(t *testing.T, path string, mode os.FileMode) {
		t.Helper()
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	for name, fill := range map[string]func(t *testing.T, dir string){
		"nothing": func(_ *testing.T, dir string) { _ = os.Remove(dir) },
		"a file":  func(t *testing.T, dir string) { _ = os.Remove(dir); file(t, dir) },
		"Go's module cache": func(t *testing.T, dir string) {
			file(t, dir+"/go/pkg/mod/x/f")
			mode(t, dir+"/go/pkg/mod/x", 0o555)
		},
		"chmod 000": func(t *testing.T, dir string) { file(t, dir+"/a/f"); mode(t, dir+"/a", 0); mode(t, dir, 0) },
		"no right to search": func(t *testing.T, dir string) {
			file(t, dir+"/a/b/f")
			mode(t, dir+"/a/b", 0o600)
			mode(t, dir+"/a", 0o600)
		},
		"sticky and set-group": func(t *testing.T, dir string) {
			file(t, dir+"/a/f")
			mode(t, dir+"/a", os.ModeSticky|os.ModeSetgid|0o111)
		},
		"names": func(t *testing.T, dir string) {
			for _, name := range []string{"new\nline", "*", "[a-", "\\", " ", "-rf", "\xff", "%41", "#", "?", strings.Repeat("n", 255)} {
				file(t, dir+"/"+name+"/"+name)
			}
		},
		"many files": func(t *testing.T, dir string) {
			for n := range 5000 {
				file(t, fmt.Sprintf("%s/%d", dir, n))
			}
		},
		"sockets and fifos": func(t *testing.T, dir string) {
			if err := unix.Mkfifo(dir+"/fifo", 0o600); err != nil {
				t.Fatal(err)
			}
			if err := unix.Mknod(dir+"/socket", unix.S_IFSOCK|0o600, 0); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := folder(t, t.TempDir()+"/run-1")
			fill(t, dir)
			if err := RemoveAll(dir); err != nil {
				t.Error(err)
			}
			if _, err := os.Lstat(dir); !os.IsNotExist(err) {
				t.Errorf("it is there: %v", err)
			}
		})
	}
}

// What a link points to is not the tree's.
func TestRemoveAllFollowsNoLinks(t *testing.T) {
	kept := t.TempDir()
	if err := os.WriteFile(kept+"/f", []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, target := range map[string]string{"to a folder": kept, "to a file": kept + "/f", "dangling": "/no/such", "to itself": "link"} {
		for _, place := range []string{"run-1", "run-1/link"} { // the folder itself in place of what benchd made, and one in it
			dir := t.TempDir()
			link := filepath.Join(dir, place)
			if err := os.MkdirAll(filepath.Dir(link), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink(target, link); err != nil {
				t.Fatal(err)
			}
			if err := RemoveAll(dir + "/run-1"); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if _, err := os.Lstat(dir + "/run-1"); !os.IsNotExist(err) {
				t.Errorf("%s: it is there: %v", name, err)
			}
		}
	}
	if _, err := os.Stat(kept + "/f"); err != nil {
		t.Error(err)
	}
}

// A tree may be deeper than files can be open, and its paths longer than the
// kernel takes.
func TestRemoveAllOfDeepTree(t *testing.T) {
	dir := t.TempDir() + "/run-1"
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	at, err := unix.Open(dir, unix.O_PATH, 0)
	if err != nil {
		t.Fatal(err)
	}
	for range 3000 {
		if err := unix.Mkdirat(at, "deeper", 0o755); err != nil {
			t.Fatal(err)
		}
		next, err := unix.Openat(at, "deeper", unix.O_PATH, 0)
		unix.Close(at)
		if err != nil {
			t.Fatal(err)
		}
		at = next
	}
	unix.Close(at)
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	few := limit
	few.Cur = 64
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &few); err != nil {
		t.Fatal(err)
	}
	err = RemoveAll(dir)
	if failed := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); failed != nil {
		t.Fatal(failed)
	}
	if err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("it is there: %v", err)
	}
}
