package expose

import (
	"maps"
	"math"
	"slices"

	"github.com/prometheus/client_golang/prometheus"

	"benchd/daemon/bench"
)

// Labels of what is judged, after those of the experiment.
var (
	figureLabels  = withLabels("figure")
	changeLabels  = withLabels("figure", "direction", "scope")
	endedLabels   = withLabels("figure", "direction", "scope", "ending")
	verdictLabels = withLabels("figure", "among")
	scalingLabels = []string{"task", "runtime", "model"}
)

// estimate is a figure with the ends of its 95 % confidence interval: a gauge
// each.
type estimate struct{ value, lower, upper *prometheus.Desc }

func estimated(name, unit, help string, labels []string) estimate {
	return estimate{
		desc(name+unit, help, labels...),
		desc(name+"_lower"+unit, help+" This is the lower end of the 95 % confidence interval.", labels...),
		desc(name+"_upper"+unit, help+" This is the upper end of the 95 % confidence interval.", labels...),
	}
}

// appendTo leaves out an end that the interval does not have.
func (e estimate) appendTo(ms []prometheus.Metric, r *bench.Ratio, labels ...string) []prometheus.Metric {
	if r == nil {
		return ms
	}
	ms = append(ms, gauge(e.value, r.Ratio, labels...))
	for d, v := range map[*prometheus.Desc]float64{e.lower: r.Low, e.upper: r.High} {
		if !math.IsNaN(v) && !math.IsInf(v, 0) {
			ms = append(ms, gauge(d, v, labels...))
		}
	}
	return ms
}

// byUnit is a metric for each unit that a figure has: seconds and bytes are not
// to be added up.
type byUnit map[string]*prometheus.Desc

func inUnits(name, help string, labels []string) byUnit {
	of := map[string]string{
		"seconds": "times and CPU times a unit of work, and latencies.",
		"bytes":   "peak memory.",
		"ratio":   "time by that of the baseline.",
	}
	m := byUnit{}
	for _, f := range bench.WatchedFigures() {
		m[f.Unit()] = desc(name+"_"+f.Unit(), help+": "+of[f.Unit()], labels...)
	}
	return m
}

// Whether it got worse.
var (
	figureState = desc("benchd_figure_state",
		"How a figure of an experiment stands: 2 regressed, 1 suspect, 0 no change found, -1 improved. It is looked at after every clean run; one that the httpbin limited is not clean here.", figureLabels...)
	figureRuns = desc("benchd_figure_runs",
		"Clean runs of the present level of a figure, up to 200 times BENCHD_REPEAT: what the next ones are held against. Those that the httpbin limited are left out.", figureLabels...)
	figureNoticeable = desc("benchd_figure_noticeable_change_ratio",
		"Smallest lasting change of a figure that would be noticed now within some 20 cycles, 0.07 being 7 percent: silence means no more than that. Absent with fewer than 22 cycles that have a clean run, or 16 since a change.", figureLabels...)
	figureDrift = estimated("benchd_figure_drift", "_ratio",
		"Latest runs by the pinned baseline, 1.1 being 10 percent more; absent without one.", figureLabels)

	openChange = estimated("benchd_open_change", "_ratio",
		"Size of a lasting change that nobody has accepted and that has not recovered: the new level by the old.", changeLabels)
	openChangeBefore = inUnits("benchd_open_change_before",
		"Median of the figure before an open change", changeLabels)
	openChangeAfter = inUnits("benchd_open_change_after",
		"Median of the figure after an open change", changeLabels)
	openChangeBegin = desc("benchd_open_change_begin_timestamp_seconds",
		"When the first run of the new level was started.", changeLabels...)
	openChangeID = desc("benchd_open_change_id",
		"Number of an open change: benchd accept takes it.", changeLabels...)
	openChangeDifference = desc("benchd_open_change_difference",
		"1 for each thing that was different in the runs before and after an open change: a suspect, not a proof.", withLabels("figure", "cause")...)

	endedChange = desc("benchd_last_ended_change_ratio",
		"Size of the latest change of a figure that is open no more, the new level by the old; the label ending says why.", endedLabels...)
	endedChangeBegin = desc("benchd_last_ended_change_begin_timestamp_seconds",
		"When the first run of the new level was started, of the latest change that is open no more.", endedLabels...)
	endedChangeTime = desc("benchd_last_ended_change_timestamp_seconds",
		"When the latest change of a figure that is open no more ended.", endedLabels...)

	changesFound = desc("benchd_changes_total",
		"Lasting changes found since benchd was started.", "direction", "scope")
	changesClosed = desc("benchd_closed_changes_total",
		"Changes that ended since benchd was started, by how.", "ending")
	unrecorded = desc("benchd_unrecorded_changes_total",
		"Times that a change could not be recorded in the history, and so was not told; the next run of the experiment tries again.")
	suspects = desc("benchd_suspects_total",
		"Times that a figure of an experiment became suspect.", experimentLabels...)

	hostState = desc("benchd_host_state",
		"How the host stands: 2 slower, 1 disturbed, 0 as it was, -1 faster. Slower is by the canary or by most experiments, faster by the canary, disturbed is with more than half of the latest 20 runs dirty.")
	hostDisturbed = desc("benchd_host_disturbed_ratio",
		"Share of the latest 20 good runs that were dirty, 0 to 1.")
	hostChange = estimated("benchd_host_change", "_ratio",
		"Time of the canary by what it was before, while the host is slower or faster by the canary.", nil)
	pinnedInfo = desc("benchd_pinned_baseline_info",
		"1, labelled by the name of the pinned baseline; absent without one.", "name")
	pinnedTime = desc("benchd_pinned_baseline_timestamp_seconds",
		"When the baseline was pinned.")
)

// Which model.
var (
	verdict = desc("benchd_verdict",
		"Whether an experiment is better than the one it is compared with: 1 better, 0 the same within the least effect of interest, -1 worse, 2 not enough data yet. Among models it is compared with its runtime's baseline, among runtimes with the same model of the first runtime.", verdictLabels...)
	verdictRatio = estimated("benchd_verdict", "_ratio",
		"Figure of an experiment by that of the one it is compared with, paired within cycles: the geometric mean.", verdictLabels)
	verdictDifference = estimated("benchd_verdict_error_difference", "_ratio",
		"Share of failed items of an experiment less that of the one it is compared with, paired within cycles: 0.01 is one item in a hundred more. It is a difference, for either may be 0.", verdictLabels)
	verdictCycles = desc("benchd_verdict_cycles",
		"Cycles in which both had a clean run, and which the verdict is of. A run that the httpbin limited is not clean here.", verdictLabels...)
	verdictMissing = desc("benchd_verdict_missing_cycles",
		"Cycles that it will likely take until there is a verdict; absent where there is one, or where that cannot be told.", verdictLabels...)
	advice = desc("benchd_advice",
		"What is concluded of an experiment for a goal: 1 use, 2 not told apart from the best yet, 0 neither, -1 avoid. Several to use are a tie.", withLabels("goal", "among")...)

	scalingVerdict = desc("benchd_scaling_verdict",
		"Whether the data shows a concurrency of most throughput: 1 a peak is shown, 0 none is, 2 not enough data yet.", scalingLabels...)
	scalingPeak = estimated("benchd_scaling_peak", "_concurrency",
		"Concurrency of most throughput by the Universal Scalability Law; absent unless the data shows a peak.", scalingLabels)
	scalingSigma = estimated("benchd_scaling_contention", "_ratio",
		"Contention (sigma) in the Universal Scalability Law: the share of the work that waits for its turn.", scalingLabels)
	scalingKappa = estimated("benchd_scaling_coherency", "_ratio",
		"Coherency (kappa) in the Universal Scalability Law: what each pair of workers costs.", scalingLabels)
	scalingBest = desc("benchd_scaling_best_concurrency",
		"Concurrency that had the most throughput, law or no law.", scalingLabels...)
)

// judgedDescs are all metrics of what is judged.
func judgedDescs() []*prometheus.Desc {
	list := []*prometheus.Desc{figureState, figureRuns, figureNoticeable,
		openChangeBegin, openChangeID, openChangeDifference, endedChange, endedChangeBegin, endedChangeTime,
		changesFound, changesClosed, unrecorded, suspects, hostState, hostDisturbed, pinnedInfo, pinnedTime,
		verdict, verdictCycles, verdictMissing, advice, scalingVerdict, scalingBest}
	for _, e := range []estimate{figureDrift, openChange, hostChange, verdictRatio, verdictDifference, scalingPeak, scalingSigma, scalingKappa} {
		list = append(list, e.value, e.lower, e.upper)
	}
	for _, m := range []byUnit{openChangeBefore, openChangeAfter} {
		list = slices.AppendSeq(list, maps.Values(m))
	}
	return list
}

// judgedMetrics makes the metrics of what is judged.
func judgedMetrics(all *bench.Judgements) []prometheus.Metric {
	var ms []prometheus.Metric
	for i := range all.Experiments {
		ms = append(ms, experimentJudged(&all.Experiments[i])...)
		key := all.Experiments[i].Key
		ms = append(ms, counter(suspects, all.Suspects[key], labelsOf(key)...))
	}
	for i := range all.Open {
		ms = append(ms, openMetrics(&all.Open[i])...)
	}
	for i := range all.Ended {
		ms = append(ms, endedMetrics(&all.Ended[i])...)
	}
	for i := range all.Scalings {
		ms = append(ms, scalingMetrics(&all.Scalings[i])...)
	}
	for _, k := range bench.Kinds() {
		ms = append(ms, counter(changesFound, all.Found[k], string(k.Direction), string(k.Scope)))
	}
	for _, e := range bench.Endings() {
		ms = append(ms, counter(changesClosed, all.Closed[e], string(e)))
	}
	ms = append(ms, counter(unrecorded, all.Unrecorded))
	ms = append(ms, gauge(hostState, float64(all.Host)), gauge(hostDisturbed, all.Disturbed))
	ms = hostChange.appendTo(ms, all.HostRatio)
	if all.PinName != "" {
		ms = append(ms, gauge(pinnedInfo, 1, all.PinName), gauge(pinnedTime, unixSeconds(all.Pinned)))
	}
	return ms
}

func counter(d *prometheus.Desc, n int, labels ...string) prometheus.Metric {
	return prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(n), labels...)
}

func experimentJudged(of *bench.Judgement) []prometheus.Metric {
	var ms []prometheus.Metric
	for i := range of.Courses {
		c := &of.Courses[i]
		if c.Runs == 0 {
			continue // not a figure of this experiment, or no clean run yet
		}
		labels := labelsOf(of.Key, string(c.Figure))
		ms = append(ms, gauge(figureState, float64(c.State), labels...), gauge(figureRuns, float64(c.Runs), labels...))
		if c.Noticeable != nil {
			ms = append(ms, gauge(figureNoticeable, *c.Noticeable, labels...))
		}
		ms = figureDrift.appendTo(ms, c.Drift, labels...)
	}
	for i := range of.Comparisons {
		c := &of.Comparisons[i]
		labels := labelsOf(of.Key, string(c.Figure), string(c.Among))
		ms = append(ms, gauge(verdict, float64(c.Verdict), labels...), gauge(verdictCycles, float64(c.Cycles), labels...))
		if c.Figure == bench.ErrorRatio {
			ms = verdictDifference.appendTo(ms, c.Ratio, labels...)
		} else {
			ms = verdictRatio.appendTo(ms, c.Ratio, labels...)
		}
		if c.Missing != nil {
			ms = append(ms, gauge(verdictMissing, float64(*c.Missing), labels...))
		}
	}
	for _, a := range of.Advice {
		ms = append(ms, gauge(advice, float64(a.Advice), labelsOf(of.Key, string(a.Goal), string(a.Among))...))
	}
	return ms
}

func openMetrics(c *bench.Change) []prometheus.Metric {
	labels := labelsOf(c.Key, string(c.Figure), string(c.Direction), string(c.Scope))
	ms := openChange.appendTo(nil, &c.Size, labels...)
	ms = append(ms,
		gauge(openChangeBefore[c.Figure.Unit()], c.Before, labels...),
		gauge(openChangeAfter[c.Figure.Unit()], c.After, labels...),
		gauge(openChangeBegin, unixSeconds(c.Began.Time), labels...),
		gauge(openChangeID, float64(c.ID), labels...))
	for _, d := range c.Differences {
		ms = append(ms, gauge(openChangeDifference, 1, labelsOf(c.Key, string(c.Figure), string(d.Cause))...))
	}
	return ms
}

func endedMetrics(c *bench.Change) []prometheus.Metric {
	labels := labelsOf(c.Key, string(c.Figure), string(c.Direction), string(c.Scope), string(c.Ending))
	return []prometheus.Metric{
		gauge(endedChange, c.Size.Ratio, labels...),
		gauge(endedChangeBegin, unixSeconds(c.Began.Time), labels...),
		gauge(endedChangeTime, unixSeconds(c.Closed), labels...),
	}
}

func scalingMetrics(s *bench.Scaling) []prometheus.Metric {
	labels := []string{s.Task, s.Runtime, s.Model}
	ms := []prometheus.Metric{gauge(scalingVerdict, float64(s.Verdict), labels...)}
	if s.Best > 0 {
		ms = append(ms, gauge(scalingBest, float64(s.Best), labels...))
	}
	ms = scalingPeak.appendTo(ms, s.Peak, labels...)
	ms = scalingSigma.appendTo(ms, s.Sigma, labels...)
	return scalingKappa.appendTo(ms, s.Kappa, labels...)
}
