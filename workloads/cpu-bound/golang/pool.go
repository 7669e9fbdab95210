package cpubound

import (
	"sync"

	"benchd/workloads/workload"
)

// WorkerPool hands chunks of URLs to workers through a channel.
func WorkerPool(w *workload.Workload) error {
	in, err := newInput(w)
	if err != nil {
		return err
	}
	tallies := make([]workload.Tally, w.Concurrency)
	chunks := make(chan int, w.Concurrency)
	var workers sync.WaitGroup
	for i := range tallies {
		workers.Go(func() {
			for first := range chunks {
				t := in.encode(first, min(first+chunk, in.items))
				tallies[i].Add(&t)
			}
		})
	}
	if err := w.Ready(""); err != nil {
		return err
	}
	for first := 0; first < in.items; first += chunk {
		chunks <- first
	}
	close(chunks)
	workers.Wait()

	var total workload.Tally
	for i := range tallies {
		total.Add(&tallies[i])
	}
	return w.Done(&total)
}
