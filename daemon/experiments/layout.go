package experiments

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"benchd/daemon/linux"
)

// markerName is a file that says whose the folder is: what is stale in it is
// removed, which must not happen to a folder that was named by mistake.
const markerName = ".benchd-workloads"

const markerText = "benchd lays out its tasks in this folder, and removes whatever else it finds here.\n"

// layOut writes the tasks to the folder, so that interpreters can read them,
// and returns its absolute path. Files that are there already are left alone:
// a second benchd may be running them. Workloads run as benchd's user, so the
// folder may hold anything: what is not wanted and cannot be removed is
// returned as left, an error for each, and stops nothing.
func layOut(tasks fs.FS, dir string) (_ string, left []error, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("lay out tasks: %w", err)
		}
	}()
	if dir, err = prepare(dir); err != nil {
		return "", nil, err
	}
	wanted := map[string]bool{markerName: false} // whether it is a folder
	err = fs.WalkDir(tasks, ".", func(path string, entry fs.DirEntry, err error) error {
		wanted[filepath.FromSlash(path)] = entry != nil && entry.IsDir()
		return err
	})
	if err != nil {
		return "", nil, err
	}
	for _, path := range slices.Sorted(maps.Keys(wanted)) { // folders before what is in them
		if path == markerName {
			continue
		}
		if !wanted[path] {
			err = placeFrom(tasks, path, dir)
		} else if err = makeFolder(filepath.Join(dir, path)); err == nil {
			left = append(left, removeOthers(dir, path, wanted)...)
		}
		if err != nil {
			return "", nil, fmt.Errorf("%w: see lsattr and mount, remove %s by hand, or choose another BENCHD_DATA_DIR", err, dir)
		}
	}
	return dir, left, nil
}

func placeFrom(tasks fs.FS, path, dir string) error {
	content, err := fs.ReadFile(tasks, filepath.ToSlash(path))
	if err != nil {
		return err
	}
	return place(filepath.Join(dir, path), content)
}

// prepare makes the folder and its marker, or refuses a folder of others.
func prepare(dir string) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	if err := errors.Join(os.MkdirAll(filepath.Dir(dir), 0o755), linux.MakeFolder(dir)); err != nil {
		return "", err
	}
	// The folder may be a symbolic link, what is in it may not.
	if dir, err = filepath.EvalSymlinks(dir); err != nil {
		return "", err
	}
	marker := filepath.Join(dir, markerName)
	if _, err := os.Stat(marker); err == nil {
		return dir, nil
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "", err
	}
	if len(entries) > 0 {
		return "", fmt.Errorf("%s holds files that benchd did not put there: empty it, or choose another BENCHD_DATA_DIR", dir)
	}
	return dir, place(marker, []byte(markerText))
}

// makeFolder makes a folder, and lets us read and write in it, whatever a
// workload has made of it.
func makeFolder(path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return os.Mkdir(path, 0o755)
	case err != nil:
		return err
	case !info.IsDir():
		return errors.Join(linux.RemoveAll(path), os.Mkdir(path, 0o755))
	case info.Mode().Perm()&0o700 != 0o700:
		return os.Chmod(path, 0o755)
	}
	return nil
}

// removeOthers removes from the folder at path, below dir, whatever is not
// wanted or not of the wanted kind. It returns what it cannot remove.
func removeOthers(dir, path string, wanted map[string]bool) (left []error) {
	folder := filepath.Join(dir, path)
	if same, err := linux.SameMount(dir, folder); err != nil || !same {
		return []error{fmt.Errorf("%s is a mount point, in which nothing is removed: umount it", folder)}
	}
	entries, err := os.ReadDir(folder)
	if err != nil {
		left = append(left, err)
	}
	for _, entry := range entries {
		isDir, ok := wanted[filepath.Join(path, entry.Name())]
		if ok && isDir == entry.IsDir() && (isDir || entry.Type().IsRegular()) {
			continue
		}
		if err := linux.RemoveAll(filepath.Join(folder, entry.Name())); err != nil {
			left = append(left, err)
		}
	}
	return left
}

// place makes the file hold the content. It replaces the file rather than
// write to it, for a program that is just being read. Scripts can be executed:
// embedding has lost the bit.
func place(file string, content []byte) error {
	mode := fs.FileMode(0o644)
	if bytes.HasPrefix(content, []byte("#!")) {
		mode = 0o755
	}
	if info, err := os.Lstat(file); err == nil && info.Mode() == mode {
		if there, err := os.ReadFile(file); err == nil && bytes.Equal(there, content) {
			return nil
		}
	}
	temporary, err := os.CreateTemp(filepath.Dir(file), ".new-*")
	if err != nil {
		return err
	}
	_, err = temporary.Write(content)
	err = errors.Join(err, temporary.Chmod(mode), temporary.Close())
	if err == nil {
		err = os.Rename(temporary.Name(), file)
	}
	if err != nil {
		return errors.Join(err, os.Remove(temporary.Name()))
	}
	return nil
}
