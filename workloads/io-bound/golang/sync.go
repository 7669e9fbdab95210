package iobound

import (
	"time"

	"benchd/workloads/workload"
)

// Sync makes one request after the other over one connection.
func Sync(w *workload.Workload) error {
	e, err := Open(w, 1)
	if err != nil {
		return err
	}
	worker := e.NewWorker()
	if err := w.Ready(Client()); err != nil {
		return err
	}
	for item := range e.Items {
		worker.Get(item, time.Now())
	}
	return e.Done(w, worker)
}
