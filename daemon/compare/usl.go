package compare

// Level is one level of concurrency of a model, with what was measured there.
type Level struct {
	N           int       // workers or connections
	Throughputs []float64 // units/s, one for each cycle and in their order; NaN where that cycle has none
}

// Shape says whether throughput has a peak over the concurrency.
type Shape int8

// The shapes. The zero value claims nothing.
const (
	ShapeUnknown Shape = iota // not enough data yet
	PeakShown
	NoPeakShown
)

// Reason says why no peak is shown. It is a metric label.
type Reason string

// Scaling is what the Universal Scalability Law makes of a model's levels.
type Scaling struct {
	Lambda, Sigma, Kappa Interval
	Peak                 *Interval // concurrency
	PeakThroughput       *Interval // units/s
	Shape                Shape
	Reason               Reason  // why the shape is not PeakShown
	MaxMisfit            float64 // largest distance of a level from the law, as a ratio less 1
}

// FitUSL fits the law.
func FitUSL(levels []Level) Scaling {
	return Scaling{Lambda: unknown(), Sigma: unknown(), Kappa: unknown()}
}
