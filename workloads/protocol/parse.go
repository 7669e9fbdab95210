package protocol

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"unicode"
)

// ParseReady reads a Ready from one line and checks it.
func ParseReady(line []byte) (Ready, error) {
	var m Ready
	if err := decode(line, "ready", &m, "protocol", "pid", "runtime"); err != nil {
		return Ready{}, err
	}
	if err := m.check(); err != nil {
		return Ready{}, fmt.Errorf("ready: %w", err)
	}
	return m, nil
}

// ParseResult reads a Result from one line and checks it. The token is that of
// the gate after which it must have been written.
func ParseResult(line []byte, token string) (Result, error) {
	var m Result
	if err := decode(line, "result", &m, "token", "elapsed_seconds", "items", "units", "checksum"); err != nil {
		return Result{}, err
	}
	if m.Token != token {
		return Result{}, fmt.Errorf("result: token is %.40q, want that of the line %q: a result comes after it", m.Token, GateStart+" "+token)
	}
	if err := m.check(); err != nil {
		return Result{}, fmt.Errorf("result: %w", err)
	}
	return m, nil
}

func (m *Ready) check() error {
	switch {
	case m.Protocol != Version:
		return fmt.Errorf("protocol is %d, this benchd speaks %d", m.Protocol, Version)
	case m.PID <= 0 || m.PID > math.MaxInt32:
		return fmt.Errorf("pid is %d, want the id of the process that works", m.PID)
	case strings.TrimSpace(m.Runtime) == "":
		return errors.New("runtime is empty, want its version")
	case m.GIL != "" && m.GIL != "enabled" && m.GIL != "disabled":
		return fmt.Errorf(`gil is %.20q, want "enabled", "disabled" or nothing`, m.GIL)
	}
	for _, field := range []struct{ name, text string }{{"runtime", m.Runtime}, {"client", m.Client}} {
		if len(field.text) > 200 {
			return fmt.Errorf("%s has %d bytes, at most 200 are allowed", field.name, len(field.text))
		}
		if !printable(field.text) {
			return fmt.Errorf("%s is %.60q: control characters are not allowed", field.name, field.text)
		}
	}
	return nil
}

func (m *Result) check() error {
	if err := duration("elapsed_seconds", m.ElapsedSeconds); err != nil {
		return err
	}
	if len(m.Errors) > maxErrorKinds {
		return fmt.Errorf("%d kinds of errors, at most %d are allowed: group them", len(m.Errors), maxErrorKinds)
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
		if kind == "" || len(kind) > 50 || !printable(kind) {
			return fmt.Errorf("error kind %.60q: want 1 to 50 bytes, no control characters", kind)
		}
		counters = append(counters, counter{"errors of kind " + kind, m.Errors[kind]})
	}
	for _, c := range counters {
		if err := count(c.name, c.n); err != nil {
			return err
		}
	}
	if failed := m.Failed(); failed > m.Items {
		return fmt.Errorf("%d errors of %d items: an item fails once", failed, m.Items)
	}
	if m.Latency == nil {
		return nil
	}
	if err := m.Latency.check(m.Items); err != nil {
		return fmt.Errorf("latency: %w", err)
	}
	return nil
}

// Failed is the number of items that failed. It cannot overflow: the kinds are
// few and their counts bounded.
func (m *Result) Failed() (n uint64) {
	for _, count := range m.Errors {
		n += count
	}
	return n
}

// rounding is what the sum of the durations may be off by, relatively: bounds
// and sum are rounded, each to its own last decimal.
const rounding = 1e-6

// check wants a duration for each item. A histogram of some of them would pass
// for that of all, and those that are missing are seldom the short ones.
func (l *Latency) check(items uint64) error {
	if len(l.Buckets) > maxBuckets {
		return fmt.Errorf("%d buckets, at most %d are allowed", len(l.Buckets), maxBuckets)
	}
	var counted uint64
	var least, most, before float64
	for i, b := range l.Buckets {
		if err := duration("le", b.LE); err != nil {
			return fmt.Errorf("bucket %d: %w", i, err)
		}
		if b.LE <= before {
			return fmt.Errorf("bucket %d: le is %v, want more than %v", i, b.LE, before)
		}
		if err := count("count", b.Count); err != nil {
			return fmt.Errorf("bucket %d: %w", i, err)
		}
		counted += b.Count
		least += before * float64(b.Count)
		most += b.LE * float64(b.Count)
		before = b.LE
	}
	if counted != items {
		return fmt.Errorf("%d durations of %d items: want one for each, failed ones included", counted, items)
	}
	if l.SumSeconds < least*(1-rounding) || l.SumSeconds > most*(1+rounding) {
		return fmt.Errorf("sum_seconds is %v, want %.6g to %.6g as in the buckets", l.SumSeconds, least, most)
	}
	return nil
}

func count(name string, n uint64) error {
	if n > maxCount {
		return fmt.Errorf("%s is %d, at most 2^53 is allowed", name, n)
	}
	return nil
}

func duration(name string, seconds float64) error {
	if !(seconds >= 0 && seconds <= maxSeconds) || math.Signbit(seconds) {
		return fmt.Errorf("%s is %v, want 0 to %g", name, seconds, maxSeconds)
	}
	return nil
}

// printable holds for text that may go into a label, a log or a terminal.
func printable(text string) bool {
	return strings.IndexFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) < 0
}
