package main

import (
	"bytes"
	"flag"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"benchd/daemon/bench"
)

var update = flag.Bool("update", false, "write the golden file anew")

// TestOnce wants a row for each experiment.
func TestOnce(t *testing.T) {
	t.Parallel()
	e := runCommand(t, []string{"BENCHD_DATA_DIR=" + t.TempDir(), "BENCHD_TASKS=noop,cpu-bound", "BENCHD_RUNTIMES=go",
		"BENCHD_MODELS=sync,threads", "BENCHD_REPEAT=2", "BENCHD_SEED=5"}, "once")
	figures := ` \| +[\d.]+ \| +[\d.]+ ?[kMG]? (bytes|runs)/s \| +[\d.]+ \| +\d+ \| +[\d.]+ \| +0 \| (clean|dirty: \w+) \|\n`
	want := `^\| task .*\n\| --- .*\n` +
		`\| cpu-bound \| go \| sync \| 1` + figures +
		`\| cpu-bound \| go \| threads \| 2` + figures +
		`\| cpu-bound \| go \| threads \| 4` + figures +
		`\| cpu-bound \| go \| threads \| 10` + figures +
		`\| noop \| go \| sync \| 1` + figures +
		`\n10 of 10 runs in \d+s, size quick, seed \d+\.\n$`
	if e.code != 0 || !regexp.MustCompile(want).MatchString(e.stdout) {
		t.Errorf("exit status %d, stdout\n%s\nwant\n%s\nstderr:\n%s", e.code, e.stdout, want, e.stderr)
	}
}

// TestWriteRuns shows rows of every kind; -update writes the golden file anew.
func TestWriteRuns(t *testing.T) {
	t.Parallel()
	run := func(model string, concurrency int, change func(*bench.Run)) bench.Run {
		r := bench.Run{
			Key:  bench.Key{Task: "io-bound", Runtime: "go", Model: model, Concurrency: concurrency},
			Unit: "requests", Outcome: bench.OK,
			Figures: &bench.Figures{WallSeconds: 2, Units: 20_000, Items: 20_000, CPUUserSeconds: 1, CPUSystemSeconds: 0.5, PeakMemoryBytes: new(10.0 * (1 << 20))},
		}
		change(&r)
		return r
	}
	wall := func(seconds float64) func(*bench.Run) {
		return func(r *bench.Run) { r.Figures.WallSeconds = seconds }
	}
	fails := func(o bench.Outcome) func(*bench.Run) {
		return func(r *bench.Run) { r.Outcome, r.Figures = o, nil }
	}
	dirty := func(r *bench.Run) { r.Noise = []bench.Noise{bench.NoiseSteal, bench.NoiseRunDelay} }
	runs := []bench.Run{
		run("threads", 100, func(*bench.Run) {}),
		run("threads", 10, wall(1)), run("threads", 10, wall(9)), run("threads", 10, wall(4)), // median 4
		run("sync", 1, wall(10)), run("sync", 1, wall(20)), // median 15
		run("dirty", 1, dirty), run("dirty", 1, func(*bench.Run) {}),
		run("server", 1, func(r *bench.Run) { r.ServerBound = true; dirty(r) }),
		run("failed", 1, fails(bench.TimedOut)),
		run("sometimes", 1, fails(bench.Failed)), run("sometimes", 1, dirty),
		run("wrong", 1, func(r *bench.Run) { r.Outcome = bench.WrongResult }), // its figures are not shown
		run("errors", 1, func(r *bench.Run) { r.Figures.Errors = map[string]float64{"timeout": 3, "connection": 1} }),
	}
	var got bytes.Buffer
	writeRuns(&got, runs)
	golden := filepath.Join("testdata", "once.golden")
	if *update {
		if err := os.WriteFile(golden, got.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got.String()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestScaled(t *testing.T) {
	t.Parallel()
	for rate, want := range map[float64]string{
		0: "0", 0.123456: "0.1235", 19.041: "19.04", 9999: "9999", 10_000: "10 k", 24_120_000: "24.12 M",
		845_300_000: "845.3 M", 9_999_000_000: "9999 M", 51_200_000_000: "51.2 G",
		9999.4: "9999", 9999.5: "10 k", 9999.7: "10 k", 9_999_499: "9999 k", 9_999_700: "10 M", 9.9997e12: "10 T", math.MaxUint64: "18.45 E",
		0.00001234: "0.00001234", math.NaN(): "unknown",
	} {
		if got := scaled(rate); got != want {
			t.Errorf("scaled(%v) is %q, want %q", rate, got, want)
		}
	}
}

// One failed item in one of two runs is not none.
func TestErrorsOfTwoRuns(t *testing.T) {
	t.Parallel()
	var runs []bench.Run
	for _, failed := range []float64{0, 1} {
		runs = append(runs, bench.Run{Outcome: bench.OK, Unit: "things",
			Figures: &bench.Figures{Items: 10, Errors: map[string]float64{"timeout": failed}}})
	}
	if row := rowOf(bench.Key{}, runs); row[9] != "0.5" {
		t.Errorf("errors are shown as %v, want 0.5", row[9])
	}
}

// told is an observer that notes what it is told.
type told struct{ log []string }

func (o *told) CycleStarted(bench.Cycle)               { o.log = append(o.log, "cycle started") }
func (o *told) RunStarted(bench.Experiment, time.Time) { o.log = append(o.log, "run started") }
func (o *told) RunEnded(bench.Run, error)              { o.log = append(o.log, "run ended") }
func (o *told) ResultsWaiting(int)                     { o.log = append(o.log, "waiting") }
func (o *told) CycleProgress(bench.Cycle)              { o.log = append(o.log, "progress") }
func (o *told) CycleEnded(bench.Cycle)                 { o.log = append(o.log, "cycle ended") }

// TestProgress wants the bar to move, and nothing to be kept from the observer
// behind it.
func TestProgress(t *testing.T) {
	t.Parallel()
	var screen bytes.Buffer
	behind := &told{}
	p := progress{behind, newBar(&screen)}
	e := bench.Experiment{Key: bench.Key{Task: "noop", Runtime: "go", Model: "sync", Concurrency: 1}}
	c := bench.Cycle{Total: 2}
	p.CycleStarted(c)
	for c.Done < c.Total {
		p.RunStarted(e, time.Now())
		p.RunEnded(bench.Run{}, nil)
		c.Done++
		p.CycleProgress(c)
	}
	p.CycleEnded(c)
	want := []string{"cycle started", "run started", "run ended", "progress", "run started", "run ended", "progress", "cycle ended"}
	if diff := cmp.Diff(want, behind.log); diff != "" {
		t.Errorf("told, -want +got:\n%s", diff)
	}
	if shown := screen.String(); !strings.Contains(shown, "noop/go/sync/1") || !strings.Contains(shown, "(1/2)") {
		t.Errorf("the bar shows %q", shown)
	}
}
