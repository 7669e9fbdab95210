package linux

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// RemoveAll removes what is at path and all below it, as os.RemoveAll does, but
// from folders that others have filled: it makes folders writable first, never
// enters a mount, whose files are not path's, and goes on after what cannot be
// removed. The error names that, and what to do about it. However deep the
// tree, it holds one folder open. Nobody may change the tree meanwhile.
func RemoveAll(path string) error {
	parent, name := filepath.Split(filepath.Clean(path))
	if parent == "" {
		parent = "."
	}
	folder, err := os.OpenFile(parent, unix.O_PATH|unix.O_DIRECTORY, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	r := remover{parent: parent, at: folder}
	defer func() { r.at.Close() }()
	if r.mount, err = mountOf(folder); err != nil {
		return err
	}
	r.remove(name)
	for len(r.levels) > 0 && !r.lost {
		if top := &r.levels[len(r.levels)-1]; len(top.folders) > 0 {
			next := top.folders[0]
			top.folders = top.folders[1:]
			r.remove(next)
			continue
		}
		r.leave()
	}
	return r.failure()
}

// namedLeft is how many of the things that cannot be removed are named.
const namedLeft = 3

var (
	errMount = errors.New("a mount point, which is not entered: umount it")
	errMoved = errors.New("its parent was moved meanwhile")
)

// remover walks down a tree and up again.
type remover struct {
	parent string // path of the folder that the tree is in
	mount  uint64 // which it must not leave
	at     *os.File
	levels []level // from the tree's top to at, none while at is the parent
	lost   bool    // it does not know any more where it is

	left  int // things that could not be removed
	named []string
}

// level is a folder on the way.
type level struct {
	name    string
	above   identity // of the folder that it is in
	folders []string // below it, still to be removed
	left    int      // of the remover, before this was entered
}

type identity struct{ device, inode uint64 }

// remove removes the entry of the present folder, or enters it.
func (r *remover) remove(name string) {
	err := unix.Unlinkat(int(r.at.Fd()), name, 0)
	if err == nil || errors.Is(err, unix.ENOENT) {
		return
	}
	inner, openErr := r.open(name)
	switch {
	case openErr == nil:
	case errors.Is(openErr, unix.ENOTDIR): // as is a symbolic link
		r.fail(name, err)
		return
	case unix.Unlinkat(int(r.at.Fd()), name, unix.AT_REMOVEDIR) == nil:
		return // it was empty
	default:
		r.fail(name, openErr)
		return
	}
	above, err := identityOf(r.at)
	if err != nil {
		inner.Close()
		r.fail(name, err)
		return
	}
	r.at.Close()
	r.at = inner
	r.levels = append(r.levels, level{name: name, above: above, left: r.left})
	r.empty()
}

// open opens a folder in the present one, readable and writable.
func (r *remover) open(name string) (*os.File, error) {
	fd, err := unix.Openat(int(r.at.Fd()), name, unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	folder := os.NewFile(uintptr(fd), name)
	defer folder.Close()
	if mount, err := mountOf(folder); err != nil || mount != r.mount {
		return nil, errors.Join(err, errMount)
	}
	var s unix.Stat_t
	if err := unix.Fstat(fd, &s); err != nil {
		return nil, err
	}
	if s.Mode&unix.S_IRWXU != unix.S_IRWXU {
		// By way of /proc, for fchmod(2) refuses what was opened with O_PATH.
		// If it fails, so does what follows.
		_ = os.Chmod(fmt.Sprintf("/proc/self/fd/%d", fd), 0o700)
	}
	inner, err := unix.Openat(fd, ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(inner), name), nil
}

// empty removes what is in the present folder, and remembers the folders. It
// reads the names until there is nothing to remove, for some file systems leave
// names out while others are being removed.
func (r *remover) empty() {
	top := &r.levels[len(r.levels)-1]
	for removed := true; removed; {
		removed, top.folders = false, nil
		_, err := r.at.Seek(0, io.SeekStart)
		for err == nil { // what cannot be read keeps its folder from being removed
			var names []string
			names, err = r.at.Readdirnames(1024)
			for _, name := range names {
				if unix.Unlinkat(int(r.at.Fd()), name, 0) == nil {
					removed = true
				} else {
					top.folders = append(top.folders, name) // or cannot be removed, as remove will find
				}
			}
		}
	}
}

// leave goes up from the present folder, and removes it.
func (r *remover) leave() {
	top := r.levels[len(r.levels)-1]
	above, err := r.up(top)
	if err != nil {
		r.lost = true
		r.fail(".", err)
		return
	}
	r.at.Close()
	r.at = above
	r.levels = r.levels[:len(r.levels)-1]
	err = unix.Unlinkat(int(r.at.Fd()), top.name, unix.AT_REMOVEDIR)
	if err != nil && r.left == top.left { // else what is in it has been named
		r.fail(top.name, err)
	}
}

// up opens the folder that the present one is in.
func (r *remover) up(top level) (*os.File, error) {
	fd, err := unix.Openat(int(r.at.Fd()), "..", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	above := os.NewFile(uintptr(fd), "..")
	if is, err := identityOf(above); err != nil || is != top.above {
		above.Close()
		return nil, errors.Join(err, errMoved)
	}
	return above, nil
}

func (r *remover) fail(name string, err error) {
	r.left++
	if len(r.named) >= namedLeft {
		return
	}
	path := strings.TrimSuffix(r.parent, "/")
	for _, l := range r.levels {
		path += "/" + l.name
	}
	r.named = append(r.named, fmt.Sprintf("%s: %v%s", shorten(path+"/"+name), err, remedy(err)))
}

func (r *remover) failure() error {
	if r.left == 0 {
		return nil
	}
	text := strings.Join(r.named, "; ")
	if more := r.left - len(r.named); more > 0 {
		text += fmt.Sprintf("; and %d more", more)
	}
	return fmt.Errorf("cannot remove %s", text)
}

// remedy is what a person can do about a thing that cannot be removed.
func remedy(err error) string {
	switch {
	case errors.Is(err, unix.EPERM):
		return " (chattr -i, or remove it as its owner)"
	case errors.Is(err, unix.EACCES):
		return " (remove it as the owner of its folder)"
	case errors.Is(err, unix.EBUSY):
		return " (a mount point: umount it)"
	}
	return ""
}

// shorten leaves out the middle of a path that would fill a screen.
func shorten(path string) string {
	const most = 200 // bytes, at either end
	if len(path) > 2*most {
		path = path[:most] + "..." + path[len(path)-most:]
	}
	return path
}

// SameMount reports whether two folders lie in the same mount.
func SameMount(a, b string) (bool, error) {
	var mounts [2]uint64
	for i, path := range []string{a, b} {
		folder, err := os.OpenFile(path, unix.O_PATH|unix.O_DIRECTORY, 0)
		if err != nil {
			return false, err
		}
		mounts[i], err = mountOf(folder)
		folder.Close()
		if err != nil {
			return false, err
		}
	}
	return mounts[0] == mounts[1], nil
}

// mountOf tells a folder's mount from others: by its id where the kernel tells
// it (Linux 5.8), for a bind mount has the device of its source; else by the
// device.
func mountOf(folder *os.File) (uint64, error) {
	var x unix.Statx_t
	err := unix.Statx(int(folder.Fd()), "", unix.AT_EMPTY_PATH, unix.STATX_MNT_ID, &x)
	if err == nil && x.Mask&unix.STATX_MNT_ID != 0 {
		return x.Mnt_id, nil
	}
	is, err := identityOf(folder)
	return is.device, err
}

func identityOf(folder *os.File) (identity, error) {
	var s unix.Stat_t
	err := unix.Fstat(int(folder.Fd()), &s)
	return identity{s.Dev, s.Ino}, err
}
