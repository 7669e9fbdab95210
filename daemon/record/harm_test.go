package record

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"benchd/daemon/bench"
)

func TestKillLosesNothingThatWasRecorded(t *testing.T) {
	dir := t.TempDir()
	var told []promise
	for _, after := range []int{1, 2, 7, 20} {
		told = append(told, killed(t, "writer", dir, after)...)
		s, err := Open(t.Context(), dir, quiet)
		if err != nil {
			t.Fatalf("after SIGKILL: %v", err)
		}
		err = errors.Join(holdsPromises(s, told), consistent(s, false))
		if err := errors.Join(err, s.Close()); err != nil {
			t.Fatal(err)
		}
	}
}

// killed lets a part print so many promises, kills it in the midst of the
// next, and returns what it had promised.
func killed(t *testing.T, part, dir string, after int) (told []promise) {
	t.Helper()
	cmd := child(t, part, dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 1<<20)
	for n := 0; lines.Scan(); n++ {
		if n == after {
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
		var p promise
		if err := json.Unmarshal(lines.Bytes(), &p); err != nil {
			t.Fatal(err)
		}
		told = append(told, p)
	}
	if err := cmd.Wait(); err == nil {
		t.Fatal("the writer ended before it was killed")
	}
	return told
}

// promise is what a writer was told to be recorded: a run and a change of it.
type promise struct {
	Run     bench.Run
	Change  int64            // its ID
	Uptimes [2]time.Duration // of both, which their JSON leaves out
}

// playWriter records until it is killed, and prints each run and change after
// both were recorded.
func playWriter(dir string) error {
	s, err := Open(context.Background(), dir, quiet)
	if err != nil {
		return err
	}
	return promises(s)
}

func promises(s *Store) error {
	ctx := context.Background()
	for n := 0; ; n++ {
		r := example(n)
		if r.Outcome != bench.OK { // its output is not UTF-8, which JSON does not keep
			continue
		}
		r.WarmUp = false // so that it has a point
		r.Samples = make([]bench.Sample, n)
		if err := s.Record(ctx, r); err != nil {
			return err
		}
		c := exampleChange(r)
		if err := s.RecordChange(ctx, c); err != nil {
			return err
		}
		line, err := json.Marshal(promise{*r, c.ID, [2]time.Duration{r.Uptime, c.Uptime}})
		if err != nil {
			return err
		}
		if _, err := fmt.Printf("%s\n", line); err != nil {
			return err
		}
		if err := s.RecordCycle(ctx, bench.Cycle{Number: r.Cycle, Done: n}); err != nil {
			return err
		}
	}
}

func holdsPromises(s *Store, told []promise) error {
	changes, err := s.Changes(context.Background(), bench.ChangeQuery{Limit: maxLimit})
	if err != nil {
		return err
	}
	kept := map[int64]bench.Change{}
	for _, c := range changes {
		kept[c.ID] = c
	}
	runs := make([]bench.Run, len(told))
	for i, p := range told {
		runs[i] = p.Run
		c := exampleChange(&p.Run)
		c.ID = p.Change
		runs[i].Uptime, c.Uptime = p.Uptimes[0], p.Uptimes[1]
		if d := diff(*c, kept[p.Change]); d != "" {
			return fmt.Errorf("a change differs (-recorded +read):\n%s", d)
		}
	}
	return holdsAll(s, runs)
}

// consistent looks for halves of what belongs together. After pruning points
// are there without their runs.
func consistent(s *Store, pruned bool) error {
	const good = `outcome = 'ok' AND NOT warm_up AND figures IS NOT NULL`
	count := map[string]string{
		"good runs without a point": `SELECT count(*) FROM runs r WHERE ` + good + `
			AND NOT EXISTS (SELECT 1 FROM points WHERE run = r.id AND experiment = r.experiment)`,
		"points of no run": `SELECT count(*) FROM points p
			WHERE NOT EXISTS (SELECT 1 FROM runs WHERE id = p.run AND ` + good + `)`,
		"samples of no run": `SELECT count(*) FROM samples s
			WHERE NOT EXISTS (SELECT 1 FROM runs WHERE id = s.run AND experiment = s.experiment)`,
		"losses":                  `SELECT coalesce(sum(records), 0) FROM losses`,
		"complaints about a page": `SELECT count(*) FROM pragma_integrity_check WHERE integrity_check <> 'ok'`,
		"runs that are neither kept nor counted": `SELECT
			(SELECT run FROM ledger) - (SELECT count(*) FROM runs)
			- (SELECT coalesce(sum(n.value), 0) FROM monthly_summaries m, json_each(m.content, '$.runs') n)`,
	}
	if pruned {
		delete(count, "points of no run")
	}
	for what, text := range count {
		var n int
		if err := s.file.Load().read.QueryRowContext(context.Background(), text).Scan(&n); err != nil {
			return fmt.Errorf("count %s: %w", what, err)
		}
		if n != 0 {
			return fmt.Errorf("there are %d %s", n, what)
		}
	}
	return nil
}

func TestKillWhilePruningLosesNothingUncounted(t *testing.T) {
	dir := t.TempDir()
	for _, after := range []int{0, 3, 30, 31, 60} {
		killed(t, "pruner", dir, after)
		s, err := Open(t.Context(), dir, quiet)
		if err != nil {
			t.Fatalf("after SIGKILL: %v", err)
		}
		var months int
		err = s.file.Load().read.QueryRowContext(t.Context(), "SELECT count(*) FROM monthly_summaries").Scan(&months)
		if err := errors.Join(err, consistent(s, true), s.Close()); err != nil {
			t.Fatal(err)
		}
		if after > 20 && months == 0 {
			t.Error("it dropped nothing")
		}
	}
}

// playPruner drops what the writer has just recorded, until it is killed.
func playPruner(dir string) error {
	s, err := Open(context.Background(), dir, quiet)
	if err != nil {
		return err
	}
	failed := make(chan error, 2)
	go func() { failed <- promises(s) }()
	go func() {
		for {
			if _, err := s.Prune(context.Background(), time.Now(), Limits{Bytes: 1, Points: 3}); err != nil {
				failed <- err
				return
			}
		}
	}()
	return <-failed
}

func holdsAll(s *Store, want []bench.Run) error {
	read := map[int64]bench.Run{}
	for before := int64(0); ; {
		page, err := s.Runs(context.Background(), bench.RunQuery{Before: before, Limit: maxLimit})
		if err != nil {
			return err
		}
		if len(page) == 0 {
			break
		}
		for _, r := range page {
			read[r.ID] = r
		}
		before = page[len(page)-1].ID
	}
	for i := range want {
		got, ok := read[want[i].ID]
		if !ok {
			return fmt.Errorf("%w: ID %d of %d", errMissing, want[i].ID, len(want))
		}
		if err := equal(&want[i], got); err != nil {
			return err
		}
	}
	return nil
}

func TestTheFolderBelongsToOneDaemon(t *testing.T) {
	dir := t.TempDir()
	cmd := child(t, "holder", dir)
	end := begun(t, cmd)
	_, err := Open(t.Context(), dir, quiet)
	want := fmt.Sprintf("BENCHD_DATA_DIR %s is in use by another process, pid %d (%q): stop it, or set BENCHD_DATA_DIR to another folder", dir, cmd.Process.Pid, cmd.Path+" "+dir)
	if err == nil || err.Error() != want {
		t.Errorf("got error %v\nwant %s", err, want)
	}
	end()
	open(t, dir)
}

// playHolder keeps the folder until its input ends.
func playHolder(dir string) error {
	s, err := Open(context.Background(), dir, quiet)
	if err != nil {
		return err
	}
	fmt.Print("\n")
	_, err = io.Copy(io.Discard, os.Stdin)
	return errors.Join(err, s.Close())
}

func TestAFullDiskIsAnErrorAndPasses(t *testing.T) {
	cmd := child(t, "full", t.TempDir())
	ownMounts(t, cmd)
	if err := cmd.Run(); err != nil {
		t.Error(err)
	}
}

func playFullDisk(dir string) error {
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=2m"); err != nil {
		return err
	}
	ballast := filepath.Join(dir, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 1<<20), 0o600); err != nil {
		return err
	}
	return outgrow(dir, "benchd.db: the disk is full: make room on it, recording then goes on by itself", func() error {
		return os.Remove(ballast)
	})
}

func TestAnIOErrorIsAnErrorAndPasses(t *testing.T) {
	if err := child(t, "limited", t.TempDir()).Run(); err != nil {
		t.Error(err)
	}
}

func playFileLimit(dir string) error {
	signal.Ignore(unix.SIGXFSZ) // so that a write fails instead
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_FSIZE, &limit); err != nil {
		return err
	}
	lower := limit
	lower.Cur = 512 << 10
	if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &lower); err != nil {
		return err
	}
	return outgrow(dir, "benchd.db: the disk fails, or a limit or quota is reached: look at the disk and at the system's log", func() error {
		return unix.Setrlimit(unix.RLIMIT_FSIZE, &limit)
	})
}

// outgrow records until there is no room, makes room, and goes on. No run for
// which Record returned nil may be lost, and none that it refused be there.
func outgrow(dir, message string, makeRoom func() error) error {
	ctx := context.Background()
	s, err := Open(ctx, dir, quiet)
	if err != nil {
		return err
	}
	var kept []bench.Run
	record := func(n int) error {
		r := example(n)
		err := s.Record(ctx, r)
		if err == nil {
			kept = append(kept, *r)
		}
		return err
	}
	n := 0
	for ; err == nil && n < 10_000; n++ {
		err = record(n)
	}
	if err == nil || !strings.Contains(err.Error(), message) {
		return fmt.Errorf("after %d runs: got error %w\nwant one with %s", n, err, message)
	}
	for range 5 {
		if err := record(n); err == nil {
			return errors.New("a run was recorded without room for it")
		}
	}
	if err := holdsAll(s, kept); err != nil {
		return fmt.Errorf("while there is no room: %w", err)
	}
	if err := makeRoom(); err != nil {
		return err
	}
	for range 20 {
		n++
		if err := record(n); err != nil {
			return fmt.Errorf("there is room again: %w", err)
		}
	}
	if err := s.Close(); err != nil {
		return err
	}
	if s, err = Open(ctx, dir, quiet); err != nil {
		return err
	}
	runs, err := s.Runs(ctx, bench.RunQuery{Limit: maxLimit})
	if err == nil && len(runs) != min(len(kept), maxLimit) {
		err = fmt.Errorf("%d runs are there, %d were recorded", len(runs), len(kept))
	}
	return errors.Join(err, holdsAll(s, kept), consistent(s, false), s.Close())
}

func TestAReadOnlyFolderIsRefused(t *testing.T) {
	dir := t.TempDir()
	cmd := child(t, "sealed", dir)
	ownMounts(t, cmd)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Run(); err == nil {
		t.Error("it opened")
	}
	want := "open what was recorded last: open DIR/benchd.mark: read-only file system: make it a folder that the user benchd runs as can write, or set BENCHD_DATA_DIR to another one\n"
	if got := strings.ReplaceAll(stderr.String(), dir, "DIR"); got != want {
		t.Errorf("got  %swant %s", got, want)
	}
}

func playReadOnly(dir string) error {
	if err := unix.Mount("tmpfs", dir, "tmpfs", syscall.MS_RDONLY, ""); err != nil {
		return err
	}
	_, err := Open(context.Background(), dir, quiet)
	return err
}
