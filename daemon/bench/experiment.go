package bench

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
	"strconv"
	"time"
)

// Key names an experiment: task x runtime x model x concurrency. Its fields
// are the labels of every per-experiment metric.
type Key struct {
	Task        string `json:"task"`        // folder under workloads/, e.g. "io-bound"
	Runtime     string `json:"runtime"`     // e.g. "cpython-3.13", "go"
	Model       string `json:"model"`       // e.g. "asyncio+threads"
	Concurrency int    `json:"concurrency"` // workers or connections; 1 where the model has none to set
}

// String is the key as people write it: task/runtime/model/concurrency.
func (k Key) String() string {
	return k.Task + "/" + k.Runtime + "/" + k.Model + "/" + strconv.Itoa(k.Concurrency)
}

// Compare orders keys by task, runtime, model and concurrency.
func (k Key) Compare(o Key) int {
	return cmp.Or(
		cmp.Compare(k.Task, o.Task),
		cmp.Compare(k.Runtime, o.Runtime),
		cmp.Compare(k.Model, o.Model),
		cmp.Compare(k.Concurrency, o.Concurrency),
	)
}

// Experiment is one cell of the comparison, complete enough to be run.
type Experiment struct {
	Key
	Title       string // of the task
	Description string // of the task: what is done, and what it stands for
	Unit        string // what throughput counts: "bytes", "requests"
	Baseline    bool   // the model that the task's others are compared with
	Canary      bool   // stands for the host: fixed work, of which no model is compared
	Client      string // client library the program names, "" for none
	Version     string // of the runtime, as found before the first run; "" if unknown
	FreeThreads bool   // the interpreter was built without a GIL
	Source      string // where the program lies, for a reader
	Program     Program
	Size        string // "quick", "standard", "original"

	Command  []string          // program and arguments
	Args     []string          // the arguments, as the manifest gives them; they are in Command too
	Env      map[string]string // beyond what every workload gets
	Params   map[string]string // of the input, as the manifest gives them; they are in Env too
	HTTPBin  bool              // the program needs the httpbin
	Passes   uint64            // times the program goes through its input
	Expected Expected
	Timeout  time.Duration // of the measured region and of the set-up, each

	Skip *Skip // why it cannot run here; nil when it can
}

// Program is what is run, as files. Their content is part of the fingerprint.
type Program struct {
	File        string            // the program itself; benchd where it is a part of benchd
	Libraries   []string          // folders that the manifest adds to its environment
	Interpreter string            // "" where the program runs by itself
	Env         map[string]string // what the manifest adds to its environment, as it is written there
}

// Input names what a run goes through: all that the manifest and the settings say
// of the work. When it changes, the figures before and after are of different
// work: a new series begins.
func (e *Experiment) Input() string {
	h := fnv.New64a()
	fmt.Fprintf(h, "%s %s %d %+v", e.Size, e.Unit, e.Passes, e.Expected)
	for _, name := range slices.Sorted(maps.Keys(e.Params)) {
		fmt.Fprintf(h, " %s=%q", name, e.Params[name])
	}
	for _, arg := range e.Args {
		fmt.Fprintf(h, " %q", arg)
	}
	return fmt.Sprintf("%s-%016x", e.Size, h.Sum64())
}

// Expected is what a correct run must report.
type Expected struct {
	Items    uint64 // items of input handled, failed ones included
	Units    uint64 // units of work, if every item succeeds
	Checksum uint64 // sum over the items, if every item succeeds
}

// Skip says why an experiment cannot run on this machine.
type Skip struct {
	Reason SkipReason `json:"reason"`
	Detail string     `json:"detail"` // what is missing, and how to get it
}

// SkipReason is an enumerated cause: it is a metric label.
type SkipReason string

// The reasons for which an experiment is skipped.
const (
	SkipNoInterpreter  SkipReason = "no_interpreter"  // no such interpreter or command here
	SkipMissingLibrary SkipReason = "missing_library" // the interpreter cannot import what the program needs
)

// SkipReasons lists all reasons, in the order in which they are shown.
func SkipReasons() []SkipReason {
	return []SkipReason{SkipNoInterpreter, SkipMissingLibrary}
}

func (s Skip) String() string { return fmt.Sprintf("%s: %s", s.Reason, s.Detail) }
