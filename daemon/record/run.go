package record

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/go-json-experiment/json"

	"benchd/daemon/bench"
)

// Record keeps a run and gives it its ID, which is greater than every one
// before. When it returns nil the run is durable, against a loss of power too.
// When it fails nothing was kept, and the store can be used further: after a
// full disk it records again as soon as there is room. A run with a figure
// that is not a finite number is refused.
func (s *Store) Record(ctx context.Context, r *bench.Run) error {
	id, uptime, err := s.insert(ctx, r)
	if err != nil {
		return fmt.Errorf("record a run of %s: %w", r.Key, err)
	}
	r.ID, r.Uptime = id, uptime
	return nil
}

func (s *Store) insert(ctx context.Context, r *bench.Run) (id int64, uptime time.Duration, err error) {
	figures, err := encodeFigures(r.Figures)
	if err != nil {
		return 0, 0, err
	}
	texts, err := encode(r.Noise, r.Exit, r.Versions)
	if err != nil {
		return 0, 0, err
	}
	noise := sql.NullString{String: texts[0], Valid: len(r.Noise) > 0}
	samples, err := encodeSamples(r.Samples)
	if err != nil {
		return 0, 0, err
	}
	err = s.transact(ctx, func(w *writing) error {
		experiment, input, err := w.series(ctx, r.Key, r.Input)
		if err != nil {
			return err
		}
		fingerprint, err := w.fingerprint(ctx, r.Fingerprint)
		if err != nil {
			return err
		}
		w.ledger.run++
		w.ledger.cycle = max(w.ledger.cycle, r.Cycle)
		id, uptime = w.ledger.run, w.ledger.uptime
		err = w.put(ctx, &runsTable, id, experiment, r.Cycle, instant(r.Started), instant(r.Ended), int64(uptime), r.Outcome,
			r.WarmUp, r.Rerun, r.ServerBound, noise, r.Unit, r.Size, input, fingerprint, texts[1], texts[2], r.Error, figures, r.Output)
		if err != nil {
			return err
		}
		// In the transaction of the run, so that they cost no sync of their own, and
		// there is never one without the other.
		kept := *r
		kept.ID = id
		if err := w.putPoint(ctx, experiment, input, &kept); err != nil {
			return err
		}
		return w.keepSamples(ctx, experiment, id, samples)
	})
	return id, uptime, err
}

// RunByID returns the run of that ID, and false when there is none: retention
// may have dropped it.
func (s *Store) RunByID(ctx context.Context, id int64) (bench.Run, bool, error) {
	runs, err := s.query(ctx, selectRuns+` WHERE r.id = ?`, id)
	if err != nil || len(runs) == 0 {
		return bench.Run{}, false, err
	}
	return runs[0], true, nil
}

// selectRuns is what scanRun reads. CROSS JOIN is JOIN in the order given:
// SQLite, without statistics, would guess.
var selectRuns = `SELECT ` + runsTable.whole("r") + `, r.id, ` + referred("r") + `, r.fingerprint, ` + fingerprintsTable.whole("f") + `, f.content,
	r.cycle, r.started_unix_ns, r.ended_unix_ns, r.uptime_ns,
	r.outcome, r.warm_up, r.rerun, r.server_bound, r.noise, r.unit, r.size, r.exit, r.versions, r.error, r.figures, r.output
	FROM runs r LEFT JOIN experiments e ON e.id = r.experiment LEFT JOIN inputs i ON i.id = r.input
	LEFT JOIN fingerprints f ON f.id = r.fingerprint`

// scanRun is false for a run that is damaged, or of which it is not known any
// more what it was of.
func (in *reading) scanRun(rows *sql.Rows) (bench.Run, bool, error) {
	var r bench.Run
	var of reference
	var fingerprint sql.NullInt64
	var whole, wholeFingerprint bool
	var content, noise, exit, versions, figures []byte
	err := rows.Scan(append(append([]any{&whole, &r.ID}, of.columns()...), &fingerprint, &wholeFingerprint, &content,
		&r.Cycle, (*instant)(&r.Started), (*instant)(&r.Ended), &r.Uptime, &r.Outcome, &r.WarmUp, &r.Rerun, &r.ServerBound, &noise,
		&r.Unit, &r.Size, &exit, &versions, &r.Error, &figures, &r.Output)...)
	if err != nil || !whole {
		in.damagedRow(&runsTable, err, r.ID)
		return r, false, nil
	}
	if content != nil && !wholeFingerprint {
		in.damagedRow(&fingerprintsTable, nil, fingerprint.Int64)
		content = nil
	}
	if !of.whole(in) {
		return r, false, nil
	}
	r.Key, r.Input = of.key(), of.input.String
	for _, c := range []struct {
		name string
		text []byte
		into any
	}{
		{"noise", noise, &r.Noise},
		{"exit", exit, &r.Exit},
		{"versions", versions, &r.Versions},
		{"figures", figures, &r.Figures},
		{"fingerprint", content, &r.Fingerprint},
	} {
		if c.text == nil {
			continue
		}
		if err := json.Unmarshal(c.text, c.into); err != nil {
			return r, false, fmt.Errorf("run %d of %s: %s: %w", r.ID, r.Key, c.name, err)
		}
	}
	return r, true, nil
}
