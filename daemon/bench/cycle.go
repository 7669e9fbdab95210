package bench

import "time"

// Cycle is a block of runs: BENCHD_REPEAT of each experiment, in an order
// shuffled anew, so that its runs share the state of the machine and can be
// compared in pairs.
type Cycle struct {
	Number  int64     `json:"number"` // from 1, counted on across restarts
	Seed    uint64    `json:"seed"`   // of the order; logged, so that it can be repeated
	WarmUp  bool      `json:"warm_up"`
	Started time.Time `json:"started"`
	Ended   time.Time `json:"ended,omitzero"` // zero while it goes on
	Total   int       `json:"total"`          // runs it consists of
	Done    int       `json:"done"`           // runs of the plan that have ended
	Reruns  int       `json:"reruns"`         // runs beyond the plan, because a figure was suspect
	Overran bool      `json:"overran"`        // it was still going when the next was due
	Next    time.Time `json:"next,omitzero"`  // when the next starts; zero while it goes on
}

// Progress is the share of the runs that have ended, 0 to 1.
func (c *Cycle) Progress() float64 { return ratio(float64(c.Done), float64(c.Total)) }
