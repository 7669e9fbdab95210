// Package canary is the task canary: fixed work whose time should never
// change, so that a change tells of the host and not of a model. Both models
// report the same checksum: spin computes what io is answered with.
package canary

import (
	"fmt"
	"time"

	iobound "benchd/workloads/io-bound/golang"
	"benchd/workloads/workload"
)

// IO makes its requests one after the other, as the model sync of io-bound.
func IO(w *workload.Workload) error { return iobound.Sync(w) }

// Spin computes the CRC-32 of each request's query many times, bit by bit.
func Spin(w *workload.Workload) error {
	rounds, err := w.Int("spin_rounds")
	if err != nil {
		return err
	}
	e, err := iobound.Open(w, 1)
	if err != nil {
		return err
	}
	worker := e.NewWorker()
	if err := w.Ready(""); err != nil {
		return err
	}
	for item := range e.Items {
		begin := time.Now()
		query := worker.Query(item)
		sum := crc32(query)
		for range rounds - 1 {
			if again := crc32(query); again != sum {
				return fmt.Errorf("this processor computed %#x and %#x from the same bytes", sum, again)
			}
		}
		worker.Latency.Record(time.Since(begin))
		worker.Items++
		worker.Units++
		worker.Checksum += uint64(sum)
	}
	return e.Done(w, worker)
}

// crc32 is the checksum of hash/crc32 without its tables and instructions: it
// needs nothing but the processor's core. Not inlined, so that the compiler
// cannot see that every round yields the same.
//
//go:noinline
func crc32(data []byte) uint32 {
	const reversedIEEE = 0xedb88320
	crc := ^uint32(0)
	for _, b := range data {
		crc ^= uint32(b)
		for range 8 {
			crc = crc>>1 ^ reversedIEEE&-(crc&1)
		}
	}
	return ^crc
}
