package run

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"benchd/daemon/bench"
)

// A program that is replaced by another of the same name, size and time is
// another program. What is no part of it changes nothing.
func TestProgramChecksum(t *testing.T) {
	t.Parallel()
	noon := time.Unix(1_800_000_000, 0)
	for name, test := range map[string]struct {
		change func(write func(path, content string), p *bench.Program)
		same   bool
	}{
		"nothing":               {func(func(string, string), *bench.Program) {}, true},
		"the program":           {func(write func(string, string), _ *bench.Program) { write("task/main.py", "two") }, false},
		"a module beside it":    {func(write func(string, string), _ *bench.Program) { write("task/urls.py", "two") }, false},
		"a module below it":     {func(write func(string, string), _ *bench.Program) { write("task/package/m.py", "two") }, false},
		"one more module":       {func(write func(string, string), _ *bench.Program) { write("task/more.py", "one") }, false},
		"the shared library":    {func(write func(string, string), _ *bench.Program) { write("lib/benchd.py", "two") }, false},
		"its environment":       {func(_ func(string, string), p *bench.Program) { p.Env = map[string]string{"GOGC": "off"} }, false},
		"what Python compiled":  {func(write func(string, string), _ *bench.Program) { write("task/__pycache__/main.pyc", "two") }, true},
		"what the program made": {func(write func(string, string), _ *bench.Program) { write("task/out.log", "two") }, true},
		"a tool's folder":       {func(write func(string, string), _ *bench.Program) { write("task/.venv/lib/x.py", "two") }, true},
		"another task":          {func(write func(string, string), _ *bench.Program) { write("other/main.py", "two") }, true},
		"the place of it all": {func(_ func(string, string), p *bench.Program) {
			moved := filepath.Dir(filepath.Dir(p.File)) + "-moved"
			if err := os.Rename(filepath.Dir(filepath.Dir(p.File)), moved); err != nil {
				panic(err)
			}
			p.File, p.Libraries = filepath.Join(moved, "task", "main.py"), []string{filepath.Join(moved, "lib")}
		}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root := filepath.Join(t.TempDir(), "workloads")
			write := func(path, content string) {
				path = filepath.Join(root, path)
				if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
					t.Fatal(err)
				}
				if err := os.Chtimes(path, noon, noon); err != nil {
					t.Fatal(err)
				}
			}
			for _, path := range []string{"task/main.py", "task/urls.py", "task/package/m.py", "lib/benchd.py", "other/main.py"} {
				write(path, "one")
			}
			p := &bench.Program{File: filepath.Join(root, "task/main.py"), Libraries: []string{filepath.Join(root, "lib")}}
			var files checksums
			before := files.program(p)
			if before == "" || before == files.file(p.File) {
				t.Fatalf("the checksum is %q", before)
			}
			test.change(write, p)
			if after := files.program(p); (after == before) != test.same {
				t.Errorf("%s became %s", before, after)
			}
		})
	}
}

func TestProgramsThatCannotBeRead(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	for _, p := range []bench.Program{{}, {File: folder}, {File: filepath.Join(folder, "none.py")}, {File: "/dev/zero"}} {
		var files checksums
		if got := files.program(&p); got != "" {
			t.Errorf("%+v has %s, want none", p, got)
		}
	}
}

// The fingerprint of a run says what was run, and on which httpbin if on one.
func TestFingerprintOfARun(t *testing.T) {
	r := newRunner(t)
	r.Fingerprint = bench.Fingerprint{Benchd: "v1", HTTPBin: "http://there"}
	e := experiment(r, "good")
	e.Program = bench.Program{File: r.Self, Interpreter: "/proc/self/exe"}
	run := r.Run(t.Context(), e)
	if f := run.Fingerprint; f.Benchd != "v1" || f.Program == "" || f.Interpreter == "" || f.HTTPBin != "" {
		t.Errorf("%s: %s, %+v", run.Outcome, run.Error, f)
	}
	e.HTTPBin = true
	if f := r.fingerprint(&e); f.HTTPBin != "http://there" {
		t.Errorf("%+v", f)
	}
}
