package main

import (
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"benchd/daemon/bench"
)

// experiment is one as the API shows it.
type experiment struct {
	bench.Key
	Title          string
	Unit           string
	RuntimeVersion string      `json:"runtime_version"`
	ExpectedUnits  float64     `json:"expected_units"`
	Skip           *bench.Skip `json:"skip"`
}

func (d *daemon) experiments(tb testing.TB) []experiment {
	tb.Helper()
	var list struct{ Experiments []experiment }
	d.getJSON(tb, "/api/v1/experiments", &list)
	return list.Experiments
}

// lastRun is a figure of the experiment's last good run.
func lastRun(tb testing.TB, m metrics, figure string, k bench.Key) float64 {
	tb.Helper()
	return m.value(tb, series("benchd_last_run_"+figure, k))
}

// TestCycle holds the figures of CPU-bound experiments against the manifests,
// the machine, and one another.
func TestCycle(t *testing.T) {
	t.Parallel()
	d := startDaemon(t, self(t), t.TempDir(), "BENCHD_TASKS=noop,canary,cpu-bound", "BENCHD_PYTHONS=python3",
		"BENCHD_MODELS=sync,spin,worker-pool,threads,multiprocessing", "BENCHD_CONCURRENCIES=1,2")
	d.awaitCycles(t, 1)
	m := d.metrics(t)
	experiments := d.experiments(t)
	if len(experiments) != 8 {
		t.Errorf("%d experiments, want 8: %+v", len(experiments), experiments)
	}
	for _, e := range experiments {
		t.Run(e.String(), func(t *testing.T) {
			if e.Skip != nil {
				missing(t, e.Skip.String())
			}
			checkRun(t, d, m, e)
		})
	}
	for name, want := range map[string]float64{
		"benchd_cycles_total": 1, "benchd_cycle_number": 1, "benchd_cycle_progress_ratio": 1,
		"benchd_cycle_in_progress": 0, "benchd_cycle_warm_up": 1, "benchd_runs_in_progress": 0,
	} {
		if got := m.value(t, name); got != want {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
	if found := m.matching(`^benchd_build_info\{goversion="` + regexp.QuoteMeta(runtime.Version())); len(found) != 1 {
		t.Errorf("benchd_build_info: %v", found)
	}
	d.end(t)
}

// checkRun holds the only run of an experiment, in the metrics and in the
// API, against what must hold on every machine.
func checkRun(t *testing.T, d *daemon, m metrics, e experiment) {
	t.Helper()
	if ok := m.value(t, series("benchd_runs_total", e.Key, "outcome", "ok")); ok != 1 {
		t.Fatalf("%v runs are ok, want 1: %+v", ok, d.runs(t, "task="+e.Task+"&model="+e.Model))
	}
	wall, cpu := lastRun(t, m, "duration_seconds", e.Key), lastRun(t, m, "cpu_seconds", e.Key)
	// The CPU clocks are read at the gates, a little outside of the wall time.
	const around = 0.02
	if cores := float64(runtime.NumCPU()); wall <= 0 || cpu < 0 || cpu > cores*(wall+around) {
		t.Errorf("%v s on the wall, %v s of %v cores", wall, cpu, cores)
	}
	if units := lastRun(t, m, "units", e.Key); units == 0 || units != e.ExpectedUnits {
		t.Errorf("%v units, want %v", units, e.ExpectedUnits)
	}
	for figure, least := range map[string]float64{"memory_peak_bytes": 1 << 20, "threads_max": 1, "processes_max": 1} {
		if got := lastRun(t, m, figure, e.Key); got < least {
			t.Errorf("%s is %v, want %v at least", figure, got, least)
		}
	}
	if e.Model == "multiprocessing" && lastRun(t, m, "processes_max", e.Key) < float64(e.Concurrency) {
		t.Errorf("fewer processes than %d", e.Concurrency)
	}
	if n := m.value(t, series("benchd_run_duration_seconds_count", e.Key)); n != 1 {
		t.Errorf("%v runs in the histogram, want 1", n)
	}
	info := m.matching(`^benchd_experiment_info\{.*model="` + regexp.QuoteMeta(e.Model) + `".*runtime="` + e.Runtime + `".*task="` + e.Task + `"`)
	if e.RuntimeVersion == "" || e.Title == "" || !strings.Contains(strings.Join(info, "\n"), `runtime_version="`+e.RuntimeVersion+`"`) {
		t.Errorf("%+v has info %v, want its version in it", e, info)
	}

	runs := d.runs(t, "task="+e.Task+"&runtime="+e.Runtime+"&model="+e.Model)
	if len(runs) != 1 {
		t.Fatalf("%d runs in the API, want 1: %+v", len(runs), runs)
	}
	r := runs[0]
	if r.Outcome != bench.OK || r.Figures == nil || r.Cycle != 1 || !r.WarmUp || r.Exit.Code != 0 || r.Exit.Strays != 0 || r.Error != "" {
		t.Fatalf("%+v", r)
	}
	if r.Figures.WallSeconds != wall || r.Figures.CPUSeconds() != cpu || r.Figures.Units != e.ExpectedUnits || r.Unit != e.Unit {
		t.Errorf("the API has other figures than the metrics: %+v", r.Figures)
	}
	if life := r.Ended.Sub(r.Started).Seconds(); life < wall {
		t.Errorf("alive for %v s, of which %v s are measured", life, wall)
	}
}

// TestIO lets experiments talk to the httpbin that benchd starts.
func TestIO(t *testing.T) {
	t.Parallel()
	d := startDaemon(t, self(t), t.TempDir(), "BENCHD_TASKS=io-bound,fixed-rate,canary", "BENCHD_RUNTIMES=go",
		"BENCHD_MODELS=goroutines,threads,io", "BENCHD_CONCURRENCIES=1,100")
	d.awaitCycles(t, 1)
	m := d.metrics(t)
	experiments := d.experiments(t)
	if len(experiments) != 4 {
		t.Errorf("%d experiments, want 4: %+v", len(experiments), experiments)
	}
	var server float64
	for _, e := range experiments {
		t.Run(e.String(), func(t *testing.T) {
			checkRun(t, d, m, e)
			if e.Task == "canary" {
				return // it has no bytes and latencies to show
			}
			checkTraffic(t, m, e.Key)
		})
		cpu := lastRun(t, m, "server_cpu_seconds", e.Key)
		if server += cpu; cpu <= 0 || lastRun(t, m, "server_memory_bytes", e.Key) < 1<<20 {
			t.Errorf("%v: the server's figures are too small", e.Key)
		}
	}
	if all := m.value(t, "benchd_httpbin_cpu_seconds_total"); all < server {
		t.Errorf("the httpbin has used %v s in all, and %v s in the runs", all, server)
	}
	if up := m.value(t, "benchd_httpbin_up"); up != 1 {
		t.Errorf("benchd_httpbin_up is %v", up)
	}
	d.end(t)
}

func checkTraffic(t *testing.T, m metrics, k bench.Key) {
	t.Helper()
	received, sent := lastRun(t, m, "received_bytes", k), lastRun(t, m, "sent_bytes", k)
	if sent <= 0 || received <= sent || received != lastRun(t, m, "written_bytes", k) {
		t.Errorf("%v bytes sent, %v received: want more, for the answer repeats the request, and all written", sent, received)
	}
	// All runs are on the loopback, which counts twice what anybody sends.
	if network := lastRun(t, m, "network_received_bytes", k); network < sent+received {
		t.Errorf("%v bytes on the network, the workload had %v", network, sent+received)
	}
	items := lastRun(t, m, "items", k)
	if n := m.value(t, series("benchd_request_duration_seconds_count", k)); n != items || items <= 1 {
		t.Errorf("%v latencies of %v requests", n, items)
	}
	// The server takes 50 ms; a bucket's middle may lie 2 % below.
	const least = 0.98 * 0.05
	if p50 := m.value(t, series("benchd_last_run_request_duration_seconds", k, "percentile", "50")); p50 < least {
		t.Errorf("half of the requests took at most %v s, the server alone takes 0.05", p50)
	}
	if wall := lastRun(t, m, "duration_seconds", k); wall < least {
		t.Errorf("all took %v s, one takes 0.05", wall)
	}
}

var fenced = regexp.MustCompile("(?ms)^```(bash|yaml)\n(.*?)^```$")

// TestWorkloadOfTheReadme adds the task that strangers are told to start from,
// in a language that no line of Go knows of.
func TestWorkloadOfTheReadme(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("../workloads/README.md")
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "mine")
	task := filepath.Join(dir, "squares")
	if err := os.MkdirAll(task, 0o755); err != nil {
		t.Fatal(err)
	}
	names := map[string]string{"bash": "squares.sh", "yaml": "workload.yaml"}
	for _, block := range fenced.FindAllStringSubmatch(string(readme), -1) {
		if err := os.WriteFile(filepath.Join(task, names[block[1]]), []byte(block[2]), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	d := startDaemon(t, self(t), t.TempDir(), "BENCHD_WORKLOADS_DIR="+dir, "BENCHD_TASKS=squares")
	d.awaitCycles(t, 1)
	experiments := d.experiments(t)
	if len(experiments) != 1 || experiments[0].Key.String() != "squares/bash/sync/1" {
		t.Fatalf("experiments: %+v", experiments)
	}
	e, m := experiments[0], d.metrics(t)
	checkRun(t, d, m, e)
	// One shell that computes all the time cannot use more than one core.
	if wall, cpu := lastRun(t, m, "duration_seconds", e.Key), lastRun(t, m, "cpu_seconds", e.Key); cpu <= 0 || cpu > wall+0.02 {
		t.Errorf("%v s of CPU in %v s", cpu, wall)
	}
	d.end(t)
}

// TestPages asks for what is there beside the metrics and the API, and for
// profiles, which are there only by request.
func TestPages(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		setting string
		pprof   int
	}{{"BENCHD_PPROF=", http.StatusNotFound}, {"BENCHD_PPROF=true", http.StatusOK}} {
		d := startDaemon(t, self(t), t.TempDir(), "BENCHD_TASKS=noop", "BENCHD_RUNTIMES=go", test.setting)
		d.awaitCycles(t, 1)
		for path, want := range map[string]struct {
			status int
			text   string
		}{
			"/-/healthy":           {http.StatusOK, "benchd is healthy."},
			"/-/ready":             {http.StatusOK, "benchd is ready."},
			"/":                    {http.StatusOK, `href="/metrics"`},
			"/no/such/page":        {http.StatusNotFound, ""},
			"/debug/pprof/":        {test.pprof, ""},
			"/debug/pprof/cmdline": {test.pprof, ""},
		} {
			if status, body := d.get(t, path); status != want.status || !strings.Contains(body, want.text) {
				t.Errorf("%s, %s: status %d, want %d and %q in\n%s", test.setting, path, status, want.status, want.text, body)
			}
		}
		d.end(t)
	}
}

// TestUsers lets in those alone whom the web configuration names.
func TestUsers(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "web.yml")
	// The password is "secret", hashed with the least cost.
	const users = "basic_auth_users: {prometheus: '$2a$04$v4TR2dzgj88SRXYHpyI8NO6ajfQkqxQ2aROWAgGTNB.PCos8MzAu6'}\n"
	if err := os.WriteFile(file, []byte(users), 0o600); err != nil {
		t.Fatal(err)
	}
	d := startDaemon(t, self(t), t.TempDir(), "BENCHD_TASKS=noop", "BENCHD_RUNTIMES=go", "BENCHD_WEB_CONFIG_FILE="+file)
	if status, _ := d.get(t, "/metrics"); status != http.StatusUnauthorized {
		t.Errorf("without a password: status %d", status)
	}
	check := []string{"BENCHD_LISTEN_ADDRESS=" + strings.TrimPrefix(d.url, "http://"), "BENCHD_WEB_CONFIG_FILE=" + file}
	if e := runCommand(t, check, "healthcheck"); e.code != 0 {
		t.Errorf("healthcheck: exit status %d: %s", e.code, e.stderr)
	}
	d.url = strings.Replace(d.url, "http://", "http://prometheus:secret@", 1)
	if status, body := d.get(t, "/metrics"); status != http.StatusOK || !strings.Contains(body, "benchd_build_info") {
		t.Errorf("with the password: status %d", status)
	}
	d.url = strings.Replace(d.url, "secret", "wrong", 1)
	if status, _ := d.get(t, "/metrics"); status != http.StatusUnauthorized {
		t.Errorf("with a wrong password: status %d", status)
	}
	d.end(t)
	if e := runCommand(t, check, "healthcheck"); e.code != 1 || !strings.HasPrefix(e.stderr, "benchd: benchd does not answer: ") {
		t.Errorf("healthcheck after the end: exit status %d: %s", e.code, e.stderr)
	}
}
