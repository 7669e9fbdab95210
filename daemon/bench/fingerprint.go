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
}

// Cause is something that was different before a change and after: an
// enumerated metric label. It is a suspect, not a proof.
type Cause string

// The causes that fingerprints can show.
const (
	CauseRuntime Cause = "runtime" // interpreter, or Go
	CauseClient  Cause = "client"  // client library
	CauseGIL     Cause = "gil"
	CauseKernel  Cause = "kernel"
	CauseOS      Cause = "os"
	CauseCPU     Cause = "cpu"    // model, architecture or number of cores
	CauseMemory  Cause = "memory" // of the machine
	CauseLimits  Cause = "limits" // of the container
	CauseBenchd  Cause = "benchd"
)

// Causes lists all causes, in the order in which they are shown.
func Causes() []Cause {
	return []Cause{CauseRuntime, CauseClient, CauseGIL, CauseKernel, CauseOS, CauseCPU, CauseMemory, CauseLimits, CauseBenchd}
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
	words[CauseMemory] = mebibytes(&h.MemoryBytes)
	words[CauseLimits] = limit(h.CPULimit) + " cores, " + mebibytes(h.MemoryLimitBytes)
	words[CauseBenchd] = r.Fingerprint.Benchd
	return words
}

func limit(v *float64) string {
	if v == nil {
		return "unlimited"
	}
	return strconv.FormatFloat(*v, 'g', -1, 64)
}

// mebibytes rounds: a kernel update changes the memory that it leaves by some
// kilobytes.
func mebibytes(bytes *float64) string {
	if bytes == nil {
		return "unlimited memory"
	}
	return fmt.Sprintf("%.0f MiB", 16*math.Round(*bytes/(16<<20)))
}
