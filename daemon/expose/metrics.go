package expose

import (
	"fmt"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"benchd/daemon/bench"
)

// experimentLabels name an experiment, in the order of labelsOf. They are the
// only labels whose values come from outside the daemon's own enumerations,
// beside the texts of info metrics and the kinds of errors, which are capped.
var experimentLabels = []string{"task", "runtime", "model", "concurrency"}

func labelsOf(k bench.Key, more ...string) []string {
	return append([]string{k.Task, k.Runtime, k.Model, strconv.Itoa(k.Concurrency)}, more...)
}

// withLabels are the labels of an experiment and more.
func withLabels(more ...string) []string {
	return append(append([]string{}, experimentLabels...), more...)
}

// metrics are all that only grow while the daemon lives.
type metrics struct {
	runs            *prometheus.CounterVec   // by outcome
	cleanRuns       *prometheus.CounterVec   //
	dirtyRuns       *prometheus.CounterVec   // by cause
	runSeconds      *prometheus.CounterVec   // from start to end of the processes
	runDuration     *prometheus.HistogramVec // of the measured region
	requestDuration *prometheus.HistogramVec // of one item
	cpuSeconds      *prometheus.CounterVec
	units           *prometheus.CounterVec
	items           *prometheus.CounterVec
	failedItems     *prometheus.CounterVec
	itemErrors      *prometheus.CounterVec // by kind
	strays          *prometheus.CounterVec
	reruns          *prometheus.CounterVec

	cycles   prometheus.Counter
	overruns prometheus.Counter

	recordErrors   prometheus.Counter
	recordDuration prometheus.Histogram
	samplerSeconds prometheus.Counter
}

// Native buckets are at most 10 % wide; the classic ones are for scrapers that
// do not know native histograms.
const (
	nativeFactor     = 1.1
	nativeMaxBuckets = 160
)

var (
	// Runs last 1 s to 5 min by design; noop ones take milliseconds.
	runBuckets = []float64{.001, .01, .1, .25, .5, 1, 1.5, 2, 3, 5, 7.5, 10, 15, 20, 30, 60, 120, 300}
	// Finest around the httpbin's default delay of 50 ms.
	requestBuckets = []float64{.0005, .001, .0025, .005, .01, .025, .05, .06, .075, .1, .15, .25, .5, 1, 2.5, 5, 10, 30}
	recordBuckets  = []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 5}
)

// newMetrics registers what belongs to an experiment with results, the rest
// with now.
func newMetrics(results, now prometheus.Registerer) *metrics {
	ofExperiment, ofDaemon := promauto.With(results), promauto.With(now)
	counter := func(name, help string, more ...string) *prometheus.CounterVec {
		return ofExperiment.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, withLabels(more...))
	}
	histogram := func(name, help string, buckets []float64) prometheus.HistogramOpts {
		return prometheus.HistogramOpts{
			Name: name, Help: help, Buckets: buckets,
			NativeHistogramBucketFactor:    nativeFactor,
			NativeHistogramMaxBucketNumber: nativeMaxBuckets,
		}
	}
	return &metrics{
		runs: counter("benchd_runs_total",
			"Runs that ended, by outcome.", "outcome"),
		cleanRuns: counter("benchd_clean_runs_total",
			"Runs with outcome ok in which nothing was found that disturbs the figures."),
		dirtyRuns: counter("benchd_dirty_runs_total",
			"Runs with outcome ok that were disturbed, by cause; a run with two causes counts under each.", "cause"),
		runSeconds: counter("benchd_run_seconds_total",
			"Wall time from the start of a run's process until nothing of it was left: set-up and tear-down included, runs of all outcomes."),
		runDuration: ofExperiment.NewHistogramVec(histogram("benchd_run_duration_seconds",
			"Wall time of the measured region, set-up and tear-down left out: runs with outcome ok, disturbed ones included.",
			runBuckets), experimentLabels),
		requestDuration: ofExperiment.NewHistogramVec(histogram("benchd_request_duration_seconds",
			"Duration of one item (one HTTP request) as the workload clocked it, failed ones included: runs with outcome ok. "+
				"In a closed loop, which a task is unless its description says otherwise, this is service time: a stalled server delays the sending of what follows and shows less than its users would feel. "+
				"Counted by the workload into buckets, whose middles are what is added up here.",
			requestBuckets), experimentLabels),
		cpuSeconds: counter("benchd_run_cpu_seconds_total",
			"CPU time, user and system, that the whole process tree used in the measured region: runs with outcome ok."),
		units: counter("benchd_units_total",
			"Units of work done, in the task's unit (see benchd_task_info): runs with outcome ok."),
		items: counter("benchd_items_total",
			"Items of input handled, failed ones included: runs of all outcomes that reported a result."),
		failedItems: counter("benchd_failed_items_total",
			"Items of input that failed: runs of all outcomes that reported a result."),
		itemErrors: counter("benchd_item_errors_total",
			"Items of input that failed, by the kind that the workload gave, which appears with the first of it: runs of all outcomes that reported a result. "+
				"Kind other holds what is beyond the first "+strconv.Itoa(maxErrorKinds)+" kinds of an experiment.", "kind"),
		strays: counter("benchd_stray_processes_total",
			"Processes that runs left behind and benchd killed: runs of all outcomes."),
		reruns: counter("benchd_reruns_total",
			"Runs beyond the plan of a cycle, made at once because a figure of an experiment, or of one that is compared with it, was suspect: runs of all outcomes."),

		cycles: ofDaemon.NewCounter(prometheus.CounterOpts{
			Name: "benchd_cycles_total",
			Help: "Cycles that ended since benchd was started.",
		}),
		overruns: ofDaemon.NewCounter(prometheus.CounterOpts{
			Name: "benchd_cycle_overruns_total",
			Help: "Cycles that were still going on when the next was due.",
		}),

		recordErrors: ofDaemon.NewCounter(prometheus.CounterOpts{
			Name: "benchd_record_errors_total",
			Help: "Runs that could not be recorded in the history.",
		}),
		recordDuration: ofDaemon.NewHistogram(histogram("benchd_record_duration_seconds",
			"Wall time of recording one run in the history.", recordBuckets)),
		samplerSeconds: ofDaemon.NewCounter(prometheus.CounterOpts{
			Name: "benchd_sampler_cpu_seconds_total",
			Help: "CPU time that benchd spent on sampling workloads.",
		}),
	}
}

// initialise makes the series of an experiment appear with 0, so that the
// first increase is seen as one.
func (m *metrics) initialise(k bench.Key) {
	for _, o := range bench.Outcomes() {
		m.runs.WithLabelValues(labelsOf(k, string(o))...)
	}
	for _, n := range bench.Noises() {
		m.dirtyRuns.WithLabelValues(labelsOf(k, string(n))...)
	}
	for _, c := range []*prometheus.CounterVec{m.cleanRuns, m.runSeconds, m.cpuSeconds, m.units, m.items, m.failedItems, m.strays, m.reruns} {
		c.WithLabelValues(labelsOf(k)...)
	}
	m.runDuration.WithLabelValues(labelsOf(k)...)
}

// maxErrorKinds bounds the kinds of errors of one experiment: their names are
// the workload's, and may be as many as it has requests.
const maxErrorKinds = 16

// maxObservations bounds the work that one run's latencies cause: client_golang
// takes them one by one, at some 50 ns each. More than a minute of the fastest
// client can yield, so beyond it is a workload's mistake.
const maxObservations = 10_000_000

// count adds one run. kinds are the experiment's error kinds seen so far; it
// is added to. An error says what could not be counted.
func (m *metrics) count(r *bench.Run, kinds map[string]bool) error {
	labels := labelsOf(r.Key)
	m.runs.WithLabelValues(labelsOf(r.Key, string(r.Outcome))...).Inc()
	add(m.runSeconds.WithLabelValues(labels...), r.Ended.Sub(r.Started).Seconds())
	add(m.strays.WithLabelValues(labels...), float64(r.Exit.Strays))
	add(m.reruns.WithLabelValues(labels...), boolValue(r.Rerun))
	if r.Figures == nil {
		return nil
	}
	f := r.Figures
	add(m.samplerSeconds, f.SamplerSeconds)
	add(m.items.WithLabelValues(labels...), f.Items)
	add(m.failedItems.WithLabelValues(labels...), f.FailedItems())
	for kind, n := range f.Errors {
		add(m.itemErrors.WithLabelValues(labelsOf(r.Key, admit(kinds, label(kind)))...), n)
	}
	if r.Outcome != bench.OK {
		return nil // what it did was not the work that is compared
	}
	m.runDuration.WithLabelValues(labels...).Observe(f.WallSeconds)
	add(m.cpuSeconds.WithLabelValues(labels...), f.CPUSeconds())
	add(m.units.WithLabelValues(labels...), f.Units)
	if r.Clean() {
		m.cleanRuns.WithLabelValues(labels...).Inc()
	}
	for _, cause := range r.Noise {
		m.dirtyRuns.WithLabelValues(labelsOf(r.Key, string(cause))...).Inc()
	}
	if f.Latency == nil {
		return nil
	}
	if n := f.Latency.Count(); n > maxObservations {
		return fmt.Errorf("%s reported %d latencies of one run, more than %d: they are left out of benchd_request_duration_seconds, count fewer in the workload",
			r.Key, n, maxObservations)
	}
	observe(m.requestDuration.WithLabelValues(labels...), f.Latency)
	return nil
}

// add ignores what is not an increase: a counter panics on less than 0, and
// one NaN would stay in it for ever.
func add(c prometheus.Counter, v float64) {
	if v > 0 {
		c.Add(v)
	}
}

// observe feeds durations that the workload has counted into buckets. A const
// histogram would be cheaper, but carries either classic or native buckets.
func observe(o prometheus.Observer, l *bench.Histogram) {
	for i, b := range l.Buckets {
		middle := l.Middle(i)
		for range b.Count {
			o.Observe(middle)
		}
	}
}

// admit is the kind under which an error is counted.
func admit(kinds map[string]bool, kind string) string {
	if !kinds[kind] {
		if len(kinds) >= maxErrorKinds {
			return "other"
		}
		kinds[kind] = true
	}
	return kind
}
