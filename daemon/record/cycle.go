package record

import (
	"context"
	"fmt"

	"benchd/daemon/bench"
)

// RecordCycle keeps the cycle as it now is, in place of what was kept of the
// same number. It is durable on return, as with Record. Since nothing is being
// measured now, it also tidies up the log.
func (s *Store) RecordCycle(ctx context.Context, c bench.Cycle) error {
	_, err := s.write.ExecContext(ctx, `INSERT INTO cycles
		(number, seed, warm_up, started_unix_ns, ended_unix_ns, total, done, overran, next_unix_ns, reruns)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (number) DO UPDATE SET seed = excluded.seed, warm_up = excluded.warm_up,
			started_unix_ns = excluded.started_unix_ns, ended_unix_ns = excluded.ended_unix_ns,
			total = excluded.total, done = excluded.done, overran = excluded.overran,
			next_unix_ns = excluded.next_unix_ns, reruns = excluded.reruns`,
		c.Number, int64(c.Seed), c.WarmUp, instant(c.Started), instant(c.Ended), c.Total, c.Done, c.Overran, instant(c.Next), c.Reruns)
	if err != nil {
		return fmt.Errorf("record cycle %d: %w", c.Number, s.explain(err))
	}
	s.checkpoint(ctx)
	return nil
}

// LastCycle returns the highest number that a cycle has had, 0 when there was
// none. It looks at the runs too: the disk may have been full just when their
// cycle was to be recorded.
func (s *Store) LastCycle(ctx context.Context) (int64, error) {
	var number int64
	err := s.read.QueryRowContext(ctx, `SELECT max(
		(SELECT coalesce(max(number), 0) FROM cycles),
		(SELECT coalesce(max(cycle), 0) FROM runs))`).Scan(&number)
	if err != nil {
		return 0, fmt.Errorf("read the number of the last cycle: %w", s.explain(err))
	}
	return number, nil
}

// LastEnded returns the highest number of a cycle that went to its end, 0 when
// there was none.
func (s *Store) LastEnded(ctx context.Context) (int64, error) {
	var number int64
	err := s.read.QueryRowContext(ctx, `SELECT coalesce(max(number), 0) FROM cycles WHERE ended_unix_ns IS NOT NULL AND done >= total`).Scan(&number)
	if err != nil {
		return 0, fmt.Errorf("read the number of the last cycle that ended: %w", s.explain(err))
	}
	return number, nil
}
