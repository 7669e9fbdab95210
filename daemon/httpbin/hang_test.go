package httpbin

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// impatient is a child that is looked after so often that a test need not wait.
func impatient(t *testing.T, self string) *Child {
	t.Helper()
	c := &Child{
		self: self, log: slog.New(slog.DiscardHandler),
		probeInterval: 20 * time.Millisecond, probeTimeout: 2 * time.Second, maxMemory: maxMemory,
		closing: make(chan struct{}), closed: make(chan struct{}),
	}
	if err := c.begin(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closing(t, c) })
	return c
}

func ownPath(t *testing.T) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return self
}

// TestHungChildIsStartedAgain stops the server's process, which then neither
// answers nor ends.
func TestHungChildIsStartedAgain(t *testing.T) {
	t.Parallel()
	c := impatient(t, ownPath(t))
	before := c.Server()
	if err := syscall.Kill(pidOf(c), syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	pollLong(t, "a server that is not up", func() bool { return !c.Server().Up })
	pollLong(t, "a new process", func() bool {
		now := c.Server()
		return now.Up && now.URL != before.URL && now.Restarts == 1
	})
}

// TestLargeChildIsStartedAgain bounds what the server takes from the workloads.
func TestLargeChildIsStartedAgain(t *testing.T) {
	t.Parallel()
	c := &Child{
		self: ownPath(t), log: slog.New(slog.DiscardHandler),
		probeInterval: 20 * time.Millisecond, probeTimeout: 20 * time.Second, maxMemory: 1,
		closing: make(chan struct{}), closed: make(chan struct{}),
	}
	if err := c.begin(); err != nil {
		t.Fatal(err)
	}
	defer closing(t, c)
	pollLong(t, "a new process", func() bool { return c.Server().Restarts >= 1 })
}

// TestRestartsAreNotAttempts takes the program away for some attempts.
func TestRestartsAreNotAttempts(t *testing.T) {
	t.Parallel()
	program, err := os.ReadFile(ownPath(t))
	if err != nil {
		t.Fatal(err)
	}
	self := filepath.Join(t.TempDir(), "benchd")
	if err := os.WriteFile(self, program, 0o700); err != nil {
		t.Fatal(err)
	}
	var logged lockedBuffer
	c := &Child{
		self: self, log: slog.New(slog.NewTextHandler(&logged, nil)),
		probeInterval: probeInterval, probeTimeout: probeTimeout, maxMemory: maxMemory,
		closing: make(chan struct{}), closed: make(chan struct{}),
	}
	if err := c.begin(); err != nil {
		t.Fatal(err)
	}
	defer closing(t, c)
	if err := os.Rename(self, self+".away"); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pidOf(c), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	pollLong(t, "two attempts", func() bool { return strings.Count(logged.String(), "cannot be started again") >= 2 })
	if s := c.Server(); s.Up || s.Restarts != 0 {
		t.Errorf("after attempts: %+v", s)
	}
	if err := os.Rename(self+".away", self); err != nil {
		t.Fatal(err)
	}
	pollLong(t, "one restart", func() bool { s := c.Server(); return s.Up && s.Restarts == 1 })
}

// playDaemon has a server, says its id, and waits for its own end.
func playDaemon() {
	c, err := Start(os.Args[0], slog.New(slog.DiscardHandler))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(pidOf(c))
	select {}
}

// TestHungChildEndsWithTheDaemon kills a daemon whose server cannot see its
// standard input end.
func TestHungChildEndsWithTheDaemon(t *testing.T) {
	t.Parallel()
	daemon := exec.Command(ownPath(t), "daemon")
	out, err := daemon.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := daemon.Start(); err != nil {
		t.Fatal(err)
	}
	var pid int
	if _, err := fmt.Fscan(out, &pid); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	if err := daemon.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = daemon.Wait()
	pollLong(t, "the end of the server", func() bool {
		stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
		_, after, _ := bytes.Cut(stat, []byte(") "))
		return err != nil || bytes.HasPrefix(after, []byte("Z")) // what reaps it is not of this test
	})
	_, _ = io.Copy(io.Discard, out)
}

// pollLong waits for what takes some time-outs.
func pollLong(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("waited in vain for: %s", what)
}
