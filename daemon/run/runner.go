package run

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"benchd/daemon/bench"
	"benchd/daemon/linux"
	"benchd/workloads/protocol"
)

// exitPatience is how long a workload may take to exit after it was let go:
// interpreters with a thousand threads need a while.
const exitPatience = 10 * time.Second

// Runner runs experiments, one at a time.
type Runner struct {
	Self           string              // this program, started again as supervisor
	ScratchDir     string              // each run gets a folder of its own in it
	SampleInterval time.Duration       // of CPU, memory and threads while a run goes on
	Groups         string              // folder in which each run gets a cgroup of its own; "" where none can be had
	HTTPBin        func() bench.Server // the server of IO experiments, as it is at this moment
	Fingerprint    bench.Fingerprint   // of this machine, this benchd and its httpbin
	Log            *slog.Logger

	live  atomic.Pointer[bench.Live]
	files checksums

	mu        sync.Mutex
	left      map[string]bool  // what lies in ScratchDir and cannot be removed
	survivors []*linux.Process // of earlier runs, that cannot be killed
}

// Live returns what can be seen of the run that is going on, if one is.
func (r *Runner) Live() (bench.Live, bool) {
	if live := r.live.Load(); live != nil {
		return *live, true
	}
	return bench.Live{}, false
}

// Run runs the experiment once: start, set up, measure, let go, judge how it
// ended. Whatever goes wrong is in the run; when it returns, nothing of the
// workload is left. When ctx is done the run is ended, and its outcome is
// killed.
func (r *Runner) Run(ctx context.Context, e bench.Experiment) bench.Run {
	run := bench.Run{Key: e.Key, Unit: e.Unit, Size: e.Size, Input: e.Input(),
		Started: time.Now(), Fingerprint: r.fingerprint(&e), Exit: bench.Exit{Code: -1}}
	r.live.Store(&bench.Live{Key: e.Key, Since: run.Started})
	defer r.live.Store(nil)

	end := r.attempt(ctx, e, &run)
	run.Ended = time.Now()
	run.Outcome, run.Error = end.outcome, end.reason
	if run.Outcome != bench.OK {
		run.Output = end.output
	}
	return run
}

// ending is how an attempt ended.
type ending struct {
	outcome bench.Outcome
	reason  string
	output  string
}

func (r *Runner) attempt(ctx context.Context, e bench.Experiment, run *bench.Run) (end ending) {
	dir, err := r.makeScratch()
	if err != nil {
		return ending{bench.Failed, err.Error(), ""}
	}
	defer r.removeScratch(dir)
	url := ""
	if e.HTTPBin {
		url = r.HTTPBin().URL
	}
	before := r.Leftovers().Processes
	c, err := r.start(e.Command, environmentOf(e, dir, url), dir)
	if err != nil {
		return ending{bench.Failed, err.Error(), ""}
	}
	t := &talk{ctx: ctx, child: c, token: rand.Text(), deadline: time.After(e.Timeout)}
	err = r.measured(t, e, run)
	patience := time.Second
	if err != nil && t.exit == nil { // it was not let go
		c.terminate()
		patience = supervisorPatience
	}
	strays, left := c.finish(patience)
	if t.exit == nil {
		t.exit = t.lastExit()
	}
	run.Exit = t.exitOf(strays)
	if strays > 0 {
		r.Log.Warn("workload left processes behind; they were killed", "experiment", e.String(), "strays", strays)
	}
	r.watchLeft(left)
	r.removeGroup(c.group)
	if before > 0 && run.Figures != nil {
		run.Noise = append(run.Noise, bench.NoiseLeftover)
	}
	end = judge(e, run, t, err)
	end.output = c.output.String()
	return end
}

// measured passes the gates, and fills in what was measured and reported.
func (r *Runner) measured(t *talk, e bench.Experiment, run *bench.Run) error {
	if err := t.awaitStart(); err != nil {
		return err
	}
	ready, err := t.awaitReady()
	if err != nil {
		return err
	}
	run.Versions = bench.Versions{Runtime: ready.Runtime, Client: ready.Client, GIL: ready.GIL}

	region, err := r.begin(t.child, e, run.Started)
	if err != nil {
		return fmt.Errorf("measure: %w", err)
	}
	defer region.close()
	t.deadline = time.After(e.Timeout)
	begun := time.Now()
	if err := t.child.open(protocol.GateStart + " " + t.token); err != nil {
		return t.closedGate(err)
	}
	result, at, err := t.awaitResult()
	if err != nil {
		return err
	}
	t.result = &result
	alive := region.end()

	t.deadline = time.After(exitPatience)
	if err := t.child.open(protocol.GateExit); err != nil {
		return t.closedGate(err)
	}
	err = t.awaitExit()
	if !alive {
		if err == nil {
			err = errExited // with its counters, before it was let go
		}
		return err
	}
	figures := region.figures(at.Sub(begun), t.exit)
	copyResult(&figures, result, e)
	run.Figures, run.Samples = &figures, region.sampler.trace
	run.Noise = append(figures.FindNoise(), region.noise()...)
	run.ServerBound = region.after.server.SameHost && figures.FindServerBound(region.usable)
	return err
}

// copyResult copies what the workload said of itself.
func copyResult(f *bench.Figures, m protocol.Result, e bench.Experiment) {
	f.WorkloadSeconds = m.ElapsedSeconds
	f.Units, f.Items = float64(m.Units), float64(m.Items)
	f.Passes = float64(e.Passes)
	f.BytesSent, f.BytesReceived, f.BytesWritten = float64(m.BytesSent), float64(m.BytesReceived), float64(m.BytesWritten)
	if len(m.Errors) > 0 {
		f.Errors = make(map[string]float64, len(m.Errors))
		for kind, n := range m.Errors {
			f.Errors[kind] = float64(n)
		}
	}
	if m.Latency != nil {
		f.Latency = &bench.Histogram{SumSeconds: m.Latency.SumSeconds}
		for _, b := range m.Latency.Buckets {
			f.Latency.Buckets = append(f.Latency.Buckets, bench.Bucket(b))
		}
	}
}
