package run

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"

	"benchd/daemon/bench"
)

// BenchmarkAccuracy holds what is measured against independent truth, and
// prints a table:
//
//	go test -run '^$' -bench Accuracy -benchtime 1x ./daemon/run
//
// CPU seconds and peak memory are held against /usr/bin/time, which runs as
// the workload's first process and so sees just what it asks wait4 for; wall
// time against the workload's own clock. The test process, which is the
// daemon here, holds 500 MB.
func BenchmarkAccuracy(b *testing.B) {
	gnuTime, err := exec.LookPath("time")
	if err != nil {
		b.Skip("needs GNU time: apt-get install time")
	}
	ballast := make([]byte, 500<<20)
	for i := range ballast {
		ballast[i] = 1
	}
	for range b.N {
		t := table.NewWriter()
		t.AppendHeader(table.Row{"workload", "figure", "truth", "measured", "error %", "allowed %"})
		for _, w := range accuracies {
			for _, row := range w.measure(b, gnuTime) {
				off := 100 * (row.measured/row.truth - 1)
				t.AppendRow(table.Row{w.name, row.figure, fmt.Sprintf("%.3f", row.truth),
					fmt.Sprintf("%.3f", row.measured), fmt.Sprintf("%+.2f", off), row.allowed})
				if off > row.allowed || off < -row.allowed {
					b.Errorf("%s: %s is off by %.2f %%, allowed are %v %%", w.name, row.figure, off, row.allowed)
				}
			}
		}
		fmt.Println(t.RenderMarkdown())
	}
	sink += int(ballast[len(ballast)-1])
}

type accuracy struct {
	name, workload string
	cpuAllowed     float64 // percent
	memory         bool    // it occupies enough for two runs to be alike
}

var accuracies = []accuracy{
	{"sync", "spin-sync", 1, false},
	{"10 threads", "spin-threads", 1, false},
	{"4 processes", "spin-processes", 1, false},
	{"40 short-lived children", "spin-children", 2, false},
	{"100 MB", "spin-memory", 1, true},
}

type accuracyRow struct {
	figure                   string
	truth, measured, allowed float64
}

// measure runs the workload with all its work between the gates, and once
// without any: the difference of what /usr/bin/time says of the two lives is
// the truth about the region.
func (w accuracy) measure(b *testing.B, gnuTime string) []accuracyRow {
	full, run := w.timed(b, gnuTime, w.workload)
	idle, _ := w.timed(b, gnuTime, "spin-nothing")
	f := run.Figures
	rows := []accuracyRow{
		{"CPU s", full.cpu - idle.cpu, f.CPUSeconds(), w.cpuAllowed},
		{"wall s", f.WorkloadSeconds, f.WallSeconds, 0.5},
	}
	if w.memory {
		// Without /usr/bin/time around it, which would be a second process.
		r := newRunner(b)
		alone := r.Run(context.Background(), accuracyExperiment(r, w.workload))
		rows = append(rows, accuracyRow{"peak memory MB", full.peakKiB / 1024, *alone.Figures.PeakMemoryBytes / (1 << 20), 2})
	}
	return rows
}

type lifeTime struct{ cpu, peakKiB float64 }

func (w accuracy) timed(b *testing.B, gnuTime, workload string) (lifeTime, bench.Run) {
	r := newRunner(b)
	out := filepath.Join(b.TempDir(), "time")
	e := accuracyExperiment(r, workload)
	e.Command = append([]string{gnuTime, "-o", out, "-f", "%U %S %M"}, e.Command...)
	run := r.Run(context.Background(), e)
	if run.Outcome != bench.OK {
		b.Fatalf("%s: %s: %s\n%s", workload, run.Outcome, run.Error, run.Output)
	}
	text, err := os.ReadFile(out)
	if err != nil {
		b.Fatal(err)
	}
	var figures [3]float64
	for i, word := range strings.Fields(string(text)) {
		if figures[i], err = strconv.ParseFloat(word, 64); err != nil {
			b.Fatal(err)
		}
	}
	return lifeTime{figures[0] + figures[1], figures[2]}, run
}

func accuracyExperiment(r *Runner, workload string) bench.Experiment {
	e := experiment(r, workload)
	e.Timeout = time.Minute
	return e
}

// The workloads use about 3 s of CPU time, in steps of which /usr/bin/time
// shows 10 ms: 0.3 %.
const accuracyCPU = 3 * time.Second

func init() {
	workloads["spin-nothing"] = func(a *actor) { a.work(func() {}) }
	workloads["spin-sync"] = func(a *actor) { a.work(func() { spin(accuracyCPU) }) }
	workloads["spin-threads"] = func(a *actor) {
		a.work(func() {
			var all sync.WaitGroup
			for range 10 {
				all.Go(func() { spin(accuracyCPU) }) // together: spin looks at the whole process
			}
			all.Wait()
		})
	}
	workloads["spin-processes"] = func(a *actor) {
		a.work(func() { spinProcesses(4, 4, "burn-long") })
	}
	workloads["spin-children"] = func(a *actor) {
		a.work(func() { spinProcesses(40, 1, "burn-short") })
	}
	workloads["burn-long"] = func(*actor) { spin(accuracyCPU / 4) }
	workloads["burn-short"] = func(*actor) { spin(accuracyCPU / 40) }
	workloads["spin-memory"] = func(a *actor) {
		a.work(func() {
			ballast := make([]byte, 100<<20)
			for i := 0; i < len(ballast); i += 4096 {
				ballast[i] = 1
			}
			spin(accuracyCPU)
			sink += int(ballast[len(ballast)-1])
		})
	}
}

// spinProcesses starts n processes, some of them at a time.
func spinProcesses(n, atATime int, name string) {
	var all sync.WaitGroup
	for worker := range atATime {
		all.Go(func() {
			for i := worker; i < n; i += atATime {
				if err := part(name).Run(); err != nil {
					panic(err)
				}
			}
		})
	}
	all.Wait()
}
