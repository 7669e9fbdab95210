package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// untilSignal is done at the first SIGINT, SIGTERM or SIGHUP, with the signal as
// its cause. A second one ends the process at once, and its supervisor kills
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
		cancel(fmt.Errorf("signal: %v", <-signals))
		<-signals
		fmt.Fprintln(stderr, "benchd: second signal, ended at once")
		os.Exit(1)
	}()
	return ctx, cancel
}

// surviveLostOutput lets writing to a standard output or error that nobody reads
// any more fail. Go would end the process: for `benchd list | head` that is right,
// for a daemon it is not, which goes on measuring without its log. To ignore
// SIGPIPE would do it too, but workloads would inherit that.
func surviveLostOutput() { signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE) }
