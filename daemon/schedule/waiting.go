package schedule

import (
	"context"
	"errors"
	"time"

	"benchd/daemon/bench"
)

const (
	// recordTimeout bounds one attempt to record something. The daemon has 5 s to
	// end in, of which the workload may use 2.
	recordTimeout = 2 * time.Second
	// recordAgain is after how long a sleeper tries once more.
	recordAgain = 5 * time.Second
	// mostWaiting bounds the memory of results that wait to be recorded, in bytes:
	// some thousand runs.
	mostWaiting = 32 << 20
)

// result waits to be recorded and, after that, to be judged and shown: a run, or
// a cycle as it begins or ends.
type result struct {
	run   *bench.Run
	cycle bench.Cycle
}

// bytes is about the memory that it takes.
func (r *result) bytes() int {
	const fixed, sample, bucket = 2048, 40, 16
	n := fixed
	if r.run != nil {
		n += len(r.run.Output) + len(r.run.Error) + sample*len(r.run.Samples)
		if f := r.run.Figures; f != nil && f.Latency != nil {
			n += bucket * len(f.Latency.Buckets)
		}
	}
	return n
}

// hand has a result recorded, after all that wait already: a full disk, or a
// person who has the file locked, must not cost a run.
func (s *Scheduler) hand(ctx context.Context, r result) {
	s.waiting = append(s.waiting, r)
	s.settle(ctx)
}

// settle records what waits, in order, as far as that can be done now. It is
// recorded before anybody hears of it, so that nothing is ever shown that a crash
// could take back; and only then judged, for a judgement must be the same after a
// restart.
func (s *Scheduler) settle(ctx context.Context) {
	waited := len(s.waiting)
	for len(s.waiting) > 0 {
		next := s.waiting[0]
		err := s.record(ctx, &next)
		if err != nil && !errors.Is(err, bench.ErrUnrecordable) {
			s.keepWaiting(err)
			return
		}
		s.waiting = s.waiting[1:]
		s.pass(ctx, &next, err)
	}
	if s.late {
		s.late = false
		s.Log.Info("all results that waited are recorded", "results", waited)
		s.Observer.ResultsWaiting(0)
	}
}

// record records also what is left to record when ctx has ended.
func (s *Scheduler) record(ctx context.Context, r *result) error {
	limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTimeout)
	defer cancel()
	if r.run != nil {
		return s.Recorder.Record(limited, r.run)
	}
	return s.Recorder.RecordCycle(limited, r.cycle)
}

// keepWaiting keeps what could not be recorded, as much as there is room for.
func (s *Scheduler) keepWaiting(err error) {
	if !s.late {
		s.late = true
		s.Log.Error("results cannot be recorded now; they wait in memory and are not shown, measuring goes on; mend what the error names", "err", err)
	}
	size := 0
	for i := range s.waiting {
		size += s.waiting[i].bytes()
	}
	for size > mostWaiting {
		oldest := s.waiting[0]
		s.waiting = s.waiting[1:]
		size -= oldest.bytes()
		s.lose(&oldest, err)
	}
	s.Observer.ResultsWaiting(len(s.waiting))
}

// pass hands on what was recorded, or cannot ever be.
func (s *Scheduler) pass(ctx context.Context, r *result, err error) {
	limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTimeout)
	defer cancel()
	switch {
	case err != nil:
		s.lose(r, err)
	case r.run != nil:
		s.report(r.run)
		s.Judge.Judge(limited, r.run)
		s.Observer.RunEnded(*r.run, nil)
	case !r.cycle.Ended.IsZero():
		s.Judge.CycleEnded(limited, r.cycle)
		s.Observer.CycleEnded(r.cycle)
	}
}

// lose says what is not in the history and never will be.
func (s *Scheduler) lose(r *result, err error) {
	if r.run == nil {
		s.Log.Error("cycle is lost: it was not recorded", "cycle", r.cycle.Number, "err", err)
		return
	}
	s.report(r.run)
	s.Log.Error("run is lost: it was not recorded", "experiment", r.run.Key.String(), "cycle", r.run.Cycle, "started", r.run.Started, "err", err)
	s.Observer.RunEnded(*r.run, err)
}

// abandon says what is lost when benchd ends.
func (s *Scheduler) abandon() {
	for i := range s.waiting {
		s.lose(&s.waiting[i], errEnded)
	}
	s.waiting = nil
}

var errEnded = errors.New("benchd ended before it could be recorded")
