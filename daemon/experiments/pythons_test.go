package experiments

import (
	"context"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"benchd/daemon/environment"
)

func TestDiscoverNamed(t *testing.T) {
	fake := func(version string) string { return fakePython(t, version, "") }
	a311, b311, c313 := fake("3.11.2"), fake("3.11.7"), fake("3.13.5")
	free, freeToo, again := fake("3.13.5t"), fake("3.13.0rc1t"), fake("3.11.2")
	mute := script(t, "python3.9", "echo no such thing >&2; exit 127\n")
	pypy := script(t, "pypy3", `echo '{"implementation": "pypy", "version": "3.10.1"}'`)
	odd := script(t, "odd", `echo '{"implementation": "cpython", "version": "three"}'`)
	const advice = ": install it, or change BENCHD_PYTHONS"
	tests := map[string]struct {
		names    []string
		labels   string // not compared when empty, for it has a temporary folder's name
		problems []string
		err      string
	}{
		"minor versions":     {names: []string{a311, c313, free}, labels: "3.11 3.13 3.13t"},
		"full versions":      {names: []string{a311, b311, c313, free, freeToo}, labels: "3.11.2 3.11.7 3.13 3.13.5t 3.13.0rc1t"},
		"equal":              {names: []string{a311, again}, err: "BENCHD_PYTHONS: " + a311 + " and " + again + " are both CPython 3.11.2: name one of them"},
		"not there":          {names: []string{"python3.99", "/no/bin/python3.99"}, labels: "3.99 no-bin-python3.99", problems: []string{"python3.99 is no command here" + advice, "/no/bin/python3.99 is no command here" + advice}},
		"not there, twice":   {names: []string{"benchd-x", "benchd-x"}, err: "BENCHD_PYTHONS: benchd-x is there twice, or cannot be told from benchd-x: name one of them"},
		"label not taken":    {names: []string{a311, "/no/python3.11"}, labels: "3.11 no-python3.11", problems: []string{"/no/python3.11 is no command here" + advice}},
		"does not answer":    {names: []string{mute}, labels: "3.9", problems: []string{mute + " did not answer: exit status 127: no such thing" + advice}},
		"not CPython":        {names: []string{pypy}, problems: []string{pypy + `: is "pypy", not CPython` + advice}},
		"not a version":      {names: []string{odd}, problems: []string{odd + `: has the version "three", want one such as 3.13.5` + advice}},
		"not an interpreter": {names: []string{"true"}, labels: "true", problems: []string{"true: is no Python interpreter" + advice}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			pythons, err := discover(t.Context(), tt.names, nil, time.Minute)
			if err != nil {
				if err.Error() != tt.err {
					t.Errorf("got  %v\nwant %s", err, tt.err)
				}
				return
			}
			var labels, problems []string
			for _, p := range pythons {
				labels = append(labels, p.label)
				if p.problem != "" {
					problems = append(problems, p.problem)
				}
			}
			if got := strings.Join(labels, " "); tt.labels != "" && got != tt.labels || tt.err != "" {
				t.Errorf("labels %s, want %s%s", got, tt.labels, tt.err)
			}
			if diff := cmp.Diff(tt.problems, problems); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestProbeTimeout(t *testing.T) {
	hanging := script(t, "hanging", "exec sleep 600\n")
	_, err := probe(t.Context(), hanging, nil, 50*time.Millisecond)
	want := hanging + " did not answer within 50ms"
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

// The script's child holds the pipe and must not be left behind either.
func TestProbeEndsChildren(t *testing.T) {
	file := filepath.Join(t.TempDir(), "pid")
	parent := script(t, "parent", "sleep 600 & echo $! >"+file+"; wait\n")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error)
	go func() {
		_, err := probe(ctx, parent, nil, time.Minute)
		ended <- err
	}()
	var child string
	poll(t, "the child starts", func() bool {
		text, err := os.ReadFile(file)
		child = strings.TrimSuffix(string(text), "\n")
		return err == nil && child != string(text)
	})
	cancel()
	if err := <-ended; err == nil {
		t.Error("no error")
	}
	poll(t, "process "+child+" ends", func() bool { return !alive(child) })
}

func poll(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); !done(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain until %s", what)
		}
	}
}

// alive does not count a zombie that awaits its new parent.
func alive(pid string) bool {
	stat, err := os.ReadFile(filepath.Join("/proc", pid, "stat"))
	return err == nil && !strings.Contains(string(stat), ") Z ")
}

func TestProbeIsNotFlooded(t *testing.T) {
	_, err := probe(t.Context(), script(t, "chatty", "head -c 300000 /dev/zero\n"), nil, time.Minute)
	if err == nil || !strings.HasSuffix(err.Error(), "is no Python interpreter") {
		t.Errorf("got %v", err)
	}
}

func TestBest(t *testing.T) {
	with := func(given string, modules ...string) python {
		i := &interpreter{Modules: make(map[string]string)}
		for _, m := range modules {
			i.Modules[m] = ""
		}
		return python{interpreter: i, given: given}
	}
	gone := python{given: "gone", problem: "x"}
	tests := map[string]struct {
		pythons []python
		want    string
	}{
		"most modules": {[]python{gone, with("a", "x"), with("b", "x", "y"), with("c")}, "b"},
		"first of two": {[]python{with("a", "x"), with("b", "y")}, "a"},
		"no modules":   {[]python{gone, with("a"), with("b")}, "a"},
		"none":         {[]python{gone, gone}, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := best(tt.pythons)
			if got.given != tt.want || (got.problem == "") != (tt.want != "") {
				t.Errorf("got %+v, want %q", got, tt.want)
			}
		})
	}
}

func TestSearch(t *testing.T) {
	a, b := t.TempDir(), t.TempDir()
	for _, file := range []string{a + "/python3.9", a + "/python3.13", a + "/python3.13-config", a + "/python2.7", b + "/python3.13t", b + "/python3.10"} {
		writeFile(t, file, "", 0o755)
	}
	got := search(a+":/nowhere", b, a)
	want := []string{"python3", "/usr/bin/python3", a + "/python3.13", b + "/python3.13t", b + "/python3.10", a + "/python3.9"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	for _, minor := range strings.Split("20 21 22 23 24 25 26 27 28 29 30 31 32 33 34 35 36", " ") {
		writeFile(t, a+"/python3."+minor, "", 0o755)
	}
	if n := len(search(a)); n != maxCandidates {
		t.Errorf("%d candidates, want %d", n, maxCandidates)
	}
}

// When there is no interpreter at all, its experiments are still listed.
func TestLoadWithoutPython(t *testing.T) {
	o := options(t)
	dir, _, err := layOut(o.FS, o.Dir)
	must(t, err)
	tasks, err := readTasks([]tree{{dir, true}}, o.Builtin)
	must(t, err)
	set, err := expand(tasks, []python{best(nil)}, &o)
	must(t, err)
	if got, want := keys(set), "io/cpython/asyncio/10 io/cpython/asyncio/100 io/cpython/sync/1 io/go/sync/1"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	want := "no_interpreter: no CPython was found: install one (apt-get install python3), or name one in BENCHD_PYTHONS"
	if skip := set.Experiments[0].Skip; skip == nil || skip.String() != want {
		t.Errorf("got  %v\nwant %s", skip, want)
	}
}

// A program finds what the user has installed, wherever that is, and what the
// script tells that starts the interpreter. What is not found in a run is not
// said to be there.
func TestProbeSeesWhatARunSees(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("python3 is not on PATH")
		}
		t.Skip("python3 is not on PATH")
	}
	out, err := exec.Command(python, "-c", "import sys; print('python%d.%d' % sys.version_info[:2])").Output()
	must(t, err)
	here := resolved(t)
	t.Chdir(here)
	for name, file := range map[string]string{
		"benchd_of_the_user":   "home/.local/lib/" + strings.TrimSpace(string(out)) + "/site-packages",
		"benchd_in_the_path":   "path",
		"benchd_of_the_script": "home/script",
		"benchd_of_nobody":     "elsewhere",
	} {
		writeFile(t, filepath.Join(file, name+".py"), "", 0o644)
	}
	t.Setenv("HOME", filepath.Join(here, "home"))
	t.Setenv("PYTHONPATH", "path")
	t.Setenv("PYTHONUSERBASE", "")
	modules := []string{"benchd_of_the_user", "benchd_in_the_path", "benchd_of_the_script"}
	for name, text := range map[string]string{
		"python3":      "export PYTHONPATH=$HOME/script:$PYTHONPATH\nexec " + python + ` "$@"` + "\n",
		"python-child": "export PYTHONPATH=$HOME/script:$PYTHONPATH\n" + python + ` "$@"` + "\n",
	} {
		t.Run(name, func(t *testing.T) {
			found, err := probe(t.Context(), script(t, name, text), append(modules, "benchd_of_nobody"), time.Minute)
			must(t, err)
			if got := slices.Sorted(maps.Keys(found.Modules)); !slices.Equal(got, slices.Sorted(slices.Values(modules))) {
				t.Errorf("found %v, want %v", got, modules)
			}
			run := exec.Command(found.Executable, "-c", "import "+strings.Join(modules, ", "))
			run.Dir = t.TempDir()
			run.Env = environment.List(environment.Of(run.Dir, found.Environment))
			if out, err := run.CombinedOutput(); err != nil {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
}

// The real interpreter answers as the fakes do.
func TestProbePython(t *testing.T) {
	if _, err := exec.LookPath("python3"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("python3 is not on PATH")
		}
		t.Skip("python3 is not on PATH")
	}
	t.Chdir(t.TempDir())
	writeFile(t, "benchd_in_current_folder.py", "", 0o644)
	got, err := probe(t.Context(), "python3", []string{"json", "no_such_module", "no.such", "benchd_in_current_folder"}, time.Minute)
	must(t, err)
	if diff := cmp.Diff(map[string]string{"json": ""}, got.Modules); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	version, err := exec.Command(got.Executable, "--version").Output()
	must(t, err)
	if want := "Python " + got.Version; strings.TrimSpace(string(version)) != want {
		t.Errorf("%s says %q, want %q", got.Executable, version, want)
	}
}

// An interpreter that says two things of itself is none that can be trusted.
func TestStrangeProbeAnswers(t *testing.T) {
	t.Parallel()
	const good = `{"implementation":"cpython","version":"3.13.5","executable":"/usr/bin/python3","free_threads":false,"modules":{"requests":"2.32"}}`
	if _, err := parseAnswer([]byte("site says hello\n" + good)); err != nil {
		t.Fatal(err)
	}
	for _, test := range [][2]string{
		{`"version":"3.13.5"`, `"version":"3.13.5","version":"3.9.1"`}, {`"version"`, `"Version"`}, {`"requests":"2.32"`, `"requests":"2.32","requests":""`},
		{"2.32", "2\xff"}, {"false", "0"}, {"}}", "}}{}"},
	} {
		answer := strings.Replace(good, test[0], test[1], 1)
		if i, err := parseAnswer([]byte(answer)); err == nil {
			t.Errorf("%s: taken for %+v", answer, i)
		}
	}
}
