package schedule

import (
	"context"
	"slices"
	"time"

	"benchd/daemon/bench"
)

// cycle runs one cycle, and hands each run to keep. The next one is due at
// next, or never if that is zero.
func (s *Scheduler) cycle(ctx context.Context, next time.Time, keep func(bench.Run)) bench.Cycle {
	c := s.begin(ctx)
	rounds := s.Reruns
	if c.WarmUp {
		rounds = 0 // nothing that is run now is judged
	}
	for _, i := range Order(c.Seed, len(s.runnable), s.Repeat) {
		if ctx.Err() != nil {
			break
		}
		keep(s.run(ctx, &c, s.runnable[i], false))
		s.rerun(ctx, &c, s.runnable[i].Key, &rounds, keep)
	}
	s.end(ctx, &c, next)
	return c
}

func (s *Scheduler) begin(ctx context.Context) bench.Cycle {
	s.begun++
	number := s.LastCycle + s.begun
	c := bench.Cycle{
		Number:  number,
		Seed:    cycleSeed(s.seed, number),
		WarmUp:  s.begun == 1,
		Started: s.now(),
		Total:   len(s.runnable) * s.Repeat,
	}
	s.Log.Info("cycle starts", "cycle", c.Number, "runs", c.Total, "seed", c.Seed, "warm_up", c.WarmUp)
	// Already now: its number is used up, also if this is its last message.
	s.hand(ctx, result{cycle: c})
	s.Observer.CycleStarted(c)
	return c
}

// run makes one run of the cycle.
func (s *Scheduler) run(ctx context.Context, c *bench.Cycle, e bench.Experiment, rerun bool) bench.Run {
	s.Observer.RunStarted(e, s.now())
	r := s.Runner.Run(ctx, e)
	r.Cycle, r.WarmUp, r.Rerun = c.Number, c.WarmUp, rerun
	switch cutShort := ctx.Err() != nil && r.Outcome == bench.Killed; {
	case cutShort:
	case rerun:
		c.Reruns++
	default:
		c.Done++
	}
	s.hand(ctx, result{run: &r})
	s.Observer.CycleProgress(*c)
	return r
}

// rerun makes rounds of what the judge wants to see again, until there is no
// doubt left or the cycle has no rounds left: then the experiment stays
// suspect, and the next cycle goes on with it. Each round has an order of its
// own, so that none of them always runs first.
func (s *Scheduler) rerun(ctx context.Context, c *bench.Cycle, suspect bench.Key, rounds *int, keep func(bench.Run)) {
	for ; *rounds > 0; *rounds-- {
		again := s.Judge.Again(suspect)
		if len(again) == 0 || ctx.Err() != nil || s.late { // what is not recorded is not judged
			return
		}
		s.Log.Info("suspect is run again", "experiment", suspect.String(), "cycle", c.Number, "beside", len(again)-1)
		for _, i := range Order(cycleSeed(c.Seed, int64(*rounds)), len(again), 1) {
			at := slices.IndexFunc(s.runnable, func(e bench.Experiment) bool { return e.Key == again[i] })
			if at < 0 || ctx.Err() != nil {
				continue
			}
			keep(s.run(ctx, c, s.runnable[at], true))
		}
	}
}

func (s *Scheduler) end(ctx context.Context, c *bench.Cycle, next time.Time) {
	c.Ended = s.now()
	took := c.Ended.Sub(c.Started)
	switch {
	case c.Done < c.Total:
		s.Log.Info("cycle was cut short", "cycle", c.Number, "runs", c.Done, "of", c.Total, "took", took.Round(time.Millisecond))
	case next.IsZero():
		s.Log.Info("cycle has ended", "cycle", c.Number, "took", took.Round(time.Millisecond))
	case c.Ended.After(next):
		c.Overran, c.Next = true, c.Ended
		s.Log.Warn("cycle took longer than until the next was due, which starts now: lengthen BENCHD_INTERVAL or BENCHD_SCHEDULE, or select less",
			"cycle", c.Number, "took", took.Round(time.Millisecond), "due", next)
	default:
		c.Next = next
		s.Log.Info("cycle has ended", "cycle", c.Number, "took", took.Round(time.Millisecond), "next", c.Next)
	}
	if s.late && ctx.Err() != nil { // it was tried a moment ago
		s.waiting = append(s.waiting, result{cycle: *c})
		return
	}
	s.hand(ctx, result{cycle: *c})
	if s.late {
		s.Observer.CycleProgress(*c) // it is not going on, whatever can be recorded
	}
}

// report logs how a run ended.
func (s *Scheduler) report(r *bench.Run) {
	log := s.Log.With("experiment", r.Key.String(), "cycle", r.Cycle)
	if r.Outcome == bench.OK {
		log.Debug("run has ended", "run", r.ID, "noise", r.Noise)
	} else {
		log.Warn("run is not ok", "run", r.ID, "outcome", r.Outcome, "err", r.Error, "output", r.Output)
	}
}
