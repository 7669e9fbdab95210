package record

import (
	"context"
	"database/sql"

	"benchd/daemon/bench"
)

// Rows that many others refer to are made when they are first needed. They are
// looked up anew each time: numbers remembered in memory could be those of a
// transaction that was rolled back.

// seriesOf are the rows of an experiment and of its input.
func seriesOf(ctx context.Context, tx *sql.Tx, k bench.Key, input string) (experiment, inputRow int64, err error) {
	if experiment, err = experimentID(ctx, tx, k); err != nil {
		return 0, 0, err
	}
	inputRow, err = inputID(ctx, tx, input)
	return experiment, inputRow, err
}

func experimentID(ctx context.Context, tx *sql.Tx, k bench.Key) (id int64, err error) {
	_, err = tx.ExecContext(ctx, `INSERT INTO experiments (task, runtime, model, concurrency)
		VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING`, k.Task, k.Runtime, k.Model, k.Concurrency)
	if err != nil {
		return 0, err
	}
	err = tx.QueryRowContext(ctx, `SELECT id FROM experiments
		WHERE task = ? AND runtime = ? AND model = ? AND concurrency = ?`, k.Task, k.Runtime, k.Model, k.Concurrency).Scan(&id)
	return id, err
}

func inputID(ctx context.Context, tx *sql.Tx, input string) (id int64, err error) {
	_, err = tx.ExecContext(ctx, `INSERT INTO inputs (name) VALUES (?) ON CONFLICT DO NOTHING`, input)
	if err != nil {
		return 0, err
	}
	err = tx.QueryRowContext(ctx, `SELECT id FROM inputs WHERE name = ?`, input).Scan(&id)
	return id, err
}

// fingerprintID is NULL for none.
func fingerprintID(ctx context.Context, tx *sql.Tx, f *bench.Fingerprint) (id sql.NullInt64, err error) {
	if f == nil {
		return id, nil
	}
	content, err := encode(f)
	if err != nil {
		return id, err
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO fingerprints (content) VALUES (?) ON CONFLICT DO NOTHING`, content[0])
	if err != nil {
		return id, err
	}
	err = tx.QueryRowContext(ctx, `SELECT id FROM fingerprints WHERE content = ?`, content[0]).Scan(&id)
	return id, err
}

// keys are the rows of all experiments that have had a run or a change.
func (s *Store) keys(ctx context.Context, tx *sql.Tx) (map[bench.Key]int64, error) {
	rows, err := tx.QueryContext(ctx, `SELECT id, task, runtime, model, concurrency FROM experiments`)
	if err != nil {
		return nil, s.explain(err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err tells
	keys := map[bench.Key]int64{}
	for rows.Next() {
		var id int64
		var k bench.Key
		if err := rows.Scan(&id, &k.Task, &k.Runtime, &k.Model, &k.Concurrency); err != nil {
			return nil, s.explain(err)
		}
		keys[k] = id
	}
	if err := rows.Err(); err != nil {
		return nil, s.explain(err)
	}
	return keys, nil
}
