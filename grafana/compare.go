package grafana

import "fmt"

// Selectors of the dashboards: which series the variables leave. They leave one
// instance, for figures of two machines are not compared in one panel.
const (
	ofInstance   = `instance="$instance"`
	ofTask       = ofInstance + `,task="$task",runtime=~"$runtime",concurrency=~"$concurrency"`
	ofExperiment = ofInstance + `,task="$task",runtime="$runtime",model="$model",concurrency="$concurrency"`

	// measured leaves out the tasks in which no models are compared.
	measured = ofInstance + `,task!~"canary|noop"`
)

const (
	ids            = "instance, task, runtime, model, concurrency"
	experimentName = "{{model}} {{concurrency}} · {{runtime}}"
)

// last is the figure of each experiment's latest good run.
func last(metric, selector string) string { return "benchd_last_run_" + metric + "{" + selector + "}" }

// latest is the ratio of a figure to that of the baseline in one cycle, the
// latest of the time shown. Sound comparisons count; where there are none,
// provisional ones do. It is what there is before benchd has a verdict.
func latest(figure, selector string) string {
	ratio := func(state string) string {
		return fmt.Sprintf(`last_over_time(experiment:benchd_last_run:ratio_to_baseline{figure=%q,state=%q,%s}[$__range])`, figure, state, selector)
	}
	return "(" + ratio("sound") + " or on (" + ids + ") " + ratio("provisional") + ")"
}

// once leaves one series for each value of the labels: a benchd may be scraped
// by two jobs, or by two replicas that add a label of their own.
func once(labels, expr string) string { return "max by (" + labels + ") (" + expr + ")" }

// strip leaves the labels that name an experiment, so that expressions match.
func strip(expr string) string { return once(ids, expr) }

// grown is what a counter of experiments has grown by over the time shown,
// added up by a label of its own or of the experiments; "" adds up all.
func grown(counter, selector, by string) string {
	increase := "increase(benchd_" + counter + "{" + selector + "}[$__range])"
	switch by {
	case "":
		return "sum(" + strip(increase) + ")"
	case "task":
		return "sum by (task) (" + strip(increase) + ")"
	}
	return "sum by (" + by + ") (" + once(ids+", "+by, increase) + ")"
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
