package grafana

import "strings"

func regressions() Dashboard {
	return frame("benchd-regressions", "benchd: regressions",
		"Did a model just get worse, and was it the model or the host?",
		[]Variable{
			choice("task", "benchd_experiment_info{"+ofInstance+"}").first("io-bound"),
			choice("runtime", `benchd_experiment_info{`+ofInstance+`,task="$task"}`).several(),
			choice("concurrency", `benchd_experiment_info{`+ofInstance+`,task="$task",runtime=~"$runtime"}`).several(),
		},
		openChanges(), howFiguresStand(), howFiguresWent(), orTheHost(),
	)
}

// change is what names an open change. There is one for each figure of an
// experiment at most.
const change = ids + ", figure"

// opened is a metric of the open changes, once for each thing that was
// different at their time; cause is "none found" where nothing was.
func opened(metric string) string {
	id := `max by (` + change + `) (benchd_open_change_id{` + ofInstance + `})`
	causes := `(max by (` + change + `, cause) (benchd_open_change_difference{` + ofInstance + `}) or label_replace(` + id + ` unless on (` + change + `) benchd_open_change_difference, "cause", "none found", "", ""))`
	return causes + ` * 0 + on (` + change + `) group_left (direction, scope) topk by (` + change + `) (1, max by (` + change + `, direction, scope) (benchd_open_change_` + metric + `{` + ofInstance + `}))`
}

func openChanges() row {
	count := func(series string) query { return q(`count(`+once(change, series)+`) or on () vector(0)`, "") }
	size := func(metric string) query { return q(opened(metric)+" - 1", "").orEmpty(nothing) }
	level := func(metric string) query {
		return q(`max by (`+change+`) (benchd_open_change_`+metric+`{`+ofInstance+`})`, "").orEmpty(nothing)
	}
	// A ratio whose baseline changed is told of that.
	ended := func(metric string) string {
		return `max by (` + change + `, direction, scope, ending) (benchd_last_ended_change` + metric + `{` + ofInstance + `,scope!="baseline"})`
	}
	return section("What has changed, and nobody has accepted it",
		beside(4,
			figureOf("Regressions", "Open changes for the worse of a model or a runtime. Each is an alert.", "none", 0).
				stat(count(`benchd_open_change_id{`+ofInstance+`,direction="regression",scope=~"model|runtime"}`)).thresholds(1.0, "red"),
			figureOf("Of the host", "Open changes for the worse that the canary, or most others, shared: no model is to blame.", "none", 0).
				stat(count(`benchd_open_change_id{`+ofInstance+`,direction="regression",scope="host"}`)).thresholds(1.0, "orange"),
			figureOf("Improvements", "Open changes for the better. No alert tells of them; accepted, they are what the next runs are held against.", "none", 0).
				stat(count(`benchd_open_change_id{`+ofInstance+`,direction="improvement"}`)).thresholds(1.0, "blue"),
			figureOf("Suspects", "Figures that may have got worse. They are run again at once, beside their baseline and the canary, until it is certain.", "none", 0).
				stat(count(`benchd_figure_state{`+ofInstance+`} == 1`)).thresholds(1.0, "orange"),
			figureOf("The host", "Slower: by the canary, or by most experiments. Faster: by the canary. Disturbed: more than half of the latest 20 runs were.", "none", 0).
				stat(q(once("instance", `benchd_host_state{`+ofInstance+`}`), "")).says(hostStates),
			figureOf("Pinned baseline", "The level that drift is told against, and when it was pinned.", "dateTimeFromNow", 0).orElse("none is pinned").
				stat(q(`1000 * `+once("instance", `benchd_pinned_baseline_timestamp_seconds{`+ofInstance+`}`)+` * on (instance) group_left (name) topk by (instance) (1, max by (instance, name) (benchd_pinned_baseline_info))`, "{{name}}").orEmpty(noPin))),
		beside(9, figureOf("What has changed, by how much, since when, and why?",
			"Of all tasks. Size: the new level by the old, with its 95 % interval. Of: the model, most of its runtime, or the host. Before and after are medians: of times per unit and of latencies in seconds, of memory in "+
				"bytes, and of time by the baseline's as a ratio. Suspected: what was different in the runs from then on, one row for each; a suspect, not a proof.", "none", 2).
			orElse(nothing).
			table(append(identity(), of("figure", "Figure", 145).worded(figures), of("direction", "Direction", 105).shaded([]shade{{"regression", "red"}, {"improvement", "blue"}}),
				of("scope", "Of", 70).shaded([]shade{{"model", "text"}, {"runtime", "text"}, {"host", "orange"}}), value("A", "Size", "percentunit", 1), value("B", "From", "percentunit", 1), value("C", "To", "percentunit", 1),
				value("D", "Since", "dateTimeAsIso", 0).wide(165), value("E", "ID", "none", 0).wide(55), of("cause", "Suspected", 95)),
				"Since", true,
				size("ratio"), size("lower_ratio"), size("upper_ratio"), q("1000 * ("+opened("begin_timestamp_seconds")+")", "").orEmpty(nothing), q(opened("id"), "").orEmpty(nothing))),
		beside(8, figureOf("What was it before, and what is it now?", "Medians of the levels before and after each open change: times per unit and latencies in seconds, memory in bytes, and time by the baseline's as a ratio.", "none", 2).
			orElse(nothing).
			table(append(identity(), of("figure", "Figure", 145).worded(figures),
				value("A", "Before", "s", 2), value("B", "After", "s", 2), value("C", "Before, bytes", "bytes", 1), value("D", "After, bytes", "bytes", 1),
				value("E", "Before, ratio", "suffix:×", 2), value("F", "After, ratio", "suffix:×", 2)),
				"Task", false,
				level("before_seconds"), level("after_seconds"), level("before_bytes"), level("after_bytes"), level("before_ratio"), level("after_ratio"))),
		beside(8, figureOf("What ended lately, and how?", "Of all tasks: the latest change of each figure that is open no more. Recovered: it is as it was. Accepted: by a person; who and why is in /api/v1/changes. Expired: after "+
			"BENCHD_ACCEPT_AFTER. Superseded: by another change, or another input.", "none", 2).
			orElse(noneEnded).
			table(append(identity(), of("figure", "Figure", 145).worded(figures), of("direction", "Direction", 105).shaded([]shade{{"regression", "red"}, {"improvement", "blue"}}),
				of("scope", "Of", 70).shaded([]shade{{"model", "text"}, {"runtime", "text"}, {"host", "orange"}}), value("A", "Size", "percentunit", 1),
				value("B", "Began", "dateTimeAsIso", 0).wide(165), value("C", "Ended", "dateTimeAsIso", 0).wide(165),
				of("ending", "How", 100).shaded([]shade{{"recovered", "green"}, {"accepted", "blue"}, {"expired", "orange"}, {"superseded", "text"}})),
				"Ended", true,
				q(ended("_ratio")+" - 1", "").orEmpty(noneEnded), q("1000 * "+ended("_begin_timestamp_seconds"), "").orEmpty(noneEnded), q("1000 * "+ended("_timestamp_seconds"), "").orEmpty(noneEnded))),
		beside(9,
			text("How to accept a change", strings.Join([]string{
				"A change stays open until the figure is back where it was, or somebody accepts it; after `BENCHD_ACCEPT_AFTER` (7 days) it is accepted by itself. Then the new level is the baseline.",
				"    docker compose exec benchd benchd accept ID\n    docker compose exec benchd benchd accept host\n    docker compose exec benchd benchd accept all",
				"`host` is all that is *of the host*, and leaves what is a model's; `all` takes that too. Without Docker: `benchd accept ID`, with the daemon's `BENCHD_DATA_DIR`. A reason may follow the ID; it is kept with the change. From which version to which: `/api/v1/changes?open=true`.",
				"Drift is told against a level that never moves: `benchd baseline pin NAME`.",
			}, "\n\n")).wide(10),
			figureOf("How many changes were found?", "Over the time shown, in all tasks.", "short", 0).
				bars(q(`sort_desc(`+once("direction, scope", `increase(benchd_changes_total{`+ofInstance+`}[$__range])`)+`)`, "{{direction}}, {{scope}}")).wide(8),
			figureOf("How did changes end?", "Over the time shown, in all tasks. Recovered: it is as it was. Accepted: by a person. Expired: after BENCHD_ACCEPT_AFTER. Superseded: by another change, or another input. But for recovered, the new level is the baseline.", "short", 0).
				bars(q(`sort_desc(`+once("ending", `increase(benchd_closed_changes_total{`+ofInstance+`}[$__range])`)+`)`, "{{ending}}")).wide(6)))
}

func howFiguresStand() row {
	who := []column{of("runtime", "Runtime", 105), of("model", "Model", 130).linked(linkToThis), of("concurrency", "Concurrency", 100)}
	states, ofStates := ofFigures("state", func(refID, title string) column { return verdict(refID, title, figureStates) })
	noticed, ofNoticed := ofFigures("noticeable_change_ratio", func(refID, title string) column { return value(refID, title, "percentunit", 1) })
	since := func(counter string) query { return q(strip(`increase(`+counter+`{`+ofTask+`}[$__range])`), "") }
	drift := func(metric string) query {
		return q(`max by (`+change+`) (benchd_figure_drift`+metric+`{`+ofInstance+`}) - 1`, "").orEmpty(noPin)
	}
	return section("$task: how does every figure stand?",
		beside(11, figureOf("How does each stand?", "After its latest clean run. Suspect: it may have got worse, and is run again at once. Regressed: it did, and nobody has accepted that.", "none", 0).orElse(noFigure).
			table(append(append([]column{}, who...), states...), "Model", false, ofStates...)),
		beside(11, figureOf("Smallest change that would be noticed", "The smallest lasting change of each figure that would be noticed within some 20 cycles: silence means no more than this. Absent with fewer than 22 cycles that have a clean run, or 16 since a change. "+
			"Clean runs: most of any figure, of its present level, up to 200 times BENCHD_REPEAT; those that the httpbin limited are left out.", "none", 0).orElse(tooFewCycles).
			table(append(append(append([]column{}, who...), noticed...), value("F", "Clean runs", "none", 0).wide(85)), "Model", false,
				append(ofNoticed, q(strip(`benchd_figure_runs{`+ofTask+`}`), "").orEmpty(noFigure))...)),
		beside(9,
			figureOf("Which were not ok in the time shown?", "Figures that were suspect, regressed or improved at any time that is shown.", "none", 0).orElse(nothing).
				timeline(figureStates, q(`max by (`+change+`) (benchd_figure_state{`+ofTask+`}) and on (`+change+`) (max_over_time(benchd_figure_state{`+ofTask+`}[$__range] @ end()) > 0 or min_over_time(benchd_figure_state{`+ofTask+`}[$__range] @ end()) < 0)`,
					"{{model}} {{concurrency}} · {{runtime}}, {{figure}}").orEmpty(nothing)),
			figureOf("How often was one suspected, and run again?", "Over the time shown: times that a figure of the experiment became suspect, and runs made at once to find out; those for others, whose baseline it is, included.", "none", 0).
				table(append(append([]column{}, who...), value("A", "Suspected", "none", 0), value("B", "Run again", "none", 0)), "Suspected", true,
					since("benchd_suspects_total"), since("benchd_reruns_total"))),
		beside(9,
			figureOf("How far has each drifted from the pinned baseline?", "Of all tasks: the latest 20 clean runs by the pinned baseline, with the 95 % interval. Slow drift, and steps that were accepted, show here alone.", "none", 0).orElse(noPin).
				table(append(identity(), of("figure", "Figure", 130).worded(figures), value("A", "Drift", "percentunit", 1), value("B", "From", "percentunit", 1), value("C", "To", "percentunit", 1)), "Drift", true,
					drift("_ratio"), drift("_lower_ratio"), drift("_upper_ratio"))))
}

func howFiguresWent() row {
	return section("$task: how did the figures go? Changes are marked",
		beside(12,
			figureOf("CPU time per unit: has it risen?", "CPU seconds of the whole process tree by units of work, of the latest run at each time. The steadiest figure there is: neighbours hardly move it.", "s", 2).
				lines(q(strip(last("cpu_seconds_per_unit", ofTask)), experimentName)),
			figureOf("Throughput against the baseline: has it fallen?", "Units per second by those of the baseline in the same cycle: what slows the whole host cancels out. Gaps: the cycle has run only one of the two.", "suffix:×", 2).
				lines(q(`max by (`+ids+`) (experiment:benchd_last_run:ratio_to_baseline{figure="throughput",`+ofTask+`})`, experimentName))),
		beside(12,
			figureOf("Peak memory: has it grown?", "Of the latest run at each time: resident set of one process, sum of proportional set sizes of several.", "bytes", 1).
				lines(q(strip(last("memory_peak_bytes", ofTask)), experimentName)),
			figureOf("Latency, p99: has it grown?", "99th percentile of the requests of the latest run at each time.", "s", 2).orElse(noRequests).
				lines(q(strip(last("request_duration_seconds", ofTask+`,percentile="99"`)), experimentName).orEmpty(noRequests))))
}

func orTheHost() row {
	return section("Or was it the host?",
		judgedHost(),
		beside(9,
			figureOf("Canary: did the host get slower?", "Time for a fixed piece of work: spin stands for the processor, io for network and httpbin. If it rises, the host got slower.", "s", 2).
				lines(q(strip(last("pass_duration_seconds", ofInstance+`,task="canary"`)), experimentName)),
			figureOf("Which versions are in use?", "Runtimes and client libraries of the latest runs; changes are marked as vertical lines in all panels.", "none", 0).
				table([]column{of("runtime", "Runtime", 120), of("runtime_version", "Version", 110), of("client", "Client library", 0), of("gil", "GIL", 90), value("A", "Experiments", "none", 0)},
					"Runtime", false, q(`count by (runtime, runtime_version, client, gil) (`+once(ids+", runtime_version, client, gil", `benchd_experiment_info{`+ofTask+`}`)+`)`, ""))))
}
