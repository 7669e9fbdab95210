package record

import (
	"database/sql"
	"encoding/json"
	"errors"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"benchd/daemon/bench"
)

// versionOne leaves a file behind as the first benchd made it, with n runs.
func versionOne(t testing.TB, dir string, n int, nth func(int) *bench.Run) (runs []bench.Run) {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(dir, fileName))
	if err != nil {
		t.Fatal(err)
	}
	tx, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.ExecContext(t.Context(), migrations[0].schema+"; PRAGMA user_version = 1"); err != nil {
		t.Fatal(err)
	}
	for i := range n {
		r := nth(i)
		r.Input, r.Rerun, r.Fingerprint = "", false, nil // it had none of them
		if err := insertAsVersionOne(t, tx, r); err != nil {
			t.Fatal(err)
		}
		runs = append(runs, *r)
	}
	if err := errors.Join(tx.Commit(), db.Close()); err != nil {
		t.Fatal(err)
	}
	slices.Reverse(runs)
	return runs
}

func insertAsVersionOne(t testing.TB, tx *sql.Tx, r *bench.Run) error {
	t.Helper()
	id, err := experimentID(t.Context(), tx, r.Key)
	if err != nil {
		return err
	}
	texts, err := encode(r.Noise, r.Exit, r.Versions)
	if err != nil {
		return err
	}
	noise := sql.NullString{String: texts[0], Valid: r.Noise != nil}
	var figures sql.NullString
	if r.Figures != nil {
		text, err := json.Marshal(r.Figures)
		if err != nil {
			return err
		}
		figures = sql.NullString{String: string(text), Valid: true}
	}
	return tx.QueryRowContext(t.Context(), `INSERT INTO runs
		(experiment, cycle, started_unix_ns, ended_unix_ns, outcome, warm_up, server_bound, noise,
			unit, size, exit, versions, error, figures, output)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id`,
		id, r.Cycle, instant(r.Started), instant(r.Ended), r.Outcome, r.WarmUp, r.ServerBound, noise,
		r.Unit, r.Size, texts[1], texts[2], r.Error, figures, r.Output).Scan(&r.ID)
}

func TestAFileOfTheFirstVersion(t *testing.T) {
	dir := t.TempDir()
	want := versionOne(t, dir, 350, func(n int) *bench.Run {
		r := example(n)
		r.Concurrency, r.Model = 1, "frequent" // so that it has more good runs than get points
		if n%100 == 0 {
			r.Model = "rare"
		}
		return r
	})
	for range 2 { // the second finds it migrated
		s, err := Open(t.Context(), dir)
		if err != nil {
			t.Fatal(err)
		}
		got, err := s.Runs(t.Context(), bench.RunQuery{Limit: maxLimit})
		if err != nil {
			t.Fatal(err)
		}
		if d := diff(want, got); d != "" {
			t.Errorf("runs: -recorded +read:\n%s", d)
		}
		points, err := s.Points(t.Context(), seriesOfRuns(want), 1000)
		if err != nil {
			t.Fatal(err)
		}
		if d := diff(pointsOf(withPoints(want), 1000), nonEmpty(points)); d != "" {
			t.Errorf("points: -want +got:\n%s", d)
		}
		r := example(1)
		if err := s.Record(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		want = slices.Insert(want, 0, *r)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// BenchmarkMigrate says what the first start of this benchd costs for each run
// of an older one:
//
//	go test -run '^$' -bench Migrate -benchtime 1x ./daemon/record
func BenchmarkMigrate(b *testing.B) {
	const runs = 20_000
	for range b.N {
		dir := b.TempDir()
		versionOne(b, dir, runs, realistic)
		begun := time.Now()
		open(b, dir)
		b.ReportMetric(float64(time.Since(begun).Microseconds())/runs, "µs/run")
	}
}

// withPoints are the runs of which an older benchd's history gets points: the
// newest good ones of each experiment.
func withPoints(runs []bench.Run) (list []bench.Run) {
	n := map[bench.Key]int{}
	for _, r := range runs {
		if r.Outcome == bench.OK && r.Input == "" {
			if n[r.Key]++; n[r.Key] > pointsDerived {
				continue
			}
		}
		list = append(list, r)
	}
	return list
}
