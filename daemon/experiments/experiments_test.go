package experiments

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	goruntime "runtime"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"benchd/daemon/bench"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// shipped is what stands for the tasks of the binary.
func shipped() fstest.MapFS {
	return fstest.MapFS{
		"lib/python/helper.py": {Data: []byte("x = 1\n")},
		"io/cpython/sync.py":   {Data: []byte("#!/usr/bin/env python3\n")},
		"io/workload.yaml": {Data: []byte(`
title: Requests
description: Makes requests.
unit: requests
baseline: sync
httpbin: true
runtimes:
  - name: cpython
    interpreter: cpython
    env: {PYTHONPATH: "${WORKLOADS}/lib/python"}
    sizes: &sizes
      quick: {params: {urls: 10}, items: 10, units: 20, checksum: 30}
      standard: {items: 1, units: 1, checksum: 1}
      original: {items: 1, units: 1, checksum: 1}
    models:
      - {name: sync, program: cpython/sync.py, client: requests, imports: [requests]}
      - {name: asyncio, program: cpython/sync.py, args: [-v], imports: [aiohttp, uvloop], concurrency: [10, 100], passes: {quick: [1, 3]}}
  - name: go
    interpreter: builtin
    sizes: *sizes
    models: [{name: sync, program: io-sync}]
`)},
	}
}

const shellManifest = `
title: Shell
description: Echoes.
unit: lines
baseline: sync
runtimes:
  - name: shell
    interpreter: sh
    sizes: &sizes
      quick: {items: 1, units: 1, checksum: 1}
      standard: {items: 1, units: 1, checksum: 1}
      original: {items: 1, units: 1, checksum: 1}
    models: [{name: sync, program: sync.sh, args: [a b]}]
  - name: self
    interpreter: none
    sizes: *sizes
    models: [{name: sync, program: sync.sh}]
  - name: cobol
    interpreter: benchd-has-no-such-command
    sizes: *sizes
    models: [{name: sync, program: sync.sh}]
`

func options(t *testing.T) Options {
	t.Helper()
	return Options{
		FS:      shipped(),
		Builtin: func(name string) bool { return name == "io-sync" },
		Dir:     filepath.Join(resolved(t), "tasks"),
		Self:    "/opt/benchd",
		Size:    "quick",
		Pythons: []string{fakePython(t, "3.13.5", `"requests": "2.32.0", "aiohttp": ""`)},
		Timeout: time.Minute,
	}
}

// resolved is a temporary folder as layOut would name it.
func resolved(t *testing.T) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// script writes an executable shell script and returns its path.
func script(t *testing.T, name, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	writeFile(t, file, "#!/bin/sh\n"+text, 0o755)
	return file
}

// fakePython answers like the interpreter of the version would.
func fakePython(t *testing.T, version, modules string) string {
	t.Helper()
	free := strings.HasSuffix(version, "t")
	answer := fmt.Sprintf(`{"implementation": "cpython", "version": %q, "free_threads": %v, "modules": {%s}}`,
		strings.TrimSuffix(version, "t"), free, modules)
	return script(t, "fake-python", "echo '"+answer+"'\n")
}

func writeFile(t *testing.T, file, text string, mode fs.FileMode) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
}

func keys(set Set) string {
	var all []string
	for _, e := range set.Experiments {
		all = append(all, e.String())
	}
	return strings.Join(all, " ")
}

func TestLoad(t *testing.T) {
	o := options(t)
	set, err := Load(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	env := func(runtime, model, concurrency, passes string) map[string]string {
		return map[string]string{
			"WORKLOAD_TASK": "io", "WORKLOAD_RUNTIME": runtime, "WORKLOAD_MODEL": model,
			"WORKLOAD_CONCURRENCY": concurrency, "WORKLOAD_PASSES": passes, "WORKLOAD_URLS": "10",
		}
	}
	pythonEnv := func(model, concurrency, passes string) map[string]string {
		e := env("cpython-3.13", model, concurrency, passes)
		e["PYTHONPATH"] = o.Dir + "/lib/python"
		return e
	}
	common := bench.Experiment{
		Title: "Requests", Description: "Makes requests.", Unit: "requests", HTTPBin: true,
		Size: "quick", Timeout: time.Minute, Passes: 1, Params: map[string]string{"urls": "10"}, Expected: bench.Expected{Items: 10, Units: 20, Checksum: 30},
	}
	asyncio := common
	asyncio.Key = bench.Key{Task: "io", Runtime: "cpython-3.13", Model: "asyncio", Concurrency: 10}
	asyncio.Version, asyncio.Source = "3.13.5", "workloads/io/cpython/sync.py"
	asyncio.Program = bench.Program{
		File: o.Dir + "/io/cpython/sync.py", Libraries: []string{o.Dir + "/lib/python"}, Interpreter: o.Pythons[0],
		Env: map[string]string{"PYTHONPATH": "${WORKLOADS}/lib/python"},
	}
	asyncio.Env, asyncio.Args = pythonEnv("asyncio", "10", "1"), []string{"-v"}
	asyncio.Skip = &bench.Skip{
		Reason: bench.SkipMissingLibrary,
		Detail: o.Pythons[0] + " (CPython 3.13.5) cannot import uvloop: " + o.Pythons[0] + " -m pip install uvloop, or name another interpreter in BENCHD_PYTHONS",
	}
	asyncio100 := asyncio
	asyncio100.Concurrency, asyncio100.Passes = 100, 3
	asyncio100.Env = pythonEnv("asyncio", "100", "3")
	asyncio100.Expected = bench.Expected{Items: 30, Units: 60, Checksum: 90}
	sync := common
	sync.Key = bench.Key{Task: "io", Runtime: "cpython-3.13", Model: "sync", Concurrency: 1}
	sync.Version, sync.Source = "3.13.5", "workloads/io/cpython/sync.py"
	sync.Baseline, sync.Client = true, "requests"
	sync.Env, sync.Program = pythonEnv("sync", "1", "1"), asyncio.Program
	sync.Command = []string{o.Pythons[0], o.Dir + "/io/cpython/sync.py"}
	native := common
	native.Key = bench.Key{Task: "io", Runtime: "go", Model: "sync", Concurrency: 1}
	native.Version, native.Source = goruntime.Version(), "workloads/io"
	native.Baseline, native.Program = true, bench.Program{File: "/opt/benchd", Env: map[string]string{}}
	native.Env = env("go", "sync", "1", "1")
	native.Command = []string{"/opt/benchd", "workload", "io-sync"}

	if diff := cmp.Diff([]bench.Experiment{asyncio, asyncio100, sync, native}, set.Experiments); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// A task of somebody else, in a folder named relative to the current one.
func TestLoadExtraDir(t *testing.T) {
	extra := resolved(t)
	writeFile(t, filepath.Join(extra, "echo", manifestName), shellManifest, 0o644)
	writeFile(t, filepath.Join(extra, "echo", "sync.sh"), "#!/bin/sh\n", 0o755)
	t.Chdir(filepath.Dir(extra))
	o := options(t)
	o.ExtraDirs, o.Tasks = []string{filepath.Base(extra)}, []string{"echo"}
	set, err := Load(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := keys(set), "echo/cobol/sync/1 echo/self/sync/1 echo/shell/sync/1"; got != want {
		t.Fatalf("got  %s\nwant %s", got, want)
	}
	cobol, self, shell := set.Experiments[0], set.Experiments[1], set.Experiments[2]
	want := &bench.Skip{
		Reason: bench.SkipNoInterpreter,
		Detail: "benchd-has-no-such-command is not on PATH: install it (apt-get install benchd-has-no-such-command), or leave cobol out of BENCHD_RUNTIMES",
	}
	if diff := cmp.Diff(want, cobol.Skip); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	program := filepath.Join(extra, "echo", "sync.sh")
	if diff := cmp.Diff([]string{program}, self.Command); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if diff := cmp.Diff([]string{program, "a b"}, shell.Command[1:]); diff != "" || !filepath.IsAbs(shell.Command[0]) {
		t.Errorf("command %q, -want +got:\n%s", shell.Command, diff)
	}
	if shell.Source != program {
		t.Errorf("source is %q, want %q", shell.Source, program)
	}
}

func TestLoadFaults(t *testing.T) {
	extra, other := resolved(t), resolved(t)
	broken := strings.Replace(shellManifest, "title: Shell", "title:", 1)
	writeFile(t, filepath.Join(extra, "Echo", manifestName), broken, 0o644)
	writeFile(t, filepath.Join(extra, "Echo", "sync.sh"), "", 0o755)
	writeFile(t, filepath.Join(extra, "io", manifestName), shellManifest, 0o644)
	writeFile(t, filepath.Join(extra, "io", "sync.sh"), "", 0o755)
	writeFile(t, filepath.Join(other, "misnamed", "workload.yml"), shellManifest, 0o644)
	o := options(t)
	o.ExtraDirs = []string{extra, other, filepath.Join(other, "none")}
	_, err := Load(t.Context(), o)
	want := strings.NewReplacer("EXTRA", extra, "OTHER", other, "TASKS", o.Dir).Replace(
		`EXTRA/Echo/workload.yaml: the folder's name is the task's: want lower-case letters, digits and +._-
EXTRA/Echo/workload.yaml:2: title: want text, got nothing
EXTRA/io/workload.yaml: task "io" is there twice, see TASKS/io: rename one of the folders
OTHER/misnamed/workload.yml: the name of a manifest is workload.yaml
OTHER: holds no task, want folders with a workload.yaml: check BENCHD_WORKLOADS_DIR
read tasks: open OTHER/none: no such file or directory: check BENCHD_WORKLOADS_DIR`)
	if err == nil {
		t.Fatal("no error")
	}
	if diff := cmp.Diff(want, err.Error()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestLoadRefusesRuntimesOfTheSameName(t *testing.T) {
	o := options(t)
	tasks := shipped()
	manifest := strings.Replace(string(tasks["io/workload.yaml"].Data), "name: go", "name: cpython-3.13", 1)
	tasks["io/workload.yaml"] = &fstest.MapFile{Data: []byte(manifest)}
	o.FS = tasks
	_, err := Load(t.Context(), o)
	want := "experiment io/cpython-3.13/sync/1 is there twice, of workloads/io/cpython/sync.py and of workloads/io: rename a runtime"
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

func TestLoadRefusesTooMany(t *testing.T) {
	o := options(t)
	tasks := shipped()
	var concurrencies []string
	for i := range maxExperiments {
		concurrencies = append(concurrencies, fmt.Sprint(i+1))
	}
	text := strings.Replace(string(tasks["io/workload.yaml"].Data), "concurrency: [10, 100], passes: {quick: [1, 3]}",
		"concurrency: ["+strings.Join(concurrencies, ",")+"]", 1)
	tasks["io/workload.yaml"] = &fstest.MapFile{Data: []byte(text)}
	o.FS = tasks
	_, err := Load(t.Context(), o)
	want := "10002 experiments, at most 10000 are allowed: select with BENCHD_TASKS, BENCHD_RUNTIMES, BENCHD_MODELS, BENCHD_CONCURRENCIES"
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

func TestLoadCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := Load(ctx, options(t))
	want := "look for Python interpreters: context canceled"
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

func TestSelect(t *testing.T) {
	all := "io/cpython-3.13/asyncio/10, io/cpython-3.13/asyncio/100, io/cpython-3.13/sync/1, io/go/sync/1"
	tests := map[string]struct {
		set       func(*Options)
		want, err string
	}{
		"task":        {set: func(o *Options) { o.Tasks = []string{"i?"} }, want: strings.ReplaceAll(all, ",", "")},
		"runtime":     {set: func(o *Options) { o.Runtimes = []string{"cpython-*"} }, want: "io/cpython-3.13/asyncio/10 io/cpython-3.13/asyncio/100 io/cpython-3.13/sync/1"},
		"model":       {set: func(o *Options) { o.Models = []string{"sync"} }, want: "io/cpython-3.13/sync/1 io/go/sync/1"},
		"concurrency": {set: func(o *Options) { o.Concurrencies = []int{100, 10} }, want: "io/cpython-3.13/asyncio/10 io/cpython-3.13/asyncio/100"},
		"two":         {set: func(o *Options) { o.Models, o.Runtimes = []string{"sync"}, []string{"go"} }, want: "io/go/sync/1"},
		"nothing": {
			set: func(o *Options) {
				o.Tasks, o.Runtimes, o.Models, o.Concurrencies = []string{"io", "cpu"}, []string{"ruby"}, []string{"a*"}, []int{1, 11}
			},
			err: `BENCHD_TASKS: "cpu" matches no task; there are io
BENCHD_RUNTIMES: "ruby" matches no runtime; there are cpython-3.13, go
BENCHD_CONCURRENCIES: "11" matches no concurrency; there are 10, 100, 1`,
		},
		"combination": {
			set: func(o *Options) { o.Runtimes, o.Models = []string{"go"}, []string{"asyncio", "async*"} },
			err: "no experiment matches BENCHD_RUNTIMES=go BENCHD_MODELS=asyncio,async* together; there are " + all,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			o := options(t)
			tt.set(&o)
			set, err := Load(t.Context(), o)
			if err != nil {
				if diff := cmp.Diff(tt.err, err.Error()); diff != "" {
					t.Errorf("-want +got:\n%s", diff)
				}
				return
			}
			if got := keys(set); got != tt.want || tt.err != "" {
				t.Errorf("got  %s\nwant %s%s", got, tt.want, tt.err)
			}
		})
	}
}

func TestTable(t *testing.T) {
	o := options(t)
	o.Runtimes = []string{"cpython-*"}
	set, err := Load(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	if err := set.Table(&got); err != nil {
		t.Fatal(err)
	}
	text := strings.ReplaceAll(got.String(), o.Pythons[0], "/opt/python-3.13.5")
	golden := filepath.Join("testdata", "table.golden")
	if *update {
		writeFile(t, golden, text, 0o644)
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), text); diff != "" {
		t.Errorf("run go test with -update if this is right; -want +got:\n%s", diff)
	}
}
