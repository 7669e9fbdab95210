package record

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"benchd/daemon/bench"
)

// RecordCycle keeps the cycle as it now is, in place of what was kept of the
// same number. It is durable on return, as with Record. Since nothing is being
// measured now, it also tidies up the log.
func (s *Store) RecordCycle(ctx context.Context, c bench.Cycle) error {
	err := s.transact(ctx, func(w *writing) error {
		w.ledger.cycle = max(w.ledger.cycle, c.Number)
		return w.put(ctx, &cyclesTable, c.Number, int64(c.Seed), c.WarmUp, instant(c.Started), instant(c.Ended), c.Total, c.Done, c.Reruns,
			c.Overran, instant(c.Next))
	})
	if err != nil {
		return fmt.Errorf("record cycle %d: %w", c.Number, err)
	}
	s.checkpoint(ctx)
	return nil
}

// LastCycle returns the highest number that a cycle has had, 0 when there was
// none.
func (s *Store) LastCycle() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ledger.cycle
}

// LastEnded returns the highest number of a cycle that went to its end, 0 when
// there was none.
func (s *Store) LastEnded(ctx context.Context) (number int64, err error) {
	err = s.look(ctx, func(in *reading) error {
		whole := true
		err := in.QueryRowContext(ctx, `SELECT `+cyclesTable.whole("c")+`, number FROM cycles c
			WHERE ended_unix_ns IS NOT NULL AND done >= total ORDER BY number DESC LIMIT 1`).Scan(&whole, &number)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err == nil && !whole {
			in.damagedRow(&cyclesTable, nil, number)
			number = 0
		}
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("read the number of the last cycle that ended: %w", err)
	}
	return number, nil
}
