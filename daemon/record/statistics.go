package record

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"

	"benchd/daemon/bench"
)

// droppedFigures are those of which the spread is kept. Throughput is the
// inverse of time, and Relative needs another run.
func droppedFigures() []bench.Figure {
	return []bench.Figure{bench.Time, bench.CPU, bench.Memory, bench.LatencyP50, bench.LatencyP99, bench.ErrorRatio}
}

func droppedRun(r *bench.Run) bench.Dropped {
	m := bench.Moment{Run: r.ID, Cycle: r.Cycle, Time: r.Started}
	d := bench.Dropped{
		Key: r.Key, Input: r.Input, Month: r.Started.UTC().Format("2006-01"),
		First: m, Last: m, Runs: map[bench.Outcome]int{r.Outcome: 1}, Figures: map[bench.Figure]bench.Spread{},
	}
	p, ok := bench.PointOf(r)
	if !ok || !p.Sound {
		return d
	}
	d.Sound = 1
	for _, f := range droppedFigures() {
		if v, ok := p.Value(f); ok {
			d.Figures[f] = bench.Spread{Count: 1, Mean: v, Min: v, Max: v}
		}
	}
	return d
}

// keepDropped adds the statistics to those that are kept. There may be one for
// each run that is dropped, so the statements are prepared once.
func keepDropped(ctx context.Context, tx *sql.Tx, statistics map[series]*bench.Dropped) error {
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
			var kept bench.Dropped
			if err := json.Unmarshal(content, &kept); err != nil {
				return fmt.Errorf("statistics of %s in %s: %w", d.Key, d.Month, err)
			}
			d.Add(&kept)
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
func (s *Store) Statistics(ctx context.Context, key bench.Key) ([]bench.Dropped, error) {
	list, err := s.statistics(ctx, key)
	if err != nil {
		return nil, fmt.Errorf("read the statistics of %s: %w", key, s.explain(err))
	}
	return list, nil
}

func (s *Store) statistics(ctx context.Context, key bench.Key) ([]bench.Dropped, error) {
	rows, err := s.read.QueryContext(ctx, `SELECT i.name, d.month, d.content
		FROM experiments e CROSS JOIN dropped d ON d.experiment = e.id CROSS JOIN inputs i ON i.id = d.input
		WHERE e.task = ? AND e.runtime = ? AND e.model = ? AND e.concurrency = ?
		ORDER BY d.month, d.input`, key.Task, key.Runtime, key.Model, key.Concurrency)
	if err != nil {
		return nil, err
	}
	defer rows.Close() //nolint:errcheck // rows.Err tells
	var list []bench.Dropped
	for rows.Next() {
		d := bench.Dropped{Key: key}
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
