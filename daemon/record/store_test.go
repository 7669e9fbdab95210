package record

import (
	"context"
	"database/sql"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"benchd/daemon/bench"
)

func TestARunReadIsTheRunRecorded(t *testing.T) {
	s := open(t, t.TempDir())
	var want []bench.Run
	for n := range 20 {
		r := example(n)
		if err := s.Record(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		if n > 0 && r.ID <= want[0].ID {
			t.Fatalf("ID %d was given after %d", r.ID, want[0].ID)
		}
		want = append([]bench.Run{*r}, want...) // the newest first
	}
	empty := &bench.Run{Key: bench.Key{Task: "t"}}
	if err := s.Record(t.Context(), empty); err != nil {
		t.Fatal(err)
	}
	want = append([]bench.Run{*empty}, want...)
	got, err := s.Runs(t.Context(), bench.RunQuery{})
	if err != nil {
		t.Fatal(err)
	}
	if d := diff(want, got); d != "" {
		t.Errorf("-recorded +read:\n%s", d)
	}
}

func TestRecordRefusesWhatJSONCannotSay(t *testing.T) {
	nan := math.NaN()
	for _, tt := range []struct {
		name    string
		figures bench.Figures
		want    string
	}{
		{"NaN", bench.Figures{WallSeconds: nan}, "WallSeconds is NaN"},
		{"infinity", bench.Figures{AvgMemoryBytes: new(math.Inf(-1))}, "AvgMemoryBytes is -Inf"},
		{"pointer", bench.Figures{StealPercent: &nan}, "StealPercent is NaN"},
		{"map", bench.Figures{Errors: map[string]float64{"x": math.Inf(1)}}, "Errors is +Inf"},
		{"histogram", bench.Figures{Latency: &bench.Histogram{SumSeconds: nan}}, "Latency is NaN"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := open(t, t.TempDir())
			r := example(1)
			r.Figures = &tt.figures
			err := s.Record(t.Context(), r)
			want := "record a run of io-bound/go/model-1/10: " + tt.want + ", not a number that can be kept: please report this as a fault of benchd"
			if err == nil || err.Error() != want {
				t.Errorf("got error %v\nwant %s", err, want)
			}
			if runs, err := s.Runs(t.Context(), bench.RunQuery{}); len(runs) != 0 || err != nil || r.ID != 0 {
				t.Errorf("%d runs were kept, ID %d, %v", len(runs), r.ID, err)
			}
		})
	}
}

func TestHistoryOutlivesTheStore(t *testing.T) {
	// A folder that does not exist yet, with what a URI gives a meaning to.
	dir := filepath.Join(t.TempDir(), "a %41?b#c", "d")
	first, err := Open(t.Context(), dir, quiet)
	if err != nil {
		t.Fatal(err)
	}
	r := example(2)
	if err := first.Record(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "benchd.db")); err != nil {
		t.Fatal(err)
	}
	second := open(t, dir)
	runs, err := second.Runs(t.Context(), bench.RunQuery{})
	if err != nil || len(runs) != 1 {
		t.Fatalf("%d runs, %v", len(runs), err)
	}
	if err := equal(r, runs[0]); err != nil {
		t.Error(err)
	}
}

func TestDurabilityIsSwitchedOn(t *testing.T) {
	s := open(t, t.TempDir())
	for pragma, want := range map[string]string{
		"journal_mode": "wal", "synchronous": "2", "busy_timeout": "1500", "cache_size": "-1024", "auto_vacuum": "2",
		"wal_autocheckpoint": "4000",
	} {
		var got string
		if err := s.file.Load().write.QueryRowContext(t.Context(), "PRAGMA "+pragma).Scan(&got); err != nil || got != want {
			t.Errorf("%s is %s (%v), want %s", pragma, got, err, want)
		}
	}
}

func TestAReaderDoesNotHoldUpRecording(t *testing.T) {
	s := open(t, t.TempDir())
	if err := s.Record(t.Context(), example(0)); err != nil {
		t.Fatal(err)
	}
	rows, err := s.file.Load().read.QueryContext(t.Context(), "SELECT id FROM runs")
	if err != nil || !rows.Next() {
		t.Fatal("no row", err)
	}
	defer rows.Close() //nolint:errcheck // it is read only
	if err := errors.Join(s.Record(t.Context(), example(1)), rows.Err()); err != nil {
		t.Errorf("while a reader is at work: %v", err)
	}
}

func TestRecordAfterItsContextEndedKeepsNothing(t *testing.T) {
	s := open(t, t.TempDir())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Record(ctx, example(0)); err == nil {
		t.Error("want an error")
	}
	if err := s.Record(t.Context(), example(1)); err != nil {
		t.Errorf("the store does not go on: %v", err)
	}
	if runs, err := s.Runs(t.Context(), bench.RunQuery{}); len(runs) != 1 || err != nil {
		t.Errorf("%d runs, %v; want 1", len(runs), err)
	}
}

func TestOpenRefuses(t *testing.T) {
	for _, tt := range []struct {
		name    string
		prepare func(t *testing.T, dir string)
		want    string
	}{
		{"a file of another benchd", func(t *testing.T, dir string) {
			db, err := sql.Open("sqlite", filepath.Join(dir, fileName))
			if err != nil {
				t.Fatal(err)
			}
			_, err = db.ExecContext(t.Context(), "CREATE TABLE runs (id); PRAGMA user_version = 99")
			if err := errors.Join(err, db.Close()); err != nil {
				t.Fatal(err)
			}
		}, "DIR/benchd.db: its schema has version 99, this benchd knows version 1: start the benchd that wrote it, or set BENCHD_DATA_DIR to another folder"},
		{"a file in place of the folder", func(t *testing.T, dir string) {
			if err := os.Remove(dir); err != nil {
				t.Fatal(err)
			}
			write(t, dir, nil)
		}, "create BENCHD_DATA_DIR DIR: mkdir DIR: not a directory: make it a folder that the user benchd runs as can write, or set BENCHD_DATA_DIR to another one"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			tt.prepare(t, dir)
			s, err := Open(t.Context(), dir, quiet)
			if err == nil {
				t.Fatal("it opened", s.Close())
			}
			if got := strings.ReplaceAll(err.Error(), dir, "DIR"); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestAFailedOpenLetsGoOfTheFolder(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, fileName)
	if err := os.Symlink("elsewhere", path); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), dir, quiet); err == nil {
		t.Fatal("it opened")
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	open(t, dir)
}

// filled leaves a history of n runs behind, closed, and returns its file.
func filled(t *testing.T, dir string, n int) (path string) {
	t.Helper()
	s, err := Open(t.Context(), dir, quiet)
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		if err := s.Record(t.Context(), example(i)); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, fileName)
}

func write(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}
