package expose

import (
	"cmp"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"

	"benchd/daemon/bench"
)

// What an experiment is, as its last good run knows best.
var experimentInfo = desc("benchd_experiment_info",
	"1, labelled by what an experiment is; httpbin is whether it needs the httpbin. client, runtime_version and gil are those of the run that the benchd_last_run_ gauges describe, until then those found at start.",
	withLabels("title", "unit", "client", "runtime_version", "gil", "size", "baseline", "source", "httpbin")...)

// The last attempt may have failed, the run that the benchd_last_run_ gauges
// describe has not; hence the names.
var (
	attemptOutcome = desc("benchd_last_attempt_outcome",
		"1 for the outcome of the latest run since benchd was started, whatever it was; 0 for the other outcomes.", withLabels("outcome")...)
	attemptTime = desc("benchd_last_attempt_timestamp_seconds",
		"When the latest run since benchd was started ended, whatever its outcome.", experimentLabels...)
	failedInARow = desc("benchd_failed_runs_in_a_row",
		"Runs since the last good one that have failed, in whatever way, since benchd was started.", experimentLabels...)
)

// cell is one experiment and its results. Its metrics are made when a run
// ends and not touched again.
type cell struct {
	experiment bench.Experiment
	versions   bench.Versions  // of the last good run
	errorKinds map[string]bool // known to the counters; used by RunEnded alone
	failed     int             // runs in a row, since the start

	info    prometheus.Metric
	last    []prometheus.Metric // of the last good run; empty before
	attempt []prometheus.Metric // of the last run; empty before
}

func newCell(x bench.Experiment) *cell {
	c := &cell{experiment: x, errorKinds: map[string]bool{}}
	c.describe()
	return c
}

// show makes a good run the one that the last-run gauges describe, and says
// whether it was one.
func (c *cell) show(r *bench.Run) bool {
	if r.Outcome != bench.OK || r.Figures == nil {
		return false
	}
	c.last = lastRunMetrics(r)
	c.versions = r.Versions
	c.describe()
	return true
}

// describe makes the info metric of what is known of the experiment.
func (c *cell) describe() {
	x := c.experiment
	c.info = gauge(experimentInfo, 1, labelsOf(x.Key, x.Title, x.Unit, c.client(), c.runtimeVersion(),
		c.versions.GIL, x.Size, strconv.FormatBool(x.Baseline), x.Source, strconv.FormatBool(x.HTTPBin))...)
}

func (c *cell) client() string         { return cmp.Or(c.versions.Client, c.experiment.Client) }
func (c *cell) runtimeVersion() string { return cmp.Or(c.versions.Runtime, c.experiment.Version) }

// attempted takes note of a run, whatever its outcome.
func (c *cell) attempted(r *bench.Run) {
	switch r.Outcome {
	case bench.OK:
		c.failed = 0
	case bench.Skipped: // says nothing
	default:
		c.failed++
	}
	ms := []prometheus.Metric{
		gauge(attemptTime, unixSeconds(r.Ended), labelsOf(r.Key)...),
		gauge(failedInARow, float64(c.failed), labelsOf(r.Key)...),
	}
	for _, o := range bench.Outcomes() {
		ms = append(ms, gauge(attemptOutcome, boolValue(o == r.Outcome), labelsOf(r.Key, string(o))...))
	}
	c.attempt = ms
}

// resultsCollector yields what changes only when a run ends.
type resultsCollector struct{ *Exposer }

func (c resultsCollector) Describe(ch chan<- *prometheus.Desc) {
	for _, f := range lastRunFigures {
		ch <- f.desc
	}
	for _, d := range []*prometheus.Desc{lastRunNoise, lastRunLatency, experimentInfo, attemptOutcome, attemptTime, failedInARow} {
		ch <- d
	}
	for _, d := range judgedDescs() {
		ch <- d
	}
}

func (c resultsCollector) Collect(ch chan<- prometheus.Metric) {
	c.mu.Lock()
	var ms []prometheus.Metric
	for _, cell := range c.cells {
		ms = append(ms, cell.info)
		ms = append(ms, cell.last...)
		ms = append(ms, cell.attempt...)
	}
	c.mu.Unlock()
	judgements := c.options.Judge.Judgements()
	for _, m := range append(ms, judgedMetrics(&judgements)...) {
		ch <- m
	}
}
