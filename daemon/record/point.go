package record

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"

	"benchd/daemon/bench"
)

// pointsDerived is how many points of each experiment are derived from the runs
// of an older benchd.
const pointsDerived = 200

// insertPoint keeps the run in short, if it has a point.
func insertPoint(ctx context.Context, tx *sql.Tx, experiment, input, id int64, r *bench.Run) error {
	p, ok := bench.PointOf(r)
	if !ok {
		return nil
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO points
		(experiment, run, input, cycle, started_unix_ns, sound, seconds_per_unit, cpu_seconds_per_unit,
			peak_memory_bytes, latency_p50_seconds, latency_p99_seconds, error_ratio)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		experiment, id, input, p.Cycle, instant(p.Started), p.Sound, p.SecondsPerUnit, p.CPUSecondsPerUnit,
		p.PeakMemoryBytes, p.LatencyP50Seconds, p.LatencyP99Seconds, p.ErrorRatio)
	return err
}

// Points returns the newest points of each series: up to so many that are sound,
// and as many that are not. They are in the order in which their runs were
// recorded, with times in UTC.
func (s *Store) Points(ctx context.Context, of []bench.Series, most int) (map[bench.Series][]bench.Point, error) {
	points, err := s.points(ctx, of, most)
	if err != nil {
		return nil, fmt.Errorf("read points: %w", err)
	}
	return points, nil
}

func (s *Store) points(ctx context.Context, of []bench.Series, most int) (map[bench.Series][]bench.Point, error) {
	tx, err := s.read.BeginTx(ctx, nil)
	if err != nil {
		return nil, s.explain(err)
	}
	defer tx.Rollback() //nolint:errcheck // it only reads
	// Numbers come once for all, instead of being looked up by texts each time.
	experiments, err := s.keys(ctx, tx)
	if err != nil {
		return nil, err
	}
	inputs, err := s.inputs(ctx, tx)
	if err != nil {
		return nil, err
	}
	newest, err := tx.PrepareContext(ctx, `SELECT run, cycle, started_unix_ns, sound, seconds_per_unit, cpu_seconds_per_unit,
			peak_memory_bytes, latency_p50_seconds, latency_p99_seconds, error_ratio
		FROM points WHERE experiment = ? AND input = ? AND sound = ? ORDER BY run DESC LIMIT ?`)
	if err != nil {
		return nil, s.explain(err)
	}
	defer newest.Close() //nolint:errcheck // it only reads
	points := make(map[bench.Series][]bench.Point, len(of))
	for _, series := range of {
		experiment, has := experiments[series.Key]
		input, hasInput := inputs[series.Input]
		if !has || !hasInput {
			continue // it has had no run
		}
		var found []bench.Point
		for _, sound := range []bool{true, false} {
			rows, err := newest.QueryContext(ctx, experiment, input, sound, most)
			if err == nil {
				found, err = appendPoints(found, rows, &series)
			}
			if err != nil {
				return nil, s.explain(err)
			}
		}
		slices.SortFunc(found, func(a, b bench.Point) int { return cmp.Compare(a.Run, b.Run) })
		points[series] = found
	}
	return points, nil
}

func appendPoints(points []bench.Point, rows *sql.Rows, of *bench.Series) ([]bench.Point, error) {
	defer rows.Close() //nolint:errcheck // rows.Err tells
	p := bench.Point{Key: of.Key, Input: of.Input}
	for rows.Next() {
		err := rows.Scan(&p.Run, &p.Cycle, (*instant)(&p.Started), &p.Sound, &p.SecondsPerUnit, &p.CPUSecondsPerUnit,
			&p.PeakMemoryBytes, &p.LatencyP50Seconds, &p.LatencyP99Seconds, &p.ErrorRatio)
		if err != nil {
			return nil, err
		}
		points = append(points, p)
	}
	return points, rows.Err()
}

// inputs are the rows of all inputs.
func (s *Store) inputs(ctx context.Context, tx *sql.Tx) (map[string]int64, error) {
	rows, err := tx.QueryContext(ctx, `SELECT id, name FROM inputs`)
	if err != nil {
		return nil, s.explain(err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err tells
	inputs := map[string]int64{}
	for rows.Next() {
		var id int64
		var name string
		if err := rows.Scan(&id, &name); err != nil {
			return nil, s.explain(err)
		}
		inputs[name] = id
	}
	if err := rows.Err(); err != nil {
		return nil, s.explain(err)
	}
	return inputs, nil
}

// derivePoints gives the runs of an older benchd their points: the newest of
// each experiment, because all of a long history would take minutes.
func derivePoints(ctx context.Context, tx *sql.Tx) error {
	rows, err := tx.QueryContext(ctx, `SELECT r.id, r.experiment, r.cycle, r.started_unix_ns, r.outcome, r.server_bound, r.noise, r.figures
		FROM experiments e CROSS JOIN runs r
		WHERE r.id IN (SELECT id FROM runs WHERE experiment = e.id AND outcome = ? ORDER BY id DESC LIMIT ?)
			AND NOT r.warm_up AND r.figures IS NOT NULL`, bench.OK, pointsDerived)
	if err != nil {
		return err
	}
	defer rows.Close() //nolint:errcheck // rows.Err tells
	for rows.Next() {
		var r bench.Run
		var experiment int64
		var noise, figures []byte
		err := rows.Scan(&r.ID, &experiment, &r.Cycle, (*instant)(&r.Started), &r.Outcome, &r.ServerBound, &noise, &figures)
		if err == nil && noise != nil {
			err = json.Unmarshal(noise, &r.Noise)
		}
		if err == nil {
			err = json.Unmarshal(figures, &r.Figures)
		}
		if err != nil {
			return fmt.Errorf("run %d: %w", r.ID, err)
		}
		if err := insertPoint(ctx, tx, experiment, 0, r.ID, &r); err != nil {
			return err
		}
	}
	return rows.Err()
}
