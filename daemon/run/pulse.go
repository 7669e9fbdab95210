package run

import (
	"errors"
	"fmt"
	"math"
	"time"

	"golang.org/x/sys/unix"

	"benchd/daemon/linux"
)

const (
	// A thread that sleeps wakes up within a millisecond of when it wanted to,
	// what it waits for a CPU left out; on a machine that is ten times overloaded
	// within 40 ms at the most.
	shortestGap = 25 * time.Millisecond
	// No machine that one can measure on lets a thread wait for so long, be it for
	// a CPU or for Go's runtime.
	certainGap = time.Second
	// The pace at which gaps are looked for, however rarely samples are taken.
	slowestPulse = 100 * time.Millisecond
)

// pulse wakes the sampler at an even pace, and adds up the gaps: what it slept
// beyond that, neither running nor waiting for a CPU. For so long this process
// was stopped, and most likely the workload with it: docker pause, SIGSTOP, a
// virtual machine that was halted.
//
// It sleeps in the kernel, on the sampler's own thread, and not on a ticker of
// Go's. What that thread waits for a CPU the kernel tells in one read, while a
// ticker comes through other threads, which may have waited as well.
type pulse struct {
	every    time.Duration
	quit     int // an eventfd
	delay    *linux.ThreadDelay
	told     bool // what the thread waits for a CPU
	last     time.Time
	had      time.Duration // run or waited for a CPU, by last
	certain  time.Duration // gaps that nothing else explains
	doubtful time.Duration // shorter ones, which a delay of other threads may explain
}

// newPulse beats at the interval of the samples or so many times as often.
func newPulse(interval time.Duration) (p *pulse, times int, err error) {
	quit, err := unix.Eventfd(0, unix.EFD_CLOEXEC)
	if err != nil {
		return nil, 0, fmt.Errorf("open an eventfd: %w: raise the limit of open files (ulimit -n)", err)
	}
	times = max(1, int(math.Ceil(interval.Seconds()/slowestPulse.Seconds())))
	return &pulse{every: interval / time.Duration(times), quit: quit}, times, nil
}

// begin is for the thread that will wait.
func (p *pulse) begin() {
	p.delay = linux.OpenThreadDelay()
	had, err := p.delay.Read()
	p.had, p.told, p.last = had, err == nil, time.Now()
}

// wait sleeps until the next beat. It returns false, and at once, after end.
func (p *pulse) wait() bool {
	quit := []unix.PollFd{{Fd: int32(p.quit), Events: unix.POLLIN}}
	due := p.last.Add(p.every)
	for {
		left := unix.NsecToTimespec(int64(max(0, time.Until(due))))
		ended, err := unix.Ppoll(quit, &left, nil)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		had, _ := p.delay.Read() // 0 as ever where it is not told
		p.note(time.Now(), had)
		return ended == 0
	}
}

// note takes a beat, and what the thread has run or waited for a CPU by then.
func (p *pulse) note(now time.Time, had time.Duration) {
	switch gap := now.Sub(p.last) - p.every - (had - p.had); {
	case gap >= certainGap:
		p.certain += gap
	case gap >= shortestGap && p.told:
		p.doubtful += gap
	}
	p.last, p.had = now, had
}

func (p *pulse) end() {
	_, _ = unix.Write(p.quit, []byte{1, 0, 0, 0, 0, 0, 0, 0}) // an eventfd that is not full takes it
}

func (p *pulse) close() {
	p.delay.Close()
	unix.Close(p.quit)
}
