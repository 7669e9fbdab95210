package record

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	sqlite3 "modernc.org/sqlite/lib"

	"benchd/daemon/linux"
)

// renewTime bounds how long a history is made anew: gigabytes take minutes.
const renewTime = 15 * time.Minute

// ensure makes sure, before something is written, that the file is whole and
// still the one that is found at the path: SQLite itself would go on writing to
// one that was removed, and all would be gone with the process.
func (s *Store) ensure(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), renewTime)
	defer cancel()
	if err := s.ensureFolder(); err != nil {
		return err
	}
	if s.damaged.Load() {
		defer s.countLosses(ctx)
		return s.rebuild(ctx, "it turned out to be damaged when it was used")
	}
	missing := s.file.Load().missing()
	if missing == "" {
		return nil
	}
	s.log.Error("the history was tampered with while benchd uses it; stop benchd before its files are removed, moved or replaced", "file", s.path, "what", missing)
	if err := s.renew(ctx); err != nil {
		return fmt.Errorf("go on after %s: %w", missing, err)
	}
	s.countLosses(ctx)
	return nil
}

// ensureFolder makes the folder anew, and takes it, if it is no longer the one
// that was locked.
func (s *Store) ensureFolder() error {
	var locked identity
	if info, err := s.lock.Stat(); err == nil {
		locked = identityOf(info)
	}
	// By os.Stat, for the folder itself may be a symbolic link.
	if info, err := os.Stat(s.dir); err == nil && identityOf(info) == locked {
		return s.ensureMark()
	}
	lock, err := lockDir(s.dir)
	if err != nil {
		return fmt.Errorf("the folder of the history was removed or replaced: %w", err)
	}
	s.log.Error("the folder of the history was removed or replaced while benchd uses it; benchd goes on in the one that is there now", "folder", s.dir)
	err = s.lock.Close()
	s.lock = lock
	return errors.Join(err, s.ensureMark())
}

// ensureMark makes the mark anew if that was removed.
func (s *Store) ensureMark() error {
	if info, err := s.mark.Stat(); err == nil && identify(filepath.Join(s.dir, markName)) == identityOf(info) {
		return nil
	}
	mark, last, err := openMark(s.dir)
	if err != nil {
		return err
	}
	err = s.mark.Close()
	s.mark = mark
	s.ledger = s.ledger.with(last)
	return err
}

// renew goes on in the file that is at the path, or in one made of all that the
// file still holds that was removed: as long as it is open it can be read.
func (s *Store) renew(ctx context.Context) error {
	old := s.file.Load()
	// Into the file, out of a log that may have no name any more.
	_, logErr := old.write.ExecContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)")
	switch identify(s.path) {
	case old.opened[""]:
		if logErr != nil {
			return s.explain(logErr)
		}
		if err := s.clearBeside(old); err != nil {
			return err
		}
		f, err := openFile(ctx, s.path)
		if err != nil {
			return s.explain(err)
		}
		s.file.Store(f)
	case identity{}:
		f, err := s.makeFile(ctx, func(db *sql.DB) error { return s.salvage(ctx, old.read, db) }, func() error { return s.clearBeside(old) })
		if err != nil {
			return s.explain(err)
		}
		s.file.Store(f)
		s.log.Warn("the history was written anew from the file that was removed", "file", s.path)
	default: // another file, which a person has put there
		if err := s.provide(ctx); err != nil {
			return err
		}
	}
	if err := old.leave(ctx); err != nil {
		s.log.Warn("the file that was removed cannot be closed", "err", err)
	}
	return nil
}

// clearBeside sets aside what lies beside the path and is not the old file's: a
// log put there would be taken for the history's own. What is the old file's is
// empty by now.
func (s *Store) clearBeside(old *file) error {
	for _, suffix := range suffixes[1:] {
		switch identify(s.path + suffix) {
		case identity{}:
		case old.opened[suffix]:
			if err := os.Remove(s.path + suffix); err != nil {
				return err
			}
		default:
			kept, err := linux.SetAside(s.path + suffix)
			if err != nil {
				return err
			}
			s.log.Warn("a file in the place of the history's own is kept under another name", "file", s.path+suffix, "kept", kept)
		}
	}
	return nil
}

// rebuild makes a damaged file anew of all that can be read of it.
func (s *Store) rebuild(ctx context.Context, damage string) error {
	s.log.Error("the history is damaged; it is made anew of all that can be read of it", "file", s.path, "damage", damage)
	old := s.file.Load()
	if old != nil {
		if err := old.leave(ctx); err != nil {
			s.log.Warn("the damaged file cannot be closed", "err", err)
		}
	}
	f, err := s.makeFile(ctx, func(db *sql.DB) error {
		if err := s.mendSchema(ctx, db); err != nil {
			return err
		}
		from, err := connect(s.path, "_query_only=1")
		if err != nil {
			return err
		}
		return errors.Join(s.salvage(ctx, from, db), from.Close(), lose(ctx, db, &wholeFile, 1, damage, ""))
	}, s.putAside)
	if err != nil {
		return fmt.Errorf("make the damaged history anew: %w", s.explain(err))
	}
	s.damaged.Store(false)
	s.file.Store(f)
	return nil
}

// explain names the file in an error of SQLite, and says what to try.
func (s *Store) explain(err error) error {
	var what string
	switch c := code(err); {
	case c == 0:
		return fmt.Errorf("%s: %w", s.path, err)
	case isDamage(err):
		s.damaged.Store(true)
		what = "the file is damaged: it is made anew of what can be read before something is recorded next"
	case c == sqlite3.SQLITE_FULL:
		what = "the disk is full: make room on it, recording then goes on by itself"
	case c == sqlite3.SQLITE_IOERR:
		what = "the disk fails, or a limit or quota is reached: look at the disk and at the system's log"
	case c == sqlite3.SQLITE_READONLY, c == sqlite3.SQLITE_CANTOPEN, c == sqlite3.SQLITE_PERM:
		what = "the file cannot be written: make it and its folder writable for the user benchd runs as, or set BENCHD_DATA_DIR to another folder"
	case c == sqlite3.SQLITE_BUSY, c == sqlite3.SQLITE_LOCKED:
		what = s.lockedBy() + " keeps the file locked: end it, recording then goes on by itself"
	default:
		return fmt.Errorf("%s: %w", s.path, err)
	}
	return fmt.Errorf("%s: %s: %w", s.path, what, err)
}

// lockedBy names who has the file locked. With a log, the lock of a writer is on
// the memory that the connections share.
func (s *Store) lockedBy() string {
	for _, suffix := range []string{"-shm", ""} {
		if holders := linux.LockHolders(s.path + suffix); len(holders) > 0 {
			return holders[0].String()
		}
	}
	return "another program, which cannot be seen from here,"
}
