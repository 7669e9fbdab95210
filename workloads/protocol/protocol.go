// Package protocol is what benchd and a workload say to each other, version 1.
// workloads/README.md describes it for people who write workloads in other
// languages.
//
// The workload writes messages, one JSON object a line, to the file descriptor
// named by WORKLOAD_FD: first Ready, then Result. On its standard input it
// reads the gates: the line "start TOKEN", and after its result the line
// "exit". An end of file there means that the daemon has given up: exit at
// once. The result repeats the token, so that none can be written before the
// gate.
package protocol

// Version of the protocol that this package speaks.
const Version = 1

// FD is the file descriptor on which a workload's messages travel.
const FD = 3

// MaxMessageBytes bounds one message, its line feed included.
const MaxMessageBytes = 256 << 10

// maxBuckets bounds a latency histogram.
const maxBuckets = 2000

// maxErrorKinds bounds the kinds of errors of one result.
const maxErrorKinds = 32

// maxSeconds bounds every duration: thirty years.
const maxSeconds = 1e9

// maxCount bounds every counter, so that no sum of them overflows and every
// one is exact in a float64 and in other languages' JSON numbers.
const maxCount = 1 << 53

// The gates: lines that the daemon writes to the workload's standard input.
const (
	GateStart = "start" // a blank and the token of the run follow
	GateExit  = "exit"
)

// Ready says that the workload has set itself up and waits for GateStart.
type Ready struct {
	Type     string `json:"type"`             // "ready"
	Protocol int    `json:"protocol"`         // Version
	PID      int    `json:"pid"`              // of the process that works
	Runtime  string `json:"runtime"`          // version of language or interpreter: "3.13.5"
	Client   string `json:"client,omitempty"` // client library and version: "aiohttp 3.11.16"
	GIL      string `json:"gil,omitempty"`    // "enabled", "disabled"; "" where there is none
}

// Result is what the measured region yielded. Counters are at most 2^53.
type Result struct {
	Type           string            `json:"type"`            // "result"
	Token          string            `json:"token"`           // of the line GateStart
	ElapsedSeconds float64           `json:"elapsed_seconds"` // of the region, monotonic clock
	Items          uint64            `json:"items"`           // handled, failed ones included
	Units          uint64            `json:"units"`           // of work done by the items that succeeded
	Checksum       uint64            `json:"checksum"`        // sum over the items that succeeded
	Errors         map[string]uint64 `json:"errors,omitempty"`
	BytesSent      uint64            `json:"bytes_sent,omitempty"`
	BytesReceived  uint64            `json:"bytes_received,omitempty"`
	BytesWritten   uint64            `json:"bytes_written,omitempty"`
	Latency        *Latency          `json:"latency,omitempty"`
}

// Latency is a histogram of the items' durations, one for each item, counted by
// the workload.
type Latency struct {
	SumSeconds float64  `json:"sum_seconds"`
	Buckets    []Bucket `json:"buckets"` // upper bounds increase, at most 2,000
}

// Bucket counts durations above the bound before it, up to its own.
type Bucket struct {
	LE    float64 `json:"le"` // seconds
	Count uint64  `json:"count"`
}
