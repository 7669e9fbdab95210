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
	lastPID  int   // the id given last before the supervisor was started; 0 if not known
	had      []int // orphans of the daemon from before
	pid      int   // of the workload's first process, once it is started
	brand    uint64
	group    linux.Group
}

// message is one line of the workload, with the moment at which it was read.
type message struct {
	line []byte
	at   time.Time
	err  error
}

// start starts command in dir, under a supervisor. The error says what could
// not be started.
func (r *Runner) start(command, env []string, dir string) (*child, error) {
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
	system := linux.OpenSystem()
	lastPID, _ := system.LastPID()
	system.Close()
	c := &child{lastPID: lastPID, gate: gate, control: control, gone: make(chan struct{}), had: linux.Orphans(),
		brand: brandOf(r.ScratchDir), group: r.makeGroup(dir)}
	cmd := exec.Command(r.Self, supervise(c.brand, c.group, command)...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, outputW, outputW
	cmd.ExtraFiles = []*os.File{messagesW, controlR, reportsW}
	cmd.Env, cmd.Dir = env, dir
	// A session of its own, away from the terminal's Ctrl-C: whether and how
	// the workload ends is the daemon's to say.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := linux.Start(cmd); err != nil {
		closeAll()
		return nil, errors.Join(fmt.Errorf("start the supervisor %s: %w", r.Self, err), c.group.Remove())
	}
	for _, theirs := range []*os.File{stdin, outputW, messagesW, controlR, reportsW} {
		theirs.Close()
	}

	c.cmd = cmd
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
		defer func() { _ = linux.Wait(c.cmd) }() // its exit code says no more than its reports
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

// finish waits until nothing of the workload is left, or kills it itself where
// the supervisor was killed, hangs, or could not. It returns how many processes
// beside the first had to be killed, and those that live on.
func (c *child) finish(patience time.Duration) (killed int, left []int) {
	select {
	case <-c.gone:
	case <-time.After(patience):
		c.control.Close() // end of file: kill at once
		select {
		case <-c.gone:
		case <-time.After(sweepLimit + time.Second):
			_ = c.cmd.Process.Kill()
			<-c.gone
		}
	}
	killed = c.swept.Strays
	if !c.sweptOK || c.swept.Left > 0 {
		var pids []int
		pids, left = sweep(func() []int { return remains(c.brand, c.had) }, c.group)
		// What the supervisor could not wait for may have ended since.
		killed += max(strays(pids, c.pid), c.swept.Left-len(left))
		linux.ReapOrphans()
	}
	c.control.Close()
	c.gate.Close()
	c.release()
	c.output.wait()
	return killed, left
}
