//go:build faults

package linux

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestFaultRemoveAllNeverEntersMounts mounts something into the tree, and wants
// what lies there to survive, the mount to be named, and all else to be gone.
func TestFaultRemoveAllNeverEntersMounts(t *testing.T) {
	mount := func(t *testing.T, source, target, kind string, flags uintptr) {
		t.Helper()
		if err := os.MkdirAll(target, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := unix.Mount(source, target, kind, flags, ""); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = unix.Unmount(target, unix.MNT_DETACH) })
	}
	for name, test := range map[string]struct {
		at    string // where the mount is, below the tree's folder
		mount func(t *testing.T, kept, at string)
	}{
		"tmpfs":          {"a/b", func(t *testing.T, _, at string) { mount(t, "none", at, "tmpfs", 0) }},
		"bind mount":     {"a/b", func(t *testing.T, kept, at string) { mount(t, kept, at, "", unix.MS_BIND) }},
		"read-only bind": {"a/b", func(t *testing.T, kept, at string) { mount(t, kept, at, "", unix.MS_BIND|unix.MS_RDONLY) }},
		"over the folder itself": {"", func(t *testing.T, kept, at string) {
			mount(t, kept, at, "", unix.MS_BIND)
		}},
		"proc": {"proc", func(t *testing.T, _, at string) { mount(t, "proc", at, "proc", 0) }},
		"two, one over the other": {"a", func(t *testing.T, kept, at string) {
			mount(t, kept, at, "", unix.MS_BIND)
			mount(t, "none", at, "tmpfs", 0)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			kept := t.TempDir()
			if err := os.WriteFile(kept+"/precious", []byte("x"), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(kept, 0o500); err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir() + "/run-1"
			if err := os.MkdirAll(dir+"/other", 0o500); err != nil {
				t.Fatal(err)
			}
			at := filepath.Join(dir, test.at)
			test.mount(t, kept, at)
			err := RemoveAll(dir)
			if want := "cannot remove " + at + ": a mount point, which is not entered: umount it"; err == nil || err.Error() != want {
				t.Errorf("got  %v\nwant %s", err, want)
			}
			if _, err := os.Stat(kept + "/precious"); err != nil {
				t.Errorf("behind the mount: %v", err)
			}
			if info, err := os.Stat(kept); err != nil || info.Mode().Perm() != 0o500 {
				t.Errorf("behind the mount the mode is %v, %v", info.Mode(), err)
			}
			if test.at != "" {
				if _, err := os.Stat(dir + "/other"); !os.IsNotExist(err) {
					t.Errorf("what is beside the mount is there: %v", err)
				}
			}
			for mounted := true; mounted; { // there may be several
				mounted = unix.Unmount(at, unix.MNT_DETACH) == nil
			}
			if err := RemoveAll(dir); err != nil {
				t.Errorf("without the mount: %v", err)
			}
		})
	}
}

// A file can be a mount point, too.
func TestFaultRemoveAllNamesMountedFile(t *testing.T) {
	kept := t.TempDir() + "/precious"
	dir := t.TempDir() + "/run-1"
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{kept, dir + "/f"} {
		if err := os.WriteFile(file, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := unix.Mount(kept, dir+"/f", "", unix.MS_BIND, ""); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = unix.Unmount(dir+"/f", unix.MNT_DETACH) }()
	err := RemoveAll(dir)
	if want := "cannot remove " + dir + "/f: device or resource busy (a mount point: umount it)"; err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	if text, err := os.ReadFile(kept); err != nil || string(text) != "x" {
		t.Errorf("the file holds %q, %v", text, err)
	}
}

// TestFaultRemoveAllNamesImmutable wants what cannot be removed to be named, and
// all else to be gone.
func TestFaultRemoveAllNamesImmutable(t *testing.T) {
	const immutable, appendOnly = 0x10, 0x20 // FS_IMMUTABLE_FL, FS_APPEND_FL
	for name, test := range map[string]struct {
		what, named string
		flag        int
	}{
		"file":               {"a/f", "a/f", immutable},
		"folder":             {"a", "a/f", immutable},
		"the folder itself":  {"", "a", immutable},
		"append-only file":   {"a/f", "a/f", appendOnly},
		"append-only folder": {"a", "a/f", appendOnly},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir() + "/run-1"
			for _, path := range []string{dir + "/a", dir + "/b"} {
				if err := os.MkdirAll(path, 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path+"/f", []byte("x"), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			what := filepath.Join(dir, test.what)
			setFlag(t, what, test.flag, true)
			t.Cleanup(func() { setFlag(t, what, test.flag, false) })
			err := RemoveAll(dir)
			if want := dir + "/" + test.named + ": operation not permitted (chattr -i, or remove it as its owner)"; err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("got  %v\nwant %s in it", err, want)
			}
			if _, err := os.Stat(dir + "/b"); test.what != "" && !os.IsNotExist(err) {
				t.Errorf("what is beside it is there: %v", err)
			}
			if _, err := os.Stat(dir + "/b/f"); !os.IsNotExist(err) {
				t.Errorf("what is beside it is there: %v", err)
			}
		})
	}
}

// setFlag sets a flag of chattr(1), or clears it.
func setFlag(t *testing.T, path string, flag int, on bool) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	flags, err := unix.IoctlGetInt(int(f.Fd()), unix.FS_IOC_GETFLAGS)
	if err == nil {
		flags &^= flag
		if on {
			flags |= flag
		}
		err = unix.IoctlSetPointerInt(int(f.Fd()), unix.FS_IOC_SETFLAGS, flags)
	}
	if err != nil {
		t.Fatal(fmt.Errorf("%s: %w", path, err))
	}
}

// TestFaultRemoveAllAsUser removes as the image's user what root would be let
// remove anyway, and passes over what another user owns.
func TestFaultRemoveAllAsUser(t *testing.T) {
	const user = 10001
	base, err := os.MkdirTemp("", "remove-") //nolint:usetesting // others cannot enter t.TempDir
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(base) })
	dir := base + "/run-1"
	own := []string{base, dir, dir + "/go", dir + "/go/x", dir + "/shut"}
	for _, path := range append(own, dir+"/theirs") {
		if err := os.MkdirAll(path, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, path := range []string{dir + "/go/x/f", dir + "/shut/f", dir + "/theirs/f", dir + "/theirs/g", dir + "/theirs/h", dir + "/theirs/i"} {
		if err := os.WriteFile(path, []byte("x"), 0o444); err != nil {
			t.Fatal(err)
		}
	}
	for _, path := range own {
		if err := os.Chown(path, user, user); err != nil {
			t.Fatal(err)
		}
	}
	for path, mode := range map[string]os.FileMode{dir + "/go/x": 0o555, dir + "/go": 0o555, dir + "/shut": 0, dir: 0} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	// Of the thread alone: the others stay root's.
	done := make(chan error)
	go func() {
		runtime.LockOSThread()
		_, _, failed := unix.RawSyscall(unix.SYS_SETRESUID, ^uintptr(0), user, ^uintptr(0))
		if failed != 0 {
			done <- failed
			return
		}
		err := RemoveAll(dir)
		_, _, failed = unix.RawSyscall(unix.SYS_SETRESUID, ^uintptr(0), 0, ^uintptr(0))
		if failed != 0 {
			err = failed
		}
		done <- err
	}()
	err = <-done
	if err == nil || !strings.HasPrefix(err.Error(), "cannot remove "+dir+"/theirs/") ||
		!strings.HasSuffix(err.Error(), ": permission denied (remove it as the owner of its folder); and 1 more") {
		t.Errorf("got %v", err)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 1 {
		t.Errorf("left: %v", entries)
	}
}

// TestFaultRemoveAllShortensPaths wants a message that fits a screen, however
// deep the thing lies that cannot be removed.
func TestFaultRemoveAllShortensPaths(t *testing.T) {
	dir := t.TempDir() + "/run-1"
	deep := dir + strings.Repeat("/deeper", 100)
	if err := os.MkdirAll(deep, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(deep+"/f", []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	const immutable = 0x10
	setFlag(t, deep+"/f", immutable, true)
	t.Cleanup(func() { setFlag(t, deep+"/f", immutable, false) })
	err := RemoveAll(dir)
	if err == nil || len(err.Error()) > 600 || !strings.HasPrefix(err.Error(), "cannot remove "+dir) || !strings.Contains(err.Error(), "deeper/f: operation not permitted") {
		t.Errorf("got %v", err)
	}
}
