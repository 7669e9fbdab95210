package bench

import (
	"math"
	"time"
)

// Figure names a quantity that is judged: an enumerated metric label.
type Figure string

// The figures that are judged. All but throughput are better when smaller.
const (
	Time       Figure = "time"             // seconds of wall time per unit
	Throughput Figure = "throughput"       // units per second: the inverse of time
	CPU        Figure = "cpu"              // CPU seconds per unit
	Relative   Figure = "time_by_baseline" // time by that of the baseline in the same cycle
	Memory     Figure = "memory"           // peak, bytes
	LatencyP50 Figure = "latency_p50"      // seconds
	LatencyP99 Figure = "latency_p99"      // seconds
	ErrorRatio Figure = "error_ratio"      // share of the items, 0 to 1
)

// WatchedFigures are those of which a lasting change is looked for.
func WatchedFigures() []Figure { return []Figure{Time, CPU, Relative, Memory, LatencyP99} }

// ComparedFigures are those by which models are compared.
func ComparedFigures() []Figure {
	return []Figure{Throughput, CPU, Memory, LatencyP50, LatencyP99, ErrorRatio}
}

// Unit is that of a level of the figure, in the words of metric names.
func (f Figure) Unit() string {
	switch f {
	case Time, CPU, LatencyP50, LatencyP99:
		return "seconds" // per unit, or of a request
	case Memory:
		return "bytes"
	default:
		return "ratio"
	}
}

// HigherIsBetter tells the one figure of which more is better.
func (f Figure) HigherIsBetter() bool { return f == Throughput }

// Series is what the runs of an experiment can be held against one another in:
// those that went through the same input.
type Series struct {
	Key
	Input string
}

// Point is a good run in short: what is judged of it. Points outlive the runs
// that retention drops.
type Point struct {
	Run     int64 // its ID
	Key     Key
	Input   string // of Run: points of another input are of another series
	Cycle   int64
	Started time.Time

	// Sound is whether the run may enter a baseline: nothing disturbed it, and
	// the httpbin did not limit it. Those that are not are kept to tell how the
	// host was.
	Sound bool

	SecondsPerUnit    float64 // 0 where the run was too short to be clocked
	CPUSecondsPerUnit float64 // 0 where the run was too short to be clocked
	PeakMemoryBytes   float64 // 0 where it could not be had
	LatencyP50Seconds float64 // 0 where nothing is timed
	LatencyP99Seconds float64 // 0 where nothing is timed
	ErrorRatio        float64
}

// shortestClocked is the least wall time in seconds of a run whose times are
// judged. A wake-up costs up to a millisecond, which of a shorter run would be
// more than the least effect of interest.
const shortestClocked = 0.02

// PointOf is a run in short. There is none of a run that was not good, or in a
// warm-up cycle.
func PointOf(r *Run) (Point, bool) {
	if r.Outcome != OK || r.Figures == nil || r.WarmUp {
		return Point{}, false
	}
	f := r.Figures
	p := Point{
		Run: r.ID, Key: r.Key, Input: r.Input, Cycle: r.Cycle, Started: r.Started,
		Sound:           r.Clean() && !r.ServerBound,
		PeakMemoryBytes: deref(f.PeakMemoryBytes),
		ErrorRatio:      f.ErrorRatio(),
	}
	if f.WallSeconds < shortestClocked {
		return p, true
	}
	p.SecondsPerUnit = ratio(f.WallSeconds, f.Units)
	p.CPUSecondsPerUnit = f.CPUSecondsPerUnit()
	if f.Latency != nil && f.Latency.Count() > 0 {
		p.LatencyP50Seconds, p.LatencyP99Seconds = f.Latency.Quantile(.5), f.Latency.Quantile(.99)
	}
	return p, true
}

// Value is the figure of the point, and false if it has none: Relative is that
// of two points, see the judge.
func (p *Point) Value(f Figure) (float64, bool) {
	var v float64
	switch f {
	case Time:
		v = p.SecondsPerUnit
	case Throughput:
		v = ratio(1, p.SecondsPerUnit)
	case CPU:
		v = p.CPUSecondsPerUnit
	case Memory:
		v = p.PeakMemoryBytes
	case LatencyP50:
		v = p.LatencyP50Seconds
	case LatencyP99:
		v = p.LatencyP99Seconds
	case ErrorRatio:
		return p.ErrorRatio, true
	}
	return v, v > 0 && !math.IsInf(v, 0)
}
