package bench

import "math"

// Dropped is what is still known of the runs that retention dropped: those of
// one experiment, input and month.
type Dropped struct {
	Key
	Input string `json:"input"`
	Month string `json:"month"` // of their start, "2026-03", in UTC

	First Moment          `json:"first"`
	Last  Moment          `json:"last"`
	Runs  map[Outcome]int `json:"runs"`
	Sound int             `json:"sound"` // see Point

	// Figures are of the sound runs alone: of the others they would be wrong.
	Figures map[Figure]Spread `json:"figures,omitempty"`
}

// Spread is how the values of a figure lay. That of several together is exact,
// other than with medians.
type Spread struct {
	Count   int     `json:"count"`
	Mean    float64 `json:"mean"`
	Min     float64 `json:"min"`
	Max     float64 `json:"max"`
	Squares float64 `json:"squares"` // sum of the squared deviations from the mean
}

// Deviation is the standard deviation, 0 of fewer than two values.
func (s Spread) Deviation() float64 {
	if s.Count < 2 {
		return 0
	}
	return math.Sqrt(s.Squares / float64(s.Count-1))
}

// Add takes other, of the same experiment, input and month, into d.
func (d *Dropped) Add(other *Dropped) {
	if other.First.Run < d.First.Run {
		d.First = other.First
	}
	if other.Last.Run > d.Last.Run {
		d.Last = other.Last
	}
	for outcome, n := range other.Runs {
		d.Runs[outcome] += n
	}
	d.Sound += other.Sound
	for f, s := range other.Figures {
		if d.Figures == nil {
			d.Figures = map[Figure]Spread{}
		}
		d.Figures[f] = d.Figures[f].And(s)
	}
}

// And is the spread of both together: Chan, Golub and LeVeque, "Updating
// formulae and a pairwise algorithm for computing sample variances", 1979. Sums
// of squares would lose all digits of a small deviation.
func (s Spread) And(o Spread) Spread {
	if s.Count == 0 {
		return o
	}
	n, m := float64(s.Count), float64(o.Count)
	apart := o.Mean - s.Mean
	return Spread{
		Count:   s.Count + o.Count,
		Mean:    s.Mean + apart*m/(n+m),
		Min:     min(s.Min, o.Min),
		Max:     max(s.Max, o.Max),
		Squares: s.Squares + o.Squares + apart*apart*n*m/(n+m),
	}
}
