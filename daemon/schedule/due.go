package schedule

import (
	"context"
	"time"
)

// maxSleep is after how long a sleeper looks at the clock again: a timer knows
// nothing of a clock that was set, or of a machine that was suspended.
const maxSleep = time.Minute

// due is when a cycle is due after one that starts at the given time.
//
// By the interval it carries the monotonic clock, so setting the clock moves
// no cycle. By the cron expression it is a time of day, which does move.
func (s *Scheduler) due(start time.Time) time.Time {
	if s.Cron != nil {
		return s.Cron.Next(start)
	}
	return start.Add(s.Interval)
}

// wait sleeps until next, and reports false when ctx ended before.
func (s *Scheduler) wait(ctx context.Context, next time.Time) bool {
	at := next
	for ctx.Err() == nil {
		now := s.now()
		if !now.Before(at) {
			return true
		}
		// The clock was set back: nobody wants to wait until it is there again.
		if sooner := s.due(now); sooner.Before(at) {
			at = sooner
		}
		sleep := min(at.Sub(now), maxSleep)
		if s.late {
			sleep = min(sleep, recordAgain)
		}
		timer := time.NewTimer(sleep)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return false
		}
		if s.late {
			s.settle(ctx)
		}
	}
	return false
}
