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
	Age    time.Duration // runs that ended longer ago are dropped; 0 is no limit
	Bytes  int64         // the oldest runs are dropped until the history fills less; 0 is no limit
	Points int           // of each series, sound ones and others, so many outlive their runs
}

// Prune drops the oldest runs, those beyond the limits as of now. It returns
// how many it dropped, also with an error. It works in short transactions,
// between which runs are recorded, so it can be cancelled at any time, and goes
// on when it is called again.
//
// Kept are, however old, the last good run of each experiment, for the last-run
// gauges, and the runs that open changes refer to; the newest points of each
// series; changes, pins and cycles; and the statistics of what is dropped, see
// Statistics. If all that is larger than bytes, no
// other run is left.
//
// Bytes are those of the pages in use. The file has free ones besides, which
// are filled before it grows, and gives most of them back when they are more
// than an eighth of it; see makeShrinkable for files that cannot. The log beside
// it, of up to some 16 MB, is not counted.
func (s *Store) Prune(ctx context.Context, now time.Time, keep Limits) (dropped int, err error) {
	p := &pruning{now: now, bytes: keep.Bytes}
	if keep.Age > 0 {
		p.cutoff = now.Add(-keep.Age)
	}
	for done := false; !done; {
		err := s.inBatch(ctx, func(tx *sql.Tx) (n int, err error) {
			n, done, err = p.runs(ctx, tx)
			return n, err
		}, &dropped)
		if err != nil {
			return dropped, fmt.Errorf("drop old runs: %w", err)
		}
	}
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
func (s *Store) inBatch(ctx context.Context, batch func(*sql.Tx) (n int, err error), count *int) error {
	n := 0
	err := s.transact(ctx, func(tx *sql.Tx) (err error) {
		n, err = batch(tx)
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
	now, cutoff time.Time // a zero cutoff is no limit
	bytes       int64     // 0 is no limit

	after int64 // the run looked at last
	old   bool  // whether that was older than the cutoff
}

// mayGo is the condition on runs r that nothing needs them; its argument is a
// JSON list of IDs to be kept.
const mayGo = `r.id NOT IN (SELECT value FROM json_each(?)) AND (r.outcome <> 'ok' OR
	EXISTS (SELECT 1 FROM runs n WHERE n.experiment = r.experiment AND n.outcome = 'ok' AND n.id > r.id))`

// runs drops some runs, and tells whether these were all.
func (p *pruning) runs(ctx context.Context, tx *sql.Tx) (n int, done bool, err error) {
	begun := time.Now()
	needed, err := neededByChanges(ctx, tx)
	if err != nil {
		return 0, false, err
	}
	statistics := map[series]*bench.Dropped{}
	for !done && time.Since(begun) < batchTime && len(statistics) < batchSeries {
		chunk, err := selectAll(ctx, tx, selectRuns+` WHERE r.id > ? AND `+mayGo+` ORDER BY r.id LIMIT ?`, p.after, needed, runsChunk)
		if err != nil {
			return 0, false, err
		}
		tooMany, err := p.tooLarge(ctx, tx)
		if err != nil {
			return 0, false, err
		}
		var ids []int64
		for i := range chunk {
			r := &chunk[i]
			old, known := p.tooOld(r)
			if known && !old && !tooMany {
				done = true
				break
			}
			p.after = r.ID
			if !old && !tooMany {
				continue
			}
			ids = append(ids, r.ID)
			collect(statistics, r)
		}
		done = done || len(chunk) < runsChunk
		if err := deleteRuns(ctx, tx, ids); err != nil {
			return 0, false, err
		}
		n += len(ids)
	}
	return n, done, keepDropped(ctx, tx, statistics)
}

// tooOld takes a run without an end, or one that ended later than now, which
// only a wrong clock yields, to be as old as the one before it. Without one it
// is not known, and those after it decide whether to go on.
func (p *pruning) tooOld(r *bench.Run) (old, known bool) {
	if !r.Ended.IsZero() && !r.Ended.After(p.now) {
		p.old, known = r.Ended.Before(p.cutoff), true
	}
	return p.old, known || p.old
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

func collect(statistics map[series]*bench.Dropped, r *bench.Run) {
	d := droppedRun(r)
	of := series{d.Key, d.Input, d.Month}
	if so := statistics[of]; so != nil {
		so.Add(&d)
	} else {
		statistics[of] = &d
	}
}

func deleteRuns(ctx context.Context, tx *sql.Tx, ids []int64) error {
	if len(ids) == 0 {
		return nil
	}
	list, err := encode(ids)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `DELETE FROM runs WHERE id IN (SELECT value FROM json_each(?))`, list[0])
	return err
}

// neededByChanges is a JSON list of the runs that open changes refer to.
func neededByChanges(ctx context.Context, tx *sql.Tx) (string, error) {
	open, err := selectChanges(ctx, tx, isOpen)
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
	err := s.inBatch(ctx, func(tx *sql.Tx) (n int, err error) {
		if of, more, err = of.next(ctx, tx); err != nil {
			return 0, err
		}
		needed, err := neededByChanges(ctx, tx)
		if err != nil {
			return 0, err
		}
		return 0, tx.QueryRowContext(ctx, `SELECT coalesce(
			(SELECT r.id FROM runs r WHERE `+mayGo+` ORDER BY r.id LIMIT 1),
			(SELECT max(id) FROM runs), 0)`, needed).Scan(&horizon)
	}, new(int))
	for err == nil && more {
		err = s.inBatch(ctx, func(tx *sql.Tx) (n int, err error) {
			for begun := time.Now(); err == nil && more && time.Since(begun) < batchTime; {
				var dropped int64
				if dropped, err = of.prune(ctx, tx, horizon, keep); err == nil && dropped < pointsChunk {
					of, more, err = of.next(ctx, tx)
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
func (g group) next(ctx context.Context, tx *sql.Tx) (group, bool, error) {
	err := tx.QueryRowContext(ctx, `SELECT experiment, input, sound FROM points WHERE (experiment, input, sound) > (?, ?, ?)
		ORDER BY experiment, input, sound LIMIT 1`, g.experiment, g.input, g.sound).Scan(&g.experiment, &g.input, &g.sound)
	if errors.Is(err, sql.ErrNoRows) {
		return g, false, nil
	}
	return g, err == nil, err
}

func (g group) prune(ctx context.Context, tx *sql.Tx, horizon int64, keep int) (dropped int64, err error) {
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
