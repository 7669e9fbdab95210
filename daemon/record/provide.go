package record

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

const (
	// smallestFile is the least that a history can be: a page.
	smallestFile = 4096
	// checkTime bounds the check of a file when it is opened: some gigabytes. Rows
	// are verified whenever they are read.
	checkTime = 10 * time.Second
	// lockedFor is how long a start waits for a person who has the file locked.
	lockedFor = time.Minute
)

// provide opens the file that is at the path, or makes one, and says what is
// not there any more.
func (s *Store) provide(ctx context.Context) error {
	info, err := os.Lstat(s.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return s.anew(ctx, "it is not there")
	case err != nil:
		return fmt.Errorf("open history: %w", err)
	case info.IsDir(), info.Mode()&fs.ModeNamedPipe != 0: // as a workload may leave it; a person has made a link
		return s.anew(ctx, "something else lies in its place: "+info.Mode().Type().String())
	case !info.Mode().IsRegular():
		return fmt.Errorf("%s is not a file but %s: move it away, or set BENCHD_DATA_DIR to the folder that the history is in", s.path, info.Mode().Type())
	case info.Size() < smallestFile:
		return s.anew(ctx, fmt.Sprintf("it has %d bytes, less than any history", info.Size()))
	}
	return s.adopt(ctx)
}

// anew begins a history where there is no file to open. What lies at the path and
// beside it is set aside.
func (s *Store) anew(ctx context.Context, why string) error {
	f, err := s.makeFile(ctx, func(db *sql.DB) error { return s.ledger.write(ctx, db) }, s.putAside)
	if err != nil {
		return err
	}
	s.file.Store(f)
	if s.ledger == (ledger{}) {
		return nil // the folder's first
	}
	return s.begins(ctx, ledger{}, why)
}

// adopt opens the file at the path, and makes it anew if it is damaged.
func (s *Store) adopt(ctx context.Context) error {
	f, err := s.openWhenFree(ctx)
	var damage string
	switch {
	case err == nil:
		damage, err = s.check(ctx, f)
		if err != nil {
			return errors.Join(err, f.close())
		}
		s.file.Store(f)
	case mayBeDamage(err) && s.writable():
		damage = err.Error()
	default:
		return s.explain(err)
	}
	if damage != "" {
		if err := s.rebuild(ctx, damage); err != nil {
			return err
		}
	}
	known, err := s.readLedger(ctx, s.file.Load().read)
	if err != nil {
		return s.explain(err)
	}
	if err := s.verify(ctx); err != nil {
		return err
	}
	return s.begins(ctx, known, "it is not the newest: put back from a copy, or without its log "+fileName+"-wal")
}

// begins goes on from what the history knows, or from what was recorded in this
// folder before if that is more: no number is given twice. What is missing is
// said and counted.
func (s *Store) begins(ctx context.Context, known ledger, why string) error {
	last := s.ledger
	s.ledger = last.with(known)
	if known.run >= last.run && known.change >= last.change {
		return nil
	}
	s.log.Error("the history is not all that was recorded in this folder; numbers go on from the last one. Put the file back while benchd is stopped, if there is a copy",
		"file", s.path, "why", why, "runs_missing", max(0, last.run-known.run), "last_run", last.run, "changes_missing", max(0, last.change-known.change))
	_, err := s.attempt(ctx, func(w *writing) error {
		var err error
		for _, missing := range []struct {
			t           *table
			first, last int64
		}{{&runsTable, known.run, last.run}, {&changesTable, known.change, last.change}} {
			if n := missing.last - missing.first; n > 0 {
				err = errors.Join(err, lose(ctx, w, missing.t, n, fmt.Sprintf("%d to %d: %s", missing.first+1, missing.last, why), ""))
			}
		}
		return err
	})
	return err
}

// openWhenFree waits for a person who has the file locked.
func (s *Store) openWhenFree(ctx context.Context) (*file, error) {
	ctx, cancel := context.WithTimeout(ctx, lockedFor)
	defer cancel()
	for said := false; ; {
		f, err := openFile(ctx, s.path)
		if code(err) != sqlite3.SQLITE_BUSY || ctx.Err() != nil {
			return f, err
		}
		if !said {
			s.log.Warn("waiting for the history", "err", s.explain(err))
			said = true
		}
	}
}

// check looks for what is wrong with an open file: "" for nothing. It fails for a
// file that is whole but not this benchd's.
func (s *Store) check(ctx context.Context, f *file) (damage string, err error) {
	var version int
	if err := f.read.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
		return asDamage(err)
	}
	found, err := schemaOf(ctx, f.read)
	if err != nil {
		return asDamage(err)
	}
	blank, err := sql.Open("sqlite", ":memory:")
	if err != nil {
		return "", err
	}
	defer blank.Close()      //nolint:errcheck // it is in memory
	blank.SetMaxOpenConns(1) // each would be another one
	if _, err := blank.ExecContext(ctx, "PRAGMA auto_vacuum = 2;"+schema()); err != nil {
		return "", err
	}
	want, err := schemaOf(ctx, blank)
	if err != nil {
		return "", err
	}
	switch same := slices.Equal(found, want); {
	case version != schemaVersion && !same && !resembles(found, want):
		return "", fmt.Errorf("%s: its schema has version %d, this benchd knows version %d: start the benchd that wrote it, or set BENCHD_DATA_DIR to another folder", s.path, version, schemaVersion)
	case version != schemaVersion || !same:
		return "its schema is not as it was written", nil
	}
	limited, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	complaints, err := texts(f.read.QueryContext(limited, "PRAGMA integrity_check(20)"))
	switch {
	case limited.Err() != nil && ctx.Err() == nil:
		s.log.Info("the history is too large to check all of it at start; what is read is verified", "file", s.path)
		return "", nil
	case err != nil:
		return asDamage(err)
	case slices.Equal(complaints, []string{"ok"}):
		return "", nil
	}
	return strings.Join(complaints, "; "), nil
}

// resembles reports whether most of the schema is as wanted, so that what differs
// is damage rather than another benchd's.
func resembles(found, want []string) bool {
	n := 0
	for _, text := range found {
		if slices.Contains(want, text) {
			n++
		}
	}
	return n > len(want)/2
}

func schemaOf(ctx context.Context, db *sql.DB) ([]string, error) {
	return texts(db.QueryContext(ctx, "SELECT type || name || tbl_name || rootpage || sql FROM sqlite_schema WHERE sql NOT NULL ORDER BY rootpage"))
}

// writable reports whether the file can be opened for writing, so that what SQLite
// complains of is in it.
func (s *Store) writable() bool { return unix.Access(s.path, unix.R_OK|unix.W_OK) == nil }

func asDamage(err error) (string, error) {
	if mayBeDamage(err) {
		return err.Error(), nil
	}
	return "", err
}

// code is SQLite's primary code of an error, 0 for others'.
func code(err error) int {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return 0
	}
	return e.Code() & 0xff // the upper bits tell the detail
}

// isDamage is for errors that a healthy file never yields.
func isDamage(err error) bool {
	var e *sqlite.Error
	if errors.As(err, &e) && e.Code() == sqlite3.SQLITE_IOERR_SHORT_READ {
		return true
	}
	c := code(err)
	return c == sqlite3.SQLITE_CORRUPT || c == sqlite3.SQLITE_NOTADB
}

// mayBeDamage is for errors of statements that are known to be right: a damaged
// header may look like a format of the future, a damaged schema like one that
// lacks a column.
func mayBeDamage(err error) bool {
	c := code(err)
	return isDamage(err) || c == sqlite3.SQLITE_ERROR || c == sqlite3.SQLITE_CANTOPEN || c == sqlite3.SQLITE_READONLY
}

// putAside renames what lies at the path and beside it, so that nothing is in the
// way of a new file, and a person can look at the old one.
func (s *Store) putAside() error {
	stamp := ".damaged-" + time.Now().UTC().Format("20060102T150405")
	name := stamp
	for n := 1; identify(s.path+name) != (identity{}); n++ {
		name = fmt.Sprintf("%s-%d", stamp, n)
	}
	var kept []string
	for _, suffix := range suffixes {
		err := os.Rename(s.path+suffix, s.path+name+suffix)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if err == nil {
			kept = append(kept, filepath.Base(s.path+name+suffix))
		}
	}
	if len(kept) > 0 {
		s.log.Warn("what lay in the place of the history is kept beside it; remove it when it is of no use", "files", kept)
	}
	return nil
}
