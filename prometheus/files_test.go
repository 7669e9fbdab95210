package prometheus_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
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
	uid := regexp.MustCompile(`^\{\{ \$externalLabels\.grafana_url \}\}/d/([\w-]+)\?var-instance=`)
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
		if want := "{{ $externalLabels.runbook_url }}#" + strings.ToLower(a.Alert); a.Annotations["runbook_url"] != want || !sections[a.Alert] {
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
	if _, err := exec.LookPath("promtool"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip("promtool is not installed: it comes with Prometheus")
	}
	files, err := filepath.Glob("tests/*.yml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no tests (%v)", err)
	}
	if out, err := exec.Command("promtool", append([]string{"test", "rules"}, files...)...).CombinedOutput(); err != nil {
		t.Errorf("promtool test rules: %v\n%s", err, out)
	}
}

// Grafana asks for rates over at least four scrapes.
func TestIntervalsAgree(t *testing.T) {
	var config struct {
		Global struct {
			ScrapeInterval string `yaml:"scrape_interval"`
		}
	}
	parse(t, "prometheus.yml", &config)
	var provisioned struct {
		Datasources []struct {
			UID      string
			JSONData struct {
				TimeInterval string `yaml:"timeInterval"`
			} `yaml:"jsonData"`
		}
	}
	parse(t, "../grafana/provisioning/datasources/benchd.yaml", &provisioned)
	for _, d := range provisioned.Datasources {
		if d.UID == "prometheus" && d.JSONData.TimeInterval == config.Global.ScrapeInterval {
			return
		}
	}
	t.Errorf("no data source prometheus with timeInterval %s: %+v", config.Global.ScrapeInterval, provisioned)
}

// Whatever can be set can be set in .env, and is found there.
func TestEveryVariableReachesTheContainer(t *testing.T) {
	compose, example := read(t, "../compose.yaml"), read(t, "../.env.example")
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
