package grafana

import "fmt"

// The reasons for which what is judged may be empty although all is well.
const (
	noVerdict = "there is no verdict before five clean cycles"
	noFigure  = "no figure is judged before the first clean run after the warm-up cycle"
	tooFast   = "runs of less than 20 ms are not clocked, so their times are not judged"
	nothing   = "nothing has changed"
	noneEnded = "no change has ended"
	noPin     = "no baseline is pinned: benchd baseline pin NAME"

	tooFewCycles = "it takes 22 cycles with a clean run, 16 after a change"
)

// compared is how a figure is held against the baseline's: by the daemon's
// verdict and, until there is one, by the latest cycle.
type compared struct {
	figure string // of the verdict; "" for none
	latest string // of the recording rule
}

var (
	byThroughput = compared{"throughput", "throughput"}
	byCPU        = compared{"cpu", "cpu"}
	byMemory     = compared{"memory", "memory"}
	byLatency    = compared{"latency_p99", "latency"}
	byDownload   = compared{"", "received"}
)

// of is a metric of the verdict among the models of a runtime.
func (c compared) of(metric, selector string) string {
	return strip(fmt.Sprintf(`benchd_verdict%s{figure=%q,among="models",%s}`, metric, c.figure, selector))
}

// ratio is the verdict's and, for those that have none yet, that of the latest
// cycle. The baseline, which has no verdict, is 1.
func (c compared) ratio(selector string) string {
	inCycle := strip(latest(c.latest, selector))
	if c.figure == "" {
		return "(" + inCycle + ")"
	}
	return "(" + c.of("_ratio", selector) + " or on (" + ids + ") " + inCycle + ")"
}

// Values of standing beside those of benchd_verdict.
const (
	isProvisional = 3 // a ratio of the latest cycle alone
	isBaseline    = 9
)

// standing is the verdict, or that there is none yet.
func (c compared) standing(selector string) string {
	known := ""
	if c.figure != "" {
		known = "(" + c.of("", selector) + " and on (" + ids + ") " + c.of("_ratio", selector) + ") or on (" + ids + ") "
	}
	return fmt.Sprintf(`(%s * %d or on (%s) %s%s * 0 + %d)`, strip(`benchd_experiment_info{baseline="true",`+selector+"}"), isBaseline, ids,
		known, strip(latest(c.latest, selector)), isProvisional)
}

// words are how a verdict is put.
type words struct{ better, worse, same string }

var (
	speed = words{"faster than", "slower than", "as fast as"}
	cost  = words{"less than", "more than", "as much as"}
	wait  = words{"shorter than", "longer than", "as long as"}
)

// verdicts are the states of standing in these words.
func (w words) verdicts() []state {
	return []state{
		{1, w.better, "green"}, {0, w.same, "text"}, {-1, w.worse, "red"}, {2, "not told apart yet from", "blue"},
		{isProvisional, "provisional, against", "orange"}, {isBaseline, "the baseline", "text"},
	}
}

// plain are the verdicts where nothing follows.
var plain = []state{
	{1, "better", "green"}, {0, "the same", "text"}, {-1, "worse", "red"}, {2, "undecided", "blue"},
	{isProvisional, "provisional", "orange"}, {isBaseline, "the baseline", "text"},
}

const ofRuntime = "instance, task, runtime"

// baselines name the baseline of each runtime in the label baseline.
func baselines(selector string) string {
	return `topk by (` + ofRuntime + `) (1, max by (` + ofRuntime + `, baseline) (label_join(benchd_experiment_info{baseline="true",` + selector + `}, "baseline", "", "model")))`
}

// conclusion is what is concluded of the best and of the worst of each
// runtime: "threading 10 · cpython-3.13: 1.26 × (1.2 to 1.31), slower than
// sync".
func conclusion(what string, c compared, w words) Panel {
	others := "(" + c.ratio(ofTask) + ` unless on (` + ids + `) benchd_experiment_info{baseline="true"})`
	extremes := fmt.Sprintf("(topk by (%[1]s) (1, %[2]s) or bottomk by (%[1]s) (1, %[2]s))", ofRuntime, others)
	alone := "a task of one model has nothing to compare"
	of := func(expr, empty string) query { return q(expr+" and on ("+ids+") "+extremes, "").orEmpty(empty) }
	columns := []column{
		{field: "runtime", title: "Runtime"}, {field: "who", title: "Model and concurrency", width: 200},
		value("A", "Times", "suffix:×", 2),
		verdict("B", "Verdict", w.verdicts()).wide(180), {field: "baseline", title: "Compared with"},
	}
	queries := []query{
		q(`label_join(`+extremes+` * on (`+ofRuntime+`) group_left (baseline) `+baselines(ofTask)+`, "who", " ", "model", "concurrency")`, "").orEmpty(alone),
		of(c.standing(ofTask), alone),
	}
	about := "Of the latest cycle alone, for the best and the worst of each runtime: this figure is not judged, see throughput for what is."
	if c.figure != "" {
		about = "benchd's verdict on the best and the worst of each runtime: over the latest clean cycles, paired within them; from and to are the 95 % interval. Differences " +
			"below the least of interest (BENCHD_VERDICT_EFFECT, 5 %) are none. Provisional: there are not five clean cycles yet, so it is the ratio of the latest cycle, " +
			"in which something may have disturbed. It takes: cycles until there is likely a verdict."
		columns = append(columns, value("C", "From", "suffix:×", 2), value("D", "To", "suffix:×", 2), value("E", "Clean cycles", "none", 0), value("F", "It takes", "suffix: more cycles", 0))
		queries = append(queries, of(c.of("_lower_ratio", ofTask), noVerdict), of(c.of("_upper_ratio", ofTask), noVerdict),
			of(c.of("_cycles", ofTask), noVerdict), of(c.of("_missing_cycles", ofTask), "every model has its verdict, or nobody can tell"))
	}
	return figureOf("Conclusion: "+what, about, "suffix:×", 2).orElse("nothing to compare: one model, or no such figure in this task").
		table(columns, "Runtime", false, queries...)
}

// advices are what benchd concludes of an experiment for a goal; 3 stands for
// none.
var advices = []state{{1, "use", "green"}, {2, "perhaps", "blue"}, {0, "neither", "text"}, {-1, "avoid", "red"}, {3, "–", "text"}}

const adviceWords = "Use: the best, or a tie with it. Perhaps: not told apart from the best yet. Avoid: worse than the best, and than the baseline or by more than twice; or more " +
	"than 1 % fails. –: not enough data yet, or nothing to choose from."

// goals are what is concluded for, and what is called so.
var goals = []struct{ goal, title string }{{"throughput", "Throughput"}, {"cpu", "CPU cost"}, {"memory", "Memory"}, {"tail_latency", "p99 latency"}}

// advice is the conclusion of each experiment for a goal; 3 for those that have
// the figure, but no conclusion yet.
func advice(goal, among, selector string) query {
	has, why := last("duration_seconds", selector)+" >= 0.02", tooFast
	switch goal {
	case "memory":
		has, why = last("memory_peak_bytes", selector), ""
	case "tail_latency":
		has, why = last("request_duration_seconds", selector+`,percentile="99"`), noRequests
	}
	return q(fmt.Sprintf(`%s or on (%s) %s * 0 + 3`, strip(fmt.Sprintf(`benchd_advice{goal=%q,among=%q,%s}`, goal, among, selector)), ids, strip(has)), "").orEmpty(why)
}

// whatToUse is the last word on a task: per experiment what it is good for,
// with the figures that this follows from.
func whatToUse() line {
	columns := []column{of("runtime", "Runtime", 105), of("model", "Model", 130).linked(linkToThis), of("concurrency", "Concurrency", 100)}
	var queries []query
	for i, g := range goals {
		columns = append(columns, verdict(string(rune('A'+i)), g.title, advices).wide(92))
		queries = append(queries, advice(g.goal, "models", ofTask))
	}
	columns = append(columns, value("E", "Speed", "suffix:×", 2), value("F", "From", "suffix:×", 2), value("G", "To", "suffix:×", 2), verdict("H", "Verdict", plain).wide(95),
		value("I", "CPU time", "suffix:×", 2).wide(75), value("J", "Peak memory", "suffix:×", 2).wide(108), value("K", "Failed", "percentunit", 1).wide(60))
	return beside(16, figureOf("Which model should be used?",
		"What benchd concludes of each experiment among the models of its runtime, for each goal. "+adviceWords+" Speed, CPU and memory are by the baseline's: over the clean cycles that "+
			"the verdict on speed is of, with its 95 % interval or, as long as it is provisional, of the latest cycle.", "none", 2).
		table(columns, "Speed", true, append(queries, q(byThroughput.ratio(ofTask), ""),
			q(byThroughput.of("_lower_ratio", ofTask), "").orEmpty(noVerdict), q(byThroughput.of("_upper_ratio", ofTask), "").orEmpty(noVerdict),
			q(byThroughput.standing(ofTask), ""), q(byCPU.ratio(ofTask), ""), q(byMemory.ratio(ofTask), ""),
			q(strip(last("error_ratio", ofTask)), ""))...))
}

// whichRuntime compares across runtimes.
func whichRuntime() line {
	columns := []column{of("runtime", "Runtime", 105), of("model", "Model", 130).linked(linkToThis), of("concurrency", "Concurrency", 100)}
	var queries []query
	for i, g := range goals {
		columns = append(columns, verdict(string(rune('A'+i)), g.title, advices).wide(92))
		queries = append(queries, advice(g.goal, "runtimes", ofTask))
	}
	across := func(metric, figure string) query {
		return q(strip(fmt.Sprintf(`benchd_verdict%s{figure=%q,among="runtimes",%s}`, metric, figure, ofTask)), "").orEmpty("no other runtime has the same model, or " + noVerdict)
	}
	columns = append(columns, value("E", "Speed", "suffix:×", 2), value("F", "From", "suffix:×", 2), value("G", "To", "suffix:×", 2), verdict("H", "Verdict", plain).wide(95),
		value("I", "CPU time", "suffix:×", 2).wide(75), value("J", "Peak memory", "suffix:×", 2).wide(108), value("K", "It takes", "suffix: cycles", 0).wide(80))
	return beside(14, figureOf("And of all runtimes?",
		"What benchd concludes of each experiment among all of the task, for each goal. "+adviceWords+" Speed, CPU and memory: by those of the same model in the first runtime that has it, "+
			"over the latest clean cycles, with the 95 % interval of the speed.", "none", 2).
		table(columns, "Throughput", true, append(queries, across("_ratio", "throughput"), across("_lower_ratio", "throughput"), across("_upper_ratio", "throughput"),
			across("", "throughput"), across("_ratio", "cpu"), across("_ratio", "memory"), across("_missing_cycles", "throughput"))...))
}

// scaling says how each model scales.
func scaling() Panel {
	const one = "no model of this task runs at several concurrencies"
	const noPeak = "the data shows no peak, or " + noVerdict
	const model = "instance, task, runtime, model"
	judged := func(metric string) string {
		return `max by (` + model + `) (benchd_scaling_` + metric + `{` + ofInstance + `,task="$task",runtime=~"$runtime"})`
	}
	ups := last("units_per_second", ofTask)
	return figureOf("Conclusion: where is each model best?",
		"By the Universal Scalability Law, fitted to the throughput of the latest clean cycles over the concurrencies: the concurrency of the peak with its 95 % interval, or that the data "+
			"shows none, and what holds the model back: contention, the share of the work that waits for its turn, and coherency, what each pair of workers costs. Beside it the best that was "+
			"measured over these cycles and, provisional, in the latest runs.", "none", 0).
		orElse(one).
		table([]column{of("runtime", "Runtime", 105), of("model", "Model", 130),
			verdict("A", "Verdict", []state{{1, "a peak is shown", "green"}, {0, "no peak shown", "text"}, {2, "not enough data yet", "blue"}}).wide(150),
			value("B", "Peak at", "none", 0), value("C", "From", "none", 0), value("D", "To", "none", 0), value("E", "Best measured", "none", 0), {field: "concurrency", title: "Best in the latest runs"},
			value("F", "Contention", "percentunit", 2), value("G", "Coherency", "percentunit", 4)}, "Runtime", false,
			q(judged("verdict"), "").orEmpty(one), q(judged("peak_concurrency"), "").orEmpty(noPeak), q(judged("peak_lower_concurrency"), "").orEmpty(noPeak), q(judged("peak_upper_concurrency"), "").orEmpty(noPeak),
			q(judged("best_concurrency"), "").orEmpty(noVerdict), q(judged("contention_ratio"), "").orEmpty(noVerdict), q(judged("coherency_ratio"), "").orEmpty(noVerdict),
			q(`topk by (`+model+`) (1, `+strip(ups)+`) and on (`+model+`) count by (`+model+`) (`+strip(ups)+`) > 1`, "").orEmpty(one))
}

// forWhat lists who has an advice for at least one goal, with that for all of
// them.
func forWhat(title, about string, advised int) Panel {
	columns := []column{of("task", "Task", 95).linked(linkToTask), of("among", "Among", 85).worded([]wording{{"models", "its runtime"}, {"runtimes", "all"}}),
		of("runtime", "Runtime", 105), of("model", "Model", 130).linked(linkToExperiment), of("concurrency", "Concurrency", 100)}
	var queries []query
	const who = ids + ", among"
	const selector = ofInstance + `,task=~"$task"`
	for i, g := range goals {
		columns = append(columns, verdict(string(rune('A'+i)), g.title, advices[:4]))
		queries = append(queries, q(fmt.Sprintf(`max by (%[1]s) (benchd_advice{goal=%[2]q,%[3]s}) and on (%[1]s) benchd_advice == %[4]d`, who, g.goal, selector, advised), "").orEmpty(noVerdict))
	}
	return figureOf(title, about+" "+adviceWords, "none", 0).orElse(noVerdict+"; until then, what is above is provisional").table(columns, "Task", false, queries...)
}

// winners are the fastest and the slowest of each task and runtime.
func winners() Panel {
	ratio := byThroughput.ratio(measured)
	fastest := fmt.Sprintf(`(topk by (%[1]s) (1, %[2]s and on (%[3]s) benchd_advice{goal="throughput",among="models"} == 1) or on (%[1]s) topk by (%[1]s) (1, %[2]s))`, ofRuntime, ratio, ids)
	slowest := fmt.Sprintf(`bottomk by (%s) (1, %s)`, ofRuntime, ratio)
	named := func(expr, label string) string {
		return fmt.Sprintf(`max by (%s, %s) (label_join(%s, %q, " ", "model", "concurrency"))`, ofRuntime, label, expr, label)
	}
	ofFastest := func(expr string) string { return named(expr+" and on ("+ids+") "+fastest, "winner") }
	return figureOf("Which model is fastest, and which slowest?",
		"By units of work per second, for each task and runtime: how many times as fast as the baseline (sync, mostly) of the same runtime, 1 being as fast. Over the latest clean cycles, with the "+
			"95 % interval of the fastest; of several that tie, the one with the best estimate. Provisional: there are not five clean cycles yet, so it is the latest cycle, which something "+
			"may have disturbed. In fixed-rate the rate is given: compare latencies there.", "none", 2).
		table([]column{of("task", "Task", 100).linked(linkToTask), of("runtime", "Runtime", 110), of("winner", "Fastest", 0), value("A", "Times", "suffix:×", 2).wide(70), value("B", "From", "suffix:×", 2).wide(70),
			value("C", "To", "suffix:×", 2).wide(70), verdict("D", "Verdict", speed.verdicts()).wide(170), of("baseline", "Baseline", 90), value("E", "Clean cycles", "none", 0).wide(95), of("loser", "Slowest", 0), value("F", "Slowest, times", "suffix:×", 2).wide(110)},
			"Task", false,
			q(`max by (`+ofRuntime+`, winner, baseline) (`+named(fastest, "winner")+` * on (`+ofRuntime+`) group_left (baseline) `+baselines(measured)+`)`, ""),
			q(ofFastest(byThroughput.of("_lower_ratio", measured)), "").orEmpty(noVerdict), q(ofFastest(byThroughput.of("_upper_ratio", measured)), "").orEmpty(noVerdict),
			q(ofFastest(byThroughput.standing(measured)), ""), q(ofFastest(byThroughput.of("_cycles", measured)), "").orEmpty("the baseline itself is the fastest"),
			q(named(slowest, "loser"), ""))
}

// wording is what is shown for a label's value.
type wording struct{ value, text string }

// figures are the figures' names in plain words.
var figures = []wording{
	{"time", "time per unit"}, {"throughput", "throughput"}, {"cpu", "CPU time per unit"}, {"time_by_baseline", "time by baseline"}, {"memory", "peak memory"},
	{"latency_p50", "latency, median"}, {"latency_p99", "latency, p99"}, {"error_ratio", "share that failed"},
}

// worded shows a label's values in other words.
func (c column) worded(list []wording) column {
	m := Mapping{Type: "value", Options: map[string]MappingText{}}
	for i, w := range list {
		m.Options[w.value] = MappingText{Text: w.text, Index: i}
	}
	c.mappings = []Mapping{m}
	return c
}
