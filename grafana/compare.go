package grafana

import (
	"fmt"
	"strings"
)

// Selectors of the dashboards: which series the variables leave.
const (
	ofInstance   = `instance=~"$instance"`
	ofTask       = `instance=~"$instance",task="$task",runtime=~"$runtime",concurrency=~"$concurrency"`
	ofExperiment = `instance=~"$instance",task="$task",runtime="$runtime",model="$model",concurrency="$concurrency"`

	// measured leaves out the tasks in which no models are compared.
	measured = `instance=~"$instance",task!~"canary|noop"`
)

const (
	ids            = "instance, task, runtime, model, concurrency"
	experimentName = "{{model}} {{concurrency}} · {{runtime}}"
)

// last is the figure of each experiment's latest good run.
func last(metric, selector string) string { return "benchd_last_run_" + metric + "{" + selector + "}" }

// within is the ratio of a figure to that of the baseline over the time shown:
// how is last, min or max. Sound comparisons count; where there are none,
// provisional ones do. Only min, max and last can be had from a gauge that is
// scraped many times a run: they do not count a run once per scrape.
func within(how, figure, selector string) string {
	ratio := func(state string) string {
		return fmt.Sprintf(`%s_over_time(experiment:benchd_last_run:ratio_to_baseline{figure=%q,state=%q,%s}[$__range])`, how, figure, state, selector)
	}
	return "(" + ratio("sound") + " or on (" + ids + ") " + ratio("provisional") + ")"
}

// Ratios within which two figures are not told apart: 1 ± 5 %. Two sets of
// runs of identical code differ by 3.8 % when paired within cycles.
const (
	above = "1.05"
	below = "0.952" // 1 / 1.05
)

// words are how a comparison is put, for ratios above and below 1.
type words struct{ above, below, same string }

var (
	speed = words{"faster than", "slower than", "not told apart from"}
	cost  = words{"more than", "less than", "not told apart from"}
)

// conclusion is what a figure shows about the extremes of each runtime, as
// "threading 10 · cpython-3.13, slower than sync (sound): 1.26 ×". A model is
// said to differ if it did so in every cycle shown, by more than the 5 % that
// identical code can differ.
func conclusion(what, figure string, w words) Panel {
	others := " unless on (" + ids + `) benchd_experiment_info{baseline="true"}`
	runtime := "instance, task, runtime"
	latest := within("last", figure, ofTask) + others
	extremes := fmt.Sprintf("(topk by (%[1]s) (1, %[2]s) or bottomk by (%[1]s) (1, %[2]s))", runtime, latest)
	said := func(expr, word string) string {
		return fmt.Sprintf(`label_replace(%s, "is", %q, "", "")`, expr, word)
	}
	differs := func(how, comparison string) string {
		return " and on (" + ids + ") " + within(how, figure, ofTask) + comparison
	}
	expr := strings.Join([]string{
		said(extremes+differs("min", " > "+above), w.above),
		said("1 / "+extremes+differs("max", " < "+below), w.below),
		said(extremes, w.same),
	}, " or on ("+ids+") ")
	expr = `label_join(label_join(` + expr + `, "who", " ", "model", "concurrency"), "verdict", " ", "is", "baseline")`
	return figureOf("Conclusion: "+what,
		"Computed from the runs of the time shown, each compared with the baseline's run of the same cycle. The figure is that of the "+
			"latest cycle, for the best and the worst of each runtime. A model is called different if it was so in every cycle "+
			"shown, by more than 5 % (what identical code can differ by here). Provisional: of the two runs at least one was "+
			"disturbed, limited by the httpbin, or in the warm-up cycle.", "suffix:×", 2).
		orElse("nothing to compare: one model, or no such figure in this task").
		table([]column{of("runtime", "Runtime", 0), of("who", "Model and concurrency", 0), value("A", "Times", "suffix:×", 2), of("verdict", "Verdict", 0), of("state", "Comparison", 0).shaded(soundness)},
			"Runtime", false, q(expr, "").orEmpty("a task of one model has nothing to compare")).
		sentences()
}

// sign is 1 where a ratio was above 1 in every cycle shown, -1 where it was
// below, and 0 where the figures are not told apart.
func sign(figure, selector string) string {
	return fmt.Sprintf("((%s > bool %s) - (%s < bool %s))", strip(within("min", figure, selector)), above, strip(within("max", figure, selector)), below)
}

// strip leaves the labels that name an experiment, so that expressions match.
func strip(expr string) string { return "max by (" + ids + ") (" + expr + ")" }

// provisional is 1 for experiments without a sound comparison in the time
// shown.
func provisional(selector string) string {
	of := func(state string) string {
		return strip(fmt.Sprintf(`last_over_time(experiment:benchd_last_run:ratio_to_baseline{figure="throughput",state=%q,%s}[$__range])`, state, selector))
	}
	return "(" + of("sound") + " * 0 or " + of("provisional") + " * 0 + 1)"
}

// advice weighs speed against CPU time per unit: 3 × sign(speed) +
// sign(cost), overruled by what rules a model out or makes it the baseline,
// and moved by 20 where no comparison is sound.
func advice(selector string) query {
	isBaseline := strip(`benchd_experiment_info{baseline="true",` + selector + "}")
	failing := strip(last("error_ratio", selector))
	return q(fmt.Sprintf("(%s > bool 0.01) * -9 < 0 or %s * 9 or 3 * %s + %s + 20 * %s", failing, isBaseline,
		sign("throughput", selector), sign("cpu", selector), provisional(selector)), "")
}

func advices() []state {
	list := []state{
		{3, "use: faster, no more CPU", "green"},
		{2, "use: faster, less CPU", "green"},
		{4, "use if time matters: faster, more CPU", "blue"},
		{-1, "use if CPU matters: as fast, less CPU", "green"},
		{-4, "use if CPU matters: slower, less CPU", "blue"},
		{0, "no difference shown", "text"},
		{1, "avoid: as fast, more CPU", "orange"},
		{-3, "avoid: slower, no less CPU", "orange"},
		{-2, "avoid: slower, more CPU", "red"},
	}
	for _, s := range list {
		list = append(list, state{s.value + 20, s.text, "text"}) // the column beside it says so
	}
	return append(list, state{-9, "avoid: more than 1 % fails", "red"}, state{9, "the baseline", "text"})
}

// shape makes a column `series` of model and runtime, the name of a group of
// bars.
func shape(expr string) string {
	return fmt.Sprintf(`sum by (series, concurrency) (label_join(%s, "series", " · ", "model", "runtime"))`, expr)
}

func figureOf(title, about, unit string, decimals int) figure {
	return figure{title: title, about: about, unit: unit, decimals: decimals}
}

// orElse is shown where there is nothing to show.
func (f figure) orElse(text string) figure {
	f.noValue = text
	return f
}
