package record

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"
)

// execer is a database or a transaction.
type execer interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// rowQuerier is a connection or a transaction.
type rowQuerier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// lose counts records that are lost for good, and says which.
func lose(ctx context.Context, in execer, of *table, records int64, what, content string) error {
	_, err := in.ExecContext(ctx, `INSERT INTO losses SELECT id, ?1, ?2, ?3, ?4, ?5, row_sum('losses', id, ?1, ?2, ?3, ?4, ?5)
		FROM (SELECT coalesce(max(id), 0) + 1 AS id FROM losses)`, of.kind, records, what, instant(time.Now()), content)
	return err
}

// badRow is one that is not as it was written.
type badRow struct {
	table *table
	key   []any // of its key columns
	err   error // why it cannot be read, nil where its checksum says so
}

// reading reads what belongs together. It takes note of rows that are damaged.
type reading struct {
	*sql.Tx
	bad []badRow
}

// damagedRow notes a row that is to be set aside.
func (in *reading) damagedRow(t *table, err error, key ...any) {
	in.bad = append(in.bad, badRow{t, key, err})
}

// look reads something, without those rows of it that are damaged: they are set
// aside, and it is read once more, so that others take their place.
func (s *Store) look(ctx context.Context, read func(r *reading) error) error {
	const attempts = 3
	for n := 1; ; n++ {
		bad, err := s.lookOnce(ctx, read)
		if n == attempts || len(bad) == 0 && !s.damaged.Load() {
			return err
		}
		if failed := s.transact(ctx, func(w *writing) error { return s.setAside(ctx, w, bad) }); failed != nil {
			s.log.Error("damaged records of the history cannot be set aside; they are passed over", "records", len(bad), "err", failed)
			return err
		}
		s.countLosses(ctx)
	}
}

func (s *Store) lookOnce(ctx context.Context, read func(r *reading) error) ([]badRow, error) {
	tx, err := s.file.Load().read.BeginTx(ctx, nil)
	if err != nil {
		return nil, s.explain(err)
	}
	defer tx.Rollback() //nolint:errcheck // it only reads
	r := &reading{Tx: tx}
	if err := read(r); err != nil {
		return r.bad, s.explain(err)
	}
	return r.bad, nil
}

// setAside moves damaged rows to where they are counted and do no harm.
func (s *Store) setAside(ctx context.Context, w *writing, bad []badRow) error {
	for _, b := range bad {
		names := b.table.names()
		where := strings.Join(b.table.keys(), " = ? AND ") + " = ?"
		var content string
		err := w.QueryRowContext(ctx, fmt.Sprintf("SELECT quote(%s) FROM %s WHERE %s", strings.Join(names, ") || ', ' || quote("), b.table.name, where), b.key...).
			Scan(&content)
		if errors.Is(err, sql.ErrNoRows) {
			continue // another reader was faster
		}
		what := fmt.Sprintf("%s %v", b.table.kind, b.key)
		if err == nil {
			err = lose(ctx, w, b.table, 1, what, content)
		}
		if err == nil {
			_, err = w.ExecContext(ctx, fmt.Sprintf("DELETE FROM %s WHERE %s", b.table.name, where), b.key...)
		}
		if err != nil {
			return fmt.Errorf("set aside %s: %w", what, err)
		}
		s.log.Error("a record of the history is damaged: it is set aside in the table losses and no longer shown or judged", "record", what, "err", b.err)
	}
	return nil
}

// verify sets aside what is damaged of the tables, as far as there is time: a row
// whose key has changed would be found by nobody who looks for it.
func (s *Store) verify(ctx context.Context) error {
	limited, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	var bad []badRow
	for _, t := range tables() {
		rows, err := s.damagedRows(limited, t)
		if err != nil && limited.Err() == nil {
			return s.explain(err)
		}
		bad = append(bad, rows...)
	}
	if len(bad) == 0 {
		return nil
	}
	_, err := s.attempt(ctx, func(w *writing) error { return s.setAside(ctx, w, bad) })
	return err
}

func (s *Store) damagedRows(ctx context.Context, t *table) (bad []badRow, err error) {
	rows, err := s.file.Load().read.QueryContext(ctx, fmt.Sprintf("SELECT %s FROM %s t WHERE NOT %s", strings.Join(t.keys(), ", "), t.name, t.whole("t")))
	if err != nil {
		return nil, err
	}
	defer rows.Close() //nolint:errcheck // rows.Err tells
	for rows.Next() {
		key := make([]any, len(t.keys()))
		into := make([]any, len(key))
		for i := range key {
			into[i] = &key[i]
		}
		if err := rows.Scan(into...); err != nil {
			return bad, err
		}
		bad = append(bad, badRow{t, key, nil})
	}
	return bad, rows.Err()
}

// Losses are how many records of each kind were damaged or lost, ever since the
// history began.
func (s *Store) Losses() map[string]int64 { return *s.losses.Load() }

// countLosses does so once what was lost is recorded.
func (s *Store) countLosses(ctx context.Context) {
	losses := map[string]int64{wholeFile.kind: 0}
	for _, t := range tables() {
		losses[t.kind] = 0
	}
	rows, err := s.file.Load().read.QueryContext(ctx, `SELECT kind, sum(records) FROM losses GROUP BY kind`)
	if err == nil {
		err = addUp(losses, rows)
	}
	if err != nil {
		s.log.Error("what the history has lost cannot be counted", "err", s.explain(err))
		return
	}
	s.losses.Store(&losses)
}

func addUp(losses map[string]int64, rows *sql.Rows) error {
	defer rows.Close() //nolint:errcheck // rows.Err tells
	for rows.Next() {
		var kind string
		var n int64
		if err := rows.Scan(&kind, &n); err != nil {
			return err
		}
		if _, known := losses[kind]; known { // the labels of a metric are bounded, whatever was damaged
			losses[kind] = n
		}
	}
	return rows.Err()
}
