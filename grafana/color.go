package grafana

import "regexp"

// colors are those of the models, the same on every dashboard; chosen to be
// told apart, and read, on dark and on light. A model that is not named, one
// of a user's own, gets a colour of Grafana's palette.
var colors = []struct{ model, color string }{
	{"sync", "#8A8F98"},
	{"asyncio", "#3274D9"},
	{"asyncio-uvloop", "#18A5C7"},
	{"asyncio+threads", "#A352CC"},
	{"threading", "#E0752D"},
	{"multiprocessing", "#37872D"},
	{"event-loop", "#C15C9D"},
	{"goroutines", "#00978A"},
	{"threads", "#C4921B"},
	{"worker-pool", "#7C6BD6"},
	{"spin", "#9A7B4F"},
	{"io", "#4E8CA8"},
}

// modelColors colours every series whose name begins with a model's: names
// are "model concurrency · runtime" or "model · runtime". Lines of Go are
// dashed, so that its sync is told from Python's.
func modelColors(lines bool) []Override {
	var list []Override
	for _, c := range colors {
		list = append(list, Override{
			Matcher:    Matcher{ID: "byRegexp", Options: `/^` + regexp.QuoteMeta(c.model) + `(?: \d+)?(?: ·.*)?$/`},
			Properties: []Property{{ID: "color", Value: map[string]string{"mode": "fixed", "fixedColor": c.color}}},
		})
	}
	if !lines {
		return list
	}
	return append(list, Override{
		Matcher:    Matcher{ID: "byRegexp", Options: `/ · go$/`},
		Properties: []Property{{ID: "custom.lineStyle", Value: map[string]any{"fill": "dash", "dash": []int{8, 4}}}},
	})
}
