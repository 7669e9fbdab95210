package record

import (
	"context"
	"fmt"

	"benchd/daemon/bench"
)

// The number of runs in one answer, so that a client of the API can neither
// take the daemon's memory nor hold the only reading connection for long.
const (
	defaultLimit = 100
	maxLimit     = 1000
)

// Runs returns the selected runs, the newest first: 100 of them unless the
// query sets a limit, which may be up to 1,000. Their times are in UTC.
func (s *Store) Runs(ctx context.Context, q bench.RunQuery) ([]bench.Run, error) {
	if q.Limit < 0 || q.Limit > maxLimit {
		return nil, fmt.Errorf("limit is %d, want 1 to %d", q.Limit, maxLimit)
	}
	if q.Limit == 0 {
		q.Limit = defaultLimit
	}
	if q.Before < 0 {
		return nil, fmt.Errorf("before is %d, want the ID of a run", q.Before)
	}
	text, args := statement(&q)
	return s.query(ctx, text, args...)
}

// statement chooses the way to the runs, so that the time grows with the number
// of experiments in question and not with the length of the history. SQLite,
// without statistics, would guess; CROSS JOIN keeps it to the order given.
func statement(q *bench.RunQuery) (text string, args []any) {
	var ofExperiment, ofRun conditions
	ofExperiment.add(q.Task != "", "e.task = ?", q.Task)
	ofExperiment.add(q.Runtime != "", "e.runtime = ?", q.Runtime)
	ofExperiment.add(q.Model != "", "e.model = ?", q.Model)
	ofExperiment.add(q.Concurrency != nil, "e.concurrency = ?", q.Concurrency)
	ofRun.add(q.Outcome != "", "r.outcome = ?", q.Outcome)
	ofRun.add(q.Before != 0, "r.id < ?", q.Before)

	if q.Cycle != nil || ofExperiment.args == nil {
		// Down the ids: all, or those of one cycle or outcome.
		ofRun.add(q.Cycle != nil, "r.cycle = ?", q.Cycle)
		text = `SELECT ` + runColumns + ` FROM runs r CROSS JOIN experiments e ON e.id = r.experiment
			WHERE true` + ofRun.text + ofExperiment.text + ` ORDER BY r.id DESC LIMIT ?`
		return text, append(append(ofRun.args, ofExperiment.args...), q.Limit)
	}
	// The newest of each experiment in question, and of those the newest.
	// Down the ids one could walk past millions of others.
	text = `SELECT ` + runColumns + ` FROM runs r CROSS JOIN experiments e ON e.id = r.experiment
		WHERE r.id IN (
			SELECT n.id FROM experiments e CROSS JOIN runs n
			WHERE n.id IN (SELECT r.id FROM runs r WHERE r.experiment = e.id` + ofRun.text + ` ORDER BY r.id DESC LIMIT ?)` +
		ofExperiment.text + ` ORDER BY n.id DESC LIMIT ?)
		ORDER BY r.id DESC`
	return text, append(append(append(ofRun.args, q.Limit), ofExperiment.args...), q.Limit)
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

// LastOK returns the newest run of outcome ok of every experiment that has
// one, those that are no longer configured included.
func (s *Store) LastOK(ctx context.Context) (map[bench.Key]bench.Run, error) {
	runs, err := s.query(ctx, `SELECT `+runColumns+` FROM experiments e CROSS JOIN runs r
		WHERE r.id = (SELECT max(id) FROM runs WHERE experiment = e.id AND outcome = ?)`, bench.OK)
	if err != nil {
		return nil, err
	}
	last := make(map[bench.Key]bench.Run, len(runs))
	for _, r := range runs {
		last[r.Key] = r
	}
	return last, nil
}

func (s *Store) query(ctx context.Context, text string, args ...any) ([]bench.Run, error) {
	rows, err := s.read.QueryContext(ctx, text, args...)
	if err != nil {
		return nil, fmt.Errorf("read runs: %w", s.explain(err))
	}
	defer rows.Close() //nolint:errcheck // rows.Err tells
	var runs []bench.Run
	for rows.Next() {
		r, err := scanRun(rows)
		if err != nil {
			return nil, fmt.Errorf("read runs: %w", s.explain(err))
		}
		runs = append(runs, r)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read runs: %w", s.explain(err))
	}
	return runs, nil
}
