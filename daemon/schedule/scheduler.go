// Package schedule decides what is run when. It turns experiments into cycles:
// in the flow it stands between the experiments and measuring them, and hands
// every result on, to be recorded, judged and exposed in this order.
//
// One run goes on at a time, since two would measure each other. Every cycle
// is a block of runs in an order of its own, so that whatever changes on the
// machine in the meantime meets all experiments alike.
package schedule

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"benchd/daemon/bench"
	"benchd/daemon/cron"
)

// Runner runs an experiment and measures it.
type Runner interface {
	// Run returns when nothing of the workload is left, whatever became of
	// it; soon, and with outcome killed, when ctx ends.
	Run(ctx context.Context, e bench.Experiment) bench.Run
}

// Recorder keeps results.
type Recorder interface {
	// Record makes the run durable and sets its ID. It is asked again later if it
	// fails, unless by bench.ErrUnrecordable.
	Record(ctx context.Context, r *bench.Run) error
	// RecordCycle replaces what was kept of the cycle of that number.
	RecordCycle(ctx context.Context, c bench.Cycle) error
}

// Judge says what a result means.
type Judge interface {
	// Judge takes a run that has been recorded.
	Judge(ctx context.Context, r *bench.Run)
	// Again is what is to be run at once, beside one another, to tell whether
	// the experiment got worse, itself included; nil where there is no doubt.
	Again(k bench.Key) []bench.Key
	// CycleEnded judges what can be told of whole cycles only.
	CycleEnded(ctx context.Context, c bench.Cycle)
}

// Observer is told what happens, in the order in which it happens and from one
// goroutine. What it does is done between the runs, never during one.
type Observer interface {
	CycleStarted(c bench.Cycle)
	RunStarted(e bench.Experiment, at time.Time)
	// RunEnded follows when the run is recorded and judged; or lost, for the
	// reason given. That may be some runs later, in order.
	RunEnded(r bench.Run, lost error)
	// ResultsWaiting is told how many runs and cycles have ended and wait to be
	// recorded, whenever that changes. No run is going on.
	ResultsWaiting(n int)
	CycleProgress(c bench.Cycle) // after every run
	CycleEnded(c bench.Cycle)
}

// Scheduler runs cycles. Its fields are not to be changed once it runs.
type Scheduler struct {
	Experiments []bench.Experiment // skipped ones included: they are logged, and left out
	Runner      Runner
	Recorder    Recorder
	Judge       Judge
	Observer    Observer

	Interval  time.Duration  // from start to start of cycles, more than 0; not used with a Cron
	Cron      *cron.Schedule // in local time; nil for the Interval
	Repeat    int            // runs of each experiment in a cycle, at least 1
	Reruns    int            // rounds of reruns in a cycle at most, 0 for none
	Seed      *uint64        // of all orders; nil draws one
	LastCycle int64          // number of the latest cycle of earlier starts, 0 for none

	Log *slog.Logger
	Now func() time.Time // nil is time.Now; a test sets the clock back with it

	runnable []bench.Experiment // set by prepare, as the next
	seed     uint64
	begun    int64    // cycles since the start
	waiting  []result // to be recorded, the oldest first
	late     bool     // some of them could not be recorded at once
}

// Run runs cycles until ctx ends, and then returns nil: the first at once, the
// others when they are due. A cycle that is still going when the next is due
// is followed by one at once, not by all that were missed. Run fails when
// there is nothing to run, before anything is run.
func (s *Scheduler) Run(ctx context.Context) error {
	if err := s.prepare(); err != nil {
		return err
	}
	next := s.due(s.now())
	zone, _ := next.Zone()
	s.Log.Info("a cycle starts now, and the next one when it is due", "next", next, "zone", zone)
	defer s.abandon()
	for ctx.Err() == nil {
		next := s.due(s.now())
		c := s.cycle(ctx, next, func(bench.Run) {})
		if !s.wait(ctx, c.Next) {
			break
		}
	}
	return nil
}

// Cycle runs a single cycle, and returns its runs in the order in which they
// were made. When ctx ends, they are those that were begun until then, and the
// cycle has less Done than its Total. It fails when there is nothing to run.
func (s *Scheduler) Cycle(ctx context.Context) ([]bench.Run, bench.Cycle, error) {
	if err := s.prepare(); err != nil {
		return nil, bench.Cycle{}, err
	}
	var runs []bench.Run
	c := s.cycle(ctx, time.Time{}, func(r bench.Run) { runs = append(runs, r) })
	s.abandon()
	return runs, c, nil
}

// prepare sorts out, once, what can be run.
func (s *Scheduler) prepare() error {
	if s.runnable != nil {
		return nil
	}
	if s.Repeat < 1 {
		return fmt.Errorf("BENCHD_REPEAT is %d, want at least 1", s.Repeat)
	}
	if s.Cron == nil && s.Interval <= 0 {
		return fmt.Errorf("BENCHD_INTERVAL is %v, want more than 0", s.Interval)
	}
	for _, e := range s.Experiments {
		if e.Skip != nil {
			s.Log.Warn("experiment is skipped", "experiment", e.String(), "reason", e.Skip.Reason, "detail", e.Skip.Detail)
			continue
		}
		s.runnable = append(s.runnable, e)
	}
	switch {
	case len(s.Experiments) == 0:
		return errors.New("there is no experiment to run: look at BENCHD_WORKLOADS_DIR and at what BENCHD_TASKS, BENCHD_RUNTIMES, BENCHD_MODELS and BENCHD_CONCURRENCIES select")
	case len(s.runnable) == 0:
		return fmt.Errorf("none of the %d experiments can run here: install what they lack, the log and `benchd list` say what that is", len(s.Experiments))
	}
	s.seed = rand.Uint64()
	if s.Seed != nil {
		s.seed = *s.Seed
	}
	s.Log.Info("scheduler starts", "experiments", len(s.runnable), "skipped", len(s.Experiments)-len(s.runnable), "seed", s.seed)
	return nil
}

func (s *Scheduler) now() time.Time {
	if s.Now != nil {
		return s.Now()
	}
	return time.Now()
}
