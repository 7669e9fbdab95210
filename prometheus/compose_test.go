package prometheus_test

import (
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// TestComposeForANetwork holds what shows in compose.yaml alone: Docker's proxies,
// and Grafana, whose image cannot be had everywhere.
func TestComposeForANetwork(t *testing.T) {
	t.Parallel()
	type service struct {
		Environment map[string]string
		Command     any
		Healthcheck struct {
			Test    []string
			Retries int
		}
		Volumes []any
	}
	var file struct{ Services map[string]service }
	parse(t, "../compose.yaml", &file)

	for _, name := range []string{"benchd", "httpbin", "prometheus"} {
		if env := file.Services[name].Environment; env["NO_PROXY"] != "*" || env["no_proxy"] != "*" {
			t.Errorf("%s does not pass a proxy by: %v", name, env)
		}
	}
	grafana := file.Services["grafana"]
	for _, name := range []string{"prometheus", "alertmanager"} {
		if !strings.Contains(grafana.Environment["NO_PROXY"], name) {
			t.Errorf("grafana asks %s through a proxy", name)
		}
	}
	if got, want := grafana.Environment["GF_AUTH_ANONYMOUS_ENABLED"], "${GRAFANA_ANONYMOUS:-${BIND_ADDRESS:+false}}"; got != want {
		t.Errorf("anonymous viewers: %q, want %q", got, want)
	}
	if text, _ := yaml.Marshal(grafana); strings.Contains(string(text), "ADMIN_PASSWORD:") {
		t.Errorf("Grafana's password is a variable, which docker inspect shows, in place of a file:\n%s", text)
	}
	if tz := file.Services["benchd"].Environment["TZ"]; tz != "${TZ:-}" {
		t.Errorf("TZ is %q", tz)
	}
	for name, s := range file.Services {
		switch test := s.Healthcheck.Test; {
		case test == nil: // the image's
		case s.Healthcheck.Retries < 24:
			t.Errorf("%s is unhealthy after %d checks", name, s.Healthcheck.Retries)
		case test[1] == "wget" && test[2] != "-Y":
			t.Errorf("%s is checked through a proxy: %q", name, test)
		}
	}
	if script := read(t, "ready.sh"); !strings.Contains(script, "wget -Y off") {
		t.Errorf("ready.sh asks through a proxy:\n%s", script)
	}
}
