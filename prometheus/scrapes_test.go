package prometheus_test

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// world is how a benchd is scraped. What its alerts say must not depend on it.
type world struct {
	name      string
	scrape    time.Duration
	instances []string
	copies    []string // labels of each who scrapes it; the second one sees all of it one scrape later
}

func worlds() []world {
	var list []world
	for _, scrape := range []time.Duration{10 * time.Second, time.Minute, 5 * time.Minute} {
		list = append(list,
			world{fmt.Sprintf("every %v, a job of another name", scrape), scrape, []string{"a"}, []string{`job="measurements"`}},
			world{fmt.Sprintf("every %v, two instances, each by two jobs", scrape), scrape, []string{"a", "b"}, []string{`job="benchd"`, `job="federate"`}},
			world{fmt.Sprintf("every %v, several instances, each by two replicas", scrape), scrape, names(3), []string{`job="x",replica="1"`, `job="x",replica="2"`}})
	}
	return list
}

func names(n int) []string {
	var list []string
	for i := range n {
		list = append(list, fmt.Sprintf("host-%d:9911", i))
	}
	return list
}

// fault is what befalls a benchd after half an hour in which all is well.
type fault struct {
	alert  string
	series map[string]course // without the labels of the scrape
	after  time.Duration     // what the rule waits for, besides two scrapes
	passes bool              // the alert ends by itself, after 15 minutes
}

// course is what a series shows: well, then ill, then well again, "_" for
// nothing. "time" stands for seconds since the start of the test.
type course struct{ well, ill string }

const wellFor = 30 * time.Minute

const (
	ofIt     = `task="io",runtime="go",model="goroutines",concurrency="100"`
	ofFigure = ofIt + `,figure="cpu"`
	ofChange = ofFigure + `,direction="regression",scope="model"`
	ofHost   = ofFigure + `,direction="regression",scope="host"`
)

func always(value string) course { return course{value, value} }

// background is what every benchd shows.
var background = map[string]course{
	"up{}": always("1"), `benchd_build_info{version="1"}`: always("1"), "process_start_time_seconds{}": always("-10000"),
	`benchd_experiment_info{` + ofIt + `,httpbin="true",baseline="false",client="x 1"}`: always("1"),
	"benchd_last_attempt_timestamp_seconds{" + ofIt + "}":                               always("time"),
	"benchd_cycle_interval_seconds{}":                                                   always("900"),
	"benchd_httpbin_up{}":                                                               always("1"),
	"benchd_host_state{}":                                                               always("0"),
}

var faults = []fault{
	// Nothing but `up` is left.
	{"BenchdDown", map[string]course{"up{}": {"1", "0"}, `benchd_build_info{version="1"}`: {"1", "_"}, "process_start_time_seconds{}": {"-10000", "_"}}, time.Minute, false},
	{"BenchdNoRuns", map[string]course{"benchd_last_attempt_timestamp_seconds{" + ofIt + "}": {"time", "1800"}}, 31 * time.Minute, false},
	{"BenchdResultsNotRecorded", map[string]course{"benchd_record_errors_total{}": {"0", "3"}, "benchd_unrecorded_changes_total{}": always("0")}, 0, true},
	{"BenchdDiskFilling", map[string]course{"benchd_data_free_bytes{}": {"1e12", "1e6"}}, 10 * time.Minute, false},
	{"BenchdCycleOverrun", map[string]course{"benchd_cycle_overruns_total{}": {"0", "2"}, "benchd_last_cycle_duration_seconds{}": {"600", "1000"}}, 0, false},
	{"BenchdHTTPBinDown", map[string]course{"benchd_httpbin_up{}": {"1", "0"}}, time.Minute, false},
	{"BenchdHTTPBinBottleneck", map[string]course{"benchd_last_run_server_bound{" + ofIt + "}": {"0", "1"}, "benchd_last_run_server_cpu_seconds{" + ofIt + "}": {"1", "3"},
		"benchd_last_run_duration_seconds{" + ofIt + "}": always("2")}, 0, false},
	{"BenchdHostNoisy", map[string]course{"benchd_host_disturbed_ratio{}": {"0.1", "0.6"}}, 6 * time.Minute, false},
	{"BenchdHostChanged", map[string]course{"benchd_host_state{}": {"0", "2"}, "benchd_host_change_ratio{}": {"_", "1.3"}}, 0, false},
	{"BenchdExperimentFailing", map[string]course{"benchd_failed_runs_in_a_row{" + ofIt + "}": {"0", "2"}, "benchd_last_run_timestamp_seconds{" + ofIt + "}": {"time", "1800"},
		"benchd_last_attempt_outcome{" + ofIt + `,outcome="ok"}`: {"1", "0"}, "benchd_last_attempt_outcome{" + ofIt + `,outcome="timeout"}`: {"0", "1"}, "benchd_last_attempt_outcome{" + ofIt + `,outcome="failed"}`: always("0")}, 0, false},
	{"BenchdWrongResult", map[string]course{"benchd_runs_total{" + ofIt + `,outcome="wrong_result"}`: {"0", "2"}, "benchd_last_attempt_outcome{" + ofIt + `,outcome="wrong_result"}`: {"0", "1"}}, 0, false},
	{"BenchdRequestErrors", map[string]course{"benchd_last_run_error_ratio{" + ofIt + "}": {"0", "0.1"}}, 0, false},
	{"BenchdRegression", map[string]course{"benchd_open_change_ratio{" + ofChange + "}": {"_", "1.3"}, "benchd_open_change_id{" + ofChange + "}": {"_", "7"}}, 0, false},
	{"BenchdHostRegressions", map[string]course{"benchd_open_change_ratio{" + ofHost + "}": {"_", "1.3"}}, time.Hour, false},
	{"BenchdDrift", map[string]course{"benchd_figure_drift_ratio{" + ofFigure + "}": {"1", "1.2"}, "benchd_figure_drift_lower_ratio{" + ofFigure + "}": {"0.9", "1.1"},
		"benchd_figure_drift_upper_ratio{" + ofFigure + "}": {"1.1", "1.3"}, `benchd_pinned_baseline_info{name="release"}`: always("1")}, 0, false},
	{"BenchdDetectorBlind", map[string]course{"benchd_cycles_total{}": always("100"), "benchd_last_run_duration_seconds{" + ofIt + "}": always("2"),
		"benchd_last_attempt_outcome{" + ofIt + `,outcome="ok"}`: always("1"), "benchd_figure_noticeable_change_ratio{" + ofFigure + "}": {"0.1", "0.5"}}, 6 * time.Hour, false},
}

// TestAlertsAtAnyScrape holds every alert silent before its fault, firing
// without a pause and once for each instance while it lasts, and silent after it,
// however benchd is scraped. A rule that cannot be evaluated fails it, too.
func TestAlertsAtAnyScrape(t *testing.T) {
	t.Parallel()
	promtool(t)
	tested := map[string]bool{}
	for _, f := range faults {
		tested[f.alert] = true
	}
	for _, a := range alerts(t) {
		if !tested[a.Alert] {
			t.Errorf("%s: there is no fault that it would tell of", a.Alert)
		}
	}
	for _, w := range worlds() {
		t.Run(w.name, func(t *testing.T) {
			rules, err := filepath.Abs("rules/alerts.yml")
			if err != nil {
				t.Fatal(err)
			}
			var file strings.Builder
			fmt.Fprintf(&file, "rule_files: [%q]\nevaluation_interval: 1m\ntests:\n", rules)
			// One alert waits for six hours: the others need not.
			long := slices.IndexFunc(faults, func(f fault) bool { return f.after > time.Hour })
			w.test(&file, slices.Delete(slices.Clone(faults), long, long+1), 2*time.Hour)
			w.test(&file, faults[long:long+1], 7*time.Hour)
			path := filepath.Join(t.TempDir(), "tests.yml")
			if err := os.WriteFile(path, []byte(file.String()), 0o600); err != nil {
				t.Fatal(err)
			}
			if out, err := exec.Command("promtool", "test", "rules", path).CombinedOutput(); err != nil {
				t.Errorf("promtool test rules: %v\n%.5000s", err, out)
			}
		})
	}
}

// test writes a test in which faults last until the recovery.
func (w world) test(file *strings.Builder, faults []fault, recovery time.Duration) {
	fmt.Fprintf(file, "- interval: %v\n  input_series:\n", w.scrape)
	for _, f := range faults {
		w.shows(file, f, recovery)
	}
	fmt.Fprint(file, "  promql_expr_test:\n")
	expect(file, wellFor, `count_over_time(ALERTS{alertstate="firing"}[1h])`, nil)
	for _, f := range faults {
		w.expects(file, f, recovery)
	}
}

// hit are the instances that a fault befalls.
func (w world) hit(f fault) []string {
	var list []string
	for _, instance := range w.instances {
		list = append(list, f.alert+" "+instance)
	}
	return list
}

// shows writes the series of those whom a fault befalls.
func (w world) shows(file *strings.Builder, f fault, recovery time.Duration) {
	shown := maps.Clone(background)
	maps.Copy(shown, f.series)
	for series, c := range shown {
		name, labels, _ := strings.Cut(strings.TrimSuffix(series, "}"), "{")
		for _, instance := range w.hit(f) {
			for i, scraped := range w.copies {
				fmt.Fprintf(file, "  - series: '%s{instance=%q,%s,%s}'\n    values: '%s'\n", name, instance, scraped, labels, c.values(w.scrape, i, recovery))
			}
		}
	}
}

// expects writes when the fault's alert fires: for nobody else, once for each
// instance, without a pause.
func (w world) expects(file *strings.Builder, f fault, recovery time.Duration) {
	firing := fmt.Sprintf(`ALERTS{alertname=%q,alertstate="firing"}`, f.alert)
	begins := wellFor + f.after + 2*w.scrape + 2*time.Minute
	expect(file, begins, "count by (instance) ("+firing+")", w.hit(f))
	ends := recovery
	if f.passes {
		ends = wellFor + 15*time.Minute
	}
	if last := ends - time.Minute; last > begins {
		minutes := int((last - begins).Minutes())
		expect(file, last, fmt.Sprintf("count by (instance) (count_over_time(%s[%dm30s]) == %d)", firing, minutes, minutes+1), w.hit(f))
	}
	expect(file, ends+3*w.scrape+3*time.Minute, firing, nil)
}

// expect writes that a query yields 1 for each of the instances.
func expect(file *strings.Builder, at time.Duration, expr string, instances []string) {
	var samples []string
	for _, instance := range instances {
		samples = append(samples, fmt.Sprintf(`{labels: '{instance=%q}', value: 1}`, instance))
	}
	fmt.Fprintf(file, "  - {eval_time: %v, expr: '%s', exp_samples: [%s]}\n", at, expr, strings.Join(samples, ", "))
}

// values are what one who scrapes sees, who may see all of it some scrapes late.
// What was there and is gone is marked as stale, as Prometheus does.
func (c course) values(scrape time.Duration, late int, recovery time.Duration) string {
	ill, well := int(wellFor/scrape)+1+late, int(recovery/scrape)+late // the first scrapes of each
	var list []string
	add := func(value string, from, to int) {
		switch {
		case value == "time":
			list = append(list, fmt.Sprintf("%d+%dx%d", from*int(scrape.Seconds()), int(scrape.Seconds()), to-from-1))
		case value == "_" && from > 0:
			list = append(list, "stale", fmt.Sprintf("_x%d", to-from-1))
		case value == "_":
			list = append(list, fmt.Sprintf("_x%d", to-from))
		default:
			list = append(list, fmt.Sprintf("%sx%d", value, to-from-1))
		}
	}
	add(c.well, 0, ill)
	add(c.ill, ill, well)
	add(c.well, well, int((recovery+40*time.Minute)/scrape))
	return strings.Join(list, " ")
}

func promtool(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("promtool"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip("promtool is not installed: it comes with Prometheus")
	}
}
