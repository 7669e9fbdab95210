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

	"golang.org/x/sys/unix"

	"benchd/daemon/bench"
)

func TestKillLosesNothingThatWasRecorded(t *testing.T) {
	dir := t.TempDir()
	var told []bench.Run
	for _, after := range []int{1, 2, 7, 20} {
		cmd := child(t, "writer", dir)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		for n := 0; lines.Scan(); n++ {
			if n == after { // in the midst of the next ones
				if err := cmd.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
			var r bench.Run
			if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
				t.Fatal(err)
			}
			told = append(told, r)
		}
		if err := cmd.Wait(); err == nil {
			t.Fatal("the writer ended before it was killed")
		}

		s, err := Open(t.Context(), dir)
		if err != nil {
			t.Fatalf("after SIGKILL: %v", err)
		}
		err = holdsAll(s, told)
		if err := errors.Join(err, s.Close()); err != nil {
			t.Fatal(err)
		}
	}
}

// playWriter records until it is killed, and prints each run after Record
// returned: its output is what it was promised.
func playWriter(dir string) error {
	s, err := Open(context.Background(), dir)
	if err != nil {
		return err
	}
	for n := 0; ; n++ {
		r := example(n)
		if r.Outcome != bench.OK { // its output is not UTF-8, which JSON does not keep
			continue
		}
		if err := s.Record(context.Background(), r); err != nil {
			return err
		}
		line, err := json.Marshal(r)
		if err != nil {
			return err
		}
		if _, err := fmt.Printf("%s\n", line); err != nil {
			return err
		}
		if err := s.RecordCycle(context.Background(), bench.Cycle{Number: r.Cycle, Done: n}); err != nil {
			return err
		}
	}
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
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := out.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	_, err = Open(t.Context(), dir)
	want := fmt.Sprintf("BENCHD_DATA_DIR %s is in use by another benchd, pid %d: stop it, or set BENCHD_DATA_DIR to another folder", dir, cmd.Process.Pid)
	if err == nil || err.Error() != want {
		t.Errorf("got error %v\nwant %s", err, want)
	}
	if err := errors.Join(stdin.Close(), cmd.Wait()); err != nil {
		t.Fatal(err)
	}
	open(t, dir)
}

// playHolder keeps the folder until its input ends.
func playHolder(dir string) error {
	s, err := Open(context.Background(), dir)
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
	s, err := Open(ctx, dir)
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
	if s, err = Open(ctx, dir); err != nil {
		return err
	}
	runs, err := s.Runs(ctx, bench.RunQuery{Limit: maxLimit})
	if err == nil && len(runs) != min(len(kept), maxLimit) {
		err = fmt.Errorf("%d runs are there, %d were recorded", len(runs), len(kept))
	}
	return errors.Join(err, holdsAll(s, kept), s.Close())
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
	want := "lock BENCHD_DATA_DIR: open DIR/benchd.lock: read-only file system: make it a folder that the user benchd runs as can write, or set BENCHD_DATA_DIR to another one\n"
	if got := strings.ReplaceAll(stderr.String(), dir, "DIR"); got != want {
		t.Errorf("got  %swant %s", got, want)
	}
}

func playReadOnly(dir string) error {
	if err := unix.Mount("tmpfs", dir, "tmpfs", syscall.MS_RDONLY, ""); err != nil {
		return err
	}
	_, err := Open(context.Background(), dir)
	return err
}

func TestDamageFoundWhileReadingIsExplained(t *testing.T) {
	dir := t.TempDir()
	path := filled(t, dir, 200)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	const pages = 48 * 4096 // those of the schema and the roots of its tables
	write(t, path, append(data[:pages], bytes.Repeat([]byte{0xa5}, len(data)-pages)...))
	_, err = open(t, dir).Runs(t.Context(), bench.RunQuery{})
	if err == nil || !strings.Contains(err.Error(), "benchd.db: the file is damaged or not benchd's: stop benchd and move it away") {
		t.Errorf("got error %v", err)
	}
}
