package record

import (
	"context"
	"fmt"

	"benchd/daemon/bench"
)

// The number of runs or changes in one answer, so that a client of the API can
// neither take the daemon's memory nor hold the only reading connection for long.
const (
	defaultLimit = 100
	maxLimit     = 1000
)

func limitOf(limit int) (int, error) {
	switch {
	case limit < 0 || limit > maxLimit:
		return 0, fmt.Errorf("limit is %d, want 1 to %d", limit, maxLimit)
	case limit == 0:
		return defaultLimit, nil
	}
	return limit, nil
}

// Runs returns the selected runs, the newest first: 100 of them unless the
// query sets a limit, which may be up to 1,000. Their times are in UTC.
func (s *Store) Runs(ctx context.Context, q bench.RunQuery) ([]bench.Run, error) {
	limit, err := limitOf(q.Limit)
	if err != nil {
		return nil, err
	}
	if q.Before < 0 {
		return nil, fmt.Errorf("before is %d, want the ID of a run", q.Before)
	}
	if q.Cycle == nil && ofExperiments(q.Task, q.Runtime, q.Model, q.Concurrency).args != nil {
		// Down the ids one could walk past millions of other experiments.
		return s.runsOfSome(ctx, &q, limit)
	}
	text, args := downTheIDs(&q, limit)
	return s.query(ctx, text, args...)
}

// downTheIDs is for all runs, or those of one outcome or cycle: an index yields
// them in order.
func downTheIDs(q *bench.RunQuery, limit int) (text string, args []any) {
	where := ofRuns(q)
	where.add(q.Cycle != nil, "r.cycle = ?", q.Cycle)
	ofExperiment := ofExperiments(q.Task, q.Runtime, q.Model, q.Concurrency)
	text = selectRuns + ` WHERE true` + where.text + ofExperiment.text + ` ORDER BY r.id DESC LIMIT ?`
	return text, append(append(where.args, ofExperiment.args...), limit)
}

// conditions are SQL that may follow another condition, and its arguments.
type conditions struct {
	text string
	args []any
}

func (c *conditions) add(wanted bool, condition string, arg any) {
	if wanted {
		c.text += " AND " + condition
		c.args = append(c.args, arg)
	}
}

// ofExperiments are conditions on experiments e, without args for all of them.
func ofExperiments(task, runtime, model string, concurrency *int) (c conditions) {
	c.add(task != "", "e.task = ?", task)
	c.add(runtime != "", "e.runtime = ?", runtime)
	c.add(model != "", "e.model = ?", model)
	c.add(concurrency != nil, "e.concurrency = ?", concurrency)
	return c
}

// ofRuns are conditions on runs r that hold for every experiment.
func ofRuns(q *bench.RunQuery) (c conditions) {
	c.add(q.Outcome != "", "r.outcome = ?", q.Outcome)
	c.add(q.Before != 0, "r.id < ?", q.Before)
	return c
}

// LastOK returns the newest run of outcome ok of every experiment that has
// one, those that are no longer configured included.
func (s *Store) LastOK(ctx context.Context) (map[bench.Key]bench.Run, error) {
	runs, err := s.query(ctx, selectRuns+` WHERE r.id IN (
		SELECT (SELECT max(id) FROM runs WHERE experiment = e.id AND outcome = ?) FROM experiments e)`, bench.OK)
	if err != nil {
		return nil, err
	}
	last := make(map[bench.Key]bench.Run, len(runs))
	for _, r := range runs {
		last[r.Key] = r
	}
	return last, nil
}

func (s *Store) query(ctx context.Context, text string, args ...any) (runs []bench.Run, err error) {
	err = s.look(ctx, func(in *reading) (err error) {
		runs, err = in.runs(ctx, text, args...)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read runs: %w", err)
	}
	return runs, nil
}

func (in *reading) runs(ctx context.Context, text string, args ...any) ([]bench.Run, error) {
	rows, err := in.QueryContext(ctx, text, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close() //nolint:errcheck // rows.Err tells
	var runs []bench.Run
	for rows.Next() {
		r, ok, err := in.scanRun(rows)
		if err != nil {
			return nil, err
		}
		if ok {
			runs = append(runs, r)
		}
	}
	return runs, rows.Err()
}
