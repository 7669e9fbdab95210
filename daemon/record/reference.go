package record

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"

	"benchd/daemon/bench"
)

// Rows that many others refer to are made when they are first needed, and anew
// when they are not as they were written. Their ids follow from what is in them,
// so that none has to be looked up, nor is lost with the row.

func experimentID(k bench.Key) (int64, error) {
	return sumOf(experimentsTable.name, k.Task, k.Runtime, k.Model, int64(k.Concurrency))
}

func inputID(input string) (int64, error) { return sumOf(inputsTable.name, input) }

// series are the rows of an experiment and of its input.
func (w *writing) series(ctx context.Context, k bench.Key, input string) (experiment, inputRow int64, err error) {
	experiment, err = w.reference(ctx, &experimentsTable, k.Task, k.Runtime, k.Model, int64(k.Concurrency))
	if err != nil {
		return 0, 0, err
	}
	inputRow, err = w.reference(ctx, &inputsTable, input)
	return experiment, inputRow, err
}

// fingerprint is NULL for none.
func (w *writing) fingerprint(ctx context.Context, f *bench.Fingerprint) (id sql.NullInt64, err error) {
	if f == nil {
		return id, nil
	}
	content, err := encode(f)
	if err != nil {
		return id, err
	}
	id.Int64, err = w.reference(ctx, &fingerprintsTable, content[0])
	id.Valid = err == nil
	return id, err
}

// reference is the row of an addressed table that has the values.
func (w *writing) reference(ctx context.Context, t *table, values ...driver.Value) (id int64, err error) {
	if id, err = sumOf(append([]driver.Value{t.name}, values...)...); err != nil {
		return 0, err
	}
	var there int
	err = w.QueryRowContext(ctx, "SELECT 1 FROM "+t.name+" t WHERE id = ? AND "+t.whole("t"), id).Scan(&there)
	if !errors.Is(err, sql.ErrNoRows) {
		return id, err
	}
	row := []any{id}
	for _, v := range values {
		row = append(row, v)
	}
	return id, w.put(ctx, t, row...)
}

// referred are the columns of the experiment e and the input i that a row r refers to, as reference reads them.
func referred(alias string) string {
	return alias + ".experiment, " + alias + ".input, " + experimentsTable.whole("e") + ", " + inputsTable.whole("i") +
		", e.task, e.runtime, e.model, e.concurrency, i.name"
}

// reference is what a row is of, as far as that is known.
type reference struct {
	experimentRow, inputRow     int64
	wholeExperiment, wholeInput bool
	task, runtime, model, input sql.NullString
	concurrency                 sql.NullInt64
}

func (r *reference) columns() []any {
	return []any{&r.experimentRow, &r.inputRow, &r.wholeExperiment, &r.wholeInput, &r.task, &r.runtime, &r.model, &r.concurrency, &r.input}
}

func (r *reference) key() bench.Key {
	return bench.Key{Task: r.task.String, Runtime: r.runtime.String, Model: r.model.String, Concurrency: int(r.concurrency.Int64)}
}

// whole reports whether both are there as they were written, and notes them where they are damaged.
func (r *reference) whole(in *reading) bool {
	if r.task.Valid && !r.wholeExperiment {
		in.damagedRow(&experimentsTable, nil, r.experimentRow)
	}
	if r.input.Valid && !r.wholeInput {
		in.damagedRow(&inputsTable, nil, r.inputRow)
	}
	return r.wholeExperiment && r.wholeInput
}
