package iobound

import (
	"net/http"
	"runtime"
	"sync/atomic"
	"time"

	"benchd/workloads/workload"
)

// Threads makes the requests in threads of the operating system, each with its
// own connection, which take the next one when they have an answer.
//
// A thread that waits in the kernel keeps the processor (P) that Go's scheduler
// lent it, until the runtime notices, which takes it 20 us or more. With as many
// as cores, threads that have their answer would wait for one; with twice as
// many hardly, and a request takes 48 us of CPU time in place of 64.
func Threads(w *workload.Workload) error {
	runtime.GOMAXPROCS(2 * runtime.GOMAXPROCS(0))
	e, err := Open(w, w.Concurrency)
	if err != nil {
		return err
	}
	workers := make([]*Worker, w.Concurrency)
	for i := range workers {
		workers[i] = e.NewWorker()
		workers[i].client = &http.Client{Transport: &connection{}}
	}
	var next atomic.Int64
	threads := workload.StartThreads(w.Concurrency, func(i int) {
		for item := next.Add(1) - 1; item < int64(e.Items); item = next.Add(1) - 1 {
			workers[i].Get(int(item), time.Now())
		}
	})
	if err := w.Ready(Client() + ", a connection a thread"); err != nil {
		return err
	}
	threads.Work()
	err = e.Done(w, workers...)
	for _, worker := range workers {
		worker.client.CloseIdleConnections()
	}
	threads.Close()
	return err
}
