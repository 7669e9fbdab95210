package record

import (
	"context"
	"fmt"

	"benchd/daemon/bench"
)

// Keys returns the experiments that the history knows anything of, those that
// are no longer configured included.
func (s *Store) Keys(ctx context.Context) (keys []bench.Key, err error) {
	err = s.look(ctx, func(in *reading) (err error) {
		keys, err = in.keys(ctx)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the experiments: %w", err)
	}
	return keys, nil
}

var selectKeys = `SELECT ` + experimentsTable.whole("e") + `, e.id, e.task, e.runtime, e.model, e.concurrency FROM experiments e`

func (in *reading) keys(ctx context.Context) ([]bench.Key, error) {
	rows, err := in.QueryContext(ctx, selectKeys)
	if err != nil {
		return nil, err
	}
	defer rows.Close() //nolint:errcheck // rows.Err tells
	var keys []bench.Key
	for rows.Next() {
		var whole bool
		var id int64
		var k bench.Key
		if err := rows.Scan(&whole, &id, &k.Task, &k.Runtime, &k.Model, &k.Concurrency); err != nil || !whole {
			in.damagedRow(&experimentsTable, err, id)
			continue
		}
		keys = append(keys, k)
	}
	return keys, rows.Err()
}
