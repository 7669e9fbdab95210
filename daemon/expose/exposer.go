package expose

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"benchd/daemon/bench"
)

// History is where recorded runs are read.
type History interface {
	// Runs returns the runs that match the query, newest first.
	Runs(context.Context, bench.RunQuery) ([]bench.Run, error)
	// Changes returns the changes that match the query, newest first.
	Changes(context.Context, bench.ChangeQuery) ([]bench.Change, error)
	// Statistics returns what is known of the dropped runs of an experiment, by
	// month.
	Statistics(context.Context, bench.Key) ([]bench.Dropped, error)
	// Keys returns all experiments that it knows anything of.
	Keys(context.Context) ([]bench.Key, error)
	// Samples returns those of a run, none where they are not kept any more.
	Samples(ctx context.Context, run int64) ([]bench.Sample, error)
}

// Judge says what the results mean, and is told what a person decides.
type Judge interface {
	Judgements() bench.Judgements
	// Accept makes the new levels of the selected open changes the baseline.
	Accept(ctx context.Context, which bench.Selection, by string) ([]bench.Change, error)
	Pin(ctx context.Context, name string) (bench.Pin, error)
	Pins(ctx context.Context) ([]bench.Pin, error)
	Unpin(ctx context.Context, name string) error
}

// Build is what benchd was built from.
type Build struct {
	Version   string // "1.2.0", "devel"
	Revision  string // of the source
	GoVersion string // "go1.26.8"
}

// Data is the room that BENCHD_DATA_DIR takes and has, and what was lost in it.
// Nil is not known.
type Data struct {
	SizeBytes *float64
	FreeBytes *float64
	Damaged   map[string]int64 // records, by kind
}

// Options are what an Exposer shows.
type Options struct {
	Experiments []bench.Experiment // skipped ones included; no others are exposed
	Host        bench.Host
	Build       Build
	Live        func() (bench.Live, bool) // false between runs; called at each scrape
	Server      func() bench.Server       // called at each scrape; nil without a httpbin
	Data        func() Data               // called at each scrape; nil where nothing is kept
	Leftovers   func() bench.Leftovers    // called at each scrape
	History     History
	Judge       Judge
	// Web is nil for plain HTTP and no users. While it knows users, who can send a
	// request may decide something, too.
	Web           *WebConfig
	ListenAddress string // as it was given, host:port
	Pprof         bool   // serve /debug/pprof
	Logger        *slog.Logger
}

// Exposer keeps what is shown. The scheduler tells it what happens, from one
// goroutine; it may be scraped meanwhile from many.
type Exposer struct {
	options Options
	results *prometheus.Registry // of the experiments; changes when a run ends
	now     *prometheus.Registry // all else
	page    *metricsPage
	metrics *metrics
	fixed   []prometheus.Metric
	handler http.Handler
	trusted http.Handler // for the socket, whose file's permissions tell who may
	api     *budget      // of all but /metrics

	cells map[bench.Key]*cell // the map is not changed, mu guards what the cells show

	mu        sync.Mutex
	running   *running
	waiting   int          // results that are to be recorded
	cycle     *bench.Cycle // current or, between cycles, latest; nil before the first
	lastCycle *bench.Cycle // latest that has ended
	ready     bool         // there is a result to see
}

type running struct {
	key   bench.Key
	since time.Time
}

// New prepares all that is shown; Serve shows it.
func New(o Options) *Exposer {
	e := &Exposer{
		options: o,
		results: prometheus.NewRegistry(),
		now:     prometheus.NewRegistry(),
		fixed:   fixedMetrics(&o),
		cells:   make(map[bench.Key]*cell, len(o.Experiments)),
	}
	e.metrics = newMetrics(e.results, e.now)
	for _, x := range o.Experiments {
		e.cells[x.Key] = newCell(x)
		e.metrics.initialise(x.Key)
	}
	e.results.MustRegister(resultsCollector{e})
	e.now.MustRegister(nowCollector{e},
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	e.api = newBudget(answersAtOnce, answersShare, e.measuring)
	e.page = newMetricsPage(e.results, e.now, newBudget(scrapesAtOnce, scrapesShare, e.measuring), o.Logger)
	e.handler = e.newHandler(o.Web.hasUsers)
	e.trusted = e.newHandler(func() bool { return true })
	return e
}

// Restore shows the last good run of each experiment as the history knows it,
// without counting it. Runs that would now measure something else, because the
// experiment is gone or has another input, are left out.
func (e *Exposer) Restore(runs map[bench.Key]bench.Run) {
	defer e.page.renew()
	e.mu.Lock()
	defer e.mu.Unlock()
	for key, r := range runs {
		c, ok := e.cells[key]
		if ok && r.Input == c.experiment.Input() && c.show(&r) {
			e.ready = true
		}
	}
}

// CycleStarted takes note of a cycle of which no run has started.
func (e *Exposer) CycleStarted(c bench.Cycle) { e.CycleProgress(c) }

// CycleProgress takes note of how far the cycle is.
func (e *Exposer) CycleProgress(c bench.Cycle) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.cycle = &c
}

// CycleEnded counts a cycle.
func (e *Exposer) CycleEnded(c bench.Cycle) {
	e.metrics.cycles.Inc()
	if c.Overran {
		e.metrics.overruns.Inc()
	}
	defer e.page.renew() // of the verdicts
	e.mu.Lock()
	defer e.mu.Unlock()
	e.cycle, e.lastCycle = &c, &c
}

// RunStarted shows the experiment as running.
func (e *Exposer) RunStarted(x bench.Experiment, at time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.running = &running{x.Key, at}
}

// ResultsWaiting takes note of how many results wait to be recorded, while no
// run is going on.
func (e *Exposer) ResultsWaiting(n int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.running, e.waiting = nil, n
}

// RunEnded counts a run and shows its figures, if it is good. lost is why it will
// never be recorded, nil when it was: then nothing of it is shown, for after a
// restart nothing would be.
func (e *Exposer) RunEnded(r bench.Run, lost error) {
	if lost != nil {
		e.metrics.recordErrors.Inc()
	}
	defer e.page.renew()
	c, ok := e.cells[r.Key]
	if ok {
		// Before the lock: it may take half a second, in which others scrape.
		if err := e.metrics.count(&r, c.errorKinds); err != nil {
			e.options.Logger.Warn("Latencies are not shown.", "err", err)
		}
	} else {
		e.options.Logger.Error("Run of an experiment that is not configured is not shown.", "experiment", r.Key.String())
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.running = nil
	if !ok {
		return
	}
	c.attempted(&r)
	if lost == nil {
		c.show(&r)
	}
	e.ready = e.ready || r.Outcome != bench.Skipped
}

// measuring reports whether a run is going on.
func (e *Exposer) measuring() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.running != nil
}

// RecordTook takes note of how long it took to record one run.
func (e *Exposer) RecordTook(d time.Duration) { e.metrics.recordDuration.Observe(d.Seconds()) }
