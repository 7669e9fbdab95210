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

// soon is how often the tests have a child looked after.
const soon = 20 * time.Millisecond

func begin(t *testing.T, c *Child) {
	t.Helper()
	if err := c.begin(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closing(t, c) })
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
	c := newChild(ownPath(t), slog.New(slog.DiscardHandler))
	c.probeInterval = soon
	begin(t, c)
	before := c.Server()
	if err := syscall.Kill(pidOf(c), syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	poll(t, "a server that is not up", func() bool { return !c.Server().Up })
	poll(t, "a new process", func() bool {
		now := c.Server()
		return now.Up && now.URL != before.URL && now.Restarts == 1
	})
}

// TestLargeChildIsStartedAgain bounds what the server takes from the workloads.
func TestLargeChildIsStartedAgain(t *testing.T) {
	t.Parallel()
	c := newChild(ownPath(t), slog.New(slog.DiscardHandler))
	c.probeInterval, c.probeTimeout, c.maxMemory = soon, patienceOfTests, 1 // it does not hang
	begin(t, c)
	poll(t, "a new process", func() bool { return c.Server().Restarts >= 1 })
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
	c := newChild(self, slog.New(slog.NewTextHandler(&logged, nil)))
	begin(t, c)
	if err := os.Rename(self, self+".away"); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pidOf(c), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	poll(t, "two attempts", func() bool { return strings.Count(logged.String(), "cannot be started again") >= 2 })
	if s := c.Server(); s.Up || s.Restarts != 0 {
		t.Errorf("after attempts: %+v", s)
	}
	if err := os.Rename(self+".away", self); err != nil {
		t.Fatal(err)
	}
	poll(t, "one restart", func() bool { s := c.Server(); return s.Up && s.Restarts == 1 })
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
	poll(t, "the end of the server", func() bool {
		stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
		_, after, _ := bytes.Cut(stat, []byte(") "))
		return err != nil || bytes.HasPrefix(after, []byte("Z")) // what reaps it is not of this test
	})
	_, _ = io.Copy(io.Discard, out)
}
