package grafana

import "fmt"

// figureStates are how a figure stands, hostStates how the host does.
var (
	figureStates = []state{{0, "ok", "green"}, {1, "suspect", "orange"}, {2, "regressed", "red"}, {-1, "improved", "blue"}}
	hostStates   = []state{{0, "as it was", "green"}, {1, "disturbed", "orange"}, {2, "slower", "red"}, {-1, "faster", "blue"}}
)

// watched are the figures of which a change is looked for, and why an
// experiment may lack one.
var watched = []struct{ figure, title, lacks string }{
	{"time", "Time", tooFast}, {"cpu", "CPU time", tooFast}, {"time_by_baseline", "By baseline", "the baseline, or no clean pair of runs yet"},
	{"memory", "Memory", noFigure}, {"latency_p99", "Latency p99", noRequests},
}

// ofFigures makes a column for each watched figure, from column A on.
func ofFigures(metric string, cell func(refID, title string) column) ([]column, []query) {
	var columns []column
	var queries []query
	for i, w := range watched {
		columns = append(columns, cell(string(rune('A'+i)), w.title))
		queries = append(queries, q(strip(fmt.Sprintf(`benchd_figure_%s{figure=%q,%s}`, metric, w.figure, ofTask)), "").orEmpty(w.lacks+"; "+noFigure))
	}
	return columns, queries
}

// judgedFigures is what is judged of one experiment.
func judgedFigures() row {
	const byFigure = "instance, figure"
	of1 := func(metric string) string {
		return `max by (` + byFigure + `) (benchd_` + metric + `{` + ofExperiment + `})`
	}
	drift := func(metric string) query { return q(of1(metric)+" - 1", "").orEmpty(noPin) }
	const byVerdict = "instance, figure, among"
	ofVerdict := func(metric string) query {
		return q(`max by (`+byVerdict+`) (benchd_verdict`+metric+`{`+ofExperiment+`})`, "").orEmpty(noVerdict + ", and none of a baseline")
	}
	return section("What is judged of it",
		beside(8,
			figureOf("How do its figures stand?", "Whether a lasting change was found that is open. Noticeable: the smallest lasting change that would be noticed within some 20 cycles; silence means no more than that. "+
				"Clean runs: of the present level, up to 200 times BENCHD_REPEAT. Drift: against the pinned baseline, with its 95 % interval.", "none", 0).orElse(noFigure).
				table([]column{of("figure", "Figure", 140).worded(figures), verdict("A", "State", figureStates).wide(85), value("B", "Noticeable", "percentunit", 1).wide(95), value("C", "Clean runs", "none", 0).wide(90),
					value("D", "Drift", "percentunit", 1), value("E", "From", "percentunit", 1), value("F", "To", "percentunit", 1)}, "Figure", false,
					q(of1("figure_state"), "").orEmpty(noFigure), q(of1("figure_noticeable_change_ratio"), "").orEmpty(tooFewCycles), q(of1("figure_runs"), "").orEmpty(noFigure),
					drift("figure_drift_ratio"), drift("figure_drift_lower_ratio"), drift("figure_drift_upper_ratio")),
			figureOf("How did its figures stand?", "State of each figure after every clean run. A suspect is run again at once, beside its baseline and the canary, until it is confirmed or cleared.", "none", 0).orElse(noFigure).
				timeline(figureStates, q(of1("figure_state"), "{{figure}}").orEmpty(noFigure))),
		beside(10,
			figureOf("How does it compare?", "Verdicts over the latest clean cycles, paired within them: among the models of its runtime with the baseline, among runtimes with the same model of the first one. Times: its figure by "+
				"the other's, with the 95 % interval. Of the share that failed, it is the difference.", "none", 2).orElse("it is the baseline, or "+noVerdict).
				table([]column{of("figure", "Figure", 140).worded(figures), of("among", "Among", 90), verdict("A", "Verdict", plain).wide(110), value("B", "Times", "suffix:×", 2), value("C", "From", "suffix:×", 2), value("D", "To", "suffix:×", 2),
					value("E", "Failed more", "percentunit", 1).wide(90), value("F", "Cycles", "none", 0), value("G", "It takes", "suffix: more cycles", 0).wide(120)}, "Among", false,
					ofVerdict(""), ofVerdict("_ratio"), ofVerdict("_lower_ratio"), ofVerdict("_upper_ratio"),
					ofVerdict("_error_difference_ratio"), ofVerdict("_cycles"), ofVerdict("_missing_cycles")).wide(18),
			figureOf("Suspected, run again", "Over the time shown: times that a figure became suspect, and runs that were made at once to find out; those for others, whose baseline it is, included.", "none", 0).
				stat(q(grown("suspects_total", ofExperiment, ""), "suspected"), q(grown("reruns_total", ofExperiment, ""), "run again")).stacked().wide(6)))
}

// judgedHost is how the host stands.
func judgedHost() line {
	return beside(7,
		figureOf("How does the host stand?", "Slower: by the canary, or by most experiments. Faster: by the canary. Disturbed: more than half of the latest 20 runs were.", "none", 0).
			timeline(hostStates, q(once("instance", `benchd_host_state{`+ofInstance+`}`), "{{instance}}")).wide(10),
		figureOf("How much was disturbed lately?", "Share of the latest 20 good runs in which something disturbed. Above a half the host is called disturbed.", "percentunit", 0).
			lines(q(once("instance", `benchd_host_disturbed_ratio{`+ofInstance+`}`), "disturbed")).wide(8),
		hostChange().wide(6))
}

// hostChange is by how much the host changed.
func hostChange() Panel {
	const same = "the canary is as it was"
	one := func(metric, legend string) query {
		return q(once("instance", `benchd_host_change`+metric+`{`+ofInstance+`}`)+" - 1", legend).orEmpty(same)
	}
	return figureOf("By how much did the host change?", "Time of the canary by what it was before, while the host is slower or faster by it: more is slower. With its 95 % interval.", "percentunit", 1).orElse(same).
		stat(one("_ratio", "change"), one("_lower_ratio", "from"), one("_upper_ratio", "to")).stacked()
}
