package bench

import (
	"fmt"
	"math"
	"strconv"
)

// Fingerprint is on what a run was made, beside the versions that the workload
// itself tells: what can make a figure change although no program was touched.
type Fingerprint struct {
	Host   Host   `json:"host"`
	Benchd string `json:"benchd"` // version and revision
	// Checksums of what was run, "" where they could not be had: versions stay
	// when a program is replaced by another of the same name.
	Program     string `json:"program,omitempty"`     // with the libraries of its task
	Interpreter string `json:"interpreter,omitempty"` // the file of it
	HTTPBin     string `json:"httpbin,omitempty"`     // whose it is; "" where the experiment needs none
}

// Cause is something that was different before a change and after: an
// enumerated metric label. It is a suspect, not a proof.
type Cause string

// The causes that fingerprints can show.
const (
	CauseProgram     Cause = "program"     // its files, and the libraries of its task
	CauseRuntime     Cause = "runtime"     // version of the interpreter, or of Go
	CauseInterpreter Cause = "interpreter" // its file
	CauseClient      Cause = "client"      // client library
	CauseGIL         Cause = "gil"
	CauseHTTPBin     Cause = "httpbin"
	CauseKernel      Cause = "kernel"
	CauseOS          Cause = "os"
	CauseCPU         Cause = "cpu"    // model, architecture or number of cores
	CauseMemory      Cause = "memory" // of the machine
	CauseLimits      Cause = "limits" // of the container
	CauseBenchd      Cause = "benchd"
)

// Causes lists all causes, in the order in which they are shown.
func Causes() []Cause {
	return []Cause{CauseProgram, CauseRuntime, CauseInterpreter, CauseClient, CauseGIL, CauseHTTPBin,
		CauseKernel, CauseOS, CauseCPU, CauseMemory, CauseLimits, CauseBenchd}
}

// Difference is one thing that was not the same in two runs.
type Difference struct {
	Cause Cause  `json:"cause"`
	From  string `json:"from"`
	To    string `json:"to"`
}

func (d Difference) String() string { return fmt.Sprintf("%s from %s to %s", d.Cause, d.From, d.To) }

// DifferencesOf lists what was not the same in an earlier and a later run.
// What one of the two does not tell is not a difference.
func DifferencesOf(earlier, later *Run) []Difference {
	a, b := surroundings(earlier), surroundings(later)
	var list []Difference
	for _, cause := range Causes() {
		if a[cause] != b[cause] && a[cause] != "" && b[cause] != "" {
			list = append(list, Difference{cause, a[cause], b[cause]})
		}
	}
	return list
}

// surroundings are the words for each cause; "" is not known.
func surroundings(r *Run) map[Cause]string {
	words := map[Cause]string{
		CauseRuntime: r.Versions.Runtime,
		CauseClient:  r.Versions.Client,
		CauseGIL:     r.Versions.GIL,
	}
	if r.Fingerprint == nil {
		return words
	}
	h := r.Fingerprint.Host
	words[CauseKernel], words[CauseOS] = h.Kernel, h.OS
	if h.CPUModel != "" {
		words[CauseCPU] = fmt.Sprintf("%s, %s, %d cores", h.CPUModel, h.Architecture, h.Cores)
	}
	words[CauseMemory] = mebibytes(h.MemoryBytes)
	words[CauseLimits] = limit(h.CPULimit) + " cores, " + memoryLimit(h.MemoryLimitBytes)
	words[CauseBenchd] = r.Fingerprint.Benchd
	words[CauseProgram], words[CauseInterpreter] = r.Fingerprint.Program, r.Fingerprint.Interpreter
	words[CauseHTTPBin] = r.Fingerprint.HTTPBin
	return words
}

func limit(v *float64) string {
	if v == nil {
		return "unlimited"
	}
	return strconv.FormatFloat(*v, 'g', -1, 64)
}

func memoryLimit(bytes *float64) string {
	if bytes == nil {
		return "unlimited memory"
	}
	return Number(*bytes/(1<<20), 4) + " MiB"
}

// mebibytes rounds: a kernel update changes the memory that it leaves by some
// kilobytes.
func mebibytes(bytes float64) string {
	return fmt.Sprintf("%.0f MiB", 16*math.Round(bytes/(16<<20)))
}
