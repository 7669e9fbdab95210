package workload

import (
	"runtime"
	"sync"
)

// Threads are goroutines that have an operating system's thread each. They
// live from StartThreads to Close, so that the region holds neither their
// start nor their end, and their counters can be read while they live.
type Threads struct {
	start, exit     chan struct{}
	working, living sync.WaitGroup
}

// StartThreads starts n threads and returns when all of them wait for Work.
// Thread i, counted from 0, will then call work(i) once.
func StartThreads(n int, work func(i int)) *Threads {
	t := &Threads{start: make(chan struct{}), exit: make(chan struct{})}
	var starting sync.WaitGroup
	starting.Add(n)
	t.working.Add(n)
	for i := range n {
		t.living.Go(func() {
			runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
			starting.Done()
			<-t.start
			work(i)
			t.working.Done()
			<-t.exit
		})
	}
	starting.Wait()
	return t
}

// Work lets the threads work and returns when all have done so.
func (t *Threads) Work() {
	close(t.start)
	t.working.Wait()
}

// Close ends the threads, which must have worked.
func (t *Threads) Close() {
	close(t.exit)
	t.living.Wait()
}
