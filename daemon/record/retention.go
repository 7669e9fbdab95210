package record

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"benchd/daemon/bench"
)

// A batch ends with the chunk after batchTime, or when it has runs of so many
// series, of which the statistics are to be written. Then a run that is to be
// recorded may have to wait for some 20 ms, and is meant to for less than 50.
const (
	batchTime   = 10 * time.Millisecond
	batchSeries = 50
	runsChunk   = 10
	pointsChunk = 500
)

// Limits are what is kept of the history.
type Limits struct {
	Age    time.Duration // runs that were recorded longer ago, by Uptime, are dropped; 0 is no limit
	Bytes  int64         // the oldest runs are dropped until the history fills less; 0 is no limit
	Points int           // of each series, sound ones and others, so many outlive their runs
}

// Prune drops the oldest runs, those beyond the limits. It returns how many it
// dropped, also with an error. It works in short transactions, between which runs
// are recorded, so it can be cancelled at any time, and goes on when it is called
// again.
//
// How old a run is Uptime tells, and not the time of day: a clock that is years
// ahead for an hour would drop everything. now only tells which months cannot be.
//
// Kept are, however old, the last good run of each experiment, for the last-run
// gauges, and the runs that open changes refer to; the newest points of each
// series; changes, pins and cycles; and the statistics of what is dropped, see
// Statistics. If all that is larger than bytes, no
// other run is left.
//
// Bytes are those of the pages in use. The file has free ones besides, which
// are filled before it grows, and gives most of them back when they are more
// than an eighth of it. The log beside it, of up to some 16 MB, is not counted.
func (s *Store) Prune(ctx context.Context, now time.Time, keep Limits) (dropped int, err error) {
	p := &pruning{store: s, now: now, bytes: keep.Bytes}
	if keep.Age > 0 {
		p.cutoff = s.Uptime() - keep.Age
	}
	for done := false; !done; {
		err := s.inBatch(ctx, func(w *writing) (n int, err error) {
			n, done, err = p.runs(ctx, w)
			return n, err
		}, &dropped)
		if err != nil {
			return dropped, fmt.Errorf("drop old runs: %w", err)
		}
	}
	s.countLosses(ctx) // some of them may have been damaged
	if dropped == 0 {
		return 0, nil
	}
	if err := s.prunePoints(ctx, keep.Points); err != nil {
		return dropped, fmt.Errorf("drop old points: %w", err)
	}
	if err := s.shrink(ctx); err != nil {
		return dropped, fmt.Errorf("shrink the history: %w", err)
	}
	return dropped, nil
}

// inBatch does one batch in a transaction, and counts what it has dropped.
func (s *Store) inBatch(ctx context.Context, batch func(*writing) (n int, err error), count *int) error {
	n := 0
	err := s.transact(ctx, func(w *writing) (err error) {
		n, err = batch(w)
		return err
	})
	if err != nil {
		return err
	}
	*count += n
	s.checkpoint(ctx) // lest a run that is recorded meanwhile must do it
	return nil
}

type pruning struct {
	store  *Store
	now    time.Time
	cutoff time.Duration // runs with less uptime are too old
	bytes  int64         // 0 is no limit

	after int64  // the run looked at last
	month string // of the run before that
}

// mayGo is the condition on runs r that nothing needs them; its argument is a
// JSON list of IDs to be kept.
const mayGo = `r.id NOT IN (SELECT value FROM json_each(?)) AND (r.outcome <> 'ok' OR
	EXISTS (SELECT 1 FROM runs n WHERE n.experiment = r.experiment AND n.outcome = 'ok' AND n.id > r.id))`

// runs drops some runs, and tells whether these were all.
func (p *pruning) runs(ctx context.Context, w *writing) (n int, done bool, err error) {
	begun := time.Now()
	needed, err := p.store.neededByChanges(ctx, w)
	if err != nil {
		return 0, false, err
	}
	statistics := map[series]*bench.Dropped{}
	for !done && time.Since(begun) < batchTime && len(statistics) < batchSeries {
		tooMany, err := p.tooLarge(ctx, w)
		if err != nil {
			return 0, false, err
		}
		var ids []int64
		if ids, done, err = p.next(ctx, w, needed, tooMany); err != nil {
			return 0, false, err
		}
		dropped, err := p.drop(ctx, w, ids, statistics)
		if err != nil {
			return 0, false, err
		}
		n += dropped
	}
	return n, done, p.store.keepDropped(ctx, w, statistics)
}

// next are the oldest runs that may go and are to go, and whether these are the
// last. A damaged one is among them: its age is not known, and dropping sets it
// aside.
func (p *pruning) next(ctx context.Context, w *writing, needed string, all bool) (ids []int64, last bool, err error) {
	rows, err := w.QueryContext(ctx, `SELECT r.id, r.uptime_ns >= ? AND `+runsTable.whole("r")+`
		FROM runs r WHERE r.id > ? AND `+mayGo+` ORDER BY r.id LIMIT ?`, int64(p.cutoff), p.after, needed, runsChunk)
	if err != nil {
		return nil, false, err
	}
	defer rows.Close() //nolint:errcheck // rows.Err tells
	for rows.Next() {
		var id int64
		var young bool
		if err := rows.Scan(&id, &young); err != nil {
			return nil, false, err
		}
		if young && !all {
			return ids, true, nil
		}
		ids = append(ids, id)
	}
	return ids, len(ids) < runsChunk, rows.Err()
}

// drop removes runs, and adds what is known of them to the statistics. One that
// cannot be read is set aside, or counted among the losses.
func (p *pruning) drop(ctx context.Context, w *writing, ids []int64, statistics map[series]*bench.Dropped) (n int, err error) {
	if len(ids) == 0 {
		return 0, nil
	}
	p.after = ids[len(ids)-1]
	list, err := encode(ids)
	if err != nil {
		return 0, err
	}
	const those = ` WHERE r.id IN (SELECT value FROM json_each(?))`
	in := &reading{Tx: w.Tx}
	runs, err := in.runs(ctx, selectRuns+those+` ORDER BY r.id`, list[0])
	if err != nil {
		return 0, err
	}
	for i := range runs {
		p.month = monthOf(runs[i].Started, p.now, p.month)
		collect(statistics, &runs[i], p.month)
	}
	if err := p.store.setAside(ctx, w, in.bad); err != nil {
		return 0, err
	}
	result, err := w.ExecContext(ctx, `DELETE FROM runs AS r`+those, list[0])
	if err != nil {
		return 0, err
	}
	deleted, err := result.RowsAffected()
	if unknown := deleted - int64(len(runs)); err == nil && unknown > 0 {
		err = lose(ctx, w, &runsTable, unknown, fmt.Sprintf("of runs %d to %d: their experiments are damaged", ids[0], p.after), "")
	}
	if err == nil {
		_, err = w.ExecContext(ctx, `DELETE FROM samples WHERE run IN (SELECT value FROM json_each(?))`, list[0])
	}
	return len(runs), err
}

// epoch is before the first benchd: what is earlier was said by a machine that
// starts without a clock.
var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// monthOf is the month in whose statistics a run goes: that of the run before it
// where its clock cannot have been right.
func monthOf(started, now time.Time, before string) string {
	if before != "" && (started.Before(epoch) || started.After(now)) {
		return before
	}
	return started.UTC().Format("2006-01")
}

func (p *pruning) tooLarge(ctx context.Context, in rowQuerier) (bool, error) {
	if p.bytes == 0 {
		return false, nil
	}
	f, err := readFileSize(ctx, in)
	return (f.pages-f.free)*f.pageBytes > p.bytes, err
}

// series is of what there are statistics.
type series struct {
	key          bench.Key
	input, month string
}

func collect(statistics map[series]*bench.Dropped, r *bench.Run, month string) {
	d := droppedRun(r, month)
	of := series{d.Key, d.Input, d.Month}
	if so := statistics[of]; so != nil {
		so.Add(&d)
	} else {
		statistics[of] = &d
	}
}

// neededByChanges is a JSON list of the runs that open changes refer to.
func (s *Store) neededByChanges(ctx context.Context, w *writing) (string, error) {
	in := &reading{Tx: w.Tx}
	open, err := in.changes(ctx, isOpen)
	if err == nil {
		err = s.setAside(ctx, w, in.bad)
	}
	if err != nil {
		return "", err
	}
	ids := []int64{}
	for _, c := range open {
		ids = append(ids, c.LastBefore.Run, c.Began.Run, c.Detected.Run, c.Level)
	}
	list, err := encode(ids)
	if err != nil {
		return "", err
	}
	return list[0], nil
}

// prunePoints drops points whose runs have gone and that are not among the
// newest so many of their group.
func (s *Store) prunePoints(ctx context.Context, keep int) error {
	var of group
	var more bool
	var horizon int64 // of older runs only those are left that are needed
	err := s.inBatch(ctx, func(w *writing) (n int, err error) {
		if of, more, err = of.next(ctx, w); err != nil {
			return 0, err
		}
		needed, err := s.neededByChanges(ctx, w)
		if err != nil {
			return 0, err
		}
		return 0, w.QueryRowContext(ctx, `SELECT coalesce(
			(SELECT r.id FROM runs r WHERE `+mayGo+` ORDER BY r.id LIMIT 1),
			(SELECT max(id) FROM runs), 0)`, needed).Scan(&horizon)
	}, new(int))
	for err == nil && more {
		err = s.inBatch(ctx, func(w *writing) (n int, err error) {
			for begun := time.Now(); err == nil && more && time.Since(begun) < batchTime; {
				var dropped int64
				if dropped, err = of.prune(ctx, w, horizon, keep); err == nil && dropped < pointsChunk {
					of, more, err = of.next(ctx, w)
				}
			}
			return 0, err
		}, new(int))
	}
	return err
}

// group is where points lie beside one another: those of a series that are
// sound, or are not.
type group struct{ experiment, input, sound int64 }

// next is false after the last group. One is looked up after the other, for
// DISTINCT would read all points.
func (g group) next(ctx context.Context, tx *writing) (group, bool, error) {
	err := tx.QueryRowContext(ctx, `SELECT experiment, input, sound FROM points WHERE (experiment, input, sound) > (?, ?, ?)
		ORDER BY experiment, input, sound LIMIT 1`, g.experiment, g.input, g.sound).Scan(&g.experiment, &g.input, &g.sound)
	if errors.Is(err, sql.ErrNoRows) {
		return g, false, nil
	}
	return g, err == nil, err
}

func (g group) prune(ctx context.Context, tx *writing, horizon int64, keep int) (dropped int64, err error) {
	const of = `experiment = ?1 AND input = ?2 AND sound = ?3`
	result, err := tx.ExecContext(ctx, `DELETE FROM points WHERE `+of+` AND run IN (
		SELECT p.run FROM points p WHERE `+of+` AND p.run < ?4
			AND p.run < (SELECT run FROM points WHERE `+of+` ORDER BY run DESC LIMIT 1 OFFSET ?5)
			AND NOT EXISTS (SELECT 1 FROM runs r WHERE r.id = p.run)
		ORDER BY p.run LIMIT ?6)`, g.experiment, g.input, g.sound, horizon, max(0, keep-1), pointsChunk)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}
