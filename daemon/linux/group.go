package linux

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/prometheus/procfs"
	"golang.org/x/sys/unix"
)

// Group is a cgroup of version 2 that holds processes together, and limits and
// weighs nothing. Whoever is started in it stays in it, unless it is root or
// has the right to move itself. The zero Group stands for none.
type Group struct{ dir string }

// Delegated returns the folder in which this process may make groups: that of
// its own, where systemd (Delegate=yes), a container or being root allows it.
// The error says why there is none.
func Delegated() (string, error) {
	own, err := ownGroup()
	if err != nil {
		return "", err
	}
	// Groups with a CPU controller share the CPU among one another, and not
	// among their processes: that would change what is measured.
	if controllers := read(own, "cgroup.subtree_control"); controllers != "" {
		return "", fmt.Errorf("the groups in %s have controllers (%s), which would share the CPU in another way", own, controllers)
	}
	// The kernel asks for it when a process is started in a group below.
	if err := unix.Access(filepath.Join(own, "cgroup.procs"), unix.W_OK); err != nil {
		return "", fmt.Errorf("%s is not delegated to benchd: %w", own, err)
	}
	// Asked for nothing it refuses, unless a sandbox hides it.
	if _, _, err := unix.RawSyscall(unix.SYS_CLONE3, 0, 0, 0); err != unix.EINVAL {
		return "", fmt.Errorf("clone3: %w", err)
	}
	probe, err := MakeGroup(filepath.Join(own, "benchd-probe"))
	if err != nil {
		return "", err
	}
	_, err = os.Stat(filepath.Join(probe.dir, "cgroup.kill"))
	if err := errors.Join(err, probe.Remove()); err != nil {
		return "", err
	}
	return own, nil
}

// ownGroup is the folder of the group of this process.
func ownGroup() (string, error) {
	path := groupOf(os.Getpid(), "")
	for _, mount := range groupMounts() {
		below, err := filepath.Rel(mount.Root, path)
		if err != nil || below == ".." || strings.HasPrefix(below, "../") {
			continue
		}
		if folder := filepath.Join(mount.MountPoint, below); holds(folder, "cgroup.procs") {
			return folder, nil
		}
	}
	return "", errors.New("no cgroup of version 2 is mounted that holds benchd")
}

func groupMounts() []*procfs.MountInfo {
	mounts, err := procfs.GetMounts()
	if err != nil {
		return nil
	}
	return slices.DeleteFunc(mounts, func(m *procfs.MountInfo) bool { return m.FSType != "cgroup2" })
}

// MakeGroup makes the group, or takes the one that is there.
func MakeGroup(dir string) (Group, error) {
	if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return Group{}, err
	}
	// A group less to keep account of when its processes wait.
	_ = os.WriteFile(filepath.Join(dir, "cgroup.pressure"), []byte("0"), 0)
	return Group{dir}, nil
}

// OpenGroup is the group in the folder, the zero one for "".
func OpenGroup(dir string) Group { return Group{dir} }

// FindGroups finds the groups whose name begins with the prefix, wherever they
// are.
func FindGroups(prefix string) []Group {
	var found []Group
	for _, mount := range groupMounts() {
		_ = filepath.WalkDir(mount.MountPoint, func(path string, entry fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return fs.SkipDir // it has gone, or is not to be seen
			case !entry.IsDir() || !strings.HasPrefix(entry.Name(), prefix):
				return nil
			}
			found = append(found, Group{path})
			return fs.SkipDir
		})
	}
	return found
}

// Dir is the folder of the group, "" for none.
func (g Group) Dir() string { return g.dir }

// Processes returns the processes in the group and in those below it.
func (g Group) Processes() []int {
	var pids []int
	for _, dir := range g.folders() {
		for text := range strings.FieldsSeq(read(dir, "cgroup.procs")) {
			if pid, err := strconv.Atoi(text); err == nil && pid > 0 { // 0 is one that is not to be seen from here
				pids = append(pids, pid)
			}
		}
	}
	return pids
}

// Kill kills all processes of the group and below, those that are being started
// included.
func (g Group) Kill() error {
	if g.dir == "" {
		return nil
	}
	return os.WriteFile(filepath.Join(g.dir, "cgroup.kill"), []byte("1"), 0)
}

// Remove removes the group and those below it. It fails while a process lives
// in one.
func (g Group) Remove() error {
	var failed error
	for _, dir := range slices.Backward(g.folders()) {
		if err := os.Remove(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
			failed = errors.Join(failed, err)
		}
	}
	return failed
}

// folders are those of the group and of all below it, each after its parent.
func (g Group) folders() []string {
	if g.dir == "" {
		return nil
	}
	var dirs []string
	_ = filepath.WalkDir(g.dir, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() {
			dirs = append(dirs, path)
		}
		return nil // what has gone is no matter
	})
	return dirs
}
