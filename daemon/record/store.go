// Package record keeps the history: runs, their points and samples, cycles,
// changes and pins, in one SQLite file. In the flow it stands between measuring
// and judging or exposing, for a run is durable before its metrics change, and
// at start it gives back what the metrics and the detectors were told before.
//
// SQLite, and not files of JSON lines, because a page of runs of one model has
// to be found among millions without reading them all. The driver is a
// translation of SQLite to Go, so the daemon stays one binary without cgo.
package record

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

const (
	fileName = "benchd.db"
	lockName = "benchd.lock"
)

// Store is the history of one data folder. Its methods may be called from
// several goroutines at once.
type Store struct {
	path string
	lock *os.File
	// Reading has a connection of its own, so that a slow client of the API
	// never keeps a run from being recorded. One of each, because every
	// connection may hold a page cache.
	write, read *sql.DB
}

// Open opens the history in dir, which is BENCHD_DATA_DIR, and creates folder
// and file where there are none. It fails when another daemon uses the folder,
// when it cannot be written, and when the file is damaged or of a newer benchd.
func Open(ctx context.Context, dir string) (*Store, error) {
	path, err := filepath.Abs(filepath.Join(dir, fileName)) // a URI has no relative ones
	if err != nil {
		return nil, fmt.Errorf("find BENCHD_DATA_DIR %s: %w", dir, err)
	}
	lock, err := lockDir(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	s := &Store{path: path, lock: lock}
	s.write, err = s.connect("_txlock=immediate")
	if err == nil {
		s.read, err = s.connect("_query_only=1")
	}
	if err == nil {
		err = s.migrate(ctx)
	}
	if err == nil {
		err = s.makeShrinkable(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// connect prepares a pool of one connection; it opens no file yet.
func (s *Store) connect(option string) (*sql.DB, error) {
	dsn := url.URL{Scheme: "file", Path: s.path, RawQuery: option +
		// With WAL, a reader never waits for the writer, nor it for readers.
		"&_journal_mode=WAL" +
		// FULL syncs the log at every commit. NORMAL, which is usual with
		// WAL, would lose the latest runs when the power fails: runs whose
		// metrics were scraped already.
		"&_synchronous=FULL" +
		// Only a person with an SQLite shell can hold a lock. Less than the
		// 5 s that the daemon has to end in.
		"&_busy_timeout=2000" +
		"&_foreign_keys=1" +
		fmt.Sprintf("&_pragma=wal_autocheckpoint(%d)", logPages) +
		"&_dqs=0" + // "text" is a column, never a string
		"&_error_rc=1" + // no message of an earlier error
		"&_pragma=cache_size(-1024)" + // KiB: the idle daemon is to be small
		"&_pragma=temp_store(2)"} // in memory: the sorted sets are small, and /tmp may be full
	c, err := sqlite.NewConnector(dsn.String())
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", s.path, err)
	}
	db := sql.OpenDB(c)
	db.SetMaxOpenConns(1)
	return db, nil
}

// Close lets go of file and folder.
func (s *Store) Close() error {
	var errs []error
	for _, db := range []*sql.DB{s.read, s.write} {
		if db != nil {
			errs = append(errs, db.Close())
		}
	}
	// Last, so that no other daemon opens the file while it is being closed.
	if err := errors.Join(append(errs, s.lock.Close())...); err != nil {
		return fmt.Errorf("close %s: %w", s.path, err)
	}
	return nil
}

// transact writes all that is written in it, or nothing.
func (s *Store) transact(ctx context.Context, write func(*sql.Tx) error) error {
	tx, err := s.write.BeginTx(ctx, nil)
	if err != nil {
		return s.explain(err)
	}
	defer tx.Rollback() //nolint:errcheck // does nothing once it is committed
	if err := write(tx); err != nil {
		return s.explain(err)
	}
	if err := tx.Commit(); err != nil {
		return s.explain(err)
	}
	return nil
}

// explain names the file in an error of SQLite, and says what to try.
func (s *Store) explain(err error) error {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return fmt.Errorf("%s: %w", s.path, err)
	}
	var what string
	switch e.Code() & 0xff { // the upper bits tell the detail
	case sqlite3.SQLITE_FULL:
		what = "the disk is full: make room on it, recording then goes on by itself"
	case sqlite3.SQLITE_IOERR:
		what = "the disk fails, or a limit or quota is reached: look at the disk and at the system's log"
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		what = "the file is damaged or not benchd's: stop benchd and move it away with the -wal and -shm files beside it (sqlite3's .recover may save what is in it), or set BENCHD_DATA_DIR to another folder"
	case sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM:
		what = "the file cannot be written: make it and its folder writable for the user benchd runs as, or set BENCHD_DATA_DIR to another folder"
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		what = "another program keeps the file locked: end it"
	default:
		return fmt.Errorf("%s: %w", s.path, err)
	}
	return fmt.Errorf("%s: %s: %w", s.path, what, err)
}
