package record

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"

	"benchd/daemon/bench"
)

// Rows that many others refer to are made when they are first needed. They are
// looked up anew each time: numbers remembered in memory could be those of a
// transaction that was rolled back.

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

// textID is for a table of an id and a text.
func textID(ctx context.Context, tx *sql.Tx, table, column, text string) (id int64, err error) {
	_, err = tx.ExecContext(ctx, `INSERT INTO `+table+` (`+column+`) VALUES (?) ON CONFLICT DO NOTHING`, text)
	if err != nil {
		return 0, err
	}
	err = tx.QueryRowContext(ctx, `SELECT id FROM `+table+` WHERE `+column+` = ?`, text).Scan(&id)
	return id, err
}

func fingerprintID(ctx context.Context, tx *sql.Tx, f *bench.Fingerprint) (sql.NullInt64, error) {
	if f == nil {
		return sql.NullInt64{}, nil
	}
	content, err := json.Marshal(f)
	if err != nil {
		return sql.NullInt64{}, fmt.Errorf("encode fingerprint: %w", err)
	}
	id, err := textID(ctx, tx, "fingerprints", "content", string(content))
	return sql.NullInt64{Int64: id, Valid: true}, err
}

// keys are all experiments that have had a run or a change, by their row.
func (s *Store) keys(ctx context.Context, tx *sql.Tx) (map[int64]bench.Key, error) {
	rows, err := tx.QueryContext(ctx, `SELECT id, task, runtime, model, concurrency FROM experiments`)
	if err != nil {
		return nil, s.explain(err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err tells
	keys := map[int64]bench.Key{}
	for rows.Next() {
		var id int64
		var k bench.Key
		if err := rows.Scan(&id, &k.Task, &k.Runtime, &k.Model, &k.Concurrency); err != nil {
			return nil, s.explain(err)
		}
		keys[id] = k
	}
	if err := rows.Err(); err != nil {
		return nil, s.explain(err)
	}
	return keys, nil
}
