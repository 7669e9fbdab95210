package grafana

import (
	"maps"
	"regexp"
	"slices"
)

// Query is one expression of a dashboard, its variables still in it.
type Query struct {
	Dashboard string // uid
	Place     string // panel and reference, or annotation
	Expr      string
	Instant   bool
	Interval  string // least step of a range, "" for an annotation's

	// EmptyWhen says why it may return nothing although all is well; "" if
	// it must return something on a stack that has done one cycle.
	EmptyWhen string
}

// Queries lists every query of a dashboard's panels and annotations. Those of
// its variables are in Templating.
func Queries(d Dashboard) []Query {
	var list []Query
	for _, p := range d.Panels {
		for _, t := range p.Targets {
			list = append(list, Query{Dashboard: d.UID, Place: "panel " + p.Title + ", query " + t.RefID, Expr: t.Expr,
				Instant: t.Instant, Interval: t.Interval, EmptyWhen: t.EmptyWhen})
		}
	}
	for _, a := range d.Annotations.List {
		list = append(list, Query{Dashboard: d.UID, Place: "annotation " + a.Name, Expr: a.Expr,
			EmptyWhen: "annotations mark events, and there may be none"})
	}
	return list
}

var (
	labelValues = regexp.MustCompile(`^label_values\((.*), (\w+)\)$`)
	queryResult = regexp.MustCompile(`^query_result\((.*)\)$`)
)

// LabelValues gives the series and the label that a query variable asks for,
// and false if it is of another type.
func (v Variable) LabelValues() (series, label string, ok bool) {
	m := labelValues.FindStringSubmatch(v.Definition)
	if m == nil {
		return "", "", false
	}
	return m[1], m[2], true
}

// Expression gives the expression whose value a query variable is, and false
// if it is of another type.
func (v Variable) Expression() (expr string, ok bool) {
	m := queryResult.FindStringSubmatch(v.Definition)
	if m == nil {
		return "", false
	}
	return m[1], true
}

// Resolve puts values in place of the variables of a text, longer names
// first.
func Resolve(text string, values map[string]string) string {
	names := slices.SortedFunc(maps.Keys(values), func(a, b string) int { return len(b) - len(a) })
	for _, name := range names {
		text = regexp.MustCompile(`\$(?:`+name+`\b|\{`+name+`(?::\w+)?\})`).ReplaceAllLiteralString(text, values[name])
	}
	return text
}
