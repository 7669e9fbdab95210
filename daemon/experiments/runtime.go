package experiments

import (
	"fmt"
	"maps"
	"os/exec"
	"path/filepath"
	goruntime "runtime"
	"strconv"

	"benchd/daemon/bench"
)

// workloadsReference stands for the folder that holds the task folders.
const workloadsReference = "${WORKLOADS}"

// runtime is what runs programs on this machine, or why it cannot.
type runtime struct {
	label       string
	version     string // "" if unknown before the first run
	freeThreads bool
	prefix      []string // of the command, before the program
	builtin     bool     // the program is a name rather than a file
	python      *python  // nil for other interpreters than CPython
	missing     string   // why it cannot run, with what to try; "" if it can
}

// runtimesOf is what an entry of a manifest means on this machine.
func runtimesOf(l *language, pythons []python, o *Options) []runtime {
	switch l.interpreter {
	case cpython:
		var all []runtime
		for i := range pythons {
			all = append(all, pythonRuntime(l.name, &pythons[i]))
		}
		return all
	case builtin:
		return []runtime{{
			label: l.name, version: goruntime.Version(), builtin: true,
			prefix: []string{o.Self, "workload"},
		}}
	case none:
		return []runtime{{label: l.name}}
	default:
		path, err := exec.LookPath(l.interpreter)
		if err == nil {
			path, err = filepath.Abs(path)
		}
		if err != nil {
			return []runtime{{label: l.name, missing: fmt.Sprintf(
				"%s is not on PATH: install it (apt-get install %s), or leave %s out of BENCHD_RUNTIMES", l.interpreter, l.interpreter, l.name)}}
		}
		return []runtime{{label: l.name, prefix: []string{path}}}
	}
}

func pythonRuntime(name string, p *python) runtime {
	r := runtime{label: name, python: p, missing: p.problem}
	if p.label != "" {
		r.label += "-" + p.label
	}
	if p.interpreter != nil {
		r.version, r.freeThreads, r.prefix = p.Version, p.FreeThreads, []string{p.Executable}
	}
	return r
}

// environment is what the interpreter's command adds to that of its programs.
func (r *runtime) environment() map[string]string {
	if r.python == nil || r.python.interpreter == nil {
		return nil
	}
	return r.python.Environment
}

// skip is why a model cannot run, nil if it can.
func (r *runtime) skip(m *model) *bench.Skip {
	if r.missing != "" {
		return &bench.Skip{Reason: bench.SkipNoInterpreter, Detail: r.missing}
	}
	if r.python != nil {
		if detail := r.python.lacks(m.imports); detail != "" {
			return &bench.Skip{Reason: bench.SkipMissingLibrary, Detail: detail}
		}
	}
	return nil
}

// command runs the program, without arguments of its own.
func (r *runtime) command(t *task, program string) []string {
	if !r.builtin {
		program = t.path(program)
	}
	return append(append([]string(nil), r.prefix...), program)
}

// program is what is run, as files.
func (r *runtime) program(t *task, l *language, program string) bench.Program {
	p := bench.Program{File: t.path(program), Libraries: t.libraries(l.env), Env: l.env}
	switch {
	case r.builtin:
		p.File = r.prefix[0]
	case len(r.prefix) > 0:
		p.Interpreter = r.prefix[0]
	}
	return p
}

// setOwnEnv adds what every program is told of its experiment. The rest that
// it is told, such as its folder, is known only when it is run.
func setOwnEnv(e *bench.Experiment) {
	maps.Copy(e.Env, map[string]string{
		"WORKLOAD_TASK":        e.Task,
		"WORKLOAD_RUNTIME":     e.Runtime,
		"WORKLOAD_MODEL":       e.Model,
		"WORKLOAD_CONCURRENCY": strconv.Itoa(e.Concurrency),
		"WORKLOAD_PASSES":      strconv.FormatUint(e.Passes, 10),
	})
}
