package cpubound

import (
	"runtime"

	"benchd/workloads/workload"
)

// inFlight bounds the goroutines that exist at a time.
const inFlight = 256

// Goroutines encodes each URL in a goroutine of its own.
func Goroutines(w *workload.Workload) error {
	in, err := newInput(w)
	if err != nil {
		return err
	}
	// A slot is the right to run, and the tally that comes with it: so the
	// goroutines need neither a lock nor a channel for their results.
	slots := make(chan *workload.Tally, inFlight)
	for range inFlight {
		slots <- new(workload.Tally)
	}
	if err := w.Ready(""); err != nil {
		return err
	}
	for item := range in.items {
		slot := <-slots
		go func() {
			t := in.encode(item, item+1)
			slot.Add(&t)
			slots <- slot
		}()
	}
	var total workload.Tally
	for range inFlight {
		total.Add(<-slots)
	}
	return w.Done(&total)
}

// EventLoop is Goroutines with one of them running at a time, as the
// coroutines of an event loop do.
func EventLoop(w *workload.Workload) error {
	runtime.GOMAXPROCS(1)
	return Goroutines(w)
}
