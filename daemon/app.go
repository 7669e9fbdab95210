package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"benchd/daemon/bench"
	"benchd/daemon/config"
	"benchd/daemon/experiments"
	"benchd/daemon/expose"
	"benchd/daemon/host"
	"benchd/daemon/httpbin"
	"benchd/daemon/judge"
	"benchd/daemon/linux"
	"benchd/daemon/record"
	"benchd/daemon/run"
	"benchd/daemon/schedule"
	"benchd/workloads"
	"benchd/workloads/workload"
)

// app is a benchd that is ready to run, and what is to be closed afterwards.
type app struct {
	settings    config.Config
	log         *slog.Logger
	experiments experiments.Set
	store       *record.Store
	runner      *run.Runner
	judge       *judge.Judge
	exposer     *expose.Exposer
	scheduler   *schedule.Scheduler

	dataSize atomic.Pointer[float64] // of BENCHD_DATA_DIR, in bytes

	teardown []func() error // last in, first out
}

// onClose registers the end of something that has just been begun.
func (a *app) onClose(end func() error) { a.teardown = append(a.teardown, end) }

// close ends everything that newApp began, latest first.
func (a *app) close() error {
	var failed error
	for _, end := range slices.Backward(a.teardown) {
		failed = errors.Join(failed, end())
	}
	return failed
}

// newApp wires the flow. On an error everything begun has been ended.
func newApp(ctx context.Context, settings config.Config, log *slog.Logger) (a *app, err error) {
	a = &app{settings: settings, log: log}
	defer func() {
		if err != nil {
			err = errors.Join(err, a.close())
		}
	}()
	if len(settings.ServiceLinks) > 0 {
		log.Info("variables that Kubernetes sets for a Service called benchd are passed over", "variables", strings.Join(settings.ServiceLinks, " "))
	}
	// Descendants of a workload whose supervisor was killed come to us.
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return a, fmt.Errorf("become the subreaper of the workloads: %w", err)
	}
	go linux.KeepReaping(ctx)
	self, err := os.Executable()
	if err != nil {
		return a, fmt.Errorf("find the program that this is: %w", err)
	}
	data, err := filepath.Abs(settings.DataDir)
	if err != nil {
		return a, fmt.Errorf("BENCHD_DATA_DIR: %w", err)
	}
	var web *expose.WebConfig
	if settings.WebConfigFile != "" {
		if web, err = expose.OpenWebConfig(settings.WebConfigFile, log); err != nil {
			return a, err
		}
		a.onClose(web.Close)
	}
	// Early, for it locks the folder against other daemons.
	if a.store, err = record.Open(ctx, data, log); err != nil {
		return a, err
	}
	a.onClose(a.store.Close)
	a.measureData()

	a.experiments, err = load(ctx, settings, filepath.Join(data, "workloads"), self)
	if err != nil {
		return a, err
	}
	for _, left := range a.experiments.Left {
		log.Warn("what a workload left in the folder of the tasks cannot be removed, and is passed over", "err", left)
	}
	server, err := a.startServer(self)
	if err != nil {
		return a, err
	}
	machine := host.Describe()
	groups, err := linux.Delegated()
	if err != nil {
		log.Info("runs have no cgroup of their own: what they leave is found by its descent and its limit of file locks", "reason", err)
	} else {
		log.Info("each run has a cgroup of its own", "in", groups)
	}
	a.runner = &run.Runner{
		Self: self, Groups: groups, ScratchDir: filepath.Join(data, "scratch"), SampleInterval: settings.SampleInterval,
		HTTPBin: server.now, Log: log,
		Fingerprint: bench.Fingerprint{Host: machine, Benchd: buildOf().Version + " " + buildOf().Revision, HTTPBin: server.name},
	}
	a.runner.Clear()
	a.judge = judge.New(judge.Options{
		Experiments:     a.experiments.Experiments,
		History:         a.store,
		Repeat:          settings.Repeat,
		Cycles:          settings.VerdictCycles,
		LeastDifference: settings.LeastDifference,
		LeastChange:     settings.LeastChange,
		AcceptAfter:     settings.AcceptAfter,
		Log:             log,
	})
	a.exposer = expose.New(expose.Options{
		Experiments: a.experiments.Experiments,
		Host:        machine,
		Build:       buildOf().Build,
		Live:        a.runner.Live,
		Server:      server.seen,
		Data:        a.data,
		Leftovers:   a.leftovers,
		History:     a.store,
		Judge:       a.judge,
		Pprof:       settings.PProf,
		Logger:      log,

		Web:           web,
		ListenAddress: settings.ListenAddress,
	})
	if err := a.restore(ctx); err != nil {
		return a, err
	}
	a.scheduler = &schedule.Scheduler{
		Experiments: a.experiments.Experiments,
		Repeat:      settings.Repeat,
		Interval:    settings.Interval,
		Cron:        settings.Schedule,
		Reruns:      settings.Reruns,
		Seed:        settings.Seed,
		LastCycle:   a.store.LastCycle(),
		Runner:      a.runner,
		Recorder:    recorder{a.store, a.exposer},
		Judge:       a.judge,
		Observer:    observer{a.exposer, a},
		Log:         log,
	}
	return a, nil
}

// measureData looks at how large the folder is. It walks it, so it is done between
// the cycles and never at a scrape, which may come in the middle of a run.
func (a *app) measureData() {
	var size *float64 // nil where it cannot be found out
	if n, err := linux.SizeBytes(a.store.Dir()); err == nil {
		size = &n
	}
	a.dataSize.Store(size)
}

func (a *app) data() expose.Data {
	d := expose.Data{SizeBytes: a.dataSize.Load(), Damaged: a.store.Losses()}
	if free, err := linux.FreeBytes(a.store.Dir()); err == nil {
		d.FreeBytes = &free
	}
	return d
}

// leftovers are those of the runs and, in the folder of the tasks, those of the
// start.
func (a *app) leftovers() bench.Leftovers {
	left := a.runner.Leftovers()
	left.Scratch += len(a.experiments.Left)
	return left
}

// observer tidies up between the cycles: it drops what the history need not
// keep any longer, clears what runs left, and gives memory back that only the
// runs needed.
type observer struct {
	*expose.Exposer
	app *app
}

func (o observer) CycleEnded(c bench.Cycle) {
	o.Exposer.CycleEnded(c)
	o.app.prune(c)
	o.app.measureData()
	o.app.runner.Clear()
	workload.Shed()
}

// pruneTimeout bounds how long the next cycle waits for the history to be
// pruned. What is left is dropped after that one.
const pruneTimeout = 10 * time.Second

// prune drops nothing when benchd ends in mid-cycle: it has other things to do.
func (a *app) prune(c bench.Cycle) {
	if c.Done < c.Total {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), pruneTimeout)
	defer cancel()
	dropped, err := a.store.Prune(ctx, time.Now(), record.Limits{
		Age: a.settings.RetentionAge, Bytes: a.settings.RetentionBytes, Points: judge.Window(a.settings.Repeat)})
	if dropped > 0 {
		a.log.Info("old runs were dropped from the history, their statistics are kept", "runs", dropped)
	}
	if err != nil && ctx.Err() == nil {
		a.log.Error("old runs cannot be dropped from the history", "err", err)
	}
}

// recorder tells the exposer what recording costs.
type recorder struct {
	*record.Store
	exposer *expose.Exposer
}

func (r recorder) Record(ctx context.Context, run *bench.Run) error {
	begun := time.Now()
	err := r.Store.Record(ctx, run)
	r.exposer.RecordTook(time.Since(begun))
	return err
}

// load finds the experiments, laying the shipped tasks out in dir.
func load(ctx context.Context, settings config.Config, dir, self string) (experiments.Set, error) {
	return experiments.Load(ctx, experiments.Options{
		FS:            workloads.FS,
		Builtin:       func(name string) bool { _, ok := workloads.Builtin(name); return ok },
		Dir:           dir,
		Self:          self,
		ExtraDirs:     settings.WorkloadsDirs,
		Pythons:       settings.Pythons,
		Size:          settings.Size,
		Tasks:         settings.Tasks,
		Runtimes:      settings.Runtimes,
		Models:        settings.Models,
		Concurrencies: settings.Concurrencies,
		Timeout:       settings.RunTimeout,
	})
}

// server is the httpbin, and two ways to look at it, nil where none is needed.
type server struct {
	name string              // by which a later reader knows it again
	now  func() bench.Server // as it is at this moment, for the gates of a run
	seen func() bench.Server // as it was seen lately, for scrapes, which must not wait for it
}

// startServer provides the httpbin, if an experiment needs it.
func (a *app) startServer(self string) (server, error) {
	needed := slices.ContainsFunc(a.experiments.Experiments, func(e bench.Experiment) bool {
		return e.HTTPBin && e.Skip == nil
	})
	switch {
	case !needed:
		return server{}, nil
	case a.settings.HTTPBinURL != "":
		external := httpbin.Watch(a.settings.HTTPBinURL, a.log)
		a.onClose(external.Close)
		address, err := url.Parse(a.settings.HTTPBinURL)
		if err != nil {
			return server{}, fmt.Errorf("BENCHD_HTTPBIN_URL: %w", err)
		}
		address.User = nil // a password is for nobody to read
		return server{address.String(), external.Now, external.Server}, nil
	}
	child, err := httpbin.Start(self, a.log)
	if err != nil {
		return server{}, err
	}
	a.onClose(child.Close)
	return server{"benchd's own", child.Server, child.Server}, nil // its port is another one each time
}

func (a *app) restore(ctx context.Context) error {
	last, err := a.store.LastOK(ctx)
	if err != nil {
		return fmt.Errorf("read the last runs from the history: %w", err)
	}
	a.exposer.Restore(last)
	return a.judge.Restore(ctx)
}

// serve is the daemon: it runs cycles and serves until ctx is done.
func serve(ctx context.Context, settings config.Config, log *slog.Logger) (err error) {
	// Listening comes before everything else: a second daemon is told at once.
	listener, err := net.Listen("tcp", settings.ListenAddress)
	if err != nil {
		return fmt.Errorf("BENCHD_LISTEN_ADDRESS: %w: %s", err, listenAdvice(err))
	}
	a, err := newApp(ctx, settings, log)
	switch {
	case err != nil && ctx.Err() != nil:
		log.Info("benchd was ended while it started", "cause", context.Cause(ctx), "err", err)
		return listener.Close()
	case err != nil:
		return errors.Join(err, listener.Close())
	}
	defer func() { err = errors.Join(err, a.close()) }()
	log.Info("benchd starts", "version", buildOf().Version, "listen", listener.Addr().String(),
		"experiments", len(a.experiments.Experiments), "size", settings.Size)

	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	served := make(chan error, 1)
	go func() {
		served <- a.exposer.Serve(ctx, listener, socketOf(settings))
		cancel() // without it nobody would see a result
	}()
	err = a.scheduler.Run(ctx)
	log.Info("benchd ends", "cause", context.Cause(ctx))
	cancel()
	return errors.Join(err, <-served)
}

// listenAdvice is what to do about an address that cannot be listened on.
func listenAdvice(err error) string {
	switch name := (*net.DNSError)(nil); {
	case errors.Is(err, unix.EADDRINUSE):
		return "end what serves there, perhaps another benchd, or choose another address"
	case errors.Is(err, unix.EACCES):
		return "choose a port above 1023, which needs no privilege"
	case errors.Is(err, unix.EADDRNOTAVAIL):
		return "choose an address that this machine has, such as 127.0.0.1:9911"
	case errors.As(err, &name):
		return "choose a name that is known here, or an address such as 127.0.0.1:9911"
	}
	return "choose another address, such as 127.0.0.1:9911"
}

// list prints the experiments.
func list(ctx context.Context, settings config.Config, w io.Writer) (err error) {
	// Not in BENCHD_DATA_DIR: a daemon may be running from there.
	dir, err := os.MkdirTemp("", "benchd-list-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, linux.RemoveAll(dir)) }()
	self, err := os.Executable()
	if err != nil {
		return err
	}
	set, err := load(ctx, settings, dir, self)
	if err != nil {
		return err
	}
	return set.Table(w)
}
