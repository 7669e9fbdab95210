// Package judge says what the results mean: which model is better and by how
// much, and whether one got worse. In the flow
//
//	config -> experiments -> schedule -> run and measure -> record -> judge -> expose
//
// it is told of every run once that is durable, and holds nothing that the
// history does not: all it knows follows from the recorded points, changes and
// pins, so that after a restart it goes on as if nothing had been.
//
// Two questions, two ways to answer them. "Did it get worse?" looks at the
// course of one figure of one experiment, after every run (course.go, by
// package detect), and asks what else moved before it blames the model
// (scope.go). "Which model?" holds experiments against each other, paired
// within cycles, after every cycle (verdict.go, conclude.go and scaling.go, by
// package compare).
package judge

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"benchd/daemon/bench"
)

// History is where points, changes and pins are kept.
type History interface {
	// Points are the newest of each series: up to so many that are sound, and as
	// many that are not, by run.
	Points(ctx context.Context, of []bench.Series, most int) (map[bench.Series][]bench.Point, error)
	// LastEnded is the newest cycle that went to its end.
	LastEnded(ctx context.Context) (int64, error)
	// Runs are the newest first.
	Runs(ctx context.Context, q bench.RunQuery) ([]bench.Run, error)
	// RunByID is false where there is none.
	RunByID(ctx context.Context, id int64) (bench.Run, bool, error)
	// RecordChange makes a change durable, and gives it its ID if it has none.
	RecordChange(ctx context.Context, c *bench.Change) error
	// Changes are the newest first.
	Changes(ctx context.Context, q bench.ChangeQuery) ([]bench.Change, error)
	// Levels are the newest change of every figure of every experiment and
	// input, closed ones included.
	Levels(ctx context.Context) ([]bench.Change, error)
	// Ended are the newest closed ones, likewise.
	Ended(ctx context.Context) ([]bench.Change, error)
	RecordPin(ctx context.Context, p bench.Pin) error
	// Pins are the newest first.
	Pins(ctx context.Context) ([]bench.Pin, error)
	RemovePin(ctx context.Context, name string) error
	// Uptime is for how long benchd has run in all: a clock that nobody sets.
	Uptime() time.Duration
}

// Options are what a Judge goes by.
type Options struct {
	Experiments     []bench.Experiment
	History         History
	Repeat          int           // runs of each experiment in a cycle, at least 1
	Cycles          int           // clean cycles that a verdict looks back, at least 5
	LeastDifference float64       // between models that is of interest: 0.05
	LeastChange     float64       // of a figure over time that is of interest: 0.02
	AcceptAfter     time.Duration // an open change is accepted; 0 for never
	Log             *slog.Logger
	Now             func() time.Time // nil is time.Now
}

// Window is how many of the newest points of an experiment are held, sound ones
// and others apart, with so many runs in a cycle: 200 for each. Of
// detect.MaxValues cycles the detector makes use; reruns take some of the rest.
func Window(repeat int) int { return min(window*max(1, repeat), maxWindow) }

const (
	window    = 200
	maxWindow = 20_000 // some megabytes for each experiment
)

// recent is over how many of the latest runs the host is said to be disturbed.
const recent = 20

// Judge judges. Its methods may be called from several goroutines at once.
type Judge struct {
	options Options

	mu          sync.Mutex
	cells       []*cell // by key
	byKey       map[bench.Key]*cell
	noisy       []bool // of the latest runs, oldest first
	latest      int64  // the newest run that has a point
	ended       int64  // the newest cycle that went to its end: models are compared up to it
	pin         *bench.Pin
	conclusions []bench.Conclusion
	scalings    []bench.Scaling
	found       map[bench.Kind]int
	closings    map[bench.Ending]int
	suspects    map[bench.Key]int
	unrecorded  int
}

// New makes a judge that knows nothing yet: see Restore.
func New(o Options) *Judge {
	j := &Judge{options: o, byKey: map[bench.Key]*cell{},
		found: map[bench.Kind]int{}, closings: map[bench.Ending]int{}, suspects: map[bench.Key]int{}}
	for _, x := range o.Experiments {
		c := newCell(x)
		j.cells, j.byKey[x.Key] = append(j.cells, c), c
	}
	slices.SortFunc(j.cells, func(a, b *cell) int { return a.Key.Compare(b.Key) })
	for _, c := range j.cells {
		for _, other := range j.cells {
			if other.Baseline && !other.Canary && other != c && other.Task == c.Task && other.Runtime == c.Runtime {
				c.baseline = other
				c.courses = append(c.courses, &course{figure: bench.Relative})
			}
		}
	}
	return j
}

// Restore brings the judge to where it was, from the history. What was judged
// of a run before benchd was ended, but could not be recorded any more, is
// judged anew, and comes out the same.
func (j *Judge) Restore(ctx context.Context) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	levels, err := j.options.History.Levels(ctx)
	if err != nil {
		return fmt.Errorf("read the levels from the history: %w", err)
	}
	ended, err := j.options.History.Ended(ctx)
	if err != nil {
		return fmt.Errorf("read what has ended from the history: %w", err)
	}
	j.restoreLevels(levels, ended)
	if err := j.restorePoints(ctx); err != nil {
		return err
	}
	pins, err := j.options.History.Pins(ctx)
	if err != nil {
		return fmt.Errorf("read the pinned baselines from the history: %w", err)
	}
	if len(pins) > 0 {
		j.pin = &pins[0]
	}
	latest, err := j.options.History.Runs(ctx, bench.RunQuery{Limit: 20 * recent, Outcome: bench.OK})
	if err != nil {
		return fmt.Errorf("read the latest runs from the history: %w", err)
	}
	for _, r := range slices.Backward(latest) {
		if !r.WarmUp {
			j.noisy = last(append(j.noisy, len(r.Noise) > 0), recent)
		}
	}
	for _, c := range j.cells {
		for _, s := range c.courses {
			j.look(ctx, c, s)
		}
	}
	clear(j.suspects) // those were counted before
	j.compareAll()
	return nil
}

func (j *Judge) restorePoints(ctx context.Context) (err error) {
	if j.ended, err = j.options.History.LastEnded(ctx); err != nil {
		return fmt.Errorf("read the last cycle from the history: %w", err)
	}
	var wanted []bench.Series
	for _, c := range j.cells {
		wanted = append(wanted, bench.Series{Key: c.Key, Input: c.input})
	}
	points, err := j.options.History.Points(ctx, wanted, Window(j.options.Repeat))
	if err != nil {
		return fmt.Errorf("read the points from the history: %w", err)
	}
	for i, c := range j.cells {
		c.points = points[wanted[i]]
		for _, p := range c.points {
			j.latest = max(j.latest, p.Run)
		}
	}
	return nil
}

// restoreLevels says of every course where its present level began, and what
// is open. A change of another input than the present one is nobody's to watch
// until that input is back, or its time is over.
func (j *Judge) restoreLevels(levels, ended []bench.Change) {
	courseOf := func(change *bench.Change) *course {
		if c := j.byKey[change.Key]; c != nil && change.Input == c.input {
			return c.course(change.Figure)
		}
		return nil
	}
	for i := range levels {
		if s := courseOf(&levels[i]); s != nil {
			s.since = levels[i].Level
			if levels[i].Open() {
				s.open = &levels[i]
			}
		}
	}
	for i := range ended {
		if s := courseOf(&ended[i]); s != nil {
			s.ended = &ended[i]
		}
	}
}

// Judge takes a run that has been recorded.
func (j *Judge) Judge(ctx context.Context, r *bench.Run) {
	p, good := bench.PointOf(r)
	if !good {
		return
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.noisy = last(append(j.noisy, len(r.Noise) > 0), recent)
	c := j.byKey[p.Key]
	if c == nil || c.input != p.Input {
		return
	}
	c.add(p, Window(j.options.Repeat))
	j.latest = max(j.latest, p.Run)
	if !p.Sound && !c.Canary {
		return // no course has gone on
	}
	j.lookAll(ctx, c)
	for _, other := range j.cells {
		reference := other.baseline == c || c.Canary && other.baseline == nil && !other.Canary
		if reference && other.ranIn(p.Cycle) {
			j.lookAll(ctx, other) // it is known by more now
		}
	}
}

func (j *Judge) lookAll(ctx context.Context, c *cell) {
	for _, s := range c.courses {
		j.look(ctx, c, s)
	}
}

// CycleEnded judges what is told of whole cycles.
func (j *Judge) CycleEnded(ctx context.Context, cycle bench.Cycle) {
	if cycle.Done < cycle.Total {
		return // benchd ends
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.ended = cycle.Number
	j.expire(ctx)
	j.compareAll()
}

// Again is what is to be run at once to tell whether the experiment got worse:
// itself, its baseline, and the canaries; nil where there is no doubt.
func (j *Judge) Again(k bench.Key) []bench.Key {
	j.mu.Lock()
	defer j.mu.Unlock()
	c := j.byKey[k]
	if c == nil || c.Canary || !slices.ContainsFunc(c.courses, func(s *course) bool { return s.suspect }) {
		return nil
	}
	keys := []bench.Key{k}
	if c.baseline != nil && c.baseline.Skip == nil {
		keys = append(keys, c.baseline.Key)
	}
	for _, other := range j.cells {
		if other.Canary && other.Skip == nil {
			keys = append(keys, other.Key)
		}
	}
	return keys
}

// Judgements are all that is judged, as of the latest run.
func (j *Judge) Judgements() bench.Judgements {
	j.mu.Lock()
	defer j.mu.Unlock()
	all := bench.Judgements{Conclusions: append([]bench.Conclusion{}, j.conclusions...), Scalings: append([]bench.Scaling{}, j.scalings...), Disturbed: j.disturbed(),
		Found: maps.Clone(j.found), Closed: maps.Clone(j.closings), Suspects: maps.Clone(j.suspects), Unrecorded: j.unrecorded}
	all.Host, all.HostRatio = j.host()
	if j.pin != nil {
		all.PinName, all.Pinned = j.pin.Name, j.pin.Pinned
	}
	for _, c := range j.cells {
		// Lists that are empty, and not null, in JSON.
		of := bench.Judgement{Key: c.Key, Courses: []bench.Course{}, Comparisons: append([]bench.Comparison{}, c.comparisons...),
			Advice: append([]bench.GoalAdvice{}, c.advice...)}
		for _, s := range c.courses {
			of.Courses = append(of.Courses, s.Course)
			if s.open != nil {
				all.Open = append(all.Open, *s.open)
			}
			if s.ended != nil {
				all.Ended = append(all.Ended, *s.ended)
			}
		}
		all.Experiments = append(all.Experiments, of)
	}
	for _, list := range [][]bench.Change{all.Open, all.Ended} {
		slices.SortFunc(list, func(a, b bench.Change) int { return cmp.Compare(a.ID, b.ID) })
	}
	return all
}

func (j *Judge) now() time.Time {
	if j.options.Now != nil {
		return j.options.Now()
	}
	return time.Now()
}

// last are the latest n of a list.
func last[T any](list []T, n int) []T {
	if len(list) > n {
		return list[len(list)-n:]
	}
	return list
}
