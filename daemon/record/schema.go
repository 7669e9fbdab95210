package record

import (
	"context"
	"fmt"
)

// migrations lead from an empty file to the present schema, one version each;
// the file's user_version says how many it has had. Append to them, never
// change one that was released.
//
// Only what is searched or sorted by is a column. The figures are JSON, as the
// API shows them, so that a new figure needs no migration. They come last,
// because SQLite reads a row's pages only as far as the columns it needs.
var migrations = []string{
	`
	-- A table of its own keeps four texts out of every run and its indexes.
	CREATE TABLE experiments (
		id          INTEGER PRIMARY KEY,
		task        TEXT NOT NULL,
		runtime     TEXT NOT NULL,
		model       TEXT NOT NULL,
		concurrency INTEGER NOT NULL,
		UNIQUE (task, runtime, model, concurrency)
	) STRICT;

	CREATE TABLE runs (
		id              INTEGER PRIMARY KEY AUTOINCREMENT, -- never given twice
		experiment      INTEGER NOT NULL REFERENCES experiments,
		cycle           INTEGER NOT NULL,
		started_unix_ns INTEGER,
		ended_unix_ns   INTEGER,
		outcome         TEXT NOT NULL,
		warm_up         INTEGER NOT NULL,
		server_bound    INTEGER NOT NULL,
		noise           TEXT, -- JSON, NULL for a clean run
		unit            TEXT NOT NULL,
		size            TEXT NOT NULL,
		exit            TEXT NOT NULL, -- JSON
		versions        TEXT NOT NULL, -- JSON
		error           TEXT NOT NULL,
		figures         TEXT, -- JSON, NULL if the measured region was not finished
		output          TEXT NOT NULL
	) STRICT;
	-- Every index ends in the run's id, so it also yields the newest first.
	CREATE INDEX runs_by_experiment ON runs (experiment);
	CREATE INDEX runs_by_experiment_and_outcome ON runs (experiment, outcome);
	CREATE INDEX runs_by_outcome ON runs (outcome);
	CREATE INDEX runs_by_cycle ON runs (cycle);

	CREATE TABLE cycles (
		number          INTEGER PRIMARY KEY,
		seed            INTEGER NOT NULL, -- the 64 bits as a signed number
		warm_up         INTEGER NOT NULL,
		started_unix_ns INTEGER,
		ended_unix_ns   INTEGER, -- NULL for a cycle whose end was not seen
		total           INTEGER NOT NULL,
		done            INTEGER NOT NULL,
		overran         INTEGER NOT NULL,
		next_unix_ns    INTEGER
	) STRICT;
	`,
}

// migrate brings the file to the present schema, all of it or nothing. Since
// it writes, it also finds out at start whether the file can be written.
func (s *Store) migrate(ctx context.Context) error {
	tx, err := s.write.BeginTx(ctx, nil)
	if err != nil {
		return s.explain(err)
	}
	defer tx.Rollback() //nolint:errcheck // does nothing once it is committed
	var version int
	if err := tx.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
		return s.explain(err)
	}
	if version < 0 || version > len(migrations) {
		return fmt.Errorf("%s: its schema has version %d, this benchd knows up to %d: start the newer benchd that wrote it, or set BENCHD_DATA_DIR to another folder", s.path, version, len(migrations))
	}
	for ; version < len(migrations); version++ {
		if _, err := tx.ExecContext(ctx, migrations[version]); err != nil {
			return fmt.Errorf("migrate to schema version %d: %w", version+1, s.explain(err))
		}
	}
	if _, err := tx.ExecContext(ctx, fmt.Sprintf("PRAGMA user_version = %d", version)); err != nil {
		return s.explain(err)
	}
	if err := tx.Commit(); err != nil {
		return s.explain(err)
	}
	return nil
}
