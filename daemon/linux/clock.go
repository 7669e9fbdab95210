package linux

import (
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// ThreadDelay reads again and again what the calling thread has had of a CPU or
// waited for one.
type ThreadDelay struct {
	schedstat *os.File
	buf       [64]byte
}

// OpenThreadDelay opens the account of the calling thread, which must be locked
// to its goroutine. Close it afterwards. Where the kernel keeps none every
// reading fails.
func OpenThreadDelay() *ThreadDelay {
	var d ThreadDelay
	d.schedstat, _ = os.Open("/proc/thread-self/schedstat")
	return &d
}

// Close closes the account.
func (d *ThreadDelay) Close() { d.schedstat.Close() }

// Read is the time in which the thread was running or runnable. The rest it
// slept, or was stopped.
func (d *ThreadDelay) Read() (time.Duration, error) {
	n, err := d.schedstat.ReadAt(d.buf[:], 0)
	if n == 0 {
		return 0, err
	}
	run, delay := parseSchedstat(d.buf[:n])
	if run == 0 {
		return 0, fmt.Errorf("schedstat: no time in %q", d.buf[:n])
	}
	return time.Duration((run + delay) * float64(time.Second)), nil
}

// RunDelay is for how many seconds the threads of this process that are alive
// have been runnable but not running, by thread. Empty where it is not told.
func RunDelay() map[int]float64 {
	pid := os.Getpid()
	delays := map[int]float64{}
	for _, tid := range Threads(pid) {
		if run, delay := readSchedstat(pid, tid); run > 0 {
			delays[tid] = delay
		}
	}
	return delays
}

// Suspended is how long the machine has been suspended since its boot: the clock
// that goes on meanwhile less the one that does not. It lies between the two
// figures, for the reading may be interrupted.
func Suspended() (least, most time.Duration) {
	var before, boot, after unix.Timespec
	// None of them fails on a kernel that Go supports.
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &before)
	_ = unix.ClockGettime(unix.CLOCK_BOOTTIME, &boot)
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &after)
	return time.Duration(boot.Nano() - after.Nano()), time.Duration(boot.Nano() - before.Nano())
}
