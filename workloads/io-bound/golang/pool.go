package iobound

import (
	"sync"
	"time"

	"benchd/workloads/workload"
)

// WorkerPool hands the requests to workers through a channel.
func WorkerPool(w *workload.Workload) error {
	e, err := Open(w, w.Concurrency)
	if err != nil {
		return err
	}
	workers := make([]*Worker, w.Concurrency)
	// Room for all, so that nobody has to be woken to hand out the next.
	items := make(chan int, e.Items)
	var working sync.WaitGroup
	for i := range workers {
		workers[i] = e.NewWorker()
		working.Go(func() {
			for item := range items {
				workers[i].Get(item, time.Now())
			}
		})
	}
	if err := w.Ready(Client()); err != nil {
		return err
	}
	for item := range e.Items {
		items <- item
	}
	close(items)
	working.Wait()
	return e.Done(w, workers...)
}
