package workload

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"

	"benchd/workloads/protocol"
)

// Program is a workload. It sets itself up, calls Ready, works, calls Done,
// and lets go of what it holds only then: the daemon reads the counters of its
// living threads at the gate in between.
type Program func(*Workload) error

// Main runs the program with the environment of this process and returns its
// exit status. An error is printed to stderr, which the daemon shows.
func Main(program Program) int {
	if err := run(program); err != nil {
		fmt.Fprintln(os.Stderr, "workload:", err)
		return 1
	}
	return 0
}

func run(program Program) error {
	fd, err := strconv.Atoi(os.Getenv("WORKLOAD_FD"))
	if err != nil || fd != protocol.FD {
		return fmt.Errorf("WORKLOAD_FD is %q, want %d: benchd starts this program, see workloads/README.md",
			os.Getenv("WORKLOAD_FD"), protocol.FD)
	}
	w, err := open(os.LookupEnv, os.Stdin, os.NewFile(protocol.FD, "messages"))
	if err != nil {
		return err
	}
	return program(w)
}

// ErrGivenUp says that the daemon closed the gates: end at once.
var ErrGivenUp = errors.New("benchd has given up on this run")

// Workload is the program's side of one run.
type Workload struct {
	Concurrency int    // workers or connections, at least 1
	Passes      int    // how often the input is gone through, as one stream; at least 1
	Dir         string // scratch, removed after the run
	HTTPBinURL  string // without a slash at its end; "" if the task did not ask for it

	lookup   func(string) (string, bool)
	gates    *bufio.Reader
	messages io.Writer
	token    string // of the gate that began the region: the result repeats it
	started  time.Time
}

func open(lookup func(string) (string, bool), gates io.Reader, messages io.Writer) (*Workload, error) {
	w := &Workload{lookup: lookup, gates: bufio.NewReader(gates), messages: messages}
	if version, _ := lookup("WORKLOAD_PROTOCOL"); version != strconv.Itoa(protocol.Version) {
		return nil, fmt.Errorf("WORKLOAD_PROTOCOL is %q, this program speaks %d", version, protocol.Version)
	}
	var err error
	if w.Concurrency, err = w.Int("concurrency"); err != nil {
		return nil, err
	}
	if w.Passes, err = w.Int("passes"); err != nil {
		return nil, err
	}
	if w.Dir, _ = lookup("WORKLOAD_DIR"); w.Dir == "" {
		return nil, errors.New("WORKLOAD_DIR is empty, want a folder to write to")
	}
	address, _ := lookup("WORKLOAD_HTTPBIN_URL")
	w.HTTPBinURL = strings.TrimSuffix(address, "/")
	return w, nil
}

// Int is a parameter of the manifest, a whole number of at least 1.
func (w *Workload) Int(param string) (int, error) {
	name, text := w.param(param)
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		return 0, fmt.Errorf("%s is %q, want a whole number of at least 1", name, text)
	}
	return n, nil
}

// Seconds is a parameter of the manifest, 0 to 86,400.
func (w *Workload) Seconds(param string) (float64, error) {
	name, text := w.param(param)
	s, err := strconv.ParseFloat(text, 64)
	if err != nil || !(s >= 0 && s <= 86400) {
		return 0, fmt.Errorf("%s is %q, want seconds from 0 to 86400", name, text)
	}
	return s, nil
}

func (w *Workload) param(param string) (name, text string) {
	name = "WORKLOAD_" + strings.ToUpper(param)
	text, _ = w.lookup(name)
	return name, text
}

// Ready says that the program is set up, naming the client library that it
// uses ("" for none), and returns when the measured region begins. What the
// start of the process has touched in vain is given back before.
func (w *Workload) Ready(client string) error {
	Shed()
	err := w.send(protocol.Ready{
		Type: "ready", Protocol: protocol.Version, PID: os.Getpid(), Runtime: runtime.Version(), Client: client,
	})
	if err != nil {
		return err
	}
	if w.token, err = w.wait(protocol.GateStart); err != nil {
		return err
	}
	w.started = time.Now()
	return nil
}

// Done ends the measured region, reports its result, and returns when the
// program may let go and exit.
func (w *Workload) Done(t *Tally) error {
	elapsed := time.Since(w.started)
	result := t.result(elapsed)
	result.Token = w.token
	if err := w.send(result); err != nil {
		return err
	}
	_, err := w.wait(protocol.GateExit)
	return err
}

func (w *Workload) send(message any) error {
	line, err := json.Marshal(message)
	if err != nil {
		return fmt.Errorf("encode message: %w", err)
	}
	if _, err := w.messages.Write(append(line, '\n')); err != nil {
		return fmt.Errorf("send message: %w", err)
	}
	return nil
}

// wait returns what follows the gate's name on its line.
func (w *Workload) wait(gate string) (rest string, err error) {
	line, err := w.gates.ReadString('\n')
	switch {
	case errors.Is(err, io.EOF):
		return "", ErrGivenUp
	case err != nil:
		return "", fmt.Errorf("wait for %q: %w", gate, err)
	}
	name, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
	if name != gate {
		return "", fmt.Errorf("benchd said %.20q, want %q", name, gate)
	}
	return rest, nil
}
