package experiments

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

const manifestName = "workload.yaml"

// maxManifestBytes bounds a manifest: some kilobytes are usual.
const maxManifestBytes = 1 << 20

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
			if !exists(file) {
				if near := filepath.Join(dir, "workload.yml"); exists(near) {
					faults = append(faults, fmt.Errorf("%s: the name of a manifest is %s", near, manifestName))
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

func exists(file string) bool {
	_, err := os.Stat(file)
	return err == nil
}

// read fills the task from its manifest.
func (t *task) read(file string, isBuiltin func(string) bool) []error {
	f, err := os.Open(file)
	if err != nil {
		return []error{fmt.Errorf("read manifest: %w", err)}
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxManifestBytes+1))
	switch {
	case err != nil:
		return []error{fmt.Errorf("read manifest: %w", err)}
	case len(data) > maxManifestBytes:
		return []error{fmt.Errorf("%s: more than %d bytes, is it a manifest?", file, maxManifestBytes)}
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

// environment is what the programs of the task get from the manifest.
func (t *task) environment(env map[string]string, s size) map[string]string {
	all := make(map[string]string)
	for name, text := range env {
		all[name] = strings.ReplaceAll(text, workloadsReference, t.tree.dir)
	}
	for name, text := range s.params {
		all["WORKLOAD_"+strings.ToUpper(name)] = text
	}
	return all
}
