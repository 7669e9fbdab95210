package record

import (
	"container/heap"
	"context"
	"database/sql"
	"fmt"

	"benchd/daemon/bench"
)

// runsOfSome returns the newest runs of some experiments. Each experiment's
// runs come from an index in order, and are merged here: asking SQLite for the
// limit from each and sorting them took over a second with 1,000 experiments.
func (s *Store) runsOfSome(ctx context.Context, q *bench.RunQuery, limit int) (runs []bench.Run, err error) {
	err = s.look(ctx, func(in *reading) error { // in one view, so that no run is dropped in between
		runs = nil
		ids, err := newestIDs(ctx, in.Tx, q, limit)
		if err != nil || len(ids) == 0 {
			return err
		}
		list, err := encode(ids)
		if err != nil {
			return err
		}
		runs, err = in.runs(ctx, selectRuns+` WHERE r.id IN (SELECT value FROM json_each(?)) ORDER BY r.id DESC`, list[0])
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read runs: %w", err)
	}
	return runs, nil
}

func newestIDs(ctx context.Context, tx *sql.Tx, q *bench.RunQuery, limit int) ([]int64, error) {
	where := ofExperiments(q.Task, q.Runtime, q.Model, q.Concurrency)
	experiments, err := integers(tx.QueryContext(ctx, `SELECT e.id FROM experiments e WHERE true`+where.text, where.args...))
	if err != nil || len(experiments) == 0 {
		return nil, err
	}
	next, err := tx.PrepareContext(ctx, nextOfExperiment(q))
	if err != nil {
		return nil, err
	}
	defer next.Close() //nolint:errcheck // it only reads
	// Experiments mostly have as many runs as one another, so this is enough
	// for most of them.
	chunk := limit/len(experiments) + 8
	var heads streams
	for _, id := range experiments {
		st := &stream{experiment: id, before: q.Before, chunk: chunk}
		if err := st.fill(ctx, next, q.Outcome); err != nil {
			return nil, err
		}
		if len(st.ids) > 0 {
			heads = append(heads, st)
		}
	}
	heap.Init(&heads)
	var newest []int64
	for len(heads) > 0 && len(newest) < limit {
		st := heads[0]
		newest = append(newest, st.ids[0])
		st.ids = st.ids[1:]
		if len(st.ids) == 0 && !st.ended {
			if err := st.fill(ctx, next, q.Outcome); err != nil {
				return nil, err
			}
		}
		if len(st.ids) == 0 {
			heap.Pop(&heads)
		} else {
			heap.Fix(&heads, 0)
		}
	}
	return newest, nil
}

// nextOfExperiment is the statement that fill uses.
func nextOfExperiment(q *bench.RunQuery) string {
	text := `SELECT r.id FROM runs r WHERE r.experiment = ? AND r.id < ?`
	if q.Outcome != "" {
		text += ` AND r.outcome = ?`
	}
	return text + ` ORDER BY r.id DESC LIMIT ?`
}

// stream is the ids of an experiment's runs, the newest first.
type stream struct {
	experiment int64
	before     int64 // where to read on; 0: at the newest
	chunk      int   // how many to read at once
	ids        []int64
	ended      bool // there are no more to read
}

func (st *stream) fill(ctx context.Context, next *sql.Stmt, outcome bench.Outcome) (err error) {
	const beyondAll = 1<<63 - 1
	if st.before == 0 {
		st.before = beyondAll
	}
	args := []any{st.experiment, st.before}
	if outcome != "" {
		args = append(args, outcome)
	}
	if st.ids, err = integers(next.QueryContext(ctx, append(args, st.chunk)...)); err != nil {
		return err
	}
	if st.ended = len(st.ids) < st.chunk; !st.ended {
		st.before = st.ids[len(st.ids)-1]
		st.chunk *= 2
	}
	return nil
}

// streams is a heap.Interface: the one with the newest run is on top.
type streams []*stream

func (s streams) Len() int           { return len(s) }
func (s streams) Less(i, j int) bool { return s[i].ids[0] > s[j].ids[0] }
func (s streams) Swap(i, j int)      { s[i], s[j] = s[j], s[i] }
func (s *streams) Push(x any)        { *s = append(*s, x.(*stream)) }
func (s *streams) Pop() any {
	last := len(*s) - 1
	top := (*s)[last]
	*s = (*s)[:last]
	return top
}

// integers reads the one column that a query returned.
func integers(rows *sql.Rows, err error) ([]int64, error) { return column[int64](rows, err) }

// texts reads it, too.
func texts(rows *sql.Rows, err error) ([]string, error) { return column[string](rows, err) }

func column[T any](rows *sql.Rows, err error) ([]T, error) {
	if err != nil {
		return nil, err
	}
	defer rows.Close() //nolint:errcheck // rows.Err tells
	var list []T
	for rows.Next() {
		var v T
		if err := rows.Scan(&v); err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	return list, rows.Err()
}
