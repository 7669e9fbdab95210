package record

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"syscall"

	"modernc.org/sqlite"

	"benchd/daemon/linux"
)

const (
	fileName = "benchd.db"
	newName  = fileName + ".new" // while it is being made
)

// suffixes are those of the files that SQLite has open: the file, its log, and
// the memory that its connections share.
var suffixes = []string{"", "-wal", "-shm"}

// file is an open history.
type file struct {
	path string
	// Reading has a connection of its own, so that a slow client of the API
	// never keeps a run from being recorded. One of each, because every
	// connection may hold a page cache.
	write, read *sql.DB
	opened      map[string]identity // of each suffix
	left        bool                // it is closed
}

// identity is which file it is, whatever its name.
type identity struct{ device, inode uint64 }

func identify(path string) identity {
	info, err := os.Lstat(path)
	if err != nil {
		return identity{}
	}
	return identityOf(info)
}

func identityOf(info os.FileInfo) identity {
	s := info.Sys().(*syscall.Stat_t)
	return identity{s.Dev, s.Ino}
}

// openFile opens a history that is there.
func openFile(ctx context.Context, path string) (f *file, err error) {
	f = &file{path: path, opened: map[string]identity{}}
	for _, suffix := range suffixes {
		// A workload may have shut it, or made a folder or a link in its place.
		linux.OpenAgain(path + suffix)
		if info, err := os.Lstat(path + suffix); suffix != "" && err == nil && !info.Mode().IsRegular() {
			if _, err := linux.SetAside(path + suffix); err != nil {
				return nil, err
			}
		}
	}
	if f.write, err = connect(path, "_txlock=immediate"+durable); err == nil {
		f.read, err = connect(path, "_query_only=1"+durable)
	}
	if err == nil {
		_, err = f.write.ExecContext(ctx, "PRAGMA wal_autocheckpoint") // opens it, its log too
	}
	if err == nil {
		err = f.read.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_schema").Scan(new(int))
	}
	if err != nil {
		return nil, errors.Join(err, f.close())
	}
	for _, suffix := range suffixes {
		f.opened[suffix] = identify(path + suffix)
	}
	return f, nil
}

// durable is how the daemon's own connections write.
const durable =
// With WAL, a reader never waits for the writer, nor it for readers.
"&_journal_mode=WAL" +
	// FULL syncs the log at every commit. NORMAL, which is usual with
	// WAL, would lose the latest runs when the power fails: runs whose
	// metrics were scraped already.
	"&_synchronous=FULL"

// connect prepares a pool of one connection; it opens no file yet.
func connect(path, options string) (*sql.DB, error) {
	if err := registerSum(); err != nil {
		return nil, err
	}
	dsn := url.URL{Scheme: "file", Path: path, RawQuery: options +
		// Only a person with an SQLite shell can hold a lock. Less than what a
		// recording may take, so that it is the lock that is told of.
		"&_busy_timeout=1500" +
		fmt.Sprintf("&_pragma=wal_autocheckpoint(%d)", logPages) +
		"&_dqs=0" + // "text" is a column, never a string
		"&_error_rc=1" + // no message of an earlier error
		"&_pragma=cache_size(-1024)" + // KiB: the idle daemon is to be small
		"&_pragma=temp_store(2)"} // in memory: the sorted sets are small, and /tmp may be full
	c, err := sqlite.NewConnector(dsn.String())
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	db := sql.OpenDB(c)
	db.SetMaxOpenConns(1)
	return db, nil
}

// missing says which of the files are no longer where they were, "" for none.
func (f *file) missing() string {
	for _, suffix := range suffixes {
		switch identify(f.path + suffix) {
		case f.opened[suffix]:
		case identity{}:
			return filepath.Base(f.path) + suffix + " was removed"
		default:
			return filepath.Base(f.path) + suffix + " was replaced"
		}
	}
	return ""
}

// leave closes a file whose names may be another's by now: SQLite would remove
// the log by its name.
func (f *file) leave(ctx context.Context) error {
	if f.left {
		return nil
	}
	f.left = true
	for _, db := range []*sql.DB{f.read, f.write} {
		c, err := db.Conn(ctx)
		if err != nil {
			return err
		}
		err = c.Raw(func(d any) error {
			_, err := d.(sqlite.FileControl).FileControlPersistWAL("main", 1)
			return err
		})
		if err := errors.Join(err, c.Close()); err != nil && !errors.Is(err, driver.ErrBadConn) {
			return err
		}
	}
	return f.close()
}

func (f *file) close() error {
	var errs []error
	for _, db := range []*sql.DB{f.read, f.write} {
		if db != nil {
			errs = append(errs, db.Close())
		}
	}
	return errors.Join(errs...)
}

// makeFile makes a history, which fill fills, under another name, and opens it
// when it is whole: no half of one is ever found at the path.
func (s *Store) makeFile(ctx context.Context, fill func(db *sql.DB) error, before func() error) (*file, error) {
	path := filepath.Join(s.dir, newName)
	for _, suffix := range append([]string{"-journal"}, suffixes...) {
		if err := linux.RemoveAll(path + suffix); err != nil {
			return nil, err
		}
	}
	// Closed before SQLite opens it: to close it later would free SQLite's locks.
	empty, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("make the history: %w: %s", err, folderRemedy)
	}
	if err := empty.Close(); err != nil {
		return nil, err
	}
	// It can give back pages only when it is made for that, before it has a page.
	db, err := connect(path, "_pragma=auto_vacuum(2)&_journal_mode=MEMORY&_synchronous=OFF")
	if err != nil {
		return nil, err
	}
	_, err = db.ExecContext(ctx, schema())
	if err == nil {
		err = fill(db)
	}
	if err := errors.Join(err, db.Close()); err != nil {
		return nil, errors.Join(err, os.Remove(path))
	}
	if err := errors.Join(syncPath(path), before(), os.Rename(path, s.path), syncPath(s.dir)); err != nil {
		return nil, fmt.Errorf("make the history: %w", err)
	}
	return openFile(ctx, s.path)
}

func syncPath(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
