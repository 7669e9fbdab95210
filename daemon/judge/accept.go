package judge

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"benchd/daemon/bench"
)

// Accept makes the new levels of the selected open changes the baseline. by is
// who accepts them and why, in the person's words. The changes are returned as
// they then are.
func (j *Judge) Accept(ctx context.Context, which bench.Selection, by string) ([]bench.Change, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	var accepted []bench.Change
	for _, c := range j.cells {
		for _, s := range c.courses {
			if s.open == nil || !which.Has(s.open) {
				continue
			}
			over := *s.open
			if err := j.end(ctx, &over, bench.Accepted, by); err != nil {
				return accepted, err
			}
			s.open, s.ended = nil, &over
			j.look(ctx, c, s)
			accepted = append(accepted, over)
		}
	}
	if which.ID == 0 {
		return j.acceptUnwatched(ctx, which, accepted, by)
	}
	if len(accepted) > 0 {
		return accepted, nil
	}
	known, err := j.options.History.Changes(ctx, bench.ChangeQuery{ID: which.ID})
	switch {
	case err != nil:
		return nil, err
	case len(known) == 0:
		return nil, fmt.Errorf("%w: there is no change %d: /api/v1/changes?open=true lists those that are open", bench.ErrNotFound, which.ID)
	case known[0].Open():
		// Of an experiment that is not configured now: nobody watches it.
		over := known[0]
		err := j.end(ctx, &over, bench.Accepted, by)
		return []bench.Change{over}, err
	default:
		return nil, fmt.Errorf("%w: change %d is closed already: it was %s at %s", bench.ErrConflict, which.ID, known[0].Ending, known[0].Closed.UTC().Format("2006-01-02 15:04 MST"))
	}
}

// acceptedWith is a change that a person accepted, of which this one, found later,
// is but another sign; nil if there is none. It is of the same work by another
// clock, of the same scope, not surely larger, and began before that was accepted,
// but not long before that did: whoever accepted the level has seen the cause, and
// need not be told again when a noisier figure shows it too. What came on top in
// the meantime shows in the clock that was accepted.
func (c *cell) acceptedWith(change *bench.Change) *bench.Change {
	if own := c.course(change.Figure).ended; own != nil && change.Began.Cycle-own.Began.Cycle <= 2*returned {
		return nil // it has moved once more
	}
	for _, s := range c.courses {
		o := s.ended
		if o == nil || o.Ending != bench.Accepted || o.With != 0 || o.Direction != change.Direction || o.Scope != change.Scope ||
			!c.sameWork(o.Figure, change.Figure) || o.Began.Cycle-change.Began.Cycle > returned || change.Began.Run > o.ClosedRun {
			continue
		}
		larger := change.Size.Low > o.Size.High
		if change.Direction == bench.Improvement {
			larger = change.Size.High < o.Size.Low
		}
		if !larger {
			return o
		}
	}
	return nil
}

// sameWork reports whether two figures clock the same work: wall time and that by
// the baseline do, and CPU time where hardly anything is waited for. Memory and
// tail latency have causes of their own.
func (c *cell) sameWork(a, b bench.Figure) bool {
	clocks := []bench.Figure{bench.Time, bench.Relative}
	if c.atWork() {
		clocks = append(clocks, bench.CPU)
	}
	return slices.Contains(clocks, a) && slices.Contains(clocks, b)
}

// acceptUnwatched accepts what is open of experiments or inputs that are not
// configured now.
func (j *Judge) acceptUnwatched(ctx context.Context, which bench.Selection, accepted []bench.Change, by string) ([]bench.Change, error) {
	open, err := j.options.History.Changes(ctx, bench.ChangeQuery{Open: true, Limit: 1000})
	if err != nil {
		return accepted, err
	}
	for _, change := range open {
		if !which.Has(&change) {
			continue
		}
		if err := j.end(ctx, &change, bench.Accepted, by); err != nil {
			return accepted, err
		}
		accepted = append(accepted, change)
	}
	return accepted, nil
}

// overdue counts only time in which benchd ran and a person could have seen the
// change: by the time of day, a clock that is years ahead for one cycle would
// accept everything for good.
func (j *Judge) overdue(change *bench.Change) bool {
	return j.options.AcceptAfter > 0 && j.options.History.Uptime()-change.Uptime > j.options.AcceptAfter
}

// expire accepts what has been open for long.
func (j *Judge) expire(ctx context.Context) {
	for _, c := range j.cells {
		for _, s := range c.courses {
			if s.open != nil && j.overdue(s.open) && j.closed(ctx, s.open, bench.Expired) {
				j.options.Log.Info("change was accepted after BENCHD_ACCEPT_AFTER", "experiment", c.Key.String(), "figure", s.figure, "change", s.open.ID)
				s.open, s.ended = nil, s.open
				j.look(ctx, c, s)
			}
		}
	}
	// And what nobody watches: experiments or inputs that are not configured now.
	open, err := j.options.History.Changes(ctx, bench.ChangeQuery{Open: true, Limit: 1000})
	if err != nil {
		j.options.Log.Error("open changes that nobody watches cannot be looked up, so they stay open", "err", err)
	}
	for _, change := range open {
		if j.overdue(&change) && !j.watched(change.ID) {
			if err := j.end(ctx, &change, bench.Expired, ""); err != nil {
				j.options.Log.Error("change stays open after BENCHD_ACCEPT_AFTER", "err", err)
			}
		}
	}
}

// watched reports whether a course has the change open.
func (j *Judge) watched(id int64) bool {
	return slices.ContainsFunc(j.cells, func(c *cell) bool {
		return slices.ContainsFunc(c.courses, func(s *course) bool { return s.open != nil && s.open.ID == id })
	})
}

// leastPinned is in how many cycles a level must have had sound runs, at least, to
// be pinned.
const leastPinned = 8

// Pin gives the present levels a name, and tells drift against them from then
// on. Levels with sound runs in fewer than 8 cycles are left out.
func (j *Judge) Pin(ctx context.Context, name string) (bench.Pin, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	pins, err := j.options.History.Pins(ctx)
	if err != nil {
		return bench.Pin{}, err
	}
	for _, p := range pins {
		if p.Name == name {
			return bench.Pin{}, fmt.Errorf("%w: there is a baseline %q of %s: unpin it first, or choose another name",
				bench.ErrConflict, name, p.Pinned.UTC().Format("2006-01-02 15:04 MST"))
		}
	}
	pin := bench.Pin{Name: name, Pinned: j.now()}
	for _, c := range j.cells {
		for _, s := range c.courses {
			present := perCycle(sound(since(c.steps(s.figure), s.since)))
			if len(present) < leastPinned {
				continue
			}
			pin.Levels = append(pin.Levels, bench.PinLevel{Key: c.Key, Input: c.input, Figure: s.figure,
				Values: valuesOf(last(present, baselineRuns))})
		}
	}
	if len(pin.Levels) == 0 {
		return bench.Pin{}, fmt.Errorf("%w: no experiment has had clean runs in %d cycles yet: wait for some more", bench.ErrConflict, leastPinned)
	}
	if err := j.options.History.RecordPin(ctx, pin); err != nil {
		return bench.Pin{}, err
	}
	j.pin = &pin
	j.driftAll()
	return pin, nil
}

// Pins are the named baselines, the newest, which is the one in force, first.
func (j *Judge) Pins(ctx context.Context) ([]bench.Pin, error) { return j.options.History.Pins(ctx) }

// Unpin forgets a named baseline. The newest of the others is then in force.
func (j *Judge) Unpin(ctx context.Context, name string) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	pins, err := j.options.History.Pins(ctx)
	if err != nil {
		return err
	}
	var rest []bench.Pin
	var names []string
	for _, p := range pins {
		names = append(names, p.Name)
		if p.Name != name {
			rest = append(rest, p)
		}
	}
	if len(rest) == len(pins) {
		pinned := "none is pinned"
		if len(names) > 0 {
			pinned = fmt.Sprintf("there are %q", strings.Join(names, ", "))
		}
		return fmt.Errorf("%w: there is no baseline %q: %s", bench.ErrNotFound, name, pinned)
	}
	if err := j.options.History.RemovePin(ctx, name); err != nil {
		return err
	}
	j.pin = nil
	if len(rest) > 0 {
		j.pin = &rest[0]
	}
	j.driftAll()
	return nil
}

// sound leaves out the dirty runs, which a canary's steps have.
func sound(steps []step) []step {
	return slices.DeleteFunc(slices.Clone(steps), func(s step) bool { return !s.point.Sound })
}

// driftAll holds the latest runs against the pinned baseline. No detector
// forgets that one, so a drift too slow for any of them shows here.
func (j *Judge) driftAll() {
	pinned := map[bench.Key]map[bench.Figure][]float64{}
	if j.pin != nil {
		for _, l := range j.pin.Levels {
			if c := j.byKey[l.Key]; c == nil || c.input != l.Input {
				continue
			}
			if pinned[l.Key] == nil {
				pinned[l.Key] = map[bench.Figure][]float64{}
			}
			pinned[l.Key][l.Figure] = l.Values
		}
	}
	for _, c := range j.cells {
		for _, s := range c.courses {
			s.Drift = nil
			old := pinned[c.Key][s.figure]
			if len(old) == 0 {
				continue
			}
			latest := valuesOf(last(perCycle(sound(c.steps(s.figure))), recent))
			if drift := sizeOf(old, latest); len(latest) >= leastPinned && !math.IsNaN(drift.Ratio) {
				s.Drift = &drift
			}
		}
	}
}
