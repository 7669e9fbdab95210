package grafana

import (
	"fmt"
	"slices"
	"strings"
)

// figure is a quantity: what it is called, what it includes, and how it is
// written. The same figure can be drawn in several ways.
type figure struct {
	title    string
	about    string
	unit     string
	decimals int
	noValue  string // shown in place of "No data"
}

// query is a PromQL expression and what its series are called.
type query struct {
	expr   string
	legend string
	empty  string // why it may return nothing although all is well
}

func q(expr, legend string) query { return query{expr: expr, legend: legend} }

// orEmpty says why a query may return nothing on a stack where all is well.
func (q query) orEmpty(reason string) query {
	q.empty = reason
	return q
}

func targets(format string, instant bool, queries []query) []Target {
	var list []Target
	for i, q := range queries {
		target := Target{RefID: string(rune('A' + i)), Datasource: prometheus, Expr: q.expr, LegendFormat: q.legend,
			Format: format, Instant: instant, Range: !instant, EmptyWhen: q.empty}
		if !instant {
			target.Interval = "${scrape}s"
		}
		list = append(list, target)
	}
	return list
}

func (f figure) panel(kind string, targets []Target, options map[string]any) Panel {
	decimals := f.decimals
	p := Panel{
		Type: kind, Title: f.title, Description: f.about, Datasource: &prometheus, Targets: targets, Options: options,
		FieldConfig: &FieldConfig{
			Defaults: Defaults{
				Unit: f.unit, Decimals: &decimals, NoValue: f.noValue,
				Color: map[string]any{"mode": "palette-classic"},
			},
			Overrides: []Override{},
		},
	}
	// Table and heatmap name no series by its model; stat has other colours.
	if slices.Contains([]string{"timeseries", "bargauge", "barchart"}, kind) && slices.ContainsFunc(targets, namedByModel) {
		p.FieldConfig.Overrides = modelColors(kind == "timeseries")
	}
	return p
}

func namedByModel(t Target) bool {
	return t.LegendFormat == experimentName || strings.Contains(t.Expr, `"series"`)
}

// lines draws the quantity over time.
func (f figure) lines(queries ...query) Panel {
	p := f.panel("timeseries", targets("time_series", false, queries), map[string]any{
		// More than the last value would leave no room for the lines.
		"legend":  map[string]any{"displayMode": "table", "placement": "right", "showLegend": true, "calcs": []string{"lastNotNull"}},
		"tooltip": map[string]any{"mode": "multi", "sort": "desc"},
	})
	p.FieldConfig.Defaults.Custom = map[string]any{
		"drawStyle": "line", "lineInterpolation": "stepAfter", "lineWidth": 1, "fillOpacity": 0, "showPoints": "never",
		// A run is made once a cycle; a line goes on until the next one.
		"spanNulls": false,
	}
	if f.unit == "percentunit" { // zeros alone would be drawn on an axis up to 10000 %
		zero := 0.0
		p.FieldConfig.Defaults.Min = &zero
		p.FieldConfig.Defaults.Custom["axisSoftMax"] = 0.1
	}
	return p
}

// bars draws the latest value of each series as a bar with its name and
// figure. The queries sort.
func (f figure) bars(queries ...query) Panel {
	p := f.panel("bargauge", targets("time_series", true, queries), map[string]any{
		"orientation": "horizontal", "displayMode": "basic", "showUnfilled": false, "valueMode": "text",
		"minVizWidth": 0, "minVizHeight": 14, "maxVizHeight": 32, "sizing": "manual", // without a limit, one bar fills the panel
		"text":          map[string]any{"titleSize": 12, "valueSize": 12}, // as large as 26 bars allow, and the same everywhere
		"reduceOptions": map[string]any{"calcs": []string{"lastNotNull"}, "fields": "", "values": false},
	})
	zero := 0.0
	p.FieldConfig.Defaults.Min = &zero
	return p
}

// stat writes the latest value of each series in large type, below its name
// if the queries give it one. Without, only several are told apart, by their
// instance.
func (f figure) stat(queries ...query) Panel {
	textMode := "auto"
	for i := range queries {
		if queries[i].legend == "" {
			queries[i].legend = "{{instance}}"
		} else {
			textMode = "value_and_name"
		}
	}
	p := f.panel("stat", targets("time_series", true, queries), map[string]any{
		"colorMode": "value", "graphMode": "none", "justifyMode": "center", "textMode": textMode, "orientation": "auto",
		"reduceOptions": map[string]any{"calcs": []string{"lastNotNull"}, "fields": "", "values": false},
	})
	p.FieldConfig.Defaults.Color = map[string]any{"mode": "thresholds"}
	p.FieldConfig.Defaults.Thresholds = steps("text")
	return p
}

// gauge shows a share between 0 and 1.
func (f figure) gauge(queries ...query) Panel {
	p := f.stat(queries...)
	p.Type = "gauge"
	p.Options = map[string]any{"showThresholdLabels": false, "showThresholdMarkers": false,
		"reduceOptions": p.Options["reduceOptions"]}
	zero, one := 0.0, 1.0
	p.FieldConfig.Defaults.Min, p.FieldConfig.Defaults.Max = &zero, &one
	p.FieldConfig.Defaults.Thresholds = steps("blue")
	return p
}

// heatmap draws a histogram's buckets over time.
func (f figure) heatmap(queries ...query) Panel {
	p := f.panel("heatmap", targets("heatmap", false, queries), map[string]any{
		"calculate": false, "cellGap": 1,
		"color":        map[string]any{"mode": "scheme", "scheme": "Oranges", "steps": 64, "scale": "exponential", "exponent": 0.5, "reverse": false, "fill": "dark-orange"},
		"filterValues": map[string]any{"le": 1e-9},
		"legend":       map[string]any{"show": true},
		"rowsFrame":    map[string]any{"layout": "auto"},
		"showValue":    "never",
		"tooltip":      map[string]any{"show": true, "yHistogram": true},
		"yAxis":        map[string]any{"axisPlacement": "left", "reverse": false, "unit": f.unit},
	})
	return p
}

// timeline draws states over time, one line a series.
func (f figure) timeline(states []state, queries ...query) Panel {
	p := f.panel("state-timeline", targets("time_series", false, queries), map[string]any{
		"alignValue": "left", "mergeValues": true, "rowHeight": 0.8, "showValue": "auto",
		"legend":  map[string]any{"displayMode": "list", "placement": "bottom", "showLegend": true},
		"tooltip": map[string]any{"mode": "single"},
	})
	p.FieldConfig.Defaults.Mappings = mappings(states)
	p.FieldConfig.Defaults.Custom = map[string]any{"fillOpacity": 80, "lineWidth": 0}
	return p
}

// by draws throughput-like figures as groups of bars: one group for each value
// of the label, one bar in it for each value of the label `series`.
func (f figure) by(label string, queries ...query) Panel {
	p := f.panel("barchart", targets("table", true, queries), map[string]any{
		"orientation": "auto", "groupWidth": 0.8, "barWidth": 0.95, "showValue": "never", "stacking": "none", "xTickLabelRotation": 0,
		"legend":  map[string]any{"displayMode": "table", "placement": "right", "showLegend": true, "calcs": []string{"last", "max"}},
		"tooltip": map[string]any{"mode": "multi", "sort": "desc"},
	})
	axis := label + "\\series"
	p.Transformations = []Transformation{
		{ID: "convertFieldType", Options: map[string]any{"fields": map[string]any{},
			"conversions": []map[string]any{{"targetField": label, "destinationType": "number"}}}},
		{ID: "sortBy", Options: map[string]any{"fields": map[string]any{}, "sort": []map[string]any{{"field": label}}}},
		{ID: "groupingToMatrix", Options: map[string]any{"columnField": "series", "rowField": label, "valueField": "Value", "emptyValue": "null"}},
		{ID: "convertFieldType", Options: map[string]any{"fields": map[string]any{},
			"conversions": []map[string]any{{"targetField": axis, "destinationType": "string"}}}},
	}
	p.Options["xField"] = axis
	p.FieldConfig.Defaults.Custom = map[string]any{"fillOpacity": 80, "lineWidth": 1, "axisPlacement": "auto"}
	return p
}

// text is a panel of Markdown.
func text(title, markdown string) Panel {
	return Panel{Type: "text", Title: title, Options: map[string]any{"mode": "markdown", "content": markdown}}
}

// thresholds colours a panel's values: green, then pairs of a value and the
// colour from it on.
func (p Panel) thresholds(pairs ...any) Panel {
	p.FieldConfig.Defaults.Color = map[string]any{"mode": "thresholds"}
	p.FieldConfig.Defaults.Thresholds = steps("green", pairs...)
	return p
}

func steps(base string, pairs ...any) *Thresholds {
	t := &Thresholds{Mode: "absolute", Steps: []Step{{Color: base}}}
	for i := 0; i < len(pairs); i += 2 {
		value := pairs[i].(float64)
		t.Steps = append(t.Steps, Step{Color: pairs[i+1].(string), Value: &value})
	}
	return t
}

// named shows the series' names alone, as a text in large type.
func (p Panel) named() Panel {
	p.Options["textMode"] = "name"
	return p
}

// stacked puts several values one below the other: long texts need the width.
func (p Panel) stacked() Panel {
	p.Options["orientation"] = "horizontal"
	p.Options["text"] = map[string]any{"titleSize": 12, "valueSize": 16} // scaled to their place, they could not be read
	return p
}

// repeated draws the panel once for each value of a variable.
func (p Panel) repeated(variable string, perRow int) Panel {
	p.Repeat, p.RepeatDirection, p.MaxPerRow = variable, "h", perRow
	return p
}

// state is a text and colour for a value.
type state struct {
	value int
	text  string
	color string
}

func mappings(states []state) []Mapping {
	m := Mapping{Type: "value", Options: map[string]MappingText{}}
	for i, s := range states {
		m.Options[fmt.Sprint(s.value)] = MappingText{Text: s.text, Color: s.color, Index: i}
	}
	return []Mapping{m}
}

// says shows texts in place of the values.
func (p Panel) says(states []state) Panel {
	p.FieldConfig.Defaults.Mappings = mappings(states)
	return p
}
