package main

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"

	"benchd/daemon/bench"
	"benchd/daemon/config"
	"benchd/daemon/httpbin"
	"benchd/daemon/run"
)

// BenchmarkHey holds the Go models of io-bound, at 100 connections and without
// delay, against hey, which does nothing else, on the same httpbin, and prints
// a table:
//
//	go test -run '^$' -bench Hey -benchtime 25x -timeout 1h ./daemon
//
// -benchtime is the number of rounds: one run of each program, in an order of
// its own. The ratio is that of the requests a second within a round, and 1 at
// least is wanted: an interval that lies below 1 is a failure. hey is
// downloaded and built.
func BenchmarkHey(b *testing.B) {
	const requests = 20_000
	dir := b.TempDir()
	hey := installHey(b, dir)
	benchd := buildBenchd(b)
	log := slog.New(slog.DiscardHandler)
	server, err := httpbin.Start(benchd, log)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := server.Close(); err != nil {
			b.Error(err)
		}
	})
	runner := &run.Runner{Self: benchd, ScratchDir: b.TempDir(), SampleInterval: 100 * time.Millisecond, HTTPBin: server.Server, Log: log}

	contestants := map[string]func() exchange{
		"hey": func() exchange { return runHey(b, hey, server.Server, requests) },
	}
	names := []string{"hey"}
	for _, e := range withoutDelay(b, benchd, requests) {
		names = append(names, e.Model)
		contestants[e.Model] = func() exchange { return runModel(b, runner, e) }
	}
	results := map[string][]exchange{}
	for range b.N {
		for _, i := range rand.Perm(len(names)) {
			results[names[i]] = append(results[names[i]], contestants[names[i]]())
		}
	}
	if b.N == 1 {
		return // the trial run of the benchmark's machinery
	}
	t := table.NewWriter()
	t.AppendHeader(table.Row{"client", "rounds", "requests/s", "ratio to hey", "95 % interval", "client's CPU us/request", "server's"})
	for _, name := range names {
		var rates, ratios, client, servers []float64
		for round, x := range results[name] {
			rates = append(rates, x.rate)
			ratios = append(ratios, x.rate/results["hey"][round].rate)
			client, servers = append(client, 1e6*x.clientCPU/requests), append(servers, 1e6*x.serverCPU/requests)
		}
		ratio, low, high := medianInterval(ratios)
		t.AppendRow(table.Row{name, b.N, fmt.Sprintf("%.0f", median(rates)), fmt.Sprintf("%.3f", ratio), fmt.Sprintf("%.3f to %.3f", low, high),
			fmt.Sprintf("%.1f", median(client)), fmt.Sprintf("%.1f", median(servers))})
		b.ReportMetric(ratio, name+"/hey")
		if high < 1 {
			b.Errorf("%s makes %.3f (%.3f to %.3f) times the requests of hey a second, want 1 at least", name, ratio, low, high)
		}
	}
	fmt.Println(t.RenderMarkdown())
}

// exchange is what one run yields.
type exchange struct{ rate, clientCPU, serverCPU float64 } // requests a second; seconds

// installHey builds hey, which benchd itself does not depend on.
func installHey(b *testing.B, dir string) string {
	b.Helper()
	cmd := exec.CommandContext(b.Context(), "go", "install", "github.com/rakyll/hey@v0.1.5")
	cmd.Env = append(os.Environ(), "GOBIN="+dir)
	if output, err := cmd.CombinedOutput(); err != nil {
		b.Skipf("hey cannot be built: %v\n%s", err, output)
	}
	return filepath.Join(dir, "hey")
}

var requestsPerSecond = regexp.MustCompile(`Requests/sec:\s+([\d.]+)`)

// runHey makes requests like those of the models: their queries have 471 bytes
// on average, and some for the number.
func runHey(b *testing.B, hey string, server func() bench.Server, requests int) exchange {
	b.Helper()
	url := server().URL + "/get?id=100&query=" + strings.Repeat("abcdefghijklmnopqrstuvwxyz", 18)
	cmd := exec.CommandContext(b.Context(), hey, "-n", strconv.Itoa(requests), "-c", "100", "-disable-compression", url)
	before := server().CPUSeconds
	output, err := cmd.CombinedOutput()
	after := server().CPUSeconds
	rate := requestsPerSecond.FindSubmatch(output)
	if err != nil || rate == nil || !strings.Contains(string(output), fmt.Sprintf("[200]\t%d responses", requests)) {
		b.Fatalf("hey: %v\n%s", err, output)
	}
	perSecond, err := strconv.ParseFloat(string(rate[1]), 64)
	if err != nil {
		b.Fatal(err)
	}
	used := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	return exchange{perSecond, used.Seconds(), *after - *before}
}

func runModel(b *testing.B, runner *run.Runner, e bench.Experiment) exchange {
	b.Helper()
	r := runner.Run(b.Context(), e)
	if r.Outcome != bench.OK || len(r.Figures.Errors) > 0 {
		b.Fatalf("%v: %s: %s %v\n%s", e.Key, r.Outcome, r.Error, r.Figures, r.Output)
	}
	return exchange{r.Figures.UnitsPerSecond(), r.Figures.CPUSeconds(), *r.Figures.ServerCPUSeconds}
}

// withoutDelay are the experiments as they are shipped, but for the delay and
// the number of passes.
func withoutDelay(b *testing.B, benchd string, requests uint64) []bench.Experiment {
	b.Helper()
	set, err := load(context.Background(), config.Config{
		Size: "standard", Tasks: []string{"io-bound"}, Runtimes: []string{"go"}, Concurrencies: []int{100},
		Pythons: []string{"/no/such/python"}, RunTimeout: time.Minute,
	}, b.TempDir(), benchd)
	if err != nil {
		b.Fatal(err)
	}
	for i := range set.Experiments {
		e := &set.Experiments[i]
		once := e.Expected
		once.Items, once.Units, once.Checksum = once.Items/e.Passes, once.Units/e.Passes, once.Checksum/e.Passes
		e.Passes = requests / once.Items
		e.Expected = bench.Expected{Items: e.Passes * once.Items, Units: e.Passes * once.Units, Checksum: e.Passes * once.Checksum}
		e.Env["WORKLOAD_PASSES"] = strconv.FormatUint(e.Passes, 10)
		e.Env["WORKLOAD_DELAY_SECONDS"] = "0"
		if e.Expected.Items != requests {
			b.Fatalf("%v: %d requests, want %d: make it a multiple of a pass", e.Key, e.Expected.Items, requests)
		}
	}
	return set.Experiments
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// medianInterval is the median and its 95 % confidence interval by order
// statistics (the sign test turned around), which presumes no distribution:
// between the values whose ranks are 0.98 sqrt(n) away from the middle.
func medianInterval(values []float64) (middle, low, high float64) {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	away := int(math.Ceil(0.98 * math.Sqrt(float64(n))))
	return median(values), sorted[max(0, (n-1)/2-away)], sorted[min(n-1, n/2+away)]
}
