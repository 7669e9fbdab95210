package record

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"

	"benchd/daemon/bench"
)

// pointsKept is how many points of each experiment outlive their runs, and how
// many are derived from the runs of an older benchd. Whatever is judged looks
// at fewer.
const pointsKept = 200

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

// Points returns the newest points of every experiment, up to perExperiment of
// each, those that are no longer configured included: in the order in which
// their runs were recorded, with times in UTC.
func (s *Store) Points(ctx context.Context, perExperiment int) (map[bench.Key][]bench.Point, error) {
	points, err := s.points(ctx, perExperiment)
	if err != nil {
		return nil, fmt.Errorf("read points: %w", err)
	}
	return points, nil
}

func (s *Store) points(ctx context.Context, perExperiment int) (map[bench.Key][]bench.Point, error) {
	tx, err := s.read.BeginTx(ctx, nil)
	if err != nil {
		return nil, s.explain(err)
	}
	defer tx.Rollback() //nolint:errcheck // it only reads
	// Texts come once for all, instead of with each of the many rows.
	keys, err := s.keys(ctx, tx)
	if err != nil {
		return nil, err
	}
	inputs, err := s.inputs(ctx, tx)
	if err != nil {
		return nil, err
	}
	newest, err := tx.PrepareContext(ctx, `SELECT run, input, cycle, started_unix_ns, sound, seconds_per_unit, cpu_seconds_per_unit,
			peak_memory_bytes, latency_p50_seconds, latency_p99_seconds, error_ratio
		FROM points WHERE experiment = ? ORDER BY run DESC LIMIT ?`)
	if err != nil {
		return nil, s.explain(err)
	}
	defer newest.Close() //nolint:errcheck // it only reads
	points := make(map[bench.Key][]bench.Point, len(keys))
	for id, key := range keys {
		rows, err := newest.QueryContext(ctx, id, perExperiment)
		if err != nil {
			return nil, s.explain(err)
		}
		of, err := scanPoints(rows, key, inputs)
		if err != nil {
			return nil, s.explain(err)
		}
		if len(of) > 0 {
			slices.Reverse(of)
			points[key] = of
		}
	}
	return points, nil
}

func scanPoints(rows *sql.Rows, key bench.Key, inputs map[int64]string) ([]bench.Point, error) {
	defer rows.Close() //nolint:errcheck // rows.Err tells
	var points []bench.Point
	p := bench.Point{Key: key}
	var input int64
	for rows.Next() {
		err := rows.Scan(&p.Run, &input, &p.Cycle, (*instant)(&p.Started), &p.Sound, &p.SecondsPerUnit, &p.CPUSecondsPerUnit,
			&p.PeakMemoryBytes, &p.LatencyP50Seconds, &p.LatencyP99Seconds, &p.ErrorRatio)
		if err != nil {
			return nil, err
		}
		p.Input = inputs[input]
		points = append(points, p)
	}
	return points, rows.Err()
}

// inputs are all inputs by their row.
func (s *Store) inputs(ctx context.Context, tx *sql.Tx) (map[int64]string, error) {
	rows, err := tx.QueryContext(ctx, `SELECT id, name FROM inputs`)
	if err != nil {
		return nil, s.explain(err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err tells
	inputs := map[int64]string{}
	for rows.Next() {
		var id int64
		var name string
		if err := rows.Scan(&id, &name); err != nil {
			return nil, s.explain(err)
		}
		inputs[id] = name
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
			AND NOT r.warm_up AND r.figures IS NOT NULL`, bench.OK, pointsKept)
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
