package cpubound

import "benchd/workloads/workload"

// Sync encodes one URL after the other.
func Sync(w *workload.Workload) error {
	in, err := newInput(w)
	if err != nil {
		return err
	}
	if err := w.Ready(""); err != nil {
		return err
	}
	tally := in.encode(0, in.items)
	return w.Done(&tally)
}
