package iobound

import (
	"sync/atomic"
	"time"

	"benchd/workloads/workload"
)

// Threads makes the requests in threads of the operating system, each of which
// takes the next one when it has an answer.
func Threads(w *workload.Workload) error {
	e, err := Open(w, w.Concurrency)
	if err != nil {
		return err
	}
	workers := make([]*Worker, w.Concurrency)
	for i := range workers {
		workers[i] = e.NewWorker()
	}
	var next atomic.Int64
	threads := workload.StartThreads(w.Concurrency, func(i int) {
		for item := next.Add(1) - 1; item < int64(e.Items); item = next.Add(1) - 1 {
			workers[i].Get(int(item), time.Now())
		}
	})
	if err := w.Ready(Client()); err != nil {
		return err
	}
	threads.Work()
	err = e.Done(w, workers...)
	threads.Close()
	return err
}
