package cpubound

import "benchd/workloads/workload"

// Threads gives each of its threads an equal share of the URLs.
func Threads(w *workload.Workload) error {
	in, err := newInput(w)
	if err != nil {
		return err
	}
	n := w.Concurrency
	tallies := make([]workload.Tally, n)
	threads := workload.StartThreads(n, func(i int) {
		tallies[i] = in.encode(i*in.items/n, (i+1)*in.items/n)
	})
	if err := w.Ready(""); err != nil {
		return err
	}
	threads.Work()

	var total workload.Tally
	for i := range tallies {
		total.Add(&tallies[i])
	}
	err = w.Done(&total)
	threads.Close()
	return err
}
