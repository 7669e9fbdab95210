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
			link("Which model?", "benchd-home"),
			link("Task", "benchd-task"),
			link("One experiment", "benchd-experiment"),
			link("Regressions", "benchd-regressions"),
			link("Host and benchd", "benchd-host"),
		},
		Annotations: Annotations{List: annotations()},
		Templating:  Templating{List: append([]Variable{datasourceVariable()}, variables...)},
		Panels:      layOut(rows),
	}
}

func link(title, uid string) Link {
	return Link{Title: title, Type: "link", URL: "/d/" + uid, KeepTime: true, IncludeVars: true}
}

// annotations are the events that explain a jump in a line. A version counts
// as changed if it was not there during the day before while its runtime or
// host was; so neither the first start ever nor a night of downtime is one.
// Until its first run an experiment has the client's name without a version:
// learning that is no change, so a client without a space does not count.
func annotations() []Annotation {
	changed := func(info, labels, identity string) string {
		now := "count by (" + identity + ", " + labels + ") (" + info + ")"
		before := strings.ReplaceAll(now, info, "last_over_time("+info+"[1d] offset 2m)")
		return now + " unless " + before + " and on (" + identity + ") " + before
	}
	event := func(name, color, expr, title, text string) Annotation {
		return Annotation{Name: name, Datasource: prometheus, Enable: true, IconColor: color, Expr: expr,
			Step: "60s", TitleFormat: title, TextFormat: text}
	}
	// A change is found some runs after it began: both are marked. Of a figure
	// whose next change takes the place of the first, the ID differs.
	const found = `benchd_open_change_id{instance=~"$instance"}`
	began := event("Changes began", "orange", `1000 * benchd_open_change_begin_timestamp_seconds{instance=~"$instance"}`,
		"{{figure}} changed here: {{direction}} of the {{scope}}", "{{task}} {{runtime}} {{model}} {{concurrency}}")
	began.UseValueForTime = true
	return []Annotation{
		event("Alerts", "red", `ALERTS{alertstate="firing"}`, "{{alertname}}", "{{task}} {{runtime}} {{model}} {{concurrency}}"),
		event("Changes found", "yellow", found+" unless "+found+" == last_over_time("+found+"[10m] offset 1m)",
			"{{figure}}: {{direction}} of the {{scope}} found", "{{task}} {{runtime}} {{model}} {{concurrency}}"),
		began,
		event("Restarts of benchd", "blue", `changes(process_start_time_seconds{job="benchd",instance=~"$instance"}[2m]) > 0`,
			"benchd restarted", "{{instance}}"),
		event("Versions", "purple",
			changed(`benchd_experiment_info{instance=~"$instance",client=~".+ .+"}`, "client", "instance, runtime, task, model, concurrency")+
				" or "+changed(`benchd_experiment_info{instance=~"$instance"}`, "runtime_version", "instance, runtime"),
			"another version of a runtime or library", "{{runtime}} {{runtime_version}} {{client}}"),
		event("Kernel", "purple", changed(`benchd_host_info{instance=~"$instance"}`, "kernel, os", "instance"),
			"another kernel or system", "{{kernel}} {{os}}"),
		event("Version of benchd", "purple", changed(`benchd_build_info{instance=~"$instance"}`, "version, revision, goversion", "instance"),
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
	return Variable{Name: "datasource", Label: "Prometheus", Type: "datasource", Query: "prometheus", Refresh: 1}
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
	return choice("instance", "benchd_build_info").several()
}
