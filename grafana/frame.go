package grafana

import "strings"

var prometheus = Datasource{Type: "prometheus", UID: "${datasource}"}

// frame makes a dashboard with what all of them share: links, annotations,
// and the layout of its rows.
func frame(uid, title, description string, variables []Variable, rows ...row) Dashboard {
	return Dashboard{
		UID: uid, Title: title, Description: description,
		Tags:          []string{"benchd"},
		SchemaVersion: 37, // of Grafana 9.3; later ones migrate it
		GraphTooltip:  1,  // one crosshair over all panels
		Refresh:       "30s",
		Time:          TimeRange{From: "now-3h", To: "now"}, // a dozen cycles
		Links: []Link{
			link("Which model?", "benchd-home", ""),
			link("Task", "benchd-task", keptTask(variables)),
			link("One experiment", "benchd-experiment", keptTask(variables)),
			link("Regressions", "benchd-regressions", keptTask(variables)),
			link("Host and benchd", "benchd-host", ""),
			link("Runbook", "benchd-runbook", ""),
		},
		Annotations: Annotations{List: annotations(keptTask(variables) != "")},
		Templating:  Templating{List: append([]Variable{datasourceVariable(), instanceVariable(), scrapeVariable()}, variables...)},
		Panels:      layOut(rows),
	}
}

// kept are the variables that every dashboard has, for a link from one to another.
const kept = "${datasource:queryparam}&${instance:queryparam}"

// link keeps what means the same on both dashboards. All variables would be
// too many: "all" tasks of one is no task of another that shows one at a time.
func link(title, uid, more string) Link {
	return Link{Title: title, Type: "link", URL: "/d/" + uid + "?" + kept + more, KeepTime: true}
}

// keptTask is what a link keeps of a dashboard that shows one task.
func keptTask(variables []Variable) string {
	for _, v := range variables {
		if v.Name == "task" && !v.Multi {
			return "&${task:queryparam}"
		}
	}
	return ""
}

// annotations are the events that explain a jump in a line. A version counts
// as changed if it was not there during the day before while its runtime or
// host was; so neither the first start ever nor a night of downtime is one.
// Until its first run an experiment has the client's name without a version:
// learning that is no change, so a client without a space does not count.
//
// What is new is held against what was there up to one step before, whatever
// the step is, so that each event is one mark and none falls between two steps.
func annotations(oneTask bool) []Annotation {
	changed := func(info, labels, identity string) string {
		now := "count by (" + identity + ", " + labels + ") (" + info + ")"
		before := strings.ReplaceAll(now, info, "last_over_time("+info+"[1d] offset $__interval)")
		return now + " unless " + before + " and on (" + identity + ") " + before
	}
	begun := func(labels, series string) string {
		return once(labels, series) + " unless " + once(labels, "last_over_time("+series+"[1h] offset $__interval)")
	}
	event := func(name, color, expr, title, text string) Annotation {
		return Annotation{Name: name, Datasource: prometheus, Enable: true, IconColor: color, Expr: expr,
			Step: "60s", TitleFormat: title, TextFormat: text}
	}
	at := func(a Annotation) Annotation {
		a.UseValueForTime = true
		return a
	}
	const who = "{{task}} {{runtime}} {{model}} {{concurrency}}"
	// The start of each alone: for as long as it lasts it would colour all lines.
	const alert = "alertname, " + ids
	alerts := begun(alert, `ALERTS{alertstate="firing",`+ofInstance+`}`)
	if oneTask {
		alerts = begun(alert, `ALERTS{alertstate="firing",`+ofInstance+`,task="$task"}`) + " or " + begun(alert, `ALERTS{alertstate="firing",`+ofInstance+`,task=""}`)
	}
	// A change is found some runs after it began: both are marked. Of a figure
	// whose next change takes the place of the first, the ID differs.
	const found = `benchd_open_change_id{` + ofInstance + `}`
	const opened = change + ", direction, scope"
	return []Annotation{
		event("Alerts", "red", alerts, "{{alertname}}", who),
		event("Changes found", "yellow", once(opened, found)+" unless "+once(opened, found)+" == "+once(opened, "last_over_time("+found+"[1h] offset $__interval)"),
			"{{figure}}: {{direction}} of the {{scope}} found", who),
		at(event("Changes began", "orange", "1000 * "+once(opened, `benchd_open_change_begin_timestamp_seconds{`+ofInstance+`}`),
			"{{figure}} changed here: {{direction}} of the {{scope}}", who)),
		at(event("Starts of benchd", "blue", "1000 * "+once("instance", `process_start_time_seconds{`+ofInstance+`} and on (job, instance) benchd_build_info`),
			"benchd started", "{{instance}}")),
		event("Versions", "purple",
			changed(`benchd_experiment_info{`+ofInstance+`,client=~".+ .+"}`, "client", "instance, runtime, task, model, concurrency")+
				" or "+changed(`benchd_experiment_info{`+ofInstance+`}`, "runtime_version", "instance, runtime"),
			"another version of a runtime or library", "{{runtime}} {{runtime_version}} {{client}}"),
		event("Kernel", "purple", changed(`benchd_host_info{`+ofInstance+`}`, "kernel, os", "instance"),
			"another kernel or system", "{{kernel}} {{os}}"),
		event("Version of benchd", "purple", changed(`benchd_build_info{`+ofInstance+`}`, "version, revision, goversion", "instance"),
			"another benchd", "{{version}} {{revision}}"),
	}
}

// row is a heading and, below it, lines of panels.
type row struct {
	title string
	lines []line
}

// line is panels side by side: as high as its height says, as wide as their
// weights say.
type line struct {
	height int
	panels []Panel
}

func section(title string, lines ...line) row { return row{title: title, lines: lines} }

// beside puts panels side by side. A panel's GridPos.W is its share of the 24
// columns; those without one share the rest equally.
func beside(height int, panels ...Panel) line {
	rest, open := 24, 0
	for _, p := range panels {
		rest -= p.GridPos.W
		if p.GridPos.W == 0 {
			open++
		}
	}
	for i := range panels {
		if panels[i].GridPos.W == 0 {
			panels[i].GridPos.W = rest / open
		}
		if panels[i].Type == "timeseries" && panels[i].GridPos.W <= 8 {
			// A table at the side would leave a third of it for the lines.
			panels[i].Options["legend"] = map[string]any{"displayMode": "list", "placement": "bottom", "showLegend": true, "calcs": []string{"lastNotNull"}}
		}
	}
	return line{height: height, panels: panels}
}

func layOut(rows []row) []Panel {
	var panels []Panel
	y := 0
	put := func(p Panel) {
		p.ID = len(panels) + 1
		panels = append(panels, p)
	}
	for _, r := range rows {
		if r.title != "" {
			put(Panel{Type: "row", Title: r.title, GridPos: GridPos{H: 1, W: 24, Y: y}, Collapsed: new(bool), Panels: &[]Panel{}})
			y++
		}
		for _, l := range r.lines {
			x := 0
			for _, p := range l.panels {
				p.GridPos = GridPos{H: l.height, W: p.GridPos.W, X: x, Y: y}
				x += p.GridPos.W
				put(p)
			}
			y += l.height
		}
	}
	return panels
}

// wide gives a panel a fixed number of the 24 columns.
func (p Panel) wide(columns int) Panel {
	p.GridPos.W = columns
	return p
}

func datasourceVariable() Variable {
	return Variable{Name: "datasource", Label: "Prometheus", Type: "datasource", Query: "prometheus", Refresh: 1}.first("default")
}

// choice is a variable with the values of a label. A series' selector narrows
// it down by the variables before it.
func choice(name, series string) Variable {
	query := "label_values(" + series + ", " + name + ")"
	sort := 1 // by alphabet
	if name == "concurrency" {
		sort = 3 // by number
	}
	return Variable{Name: name, Label: name, Type: "query", Datasource: &prometheus, Definition: query,
		Query: map[string]string{"query": query, "refId": "variable-" + name}, Refresh: 2, Sort: sort}
}

// several lets more than one value be chosen, at first all.
func (v Variable) several() Variable {
	v.Multi, v.IncludeAll, v.AllValue = true, true, ".*"
	v.Current = &Current{Text: []string{"All"}, Value: []string{"$__all"}}
	return v
}

// first is the value at first, if there is one like it.
func (v Variable) first(value string) Variable {
	v.Current = &Current{Text: value, Value: value}
	return v
}

// hidden keeps the variable from the top of the dashboard: it is a text that
// panels show.
func (v Variable) hidden() Variable {
	v.Hide = 2
	return v
}

func instanceVariable() Variable {
	return choice("instance", "benchd_build_info")
}

// scrapeVariable is how many seconds lie between two scrapes, as counted over
// ten minutes: by its datasource alone Grafana cannot know, and would ask for
// rates over less than two scrapes.
func scrapeVariable() Variable {
	const query = `query_result(scalar(ceil(600 / min(count_over_time(benchd_build_info{` + ofInstance + `}[10m]))) or vector(10)))`
	return Variable{Name: "scrape", Label: "scrape", Type: "query", Datasource: &prometheus, Definition: query,
		Query: map[string]string{"query": query, "refId": "variable-scrape"}, Refresh: 2}.hidden()
}
