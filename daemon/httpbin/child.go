package httpbin

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"

	"benchd/daemon/bench"
	"benchd/daemon/linux"
)

// startPatience bounds the start of the server's process.
const startPatience = 10 * time.Second

// Child keeps a server's process alive.
type Child struct {
	self string
	log  *slog.Logger

	mu       sync.Mutex
	url      string
	process  *os.Process // nil while it is started again
	hold     io.Closer   // its standard input
	exited   chan struct{}
	restarts int
	closed   bool
}

// Start starts the server's process, which is self, this program, and returns
// once it serves. Whenever it dies it is started again.
func Start(self string, log *slog.Logger) (*Child, error) {
	c := &Child{self: self, log: log}
	if err := c.start(); err != nil {
		return nil, fmt.Errorf("start the httpbin (or name one in BENCHD_HTTPBIN_URL): %w", err)
	}
	return c, nil
}

func (c *Child) start() error {
	announced, announce, err := os.Pipe()
	if err != nil {
		return err
	}
	defer announced.Close()
	cmd := exec.Command(c.self, "httpbin")
	cmd.Env = []string{} // nothing of the user's: the figures shall not depend on it
	cmd.Stderr = os.Stderr
	cmd.ExtraFiles = []*os.File{announce}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // the terminal's Ctrl-C is for the daemon
	hold, err := cmd.StdinPipe()
	if err != nil {
		announce.Close()
		return err
	}
	err = cmd.Start()
	announce.Close()
	if err != nil {
		return err
	}
	exited := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(exited)
	}()
	_ = announced.SetReadDeadline(time.Now().Add(startPatience))
	url, err := bufio.NewReader(announced).ReadString('\n')
	if err != nil {
		hold.Close()
		_ = cmd.Process.Kill()
		<-exited
		return fmt.Errorf("its process did not say its address: %w", err)
	}

	c.mu.Lock()
	defer c.mu.Unlock()
	c.url, c.process, c.hold, c.exited = strings.TrimSpace(url), cmd.Process, hold, exited
	if c.closed {
		hold.Close()
		return nil
	}
	go c.watch(exited)
	return nil
}

// watch starts the server again when it has died.
func (c *Child) watch(exited <-chan struct{}) {
	<-exited
	for pause := 100 * time.Millisecond; ; pause = min(2*pause, 5*time.Second) {
		c.mu.Lock()
		c.process = nil
		closed := c.closed
		if !closed {
			c.restarts++
		}
		c.mu.Unlock()
		if closed {
			return
		}
		err := c.start()
		if err == nil {
			c.log.Warn("httpbin had died and was started again")
			return // the new one has a watch of its own
		}
		c.log.Error("httpbin cannot be started again; IO experiments will fail", "err", err, "retry_in", pause)
		time.Sleep(pause)
	}
}

// Server describes the process as it is now.
func (c *Child) Server() bench.Server {
	c.mu.Lock()
	s := bench.Server{URL: c.url, SameHost: true, Up: c.process != nil, Restarts: c.restarts}
	process := c.process
	c.mu.Unlock()
	if process == nil {
		return s
	}
	pid := process.Pid
	if cpu, err := linux.CPU(pid); err == nil {
		s.CPUSeconds = new(cpu.Seconds())
	}
	if p, err := linux.Watch(pid); err == nil {
		defer p.Close()
		if stat, err := p.Stat(); err == nil {
			s.MemoryBytes = &stat.RSSBytes
		}
	}
	return s
}

// Close ends the process. It holds nothing that would be lost.
func (c *Child) Close() error {
	c.mu.Lock()
	c.closed = true
	process, exited := c.process, c.exited
	c.mu.Unlock()
	if process == nil {
		return nil // it is being started again, and will end for want of us
	}
	// By its Process, not by its id, which is another's once it has died.
	err := process.Kill()
	<-exited
	if err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("end the httpbin: %w", err)
	}
	return nil
}
