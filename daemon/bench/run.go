package bench

import "time"

// Outcome is how a run ended: an enumerated metric label.
type Outcome string

// The outcomes of a run.
const (
	OK          Outcome = "ok"           // finished, and reported what was expected
	Failed      Outcome = "failed"       // ended with an error, or did no work at all
	TimedOut    Outcome = "timeout"      // took longer than BENCHD_RUN_TIMEOUT
	Killed      Outcome = "killed"       // ended by a signal, or by the daemon's own end
	WrongResult Outcome = "wrong_result" // finished, but its units or checksum are not the expected ones
	BadProtocol Outcome = "bad_protocol" // a message was malformed, oversized, out of order or missing
	Skipped     Outcome = "skipped"      // not started: see Experiment.Skip
)

// Outcomes lists all outcomes, in the order in which they are shown.
func Outcomes() []Outcome {
	return []Outcome{OK, Failed, TimedOut, Killed, WrongResult, BadProtocol, Skipped}
}

// Run is one run of an experiment: a result also when it failed.
type Run struct {
	ID int64 `json:"id"` // given when it is recorded, increasing; 0 before
	Key
	Unit    string    `json:"unit"`
	Size    string    `json:"size"`
	Input   string    `json:"input,omitempty"` // of the experiment: runs of another input are not comparable
	Cycle   int64     `json:"cycle"`           // number of the cycle it belongs to, from 1
	WarmUp  bool      `json:"warm_up"`         // of the first cycle after a start: left out of baselines
	Rerun   bool      `json:"rerun"`           // made at once because a figure was suspect, beyond the cycle's plan
	Started time.Time `json:"started"`         // when its process was started
	Ended   time.Time `json:"ended"`           // when nothing of it was left

	Outcome Outcome `json:"outcome"`
	Error   string  `json:"error,omitempty"`  // why it is not ok, in words, with what to try
	Output  string  `json:"output,omitempty"` // the end of stdout and stderr, if it is not ok
	Exit    Exit    `json:"exit"`

	Versions    Versions     `json:"versions"`
	Fingerprint *Fingerprint `json:"fingerprint,omitempty"` // nil in runs of a benchd that did not record it
	Figures     *Figures     `json:"figures,omitempty"`     // nil when the measured region was not finished
	Noise       []Noise      `json:"noise,omitempty"`       // why the run is dirty; empty when it is clean

	// ServerBound is set when the httpbin, not the client, limited the run.
	ServerBound bool `json:"server_bound"`

	// Uptime is for how long benchd had run in all when this was recorded: the
	// clock that tells how old a run is, for the time of day may be set.
	Uptime time.Duration `json:"-"`

	// Samples are what was seen while it ran. The history keeps those of the
	// latest runs, and gives them out one run at a time.
	Samples []Sample `json:"-"`
}

// Sample is what was seen of a run at one moment.
type Sample struct {
	Seconds     float64 `json:"seconds"`               // since the start gate
	CPUPercent  float64 `json:"cpu_percent"`           // since the sample before, 100 being one core
	MemoryBytes float64 `json:"memory_bytes,omitzero"` // defined as in Figures; 0 where it is not told
	Threads     float64 `json:"threads"`
	Processes   float64 `json:"processes"`
}

// Clean reports whether the run may enter a baseline as far as noise goes.
func (r *Run) Clean() bool { return r.Figures != nil && len(r.Noise) == 0 }

// Exit is how the workload's first process ended.
type Exit struct {
	Code   int    `json:"code"`             // -1 when a signal ended it, or it was never started
	Signal string `json:"signal,omitempty"` // "killed", "segmentation fault"
	Strays int    `json:"strays"`           // processes it left behind, which benchd killed
}

// Versions is what the workload says of itself when it is ready.
type Versions struct {
	Runtime string `json:"runtime,omitempty"` // "3.13.5", "go1.26.0"
	Client  string `json:"client,omitempty"`  // "aiohttp 3.11.16"
	GIL     string `json:"gil,omitempty"`     // "enabled", "disabled"; "" where there is none
}

// Leftovers is what runs left and benchd cannot get rid of.
type Leftovers struct {
	Scratch   int // files and folders
	Processes int // that cannot be killed
}
