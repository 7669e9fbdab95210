package judge

import (
	"context"
	"fmt"
	"math"
	"slices"

	"benchd/daemon/bench"
	"benchd/daemon/detect"
)

const (
	// baselineRuns are how many values before a change are kept to tell a
	// recovery by, and pinned of a level: of cycles, for the runs of one share
	// what the machine was like.
	baselineRuns = 50
	// returned is how many cycles more must be nearer to the old level than to the
	// new one, since some cycle, to be a recovery that the detector cannot see
	// yet: just after a change it is partly blind. (Page, Continuous Inspection
	// Schemes, Biometrika 41, 1954, of signs.) A step of 1.5 standard deviations
	// is left by chance once in 47,000 cycles.
	returned = 8
)

// course is how one figure of an experiment goes.
type course struct {
	bench.Course
	figure  bench.Figure
	since   int64         // run at which the present level began; 0: with the first
	open    *bench.Change // nil, or what is open: a regression or an improvement
	ended   *bench.Change // nil, or the latest that is closed
	suspect bool
}

// look judges the newest value of the course. Everything follows from the
// values of the present level and the open change.
func (j *Judge) look(ctx context.Context, c *cell, s *course) {
	v := j.view(s, since(c.steps(s.figure), s.since))
	level := s.since
	shift, found := j.find(c, s, &v)
	switch {
	case found && s.regressed():
		j.moveOn(ctx, s, perCycle(v.runs[shift.Since:]), 1)
	case found:
		j.change(ctx, c, s, v.runs, shift)
	case s.regressed():
		if back := sinceReturn(s.open, v.cycles); back != nil {
			least := 1.0
			if len(back) < 2*returned { // so few would leave a remainder open for good that is but chance
				least += j.options.LeastChange
			}
			j.moveOn(ctx, s, back, least)
		} else if v.worse(s.open) {
			j.blame(ctx, c, s)
		}
	}
	if s.since != level {
		v = j.view(s, since(v.runs, s.since))
	}
	was := s.suspect
	s.suspect = !s.regressed() && j.suspicious(c, s, &v)
	if s.suspect && !was {
		j.suspects[c.Key]++
	}
	s.describe(&v)
}

func (s *course) regressed() bool { return s.open != nil && s.open.Direction == bench.Regression }

// known are the values of the present level from before a regression that has
// recovered, by cycle.
func (s *course) known() []float64 {
	if s.ended != nil && s.ended.Ending == bench.Recovered && s.ended.Level == s.since {
		return s.ended.Old
	}
	return nil
}

// describe makes what is shown of the course.
func (s *course) describe(v *view) {
	s.Figure, s.State = s.figure, bench.Steady
	switch {
	case s.regressed():
		s.State = bench.Regressed
	case s.suspect:
		s.State = bench.Suspected
	case s.open != nil:
		s.State = bench.Improved
	}
	s.Runs, s.Level = len(v.runs), 0
	if len(v.runs) > 0 {
		s.Level = median(valuesOf(last(v.runs, baselineRuns)))
	}
	s.Noticeable = nil
	if ratio, ok := detect.Noticeable(forDetector(v.cycles), v.options); ok {
		s.Noticeable = &ratio
	}
}

// change opens a change. An improvement that was open has become what the new
// one is measured by, so it ends.
func (j *Judge) change(ctx context.Context, c *cell, s *course, present []step, shift detect.Shift) {
	began := present[shift.Since].point
	before := present[:shift.Since]
	change := &bench.Change{
		Key: c.Key, Input: c.input, Figure: s.figure,
		Direction:  directionOf(shift.Ratio),
		LastBefore: momentOf(before[len(before)-1].point),
		Began:      momentOf(began), Detected: momentOf(present[len(present)-1].point),
		Size:   bench.Ratio{Ratio: shift.Ratio, Low: shift.Low, High: shift.High},
		Before: shift.Before, After: shift.After,
		Level: began.Run, Old: last(append(slices.Clone(s.known()), valuesOf(perCycle(before))...), baselineRuns),
	}
	after := present[min(shift.Since+doubt, len(present)-1)].point
	change.Differences = j.differences(ctx, last(before, doubt+1)[0].point.Run, after.Run, change)
	change.Scope = j.scope(c, change)
	if change.Scope == bench.ScopeBaseline {
		// It is told of the baseline; here there is only a new level.
		change.Closed, change.ClosedRun, change.Ending = j.now(), j.latest, bench.Superseded
	} else if with := c.acceptedWith(change); with != nil {
		change.Closed, change.ClosedRun, change.Ending, change.By, change.With = j.now(), j.latest, bench.Accepted, with.By, with.ID
	}
	if s.open != nil {
		if !j.closed(ctx, s.open, bench.Superseded) {
			return
		}
		s.open, s.ended = nil, s.open
	}
	if !j.recorded(ctx, change) {
		return
	}
	j.found[bench.Kind{Direction: change.Direction, Scope: change.Scope}]++
	if !change.Open() {
		j.closings[change.Ending]++
	}
	s.since = change.Level
	if change.Open() {
		s.open = change
	} else {
		s.ended = change
	}
	j.options.Log.Warn("figure has changed", "experiment", c.Key.String(), "figure", s.figure, "direction", change.Direction,
		"scope", change.Scope, "run", change.Began.Run, "what", change.Sentence())
}

// moveOn is for a figure that moves while it is regressed: back to where it was,
// part of the way, or elsewhere. now are the cycles of the level that it has, of which
// the interval must be above least, or nothing is left.
func (j *Judge) moveOn(ctx context.Context, s *course, now []step, least float64) {
	values := valuesOf(now)
	size := sizeOf(s.open.Old, values)
	if size.Low <= least || size.Ratio < 1+j.options.LeastChange {
		j.recover(ctx, s, now)
		return
	}
	moved := *s.open
	moved.Level, moved.Size, moved.After = now[0].point.Run, size, median(values)
	if j.recorded(ctx, &moved) {
		s.since, s.open = moved.Level, &moved
		j.options.Log.Warn("regressed figure has moved on", "experiment", moved.Key.String(), "figure", s.figure, "what", moved.Sentence())
	}
}

// recover ends a regression: the latest steps are of the level from before.
func (j *Judge) recover(ctx context.Context, s *course, back []step) {
	over := *s.open
	over.Level = back[0].point.Run
	if j.closed(ctx, &over, bench.Recovered) {
		s.since, s.open, s.ended = over.Level, nil, &over
		j.options.Log.Info("figure has recovered", "experiment", over.Key.String(), "figure", s.figure, "change", over.ID)
	}
}

// middle is what lies between the levels before and after a change.
func middle(open *bench.Change) float64 { return math.Sqrt(open.Before * open.After) }

// sinceReturn are the cycles in which the level from before the change is back;
// nil if it is not.
func sinceReturn(open *bench.Change, present []step) []step {
	lead, first := 0, 0
	for i, s := range present {
		switch {
		case s.value <= middle(open):
			lead++
		case lead > 0:
			lead--
		}
		if lead == 0 {
			first = i + 1
		}
		if lead == returned {
			return present[first:]
		}
	}
	return nil
}

// worse reports whether the latest cycle is of the level after the change.
func (v *view) worse(open *bench.Change) bool {
	return len(v.cycles) > 0 && v.cycles[len(v.cycles)-1].value > middle(open)
}

// blame looks again at what an open regression is of, while it lasts. When it
// was found, the others may not have run yet; and a model may hide behind a
// host, which shows when that is as it was. It is left as it is long before the runs from before
// are forgotten, and a model is not excused by what a host does later.
func (j *Judge) blame(ctx context.Context, c *cell, s *course) {
	since := c.points[len(c.points)-1].Cycle - s.open.Detected.Cycle
	if s.open.Scope == bench.ScopeModel && since > 2*returned || since > 8*returned {
		return
	}
	scope := j.scope(c, s.open)
	if scope == s.open.Scope {
		return
	}
	moved := *s.open
	moved.Scope = scope
	if scope == bench.ScopeBaseline {
		if j.closed(ctx, &moved, bench.Superseded) {
			s.open, s.ended = nil, &moved
		}
		return
	}
	if j.recorded(ctx, &moved) {
		s.open = &moved
		j.options.Log.Info("change is of another scope", "experiment", c.Key.String(), "figure", s.figure, "change", moved.ID, "scope", scope)
	}
}

// recorded makes a change durable, and reports whether that went well. If not,
// the course stays as it was: the next run will show the same.
func (j *Judge) recorded(ctx context.Context, change *bench.Change) bool {
	if err := j.options.History.RecordChange(ctx, change); err != nil {
		j.unrecorded++
		j.options.Log.Error("change is not in the history, so it is not shown yet; mend what the error names",
			"experiment", change.Key.String(), "figure", change.Figure, "err", err)
		return false
	}
	return true
}

func (j *Judge) closed(ctx context.Context, change *bench.Change, how bench.Ending) bool {
	over := *change
	over.Closed, over.ClosedRun, over.Ending = j.now(), j.latest, how
	if !j.recorded(ctx, &over) {
		return false
	}
	j.closings[how]++
	*change = over
	return true
}

// end closes a change that no course has open.
func (j *Judge) end(ctx context.Context, change *bench.Change, how bench.Ending, by string) error {
	change.Closed, change.ClosedRun, change.Ending, change.By = j.now(), j.latest, how, by
	if err := j.options.History.RecordChange(ctx, change); err != nil {
		j.unrecorded++
		return fmt.Errorf("close change %d of %s: %w", change.ID, change.Key, err)
	}
	j.closings[how]++
	return nil
}

// doubt is by how many runs a change may be dated wrong.
const doubt = 3

// differences compares runs on either side of the change, as far apart as its
// date is in doubt.
func (j *Judge) differences(ctx context.Context, before, after int64, change *bench.Change) []bench.Difference {
	var sides [2]bench.Run
	for i, id := range []int64{before, after} {
		run, ok, err := j.options.History.RunByID(ctx, id)
		if err != nil {
			j.options.Log.Error("what else changed is not known", "experiment", change.Key.String(), "run", id, "err", err)
		}
		if err != nil || !ok { // dropped by retention
			return nil
		}
		sides[i] = run
	}
	return bench.DifferencesOf(&sides[0], &sides[1])
}

func directionOf(ratio float64) bench.Direction {
	if ratio > 1 { // of all figures that are watched, more is worse
		return bench.Regression
	}
	return bench.Improvement
}

func momentOf(p *bench.Point) bench.Moment {
	return bench.Moment{Run: p.Run, Cycle: p.Cycle, Time: p.Started}
}

func sizeOf(old, values []float64) bench.Ratio {
	ratio, low, high := detect.Compare(old, values)
	return bench.Ratio{Ratio: ratio, Low: low, High: high}
}
