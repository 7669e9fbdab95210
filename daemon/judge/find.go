package judge

import (
	"math"
	"slices"
	"sort"

	"benchd/daemon/bench"
	"benchd/daemon/detect"
)

// Runs of one cycle share the state of the machine, reruns above all: they are
// made within seconds. So the detector is given one value a cycle, as its rates
// of false alarms suppose: the median of the cycle's runs. Reruns make that
// median surer, and clear a suspect that was an accident.
//
// They confirm a change before its time too, in three cycles in place of eight,
// where more is known than that the runs moved: the cycles must have, by their
// medians, for many runs of one bad cycle are hardly more than one; and the runs by
// those of the reference, which shares what the machine did.
const (
	// lastingFor is in how many more cycles a change must show that reruns do not
	// confirm. A detector that watches hundreds of figures crosses its limits by
	// chance now and then; that what comes next lies beyond the middle too, it does
	// by chance in a tenth of those cases, and twice in a row in a hundredth. Until
	// then it is suspect, and run again.
	lastingFor = 2
	// confirmedBy is in how many cycles a change must show that reruns confirm, and
	// witness of how many standard errors cycles and reference must have moved.
	// With 2 cycles and 3 standard errors, an installation of 72 figures told up to
	// 1 regression in 1,000 cycles in which nothing changed; with these none in 20,000.
	confirmedBy = 3
	witness     = 4.0
	// likely is of how many standard errors what is suspect must have moved by its
	// reference, to be run again.
	likely = 2.0
)

// view is a present level as the detector is shown it, and what it sees.
type view struct {
	runs, cycles []step
	options      detect.Options
	shift        detect.Shift // by cycles
	seen         bool         // whether there is one
	early        detect.Shift // by runs, where some were run again
	earlySeen    bool
}

func (j *Judge) view(s *course, present []step) view {
	v := view{runs: present, cycles: perCycle(present),
		options: detect.Options{LeastEffect: j.options.LeastChange, First: s.since == 0, Known: s.known()}}
	v.shift, v.seen = detect.Latest(forDetector(v.cycles), v.options)
	if len(v.runs) > len(v.cycles) {
		v.early, v.earlySeen = detect.Latest(forDetector(v.runs), v.options)
	}
	return v
}

// find looks for a change of level in the present one.
func (j *Judge) find(c *cell, s *course, v *view) (detect.Shift, bool) {
	if v.seen && v.lasting() {
		shift, first := v.shift, v.cycles[v.shift.Since].point.Run
		shift.Since = slices.IndexFunc(v.runs, func(s step) bool { return s.point.Run >= first })
		return shift, true
	}
	with := j.reference(c, s.figure)
	if !v.earlySeen || v.early.Ratio < 1 || with == nil {
		return detect.Shift{}, false // what got better can wait
	}
	first := v.runs[v.early.Since].point.Run
	if !j.supported(v.runs[v.early.Since:], &v.early) || differs(v.cycles, first, v.options) < witness {
		return detect.Shift{}, false
	}
	o, by := v.options, j.by(c, s, with, v)
	o.Known = nil // it is among the steps
	if c.baseline != nil {
		return v.early, differs(by, first, o) >= witness
	}
	// A canary does other work, and shares less of what the machine does.
	alone, found := detect.Latest(forDetector(by), o)
	return v.early, found && alone.Ratio > 1
}

// by are the runs by those of the reference, after what is known of the level.
func (j *Judge) by(c *cell, s *course, with *cell, v *view) []step {
	steps := v.runs
	if known := s.known(); known != nil {
		all := c.steps(s.figure)
		n := sort.Search(len(all), func(i int) bool { return all[i].point.Run > s.ended.LastBefore.Run })
		steps = append(last(perCycle(all[:n]), len(known)), v.runs...)
	}
	return with.beside(s.figure, steps)
}

// differs is by how many standard errors the steps of the run first and later
// are more than those before.
func differs(steps []step, first int64, o detect.Options) float64 {
	since := slices.IndexFunc(steps, func(s step) bool { return s.point.Run >= first })
	if since < 0 {
		return 0
	}
	return detect.Difference(forDetector(steps), since, o)
}

// lasting reports whether the change was seen some cycles ago already, and those
// since lie beyond the middle between the levels.
func (v *view) lasting() bool {
	n := len(v.cycles) - lastingFor
	worse, half := v.shift.Ratio > 1, math.Sqrt(v.shift.Before*v.shift.After)
	if n <= v.shift.Since || slices.ContainsFunc(v.cycles[n:], func(s step) bool { return s.value > half != worse }) {
		return false
	}
	earlier, ok := detect.Latest(forDetector(v.cycles[:n]), v.options)
	return ok && earlier.Ratio > 1 == worse
}

// supported reports whether the change was run again, and shows in the latest
// cycle and in enough of them: by the median of a cycle, so that many reruns of
// a bad one do not make up for a good one.
func (j *Judge) supported(level []step, shift *detect.Shift) bool {
	half := math.Sqrt(shift.Before * shift.After)
	n, latest := 0, false
	cycles := perCycle(level)
	if len(level) <= j.options.Repeat*len(cycles) {
		return false
	}
	for _, s := range cycles {
		if latest = s.value > half; latest {
			n++
		}
	}
	return latest && n >= confirmedBy
}

// suspicious reports whether a change for the worse is seen that has not lasted
// yet, or the newest values look worse than those before them, also by the
// reference, if that has run beside any of them.
func (j *Judge) suspicious(c *cell, s *course, v *view) bool {
	if v.seen {
		return v.shift.Ratio > 1
	}
	since := v.early.Since
	if !v.earlySeen || v.early.Ratio < 1 {
		var t float64
		if since, t = detect.Suspect(forDetector(v.runs), v.options); t <= 0 {
			return false
		}
	}
	with := j.reference(c, s.figure)
	if with == nil {
		return true
	}
	o := v.options
	o.Known = nil
	by, first := j.by(c, s, with, v), v.runs[since].point.Run
	return len(by) == 0 || by[len(by)-1].point.Run < first || differs(by, first, o) >= likely
}

// reference is what is run again beside a suspect, and shares what the machine
// does: the baseline, or for that one the canary that computes and waits in the
// most similar shares, for what slows the one hardly touches the other. There is
// none for canaries, for memory, which is no matter of the machine's state, and
// for what is by the baseline already.
func (j *Judge) reference(c *cell, f bench.Figure) (with *cell) {
	switch {
	case c.Canary || f == bench.Memory || f == bench.Relative:
		return nil
	case c.baseline != nil:
		return c.baseline
	}
	share := 1.0 // CPU time is spent computing
	if f != bench.CPU {
		share = c.computing()
	}
	nearest := math.Inf(1)
	for _, o := range j.cells {
		if !o.Canary || o.Skip != nil {
			continue
		}
		if apart := math.Abs(o.computing() - share); apart < nearest {
			with, nearest = o, apart
		}
	}
	return with
}

// beside are the steps by those of the cell in the same cycle.
func (c *cell) beside(f bench.Figure, present []step) (list []step) {
	for _, s := range present {
		if p := c.nearest(s.point); p != nil {
			if v, ok := p.Value(ofMachine(f)); ok {
				list = append(list, step{s.value / v, s.point})
			}
		}
	}
	return list
}

// perCycle are the medians of the steps of each cycle, as of its first run.
func perCycle(steps []step) []step {
	list := make([]step, 0, len(steps))
	for begin := 0; begin < len(steps); {
		end := begin + 1
		for end < len(steps) && steps[end].point.Cycle == steps[begin].point.Cycle {
			end++
		}
		value := steps[begin].value
		if end > begin+1 {
			value = median(valuesOf(steps[begin:end]))
		}
		list = append(list, step{value, steps[begin].point})
		begin = end
	}
	return list
}
