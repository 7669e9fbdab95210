package grafana_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"benchd/grafana"
)

// scraped are instances that show the same, scraped differently. The first is
// as in the stack.
var scraped = []struct {
	instance string
	every    time.Duration
	by       []string
}{
	{"plain:9911", 10 * time.Second, []string{`job="benchd"`}},
	{"renamed:9911", time.Minute, []string{`job="measurements"`}},
	{"by two jobs:9911", time.Minute, []string{`job="benchd"`, `job="federate"`}},
	{"rarely, by two replicas:9911", 5 * time.Minute, []string{`job="x",replica="1"`, `job="x",replica="2"`}},
}

const shown = time.Hour

// TestDashboardsAtAnyScrape: what the dashboards show does not depend on how
// often, by which job and by how many a benchd is scraped, and their rules
// evaluate.
func TestDashboardsAtAnyScrape(t *testing.T) {
	for _, program := range []string{"promtool", "prometheus"} {
		if _, err := exec.LookPath(program); err != nil {
			if os.Getenv("CI") == "true" {
				t.Fatal(err)
			}
			t.Skipf("%s is not installed: it comes with Prometheus", program)
		}
	}
	address := startPrometheus(t)
	rulesEvaluate(t, address)
	faults, err := grafana.Check(t.Context(), address, shown)
	if err != nil {
		t.Fatal(err)
	}
	// The daemon's fixtures lack some figures; what is lacking of the first is lacking of all.
	of := map[string][]string{}
	instance := regexp.MustCompile(`instance="?:?([^"\]]*:9911)`)
	for _, fault := range faults {
		m := instance.FindStringSubmatch(fault)
		if m == nil || !strings.Contains(fault, "no data") {
			t.Errorf("fault: %s", fault)
			continue
		}
		of[m[1]] = append(of[m[1]], strings.ReplaceAll(regexp.MustCompile(`\[\d+s\]|\d+s`).ReplaceAllString(fault, ""), m[1], ""))
	}
	for _, s := range scraped[1:] {
		for _, fault := range of[s.instance] {
			if !slices.Contains(of[scraped[0].instance], fault) {
				t.Errorf("%s: %s", s.instance, fault)
			}
		}
	}
	t.Logf("%d queries have no data in the fixtures", len(of[scraped[0].instance]))
}

// startPrometheus starts one that has an hour of all that is scraped, and
// evaluates the rules of the repository.
func startPrometheus(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	history := filepath.Join(dir, "history")
	if err := os.WriteFile(history, []byte(exposedOverTime(t)), 0o600); err != nil {
		t.Fatal(err)
	}
	data := filepath.Join(dir, "data")
	if out, err := exec.Command("promtool", "tsdb", "create-blocks-from", "openmetrics", history, data).CombinedOutput(); err != nil {
		t.Fatalf("promtool: %v\n%.1000s", err, out)
	}
	rules, err := filepath.Abs("../prometheus/rules")
	if err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(dir, "prometheus.yml")
	if err := os.WriteFile(config, fmt.Appendf(nil, "global: {evaluation_interval: 1s}\nrule_files: [%q]\n", rules+"/*.yml"), 0o600); err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	listener.Close()
	var log strings.Builder
	prometheus := exec.Command("prometheus", "--config.file="+config, "--storage.tsdb.path="+data, "--web.listen-address="+address)
	prometheus.Stderr = &log
	if err := prometheus.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = prometheus.Process.Kill()
		_ = prometheus.Wait()
		if t.Failed() {
			t.Logf("Prometheus said:\n%.3000s", log.String())
		}
	})
	return "http://" + address
}

// exposedOverTime is the daemon's exposition as it was scraped until a moment
// ago: Prometheus takes nothing in that is older than what it has.
func exposedOverTime(t *testing.T) string {
	t.Helper()
	values := map[string]string{"up": "1", "scrape_duration_seconds": "0.01", "scrape_samples_scraped": "500",
		"process_start_time_seconds": "1767355000", "process_cpu_seconds_total": "1", "process_resident_memory_bytes": "1e7"}
	for _, exposition := range expositions {
		content, err := os.ReadFile(exposition)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(content)) {
			if m := sample.FindStringSubmatch(line); m != nil {
				values[strings.TrimSpace(m[0])] = strings.TrimSpace(strings.TrimPrefix(line, m[0]))
			}
		}
	}
	var history strings.Builder
	now := time.Now()
	for series, value := range values {
		name, labels, _ := strings.Cut(strings.TrimSuffix(series, "}"), "{")
		for _, s := range scraped {
			for i, by := range s.by {
				for at := now.Add(-shown - s.every*time.Duration(i)/2); at.Before(now.Add(-time.Second)); at = at.Add(s.every) {
					fmt.Fprintf(&history, "%s{instance=%q,%s", name, s.instance, by)
					if labels != "" {
						fmt.Fprint(&history, ",", labels)
					}
					fmt.Fprintf(&history, "} %s %d\n", value, at.Unix())
				}
			}
		}
	}
	return history.String() + "# EOF\n"
}

// rulesEvaluate waits until every rule has been evaluated twice, for some read
// others.
func rulesEvaluate(t *testing.T, address string) {
	t.Helper()
	var first time.Time
	for deadline := time.Now().Add(2 * time.Minute); ; time.Sleep(100 * time.Millisecond) {
		var answer struct {
			Data struct {
				Groups []struct {
					LastEvaluation time.Time
					Rules          []struct{ Name, Health, LastError string }
				}
			}
		}
		response, err := http.Get(address + "/api/v1/rules")
		if err == nil {
			var content []byte
			content, err = io.ReadAll(response.Body)
			response.Body.Close()
			_ = json.Unmarshal(content, &answer)
		}
		evaluated := len(answer.Data.Groups) > 0
		oldest := time.Now()
		for _, group := range answer.Data.Groups {
			if group.LastEvaluation.Before(oldest) {
				oldest = group.LastEvaluation
			}
			for _, rule := range group.Rules {
				evaluated = evaluated && rule.Health != "unknown"
				if rule.Health == "err" {
					t.Fatalf("rule %s: %s", rule.Name, rule.LastError)
				}
			}
		}
		switch {
		case !evaluated && time.Now().After(deadline):
			t.Fatalf("the rules were not evaluated: %v", err)
		case !evaluated:
		case first.IsZero():
			first = time.Now()
		case oldest.After(first):
			return
		}
	}
}
