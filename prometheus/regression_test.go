package prometheus_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// regressionArrives goes on from a stopped benchd: a workload that needs more
// memory from some run on becomes an alert, which names the change, and is over
// when that is accepted as the alert says.
func (s *stack) regressionArrives(t *testing.T) {
	const override = "services:\n  benchd:\n    volumes: [\"./daemon/testdata/switch:/switch:ro\"]\n"
	if err := os.WriteFile(filepath.Join(s.dir, "switch.yaml"), []byte(override), 0o600); err != nil {
		t.Fatal(err)
	}
	before := slices.Clone(s.env)
	s.env = append(s.env, "COMPOSE_FILE=compose.yaml:switch.yaml",
		"BENCHD_WORKLOADS_DIR=/switch", "BENCHD_TASKS=steps", "BENCHD_MODELS=victim", "BENCHD_INTERVAL=1s")
	defer func() { s.env = before }()
	// Runs that take no time cannot be made dirty by a busy machine.
	need := func(memory string) {
		s.docker("exec", s.container("benchd"), "sh", "-c", `echo '{"work": 0, "memory": `+memory+`}' > /var/lib/benchd/switch`)
	}
	s.compose("up", "--detach", "--wait", "--wait-timeout", "120", "benchd")
	need("1")
	const victim = `{task="steps",model="victim",figure="memory"}`
	s.poll(t, 3*time.Minute, func() error {
		if n, err := s.value("benchd_figure_runs" + victim); err != nil || n < 12 {
			return fmt.Errorf("%v runs to hold others against (%w)", n, err)
		}
		return nil
	})

	need("2")
	var summary string
	s.poll(t, 3*time.Minute, func() error {
		var alerts []struct{ Labels, Annotations map[string]string }
		if err := s.get(s.at("alertmanager")+"/api/v2/alerts?active=true&inhibited=false", &alerts); err != nil {
			return err
		}
		for _, a := range alerts {
			if a.Labels["alertname"] == "BenchdRegression" && a.Labels["task"] == "steps" && a.Labels["severity"] == "critical" {
				summary = a.Annotations["summary"]
				return nil
			}
		}
		return fmt.Errorf("the regression is not among %d alerts", len(alerts))
	})
	told := regexp.MustCompile(`^steps, victim 1 on python at benchd:9911: peak memory is up by [2-9]\d(\.\d+)?% \(95 %: \d+(\.\d+)?% to \d+(\.\d+)?%\) since 20\S+ \d\d:\d\d UTC\. If that is as it should be: benchd accept (\d+)$`).FindStringSubmatch(summary)
	if told == nil {
		t.Fatalf("the alert says %q", summary)
	}

	said := s.docker("exec", s.container("benchd"), "benchd", "accept", told[len(told)-1], "it needs that")
	if !strings.Contains(said, "peak memory of steps/python/victim/1: more by ") || !strings.Contains(said, "it needs that") {
		t.Errorf("benchd accept says %q", said)
	}
	// What the alert is made of ends with the next scrape; that the alert ends with it is in
	// the rule's test.
	s.poll(t, time.Minute, func() error {
		if n, err := s.value("count(benchd_open_change_ratio" + victim + ") or vector(0)"); err != nil || n != 0 {
			return fmt.Errorf("%v changes are open (%w)", n, err)
		}
		return nil
	})
	s.docker("stop", s.container("benchd"))
}
