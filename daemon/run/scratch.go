package run

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"benchd/daemon/bench"
	"benchd/daemon/linux"
)

// runPrefix begins the name of each run's folder in the scratch folder.
const runPrefix = "run-"

// unshut gives us back the folders that runs are made in.
func (r *Runner) unshut() {
	linux.OpenAgain(filepath.Dir(r.ScratchDir))
	linux.OpenAgain(r.ScratchDir)
}

// makeScratch makes the folder of a run.
func (r *Runner) makeScratch() (string, error) {
	linux.OpenAgain(filepath.Dir(r.ScratchDir))
	if err := linux.MakeFolder(r.ScratchDir); err != nil {
		return "", fmt.Errorf("make a scratch folder: %w: see BENCHD_DATA_DIR", err)
	}
	// Of a fixed width, for it is in the workload's environment; os.MkdirTemp's
	// names have up to 10 digits.
	dir := filepath.Join(r.ScratchDir, runPrefix+rand.Text())
	if err := os.Mkdir(dir, 0o700); err != nil {
		return "", fmt.Errorf("make a scratch folder: %w: see BENCHD_DATA_DIR", err)
	}
	return dir, nil
}

// removeScratch removes the folder of a run that has ended. What cannot be
// removed stays, until Clear can.
func (r *Runner) removeScratch(dir string) {
	r.unshut()
	err := linux.RemoveAll(dir)
	if err == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.left == nil {
		r.left = map[string]bool{}
	}
	r.left[filepath.Base(dir)] = true
	r.warnLeft(len(r.left), err)
}

// Clear kills and removes what earlier runs left, be it runs of an earlier
// daemon. It stops nobody: what cannot be removed is named, counted and passed
// over. No run may be going on, and only one daemon may use the folder.
func (r *Runner) Clear() {
	r.clearProcesses()
	r.unshut()
	entries, err := os.ReadDir(r.ScratchDir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		r.Log.Warn("scratch folder cannot be read, what earlier runs left stays there", "err", err)
	}
	left := map[string]bool{}
	var first error // of those that were not known to be left
	for _, entry := range entries {
		path := filepath.Join(r.ScratchDir, entry.Name())
		err := fmt.Errorf("%s is none of benchd's: remove it", path)
		if strings.HasPrefix(entry.Name(), runPrefix) {
			err = linux.RemoveAll(path)
		}
		if err == nil {
			continue
		}
		left[entry.Name()] = true
		if first == nil && !r.left[entry.Name()] {
			first = err
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.left = left
	if first != nil {
		r.warnLeft(len(left), first)
	}
}

func (r *Runner) warnLeft(count int, err error) {
	r.Log.Warn("what runs left in the scratch folder cannot be removed, and is passed over", "left", count, "err", err)
}

// Leftovers counts what runs left and benchd cannot get rid of.
func (r *Runner) Leftovers() bench.Leftovers {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.forgetEnded()
	return bench.Leftovers{Scratch: len(r.left), Processes: len(r.survivors)}
}
