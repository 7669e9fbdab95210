// Package prometheus_test starts the whole stack as a user would, and holds
// what it shows and what it keeps.
package prometheus_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"benchd/grafana"
)

// TestStack is one test, for starting takes longest: each step goes on where
// the one before has ended.
func TestStack(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	step := func(name string, do func(*testing.T)) {
		ok := t.Run(name, func(t *testing.T) {
			s.t = t
			do(t)
		})
		s.t = t
		if !ok {
			t.FailNow()
		}
	}
	step("a network needs passwords", s.networkNeedsPasswords)
	s.compose("up", "--detach", "--build", "--wait", "--wait-timeout", "180")
	step("targets are up", s.targetsAreUp)
	step("a cycle ends", s.cycleEnds)
	step("configurations are valid", s.configurationsAreValid)
	step("rules evaluate", s.rulesEvaluate)
	step("every query of every dashboard has data", s.dashboardsHaveData)
	if slices.Contains(s.services, "grafana") {
		step("Grafana shows them to anybody", s.grafanaShows)
	}
	step("containers are locked down", s.containersAreLockedDown)
	step("workloads reach the httpbin alone", s.workloadsReachHTTPBinAlone)

	before := s.kept(t)
	for _, service := range s.services {
		step("restart of "+service+" loses nothing", func(t *testing.T) {
			s.compose("restart", service)
			s.compose("up", "--detach", "--wait", "--wait-timeout", "120")
			before = s.keptSince(t, before)
		})
	}
	step("down and up goes on", func(t *testing.T) {
		s.compose("down")
		s.compose("up", "--detach", "--wait", "--wait-timeout", "120")
		s.keptSince(t, before)
	})
	step("stopped in mid-run", s.stoppedInMidRun)
	step("an alert arrives", s.alertArrives)
	step("the cause silences what it causes", s.causeSilences)
	step("a regression arrives, and is accepted", s.regressionArrives)
	step("with passwords", s.networkWithPasswords)
	step("one core and 512 MB are enough", s.smallIsEnough)
}

func (s *stack) targetsAreUp(t *testing.T) {
	s.poll(t, time.Minute, func() error {
		var targets struct {
			ActiveTargets []struct {
				Labels            map[string]string
				Health, LastError string
			}
		}
		if err := s.prometheus("/api/v1/targets", nil, &targets); err != nil {
			return err
		}
		var jobs []string
		for _, target := range targets.ActiveTargets {
			if target.Health != "up" {
				return fmt.Errorf("%s is %s: %s", target.Labels["job"], target.Health, target.LastError)
			}
			jobs = append(jobs, target.Labels["job"])
		}
		slices.Sort(jobs)
		if want := []string{"alertmanager", "benchd", "prometheus"}; !slices.Equal(jobs, want) {
			return fmt.Errorf("targets are %v, want %v", jobs, want)
		}
		return nil
	})
}

func (s *stack) cycleEnds(t *testing.T) {
	s.poll(t, 4*time.Minute, func() error {
		if n, err := s.value("benchd_cycles_total"); err != nil || n < 1 {
			return fmt.Errorf("%v cycles have ended (%w)", n, err)
		}
		return nil
	})
	bad, err := s.value(`sum(benchd_runs_total{outcome!="ok"})`)
	if err != nil || bad != 0 {
		t.Errorf("%v runs have failed (%v)", bad, err)
	}
	// Native histograms, and the classic buckets beside them.
	for _, query := range []string{
		"histogram_count(sum(benchd_request_duration_seconds))",
		"sum(benchd_request_duration_seconds_bucket)",
	} {
		if n, err := s.value(query); err != nil || n == 0 {
			t.Errorf("%s is %v (%v)", query, n, err)
		}
	}
}

// configurationsAreValid asks the programs themselves: a server that starts
// has read its file, but promtool and amtool also find what is suspicious.
func (s *stack) configurationsAreValid(*testing.T) {
	s.docker("exec", s.container("prometheus"), "promtool", "check", "config", "--lint-fatal", "/prometheus/etc/prometheus.yml")
	s.docker("exec", s.container("alertmanager"), "amtool", "check-config", "/etc/alertmanager/alertmanager.yml")
}

func (s *stack) rulesEvaluate(t *testing.T) {
	s.poll(t, time.Minute, func() error {
		var rules struct {
			Groups []struct {
				File  string
				Rules []struct{ Name, Health, LastError string }
			}
		}
		if err := s.prometheus("/api/v1/rules", nil, &rules); err != nil {
			return err
		}
		files, err := filepath.Glob(filepath.Join(s.dir, "prometheus/rules/*.yml"))
		if err != nil {
			return err
		}
		for _, group := range rules.Groups {
			files = slices.DeleteFunc(files, func(f string) bool { return filepath.Base(f) == filepath.Base(group.File) })
			for _, rule := range group.Rules {
				if rule.Health != "ok" {
					return fmt.Errorf("rule %s is %s: %s", rule.Name, rule.Health, rule.LastError)
				}
			}
		}
		if len(files) > 0 {
			return fmt.Errorf("not loaded: %v", files)
		}
		return nil
	})
}

func (s *stack) dashboardsHaveData(t *testing.T) {
	s.poll(t, 2*time.Minute, func() error {
		faults, err := grafana.Check(t.Context(), s.at("prometheus"), time.Hour)
		if err == nil && len(faults) > 0 {
			err = fmt.Errorf("%d faults:\n%s", len(faults), strings.Join(faults, "\n"))
		}
		return err
	})
}

// grafanaShows holds that Grafana has the dashboards, and that its Prometheus
// datasource answers: it is a plugin, which Grafana 13 can lose at its start on
// a read-only root while it reports to be healthy.
func (s *stack) grafanaShows(t *testing.T) {
	const query = `{"from": "now-5m", "to": "now", "queries": [
		{"refId": "A", "datasource": {"type": "prometheus", "uid": "prometheus"}, "expr": "up", "instant": true, "range": false}]}`
	s.poll(t, 2*time.Minute, func() error {
		var found []struct{ UID string }
		if err := s.get(s.at("grafana")+"/api/search?type=dash-db&tag=benchd", &found); err != nil {
			return err
		}
		if want := len(grafana.Dashboards()); len(found) != want {
			return fmt.Errorf("%d dashboards of %d", len(found), want)
		}
		response, err := http.Post(s.at("grafana")+"/api/ds/query", "application/json", strings.NewReader(query))
		if err != nil {
			return err
		}
		defer response.Body.Close()
		var answer struct {
			Message string
			Results map[string]struct {
				Error  string
				Frames []any
			}
		}
		if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
			return fmt.Errorf("%s: %w", response.Status, err)
		}
		if a := answer.Results["A"]; len(a.Frames) == 0 {
			return fmt.Errorf("the datasource says %s: %s %s", response.Status, answer.Message, a.Error)
		}
		return nil
	})
}

func (s *stack) containersAreLockedDown(t *testing.T) {
	for _, service := range s.services {
		var found []struct {
			Config     struct{ User string }
			HostConfig struct {
				ReadonlyRootfs, Privileged bool
				CapDrop, CapAdd            []string
				SecurityOpt                []string
				Memory, PidsLimit          int64
				Init                       bool
				Tmpfs                      map[string]string
			}
			NetworkSettings struct {
				Ports map[string][]struct{ HostIP string }
			}
		}
		if err := json.Unmarshal([]byte(s.docker("inspect", s.container(service))), &found); err != nil {
			t.Fatal(err)
		}
		c := found[0]
		h := c.HostConfig
		if !h.ReadonlyRootfs || h.Privileged || !slices.Equal(h.CapDrop, []string{"ALL"}) || len(h.CapAdd) > 0 ||
			h.Memory == 0 || h.PidsLimit <= 0 || !h.Init ||
			!slices.Contains(h.SecurityOpt, "no-new-privileges:true") {
			t.Errorf("%s: %+v", service, h)
		}
		for path, options := range h.Tmpfs {
			if !strings.Contains(options, "size=") {
				t.Errorf("%s: %s can take all memory: %q", service, path, options)
			}
		}
		if service == "benchd" && (c.Config.User == "" || strings.HasPrefix(c.Config.User, "0") || c.Config.User == "root") {
			t.Errorf("%s runs as %q", service, c.Config.User)
		}
		for port, bindings := range c.NetworkSettings.Ports {
			for _, b := range bindings {
				if b.HostIP != "127.0.0.1" {
					t.Errorf("%s: port %s is open on %s", service, port, b.HostIP)
				}
			}
		}
	}
}

// kept is what must be there still after a restart.
type kept struct {
	runs    int       // in benchd's history
	at      time.Time // of a sample in Prometheus
	silence string    // in Alertmanager
}

func (s *stack) kept(t *testing.T) kept {
	t.Helper()
	k := kept{runs: s.runs(t), at: time.Now().Add(-15 * time.Second)}
	silence := fmt.Sprintf(`{"matchers":[{"name":"alertname","value":"none","isRegex":false}],"startsAt":%q,"endsAt":%q,"createdBy":"test","comment":"test"}`,
		time.Now().Format(time.RFC3339), time.Now().Add(time.Hour).Format(time.RFC3339))
	response, err := http.Post(s.at("alertmanager")+"/api/v2/silences", "application/json", strings.NewReader(silence))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var answer struct{ SilenceID string }
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil || answer.SilenceID == "" {
		t.Fatalf("no silence was made: %s (%v)", response.Status, err)
	}
	k.silence = answer.SilenceID
	return k
}

// keptSince holds that what was kept is there still, and that benchd goes on.
func (s *stack) keptSince(t *testing.T, before kept) kept {
	t.Helper()
	after := before
	s.poll(t, time.Minute, func() error {
		after.runs = s.runs(t)
		if after.runs < before.runs {
			return fmt.Errorf("%d runs in benchd's history, %d before", after.runs, before.runs)
		}
		then := url.Values{"query": {"benchd_cycles_total"}, "time": {strconv.FormatInt(before.at.Unix(), 10)}}
		var answer struct{ Result []any }
		if err := s.prometheus("/api/v1/query", then, &answer); err != nil || len(answer.Result) == 0 {
			return fmt.Errorf("Prometheus has forgotten %v (%w)", before.at, err)
		}
		var silence struct{ Status struct{ State string } }
		if err := s.get(s.at("alertmanager")+"/api/v2/silence/"+before.silence, &silence); err != nil || silence.Status.State != "active" {
			return fmt.Errorf("the silence is %q (%w)", silence.Status.State, err)
		}
		// The last results are shown at once, before the first run since.
		shown, err := s.value("count(benchd_last_run_timestamp_seconds)")
		if err != nil || shown < 10 {
			return fmt.Errorf("%v experiments are shown (%w)", shown, err)
		}
		return nil
	})
	return after
}

// runs is how many runs the history holds, as far as one page goes.
func (s *stack) runs(t *testing.T) int {
	t.Helper()
	var page struct{ Runs []any }
	if err := s.get(s.at("benchd")+"/api/v1/runs?limit=1000", &page); err != nil {
		t.Log(err)
	}
	return len(page.Runs)
}

func (s *stack) stoppedInMidRun(t *testing.T) {
	s.compose("restart", "benchd") // begins a cycle
	s.poll(t, time.Minute, func() error {
		if top := s.docker("top", s.container("benchd"), "-eo", "pid,args"); !strings.Contains(top, "supervise") {
			return fmt.Errorf("nothing is running:\n%s", top)
		}
		return nil
	})
	var pids []string
	for line := range strings.Lines(s.docker("top", s.container("benchd"), "-eo", "pid")) {
		if pid := strings.TrimSpace(line); pid != "PID" {
			pids = append(pids, pid)
		}
	}
	begun := time.Now()
	s.docker("stop", s.container("benchd"))
	if took := time.Since(begun); took > 10*time.Second {
		t.Errorf("stopping took %v", took)
	}
	if code := strings.TrimSpace(s.docker("inspect", "--format", "{{.State.ExitCode}}", s.container("benchd"))); code != "0" {
		t.Errorf("exit status %s, log:\n%s", code, s.docker("logs", "--tail", "20", s.container("benchd")))
	}
	for _, pid := range pids {
		if args, err := os.ReadFile("/proc/" + pid + "/cmdline"); err == nil && len(args) > 0 {
			t.Errorf("process %s is left: %q", pid, args)
		}
	}
}

// alertArrives goes on from a stopped benchd.
func (s *stack) alertArrives(t *testing.T) {
	s.poll(t, 3*time.Minute, func() error {
		var alerts []struct{ Labels, Annotations map[string]string }
		if err := s.get(s.at("alertmanager")+"/api/v2/alerts", &alerts); err != nil {
			return err
		}
		for _, a := range alerts {
			if a.Labels["alertname"] != "BenchdDown" {
				continue
			}
			if want := "http://localhost:3000/d/benchd-runbook?viewPanel=2"; a.Annotations["runbook_url"] != want {
				t.Errorf("runbook_url is %q, want %q", a.Annotations["runbook_url"], want)
			}
			if want := "http://localhost:3000/d/benchd-host?var-instance=benchd%3A9911&from=now-6h&to=now"; a.Annotations["dashboard_url"] != want {
				t.Errorf("dashboard_url is %q, want %q", a.Annotations["dashboard_url"], want)
			}
			return nil
		}
		return fmt.Errorf("BenchdDown is not among %d alerts", len(alerts))
	})
}

// causeSilences holds the inhibition rules: of the two experiments that fail
// while the httpbin is down, the one that does not use it is reported; and of
// a host that got slower, not what got slower with it, but what needs more memory.
func (s *stack) causeSilences(t *testing.T) {
	sent := `[
		{"labels": {"alertname": "BenchdHTTPBinDown", "instance": "x"}},
		{"labels": {"alertname": "BenchdExperimentFailing", "instance": "x", "task": "uses it", "httpbin": "true"}},
		{"labels": {"alertname": "BenchdExperimentFailing", "instance": "x", "task": "does not", "httpbin": "false"}},
		{"labels": {"alertname": "BenchdExperimentFailing", "instance": "y", "task": "elsewhere", "httpbin": "true"}},
		{"labels": {"alertname": "BenchdHostChanged", "instance": "z"}},
		{"labels": {"alertname": "BenchdRegression", "instance": "z", "task": "slower", "figure": "time", "severity": "critical"}},
		{"labels": {"alertname": "BenchdRegression", "instance": "z", "task": "larger", "figure": "memory", "severity": "critical"}},
		{"labels": {"alertname": "BenchdDetectorBlind", "instance": "z", "task": "unseen"}},
		{"labels": {"alertname": "BenchdRegression", "instance": "y", "task": "slower elsewhere", "figure": "time", "severity": "critical"}}
	]`
	response, err := http.Post(s.at("alertmanager")+"/api/v2/alerts", "application/json", strings.NewReader(sent))
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	want := map[string]bool{"": false, "uses it": true, "does not": false, "elsewhere": false,
		"slower": true, "larger": false, "unseen": true, "slower elsewhere": false}
	// An alert is looked at again when its group is due.
	s.poll(t, time.Minute, func() error {
		var alerts []struct {
			Labels map[string]string
			Status struct{ InhibitedBy []string }
		}
		if err := s.get(s.at("alertmanager")+"/api/v2/alerts", &alerts); err != nil {
			return err
		}
		got := map[string]bool{}
		for _, a := range alerts {
			if slices.Contains([]string{"x", "y", "z"}, a.Labels["instance"]) {
				got[a.Labels["task"]] = len(a.Status.InhibitedBy) > 0
			}
		}
		if !maps.Equal(got, want) {
			return fmt.Errorf("inhibited are %v, want %v", got, want)
		}
		return nil
	})
}

// smallIsEnough goes on from a stopped benchd.
func (s *stack) smallIsEnough(t *testing.T) {
	s.env = append(s.env, "DAEMON_CPUS=1", "DAEMON_MEMORY=512m")
	s.compose("up", "--detach", "--wait", "--wait-timeout", "120", "benchd")
	s.poll(t, 4*time.Minute, func() error {
		n, err := s.value(`sum(benchd_runs_total{outcome="ok"}) and on () benchd_host_memory_limit_bytes == 512*1024*1024`)
		if err != nil || n < 20 {
			return fmt.Errorf("%v good runs (%w)", n, err)
		}
		return nil
	})
	bad, err := s.value(`sum(benchd_runs_total{outcome!="ok"})`)
	if err != nil || bad != 0 {
		t.Errorf("%v runs have failed (%v)", bad, err)
	}
}

// value is that of a query which yields one sample.
func (s *stack) value(query string) (float64, error) {
	var answer struct {
		Result []struct{ Value [2]any }
	}
	if err := s.prometheus("/api/v1/query", url.Values{"query": {query}}, &answer); err != nil {
		return 0, err
	}
	if len(answer.Result) != 1 {
		return 0, fmt.Errorf("%s yields %d samples", query, len(answer.Result))
	}
	text, _ := answer.Result[0].Value[1].(string)
	return strconv.ParseFloat(text, 64)
}

func (s *stack) prometheus(path string, query url.Values, data any) error {
	answer := struct {
		Status, Error string
		Data          any
	}{Data: data}
	if err := s.get(s.at("prometheus")+path+"?"+query.Encode(), &answer); err != nil {
		return err
	}
	if answer.Status != "success" {
		return fmt.Errorf("%s: %s", path, answer.Error)
	}
	return nil
}

func (s *stack) get(address string, into any) error {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	if s.user != "" {
		request.SetBasicAuth(s.user, networkPassword)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	return json.NewDecoder(response.Body).Decode(into)
}

// poll waits until ok returns nil.
func (s *stack) poll(t *testing.T, limit time.Duration, ok func() error) {
	t.Helper()
	deadline := time.Now().Add(limit)
	for {
		err := ok()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("after %v: %v", limit, err)
		}
		time.Sleep(time.Second)
	}
}
