package httpbin

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	"benchd/daemon/bench"
	"benchd/daemon/linux"
)

const (
	// startPatience bounds the start of the server's process.
	startPatience = 10 * time.Second
	// A server that does not answer for so often, one time after the other, hangs. On a
	// machine whose cores are all busy, an answer may take a while.
	patience   = 3
	againAfter = time.Second
	// A server that lived for less time died of its start: the next one waits
	// twice as long, up to the longest pause.
	settled              = time.Minute
	firstPause, maxPause = 100 * time.Millisecond, 30 * time.Second
	// maxMemory is far more than thousands of connections take, and little enough
	// to leave the workloads theirs.
	maxMemory = 1 << 30
)

// Child keeps a server's process alive.
type Child struct {
	self          string
	log           *slog.Logger
	probeInterval time.Duration
	probeTimeout  time.Duration
	maxMemory     float64 // bytes
	closing       chan struct{}
	closed        chan struct{} // no process is left, and none will be started

	mu       sync.Mutex
	url      string
	process  *os.Process // nil while it is started again
	answers  bool        // at the latest look
	hold     io.Closer   // its standard input
	exited   chan struct{}
	restarts int
}

// Start starts the server's process, which is self, this program, and returns
// once it serves. Whenever it dies or hangs it is started again.
func Start(self string, log *slog.Logger) (*Child, error) {
	c := newChild(self, log)
	if err := c.begin(); err != nil {
		return nil, fmt.Errorf("start the httpbin (or name one in BENCHD_HTTPBIN_URL): %w", err)
	}
	return c, nil
}

func newChild(self string, log *slog.Logger) *Child {
	return &Child{
		self: self, log: log, probeInterval: probeInterval, probeTimeout: probeTimeout, maxMemory: maxMemory,
		closing: make(chan struct{}), closed: make(chan struct{}),
	}
}

// begin starts the first process and what keeps one alive.
func (c *Child) begin() error {
	started := make(chan error, 1)
	go func() {
		defer close(c.closed)
		// Pdeathsig kills a process with the thread that started it, not with the
		// daemon: so this thread does nothing else for as long as the daemon lives.
		runtime.LockOSThread()
		err := c.start()
		started <- err
		if err == nil {
			c.keep()
		}
	}()
	return <-started
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
	// The terminal's Ctrl-C is for the daemon. A process that is stopped does not see its
	// standard input end with the daemon: so it is killed as well.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL}
	hold, err := cmd.StdinPipe()
	if err != nil {
		announce.Close()
		return err
	}
	err = linux.Start(cmd)
	announce.Close()
	if err != nil {
		return err
	}
	exited := make(chan struct{})
	go func() {
		_ = linux.Wait(cmd)
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
	c.url, c.process, c.answers, c.hold, c.exited = strings.TrimSpace(url), cmd.Process, true, hold, exited
	return nil
}

// keep starts the server again whenever it has ended, until it is to be closed.
func (c *Child) keep() {
	pause := firstPause
	for {
		born := time.Now()
		c.attend()
		c.mu.Lock()
		c.process = nil
		c.mu.Unlock()
		if time.Since(born) > settled {
			pause = firstPause
		}
		for ended := false; !ended; pause = min(2*pause, maxPause) {
			select {
			case <-c.closing:
				return
			case <-time.After(pause):
			}
			err := c.start()
			if ended = err == nil; !ended {
				c.log.Error("httpbin cannot be started again; IO experiments will fail", "err", err, "retry_in", min(2*pause, maxPause))
			}
		}
		c.mu.Lock()
		c.restarts++
		c.mu.Unlock()
		c.log.Warn("httpbin had ended and was started again")
	}
}

// attend looks after a process until it has ended, and ends one that does not
// answer, takes too much memory, or is to be closed.
func (c *Child) attend() {
	c.mu.Lock()
	url, process, exited := c.url, c.process, c.exited
	c.mu.Unlock()
	client := newClient(c.probeTimeout)
	defer client.CloseIdleConnections()
	look := time.NewTimer(c.probeInterval)
	defer look.Stop()
	// By its Process, not by its id, which is another's once it has died.
	end := func() {
		if err := process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
			c.log.Error("httpbin cannot be killed", "err", err)
		}
		<-exited
	}
	silent := 0
	for {
		select {
		case <-exited:
			return
		case <-c.closing:
			end()
			return
		case <-look.C:
		}
		err := probe(client, url)
		c.mu.Lock()
		c.answers = err == nil
		c.mu.Unlock()
		look.Reset(c.probeInterval)
		if silent++; err == nil {
			silent = 0
		} else {
			look.Reset(min(c.probeInterval, againAfter))
		}
		memory := c.Server().MemoryBytes
		switch {
		case silent >= patience:
			c.log.Error("httpbin hangs and is killed", "err", err)
		case memory != nil && *memory > c.maxMemory:
			c.log.Error("httpbin takes too much memory and is killed", "bytes", *memory)
		default:
			continue
		}
		end()
	}
}

// probe asks whether the server is well.
func probe(client *http.Client, url string) error {
	request, err := http.NewRequestWithContext(context.Background(), http.MethodGet, url+healthyPath, http.NoBody)
	if err != nil {
		return err
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return errors.New(response.Status)
	}
	return nil
}

// Server describes the process as it is now.
func (c *Child) Server() bench.Server {
	c.mu.Lock()
	s := bench.Server{URL: c.url, SameHost: true, Up: c.process != nil && c.answers, Restarts: c.restarts}
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
	close(c.closing)
	<-c.closed
	return nil
}
