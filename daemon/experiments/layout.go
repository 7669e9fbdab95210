package experiments

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// markerName is a file that says whose the folder is: what is stale in it is
// removed, which must not happen to a folder that was named by mistake.
const markerName = ".benchd-workloads"

const markerText = "benchd lays out its tasks in this folder, and removes whatever else it finds here.\n"

// layOut writes the tasks to the folder, so that interpreters can read them,
// and returns its absolute path. Files that are there already are left alone:
// a second benchd may be running them.
func layOut(tasks fs.FS, dir string) (string, error) {
	dir, err := prepare(dir)
	if err != nil {
		return "", fmt.Errorf("lay out tasks: %w", err)
	}
	wanted := map[string]bool{".": true, markerName: false} // whether it is a folder
	err = fs.WalkDir(tasks, ".", func(path string, entry fs.DirEntry, err error) error {
		wanted[filepath.FromSlash(path)] = entry != nil && entry.IsDir()
		return err
	})
	if err == nil {
		err = removeOthers(dir, wanted)
	}
	if err != nil {
		return "", fmt.Errorf("lay out tasks: %w", err)
	}
	for path, isDir := range wanted {
		if isDir || path == markerName {
			continue
		}
		content, err := fs.ReadFile(tasks, filepath.ToSlash(path))
		if err == nil {
			err = place(filepath.Join(dir, path), content)
		}
		if err != nil {
			return "", fmt.Errorf("lay out tasks: %w", err)
		}
	}
	return dir, nil
}

// prepare makes the folder and its marker, or refuses a folder of others.
func prepare(dir string) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	// A symbolic link would be an empty folder to WalkDir.
	if dir, err = filepath.EvalSymlinks(dir); err != nil {
		return "", err
	}
	marker := filepath.Join(dir, markerName)
	if exists(marker) {
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

// removeOthers removes whatever is not wanted, or is not of the wanted kind.
func removeOthers(dir string, wanted map[string]bool) error {
	return filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		isDir, ok := wanted[relative]
		if ok && isDir == entry.IsDir() && (isDir || entry.Type().IsRegular()) {
			return nil
		}
		if err := os.RemoveAll(path); err != nil {
			return err
		}
		if entry.IsDir() {
			return filepath.SkipDir
		}
		return nil
	})
}

// place makes the file hold the content. It replaces the file rather than
// write to it, for a program that is just being read. Scripts can be executed:
// embedding has lost the bit.
func place(file string, content []byte) error {
	mode := fs.FileMode(0o644)
	if bytes.HasPrefix(content, []byte("#!")) {
		mode = 0o755
	}
	if info, err := os.Stat(file); err == nil && info.Mode().Perm() == mode {
		if there, err := os.ReadFile(file); err == nil && bytes.Equal(there, content) {
			return nil
		}
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
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
