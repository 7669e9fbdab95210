package expose

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"

	"benchd/daemon/bench"
)

var (
	noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

	syncKey       = bench.Key{Task: "cpu-bound", Runtime: "cpython-3.13", Model: "sync", Concurrency: 1}
	freeKey       = bench.Key{Task: "cpu-bound", Runtime: "cpython-3.14t", Model: "threading", Concurrency: 4}
	asyncioKey    = bench.Key{Task: "io-bound", Runtime: "cpython-3.13", Model: "asyncio", Concurrency: 100}
	goneKey       = bench.Key{Task: "io-bound", Runtime: "cpython-3.9", Model: "asyncio+threads", Concurrency: 10}
	goroutinesKey = bench.Key{Task: "io-bound", Runtime: "go", Model: "goroutines", Concurrency: 100}
)

func experiments() []bench.Experiment {
	cpu := bench.Experiment{
		Title: "Character encoding", Description: "Encodes every character on its own.\nNothing waits.", Unit: "bytes",
		Size: "standard", Source: "workloads/cpu-bound/python/sync.py", Timeout: time.Minute,
		Passes: 2, Expected: bench.Expected{Items: 200, Units: 51_258_766, Checksum: 7},
	}
	http := bench.Experiment{
		Title: "HTTP requests", Description: "Appends bodies to a file.", Unit: "requests",
		Size: "standard", Source: "workloads/io-bound/python/asyncio_.py", Timeout: time.Minute, HTTPBin: true,
		Passes: 1, Expected: bench.Expected{Items: 1000, Units: 1000, Checksum: 9},
	}
	sync, free, asyncio, goroutines := cpu, cpu, http, http
	sync.Key, sync.Baseline, sync.Version = syncKey, true, "3.13.5"
	free.Key, free.FreeThreads = freeKey, true
	free.Skip = &bench.Skip{Reason: bench.SkipNoInterpreter, Detail: "python3.14t is not in PATH: install it"}
	asyncio.Key, asyncio.Client = asyncioKey, "aiohttp"
	goroutines.Key, goroutines.Client = goroutinesKey, "net/http"
	return []bench.Experiment{sync, free, asyncio, goroutines}
}

// allFigures has every field of bench.Figures, each with another value.
func allFigures() *bench.Figures {
	return &bench.Figures{
		WallSeconds: 2.5, WorkloadSeconds: 2.49,
		CPUUserSeconds: 1.5, CPUSystemSeconds: 0.25, CPUPercentMax: new(101.0),
		SystemCPUPercentAvg: new(40.0), SystemCPUPercentMax: new(75.0),
		RunDelaySeconds: new(0.125), ForeignCPUSeconds: new(0.5), StealSeconds: new(0.0625), StealPercent: new(3.0),
		CPUPressurePercent: new(12.0), IOPressurePercent: new(2.0), MemPressurePercent: new(1.0),
		ThrottledPeriods: new(4.0), ThrottledSeconds: new(0.375),
		PeakMemoryBytes: new(64.0 * (1 << 20)), AvgMemoryBytes: new(48.0 * (1 << 20)),
		ThreadsMax: 12, ProcessesMax: 3, VoluntarySwitches: new(1054.0), InvoluntarySwitches: new(164.0),
		DiskReadBytes: new(4096.0), DiskWrittenBytes: new(8192.0),
		NetworkReceivedBytes: new(2e6), NetworkSentBytes: new(1e6),
		Units: 990, Items: 1000, Passes: 2, Errors: map[string]float64{"timeout": 7, "status_500": 3},
		BytesSent: 9e5, BytesReceived: 19e5, BytesWritten: 18e5,
		Latency: &bench.Histogram{SumSeconds: 55, Buckets: []bench.Bucket{
			{LE: 0.05, Count: 0}, {LE: 0.055, Count: 900}, {LE: 0.0625, Count: 80}, {LE: 0.25, Count: 20},
		}},
		ServerCPUSeconds: new(0.75), ServerMemoryBytes: new(24e6),
		Samples: 25, SamplerSeconds: 0.0078125,
	}
}

// fewFigures is what a machine that offers little yields.
func fewFigures() *bench.Figures {
	return &bench.Figures{
		WallSeconds: 5, WorkloadSeconds: 5, CPUUserSeconds: 4.5, CPUSystemSeconds: 0.125,
		PeakMemoryBytes: new(16.0 * (1 << 20)), AvgMemoryBytes: new(15.0 * (1 << 20)), ThreadsMax: 1, ProcessesMax: 1,
		Units: 51_258_766, Items: 200, Passes: 2, Samples: 50, SamplerSeconds: 0.015625,
	}
}

func run(k bench.Key, o bench.Outcome, f *bench.Figures) bench.Run {
	r := bench.Run{
		Key: k, Unit: "requests", Size: "standard", Cycle: 3, Started: noon, Ended: noon.Add(3 * time.Second),
		Outcome: o, Figures: f, Versions: bench.Versions{Runtime: "3.13.5", Client: "aiohttp 3.11.16", GIL: "enabled"},
	}
	if k.Task == "cpu-bound" {
		r.Unit, r.Versions.Client = "bytes", ""
	}
	for _, x := range experiments() {
		if x.Key == k {
			r.Input = x.Input()
		}
	}
	return r
}

// fakeHistory is a History made of a function.
type fakeHistory func(context.Context, bench.RunQuery) ([]bench.Run, error)

func (f fakeHistory) Runs(ctx context.Context, q bench.RunQuery) ([]bench.Run, error) {
	return f(ctx, q)
}

// Keys are one that is not configured any more.
func (f fakeHistory) Keys(context.Context) ([]bench.Key, error) { return []bench.Key{goneKey}, nil }

func (f fakeHistory) Changes(_ context.Context, q bench.ChangeQuery) ([]bench.Change, error) {
	if q.Before != 0 {
		return nil, nil
	}
	return []bench.Change{slower()}, nil
}

func (f fakeHistory) Statistics(_ context.Context, k bench.Key) ([]bench.Dropped, error) {
	if k != asyncioKey {
		return nil, nil
	}
	return []bench.Dropped{{Key: k, Month: "2025-12", Sound: 3, Figures: map[bench.Figure]bench.Spread{bench.CPU: {Count: 3, Mean: 0.5}}}}, nil
}

func (f fakeHistory) Samples(_ context.Context, run int64) ([]bench.Sample, error) {
	if run != 12 {
		return nil, nil
	}
	return []bench.Sample{{Seconds: 0.1, CPUPercent: 99, MemoryBytes: 1e7, Threads: 2, Processes: 1}}, nil
}

func testOptions() Options {
	return Options{
		Experiments: experiments(),
		Host: bench.Host{
			CPUModel: "Example CPU", Cores: 2, MemoryBytes: 8 << 30, Kernel: "6.18.0", OS: "Debian GNU/Linux 13", Architecture: "x86_64",
			CPULimit: new(1.5), MemoryLimitBytes: new(512.0 * (1 << 20)),
		},
		Build: Build{Version: "1.2.3", Revision: "abcdef0", GoVersion: "go1.26.0"},
		Live: func() (bench.Live, bool) {
			return bench.Live{Key: goroutinesKey, Since: noon, CPUPercent: 150, MemoryBytes: 32 << 20, Threads: 9, Processes: 1}, true
		},
		Server: func() bench.Server {
			return bench.Server{URL: "http://127.0.0.1:1", Up: true, CPUSeconds: new(12.5), MemoryBytes: new(24e6), Restarts: 2}
		},
		Data: func() Data {
			return Data{SizeBytes: new(3e6), FreeBytes: new(5e9), Damaged: map[string]int64{"run": 2, "file": 0}}
		},
		Leftovers: func() bench.Leftovers { return bench.Leftovers{Scratch: 2, Processes: 1} },
		History:   fakeHistory(func(context.Context, bench.RunQuery) ([]bench.Run, error) { return nil, nil }),
		Judge:     &fakeJudge{},

		Logger: slog.New(slog.DiscardHandler),
	}
}

// ours are the families that benchd declares itself.
func ours(t testing.TB, e *Exposer) []*dto.MetricFamily {
	t.Helper()
	all, err := prometheus.Gatherers{e.results, e.now}.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var families []*dto.MetricFamily
	for _, f := range all {
		if strings.HasPrefix(f.GetName(), "benchd_") {
			families = append(families, f)
		}
	}
	return families
}

// text is the exposition of what benchd declares itself.
func text(t testing.TB, e *Exposer) string {
	t.Helper()
	var b bytes.Buffer
	for _, f := range ours(t, e) {
		if _, err := expfmt.MetricFamilyToText(&b, f); err != nil {
			t.Fatal(err)
		}
	}
	return b.String()
}

// samples are the lines of the exposition that begin with a prefix.
func samples(t testing.TB, e *Exposer, prefix string) []string {
	t.Helper()
	var found []string
	for line := range strings.Lines(text(t, e)) {
		if strings.HasPrefix(line, prefix) {
			found = append(found, strings.TrimSpace(line))
		}
	}
	return found
}

// logTo makes a logger whose lines carry no time.
func logTo(w io.Writer) *slog.Logger {
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		},
	}))
}
