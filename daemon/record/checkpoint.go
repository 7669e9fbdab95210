package record

import "context"

// logPages is the length of the log at which SQLite itself moves it into the
// file, which takes tens of milliseconds of the commit that happens to be next.
// The default of 1,000 would be every 70 runs. Normally the log is shorter, for
// checkpoint comes before: it is of up to 16 MB only in a cycle of some 250 runs.
const logPages = 4000

// checkpoint moves the log into the file between two cycles, when nobody waits
// and nothing is measured. On the reading connection it holds up no writer.
//
// That it fails, on a full disk say, is not told: what was recorded is durable
// in the log, SQLite passes over it too, and what is recorded next will tell.
func (s *Store) checkpoint(ctx context.Context) {
	rows, err := s.file.Load().read.QueryContext(ctx, "PRAGMA wal_checkpoint(PASSIVE)")
	if err != nil {
		return
	}
	defer rows.Close() //nolint:errcheck // see above
	for rows.Next() {  // what it says is of no use
	}
	_ = rows.Err()
}
