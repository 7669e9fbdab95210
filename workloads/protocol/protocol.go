// Package protocol is what benchd and a workload say to each other, version 1.
// workloads/README.md describes it for people who write workloads in other
// languages.
//
// The workload writes messages, one JSON object a line, to the file descriptor
// named by WORKLOAD_FD: first Ready, then Result. On its standard input it
// reads the gates: the line "start", and after its result the line "exit". An
// end of file there means that the daemon has given up: exit at once.
package protocol

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
)

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

// maxCount bounds every counter, so that no sum of them overflows and every
// one is exact in a float64 and in other languages' JSON numbers.
const maxCount = 1 << 53

// The gates: lines that the daemon writes to the workload's standard input.
const (
	GateStart = "start"
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

// Latency is a histogram of the items' durations, counted by the workload.
type Latency struct {
	SumSeconds float64  `json:"sum_seconds"`
	Buckets    []Bucket `json:"buckets"` // upper bounds increase, at most 2,000
}

// Bucket counts durations above the bound before it, up to its own.
type Bucket struct {
	LE    float64 `json:"le"` // seconds
	Count uint64  `json:"count"`
}

// ParseReady reads a Ready from one line and checks it.
func ParseReady(line []byte) (Ready, error) {
	var m Ready
	if err := decode(line, "ready", &m, "protocol", "pid", "runtime"); err != nil {
		return Ready{}, err
	}
	switch {
	case m.Protocol != Version:
		return Ready{}, fmt.Errorf("ready: protocol is %d, this benchd speaks %d", m.Protocol, Version)
	case m.PID <= 0:
		return Ready{}, fmt.Errorf("ready: pid is %d, want the id of the process that works", m.PID)
	case m.Runtime == "":
		return Ready{}, errors.New("ready: runtime is empty, want its version")
	case m.GIL != "" && m.GIL != "enabled" && m.GIL != "disabled":
		return Ready{}, fmt.Errorf(`ready: gil is %.20q, want "enabled", "disabled" or nothing`, m.GIL)
	}
	for _, field := range []struct{ name, text string }{{"runtime", m.Runtime}, {"client", m.Client}} {
		if len(field.text) > 200 {
			return Ready{}, fmt.Errorf("ready: %s has %d bytes, at most 200 are allowed", field.name, len(field.text))
		}
	}
	return m, nil
}

// ParseResult reads a Result from one line and checks it.
func ParseResult(line []byte) (Result, error) {
	var m Result
	if err := decode(line, "result", &m, "elapsed_seconds", "items", "units", "checksum"); err != nil {
		return Result{}, err
	}
	if !(m.ElapsedSeconds >= 0) || math.IsInf(m.ElapsedSeconds, 0) {
		return Result{}, fmt.Errorf("result: elapsed_seconds is %v, want 0 or more", m.ElapsedSeconds)
	}
	if len(m.Errors) > maxErrorKinds {
		return Result{}, fmt.Errorf("result: %d kinds of errors, at most %d are allowed: group them", len(m.Errors), maxErrorKinds)
	}
	type counter struct {
		name string
		n    uint64
	}
	counters := []counter{
		{"items", m.Items}, {"units", m.Units}, {"checksum", m.Checksum},
		{"bytes_sent", m.BytesSent}, {"bytes_received", m.BytesReceived}, {"bytes_written", m.BytesWritten},
	}
	for _, kind := range slices.Sorted(maps.Keys(m.Errors)) {
		if kind == "" || len(kind) > 50 {
			return Result{}, fmt.Errorf("result: error kind %.60q: want 1 to 50 bytes", kind)
		}
		counters = append(counters, counter{"errors of kind " + kind, m.Errors[kind]})
	}
	for _, c := range counters {
		if c.n > maxCount {
			return Result{}, fmt.Errorf("result: %s is %d, at most 2^53 is allowed", c.name, c.n)
		}
	}
	if failed := m.failed(); failed > m.Items {
		return Result{}, fmt.Errorf("result: %d errors of %d items: an item fails once", failed, m.Items)
	}
	if m.Latency != nil {
		if err := m.Latency.check(); err != nil {
			return Result{}, fmt.Errorf("result: latency: %w", err)
		}
	}
	return m, nil
}

// failed cannot overflow: the kinds are few and their counts bounded.
func (m *Result) failed() (n uint64) {
	for _, count := range m.Errors {
		n += count
	}
	return n
}

func (l *Latency) check() error {
	if len(l.Buckets) > maxBuckets {
		return fmt.Errorf("%d buckets, at most %d are allowed", len(l.Buckets), maxBuckets)
	}
	if !(l.SumSeconds >= 0) || math.IsInf(l.SumSeconds, 0) {
		return fmt.Errorf("sum_seconds is %v, want 0 or more", l.SumSeconds)
	}
	before := 0.0
	for i, b := range l.Buckets {
		if !(b.LE > before) || math.IsInf(b.LE, 0) {
			return fmt.Errorf("bucket %d: le is %v, want more than %v", i, b.LE, before)
		}
		if b.Count > maxCount {
			return fmt.Errorf("bucket %d: count is %d, at most 2^53 is allowed", i, b.Count)
		}
		before = b.LE
	}
	return nil
}

// decode reads exactly one JSON object of the given type. It refuses what it
// does not know and what is missing: neither must become a silent zero.
func decode(line []byte, kind string, into any, required ...string) error {
	if len(line) > MaxMessageBytes {
		return fmt.Errorf("%s: message has more than %d bytes", kind, MaxMessageBytes)
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(line, &fields); err != nil {
		return fmt.Errorf("%s: not a JSON object on one line: %w", kind, err)
	}
	var got string
	if err := json.Unmarshal(fields["type"], &got); err != nil || got != kind {
		return fmt.Errorf("want a message of type %q, got type %.20s", kind, cmp.Or(string(fields["type"]), "missing"))
	}
	for _, key := range required {
		if value, ok := fields[key]; !ok || string(value) == "null" {
			return fmt.Errorf("%s: %s is missing", kind, key)
		}
	}
	d := json.NewDecoder(bytes.NewReader(line))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return fmt.Errorf("%s: %w", kind, err)
	}
	return nil
}
