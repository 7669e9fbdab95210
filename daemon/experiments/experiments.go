// Package experiments turns manifests into experiments: the second step of the
// flow
//
//	config -> experiments -> schedule -> run and measure -> record -> expose
//
// A task is a folder with a workload.yaml and programs. Those that benchd
// ships are written from the binary to a folder on disk; others stay where
// they are. What a manifest asks for and this machine lacks becomes an
// experiment that is skipped, with its reason: nothing vanishes silently.
package experiments

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"time"

	"benchd/daemon/bench"
)

// maxExperiments bounds the series of every per-experiment metric.
const maxExperiments = 10_000

// probeTimeout is ample for an interpreter that starts from a cold disk.
const probeTimeout = 20 * time.Second

// Options say which experiments there shall be. Empty selectors select all.
type Options struct {
	FS      fs.FS             // the tasks that benchd ships: a folder each
	Builtin func(string) bool // whether there is a built-in program of that name
	Dir     string            // where FS is written to; benchd's alone, it removes what else is there
	Self    string            // absolute path of benchd itself, which runs built-in programs

	ExtraDirs []string // further folders of tasks, used in place
	Pythons   []string // commands or paths of CPython interpreters; nil: find one
	Size      string   // "quick", "standard", "original"

	Tasks, Runtimes, Models []string // glob patterns as of path.Match
	Concurrencies           []int

	Timeout time.Duration // of the runs
}

// Set is what Load has found.
type Set struct {
	Experiments []bench.Experiment // sorted by key, those that are skipped included
	Left        []error            // names what is in Options.Dir, should not be, and cannot be removed

	clientVersions map[bench.Key]string // where the interpreter knows it
}

// Load lays out, reads and checks all manifests, looks for what they need, and
// selects. An error holds every fault of all manifests, one a line.
func Load(ctx context.Context, o Options) (Set, error) {
	if !slices.Contains(sizes, o.Size) {
		return Set{}, fmt.Errorf("size is %q, want one of %v", o.Size, sizes)
	}
	dir, left, err := layOut(o.FS, o.Dir)
	if err != nil {
		return Set{}, err
	}
	trees := []tree{{dir, true}}
	for _, extra := range o.ExtraDirs {
		// The experiments must not depend on the current folder.
		if extra, err = filepath.Abs(extra); err != nil {
			return Set{}, fmt.Errorf("BENCHD_WORKLOADS_DIR: %w", err)
		}
		trees = append(trees, tree{extra, false})
	}
	tasks, err := readTasks(trees, o.Builtin)
	if err != nil {
		return Set{}, err
	}
	var pythons []python
	if modules, needed := imports(tasks); needed {
		if pythons, err = discover(ctx, o.Pythons, modules, probeTimeout); err != nil {
			return Set{}, err
		}
	}
	set, err := expand(tasks, pythons, &o)
	if err != nil {
		return Set{}, err
	}
	set.Left = left
	if set.Experiments, err = selectFrom(set.Experiments, &o); err != nil {
		return Set{}, err
	}
	if n := len(set.Experiments); n > maxExperiments {
		return Set{}, fmt.Errorf("%d experiments, at most %d are allowed: select with BENCHD_TASKS, BENCHD_RUNTIMES, BENCHD_MODELS, BENCHD_CONCURRENCIES", n, maxExperiments)
	}
	return set, nil
}

// imports lists the modules that the programs need, each once, and tells
// whether any program needs CPython.
func imports(tasks []task) (modules []string, needed bool) {
	for _, t := range tasks {
		for _, l := range t.runtimes {
			needed = needed || l.interpreter == cpython
			for _, m := range l.models {
				modules = append(modules, m.imports...)
			}
		}
	}
	slices.Sort(modules)
	return slices.Compact(modules), needed
}

// expand makes the experiments of all tasks, sorted by key.
func expand(tasks []task, pythons []python, o *Options) (Set, error) {
	set := Set{clientVersions: make(map[bench.Key]string)}
	for i := range tasks {
		for j := range tasks[i].runtimes {
			l := &tasks[i].runtimes[j]
			for _, r := range runtimesOf(l, pythons, o) {
				set.add(&tasks[i], l, &r, o)
			}
		}
	}
	slices.SortStableFunc(set.Experiments, func(a, b bench.Experiment) int { return a.Compare(b.Key) })
	var faults []error
	for i := 1; i < len(set.Experiments); i++ {
		// A manifest cannot see this: "cpython" may become the "cpython-3.13"
		// that is there as well.
		if a, b := &set.Experiments[i-1], &set.Experiments[i]; a.Key == b.Key {
			faults = append(faults, fmt.Errorf("experiment %v is there twice, of %s and of %s: rename a runtime", a.Key, a.Source, b.Source))
		}
	}
	return set, errors.Join(faults...)
}

// add appends the experiments of one runtime.
func (s *Set) add(t *task, l *language, r *runtime, o *Options) {
	input := l.sizes[o.Size]
	for _, m := range l.models {
		for i, concurrency := range m.concurrency {
			passes := m.passesOf(o.Size, i)
			e := bench.Experiment{
				Key: bench.Key{
					Task: t.name, Runtime: r.label, Model: m.name, Concurrency: concurrency,
				},
				Title:       t.title,
				Description: t.description,
				Unit:        t.unit,
				Baseline:    m.name == t.baseline,
				Canary:      t.canary,
				Client:      m.client,
				Version:     r.version,
				FreeThreads: r.freeThreads,
				Source:      t.source(l.interpreter, m.program),
				Program:     r.program(t, l, m.program),
				Size:        o.Size,
				Env:         t.environment(r.environment(), l.env, input),
				Params:      input.params,
				Args:        m.args,
				HTTPBin:     t.httpbin,
				Passes:      passes,
				Expected: bench.Expected{
					Items:    passes * input.items,
					Units:    passes * input.units,
					Checksum: passes * input.checksum,
				},
				Timeout: o.Timeout,
				Skip:    r.skip(&m),
			}
			setOwnEnv(&e)
			if e.Skip == nil {
				e.Command = append(r.command(t, m.program), m.args...)
			}
			if r.python != nil && r.python.interpreter != nil {
				s.clientVersions[e.Key] = r.python.Modules[m.client]
			}
			s.Experiments = append(s.Experiments, e)
		}
	}
}
