package run

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"benchd/daemon/linux"
	"benchd/workloads/protocol"
)

// child is a running workload, seen through its supervisor.
type child struct {
	cmd      *exec.Cmd
	gate     *os.File // standard input of the workload
	control  *os.File // orders to the supervisor; closing it kills
	messages <-chan message
	started  <-chan report // one report, or closed
	ended    <-chan ended  // one, when the first process has ended
	gone     chan struct{} // closed when the supervisor has ended
	swept    swept         // valid when gone and sweptOK
	sweptOK  bool
	output   *output
	pid      int    // of the workload's first process, once it is started
	mark     string // NAME=value in the environment of all its processes
}

// message is one line of the workload, with the moment at which it was read.
type message struct {
	line []byte
	at   time.Time
	err  error
}

// start starts command under a supervisor, which is self, this program. The
// error says what could not be started.
func start(self string, command, env []string, dir, mark string) (*child, error) {
	var files []*os.File
	closeAll := func() {
		for _, f := range files {
			f.Close()
		}
	}
	pipe := func() (r, w *os.File) {
		r, w, err := os.Pipe()
		if err != nil {
			return nil, nil
		}
		files = append(files, r, w)
		return r, w
	}
	stdin, gate := pipe()
	outputR, outputW := pipe()
	messagesR, messagesW := pipe()
	controlR, control := pipe()
	reportsR, reportsW := pipe()
	if reportsW == nil || len(files) != 10 {
		closeAll()
		return nil, errors.New("no descriptors left for pipes: raise the limit of open files (ulimit -n)")
	}
	cmd := exec.Command(self, append([]string{"supervise", "--"}, command...)...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, outputW, outputW
	cmd.ExtraFiles = []*os.File{messagesW, controlR, reportsW}
	cmd.Env, cmd.Dir = env, dir
	// A session of its own, away from the terminal's Ctrl-C: whether and how
	// the workload ends is the daemon's to say.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		closeAll()
		return nil, fmt.Errorf("start the supervisor %s: %w", self, err)
	}
	for _, theirs := range []*os.File{stdin, outputW, messagesW, controlR, reportsW} {
		theirs.Close()
	}

	c := &child{cmd: cmd, gate: gate, control: control, gone: make(chan struct{}), mark: mark}
	c.output = capture(outputR)
	c.messages = readMessages(messagesR)
	c.readReports(reportsR)
	return c, nil
}

// readMessages delivers the workload's lines. After one that is too long, or
// the end of the file, an error is delivered and reading ends.
func readMessages(f *os.File) <-chan message {
	messages := make(chan message, 4)
	go func() {
		// A thread of its own reads with the least delay: the reading of the
		// result ends the measured region.
		runtime.LockOSThread()
		defer f.Close()
		defer close(messages)
		lines := bufio.NewReaderSize(f, protocol.MaxMessageBytes)
		for {
			line, err := lines.ReadSlice('\n')
			at := time.Now()
			switch {
			case errors.Is(err, bufio.ErrBufferFull):
				messages <- message{err: fmt.Errorf("a message has more than %d bytes", protocol.MaxMessageBytes), at: at}
				return
			case err != nil && len(line) > 0:
				messages <- message{err: fmt.Errorf("the last message, %.60q, has no line feed at its end", line), at: at}
				return
			case err != nil:
				return
			}
			messages <- message{line: append([]byte(nil), line...), at: at}
		}
	}()
	return messages
}

func (c *child) readReports(f *os.File) {
	started, over := make(chan report, 1), make(chan ended, 1)
	c.started, c.ended = started, over
	go func() {
		defer close(c.gone)
		defer func() { _ = c.cmd.Wait() }() // its exit code says no more than its reports
		defer close(over)
		defer close(started)
		defer f.Close()
		reports := json.NewDecoder(f)
		for {
			var r report
			if reports.Decode(&r) != nil {
				return
			}
			switch {
			case r.Ended != nil:
				over <- *r.Ended
			case r.Swept != nil:
				c.swept, c.sweptOK = *r.Swept, true
			default:
				started <- r
			}
		}
	}()
}

// open passes a gate.
func (c *child) open(gate string) error {
	_ = c.gate.SetWriteDeadline(time.Now().Add(time.Second)) // a full pipe must not hold the daemon
	_, err := c.gate.WriteString(gate + "\n")
	return err
}

// terminate asks the workload to end, and kills it if it does not.
func (c *child) terminate() { _, _ = c.control.Write([]byte{orderTerminate}) }

// supervisorPatience is how long the supervisor may take, after the order to
// terminate, until nothing is left.
const supervisorPatience = Grace + 1500*time.Millisecond

// finish waits until nothing of the workload is left. Only when the supervisor
// itself was killed or hangs has it anything to do.
func (c *child) finish(patience time.Duration) {
	select {
	case <-c.gone:
	case <-time.After(patience):
		c.control.Close() // end of file: kill at once
		select {
		case <-c.gone:
		case <-time.After(time.Second):
			_ = c.cmd.Process.Kill()
			<-c.gone
		}
	}
	if !c.sweptOK {
		sweep(c.mark, c.pid)
	}
	c.control.Close()
	c.gate.Close()
	c.output.wait()
}

// sweep kills all processes with the mark in their environment and reaps those
// that are ours, first included unless it is 0: what a supervisor that was
// itself killed left behind, adopted by the daemon as the next subreaper.
//
// One that dies loses its environment some time before it can be reaped, so
// what was found once is looked after until it is gone. That may be for
// others to do, who do not; hence the limit of about a second. One that is
// just being started has no environment for a moment, hence the second look.
func sweep(mark string, first int) {
	victims := map[int]bool{}
	if first != 0 {
		victims[first] = true
	}
	for tries, quiet := 0, 0; tries < 200 && quiet < 2; tries++ {
		quiet++
		for _, pid := range linux.Processes() {
			if pid != os.Getpid() && linux.Environ(pid, mark) {
				quiet, victims[pid] = 0, true
				_ = unix.Kill(pid, unix.SIGKILL)
			}
		}
		for pid := range victims {
			// Never wait for any child: that would steal those of os/exec.
			_, _ = unix.Wait4(pid, nil, unix.WNOHANG, nil)
			if errors.Is(unix.Kill(pid, 0), unix.ESRCH) {
				delete(victims, pid)
			}
		}
		if len(victims) > 0 {
			quiet = 0
		}
		time.Sleep(5 * time.Millisecond)
	}
}
