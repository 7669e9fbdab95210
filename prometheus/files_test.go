package prometheus_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"benchd/grafana"
)

func read(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// parse reads YAML into a structure that may leave out what it does not need.
func parse(t *testing.T, path string, into any) {
	t.Helper()
	if err := yaml.Unmarshal([]byte(read(t, path)), into); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

type rule struct {
	Alert       string
	Expr        string
	Labels      map[string]string
	Annotations map[string]string
}

func alerts(t *testing.T) []rule {
	t.Helper()
	files, err := filepath.Glob("rules/*.yml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no rules (%v)", err)
	}
	var found []rule
	for _, path := range files {
		var file struct {
			Groups []struct{ Rules []rule }
		}
		parse(t, path, &file)
		for _, group := range file.Groups {
			for _, r := range group.Rules {
				if r.Alert != "" {
					found = append(found, r)
				}
			}
		}
	}
	if len(found) < 10 {
		t.Errorf("only %d alerts", len(found))
	}
	return found
}

func TestAlertsLeadSomewhere(t *testing.T) {
	uids := map[string]bool{}
	for _, d := range grafana.Dashboards() {
		uids[d.UID] = true
	}
	sections := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^### (\w+)$`).FindAllStringSubmatch(read(t, "RUNBOOK.md"), -1) {
		sections[m[1]] = true
	}
	uid := regexp.MustCompile(`^http://localhost:3000/d/([\w-]+)\?var-instance=`)
	panels := map[string]int{} // of the runbook
	for _, d := range grafana.Dashboards() {
		if d.UID == "benchd-runbook" {
			for _, p := range d.Panels {
				panels[p.Title] = p.ID
			}
		}
	}
	for _, a := range alerts(t) {
		switch severity := a.Labels["severity"]; severity {
		case "critical", "warning", "info":
		default:
			t.Errorf("%s: severity %q", a.Alert, severity)
		}
		if !strings.Contains(a.Annotations["summary"], "{{ ") {
			t.Errorf("%s: summary %q names neither instance nor figure", a.Alert, a.Annotations["summary"])
		}
		if m := uid.FindStringSubmatch(a.Annotations["dashboard_url"]); m == nil || !uids[m[1]] {
			t.Errorf("%s: dashboard_url %q leads to no dashboard", a.Alert, a.Annotations["dashboard_url"])
		}
		if !strings.Contains(a.Annotations["summary"], "$labels.instance }}") {
			t.Errorf("%s: summary %q does not name the instance", a.Alert, a.Annotations["summary"])
		}
		if want := fmt.Sprintf("http://localhost:3000/d/benchd-runbook?viewPanel=%d", panels[a.Alert]); a.Annotations["runbook_url"] != want || !sections[a.Alert] {
			t.Errorf("%s: runbook_url is %q, want %q, with a section in RUNBOOK.md", a.Alert, a.Annotations["runbook_url"], want)
		}
	}
}

// Every alert is held silent, and firing, by a test of promtool.
func TestAlertsAreTestedOnBothSides(t *testing.T) {
	files, err := filepath.Glob("tests/*.yml")
	if err != nil {
		t.Fatal(err)
	}
	silent, firing := map[string]bool{}, map[string]bool{}
	for _, path := range files {
		var file struct {
			Tests []struct {
				AlertRuleTest []struct {
					Alertname string
					ExpAlerts []any `yaml:"exp_alerts"`
				} `yaml:"alert_rule_test"`
			}
		}
		parse(t, path, &file)
		for _, test := range file.Tests {
			for _, a := range test.AlertRuleTest {
				if len(a.ExpAlerts) > 0 {
					firing[a.Alertname] = true
				} else {
					silent[a.Alertname] = true
				}
			}
		}
	}
	for _, a := range alerts(t) {
		if !silent[a.Alert] || !firing[a.Alert] {
			t.Errorf("%s: tested silent: %v, firing: %v", a.Alert, silent[a.Alert], firing[a.Alert])
		}
	}
}

func TestRules(t *testing.T) {
	promtool(t)
	files, err := filepath.Glob("tests/*.yml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no tests (%v)", err)
	}
	if out, err := exec.Command("promtool", append([]string{"test", "rules"}, files...)...).CombinedOutput(); err != nil {
		t.Errorf("promtool test rules: %v\n%s", err, out)
	}
}

// What is a label of all series goes wherever they are written to.
func TestNothingIsLabelledWithAnAddress(t *testing.T) {
	var config struct {
		Global struct {
			ExternalLabels map[string]string `yaml:"external_labels"`
		}
	}
	parse(t, "prometheus.yml", &config)
	if len(config.Global.ExternalLabels) > 0 {
		t.Errorf("external_labels are %v", config.Global.ExternalLabels)
	}
}

// TestLinksHaveGrafanasAddress runs what compose.yaml starts in place of
// Prometheus, and holds that the rules which it leaves lead to GRAFANA_URL.
func TestLinksHaveGrafanasAddress(t *testing.T) {
	var compose struct {
		Services struct {
			Prometheus struct{ Entrypoint, Command []string }
		}
	}
	parse(t, "../compose.yaml", &compose)
	p := compose.Services.Prometheus
	dir := t.TempDir()
	for _, name := range []string{"etc/rules", "bin"} {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	stale := filepath.Join(dir, "etc", "rules", "stale.yml")
	if err := os.WriteFile(stale, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "bin", "prometheus"), []byte("#!/bin/sh\nprintf '%s\\n' \"$@\"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	source, err := filepath.Abs(".")
	if err != nil {
		t.Fatal(err)
	}
	script := strings.NewReplacer("/etc/prometheus", source, "/prometheus/etc", dir+"/etc", "$$", "$").Replace(p.Entrypoint[2])
	command := exec.Command(p.Entrypoint[0], slices.Concat([]string{p.Entrypoint[1], script}, p.Entrypoint[3:], p.Command)...)
	command.Env = []string{"PATH=" + filepath.Join(dir, "bin") + ":" + os.Getenv("PATH"), "GRAFANA_URL=https://grafana.example.com/team/"}
	out, err := command.CombinedOutput()
	if got := strings.Split(strings.TrimSpace(string(out)), "\n"); err != nil || !slices.Equal(got, p.Command) {
		t.Errorf("Prometheus is started with %q, want %q (%v)", got, p.Command, err)
	}
	rules := read(t, filepath.Join(dir, "etc", "rules", "alerts.yml"))
	if n := strings.Count(rules, "https://grafana.example.com/team/d/benchd-"); n < 20 || strings.Contains(rules, "localhost:3000") {
		t.Errorf("%d links lead to Grafana:\n%s", n, rules)
	}
	read(t, filepath.Join(dir, "etc", "rules", "dashboards.yml"))
	read(t, filepath.Join(dir, "etc", "prometheus.yml"))
	if _, err := os.Stat(stale); !os.IsNotExist(err) {
		t.Errorf("a rule that is gone is still there: %v", err)
	}
}

// Whatever can be set can be set in .env, and is found there.
func TestEveryVariableReachesTheContainer(t *testing.T) {
	compose, example := strings.ReplaceAll(read(t, "../compose.yaml"), "$$", ""), read(t, "../.env.example") // $$ is for a shell
	names := regexp.MustCompile("(?m)^\\| `(BENCHD_\\w+)`").FindAllStringSubmatch(read(t, "../README.md"), -1)
	if len(names) < 20 {
		t.Fatalf("README.md has %d variables", len(names))
	}
	for _, m := range names {
		if !strings.Contains(compose, "      "+m[1]+": ${"+m[1]+":-") {
			t.Errorf("compose.yaml does not pass %s on", m[1])
		}
	}
	known := map[string]bool{}
	for _, m := range names {
		known[m[1]] = true
	}
	// One .env serves compose and the binary, which refuses what it does not know.
	for _, m := range regexp.MustCompile(`(?m)^#(BENCHD_\w+)=`).FindAllStringSubmatch(example, -1) {
		if !known[m[1]] {
			t.Errorf(".env.example has %s, which is no variable of benchd: give compose's own another prefix", m[1])
		}
	}
	for _, m := range regexp.MustCompile(`\$\{(\w+)`).FindAllStringSubmatch(compose, -1) {
		if m[1] != "VARIABLE" && !regexp.MustCompile(`(?m)^#`+m[1]+`=`).MatchString(example) {
			t.Errorf(".env.example does not have %s", m[1])
		}
	}
}
