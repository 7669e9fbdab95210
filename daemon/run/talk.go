package run

import (
	"context"
	"errors"
	"fmt"
	"time"

	"benchd/daemon/bench"
	"benchd/workloads/protocol"
)

// talk is the conversation with one workload, a step at a time. Each step ends
// with what was waited for, or with one of the errors below.
type talk struct {
	ctx      context.Context
	child    *child
	token    string           // of the gate that begins the region: the result repeats it
	deadline <-chan time.Time // of the present step
	exit     *ended           // once the first process has ended; child.ended tells it once
	result   *protocol.Result // once it was reported and measured
}

var (
	errTimeout    = errors.New("timeout")
	errLingers    = errors.New("timeout") // after the region: no setting lengthens it
	errStopped    = errors.New("the daemon was stopped")
	errExited     = errors.New("the workload ended")
	errNotStarted = errors.New("not started")
)

// protocolError is a message that is not what the protocol demands.
type protocolError struct{ error }

func (t *talk) awaitStart() error {
	select {
	case r, ok := <-t.child.started:
		switch {
		case !ok:
			return fmt.Errorf("%w: the supervisor died before it could start the workload", errNotStarted)
		case r.Error != "":
			return fmt.Errorf("%w: %s", errNotStarted, r.Error)
		}
		t.child.pid = r.PID
		return nil
	case <-t.deadline:
		return fmt.Errorf("%w while the workload was started", errTimeout)
	case <-t.ctx.Done():
		return errStopped
	}
}

func (t *talk) awaitReady() (protocol.Ready, error) {
	m, err := t.await("its message ready")
	if err != nil {
		return protocol.Ready{}, err
	}
	ready, err := protocol.ParseReady(m.line)
	if err != nil {
		return protocol.Ready{}, protocolError{err}
	}
	return ready, nil
}

func (t *talk) awaitResult() (protocol.Result, time.Time, error) {
	m, err := t.await("its result")
	if err != nil {
		return protocol.Result{}, time.Time{}, err
	}
	result, err := protocol.ParseResult(m.line, t.token)
	if err != nil {
		return protocol.Result{}, time.Time{}, protocolError{err}
	}
	return result, m.at, nil
}

// newsPatience is how long the end of the messages and the end of the workload
// may lie apart: milliseconds, but on a machine that has other things to do.
const newsPatience = time.Second

// await waits for the next message. What the workload wrote before it ended
// counts, even if we learn of the end first.
func (t *talk) await(what string) (message, error) {
	ended := t.child.ended
	if t.exit != nil {
		ended = nil
	}
	messages := t.child.messages
	var last <-chan time.Time // of the two, one has come: how long to wait for the other
	for {
		select {
		case m, ok := <-messages:
			if !ok {
				// Closed by the workload, or about to end: the next case tells.
				messages = nil
				if ended == nil {
					return message{}, errExited
				}
				last = time.After(newsPatience)
				continue
			}
			if m.err != nil {
				return message{}, protocolError{m.err}
			}
			return m, nil
		case e, ok := <-ended:
			if !ok || messages == nil {
				// Without a supervisor, a stray may hold the pipe open for ever.
				t.exit = endOf(e, ok)
				return message{}, errExited
			}
			// The supervisor sweeps now, so the pipe will be closed soon.
			t.exit, ended = &e, nil
			last = time.After(newsPatience)
		case <-last:
			if t.exit != nil {
				return message{}, errExited // somebody else holds the pipe
			}
			return message{}, protocolError{fmt.Errorf("it closed descriptor %d before %s", protocol.FD, what)}
		case <-t.deadline:
			return message{}, fmt.Errorf("%w: waited in vain for %s", errTimeout, what)
		case <-t.ctx.Done():
			return message{}, errStopped
		}
	}
}

// awaitExit waits for the end of the workload's first process, and of its
// messages: there must be no further one, whenever it was written.
func (t *talk) awaitExit() error {
	messages, ended := t.child.messages, t.child.ended
	var last <-chan time.Time // of the end of the messages, once the process has ended
	if t.exit != nil {
		ended, last = nil, time.After(newsPatience)
	}
	for messages != nil || ended != nil {
		select {
		case e, ok := <-ended:
			t.exit, ended = endOf(e, ok), nil
			if !ok {
				return errExited
			}
			last = time.After(newsPatience)
		case m, ok := <-messages:
			if ok && m.err == nil {
				return protocolError{fmt.Errorf("a further message after the result: %.60q", m.line)}
			}
			if ok {
				return protocolError{m.err}
			}
			messages = nil
		case <-last:
			messages = nil // a stray holds the pipe
		case <-t.deadline:
			return fmt.Errorf("%w: it did not exit within %v of being let go", errLingers, exitPatience)
		case <-t.ctx.Done():
			return errStopped
		}
	}
	return nil
}

// closedGate explains a gate that could not be opened: the workload has ended,
// or it has closed its standard input.
func (t *talk) closedGate(err error) error {
	if t.exit != nil {
		return errExited
	}
	select {
	case e, ok := <-t.child.ended:
		t.exit = endOf(e, ok)
		return errExited
	case <-time.After(time.Second):
		return protocolError{fmt.Errorf("its standard input, on which it waits for the gates, is closed: %w", err)}
	}
}

// lastExit is the end that arrived after the talk was over, if it did.
func (t *talk) lastExit() *ended {
	select {
	case e, ok := <-t.child.ended:
		return endOf(e, ok)
	default:
		return nil
	}
}

// endOf is nil when the supervisor died before it could tell.
func endOf(e ended, ok bool) *ended {
	if !ok {
		return nil
	}
	return &e
}

func (t *talk) exitOf(strays int) bench.Exit {
	if t.exit == nil {
		return bench.Exit{Code: -1, Strays: strays}
	}
	return bench.Exit{Code: t.exit.Code, Signal: t.exit.Signal, Strays: strays}
}
