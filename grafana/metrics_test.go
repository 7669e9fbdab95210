package grafana_test

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"benchd/grafana"
)

// expositions are of a daemon in mid-cycle, and of one that has judged.
var expositions = []string{"../daemon/expose/testdata/metrics.golden", "../daemon/expose/testdata/between.golden"}

const rules = "../prometheus/rules/dashboards.yml"

// unused are the metrics that no dashboard shows, and why.
var unused = map[string]string{
	"benchd_request_duration_seconds_sum":   "an average hides the slow requests: the percentiles and the heatmap show them",
	"benchd_request_duration_seconds_count": "benchd_items_total counts the same requests",
	"benchd_run_duration_seconds_sum":       "the history shows each run",
	"benchd_run_duration_seconds_count":     "benchd_runs_total counts them, by outcome",
	"benchd_record_duration_seconds_bucket": "one run is recorded at a time, and an average suffices",
	"benchd_failed_runs_in_a_row":           "the outcomes of the latest attempts show it; BenchdExperimentFailing reads it",

	"benchd_scaling_contention_lower_ratio":       "the interval of the peak shows what this one comes to; the API has it",
	"benchd_scaling_contention_upper_ratio":       "the interval of the peak shows what this one comes to; the API has it",
	"benchd_scaling_coherency_lower_ratio":        "the interval of the peak shows what this one comes to; the API has it",
	"benchd_scaling_coherency_upper_ratio":        "the interval of the peak shows what this one comes to; the API has it",
	"benchd_verdict_error_difference_lower_ratio": "the verdict says whether it matters; the API has the interval",
	"benchd_verdict_error_difference_upper_ratio": "the verdict says whether it matters; the API has the interval",
}

// others are the metrics that Prometheus and the client library make.
var others = map[string][]string{
	"up": nil, "scrape_duration_seconds": nil, "scrape_samples_scraped": nil,
	"process_start_time_seconds": nil, "process_cpu_seconds_total": nil, "process_resident_memory_bytes": nil,
	"ALERTS": {"alertname", "alertstate", "severity", "task", "runtime", "model", "concurrency"},
}

var (
	variable = regexp.MustCompile(`\$\{?([a-zA-Z_]\w*)`)
	text     = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)
	selector = regexp.MustCompile(`([a-zA-Z_:][\w:]*)\s*\{([^}]*)\}`)
	grouping = regexp.MustCompile(`\b(?:by|on|ignoring|without|group_left|group_right)\s*\(([^)]*)\)`)
	matcher  = regexp.MustCompile(`(\w+)\s*(?:=~|!~|!=|=)`)
	word     = regexp.MustCompile(`[a-zA-Z_:][\w:]*`)
	sample   = regexp.MustCompile(`^(\w+)(?:\{(.*)\})? `)
)

// exposed reads which labels each series of the daemon's expositions has.
func exposed(t *testing.T) map[string][]string {
	t.Helper()
	metrics := map[string][]string{}
	for _, exposition := range expositions {
		content, err := os.ReadFile(exposition)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(content)) {
			m := sample.FindStringSubmatch(line)
			if m == nil {
				continue
			}
			labels := metrics[m[1]]
			for _, label := range matcher.FindAllStringSubmatch(text.ReplaceAllString(m[2], ""), -1) {
				if !slices.Contains(labels, label[1]) {
					labels = append(labels, label[1])
				}
			}
			metrics[m[1]] = labels
		}
	}
	return metrics
}

type rule struct {
	Record string            `yaml:"record"`
	Expr   string            `yaml:"expr"`
	Labels map[string]string `yaml:"labels"`
}

func recorded(t *testing.T) []rule {
	t.Helper()
	content, err := os.ReadFile(rules)
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Groups []struct {
			Rules []rule `yaml:"rules"`
		} `yaml:"groups"`
	}
	if err := yaml.Unmarshal(content, &file); err != nil {
		t.Fatal(err)
	}
	var list []rule
	for _, g := range file.Groups {
		list = append(list, g.Rules...)
	}
	return list
}

// TestMetrics holds the metrics and labels of all queries, and of the rules
// that they read, against the daemon's exposition, and the other way round.
func TestMetrics(t *testing.T) {
	known := exposed(t)
	series := slices.Sorted(maps.Keys(known))
	maps.Copy(known, others)
	everyLabel := []string{"instance", "job", "series", "who", "is", "baseline", "winner", "loser"} // of the scrape; made by label_join
	for _, r := range recorded(t) {
		known[r.Record] = append(slices.Collect(maps.Keys(r.Labels)), "task", "runtime", "model", "concurrency", "baseline", "figure", "state")
	}
	for _, labels := range known {
		everyLabel = append(everyLabel, labels...)
	}

	used := map[string]bool{}
	check := func(place, expr string) {
		for _, s := range selector.FindAllStringSubmatch(expr, -1) {
			labels, ok := known[s[1]]
			if !ok {
				t.Errorf("%s: there is no metric %s", place, s[1])
			}
			for _, m := range matcher.FindAllStringSubmatch(text.ReplaceAllString(s[2], ""), -1) {
				if label := m[1]; !slices.Contains(labels, label) && label != "instance" && label != "job" && label != "alertname" {
					t.Errorf("%s: %s has no label %s", place, s[1], label)
				}
			}
		}
		bare := text.ReplaceAllString(expr, "")
		for _, g := range grouping.FindAllStringSubmatch(bare, -1) {
			for _, label := range word.FindAllString(g[1], -1) {
				if !slices.Contains(everyLabel, label) {
					t.Errorf("%s: there is no label %s", place, label)
				}
			}
		}
		for _, name := range word.FindAllString(bare, -1) {
			if strings.Contains(name, "benchd_") && !slices.Contains(everyLabel, name) {
				if _, ok := known[name]; !ok {
					t.Errorf("%s: there is no metric %s", place, name)
				}
				used[name] = true
			}
		}
	}
	for _, r := range recorded(t) {
		check("rule "+r.Record, r.Expr)
	}
	for _, d := range grafana.Dashboards() {
		for _, q := range grafana.Queries(d) {
			check(d.UID+": "+q.Place, q.Expr)
		}
		for _, v := range d.Templating.List {
			if series, label, ok := v.LabelValues(); ok {
				check(d.UID+": variable "+v.Name, series)
				if !slices.Contains(everyLabel, label) {
					t.Errorf("%s: variable %s: there is no label %s", d.UID, v.Name, label)
				}
			}
		}
	}
	for _, name := range series {
		switch reason, listed := unused[name]; {
		case !used[name] && !listed:
			t.Errorf("no dashboard shows %s: show it, or say in unused why not", name)
		case used[name] && listed:
			t.Errorf("%s is shown, and listed as unused because %s", name, reason)
		}
	}
	for _, r := range recorded(t) {
		if !used[r.Record] {
			t.Errorf("no dashboard reads rule %s", r.Record)
		}
	}
}
