// Package record keeps the history: runs, their points and samples, cycles,
// changes and pins, in one SQLite file. In the flow it stands between measuring
// and judging or exposing, for a run is durable before its metrics change, and
// at start it gives back what the metrics and the detectors were told before.
//
// SQLite, and not files of JSON lines, because a page of runs of one model has
// to be found among millions without reading them all. The driver is a
// translation of SQLite to Go, so the daemon stays one binary without cgo.
//
// What is read is what was written, or is missing and said to be: rows carry
// checksums (sum.go), one that is damaged is set aside and counted (damage.go),
// and a file that is damaged, removed or replaced is made anew of all that can
// be read of it (renew.go, salvage.go).
package record

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"
)

// Store is the history of one data folder. Its methods may be called from
// several goroutines at once.
type Store struct {
	dir, path string
	log       *slog.Logger
	running   func() time.Duration // since Open, by the monotonic clock
	earlier   time.Duration        // for which benchd had run before

	file    atomic.Pointer[file]
	damaged atomic.Bool // the file is, and is to be made anew
	losses  atomic.Pointer[map[string]int64]

	mu     sync.Mutex // one writes at a time; it guards the rest
	lock   *os.File   // of the folder
	mark   *os.File
	ledger ledger
}

// Open opens the history in dir, which is BENCHD_DATA_DIR, and makes folder and
// file where there are none. A damaged file is made anew of what can be read of
// it. It fails when another daemon uses the folder, when it cannot be written,
// and when the file is of another benchd. log is told what was lost.
func Open(ctx context.Context, dir string, log *slog.Logger) (*Store, error) {
	dir, err := filepath.Abs(dir) // a URI has no relative ones
	if err != nil {
		return nil, fmt.Errorf("find BENCHD_DATA_DIR %s: %w", dir, err)
	}
	opened := time.Now()
	s := &Store{dir: dir, path: filepath.Join(dir, fileName), log: log,
		running: func() time.Duration { return time.Since(opened) }}
	if s.lock, err = lockDir(dir); err != nil {
		return nil, err
	}
	if err := s.begin(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// begin finds or makes the file, and goes on where it ended.
func (s *Store) begin(ctx context.Context) error {
	mark, last, err := openMark(s.dir)
	if err != nil {
		return err
	}
	s.mark, s.ledger = mark, last
	if err := s.provide(ctx); err != nil {
		return err
	}
	newest, err := s.newestEnd(ctx)
	if err != nil {
		return s.explain(err)
	}
	s.earlier = s.ledger.uptime + pauseSince(newest, time.Now())
	s.countLosses(ctx)
	return nil
}

// Dir is BENCHD_DATA_DIR as an absolute path.
func (s *Store) Dir() string { return s.dir }

// Uptime is for how long benchd has run in all with this history, and for how
// long it was stopped in between, a day at most each time. Nobody sets this
// clock, so it tells how old something is; the time of day may be years off for
// a while.
func (s *Store) Uptime() time.Duration { return s.earlier + s.running() }

// longestPause bounds what is believed of a time in which benchd did not run: only
// the time of day tells of it. It is a day, for some start benchd once a day.
const longestPause = 24 * time.Hour

// pauseSince is for how long benchd was stopped, as far as that is believed.
func pauseSince(newest, now time.Time) time.Duration {
	if newest.IsZero() {
		return 0
	}
	return min(max(0, now.Sub(newest)), longestPause)
}

// Close lets go of file and folder.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	if f := s.file.Load(); f != nil {
		errs = append(errs, f.close())
	}
	if s.mark != nil {
		errs = append(errs, s.mark.Close())
	}
	// Last, so that no other daemon opens the file while it is being closed.
	if err := errors.Join(append(errs, s.lock.Close())...); err != nil {
		return fmt.Errorf("close %s: %w", s.path, err)
	}
	return nil
}

// writing is a transaction, and what the ledger will be after it.
type writing struct {
	*sql.Tx
	ledger ledger
}

// put writes a row in place of one of the same key.
func (w *writing) put(ctx context.Context, t *table, values ...any) error {
	_, err := w.ExecContext(ctx, t.insertion(), values...)
	return err
}

// transact writes all that is written in it, or nothing. It is durable on
// return, and in the file that is found at the store's path.
func (s *Store) transact(ctx context.Context, write func(*writing) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.ensure(ctx); err != nil {
		return err
	}
	again, err := s.attempt(ctx, write)
	if again && s.ensure(ctx) == nil {
		_, err = s.attempt(ctx, write)
	}
	return err
}

// attempt is worth another one when the file turns out to be no longer the one to
// write to.
func (s *Store) attempt(ctx context.Context, write func(*writing) error) (again bool, err error) {
	f := s.file.Load()
	tx, err := f.write.BeginTx(ctx, nil)
	if err != nil {
		return s.damaged.Load(), s.explain(err)
	}
	defer tx.Rollback() //nolint:errcheck // does nothing once it is committed
	w := &writing{tx, s.ledger}
	w.ledger.uptime = s.Uptime()
	if err := write(w); err != nil {
		err = s.explain(err)
		return s.damaged.Load(), err
	}
	if err := w.ledger.write(ctx, tx); err != nil {
		return false, s.explain(err)
	}
	if f.missing() != "" {
		return true, fmt.Errorf("%s: %s", s.path, f.missing())
	}
	if err := tx.Commit(); err != nil {
		return false, s.explain(err)
	}
	s.ledger = w.ledger
	if err := writeMark(s.mark, s.ledger); err != nil {
		s.log.Warn("what was recorded last cannot be noted down: a loss of the history would not be noticed", "err", err)
	}
	return false, nil
}
