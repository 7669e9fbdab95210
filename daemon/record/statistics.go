package record

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/go-json-experiment/json"

	"benchd/daemon/bench"
)

// droppedFigures are those of which the spread is kept. Throughput is the
// inverse of time, and Relative needs another run.
func droppedFigures() []bench.Figure {
	return []bench.Figure{bench.Time, bench.CPU, bench.Memory, bench.LatencyP50, bench.LatencyP99, bench.ErrorRatio}
}

// droppedRun is one run's part of the statistics of a month.
func droppedRun(r *bench.Run, month string) bench.Dropped {
	m := bench.Moment{Run: r.ID, Cycle: r.Cycle, Time: r.Started}
	d := bench.Dropped{
		Key: r.Key, Input: r.Input, Month: month,
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

// keepDropped adds the statistics to those that are kept.
func (s *Store) keepDropped(ctx context.Context, w *writing, statistics map[series]*bench.Dropped) error {
	for of, d := range statistics {
		experiment, input, err := w.series(ctx, of.key, of.input)
		if err != nil {
			return err
		}
		id, err := sumOf(summariesTable.name, experiment, input, of.month)
		if err != nil {
			return err
		}
		var whole bool
		var content []byte
		err = w.QueryRowContext(ctx, `SELECT `+summariesTable.whole("m")+`, content FROM monthly_summaries m WHERE id = ?`, id).Scan(&whole, &content)
		switch {
		case errors.Is(err, sql.ErrNoRows):
		case err != nil:
			return err
		case !whole:
			if err := s.setAside(ctx, w, []badRow{{&summariesTable, []any{id}, nil}}); err != nil {
				return err
			}
		default:
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
		if err := w.put(ctx, &summariesTable, id, experiment, input, of.month, texts[0]); err != nil {
			return err
		}
	}
	return nil
}

// Statistics returns what is still known of the runs of an experiment that
// retention dropped, month by month, the earliest first. Times are in UTC.
func (s *Store) Statistics(ctx context.Context, key bench.Key) (list []bench.Dropped, err error) {
	err = s.look(ctx, func(in *reading) (err error) {
		list, err = in.statistics(ctx, key)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the statistics of %s: %w", key, err)
	}
	return list, nil
}

var selectSummaries = `SELECT ` + summariesTable.whole("m") + `, m.id, ` + referred("m") + `, m.month, m.content
	FROM monthly_summaries m LEFT JOIN experiments e ON e.id = m.experiment LEFT JOIN inputs i ON i.id = m.input
	WHERE m.experiment = ? ORDER BY m.month, i.name`

func (in *reading) statistics(ctx context.Context, key bench.Key) ([]bench.Dropped, error) {
	experiment, err := experimentID(key)
	if err != nil {
		return nil, err
	}
	rows, err := in.QueryContext(ctx, selectSummaries, experiment)
	if err != nil {
		return nil, err
	}
	defer rows.Close() //nolint:errcheck // rows.Err tells
	var list []bench.Dropped
	for rows.Next() {
		var whole bool
		var id int64
		var of reference
		var month string
		var content []byte
		err := rows.Scan(append(append([]any{&whole, &id}, of.columns()...), &month, &content)...)
		if err != nil || !whole {
			in.damagedRow(&summariesTable, err, id)
			continue
		}
		if !of.whole(in) {
			continue
		}
		d := bench.Dropped{}
		if err := json.Unmarshal(content, &d); err != nil {
			return nil, fmt.Errorf("%s: %w", month, err)
		}
		d.Key, d.Input, d.Month = key, of.input.String, month
		d.First.Time, d.Last.Time = d.First.Time.UTC(), d.Last.Time.UTC()
		list = append(list, d)
	}
	return list, rows.Err()
}
