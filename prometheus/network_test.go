package prometheus_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// networkNeedsPasswords holds that BIND_ADDRESS alone starts nothing: Alertmanager,
// which has both files, stands for all. Ports stay this machine's here, too.
func (s *stack) networkNeedsPasswords(t *testing.T) {
	password, users := s.passwords(t)
	for _, set := range [][]string{
		nil,
		{"PASSWORD_FILE=" + password},
		{"WEB_CONFIG_FILE=" + users},
		{"PASSWORD_FILE=", "WEB_CONFIG_FILE="},
	} {
		command := exec.Command("docker", "compose", "-p", project, "up", "--detach", "alertmanager")
		command.Dir, command.Env = s.dir, append(append(s.env, "BIND_ADDRESS=127.0.0.1"), set...)
		out, err := command.CombinedOutput()
		if err == nil || !strings.Contains(string(out), "BIND_ADDRESS opens the stack to a network, set PASSWORD_FILE and WEB_CONFIG_FILE") {
			t.Errorf("with %v: %v, want it refused with what to set:\n%s", set, err, out)
		}
		if running := s.docker("ps", "--quiet", "--filter", "label=com.docker.compose.project="+project); running != "" {
			t.Errorf("with %v containers run: %s", set, running)
		}
	}
	s.compose("down")
}

// networkWithPasswords starts the stack anew with users, and holds that it asks
// for them, and that its parts still reach one another. It stays so.
func (s *stack) networkWithPasswords(t *testing.T) {
	password, users := s.passwords(t)
	s.env = append(s.env, "BIND_ADDRESS=127.0.0.1", "PASSWORD_FILE="+password, "WEB_CONFIG_FILE="+users)
	s.compose("up", "--detach", "--wait", "--wait-timeout", "120")
	for service, path := range map[string]string{"benchd": "/metrics", "prometheus": "/api/v1/query?query=up", "alertmanager": "/api/v2/alerts"} {
		for _, user := range []string{"", "benchd"} {
			request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.at(service)+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			want := http.StatusUnauthorized
			if user != "" {
				request.SetBasicAuth(user, networkPassword)
				want = http.StatusOK
			}
			response, err := http.DefaultClient.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			response.Body.Close()
			if response.StatusCode != want {
				t.Errorf("%s answers user %q with %s, want %d", service, user, response.Status, want)
			}
		}
	}
	s.user = "benchd"
	s.targetsAreUp(t)
	s.poll(t, time.Minute, func() error {
		var answer struct{ ActiveAlertmanagers []any }
		if err := s.prometheus("/api/v1/alertmanagers", nil, &answer); err != nil || len(answer.ActiveAlertmanagers) != 1 {
			return fmt.Errorf("Prometheus has %d Alertmanagers (%w)", len(answer.ActiveAlertmanagers), err)
		}
		errors, err := s.value("prometheus_notifications_errors_total")
		if err != nil || errors != 0 {
			return fmt.Errorf("%v alerts did not arrive (%w)", errors, err)
		}
		return nil
	})
}

// workloadsReachHTTPBinAlone asks from where workloads run. That there is no way
// to the internet shows in the networks: here there may be none anyway.
func (s *stack) workloadsReachHTTPBinAlone(t *testing.T) {
	const reach = `
import socket, sys
for name, port in (a.split(":") for a in sys.argv[1:]):
    try:
        socket.create_connection((name, int(port)), 3).close()
        print(name)
    except OSError:
        pass
`
	got := strings.Fields(s.docker("exec", s.container("benchd"), "python3", "-c", reach,
		"httpbin:8080", "benchd:9911", "prometheus:9090", "alertmanager:9093", "grafana:3000"))
	if want := []string{"httpbin", "benchd"}; !slices.Equal(got, want) {
		t.Errorf("reached are %v, want %v", got, want)
	}
	var found []struct {
		NetworkSettings struct{ Networks map[string]any }
	}
	if err := json.Unmarshal([]byte(s.docker("inspect", s.container("benchd"))), &found); err != nil {
		t.Fatal(err)
	}
	for name := range found[0].NetworkSettings.Networks {
		var networks []struct {
			Internal bool
			Options  map[string]string
		}
		if err := json.Unmarshal([]byte(s.docker("network", "inspect", name)), &networks); err != nil {
			t.Fatal(err)
		}
		if n := networks[0]; !n.Internal && n.Options["com.docker.network.bridge.enable_ip_masquerade"] != "false" {
			t.Errorf("%s has a way out: %+v", name, n)
		}
	}
}

const (
	networkPassword = `a "pass" word: ü$x`
	networkHash     = `$2a$04$6N93y6KZ/4F2SgXXeXp9ju/DjIM0udv9ANLd2GUQof9UQMpcWiWx2` // bcrypt
)

// passwords writes the two files that a network needs.
func (s *stack) passwords(t *testing.T) (password, users string) {
	t.Helper()
	password, users = filepath.Join(s.dir, "password"), filepath.Join(s.dir, "users.yml")
	for name, content := range map[string]string{password: networkPassword + "\n", users: "basic_auth_users: {benchd: " + networkHash + "}\n"} {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(name, 0o644); err != nil { // whatever the umask is
			t.Fatal(err)
		}
	}
	return password, users
}
