package bench

import (
	"fmt"
	"time"
)

// State is how the course of a figure stands: the value of a metric.
type State int

// The states of a figure.
const (
	Improved  State = -1 // it changed for the better
	Steady    State = 0  // no change has been found
	Suspected State = 1  // it may have changed for the worse: it is run again at once
	Regressed State = 2  // it changed for the worse, and nobody has accepted that
)

// Course is how one figure of an experiment has gone.
type Course struct {
	Figure Figure  `json:"figure"`
	State  State   `json:"state"`
	Runs   int     `json:"runs"`  // sound runs of the present level, those that are looked at
	Level  float64 `json:"level"` // their median

	// Noticeable is the smallest lasting change that would be noticed now,
	// 0.07 being 7 %; nil with too few runs to tell.
	Noticeable *float64 `json:"noticeable,omitempty"`
	// Drift is the present level by that of the pinned baseline; nil without.
	Drift *Ratio `json:"drift,omitempty"`
}

// Verdict is the result of a comparison: the value of a metric.
type Verdict int

// The verdicts.
const (
	Worse   Verdict = -1
	Same    Verdict = 0 // within the least effect of interest
	Better  Verdict = 1
	Unknown Verdict = 2 // not enough data yet
)

// Comparison is an experiment held against another, paired within cycles.
type Comparison struct {
	Figure  Figure  `json:"figure"`
	With    Key     `json:"with"` // the experiment compared with
	Among   Among   `json:"among"`
	Verdict Verdict `json:"verdict"`
	// Ratio is the experiment's figure by the other's: of ErrorRatio, which may
	// be 0, the difference. Nil with too few cycles.
	Ratio  *Ratio `json:"ratio,omitempty"`
	Cycles int    `json:"cycles"` // in which both had a sound run
	// Missing is how many more cycles it will likely take until the verdict is
	// not Unknown; nil where that cannot be told.
	Missing *int `json:"missing,omitempty"`
	// Sentence says it in plain words.
	Sentence string `json:"sentence"`
}

// Among is what is compared with what: an enumerated metric label.
type Among string

// The kinds of comparison.
const (
	AmongModels   Among = "models"   // of one runtime: with its baseline
	AmongRuntimes Among = "runtimes" // of one task: with the same model in the first runtime that has it
)

// Goal is what a model is chosen for: an enumerated metric label.
type Goal string

// The goals.
const (
	GoalThroughput  Goal = "throughput"
	GoalCPU         Goal = "cpu"
	GoalMemory      Goal = "memory"
	GoalTailLatency Goal = "tail_latency"
)

// Goals lists all goals, in the order in which they are shown.
func Goals() []Goal { return []Goal{GoalThroughput, GoalCPU, GoalMemory, GoalTailLatency} }

// Figure is by what a goal is reached.
func (g Goal) Figure() Figure {
	switch g {
	case GoalCPU:
		return CPU
	case GoalMemory:
		return Memory
	case GoalTailLatency:
		return LatencyP99
	default:
		return Throughput
	}
}

// Advice is what a conclusion says of an experiment: the value of a metric.
type Advice int

// The advices.
const (
	Avoid     Advice = -1 // worse than the best, and than the baseline or by far; or it fails
	Neutral   Advice = 0
	Use       Advice = 1 // the best, or the same as the best
	Undecided Advice = 2 // not told apart from the best yet
)

// Conclusion is which experiments to use for a goal, and which to avoid.
type Conclusion struct {
	Task    string `json:"task"`
	Runtime string `json:"runtime,omitempty"` // "" for all runtimes of the task together
	Goal    Goal   `json:"goal"`
	// Best is the one with the best estimate, first; those after it could not be
	// told from it. Empty without enough data.
	Best []Key `json:"best"`
	// Undecided are those of Best of which more cycles may tell that they are
	// worse after all; the others are the same within the least effect.
	Undecided []Key  `json:"undecided,omitempty"`
	Avoid     []Key  `json:"avoid,omitempty"`
	Sentence  string `json:"sentence"`
}

// ScalingVerdict is what the data shows of a model's scaling: the value of a
// metric.
type ScalingVerdict int

// The verdicts on scaling.
const (
	NoPeakShown    ScalingVerdict = 0
	PeakShown      ScalingVerdict = 1
	ScalingUnknown ScalingVerdict = 2 // not enough data yet
)

// Scaling is Gunther's Universal Scalability Law, fitted to the throughput of a
// model over its concurrencies n:
//
//	lambda n / (1 + sigma (n-1) + kappa n (n-1))
type Scaling struct {
	Task    string         `json:"task"`
	Runtime string         `json:"runtime"`
	Model   string         `json:"model"`
	Verdict ScalingVerdict `json:"verdict"`
	Lambda  *Ratio         `json:"lambda,omitempty"` // units per second of one worker
	Sigma   *Ratio         `json:"sigma,omitempty"`  // contention: the share that is serial
	Kappa   *Ratio         `json:"kappa,omitempty"`  // coherency: what workers cost one another
	Peak    *Ratio         `json:"peak,omitempty"`   // concurrency of the most throughput; nil unless PeakShown
	// Best is the concurrency that had the most throughput, law or no law.
	Best   int `json:"best"`
	Cycles int `json:"cycles"`

	Sentence string `json:"sentence"`
}

// HostState is how the host stands: the value of a metric.
type HostState int

// The states of the host.
const (
	HostFaster    HostState = -1
	HostOK        HostState = 0
	HostDisturbed HostState = 1 // over half of the latest runs were dirty
	HostSlower    HostState = 2 // the canary's time regressed, or most experiments did
)

// Judgement is all that is judged of one experiment.
type Judgement struct {
	Key
	Courses     []Course     `json:"courses"`
	Comparisons []Comparison `json:"comparisons"`
	Advice      []GoalAdvice `json:"advice"`
}

// GoalAdvice is what the conclusions say of an experiment.
type GoalAdvice struct {
	Goal   Goal   `json:"goal"`
	Among  Among  `json:"among"`
	Advice Advice `json:"advice"`
}

// Judgements are all that is judged, as of the latest run.
type Judgements struct {
	Experiments []Judgement
	Conclusions []Conclusion
	Scalings    []Scaling
	Open        []Change // oldest first
	Ended       []Change // the latest of each figure that is closed; oldest first
	Host        HostState
	HostRatio   *Ratio  // of the canary's change, while the host is slower or faster
	Disturbed   float64 // share of the latest runs that were dirty, 0 to 1
	PinName     string  // of the pinned baseline; "" for none
	Pinned      time.Time

	// Since benchd was started.
	Found    map[Kind]int   // changes
	Closed   map[Ending]int // changes
	Suspects map[Key]int    // times that a figure of the experiment became suspect

	Unrecorded int // times that a change could not be recorded, and so was not told
}

// Kind is what sort of change one is.
type Kind struct {
	Direction Direction
	Scope     Scope
}

// Kinds lists all kinds, in the order in which they are shown.
func Kinds() []Kind {
	var list []Kind
	for _, d := range []Direction{Regression, Improvement} {
		for _, s := range Scopes() {
			list = append(list, Kind{d, s})
		}
	}
	return list
}

// The words for the states, verdicts and advices in JSON and in text.
func (s State) String() string {
	return word(map[State]string{Improved: "improved", Steady: "ok", Suspected: "suspect", Regressed: "regressed"}, s)
}
func (v Verdict) String() string {
	return word(map[Verdict]string{Worse: "worse", Same: "same", Better: "better", Unknown: "not enough data yet"}, v)
}
func (a Advice) String() string {
	return word(map[Advice]string{Avoid: "avoid", Neutral: "neutral", Use: "use", Undecided: "undecided"}, a)
}
func (v ScalingVerdict) String() string {
	return word(map[ScalingVerdict]string{NoPeakShown: "no peak shown", PeakShown: "peak shown", ScalingUnknown: "not enough data yet"}, v)
}
func (s HostState) String() string {
	return word(map[HostState]string{HostFaster: "faster", HostOK: "ok", HostDisturbed: "disturbed", HostSlower: "slower"}, s)
}

func word[T ~int](words map[T]string, v T) string {
	if w, ok := words[v]; ok {
		return w
	}
	return fmt.Sprint(int(v))
}

// MarshalText implements encoding.TextMarshaler, as the four below.
func (s State) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// MarshalText implements encoding.TextMarshaler.
func (v Verdict) MarshalText() ([]byte, error) { return []byte(v.String()), nil }

// MarshalText implements encoding.TextMarshaler.
func (a Advice) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// MarshalText implements encoding.TextMarshaler.
func (v ScalingVerdict) MarshalText() ([]byte, error) { return []byte(v.String()), nil }

// MarshalText implements encoding.TextMarshaler.
func (s HostState) MarshalText() ([]byte, error) { return []byte(s.String()), nil }
