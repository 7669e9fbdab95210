// Command benchd runs experiments with concurrency models again and again,
// measures them from outside and exposes the results to Prometheus:
//
//	config -> experiments -> schedule -> run and measure -> record -> judge -> expose
//
// Each step is the package of that name; this one wires them.
package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	_ "time/tzdata" // BENCHD_SCHEDULE goes by TZ on machines without zones too

	"benchd/daemon/config"
	"benchd/daemon/httpbin"
	"benchd/daemon/run"
	"benchd/workloads"
	"benchd/workloads/workload"
)

const usage = `benchd measures concurrency models, again and again, and tells Prometheus.

Usage:
  benchd                run the daemon; settings are environment variables
  benchd once           run one cycle, print its results as a table, and exit
  benchd list           print the experiments, and those that are skipped with their reason
  benchd config         print every variable with its default, value and meaning
  benchd accept ID|host|all [REASON] make the level after a change the baseline, and end its alert;
                                     host: of all changes that the host is the cause of
  benchd baseline pin NAME           give today's levels a name; drift is told against them
  benchd baseline list|unpin NAME    show the named levels, or forget them
  benchd detect FILE...              find lasting changes in series of your own: benchd detect -h
  benchd httpbin ADDR   serve an httpbin that tells what it uses, for BENCHD_HTTPBIN_URL
  benchd healthcheck    exit with status 0 if the daemon with these settings answers
  benchd version        print the version

Exit status: 0 if all went well, 1 if not, 2 for a command line that makes no
sense; of once 3 if some runs were ok and some were not.
SIGINT, SIGTERM and SIGHUP end a run and then benchd; a second one ends it at once.
`

func main() {
	os.Exit(dispatch(os.Args[1:], os.Stdout, os.Stderr))
}

// dispatch finds out as what this process was started: benchd starts itself
// again as supervisor, as built-in workload and as httpbin.
func dispatch(args []string, stdout, stderr io.Writer) int {
	out, messages := newOutput(stdout), newOutput(stderr)
	status := perform(args, out, messages)
	if out.failed != nil {
		fmt.Fprintf(messages, "benchd: not all of the output could be written: %v\n", out.failed)
		return max(status, statusFailed)
	}
	return status
}

// Exit statuses. One of a signal is the shell's.
const (
	statusFailed = 1 // the command failed
	statusUsage  = 2 // the command line makes no sense
	statusSome   = 3 // some runs of `benchd once` were ok, and some were not
)

func perform(args []string, stdout, stderr io.Writer) int {
	command := ""
	if len(args) > 0 {
		command = args[0]
	}
	switch command {
	case "supervise": // supervise BRAND GROUP -- COMMAND...
		return run.Supervise(args[1:])
	case "workload": // workload NAME
		if len(args) == 2 {
			if program, ok := workloads.Builtin(args[1]); ok {
				return workload.Main(program)
			}
		}
	case "httpbin": // httpbin [ADDRESS]
		surviveLostOutput()
		switch len(args) {
		case 1:
			return httpbin.Serve("")
		case 2:
			return httpbin.Serve(args[1])
		}
	case "detect": // detect [FLAGS] FILE...
		return detectFiles(args[1:], os.Stdin, stdout, stderr)
	case "accept", "baseline":
		return decide(args, stdout, stderr)
	case "version":
		fmt.Fprintln(stdout, buildOf())
		return 0
	case "help", "-h", "--help":
		fmt.Fprint(stdout, usage)
		return 0
	case "", "once", "list", "config", "healthcheck":
		if len(args) <= 1 {
			return withSettings(command, stdout, stderr)
		}
	}
	fmt.Fprintf(stderr, "benchd: cannot make sense of %q\n\n%s", args, usage)
	return statusUsage
}

// withSettings runs what needs the settings.
func withSettings(command string, stdout, stderr io.Writer) int {
	settings, err := config.Load()
	if command == "" || command == "config" {
		err = errors.Join(err, settings.CheckFiles())
	}
	if command == "config" {
		// Shown even with faults in it: this is where one looks them up.
		if tableErr := settings.Table(stdout); tableErr != nil {
			err = tableErr
		}
	}
	if err != nil {
		fmt.Fprintf(stderr, "benchd: the settings are not usable; nothing was started:\n%v\n", err)
		return statusFailed
	}
	ctx, stop := untilSignal(stderr)
	defer stop(nil)
	if command == "" || command == "once" {
		surviveLostOutput()
	}
	log := newLogger(settings, stderr)
	switch command {
	case "config":
	case "list":
		err = list(ctx, settings, stdout)
	case "once":
		err = once(ctx, settings, log, stdout, stderr)
	case "healthcheck":
		err = healthcheck(ctx, settings)
	default:
		err = serve(ctx, settings, log)
	}
	switch {
	case err == nil:
		return 0
	case errors.Is(err, errSomeRuns):
		fmt.Fprintf(stderr, "benchd: %v\n", err)
		return statusSome
	}
	fmt.Fprintf(stderr, "benchd: %v\n", err)
	return statusFailed
}

func newLogger(settings config.Config, w io.Writer) *slog.Logger {
	options := &slog.HandlerOptions{Level: settings.LogLevel}
	if settings.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}
