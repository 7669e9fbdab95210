package run

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"benchd/daemon/bench"
)

func init() {
	workloads["shuts-folders"] = func(a *actor) {
		a.work(func() {
			for _, dir := range []string{"cache/x", "../../shut"} {
				if err := os.MkdirAll(dir, 0o755); err != nil {
					panic(err)
				}
			}
			for _, dir := range []string{"cache/x", "cache", ".", "..", "../.."} {
				if dir, err := filepath.Abs(dir); err != nil || os.Chmod(dir, 0o111) != nil {
					panic(err)
				}
			}
		})
	}
	workloads["removes-all-folders"] = func(a *actor) {
		a.work(func() {
			if err := os.RemoveAll(filepath.Dir(os.Getenv("WORKLOAD_DIR"))); err != nil {
				panic(err)
			}
		})
	}
	workloads["moves-its-folder"] = func(a *actor) {
		a.work(func() {
			dir := os.Getenv("WORKLOAD_DIR")
			if err := os.Rename(dir, filepath.Join(filepath.Dir(dir), "moved")); err != nil {
				panic(err)
			}
		})
	}
}

// TestScratchSurvivesWorkloads runs one workload after another that takes the
// folders away which both share.
func TestScratchSurvivesWorkloads(t *testing.T) {
	r := newRunner(t)
	r.ScratchDir = filepath.Join(t.TempDir(), "data", "scratch")
	if err := os.Mkdir(filepath.Dir(r.ScratchDir), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, workload := range []string{"shuts-folders", "good", "removes-all-folders", "good"} {
		if run := r.Run(context.Background(), experiment(r, workload)); run.Outcome != bench.OK {
			t.Errorf("%s: %s %s %s", workload, run.Outcome, run.Error, run.Output)
		}
		if n := r.Leftovers().Scratch; n != 0 {
			t.Errorf("%s: %d things are left", workload, n)
		}
		nothingLeft(t, r.ScratchDir)
	}
}

// TestScratchNamesWhatIsLeft wants what cannot be removed to be counted as long
// as it is there, and said once.
func TestScratchNamesWhatIsLeft(t *testing.T) {
	r := newRunner(t)
	var log bytes.Buffer
	r.Log = slog.New(slog.NewTextHandler(&log, nil))
	if run := r.Run(context.Background(), experiment(r, "moves-its-folder")); run.Outcome != bench.OK {
		t.Errorf("%s: %s", run.Outcome, run.Error)
	}
	moved := filepath.Join(r.ScratchDir, "moved")
	for range 3 {
		r.Clear()
		if n := r.Leftovers().Scratch; n != 1 {
			t.Errorf("%d things are left, want 1", n)
		}
	}
	want := `left=1 err="` + moved + ` is none of benchd's: remove it"`
	if text := log.String(); strings.Count(text, want) != 1 || strings.Count(text, "\n") != 1 {
		t.Errorf("the log says\n%s\nwant once\n%s", text, want)
	}
	if err := os.Remove(moved); err != nil {
		t.Fatal(err)
	}
	if r.Clear(); r.Leftovers().Scratch != 0 {
		t.Error("it is counted after it was removed")
	}
}

// TestScratchPathIsNoPattern kills and removes what is below its own folder,
// whatever its name means elsewhere.
func TestScratchPathIsNoPattern(t *testing.T) {
	for _, name := range []string{"g[1]", "*", "?1", `\g1`, "g1 ", "g1\n", "{g1,}", "$HOME", "%67", "\xff", "'", `"`} {
		t.Run(name, func(t *testing.T) {
			data := t.TempDir()
			other := filepath.Join(data, "g1", "scratch", "run-1")
			own := filepath.Join(data, name, "scratch", "run-1")
			for _, dir := range []string{other, own} {
				if err := os.MkdirAll(dir, 0o755); err != nil {
					t.Fatal(err)
				}
			}
			r := newRunner(t)
			r.ScratchDir = filepath.Dir(own)
			r.Clear()
			if _, err := os.Stat(own); !os.IsNotExist(err) {
				t.Errorf("its own is there: %v", err)
			}
			if _, err := os.Stat(other); err != nil {
				t.Error(err)
			}
			if run := r.Run(context.Background(), experiment(r, "good")); run.Outcome != bench.OK {
				t.Errorf("%s: %s", run.Outcome, run.Error)
			}
			nothingLeft(t, r.ScratchDir)
		})
	}
}
