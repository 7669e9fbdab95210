package main

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"benchd/daemon/bench"
)

// TestBadSettings wants every fault to be told at once, and nothing started.
func TestBadSettings(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		env  []string
		args []string
		code int
		want string // what stderr holds
	}{
		{"several", []string{"BENCHD_SIZE=huge", "BENCHD_INTERVAL=soon", "BENCHD_REPEAT=0", "BENCHD_LISTENADDRESS=:1"}, nil, 1,
			`benchd: the settings are not usable; nothing was started:
BENCHD_LISTENADDRESS is no variable of benchd: did you mean BENCHD_LISTEN_ADDRESS?
BENCHD_SIZE is "huge": want quick, standard or original
BENCHD_REPEAT is "0": want an integer of 1 to 1000
BENCHD_INTERVAL is "soon": want a duration of 1s to 1y, such as 90s, 1h30m or 1d
`},
		{"once", []string{"BENCHD_SIZE=huge"}, []string{"once"}, 1, `BENCHD_SIZE is "huge"`},
		{"list", []string{"BENCHD_SIZE=huge"}, []string{"list"}, 1, `BENCHD_SIZE is "huge"`},
		{"config", []string{"BENCHD_SIZE=huge"}, []string{"config"}, 1, `BENCHD_SIZE is "huge"`},
		{"no such command", nil, []string{"measure"}, 2, "benchd: cannot make sense of [\"measure\"]\n\nbenchd measures"},
		{"too many arguments", nil, []string{"once", "more"}, 2, `benchd: cannot make sense of ["once" "more"]`},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			data := filepath.Join(t.TempDir(), "data")
			e := runCommand(t, append(test.env, "BENCHD_DATA_DIR="+data), test.args...)
			if e.code != test.code || !strings.Contains(e.stderr, test.want) {
				t.Errorf("exit status %d, want %d, and stderr\n%s\nwant\n%s", e.code, test.code, e.stderr, test.want)
			}
			if _, err := os.Stat(data); !os.IsNotExist(err) {
				t.Errorf("the data folder is there: %v", err)
			}
		})
	}
}

// TestServiceLinks wants a start beside a Kubernetes Service called benchd, with
// one line that says what was passed over.
func TestServiceLinks(t *testing.T) {
	t.Parallel()
	e := runCommand(t, []string{"BENCHD_DATA_DIR=" + t.TempDir(), "BENCHD_TASKS=noop", "BENCHD_RUNTIMES=go",
		"BENCHD_SERVICE_HOST=10.0.0.11", "BENCHD_SERVICE_PORT=9911", "BENCHD_PORT=tcp://10.0.0.11:9911"}, "once")
	const said = `are passed over" variables="BENCHD_PORT BENCHD_SERVICE_HOST BENCHD_SERVICE_PORT"`
	if e.code != 0 || strings.Count(e.stderr, said) != 1 {
		t.Errorf("exit status %d, want 0 and once %s in\n%s", e.code, said, e.stderr)
	}
}

// TestSelectionOfNothing names what could have been selected.
func TestSelectionOfNothing(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		env  []string
		want string
	}{
		{[]string{"BENCHD_TASKS=nop", "BENCHD_MODELS=async"}, `benchd: BENCHD_TASKS: "nop" matches no task; there are canary, cpu-bound, fixed-rate, io-bound, noop
BENCHD_MODELS: "async" matches no model; there are io, spin, asyncio, `},
		{[]string{"BENCHD_TASKS=noop", "BENCHD_MODELS=asyncio"}, "benchd: no experiment matches BENCHD_TASKS=noop BENCHD_MODELS=asyncio together; there are canary/go/io/1, "},
	} {
		for _, command := range []string{"", "once", "list"} {
			args := strings.Fields(command)
			e := runCommand(t, append(test.env, "BENCHD_DATA_DIR="+t.TempDir()), args...)
			if e.code != 1 || !strings.HasPrefix(e.stderr, test.want) || e.stdout != "" {
				t.Errorf("%v %v: exit status %d, want 1, stdout %q and stderr\n%s\nwant\n%s", test.env, args, e.code, e.stdout, e.stderr, test.want)
			}
		}
	}
}

func TestConfigShowsEveryVariable(t *testing.T) {
	t.Parallel()
	e := runCommand(t, []string{"BENCHD_REPEAT=7"}, "config")
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	variables := 0
	for line := range strings.Lines(string(readme)) {
		if !strings.HasPrefix(line, "| `BENCHD_") {
			continue
		}
		variables++
		if name := strings.Split(line, "`")[1]; !strings.Contains(e.stdout, name+" ") {
			t.Errorf("%s is not shown", name)
		}
	}
	if e.code != 0 || e.stderr != "" || variables < 20 || !strings.Contains(e.stdout, "7") {
		t.Errorf("exit status %d, stderr %q, %d variables:\n%s", e.code, e.stderr, variables, e.stdout)
	}
}

// TestOneDaemonAtATime starts a second one on the same folder, and one on the
// same address.
func TestOneDaemonAtATime(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	d := startDaemon(t, self(t), data, "BENCHD_TASKS=noop", "BENCHD_RUNTIMES=go")
	e := runCommand(t, []string{"BENCHD_DATA_DIR=" + data})
	if want := "benchd: BENCHD_DATA_DIR " + data + " is in use by another process, pid "; e.code != 1 || !strings.HasPrefix(e.stderr, want) {
		t.Errorf("exit status %d, want 1, and stderr\n%s\nwant\n%s", e.code, e.stderr, want)
	}
	address := strings.TrimPrefix(d.url, "http://")
	other := filepath.Join(t.TempDir(), "other")
	e = runCommand(t, []string{"BENCHD_DATA_DIR=" + other, "BENCHD_LISTEN_ADDRESS=" + address})
	if want := "benchd: BENCHD_LISTEN_ADDRESS: listen tcp " + address + ": bind: address already in use: end what serves there"; e.code != 1 || !strings.HasPrefix(e.stderr, want) {
		t.Errorf("exit status %d, want 1, and stderr\n%s\nwant\n%s", e.code, e.stderr, want)
	}
	if _, err := os.Stat(other); !os.IsNotExist(err) {
		t.Errorf("the data folder is there: %v", err)
	}
	if status, _ := d.get(t, "/-/healthy"); status != 200 {
		t.Errorf("the first is not healthy any more: status %d", status)
	}
	d.end(t)
	if c, err := net.Dial("tcp", address); err == nil {
		c.Close()
		t.Error("it still listens after its end")
	}
}

// TestSkipped wants what cannot run to be said wherever one looks.
func TestSkipped(t *testing.T) {
	t.Parallel()
	env := []string{"BENCHD_TASKS=noop"}
	const detail = "/no/such/python"
	list := runCommand(t, env, "list")
	if list.code != 0 || !strings.Contains(list.stdout, "2 experiments, 1 of them skipped") ||
		!strings.Contains(list.stdout, "no_interpreter") || !strings.Contains(list.stdout, detail) {
		t.Errorf("exit status %d:\n%s%s", list.code, list.stdout, list.stderr)
	}
	d := startDaemon(t, self(t), t.TempDir(), env...)
	d.awaitCycles(t, 1)
	m := d.metrics(t)
	if n := m.value(t, `benchd_skipped_experiments{reason="no_interpreter"}`); n != 1 {
		t.Errorf("%v experiments are skipped, want 1", n)
	}
	for _, e := range d.experiments(t) {
		if e.Skip == nil {
			continue
		}
		if e.Skip.Reason != bench.SkipNoInterpreter || !strings.Contains(e.Skip.Detail, detail) {
			t.Errorf("the API says %v", e.Skip)
		}
		if v := m.value(t, series("benchd_experiment_skipped", e.Key, "reason", "no_interpreter")); v != 1 {
			t.Errorf("benchd_experiment_skipped is %v", v)
		}
		if want := `msg="experiment is skipped" experiment=` + e.String() + " reason=no_interpreter"; !strings.Contains(d.log.String(), want) {
			t.Errorf("the log does not have %s:\n%s", want, d.log)
		}
	}
	d.end(t)
}

// TestFailures counts runs that fail, tells why, and goes on.
func TestFailures(t *testing.T) {
	t.Parallel()
	d := startDaemon(t, self(t), t.TempDir(), "BENCHD_WORKLOADS_DIR=testdata/tasks", "BENCHD_TASKS=unruly",
		"BENCHD_MODELS=fine,fails,wrong", "BENCHD_REPEAT=2")
	d.awaitCycles(t, 1)
	m := d.metrics(t)
	for _, test := range []struct {
		model   string
		outcome bench.Outcome
		reason  string
		output  string
	}{
		{"fine", bench.OK, "", ""},
		{"fails", bench.Failed, "exit status 9 before its result: see its output", "the cause of it"},
		{"wrong", bench.WrongResult, "checksum: 8, expected 7: not the same input, or not all of it", ""},
	} {
		key := bench.Key{Task: "unruly", Runtime: "bash", Model: test.model, Concurrency: 1}
		if n := m.value(t, series("benchd_runs_total", key, "outcome", string(test.outcome))); n != 2 {
			t.Errorf("%s: %v runs are %s, want 2", test.model, n, test.outcome)
		}
		if _, shown := m[series("benchd_last_run_duration_seconds", key)]; shown != (test.outcome == bench.OK) {
			t.Errorf("%s: the last run is shown: %v", test.model, shown)
		}
		runs := d.runs(t, "model="+test.model)
		for _, r := range runs {
			if r.Outcome != test.outcome || r.Error != test.reason || r.Output != test.output {
				t.Errorf("%s: the API says %s, %q, %q", test.model, r.Outcome, r.Error, r.Output)
			}
		}
		said := strings.Count(d.log.String(), `msg="run is not ok" experiment=`+key.String()+" ")
		if want := len(d.runs(t, "outcome="+string(test.outcome)+"&model="+test.model)); len(runs) != 2 || want != 2 || (said == 2) != (test.reason != "") {
			t.Errorf("%s: %d runs, %d of them %s, %d lines in the log:\n%s", test.model, len(runs), want, test.outcome, said, d.log)
		}
		if test.reason != "" && !strings.Contains(d.log.String(), test.reason) {
			t.Errorf("%s: the log does not have %q:\n%s", test.model, test.reason, d.log)
		}
	}
	d.end(t)
}
