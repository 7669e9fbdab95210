package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"benchd/daemon/bench"
	"benchd/daemon/config"
	"benchd/daemon/schedule"
)

// once runs one cycle and prints a table of its results.
func once(ctx context.Context, settings config.Config, log *slog.Logger, stdout, stderr io.Writer) (err error) {
	a, err := newApp(ctx, settings, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.close()) }()
	if isTerminal(stderr) {
		a.scheduler.Observer = progress{a.scheduler.Observer, newBar(unescaped(stderr))}
	}
	runs, cycle, err := a.scheduler.Cycle(ctx)
	if err != nil {
		return err
	}
	writeRuns(stdout, runs)
	fmt.Fprintf(stdout, "\n%d of %d runs in %v, size %s, seed %d.\n",
		cycle.Done, cycle.Total, cycle.Ended.Sub(cycle.Started).Round(time.Second), settings.Size, cycle.Seed)
	if cycle.Done < cycle.Total {
		return fmt.Errorf("the cycle was interrupted: %w", context.Cause(ctx))
	}
	return howTheyEnded(runs)
}

// errSomeRuns is that only some runs of a cycle were ok.
var errSomeRuns = errors.New("not all runs were ok")

// howTheyEnded is nil when all runs are ok and in the history.
func howTheyEnded(runs []bench.Run) error {
	ok, lost := 0, 0
	for _, r := range runs {
		if r.Outcome == bench.OK {
			ok++
		}
		if r.ID == 0 {
			lost++
		}
	}
	switch {
	case lost > 0:
		return fmt.Errorf("%d of %d runs are not in the history: the log says why", lost, len(runs))
	case ok == 0:
		return fmt.Errorf("none of the %d runs was ok: the log says why", len(runs))
	case ok < len(runs):
		return fmt.Errorf("%w: %d of %d were not, the column state and the log say why", errSomeRuns, len(runs)-ok, len(runs))
	}
	return nil
}

func isTerminal(w io.Writer) bool {
	f, ok := unescaped(w).(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// writeRuns prints one line for each experiment, the median over its runs:
// aligned on a terminal, elsewhere as Markdown.
func writeRuns(w io.Writer, runs []bench.Run) {
	byKey := map[bench.Key][]bench.Run{}
	var keys []bench.Key
	for _, r := range runs {
		if byKey[r.Key] == nil {
			keys = append(keys, r.Key)
		}
		byKey[r.Key] = append(byKey[r.Key], r)
	}
	slices.SortFunc(keys, bench.Key.Compare)

	t := table.NewWriter()
	t.AppendHeader(table.Row{"task", "runtime", "model", "concurrency", "wall s", "throughput",
		"CPU s", "CPU %", "peak memory MB", "errors", "state"})
	var right []table.ColumnConfig
	for n := 4; n <= 10; n++ {
		right = append(right, table.ColumnConfig{Number: n, Align: text.AlignRight})
	}
	t.SetColumnConfigs(right)
	for _, key := range keys {
		t.AppendRow(rowOf(key, byKey[key]))
	}
	if isTerminal(w) {
		t.SetStyle(table.StyleLight)
		t.Style().Options = table.OptionsNoBordersAndSeparators
		t.Style().Format.Header = text.FormatDefault
		fmt.Fprintln(w, t.Render())
		return
	}
	fmt.Fprintln(w, t.RenderMarkdown())
}

func rowOf(key bench.Key, runs []bench.Run) table.Row {
	row := table.Row{key.Task, key.Runtime, key.Model, key.Concurrency}
	var good []*bench.Figures
	state := ""
	for _, r := range runs {
		switch {
		case r.Outcome != bench.OK:
			state = string(r.Outcome)
		case state == "" && r.ServerBound:
			state = "server-bound"
		case state == "" && len(r.Noise) > 0:
			state = "dirty: " + string(r.Noise[0])
		}
		if r.Outcome == bench.OK && r.Figures != nil {
			good = append(good, r.Figures)
		}
	}
	if len(good) == 0 {
		return append(row, "", "", "", "", "", "", state)
	}
	median := func(figure func(*bench.Figures) float64) float64 { return medianOf(good, figure) }
	return append(row,
		fmt.Sprintf("%.3f", median(func(f *bench.Figures) float64 { return f.WallSeconds })),
		scaled(median((*bench.Figures).UnitsPerSecond))+" "+runs[0].Unit+"/s",
		fmt.Sprintf("%.3f", median((*bench.Figures).CPUSeconds)),
		fmt.Sprintf("%.0f", median((*bench.Figures).CPUPercent)),
		peakMemory(good),
		bench.Number(median((*bench.Figures).FailedItems), 3), // half an item is not none
		cmp.Or(state, "clean"))
}

// peakMemory is empty where one of the runs does not tell it.
func peakMemory(good []*bench.Figures) string {
	if slices.ContainsFunc(good, func(f *bench.Figures) bool { return f.PeakMemoryBytes == nil }) {
		return ""
	}
	return fmt.Sprintf("%.1f", medianOf(good, func(f *bench.Figures) float64 { return *f.PeakMemoryBytes })/(1<<20))
}

func medianOf(all []*bench.Figures, figure func(*bench.Figures) float64) float64 {
	values := make([]float64, len(all))
	for i, f := range all {
		values[i] = figure(f)
	}
	slices.Sort(values)
	n := len(values)
	return (values[(n-1)/2] + values[n/2]) / 2
}

// scaled shows a rate with 4 digits and an SI prefix. It rounds before it looks
// for the prefix: 9999.7 is 10 k.
func scaled(rate float64) string {
	if rounded, err := strconv.ParseFloat(strconv.FormatFloat(rate, 'g', 4, 64), 64); err == nil {
		rate = rounded
	}
	prefixes := []string{"", " k", " M", " G", " T", " P", " E"}
	for len(prefixes) > 1 && rate >= 10_000 {
		rate, prefixes = rate/1000, prefixes[1:]
	}
	return bench.Number(rate, 4) + prefixes[0]
}

// progress moves a bar as the runs of a cycle end.
type progress struct {
	schedule.Observer
	bar *progressbar.ProgressBar
}

func newBar(w io.Writer) *progressbar.ProgressBar {
	return progressbar.NewOptions(-1, progressbar.OptionSetWriter(w), progressbar.OptionShowCount(),
		progressbar.OptionClearOnFinish(), progressbar.OptionFullWidth(), progressbar.OptionSetPredictTime(true))
}

func (p progress) RunStarted(e bench.Experiment, at time.Time) {
	p.bar.Describe(e.String())
	p.Observer.RunStarted(e, at)
}

func (p progress) CycleProgress(c bench.Cycle) {
	p.bar.ChangeMax(c.Total)
	_ = p.bar.Set(c.Done) // a terminal that is gone is no reason to stop measuring
	p.Observer.CycleProgress(c)
}
