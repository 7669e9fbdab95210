package iobound

import (
	"runtime"
	"time"

	"benchd/workloads/workload"
)

// Goroutines makes each request in a goroutine of its own, as many at a time
// as there are connections.
func Goroutines(w *workload.Workload) error {
	e, err := Open(w, w.Concurrency)
	if err != nil {
		return err
	}
	// A slot of the semaphore is the worker that comes with it: so the
	// goroutines need no lock for their results, and reuse their buffers.
	slots := make(chan *Worker, w.Concurrency)
	for range w.Concurrency {
		slots <- e.NewWorker()
	}
	if err := w.Ready(Client()); err != nil {
		return err
	}
	for item := range e.Items {
		worker := <-slots
		go func() {
			worker.Get(item, time.Now())
			slots <- worker
		}()
	}
	workers := make([]*Worker, w.Concurrency)
	for i := range workers {
		workers[i] = <-slots
	}
	return e.Done(w, workers...)
}

// EventLoop is Goroutines with one of them running at a time, as the
// coroutines of an event loop do.
func EventLoop(w *workload.Workload) error {
	runtime.GOMAXPROCS(1)
	return Goroutines(w)
}
