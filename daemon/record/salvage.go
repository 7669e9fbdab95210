package record

import (
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"

	sqlite3 "modernc.org/sqlite/lib"
)

// unreadable bounds how many places of a table may be found that cannot be read:
// then the rest is given up, for each takes time.
const unreadable = 2000

// salvage copies every row that can be read of one file into another, as it is:
// checksums tell later which of them are whole. Runs come last and the newest of
// them first, should there be no room for all. What is known to be missing is
// counted in the new file.
func (s *Store) salvage(ctx context.Context, from, to *sql.DB) error {
	for _, t := range tables() {
		if t == &runsTable || t == &samplesTable {
			continue
		}
		if err := s.copyTable(ctx, t, from, to); err != nil {
			return err
		}
	}
	for _, t := range []*table{&runsTable, &samplesTable} {
		if err := s.copyTable(ctx, t, from, to); err != nil {
			return err
		}
	}
	return s.countMissing(ctx, to)
}

// countMissing compares what is there with what was ever given a number: runs are
// kept, or in a monthly summary, or lost.
func (s *Store) countMissing(ctx context.Context, to *sql.DB) error {
	last, err := s.readLedger(ctx, to)
	if err != nil {
		return err
	}
	last = last.with(s.ledger)
	if err := last.write(ctx, to); err != nil {
		return err
	}
	for _, numbered := range []struct {
		table *table
		given int64
		there string
	}{
		{&runsTable, last.run, `(SELECT count(*) FROM runs) + (SELECT coalesce(sum(n.value), 0) FROM monthly_summaries m, json_each(m.content, '$.runs') n
			WHERE json_valid(m.content))`},
		{&changesTable, last.change, `(SELECT count(*) FROM changes)`},
	} {
		var missing int64
		err := to.QueryRowContext(ctx, `SELECT ? - `+numbered.there+` - (SELECT coalesce(sum(records), 0) FROM losses WHERE kind = ?)`,
			numbered.given, numbered.table.kind).Scan(&missing)
		if err == nil && missing > 0 {
			err = lose(ctx, to, numbered.table, missing, "not in what could be read of the damaged file", "")
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// copying is one table on its way.
type copying struct {
	from   *sql.DB
	to     *sql.Tx
	table  *table
	insert string
	failed int // places that cannot be read
}

func (s *Store) copyTable(ctx context.Context, t *table, from, to *sql.DB) error {
	tx, err := to.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // does nothing once it is committed
	columns := len(t.columns)
	if !t.addressed {
		columns++
	}
	c := &copying{from: from, to: tx, table: t,
		insert: "INSERT OR IGNORE INTO " + t.name + " VALUES (?" + strings.Repeat(", ?", columns-1) + ")"}
	if low, high, ok := c.ends(ctx); !ok {
		c.failed++
	} else if err := c.between(ctx, low, high); err != nil {
		return err
	}
	if c.failed > 0 {
		s.log.Error("rows of the damaged history cannot be read", "table", t.name, "places", c.failed)
		// Of runs and changes it is known how many there were.
		if t != &runsTable && t != &changesTable {
			if err := lose(ctx, tx, t, int64(c.failed), "places of the damaged file that cannot be read", ""); err != nil {
				return err
			}
		}
	}
	return tx.Commit()
}

// ends are the first and the last key of the table, or what they may be at most
// where one of them cannot be read; false where neither can.
func (c *copying) ends(ctx context.Context) (low, high int64, ok bool) {
	low, high = math.MinInt64, math.MaxInt64
	key := c.table.keys()[0]
	for order, end := range map[string]*int64{"ASC": &low, "DESC": &high} {
		err := c.from.QueryRowContext(ctx, fmt.Sprintf("SELECT %s FROM %s ORDER BY %s %s LIMIT 1", key, c.table.name, key, order)).Scan(end)
		ok = ok || err == nil || errors.Is(err, sql.ErrNoRows)
	}
	return low, high, ok
}

// between copies the rows whose first column is from low to high, in halves
// where some of them cannot be read.
func (c *copying) between(ctx context.Context, low, high int64) error {
	if low > high || c.failed > unreadable {
		return nil
	}
	last, err := c.rows(ctx, low, high, "DESC")
	if err == nil {
		return nil
	}
	if ctx.Err() != nil || !mayBeDamage(err) {
		return err
	}
	if low == high {
		c.failed++
		if _, err := c.rows(ctx, low, high, "ASC"); err != nil && !mayBeDamage(err) {
			return err
		}
		return nil
	}
	if last < high { // those above were copied
		high = last
	}
	middle := int64(uint64(low) + (uint64(high)-uint64(low))/2)
	if err := c.between(ctx, middle+1, high); err != nil {
		return err
	}
	return c.between(ctx, low, middle)
}

// rows copies them until one cannot be read. last is the key of the last that was.
func (c *copying) rows(ctx context.Context, low, high int64, order string) (last int64, err error) {
	last = high
	key := c.table.keys()[0]
	rows, err := c.from.QueryContext(ctx, fmt.Sprintf("SELECT * FROM %s WHERE %s BETWEEN ? AND ? ORDER BY %s",
		c.table.name, key, strings.Join(c.table.keys(), " "+order+", ")+" "+order), low, high)
	if err != nil {
		return last, err
	}
	defer rows.Close() //nolint:errcheck // rows.Err tells
	names, err := rows.Columns()
	if err != nil {
		return last, err
	}
	values, into := make([]any, len(names)), make([]any, len(names))
	for i := range values {
		into[i] = &values[i]
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return last, err
		}
		// What does not fit the table is damaged, and would be set aside anyway.
		if _, err := c.to.ExecContext(ctx, c.insert, values...); err != nil && code(err) != sqlite3.SQLITE_CONSTRAINT && code(err) != sqlite3.SQLITE_MISMATCH {
			return last, err
		}
		if v, ok := values[0].(int64); ok {
			last = v
		}
	}
	return last, rows.Err()
}

// mendSchema gives a damaged file the header and the schema that every file has:
// they lie in the same pages of all of them, made in the same order. pattern is an
// empty one.
func (s *Store) mendSchema(ctx context.Context, pattern *sql.DB) error {
	var pages []int64
	rows, err := pattern.QueryContext(ctx, "SELECT pageno FROM dbstat WHERE name = 'sqlite_schema'")
	if pages, err = integers(rows, err); err != nil {
		return err
	}
	want, err := os.ReadFile(filepath.Join(s.dir, newName))
	if err != nil {
		return err
	}
	f, err := os.OpenFile(s.path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err != nil || info.Size() < int64(len(want)) {
		return errors.Join(err, f.Close())
	}
	for _, page := range pages {
		at := (page - 1) * smallestFile
		content := want[at : at+smallestFile]
		if page == 1 {
			err = errors.Join(err, mendHeader(f, content, info.Size()))
		}
		_, failed := f.WriteAt(content, at)
		err = errors.Join(err, failed)
	}
	return errors.Join(err, f.Close())
}

// mendHeader leaves in a first page what differs from file to file.
func mendHeader(f *os.File, page []byte, size int64) error {
	const (
		format, changes, pages, free, afterFree, validFor = 18, 24, 28, 32, 40, 92 // of SQLite's file format
		withLog                                           = 2
	)
	page[format], page[format+1] = withLog, withLog
	if _, err := f.ReadAt(page[free:afterFree], free); err != nil {
		return err
	}
	binary.BigEndian.PutUint32(page[pages:], uint32(size/smallestFile))
	copy(page[validFor:], page[changes:pages])
	return nil
}
