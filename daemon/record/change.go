package record

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"benchd/daemon/bench"
)

// RecordChange keeps a change as it now is: one without an ID as a new one, of
// which the ID is greater than every one before; one with an ID in place of
// what was kept of it. It is durable on return, as with Record.
func (s *Store) RecordChange(ctx context.Context, c *bench.Change) error {
	id, err := s.writeChange(ctx, c)
	if err != nil {
		return fmt.Errorf("record a change of %s of %s: %w", c.Figure, c.Key, err)
	}
	c.ID = id
	return nil
}

func (s *Store) writeChange(ctx context.Context, c *bench.Change) (id int64, err error) {
	texts, err := encode(c.Old, c)
	if err != nil {
		return 0, err
	}
	err = s.transact(ctx, func(tx *sql.Tx) error {
		experiment, input, err := seriesOf(ctx, tx, c.Key, c.Input)
		if err != nil {
			return err
		}
		values := []any{experiment, input, c.Figure, instant(c.Closed), c.Level, texts[0], texts[1]}
		if c.ID == 0 {
			return tx.QueryRowContext(ctx, `INSERT INTO changes
				(experiment, input, figure, closed_unix_ns, level, old, details) VALUES (?, ?, ?, ?, ?, ?, ?)
				RETURNING id`, values...).Scan(&id)
		}
		err = tx.QueryRowContext(ctx, `UPDATE changes SET
			experiment = ?, input = ?, figure = ?, closed_unix_ns = ?, level = ?, old = ?, details = ? WHERE id = ?
			RETURNING id`, append(values, c.ID)...).Scan(&id)
		if errors.Is(err, sql.ErrNoRows) {
			return fmt.Errorf("it has no change %d to update: record it with ID 0 as a new one", c.ID)
		}
		return err
	})
	return id, err
}

// Changes returns the selected changes, the newest first: 100 of them unless
// the query sets a limit, which may be up to 1,000. Their times are in UTC.
func (s *Store) Changes(ctx context.Context, q bench.ChangeQuery) ([]bench.Change, error) {
	limit, err := limitOf(q.Limit)
	if err != nil {
		return nil, err
	}
	if q.Before < 0 || q.ID < 0 {
		return nil, fmt.Errorf("before is %d and id %d, want the ID of a change", q.Before, q.ID)
	}
	var where conditions
	ofExperiment := ofExperiments(q.Task, q.Runtime, q.Model, q.Concurrency)
	if ofExperiment.args != nil {
		where.text = " AND c.experiment IN (SELECT e.id FROM experiments e WHERE true" + ofExperiment.text + ")"
		where.args = ofExperiment.args
	}
	if q.Open {
		where.text += " AND " + isOpen
	}
	where.add(q.ID != 0, "c.id = ?", q.ID)
	where.add(q.Before != 0, "c.id < ?", q.Before)
	// The numbers first: with them alone SQLite need not read what is left out.
	return s.changes(ctx, `c.id IN (SELECT c.id FROM changes c WHERE true`+where.text+` ORDER BY c.id DESC LIMIT ?)
		ORDER BY c.id DESC`, append(where.args, limit)...)
}

// isOpen is the condition on changes c that they are open: of all changes they
// are few, and have an index of their own, which SQLite would not choose.
const isOpen = `c.id IN (SELECT id FROM changes INDEXED BY changes_open WHERE closed_unix_ns IS NULL)`

// Levels returns the newest change, open or closed, of every experiment, input
// and figure that has had any, the oldest first: its Level is the run from
// which on values are of the present level.
func (s *Store) Levels(ctx context.Context) ([]bench.Change, error) {
	return s.changes(ctx, `c.id IN (SELECT max(id) FROM changes GROUP BY experiment, input, figure) ORDER BY c.id`)
}

// Ended returns the newest closed change of every experiment, input and figure
// that has had any, the oldest first.
func (s *Store) Ended(ctx context.Context) ([]bench.Change, error) {
	return s.changes(ctx, `c.id IN (SELECT max(id) FROM changes WHERE closed_unix_ns IS NOT NULL GROUP BY experiment, input, figure) ORDER BY c.id`)
}

func (s *Store) changes(ctx context.Context, where string, args ...any) ([]bench.Change, error) {
	changes, err := selectChanges(ctx, s.read, where, args...)
	if err != nil {
		return nil, fmt.Errorf("read changes: %w", s.explain(err))
	}
	return changes, nil
}

func selectChanges(ctx context.Context, in querier, where string, args ...any) ([]bench.Change, error) {
	rows, err := in.QueryContext(ctx, `SELECT c.id, e.task, e.runtime, e.model, e.concurrency, i.name, c.level, c.old, c.details
		FROM changes c CROSS JOIN experiments e ON e.id = c.experiment CROSS JOIN inputs i ON i.id = c.input
		WHERE `+where, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close() //nolint:errcheck // rows.Err tells
	var changes []bench.Change
	for rows.Next() {
		c, err := scanChange(rows)
		if err != nil {
			return nil, err
		}
		changes = append(changes, c)
	}
	return changes, rows.Err()
}

func scanChange(rows *sql.Rows) (bench.Change, error) {
	var columns, c bench.Change
	var old, details []byte
	err := rows.Scan(&columns.ID, &columns.Task, &columns.Runtime, &columns.Model, &columns.Concurrency, &columns.Input,
		&columns.Level, &old, &details)
	if err != nil {
		return bench.Change{}, err
	}
	if err := errors.Join(json.Unmarshal(details, &c), json.Unmarshal(old, &c.Old)); err != nil {
		return bench.Change{}, fmt.Errorf("change %d of %s: %w", columns.ID, columns.Key, err)
	}
	c.ID, c.Key, c.Input, c.Level = columns.ID, columns.Key, columns.Input, columns.Level
	for _, m := range []*bench.Moment{&c.LastBefore, &c.Began, &c.Detected} {
		m.Time = m.Time.UTC()
	}
	c.Closed = c.Closed.UTC()
	return c, nil
}
