package bench

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"time"
)

// Direction is whether a change is for the better: an enumerated metric label.
type Direction string

// The directions of a change.
const (
	Regression  Direction = "regression"
	Improvement Direction = "improvement"
)

// Scope is what a change is of: an enumerated metric label.
type Scope string

// The scopes of a change.
const (
	ScopeModel    Scope = "model"    // of this experiment
	ScopeRuntime  Scope = "runtime"  // of most experiments of the runtime, while others stayed or its version changed
	ScopeHost     Scope = "host"     // of the canary too, or of most other experiments
	ScopeBaseline Scope = "baseline" // of the baseline that a ratio is formed with
)

// Scopes lists all scopes, in the order in which they are shown.
func Scopes() []Scope { return []Scope{ScopeModel, ScopeRuntime, ScopeHost, ScopeBaseline} }

// Ending is how a change came to be closed: an enumerated metric label.
type Ending string

// The endings of a change. Whatever the ending but Recovered, the new level is
// the baseline from then on.
const (
	Recovered  Ending = "recovered"  // the figure is where it was before
	Accepted   Ending = "accepted"   // by a person
	Expired    Ending = "expired"    // after BENCHD_ACCEPT_AFTER
	Superseded Ending = "superseded" // another change took its place, or another input
)

// Endings lists all endings, in the order in which they are shown.
func Endings() []Ending { return []Ending{Recovered, Accepted, Expired, Superseded} }

// Ratio is one level by another, 1.2 being 20 % more, with its 95 % confidence
// interval.
type Ratio struct {
	Ratio float64 `json:"ratio"`
	Low   float64 `json:"low"`
	High  float64 `json:"high"`
}

// MarshalJSON writes null for an end that an interval does not have, for JSON
// has no infinity.
func (r Ratio) MarshalJSON() ([]byte, error) {
	known := func(v float64) *float64 {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil
		}
		return &v
	}
	return json.Marshal(struct {
		Ratio *float64 `json:"ratio"`
		Low   *float64 `json:"low"`
		High  *float64 `json:"high"`
	}{known(r.Ratio), known(r.Low), known(r.High)})
}

// Moment is a run in time.
type Moment struct {
	Run   int64     `json:"run"` // ID
	Cycle int64     `json:"cycle"`
	Time  time.Time `json:"time"` // when it started
}

// Change is a lasting change of a figure of an experiment.
type Change struct {
	ID int64 `json:"id"` // given when it is recorded, increasing; 0 before
	Key
	Input     string    `json:"-"`
	Figure    Figure    `json:"figure"`
	Direction Direction `json:"direction"`
	Scope     Scope     `json:"scope"`

	LastBefore Moment `json:"last_before"` // last run of the old level
	Began      Moment `json:"began"`       // first run of the new level
	Detected   Moment `json:"detected"`    // run after which it was certain

	Size   Ratio   `json:"size"`   // new level by old
	Before float64 `json:"before"` // median of the old level
	After  float64 `json:"after"`  // median of the new level

	// Differences between the runs before and after, from their fingerprints.
	Differences []Difference `json:"differences,omitempty"`

	// Uptime is for how long benchd had run in all when it was first recorded.
	Uptime time.Duration `json:"-"`
	// Level is the run at which the present level began: that of Began, until
	// the figure moved on while the change was open.
	Level int64 `json:"-"`
	// Old are the figure's values before the change, of up to 50 cycles: what a
	// recovery is told by.
	Old []float64 `json:"-"`

	Closed time.Time `json:"closed,omitzero"` // zero while it is open
	Ending Ending    `json:"ending,omitempty"`
	// ClosedRun is the newest run when it was closed: what began before or after
	// that runs tell, whatever the clock said.
	ClosedRun int64  `json:"closed_run,omitempty"`
	By        string `json:"by,omitempty"`   // who accepted it, and why, in the person's words
	With      int64  `json:"with,omitempty"` // ID of the change that was accepted, of which this is but another sign
}

// Open reports whether the change lasts, and nobody has accepted it.
func (c *Change) Open() bool { return c.Closed.IsZero() }

// Sentence says what changed, in plain words.
func (c *Change) Sentence() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s of %s: %s by %s (95 %%: %s to %s) since run %d of %s",
		figureWords[c.Figure], c.Key, moreOrLess(c.Size.Ratio), percent(c.Size.Ratio), signed(c.Size.Low), signed(c.Size.High),
		c.Began.Run, c.Began.Time.UTC().Format("2006-01-02 15:04 MST"))
	switch c.Scope {
	case ScopeHost:
		b.WriteString("; the host changed: the canary or most other experiments moved too")
	case ScopeRuntime:
		b.WriteString("; so did most experiments of the runtime")
	case ScopeBaseline:
		b.WriteString("; it was the baseline that changed")
	case ScopeModel:
		b.WriteString("; nothing else is known to have moved")
	}
	if len(c.Differences) > 0 {
		words := make([]string, len(c.Differences))
		for i, d := range c.Differences {
			words[i] = d.String()
		}
		b.WriteString("; at that time changed: " + strings.Join(words, ", "))
	}
	if !c.Open() {
		fmt.Fprintf(&b, "; %s", c.Ending)
		if c.With != 0 {
			fmt.Fprintf(&b, " with change %d", c.With)
		}
		if c.By != "" {
			fmt.Fprintf(&b, " (%s)", c.By)
		}
	}
	return b.String()
}

var figureWords = map[Figure]string{
	Time: "time per unit", Throughput: "throughput", CPU: "CPU time per unit", Relative: "time by that of the baseline",
	Memory: "peak memory", LatencyP50: "median latency", LatencyP99: "latency (p99)", ErrorRatio: "share of failed items",
}

func moreOrLess(ratio float64) string {
	if ratio < 1 {
		return "less"
	}
	return "more"
}

func percent(ratio float64) string {
	return Number(math.Abs(100*(ratio-1)), 3) + " %"
}

func signed(ratio float64) string { return Signed(100*(ratio-1), 3) + " %" }

// ChangeQuery selects changes, newest first. Fields with their zero value
// select everything; the others must all match.
type ChangeQuery struct {
	Task, Runtime, Model string
	Concurrency          *int // nil: any
	Open                 bool // only those that are open
	ID                   int64
	Before               int64 // only changes with a smaller ID; 0: from the newest
	Limit                int   // at most so many; 0: the history's default
}

// Pin is a baseline that a person gave a name to, for slow drift to be told
// against: levels that no detector forgets.
type Pin struct {
	Name   string     `json:"name"`
	Pinned time.Time  `json:"pinned"`
	Levels []PinLevel `json:"levels"`
}

// PinLevel is one figure of an experiment at the time of the pin.
type PinLevel struct {
	Key
	Input  string    `json:"input"`
	Figure Figure    `json:"figure"`
	Values []float64 `json:"values"` // of the latest sound runs, up to 50
}
