package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"benchd/daemon/bench"
)

// TestRegression lets a workload need more memory, on the real daemon: the
// change is found, outlives SIGKILL, and ends when it is accepted. Its runs take
// no time, so that no busy machine makes them dirty; BenchmarkEndToEnd tells the
// whole story.
func TestRegression(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("python3"); err != nil {
		missing(t, "the workload is in Python: install python3")
	}
	tasks, err := filepath.Abs(filepath.Join("testdata", "switch"))
	if err != nil {
		t.Fatal(err)
	}
	env := []string{"BENCHD_WORKLOADS_DIR=" + tasks, "BENCHD_TASKS=steps", "BENCHD_MODELS=victim", "BENCHD_INTERVAL=1s"}
	data := t.TempDir()
	need := func(memory string) {
		if err := os.WriteFile(filepath.Join(data, "switch"), []byte(`{"work": 0, "memory": `+memory+`}`), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	need("1")
	d := startDaemon(t, self(t), data, env...)
	runs := series("benchd_figure_runs", victim, "figure", "memory")
	d.eventually(t, "has a level to hold runs against", func() bool { return d.metrics(t)[runs] >= 12 })

	need("1.5")
	state := series("benchd_figure_state", victim, "figure", "memory")
	d.eventually(t, "finds that the victim needs more memory", func() bool { return d.metrics(t)[state] == float64(bench.Regressed) })
	open := d.openChange(t)
	if open.Figure != bench.Memory || open.Direction != bench.Regression || open.Size.Ratio < 1.1 || open.Size.Ratio > 1.6 || open.Began.Run <= open.LastBefore.Run {
		t.Errorf("open is %s: %+v", open.Sentence(), open.Size)
	}

	d.signal(t, syscall.SIGKILL)
	d = startDaemon(t, self(t), data, env...)
	if again := d.openChange(t); again.ID != open.ID || again.Began != open.Began || d.metrics(t)[state] != float64(bench.Regressed) {
		t.Errorf("after SIGKILL open is %d, %+v, the state is %v", again.ID, again.Began, d.metrics(t)[state])
	}

	accepted := runCommand(t, []string{"BENCHD_DATA_DIR=" + data}, "accept", strconv.FormatInt(open.ID, 10), "it", "needs", "that")
	if accepted.code != 0 || !strings.HasPrefix(accepted.stdout, "Accepted change "+strconv.FormatInt(open.ID, 10)+": peak memory of steps/python/victim/1: more by ") ||
		!strings.Contains(accepted.stdout, "it needs that") {
		t.Errorf("%+v", accepted)
	}
	m := d.metrics(t)
	if got := m.value(t, state); got != float64(bench.Steady) {
		t.Errorf("when it was accepted the state is %v", got)
	}
	if left := m.matching(`^benchd_open_change`); len(left) > 0 {
		t.Errorf("still shown: %v", left)
	}
	if got := m.value(t, `benchd_closed_changes_total{ending="accepted"}`); got != 1 {
		t.Errorf("%v accepted changes are counted", got)
	}
	d.end(t)
}

// openChange is the only one that is open.
func (d *daemon) openChange(t *testing.T) bench.Change {
	t.Helper()
	var page struct{ Changes []bench.Change }
	d.getJSON(t, "/api/v1/changes?open=true", &page)
	if len(page.Changes) != 1 {
		t.Fatalf("%d changes are open, want 1: %v", len(page.Changes), page.Changes)
	}
	return page.Changes[0]
}
