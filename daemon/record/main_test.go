package record

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"benchd/daemon/bench"
)

// childEnv makes the test binary play a part in a process of its own.
const childEnv = "BENCHD_RECORD_TEST_CHILD"

func TestMain(m *testing.M) {
	play, ok := map[string]func(dir string) error{
		"":        nil,
		"writer":  playWriter,
		"holder":  playHolder,
		"locker":  playLocker,
		"full":    playFullDisk,
		"limited": playFileLimit,
		"sealed":  playReadOnly,
		"pruner":  playPruner,
	}[os.Getenv(childEnv)]
	switch {
	case !ok:
		fmt.Fprintln(os.Stderr, "no such part:", os.Getenv(childEnv))
		os.Exit(2)
	case play == nil:
		os.Exit(m.Run())
	}
	if err := play(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// quiet is the log of a store that nobody listens to.
var quiet = slog.New(slog.DiscardHandler)

func child(t *testing.T, part, dir string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self, dir)
	cmd.Env = append(os.Environ(), childEnv+"="+part)
	cmd.Stderr = os.Stderr
	return cmd
}

// ownMounts lets the child mount file systems that nobody else sees, where the
// kernel allows that, which also root may be refused in a container.
func ownMounts(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	attr := &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}},
	}
	try := exec.CommandContext(t.Context(), "mount", "-t", "tmpfs", "tmpfs", t.TempDir())
	try.SysProcAttr = attr
	if out, err := try.CombinedOutput(); err != nil {
		reason := fmt.Sprintf("no mounting in a namespace of one's own here: %v %s", err, out)
		if os.Getenv("CI") == "true" {
			t.Fatal(reason)
		}
		t.Skip(reason)
	}
	cmd.SysProcAttr = attr
}

func open(t testing.TB, dir string) *Store {
	t.Helper()
	s, err := Open(t.Context(), dir, quiet)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// quick is for tests that record a lot: it leaves out waiting for the disk.
func quick(t testing.TB, dir string) *Store {
	t.Helper()
	s := open(t, dir)
	if _, err := s.file.Load().write.ExecContext(t.Context(), "PRAGMA synchronous = OFF"); err != nil {
		t.Fatal(err)
	}
	return s
}

// example is the n-th run, unlike the others.
func example(n int) *bench.Run {
	pointer := 0.1 * float64(n)
	latency := &bench.Histogram{SumSeconds: 51.3 + float64(n)}
	for i := range 20 {
		latency.Buckets = append(latency.Buckets, bench.Bucket{LE: 0.001 * float64(i+1), Count: uint64(n) << 40})
	}
	start := time.Date(2026, 3, 1, 12, 0, n, 123456789, time.UTC)
	r := &bench.Run{
		Key:      bench.Key{Task: "io-bound", Runtime: "go", Model: fmt.Sprintf("model-%d", n%7), Concurrency: 10 * (n % 3)},
		Unit:     "requests",
		Size:     "quick",
		Cycle:    int64(n / 10),
		WarmUp:   n < 10,
		Started:  start,
		Ended:    start.Add(1234567 * time.Nanosecond),
		Outcome:  bench.OK,
		Versions: bench.Versions{Runtime: "go1.26.0", Client: "net/http"},
		Figures: &bench.Figures{
			WallSeconds: 1.0 / 3, CPUPercentMax: &pointer, Units: 1e6 + float64(n), Items: 1000,
			CPUUserSeconds: 0.2 + 0.001*float64(n), PeakMemoryBytes: new(5e7 + float64(n)),
			Errors: map[string]float64{"status": 2, "timeout": 1}, Latency: latency,
		},
		ServerBound: n%2 == 0,
		Rerun:       n%6 == 0,
	}
	if n%3 != 0 { // others are as of a benchd that did not record these
		r.Input = fmt.Sprintf("quick-%016x", n/100)
		r.Fingerprint = &bench.Fingerprint{Host: bench.Host{Cores: 2, Kernel: fmt.Sprint(n / 50), CPULimit: &pointer}, Benchd: "v1"}
	}
	switch n % 5 {
	case 3:
		r.Noise = []bench.Noise{bench.NoiseSteal, bench.NoiseClock}
	case 4:
		r.Outcome, r.Figures = bench.Failed, nil
		r.Error, r.Output = "exit status 3", "not UTF-8 \xff, a NUL \x00, and an é"
		r.Exit = bench.Exit{Code: -1, Signal: "killed", Strays: 2}
	}
	return r
}

// diff compares runs; those of the store have an ID, the examples none.
func diff(want, got any) string { return cmp.Diff(want, got, cmpopts.EquateEmpty()) }

func equal(want *bench.Run, got bench.Run) error {
	if d := diff(*want, got); d != "" {
		return fmt.Errorf("the run that was read differs (-recorded +read):\n%s", d)
	}
	return nil
}

var errMissing = errors.New("a run that was recorded is missing")
