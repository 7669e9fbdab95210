package record

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"benchd/daemon/bench"
)

// listened opens a store whose log is read.
func listened(t *testing.T, dir string) (*Store, *bytes.Buffer) {
	t.Helper()
	var log bytes.Buffer
	s, err := Open(t.Context(), dir, slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	return s, &log
}

// TestFilesTakenAwayWhileOpen removes, moves or replaces what benchd has open:
// with the next run it is said, all that was recorded is in the file that is at
// the path, and no ID is given twice.
func TestFilesTakenAwayWhileOpen(t *testing.T) {
	t.Parallel()
	remove := func(names ...string) func(t *testing.T, dir string) {
		return func(t *testing.T, dir string) {
			t.Helper()
			for _, name := range names {
				if err := os.Remove(filepath.Join(dir, name)); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	move := func(names ...string) func(t *testing.T, dir string) {
		return func(t *testing.T, dir string) {
			t.Helper()
			for _, name := range names {
				if err := os.Rename(filepath.Join(dir, name), filepath.Join(dir, "moved"+name)); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	for _, tt := range []struct {
		name string
		harm func(t *testing.T, dir string)
		said string
		lost int // runs, of the 5 before
	}{
		{"all files", remove("benchd.db", "benchd.db-wal", "benchd.db-shm"), "benchd.db was removed", 0},
		{"the file", remove("benchd.db"), "benchd.db was removed", 0},
		{"the log", remove("benchd.db-wal"), "benchd.db-wal was removed", 0},
		{"the shared memory", remove("benchd.db-shm"), "benchd.db-shm was removed", 0},
		{"all files moved", move("benchd.db", "benchd.db-wal", "benchd.db-shm"), "benchd.db was removed", 0},
		{"the file moved", move("benchd.db"), "benchd.db was removed", 0},
		{"the log moved", move("benchd.db-wal"), "benchd.db-wal was removed", 0},
		{"the mark", remove("benchd.mark"), "", 0},
		{"the folder", func(t *testing.T, dir string) {
			t.Helper()
			if err := os.RemoveAll(dir); err != nil {
				t.Fatal(err)
			}
		}, "the folder of the history was removed or replaced", 0},
		{"the folder moved", func(t *testing.T, dir string) {
			t.Helper()
			if err := os.Rename(dir, dir+"-elsewhere"); err != nil {
				t.Fatal(err)
			}
		}, "the folder of the history was removed or replaced", 0},
		{"another history put there", func(t *testing.T, dir string) {
			t.Helper()
			other := t.TempDir()
			if err := os.Rename(filled(t, other, 2), filepath.Join(dir, fileName)); err != nil {
				t.Fatal(err)
			}
		}, "benchd.db was replaced", 3},
		{"an empty file put there", func(t *testing.T, dir string) {
			t.Helper()
			empty := filepath.Join(t.TempDir(), "empty")
			write(t, empty, nil)
			if err := os.Rename(empty, filepath.Join(dir, fileName)); err != nil {
				t.Fatal(err)
			}
		}, "it has 0 bytes", 5},
		{"another log put there", func(t *testing.T, dir string) {
			t.Helper()
			path := filepath.Join(dir, fileName+"-wal")
			content, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			write(t, path+".copy", content[:len(content)/2])
			if err := os.Rename(path+".copy", path); err != nil {
				t.Fatal(err)
			}
		}, "benchd.db-wal was replaced", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "data")
			s, log := listened(t, dir)
			var want []bench.Run
			record := func(n int) {
				t.Helper()
				r := example(n)
				if err := s.Record(t.Context(), r); err != nil {
					t.Fatal(err)
				}
				want = append(want, *r)
			}
			for n := range 5 {
				record(n)
				if n == 2 {
					s.checkpoint(t.Context())
				}
			}
			tt.harm(t, dir)
			record(5)
			record(6)
			if want[5].ID != 6 || want[6].ID != 7 {
				t.Errorf("IDs %d and %d were given after 5", want[5].ID, want[6].ID)
			}
			if !strings.Contains(log.String(), tt.said) {
				t.Errorf("not said: %s\n%s", tt.said, log)
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
			for range 2 { // a restart finds it, and so does the next
				s, _ = listened(t, dir)
				runs, err := s.Runs(t.Context(), bench.RunQuery{})
				if err != nil {
					t.Fatal(err)
				}
				if len(runs) != 7-tt.lost {
					t.Errorf("%d runs are left, want %d", len(runs), 7-tt.lost)
				}
				if lost := s.Losses()["run"]; lost != int64(tt.lost) {
					t.Errorf("%d runs are counted as lost, want %d", lost, tt.lost)
				}
				if tt.lost == 0 {
					if err := errors.Join(holdsAll(s, want), consistent(s, false)); err != nil {
						t.Error(err)
					}
				} else if err := holdsAll(s, want[5:]); err != nil {
					t.Error(err)
				}
				if err := s.Close(); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// TestFilesTakenAwayWhileClosed starts on what is left: it is said, counted, and
// no ID is given twice.
func TestFilesTakenAwayWhileClosed(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		harm func(t *testing.T, path string)
		said string
		lost int64
	}{
		{"nothing", func(*testing.T, string) {}, "", 0},
		{"removed", func(t *testing.T, path string) {
			t.Helper()
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
		}, "it is not there", 5},
		{"0 bytes", func(t *testing.T, path string) { t.Helper(); write(t, path, nil) }, "it has 0 bytes", 5},
		{"1 byte", func(t *testing.T, path string) { t.Helper(); write(t, path, []byte("S")) }, "it has 1 bytes", 5},
		{"no database", func(t *testing.T, path string) {
			t.Helper()
			write(t, path, bytes.Repeat([]byte("no database "), 5000))
		}, "file is not a database", 5},
		{"an older copy", func(t *testing.T, path string) {
			t.Helper()
			if err := os.Rename(filled(t, t.TempDir(), 2), path); err != nil {
				t.Fatal(err)
			}
		}, "put back from a copy", 3},
		{"cut short", func(t *testing.T, path string) {
			t.Helper()
			if err := os.Truncate(path, 3*smallestFile); err != nil {
				t.Fatal(err)
			}
		}, "the history is damaged", 5},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			tt.harm(t, filled(t, dir, 5))
			s, log := listened(t, dir)
			defer s.Close() //nolint:errcheck // nothing is left to find out
			if !strings.Contains(log.String(), tt.said) || tt.said == "" && log.Len() > 0 {
				t.Errorf("want %q to be said:\n%s", tt.said, log)
			}
			if lost := s.Losses()["run"]; lost != tt.lost {
				t.Errorf("%d runs are counted as lost, want %d:\n%s", lost, tt.lost, log)
			}
			r := example(1)
			if err := s.Record(t.Context(), r); err != nil {
				t.Fatal(err)
			}
			if r.ID != 6 {
				t.Errorf("the next run has ID %d, want 6", r.ID)
			}
		})
	}
}

// TestALogIsMissed kills a writer and removes its log: the runs that were in it
// are missed.
func TestALogIsMissed(t *testing.T) {
	dir := t.TempDir()
	told := killed(t, "writer", dir, 12)
	if err := os.Remove(filepath.Join(dir, fileName+"-wal")); err != nil {
		t.Fatal(err)
	}
	s, log := listened(t, dir)
	defer s.Close() //nolint:errcheck // nothing is left to find out
	runs, err := s.Runs(t.Context(), bench.RunQuery{})
	if err != nil {
		t.Fatal(err)
	}
	last := told[len(told)-1].Run.ID
	if missing := last - int64(len(runs)); missing < 1 || s.Losses()["run"] < missing || !strings.Contains(log.String(), "without its log") {
		t.Errorf("%d of %d runs are left, %v are counted as lost:\n%s", len(runs), last, s.Losses(), log)
	}
	r := example(1)
	if err := s.Record(t.Context(), r); err != nil || r.ID <= last {
		t.Errorf("ID %d was given after %d, %v", r.ID, last, err)
	}
}

// TestADamagedRowHarmsNoOther changes rows of each table as a person with an
// SQLite shell can.
func TestADamagedRowHarmsNoOther(t *testing.T) {
	t.Parallel()
	for table, change := range map[*table]string{
		&runsTable:      `UPDATE runs SET versions = substr(versions, 1, 5) WHERE id = 30`,
		&pointsTable:    `UPDATE points SET seconds_per_unit = seconds_per_unit * 2 WHERE run = 31`,
		&samplesTable:   `UPDATE samples SET content = zeroblob(80) WHERE run = 29`,
		&changesTable:   `UPDATE changes SET details = replace(details, '1.2', '1.3') WHERE id = 3`,
		&pinsTable:      `UPDATE pins SET levels = '[]' WHERE id = 1`,
		&cyclesTable:    `UPDATE cycles SET done = 0 WHERE number = 2`,
		&summariesTable: `UPDATE monthly_summaries SET content = replace(content, '1', '2') WHERE id = (SELECT min(id) FROM monthly_summaries)`,
	} {
		t.Run(table.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			var series []bench.Series
			t.Run("made", func(t *testing.T) { series = varied(t, dir) })
			s, log := listened(t, dir)
			defer s.Close() //nolint:errcheck // nothing is left to find out
			want, err := ask(t.Context(), s, series)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := s.file.Load().write.ExecContext(t.Context(), change); err != nil {
				t.Fatal(err)
			}
			got, err := ask(t.Context(), s, series)
			if err != nil {
				t.Fatal(err)
			}
			got.mustBePartOf(t, &want)
			if got, want := len(got.Runs)+len(got.Changes)+len(got.Samples), len(want.Runs)+len(want.Changes)+len(want.Samples); got < want-2 {
				t.Errorf("%d answers are left of %d", got, want)
			}
			if table == &cyclesTable { // it is not read but to find the last one
				return
			}
			if lost := s.Losses(); lost[table.kind] != 1 || !strings.Contains(log.String(), "level=ERROR") || !strings.Contains(log.String(), table.kind) {
				t.Errorf("lost are %v, want one %s:\n%s", lost, table.kind, log)
			}
		})
	}
}

// TestAReferenceIsMadeAnew loses what an experiment was called, until it runs again.
func TestAReferenceIsMadeAnew(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir())
	want := history(t, s, 20)
	if _, err := s.file.Load().write.ExecContext(t.Context(), `UPDATE experiments SET task = 'oi-bound' WHERE model = 'model-1'`); err != nil {
		t.Fatal(err)
	}
	runs, err := s.Runs(t.Context(), bench.RunQuery{})
	if err != nil {
		t.Fatal(err)
	}
	if len(runs) != 17 {
		t.Errorf("%d runs are shown, want the 17 of other models", len(runs))
	}
	for _, n := range []int{1, 8, 15} {
		if err := s.Record(t.Context(), example(n)); err != nil {
			t.Fatal(err)
		}
	}
	if err := holdsAll(s, want); err != nil {
		t.Error(err)
	}
}

// TestAPersonHasTheFileLocked names the process, and records when it is done.
func TestAPersonHasTheFileLocked(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir)
	cmd := child(t, "locker", dir)
	end := begun(t, cmd)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	r := example(1)
	err := s.Record(ctx, r)
	want := fmt.Sprintf("benchd.db: pid %d (%q) keeps the file locked: end it, recording then goes on by itself: database is locked", cmd.Process.Pid, cmd.Path+" "+dir)
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got error %v\nwant one with %s", err, want)
	}
	end()
	if err := s.Record(t.Context(), r); err != nil || r.ID != 1 {
		t.Errorf("ID %d, %v", r.ID, err)
	}
}

// begun starts a part that prints a line once it is at it, and ends when its
// input does.
func begun(t *testing.T, cmd *exec.Cmd) (end func()) {
	t.Helper()
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	awaitLine(t, cmd)
	return func() {
		if err := errors.Join(stdin.Close(), cmd.Wait()); err != nil {
			t.Error(err)
		}
	}
}

// awaitLine starts a command, and waits until it prints.
func awaitLine(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := out.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
}

// playLocker is a person with an SQLite shell.
func playLocker(dir string) error {
	db, err := connect(filepath.Join(dir, fileName), "_txlock=immediate")
	if err != nil {
		return err
	}
	tx, err := db.BeginTx(context.Background(), nil)
	if err != nil {
		return err
	}
	fmt.Print("\n")
	_, _ = os.Stdin.Read(make([]byte, 1))
	return errors.Join(tx.Rollback(), db.Close())
}

// TestTheFolderIsPrivate wants nothing that is made in it to be others'.
func TestTheFolderIsPrivate(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	s := open(t, dir)
	if err := s.Record(t.Context(), example(1)); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"", fileName, fileName + "-wal", fileName + "-shm", markName} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", name, info.Mode())
		}
	}
}

// TestLinksAreNotFollowed puts symbolic links where benchd makes files.
func TestLinksAreNotFollowed(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		markName: "benchd.mark: too many levels of symbolic links",
		fileName: "benchd.db is not a file but L---------: move it away",
	} {
		dir, target := t.TempDir(), filepath.Join(t.TempDir(), "precious")
		write(t, target, []byte("precious"))
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(t.Context(), dir, quiet); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got error %v\nwant one with %s", err, want)
		}
		if content, err := os.ReadFile(target); err != nil || string(content) != "precious" {
			t.Errorf("what the link leads to is %q, %v", content, err)
		}
	}
}

// TestTheLockIsTheFolders removes every file of the folder, and comes by another way.
func TestTheLockIsTheFolders(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	cmd := child(t, "holder", dir)
	end := begun(t, cmd)
	defer end()
	files, err := filepath.Glob(dir + "/*")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, f := range files {
		if err := os.Remove(f); err != nil {
			t.Fatal(err)
		}
	}
	link := dir + "-link"
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	for _, way := range []string{dir, link} {
		if _, err := Open(t.Context(), way, quiet); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("is in use by another process, pid %d", cmd.Process.Pid)) {
			t.Errorf("%s: got error %v", way, err)
		}
	}
}

// TestAStartWaitsForTheFile has a person keep the file locked at first.
func TestAStartWaitsForTheFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	filled(t, dir, 3)
	cmd := child(t, "locker", dir)
	end := begun(t, cmd)
	ended := make(chan struct{})
	time.AfterFunc(time.Second, func() {
		defer close(ended)
		end()
	})
	defer func() { <-ended }()
	s, _ := listened(t, dir)
	defer s.Close() //nolint:errcheck // nothing is left to find out
	if err := s.Record(t.Context(), example(1)); err != nil && !strings.Contains(err.Error(), "keeps the file locked") {
		t.Error(err)
	}
}
