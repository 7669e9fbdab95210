package record

import (
	"context"
	"database/sql"
	"fmt"
)

// migration is one step of the schema: statements, then what SQL cannot do.
type migration struct {
	schema string
	fill   func(ctx context.Context, tx *sql.Tx) error // nil for nothing
}

// migrations lead from an empty file to the present schema, one version each;
// the file's user_version says how many it has had. Append to them, never
// change one that was released.
//
// Only what is searched or sorted by is a column. The figures are JSON, as the
// API shows them, so that a new figure needs no migration. They come last,
// because SQLite reads a row's pages only as far as the columns it needs.
var migrations = []migration{
	{schema: `
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
	`},
	// ALTER TABLE makes SQLite check the table's rows, since it is STRICT: some
	// seconds for each gigabyte, once.
	{fill: derivePoints, schema: `
	-- What runs go through, and on what they were made: few texts, of many runs.
	CREATE TABLE inputs (
		id   INTEGER PRIMARY KEY,
		name TEXT NOT NULL UNIQUE
	) STRICT;
	INSERT INTO inputs VALUES (0, ''); -- of a benchd that did not record it
	CREATE TABLE fingerprints (
		id      INTEGER PRIMARY KEY,
		content TEXT NOT NULL UNIQUE -- JSON
	) STRICT;
	-- No REFERENCES: SQLite adds it only to a column that may be NULL.
	ALTER TABLE runs ADD COLUMN input INTEGER NOT NULL DEFAULT 0;
	ALTER TABLE runs ADD COLUMN rerun INTEGER NOT NULL DEFAULT 0;
	ALTER TABLE runs ADD COLUMN fingerprint INTEGER REFERENCES fingerprints;
	ALTER TABLE cycles ADD COLUMN reruns INTEGER NOT NULL DEFAULT 0;

	-- Without a rowid the points of an experiment lie beside one another, in the
	-- order of its runs: the newest 120 are two pages of the file.
	CREATE TABLE points (
		experiment           INTEGER NOT NULL REFERENCES experiments,
		run                  INTEGER NOT NULL, -- which the point may outlive
		input                INTEGER NOT NULL REFERENCES inputs,
		cycle                INTEGER NOT NULL,
		started_unix_ns      INTEGER,
		sound                INTEGER NOT NULL,
		seconds_per_unit     REAL NOT NULL, -- 0 here and below: it has none
		cpu_seconds_per_unit REAL NOT NULL,
		peak_memory_bytes    REAL NOT NULL,
		latency_p50_seconds  REAL NOT NULL,
		latency_p99_seconds  REAL NOT NULL,
		error_ratio          REAL NOT NULL,
		PRIMARY KEY (experiment, run)
	) STRICT, WITHOUT ROWID;

	CREATE TABLE samples (
		run        INTEGER PRIMARY KEY REFERENCES runs ON DELETE CASCADE,
		experiment INTEGER NOT NULL REFERENCES experiments,
		content    BLOB NOT NULL -- see sample.go
	) STRICT;
	CREATE INDEX samples_by_experiment ON samples (experiment);

	CREATE TABLE changes (
		id             INTEGER PRIMARY KEY AUTOINCREMENT,
		experiment     INTEGER NOT NULL REFERENCES experiments,
		input          INTEGER NOT NULL REFERENCES inputs,
		figure         TEXT NOT NULL,
		closed_unix_ns INTEGER, -- NULL while it is open
		level          INTEGER NOT NULL, -- a run, which may have been dropped
		old            TEXT NOT NULL, -- JSON
		details        TEXT NOT NULL -- JSON: the change as the API shows it
	) STRICT;
	CREATE INDEX changes_by_series ON changes (experiment, input, figure);
	CREATE INDEX changes_open ON changes (experiment) WHERE closed_unix_ns IS NULL;

	CREATE TABLE pins (
		name           TEXT PRIMARY KEY,
		pinned_unix_ns INTEGER,
		levels         TEXT NOT NULL -- JSON
	) STRICT, WITHOUT ROWID;

	-- Statistics of the runs that retention dropped. By month, not by day: they
	-- are kept for good, and 1,000 experiments would fill 300 MB a year.
	CREATE TABLE dropped (
		experiment INTEGER NOT NULL REFERENCES experiments,
		input      INTEGER NOT NULL REFERENCES inputs,
		month      TEXT NOT NULL, -- '2026-03', in UTC
		content    TEXT NOT NULL, -- JSON
		PRIMARY KEY (experiment, input, month)
	) STRICT, WITHOUT ROWID;
	`}, {schema: `
	-- Sound points apart from the others, and those of an input apart from those
	-- of the next: the newest of each lie beside one another.
	ALTER TABLE points RENAME TO points_by_run;
	CREATE TABLE points (
		experiment           INTEGER NOT NULL REFERENCES experiments,
		input                INTEGER NOT NULL REFERENCES inputs,
		sound                INTEGER NOT NULL,
		run                  INTEGER NOT NULL, -- which the point may outlive
		cycle                INTEGER NOT NULL,
		started_unix_ns      INTEGER,
		seconds_per_unit     REAL NOT NULL, -- 0 here and below: it has none
		cpu_seconds_per_unit REAL NOT NULL,
		peak_memory_bytes    REAL NOT NULL,
		latency_p50_seconds  REAL NOT NULL,
		latency_p99_seconds  REAL NOT NULL,
		error_ratio          REAL NOT NULL,
		PRIMARY KEY (experiment, input, sound, run)
	) STRICT, WITHOUT ROWID;
	INSERT INTO points SELECT experiment, input, sound, run, cycle, started_unix_ns, seconds_per_unit, cpu_seconds_per_unit,
		peak_memory_bytes, latency_p50_seconds, latency_p99_seconds, error_ratio FROM points_by_run ORDER BY experiment, input, sound, run;
	DROP TABLE points_by_run;
	`},
}

// migrate brings the file to the present schema, all of it or nothing. Since
// it writes, it also finds out at start whether the file can be written.
func (s *Store) migrate(ctx context.Context) error {
	return s.transact(ctx, func(tx *sql.Tx) error {
		var version int
		if err := tx.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
			return err
		}
		if version < 0 || version > len(migrations) {
			return fmt.Errorf("its schema has version %d, this benchd knows up to %d: start the newer benchd that wrote it, or set BENCHD_DATA_DIR to another folder", version, len(migrations))
		}
		for ; version < len(migrations); version++ {
			m := &migrations[version]
			_, err := tx.ExecContext(ctx, m.schema)
			if err == nil && m.fill != nil {
				err = m.fill(ctx, tx)
			}
			if err != nil {
				return fmt.Errorf("migrate to schema version %d: %w", version+1, err)
			}
		}
		_, err := tx.ExecContext(ctx, fmt.Sprintf("PRAGMA user_version = %d", version))
		return err
	})
}
