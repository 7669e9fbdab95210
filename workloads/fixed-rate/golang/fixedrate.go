// Package fixedrate is the task fixed-rate: requests of io-bound in an open
// loop, sent when they are due and timed from that moment.
package fixedrate

import (
	"sync"
	"time"

	iobound "benchd/workloads/io-bound/golang"
	"benchd/workloads/workload"
)

// Goroutines starts a goroutine for each request when it is due, however many
// are still waiting for their answer. A closed loop would wait with them, and
// so never see the requests that a stall of the server delays.
func Goroutines(w *workload.Workload) error {
	rate, err := w.Int("rate_per_second")
	if err != nil {
		return err
	}
	e, err := iobound.Open(w, 0)
	if err != nil {
		return err
	}
	var crew crew
	if err := w.Ready(iobound.Client()); err != nil {
		return err
	}
	start := time.Now()
	var requests sync.WaitGroup
	for item := range e.Items {
		due := start.Add(time.Duration(item) * time.Second / time.Duration(rate))
		time.Sleep(time.Until(due))
		requests.Go(func() {
			worker := crew.take(e)
			worker.Get(item, due)
			crew.put(worker)
		})
	}
	requests.Wait()
	return e.Done(w, crew.idle...)
}

// crew holds the workers that have no request. Not a sync.Pool, which may drop
// a worker, and its tally with it.
type crew struct {
	mu   sync.Mutex
	idle []*iobound.Worker
}

func (c *crew) take(e *iobound.Exchange) *iobound.Worker {
	c.mu.Lock()
	defer c.mu.Unlock()
	last := len(c.idle) - 1
	if last < 0 {
		return e.NewWorker()
	}
	worker := c.idle[last]
	c.idle = c.idle[:last]
	return worker
}

func (c *crew) put(worker *iobound.Worker) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.idle = append(c.idle, worker)
}
