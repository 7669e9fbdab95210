package record

import (
	"context"
	"database/sql"
	"fmt"
)

// The file gives pages back when more than one in shrinkFrom is free, until
// one in shrinkTo is, for the next runs need some. Small files keep theirs.
const (
	shrinkFrom     = 8
	shrinkTo       = 32
	shrinkAtLeast  = 1024 // free pages
	pagesAtOnce    = 128  // some milliseconds
	largestVacuum  = 32 << 20
	incrementalVac = 2 // PRAGMA auto_vacuum
)

type fileSize struct{ pages, free, pageBytes int64 }

// rowQuerier is a connection or a transaction.
type rowQuerier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

func readFileSize(ctx context.Context, in rowQuerier) (f fileSize, err error) {
	err = in.QueryRowContext(ctx, `SELECT page_count, freelist_count, page_size
		FROM pragma_page_count, pragma_freelist_count, pragma_page_size`).Scan(&f.pages, &f.free, &f.pageBytes)
	return f, err
}

// makeShrinkable lets a file give back pages, which SQLite can do only when the
// file was made for it. One of an older benchd is made anew if it is small. For
// a large one that would take minutes, and as much room again: it keeps its
// size, and fills its free pages. A person can do it while benchd is stopped:
//
//	sqlite3 benchd.db 'PRAGMA auto_vacuum = 2; VACUUM'
func (s *Store) makeShrinkable(ctx context.Context) error {
	var mode int
	if err := s.write.QueryRowContext(ctx, "PRAGMA auto_vacuum").Scan(&mode); err != nil {
		return s.explain(err)
	}
	f, err := readFileSize(ctx, s.write)
	if err != nil {
		return s.explain(err)
	}
	if mode == incrementalVac || f.pages*f.pageBytes > largestVacuum {
		return nil
	}
	if _, err := s.write.ExecContext(ctx, fmt.Sprintf("PRAGMA auto_vacuum = %d; VACUUM", incrementalVac)); err != nil {
		return fmt.Errorf("rewrite the history: %w", s.explain(err))
	}
	return nil
}

// shrink gives free pages back to the disk, a few at a time.
func (s *Store) shrink(ctx context.Context) error {
	f, err := readFileSize(ctx, s.write)
	if err != nil {
		return s.explain(err)
	}
	if f.free < shrinkAtLeast || f.free < f.pages/shrinkFrom {
		return nil
	}
	for f.free > f.pages/shrinkTo {
		before := f.free
		if err := s.giveBack(ctx); err != nil {
			return s.explain(err)
		}
		if f, err = readFileSize(ctx, s.write); err != nil {
			return s.explain(err)
		}
		if f.free >= before {
			return nil // it was not made for it
		}
	}
	return nil
}

// giveBack does its work row by row, so all of them must be read.
func (s *Store) giveBack(ctx context.Context) error {
	rows, err := s.write.QueryContext(ctx, fmt.Sprintf("PRAGMA incremental_vacuum(%d)", pagesAtOnce))
	if err != nil {
		return err
	}
	defer rows.Close() //nolint:errcheck // rows.Err tells
	for rows.Next() {  // they are empty
	}
	return rows.Err()
}
