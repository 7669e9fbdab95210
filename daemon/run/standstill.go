package run

import (
	"time"

	"benchd/daemon/linux"
)

// standstill is what of the reading at a gate tells of stops in between.
type standstill struct {
	group *linux.FrozenTime
	// How long the machine has been suspended, at least and at most.
	least, most time.Duration
	delays      map[int]float64 // run delay of this process, by thread
}

func (s *standstill) read(root int) {
	s.group = linux.ReadFrozenTime(root)
	s.least, s.most = linux.Suspended()
	s.delays = linux.RunDelay()
}

// frozen is for how long the workload, or the daemon that watches it, was
// stopped: as the samples saw it, as the supervisor was told, as the cgroup
// counted, as the sampler itself missed the time. Mostly these tell of the same
// stop, so the longest counts. A suspended machine comes on top: no other clock
// goes on meanwhile.
func (g *region) frozen(wall time.Duration, exit *ended) time.Duration {
	if g.traced {
		return wall // stopped whenever the debugger wishes
	}
	b, a := &g.before.standstill, &g.after.standstill
	longest := max(g.sampler.stopped, g.missed())
	if exit != nil {
		longest = max(longest, exit.Stopped)
	}
	if a.group != nil {
		frozen := a.group.Seconds
		if b.group != nil && b.group.Group == a.group.Group {
			frozen -= b.group.Seconds
		}
		longest = max(longest, seconds(frozen))
	}
	return longest + max(0, a.least-b.most)
}

// missed is what the sampler slept too long. Short gaps are none where a thread
// of Go's runtime waited for a CPU that it needed, or the whole machine did.
func (g *region) missed() time.Duration {
	p := g.sampler.pulse
	var explained float64
	for thread, delay := range g.after.standstill.delays {
		if thread != g.sampler.thread { // of which the pulse knows
			explained += delay - g.before.standstill.delays[thread]
		}
	}
	if b, a := g.before.idle, g.after.idle; b != nil && a != nil && b.StealSeconds != nil && a.StealSeconds != nil {
		explained += *a.StealSeconds - *b.StealSeconds
	}
	return p.certain + max(0, p.doubtful-seconds(explained))
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
