package experiments

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"benchd/daemon/environment"
)

const manifestName = "workload.yaml"

// tree is a folder that holds the folders of tasks.
type tree struct {
	dir      string // absolute
	embedded bool   // laid out from this binary
}

// task is a folder with a manifest; the folder's name is the task's.
type task struct {
	manifest
	name string
	tree tree
}

func (t *task) path(program string) string { return filepath.Join(t.tree.dir, t.name, program) }

// source is where a reader finds the program.
func (t *task) source(interpreter, program string) string {
	if interpreter == builtin {
		program = "" // the name of a program, not of a file
	}
	if t.tree.embedded {
		return filepath.ToSlash(filepath.Join("workloads", t.name, program))
	}
	return t.path(program)
}

// readTasks reads the tasks of all trees and returns every fault of them all.
func readTasks(trees []tree, isBuiltin func(string) bool) ([]task, error) {
	var tasks []task
	var faults []error
	dirs := make(map[string]string) // by task
	for _, tree := range trees {
		entries, err := os.ReadDir(tree.dir)
		if err != nil {
			faults = append(faults, fmt.Errorf("read tasks: %w: check BENCHD_WORKLOADS_DIR", err))
			continue
		}
		found := false
		for _, entry := range entries {
			dir := filepath.Join(tree.dir, entry.Name())
			file := filepath.Join(dir, manifestName)
			isThere, err := holds(dir, manifestName)
			if err != nil {
				faults = append(faults, fmt.Errorf("%s: cannot be looked into, and may hold a task: %w: let benchd's user read it, or move it elsewhere", dir, err))
				continue
			}
			if !isThere {
				const near = "workload.yml"
				if isNear, _ := holds(dir, near); isNear {
					faults = append(faults, fmt.Errorf("%s: the name of a manifest is %s", filepath.Join(dir, near), manifestName))
				}
				continue // such as a library that tasks share
			}
			found = true
			t := task{name: entry.Name(), tree: tree}
			if !namePattern.MatchString(t.name) {
				faults = append(faults, fmt.Errorf("%s: the folder's name is the task's: want lower-case letters, digits and +._-", file))
			}
			if other, twice := dirs[t.name]; twice {
				faults = append(faults, fmt.Errorf("%s: task %q is there twice, see %s: rename one of the folders", file, t.name, other))
			}
			dirs[t.name] = dir
			faults = append(faults, t.read(file, isBuiltin)...)
			tasks = append(tasks, t)
		}
		if !found {
			faults = append(faults, fmt.Errorf("%s: holds no task, want folders with a %s: check BENCHD_WORKLOADS_DIR", tree.dir, manifestName))
		}
	}
	return tasks, errors.Join(faults...)
}

// holds reports whether the folder has an entry of that name, be it a link that
// leads nowhere. A file is no folder, and has none.
func holds(dir, name string) (bool, error) {
	if filepath.Base(dir) == "lost+found" {
		return false, nil // a file system's own, in which only root may look
	}
	_, err := os.Lstat(filepath.Join(dir, name))
	switch {
	case err == nil:
		return true, nil
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, unix.ENOTDIR):
		return false, nil
	}
	return false, withoutPath(err)
}

// read fills the task from its manifest.
func (t *task) read(file string, isBuiltin func(string) bool) []error {
	data, err := readManifest(file)
	if err != nil {
		return []error{fmt.Errorf("%s: %w", file, err)}
	}
	var faults []error
	t.manifest, faults = parseManifest(file, data, func(interpreter, program string) error {
		return t.checkProgram(interpreter, program, isBuiltin)
	})
	return faults
}

func (t *task) checkProgram(interpreter, program string, isBuiltin func(string) bool) error {
	if interpreter == builtin {
		if !isBuiltin(program) {
			return fmt.Errorf("%q is no built-in program", program)
		}
		return nil
	}
	if !filepath.IsLocal(program) {
		return fmt.Errorf("want a file below the task's folder, got %q", program)
	}
	info, err := os.Stat(t.path(program))
	switch {
	case err != nil:
		return fmt.Errorf("there is no file %q in the task's folder", program)
	case !info.Mode().IsRegular():
		return fmt.Errorf("%q is no regular file", program)
	case interpreter == none && info.Mode().Perm()&0o111 == 0:
		return fmt.Errorf("%q is not executable: chmod +x it, or name its interpreter", program)
	}
	return nil
}

// libraries are the folders below that of all tasks which the environment names.
func (t *task) libraries(env map[string]string) (folders []string) {
	for _, name := range slices.Sorted(maps.Keys(env)) {
		for _, path := range filepath.SplitList(env[name]) {
			if strings.HasPrefix(path, workloadsReference) {
				folders = append(folders, strings.ReplaceAll(path, workloadsReference, t.tree.dir))
			}
		}
	}
	return folders
}

// environment is what the programs of the task get from their interpreter and
// from the manifest.
func (t *task) environment(interpreter, env map[string]string, s size) map[string]string {
	all := maps.Clone(interpreter)
	if all == nil {
		all = make(map[string]string)
	}
	for name, text := range env {
		environment.Add(all, map[string]string{name: strings.ReplaceAll(text, workloadsReference, t.tree.dir)})
	}
	for name, text := range s.params {
		all["WORKLOAD_"+strings.ToUpper(name)] = text
	}
	return all
}
