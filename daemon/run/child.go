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
	release  func()
	lastPID  int    // the id given last before the supervisor was started; 0 if not known
	had      []int  // children of the daemon from before
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
	had := linux.Children(os.Getpid())
	system := linux.OpenSystem()
	lastPID, _ := system.LastPID()
	system.Close()
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

	c := &child{cmd: cmd, lastPID: lastPID, gate: gate, control: control, gone: make(chan struct{}), had: had, mark: mark}
	c.output = capture(outputR)
	c.messages, c.release = readMessages(messagesR)
	c.readReports(reportsR)
	return c, nil
}

// readMessages delivers the workload's lines. After one that is too long, or
// the end of the file, an error is delivered and reading ends. So it does when
// it is released, however much the workload goes on writing to nobody.
func readMessages(f *os.File) (_ <-chan message, release func()) {
	messages, released := make(chan message, 4), make(chan struct{})
	deliver := func(m message) {
		select {
		case messages <- m:
		case <-released:
		}
	}
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
				deliver(message{err: fmt.Errorf("a message has more than %d bytes", protocol.MaxMessageBytes), at: at})
				return
			case err != nil && len(line) > 0:
				deliver(message{err: fmt.Errorf("the last message, %.60q, has no line feed at its end", line), at: at})
				return
			case err != nil:
				return
			}
			deliver(message{line: append([]byte(nil), line...), at: at})
		}
	}()
	return messages, func() {
		close(released)
		f.Close()
	}
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
func (c *child) terminate() {
	_, _ = c.control.Write([]byte{orderTerminate})
	_ = c.cmd.Process.Signal(unix.SIGCONT) // the supervisor may have been stopped, too
}

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
		sweep(c.mark, c.pid, func() []int { return adopted(c.had) })
	}
	c.control.Close()
	c.gate.Close()
	c.release()
	c.output.wait()
}
