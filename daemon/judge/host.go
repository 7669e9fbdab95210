package judge

import "benchd/daemon/bench"

// leastRecent is how many of the latest runs are the least of which a share
// says anything.
const leastRecent = 10

// disturbed is the share of the latest runs that were dirty.
func (j *Judge) disturbed() float64 {
	if len(j.noisy) < leastRecent {
		return 0
	}
	n := 0
	for _, noisy := range j.noisy {
		if noisy {
			n++
		}
	}
	return float64(n) / float64(len(j.noisy))
}

// host is how the host stands: changed, by the canary or by most experiments; or
// disturbed. A change says more than a disturbance, which may
// be the same thing.
func (j *Judge) host() (bench.HostState, *bench.Ratio) {
	var slower, faster *bench.Change
	experiments := 0
	followers := map[bench.Key]bool{}
	for _, c := range j.cells {
		if !c.Canary && len(c.points) > 0 {
			experiments++
		}
		for _, s := range c.courses {
			switch {
			case s.open == nil || s.open.Scope != bench.ScopeHost:
			case c.Canary && s.figure == bench.Time && s.regressed():
				slower = larger(slower, s.open)
			case c.Canary && s.figure == bench.Time:
				faster = larger(faster, s.open)
			case !c.Canary && s.regressed():
				followers[c.Key] = true
			}
		}
	}
	switch {
	case slower != nil:
		return bench.HostSlower, new(slower.Size)
	case len(followers) >= mostOthers && 2*len(followers) > experiments:
		return bench.HostSlower, nil
	case j.disturbed() > 0.5:
		return bench.HostDisturbed, nil
	case faster != nil:
		return bench.HostFaster, new(faster.Size)
	default:
		return bench.HostOK, nil
	}
}

// larger is the change that is further from 1.
func larger(a, b *bench.Change) *bench.Change {
	if a == nil || b.Size.Ratio > a.Size.Ratio == (b.Direction == bench.Regression) {
		return b
	}
	return a
}
