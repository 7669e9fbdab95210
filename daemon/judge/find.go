package judge

import (
	"math"
	"slices"

	"benchd/daemon/bench"
	"benchd/daemon/detect"
)

// Runs of one cycle share the state of the machine, reruns above all: they are
// made within seconds. So the detector is given one value a cycle, as its rates
// of false alarms suppose: the median of the cycle's runs. Reruns make that
// median surer, and clear a suspect that was an accident.
//
// They confirm a change before its time too, in two cycles in place of eight,
// where more is known than that the figure moved: it must have moved by its
// reference as well, which was run beside it and shares what the machine did.

// confirming is in how many cycles a change must show that reruns confirm, and
// in how many more after it was first seen where they do not. A detector that
// watches hundreds of figures crosses its limits by chance now and then; that
// what comes next lies beyond the middle too, it does by chance in a tenth of
// those cases, and twice in a row in a hundredth. Until then it is suspect, and
// run again.
const confirming = 2

// view is a present level as the detector is shown it, and what it sees.
type view struct {
	runs, cycles []step
	options      detect.Options
	shift        detect.Shift // by cycles
	seen         bool         // whether there is one
}

func (j *Judge) view(s *course, present []step) view {
	v := view{runs: present, cycles: perCycle(present),
		options: detect.Options{LeastEffect: j.options.LeastChange, First: s.since == 0, Known: s.known()}}
	v.shift, v.seen = detect.Latest(forDetector(v.cycles), v.options)
	return v
}

// find looks for a change of level in the present one.
func (j *Judge) find(c *cell, s *course, v *view) (detect.Shift, bool) {
	if v.seen && v.lasting() {
		shift, first := v.shift, v.cycles[v.shift.Since].point.Run
		shift.Since = slices.IndexFunc(v.runs, func(s step) bool { return s.point.Run >= first })
		return shift, true
	}
	if len(v.runs) == len(v.cycles) {
		return detect.Shift{}, false // nothing was run again
	}
	with := j.reference(c, s.figure)
	if with == nil {
		return detect.Shift{}, false // nothing is run beside it
	}
	o := v.options
	o.MinBlocks = confirming
	shift, found := detect.Latest(forDetector(v.runs), o)
	if !found || shift.Ratio < 1 || !j.supported(v.runs[shift.Since:], &shift) {
		return detect.Shift{}, false // what got better can wait
	}
	o.Known = nil // of what it was by the reference nothing is known
	by, found := detect.Latest(forDetector(with.beside(s.figure, v.runs)), o)
	return shift, found && by.Ratio > 1
}

// lasting reports whether the change was seen some cycles ago already, and those
// since lie beyond the middle between the levels.
func (v *view) lasting() bool {
	n := len(v.cycles) - confirming
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
	return latest && n >= confirming
}

// suspicious reports whether a change for the worse is seen that has not lasted
// yet, or the newest values look worse than those before them, also by the
// reference, if that has run in the same cycle.
func (j *Judge) suspicious(c *cell, s *course, v *view) bool {
	if v.seen {
		return v.shift.Ratio > 1
	}
	if !detect.Suspect(forDetector(v.runs), v.options) || v.runs[len(v.runs)-1].value < median(valuesOf(v.runs)) {
		return false
	}
	with := j.reference(c, s.figure)
	if with == nil {
		return true
	}
	by := with.beside(s.figure, v.runs)
	if len(by) == 0 || by[len(by)-1].point != v.runs[len(v.runs)-1].point {
		return true
	}
	o := v.options
	o.Known = nil
	return detect.Suspect(forDetector(by), o)
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
