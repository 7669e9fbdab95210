package iobound

import (
	"net/http"
	"sync/atomic"
	"time"

	"benchd/workloads/workload"
)

// Threads makes the requests in threads of the operating system, each with its
// own connection, which take the next one when they have an answer.
func Threads(w *workload.Workload) error {
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
