package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// untilSignal is done at the first SIGINT, SIGTERM or SIGHUP, with the signal as
// its cause. A further one ends the process at once, and its supervisor kills
// what was running. SIGHUP ends it as SIGTERM does: the settings are the
// environment, of which nothing could be read again.
//
// A signal that was ignored when the process started stays ignored: nohup and
// shells that start something in the background ask for that.
func untilSignal(stderr io.Writer) (context.Context, context.CancelCauseFunc) {
	ctx, cancel := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 2)
	for _, s := range []os.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		if !signal.Ignored(s) {
			signal.Notify(signals, s)
		}
	}
	go func() {
		first, at := <-signals, time.Now()
		cancel(fmt.Errorf("signal: %v", first))
		for further := range signals {
			if isFurther(first, further, time.Since(at)) {
				break
			}
		}
		fmt.Fprintln(stderr, "benchd: second signal, ended at once")
		os.Exit(1)
	}()
	return ctx, cancel
}

// isFurther tells a further signal from the same one that came twice: timeout(1)
// sends it to its child and then to the group, in which the child is.
func isFurther(first, further os.Signal, after time.Duration) bool {
	return further != first || after > 500*time.Millisecond
}

// surviveLostOutput lets writing to a standard output or error that nobody reads
// any more fail. Go would end the process: for `benchd list | head` that is right,
// for a daemon it is not, which goes on measuring without its log. To ignore
// SIGPIPE would do it too, but workloads would inherit that.
func surviveLostOutput() { signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE) }
