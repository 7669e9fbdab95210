package record

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"

	"benchd/daemon/bench"
)

// putPoint keeps the run in short, if it has a point.
func (w *writing) putPoint(ctx context.Context, experiment, input int64, r *bench.Run) error {
	p, ok := bench.PointOf(r)
	if !ok {
		return nil
	}
	return w.put(ctx, &pointsTable, experiment, input, p.Sound, p.Run, p.Cycle, instant(p.Started), p.SecondsPerUnit, p.CPUSecondsPerUnit,
		p.PeakMemoryBytes, p.LatencyP50Seconds, p.LatencyP99Seconds, p.ErrorRatio)
}

// Points returns the newest points of each series: up to so many that are sound,
// and as many that are not. They are in the order in which their runs were
// recorded, with times in UTC.
func (s *Store) Points(ctx context.Context, of []bench.Series, most int) (points map[bench.Series][]bench.Point, err error) {
	err = s.look(ctx, func(in *reading) (err error) {
		points, err = in.points(ctx, of, most)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read points: %w", err)
	}
	return points, nil
}

var selectPoints = `SELECT ` + pointsTable.whole("p") + `, run, cycle, started_unix_ns, sound, seconds_per_unit, cpu_seconds_per_unit,
		peak_memory_bytes, latency_p50_seconds, latency_p99_seconds, error_ratio
	FROM points p WHERE experiment = ? AND input = ? AND sound = ? ORDER BY run DESC LIMIT ?`

func (in *reading) points(ctx context.Context, of []bench.Series, most int) (map[bench.Series][]bench.Point, error) {
	newest, err := in.PrepareContext(ctx, selectPoints)
	if err != nil {
		return nil, err
	}
	defer newest.Close() //nolint:errcheck // it only reads
	points := make(map[bench.Series][]bench.Point, len(of))
	for _, series := range of {
		var found []bench.Point
		for sound := range 2 {
			g := group{sound: int64(sound)}
			if err := g.of(&series); err != nil {
				return nil, err
			}
			rows, err := newest.QueryContext(ctx, g.experiment, g.input, g.sound, most)
			if err == nil {
				found, err = in.appendPoints(found, rows, &series, &g)
			}
			if err != nil {
				return nil, err
			}
		}
		slices.SortFunc(found, func(a, b bench.Point) int { return cmp.Compare(a.Run, b.Run) })
		points[series] = found
	}
	return points, nil
}

// of finds the rows of a series.
func (g *group) of(series *bench.Series) (err error) {
	if g.experiment, err = experimentID(series.Key); err == nil {
		g.input, err = inputID(series.Input)
	}
	return err
}

func (in *reading) appendPoints(points []bench.Point, rows *sql.Rows, of *bench.Series, g *group) ([]bench.Point, error) {
	defer rows.Close() //nolint:errcheck // rows.Err tells
	for rows.Next() {
		var whole bool
		p := bench.Point{Key: of.Key, Input: of.Input}
		err := rows.Scan(&whole, &p.Run, &p.Cycle, (*instant)(&p.Started), &p.Sound, &p.SecondsPerUnit, &p.CPUSecondsPerUnit,
			&p.PeakMemoryBytes, &p.LatencyP50Seconds, &p.LatencyP99Seconds, &p.ErrorRatio)
		if err != nil || !whole {
			in.damagedRow(&pointsTable, err, g.experiment, g.input, g.sound, p.Run)
			continue
		}
		points = append(points, p)
	}
	return points, rows.Err()
}
