package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestHistoryTakenAwayFromTheDaemon removes its files in mid-cycle: it is said,
// and after a restart every run is there, each ID once.
func TestHistoryTakenAwayFromTheDaemon(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	env := []string{"BENCHD_TASKS=noop", "BENCHD_RUNTIMES=go", "BENCHD_INTERVAL=1s"}
	d := startDaemon(t, self(t), data, env...)
	d.awaitCycles(t, 2)
	files, err := filepath.Glob(filepath.Join(data, "benchd.db*"))
	if err != nil || len(files) < 3 {
		t.Fatal(files, err)
	}
	for _, f := range files {
		if err := os.Remove(f); err != nil {
			t.Fatal(err)
		}
	}
	d.awaitCycles(t, 4)
	d.end(t)
	if !strings.Contains(d.log.String(), "the history was tampered with while benchd uses it") {
		t.Errorf("nothing was said:\n%s", d.log)
	}
	d = startDaemon(t, self(t), data, env...)
	d.awaitCycles(t, 1)
	runs := d.runs(t, "task=noop")
	for i, r := range runs {
		if want := int64(len(runs) - i); r.ID != want {
			t.Errorf("a run has ID %d, want %d", r.ID, want)
		}
	}
	if len(runs) < 5 {
		t.Errorf("%d runs are left", len(runs))
	}
	d.end(t)
}

// TestTheFolderIsWalkedBetweenCycles wants no scrape to walk it, which may come in
// the middle of a run.
func TestTheFolderIsWalkedBetweenCycles(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	d, _ := startHeld(t, data, "held")
	size := func() float64 { return d.metrics(t).value(t, "benchd_data_size_bytes") }
	before := size()
	if err := os.WriteFile(filepath.Join(data, "more"), make([]byte, 10<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	if after := size(); before == 0 || after != before {
		t.Errorf("%v bytes, and after 10 MB were added %v: a scrape walked the folder", before, after)
	}
	d.end(t)
}
