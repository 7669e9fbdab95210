package record

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/go-json-experiment/json"

	"benchd/daemon/bench"
)

// RecordChange keeps a change as it now is: one without an ID as a new one, of
// which the ID is greater than every one before; one with an ID in place of
// what was kept of it. It is durable on return, as with Record.
func (s *Store) RecordChange(ctx context.Context, c *bench.Change) error {
	id, uptime, err := s.writeChange(ctx, c)
	if err != nil {
		return fmt.Errorf("record a change of %s of %s: %w", c.Figure, c.Key, err)
	}
	c.ID, c.Uptime = id, uptime
	return nil
}

func (s *Store) writeChange(ctx context.Context, c *bench.Change) (id int64, uptime time.Duration, err error) {
	texts, err := encode(c.Old, c)
	if err != nil {
		return 0, 0, err
	}
	err = s.transact(ctx, func(w *writing) error {
		experiment, input, err := w.series(ctx, c.Key, c.Input)
		if err != nil {
			return err
		}
		id, uptime = c.ID, c.Uptime
		if id == 0 {
			w.ledger.change++
			id, uptime = w.ledger.change, w.ledger.uptime
		} else if err := w.QueryRowContext(ctx, `SELECT 1 FROM changes WHERE id = ?`, id).Scan(new(int)); errors.Is(err, sql.ErrNoRows) {
			return fmt.Errorf("it has no change %d to update: record it with ID 0 as a new one", id)
		} else if err != nil {
			return err
		}
		return w.put(ctx, &changesTable, id, experiment, input, c.Figure, c.Open(), int64(uptime), c.Level, texts[0], texts[1])
	})
	return id, uptime, err
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
const isOpen = `c.id IN (SELECT id FROM changes INDEXED BY changes_open WHERE open)`

// Levels returns the newest change, open or closed, of every experiment, input
// and figure that has had any, the oldest first: its Level is the run from
// which on values are of the present level.
func (s *Store) Levels(ctx context.Context) ([]bench.Change, error) {
	return s.changes(ctx, `c.id IN (SELECT max(id) FROM changes GROUP BY experiment, input, figure) ORDER BY c.id`)
}

// Ended returns the newest closed change of every experiment, input and figure
// that has had any, the oldest first.
func (s *Store) Ended(ctx context.Context) ([]bench.Change, error) {
	return s.changes(ctx, `c.id IN (SELECT max(id) FROM changes WHERE NOT open GROUP BY experiment, input, figure) ORDER BY c.id`)
}

func (s *Store) changes(ctx context.Context, where string, args ...any) (changes []bench.Change, err error) {
	err = s.look(ctx, func(in *reading) (err error) {
		changes, err = in.changes(ctx, where, args...)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read changes: %w", err)
	}
	return changes, nil
}

var selectChanges = `SELECT ` + changesTable.whole("c") + `, c.id, ` + referred("c") + `, c.uptime_ns, c.level, c.old, c.details
	FROM changes c LEFT JOIN experiments e ON e.id = c.experiment LEFT JOIN inputs i ON i.id = c.input WHERE `

func (in *reading) changes(ctx context.Context, where string, args ...any) ([]bench.Change, error) {
	rows, err := in.QueryContext(ctx, selectChanges+where, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close() //nolint:errcheck // rows.Err tells
	var changes []bench.Change
	for rows.Next() {
		c, ok, err := in.scanChange(rows)
		if err != nil {
			return nil, err
		}
		if ok {
			changes = append(changes, c)
		}
	}
	return changes, rows.Err()
}

// scanChange is false for a change that is damaged, or of which it is not known
// any more what it was of.
func (in *reading) scanChange(rows *sql.Rows) (bench.Change, bool, error) {
	var c bench.Change
	var id int64
	var of reference
	var old, details []byte
	var uptime time.Duration
	var level int64
	var whole bool
	err := rows.Scan(append(append([]any{&whole, &id}, of.columns()...), &uptime, &level, &old, &details)...)
	if err != nil || !whole {
		in.damagedRow(&changesTable, err, id)
		return c, false, nil
	}
	if !of.whole(in) {
		return c, false, nil
	}
	if err := errors.Join(json.Unmarshal(details, &c), json.Unmarshal(old, &c.Old)); err != nil {
		return c, false, fmt.Errorf("change %d of %s: %w", id, of.key(), err)
	}
	c.ID, c.Key, c.Input, c.Uptime, c.Level = id, of.key(), of.input.String, uptime, level
	for _, m := range []*bench.Moment{&c.LastBefore, &c.Began, &c.Detected} {
		m.Time = m.Time.UTC()
	}
	c.Closed = c.Closed.UTC()
	return c, true, nil
}
