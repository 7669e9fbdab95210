package record

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/cespare/xxhash/v2"
	"golang.org/x/sys/unix"

	"benchd/daemon/linux"
)

// ledger is what was given so far: the numbers of the newest run, change and
// cycle, none of which is given twice, and for how long benchd has run in all.
type ledger struct {
	run, change, cycle int64
	uptime             time.Duration
}

// with is the larger of each number.
func (l ledger) with(other ledger) ledger {
	return ledger{max(l.run, other.run), max(l.change, other.change), max(l.cycle, other.cycle), max(l.uptime, other.uptime)}
}

func (l ledger) write(ctx context.Context, in execer) error {
	_, err := in.ExecContext(ctx, ledgerTable.insertion(), 1, l.run, l.change, l.cycle, int64(l.uptime))
	return err
}

// readLedger reads the ledger, or counts it anew where it is missing or damaged.
func (s *Store) readLedger(ctx context.Context, in rowQuerier) (l ledger, err error) {
	err = in.QueryRowContext(ctx, `SELECT run, change, cycle, uptime_ns FROM ledger l WHERE id = 1 AND `+ledgerTable.whole("l")).
		Scan(&l.run, &l.change, &l.cycle, &l.uptime)
	if !errors.Is(err, sql.ErrNoRows) {
		return l, err
	}
	s.log.Error("the history's ledger is lost; it is counted anew", "file", s.path)
	err = in.QueryRowContext(ctx, `SELECT coalesce(max(id), 0), (SELECT coalesce(max(id), 0) FROM changes),
		max(coalesce(max(cycle), 0), (SELECT coalesce(max(number), 0) FROM cycles)),
		coalesce((SELECT uptime_ns FROM runs r WHERE `+runsTable.whole("r")+` ORDER BY id DESC LIMIT 1), 0) FROM runs`).
		Scan(&l.run, &l.change, &l.cycle, &l.uptime)
	return l, err
}

// newestEnd is when the newest run ended, zero where there is none.
func (s *Store) newestEnd(ctx context.Context) (end time.Time, err error) {
	err = s.file.Load().read.QueryRowContext(ctx, `SELECT ended_unix_ns FROM runs r WHERE `+runsTable.whole("r")+` ORDER BY id DESC LIMIT 1`).
		Scan((*instant)(&end))
	if errors.Is(err, sql.ErrNoRows) {
		return time.Time{}, nil
	}
	return end, err
}

// markName is the file beside the history that has the ledger's numbers too. It
// tells when the history is not all that it was: removed, emptied, put back from
// a copy, or without its log. It is written after every commit without a sync,
// for what it says less than the history does no harm.
const markName = "benchd.mark"

// markOf is what the file says, in ASCII for a person, with a checksum.
func markOf(l ledger) []byte {
	text := fmt.Sprintf("run %19d\nchange %19d\ncycle %19d\n", l.run, l.change, l.cycle)
	return fmt.Appendf([]byte(text), "sum %016x\n", xxhash.Sum64String(text))
}

// openMark opens the file and reads what it says, of which nothing is believed
// that is not exactly as it was written.
func openMark(dir string) (f *os.File, last ledger, err error) {
	path := filepath.Join(dir, markName)
	linux.OpenAgain(path)
	if info, err := os.Lstat(path); err == nil && (info.IsDir() || info.Mode()&fs.ModeNamedPipe != 0) {
		if _, err := linux.SetAside(path); err != nil { // a workload has made it
			return nil, last, err
		}
	}
	f, err = os.OpenFile(path, os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, last, fmt.Errorf("open what was recorded last: %w: %s", err, folderRemedy)
	}
	text := make([]byte, len(markOf(ledger{}))+1)
	n, _ := f.ReadAt(text, 0) // one that cannot be read says nothing
	var l ledger
	_, _ = fmt.Sscanf(string(text[:n]), "run %d\nchange %d\ncycle %d\n", &l.run, &l.change, &l.cycle)
	if bytes.Equal(text[:n], markOf(l)) {
		last = l
	}
	return f, last, nil
}

func writeMark(f *os.File, l ledger) error {
	_, err := f.WriteAt(markOf(l), 0)
	return err
}
