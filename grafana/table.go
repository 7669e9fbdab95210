package grafana

import "strings"

// column is one column of a table: a label of the series, or the value of a
// query.
type column struct {
	field    string // label, or "Value #A" for the value of the first query
	title    string
	unit     string
	decimals int
	width    int
	states   []state
	shades   []shade
	mappings []Mapping
	link     string
}

// shade is the colour of a text.
type shade struct{ text, color string }

const linkToExperiment = "/d/benchd-experiment?" + kept + "&var-task=${__data.fields.Task:percentencode}" +
	"&var-runtime=${__data.fields.Runtime:percentencode}&var-model=${__data.fields.Model:percentencode}" +
	"&var-concurrency=${__data.fields.Concurrency}&${__url_time_range}"

const linkToTask = "/d/benchd-task?" + kept + "&var-task=${__data.fields.Task:percentencode}&${__url_time_range}"

// of is the column of a label.
func of(label, title string, width int) column {
	return column{field: label, title: title, width: width}
}

// value is the column of a query's values.
func value(refID, title, unit string, decimals int) column {
	return column{field: "Value #" + refID, title: title, unit: unit, decimals: decimals}
}

// verdict is the column of a query whose values are shown as texts.
func verdict(refID, title string, states []state) column {
	return column{field: "Value #" + refID, title: title, states: states}
}

// shaded colours the texts of a label.
func (c column) shaded(shades []shade) column {
	c.shades = shades
	return c
}

func (c column) linked(url string) column {
	c.link = url
	return c
}

func (c column) wide(width int) column {
	c.width = width
	return c
}

// identity are the columns that name an experiment.
func identity() []column {
	return []column{
		of("task", "Task", 95).linked(linkToTask),
		of("runtime", "Runtime", 105),
		of("model", "Model", 130).linked(linkToExperiment),
		of("concurrency", "Concurrency", 100),
	}
}

// table joins the latest values of the queries, by the labels that all of
// them have, into rows; it shows the columns in their order and hides what
// is in none.
func (f figure) table(columns []column, sortBy string, descending bool, queries ...query) Panel {
	p := f.panel("table", targets("table", true, queries), map[string]any{
		"showHeader": true,
		"sortBy":     []map[string]any{{"displayName": sortBy, "desc": descending}},
	})
	p.FieldConfig.Defaults.Custom = map[string]any{"align": "auto", "displayMode": "auto",
		"minWidth": 60} // of 150: all columns of the wide ones fit 1280 pixels

	order, names := map[string]int{}, map[string]string{}
	var include []string
	for i, c := range columns {
		field := c.field
		if len(queries) == 1 && field == "Value #A" {
			field = "Value" // the name of a lone query's values
		}
		order[field], names[field] = i, c.title
		include = append(include, field)
		o := c.override()
		if f.noValue != "" { // of the whole table; or it would be written into every cell that has none
			o.Properties = append(o.Properties, Property{ID: "noValue", Value: "–"})
		}
		p.FieldConfig.Overrides = append(p.FieldConfig.Overrides, o)
	}
	if len(queries) > 1 {
		p.Transformations = append(p.Transformations, Transformation{ID: "merge", Options: map[string]any{}})
	}
	p.Transformations = append(p.Transformations,
		Transformation{ID: "filterFieldsByName", Options: map[string]any{"include": map[string]any{"names": include}}},
		Transformation{ID: "organize", Options: map[string]any{"excludeByName": map[string]bool{}, "indexByName": order, "renameByName": names}})
	return p
}

func (c column) override() Override {
	o := Override{Matcher: Matcher{ID: "byName", Options: c.title}}
	set := func(id string, value any) { o.Properties = append(o.Properties, Property{ID: id, Value: value}) }
	switch {
	case c.unit != "":
		set("unit", c.unit)
		set("decimals", c.decimals)
	case !strings.HasPrefix(c.field, "Value"):
		// Or a label that looks like a number is written as one: a concurrency
		// of 10.00, in links too, which then lead nowhere.
		set("unit", "string")
		set("custom.filterable", true) // in the heads of numbers there is no room for it
	}
	if c.width != 0 {
		set("custom.width", c.width)
	}
	if c.states != nil {
		set("mappings", mappings(c.states))
		set("custom.displayMode", "color-text") // read by 9.3, migrated by later ones
		set("custom.align", "left")             // they are numbers, but read as text
	}
	if c.shades != nil {
		m := Mapping{Type: "value", Options: map[string]MappingText{}}
		for i, s := range c.shades {
			m.Options[s.text] = MappingText{Text: s.text, Color: s.color, Index: i}
		}
		set("mappings", []Mapping{m})
		set("custom.displayMode", "color-text")
	}
	if c.mappings != nil {
		set("mappings", c.mappings)
	}
	if c.link != "" {
		set("links", []Link{{Title: "Show", URL: c.link}})
	}
	return o
}
