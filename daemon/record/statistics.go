package record

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"math"

	"benchd/daemon/bench"
)

// Dropped is what is still known of the runs that retention dropped: those of
// one experiment, input and month.
type Dropped struct {
	bench.Key `json:"-"`
	Input     string `json:"-"`
	Month     string `json:"-"` // of their start, "2026-03", in UTC

	First bench.Moment          `json:"first"`
	Last  bench.Moment          `json:"last"`
	Runs  map[bench.Outcome]int `json:"runs"`
	Sound int                   `json:"sound"` // see bench.Point

	// Figures are of the sound runs alone: of the others they would be wrong.
	Figures map[bench.Figure]Spread `json:"figures,omitempty"`
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

// droppedFigures are those of which the spread is kept. Throughput is the
// inverse of time, and Relative needs another run.
func droppedFigures() []bench.Figure {
	return []bench.Figure{bench.Time, bench.CPU, bench.Memory, bench.LatencyP50, bench.LatencyP99, bench.ErrorRatio}
}

func droppedRun(r *bench.Run) Dropped {
	m := bench.Moment{Run: r.ID, Cycle: r.Cycle, Time: r.Started}
	d := Dropped{
		Key: r.Key, Input: r.Input, Month: r.Started.UTC().Format("2006-01"),
		First: m, Last: m, Runs: map[bench.Outcome]int{r.Outcome: 1}, Figures: map[bench.Figure]Spread{},
	}
	p, ok := bench.PointOf(r)
	if !ok || !p.Sound {
		return d
	}
	d.Sound = 1
	for _, f := range droppedFigures() {
		if v, ok := p.Value(f); ok {
			d.Figures[f] = Spread{Count: 1, Mean: v, Min: v, Max: v}
		}
	}
	return d
}

// add takes other, of the same experiment, input and month, into d.
func (d *Dropped) add(other *Dropped) {
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
			d.Figures = map[bench.Figure]Spread{}
		}
		d.Figures[f] = d.Figures[f].and(s)
	}
}

// and is the spread of both together: Chan, Golub and LeVeque, "Updating
// formulae and a pairwise algorithm for computing sample variances", 1979. Sums
// of squares would lose all digits of a small deviation.
func (s Spread) and(o Spread) Spread {
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

// keepDropped adds the statistics to those that are kept. There may be one for
// each run that is dropped, so the statements are prepared once.
func keepDropped(ctx context.Context, tx *sql.Tx, statistics map[series]*Dropped) error {
	if len(statistics) == 0 {
		return nil
	}
	look, err := tx.PrepareContext(ctx, `SELECT e.id, i.id, d.content
		FROM experiments e CROSS JOIN inputs i LEFT JOIN dropped d ON d.experiment = e.id AND d.input = i.id AND d.month = ?
		WHERE e.task = ? AND e.runtime = ? AND e.model = ? AND e.concurrency = ? AND i.name = ?`)
	if err != nil {
		return err
	}
	defer look.Close() //nolint:errcheck // it only reads
	keep, err := tx.PrepareContext(ctx, `INSERT INTO dropped (experiment, input, month, content) VALUES (?, ?, ?, ?)
		ON CONFLICT DO UPDATE SET content = excluded.content`)
	if err != nil {
		return err
	}
	defer keep.Close() //nolint:errcheck // its errors came when it was used
	for _, d := range statistics {
		var experiment, input int64
		var content []byte
		err := look.QueryRowContext(ctx, d.Month, d.Task, d.Runtime, d.Model, d.Concurrency, d.Input).Scan(&experiment, &input, &content)
		if err != nil {
			return err
		}
		if content != nil {
			var kept Dropped
			if err := json.Unmarshal(content, &kept); err != nil {
				return fmt.Errorf("statistics of %s in %s: %w", d.Key, d.Month, err)
			}
			d.add(&kept)
		}
		texts, err := encode(d)
		if err != nil {
			return err
		}
		if _, err := keep.ExecContext(ctx, experiment, input, d.Month, texts[0]); err != nil {
			return err
		}
	}
	return nil
}

// Statistics returns what is still known of the runs of an experiment that
// retention dropped, month by month, the earliest first. Times are in UTC.
func (s *Store) Statistics(ctx context.Context, key bench.Key) ([]Dropped, error) {
	list, err := s.statistics(ctx, key)
	if err != nil {
		return nil, fmt.Errorf("read the statistics of %s: %w", key, s.explain(err))
	}
	return list, nil
}

func (s *Store) statistics(ctx context.Context, key bench.Key) ([]Dropped, error) {
	rows, err := s.read.QueryContext(ctx, `SELECT i.name, d.month, d.content
		FROM experiments e CROSS JOIN dropped d ON d.experiment = e.id CROSS JOIN inputs i ON i.id = d.input
		WHERE e.task = ? AND e.runtime = ? AND e.model = ? AND e.concurrency = ?
		ORDER BY d.month, d.input`, key.Task, key.Runtime, key.Model, key.Concurrency)
	if err != nil {
		return nil, err
	}
	defer rows.Close() //nolint:errcheck // rows.Err tells
	var list []Dropped
	for rows.Next() {
		d := Dropped{Key: key}
		var content []byte
		if err := rows.Scan(&d.Input, &d.Month, &content); err != nil {
			return nil, err
		}
		if err := json.Unmarshal(content, &d); err != nil {
			return nil, fmt.Errorf("%s: %w", d.Month, err)
		}
		d.First.Time, d.Last.Time = d.First.Time.UTC(), d.Last.Time.UTC()
		list = append(list, d)
	}
	return list, rows.Err()
}
