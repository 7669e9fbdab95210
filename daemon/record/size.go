package record

import (
	"context"
	"fmt"
)

// The file gives pages back when more than one in shrinkFrom is free, until
// one in shrinkTo is, for the next runs need some. Small files keep theirs.
const (
	shrinkFrom    = 8
	shrinkTo      = 32
	shrinkAtLeast = 1024 // free pages
	pagesAtOnce   = 128  // some milliseconds
)

type fileSize struct{ pages, free, pageBytes int64 }

func readFileSize(ctx context.Context, in rowQuerier) (f fileSize, err error) {
	err = in.QueryRowContext(ctx, `SELECT page_count, freelist_count, page_size
		FROM pragma_page_count, pragma_freelist_count, pragma_page_size`).Scan(&f.pages, &f.free, &f.pageBytes)
	return f, err
}

// shrink gives free pages back to the disk, a few at a time.
func (s *Store) shrink(ctx context.Context) error {
	f, err := readFileSize(ctx, s.file.Load().write)
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
		if f, err = readFileSize(ctx, s.file.Load().write); err != nil {
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
	rows, err := s.file.Load().write.QueryContext(ctx, fmt.Sprintf("PRAGMA incremental_vacuum(%d)", pagesAtOnce))
	if err != nil {
		return err
	}
	defer rows.Close() //nolint:errcheck // rows.Err tells
	for rows.Next() {  // they are empty
	}
	return rows.Err()
}
