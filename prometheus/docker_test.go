package prometheus_test

import (
	"context"
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

const project = "benchd-stack-test"

// stack is the project of compose.yaml, with a name, ports and a folder of
// its own, so that it meets no stack that is in use.
type stack struct {
	t        *testing.T
	dir      string   // a copy of what a clone has
	services []string // all but those whose image cannot be had
	env      []string
	ports    map[string]int
	user     string // who asks, "" where anybody may
}

// newStack prepares a stack that is taken down at the end. Without Docker, or
// an image, the test is skipped on a user's machine; CI has them.
func newStack(t *testing.T) *stack {
	t.Helper()
	missing := t.Skipf
	if os.Getenv("CI") == "true" {
		missing = t.Fatalf
	} else if testing.Short() {
		t.Skip("starting the stack takes minutes")
	}
	for _, args := range [][]string{{"info"}, {"compose", "version"}} {
		if out, err := exec.Command("docker", args...).CombinedOutput(); err != nil {
			missing("docker %s: %v: install Docker with Compose v2 to test the stack: %.200s", strings.Join(args, " "), err, out)
		}
	}
	s := &stack{t: t, dir: clone(t), ports: map[string]int{}}
	s.env = append(os.Environ(), "COMPOSE_BAKE=false", "IMAGE_VERSION=stack-test", "BENCHD_SIZE=quick", "BENCHD_INTERVAL=10m")
	for service, variable := range map[string]string{
		"benchd": "DAEMON_PORT", "prometheus": "PROMETHEUS_PORT", "alertmanager": "ALERTMANAGER_PORT", "grafana": "GRAFANA_PORT",
	} {
		s.ports[service] = freePort(t)
		s.env = append(s.env, variable+"="+strconv.Itoa(s.ports[service]))
	}
	for service, image := range s.images() {
		switch {
		case strings.HasPrefix(image, "benchd:"), s.have(image): // benchd's own is built
			s.services = append(s.services, service)
		case service == "grafana":
			t.Logf("without Grafana: its image %s is not here and cannot be pulled", image)
		default:
			missing("the image %s of %s is not here and cannot be pulled", image, service)
		}
	}
	slices.Sort(s.services)
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(s.run("docker", "compose", "-p", project, "logs", "--tail", "30", "--no-color"))
		}
		s.run("docker", "compose", "-p", project, "down", "--volumes", "--remove-orphans", "--timeout", "20")
		s.run("docker", "image", "rm", "--force", "benchd:stack-test")
	})
	return s
}

// clone copies what a clone would have if everything were committed, so that
// the test sees what is being worked on, but nothing that git ignores.
func clone(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	list := exec.Command("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	list.Dir = ".."
	out, err := list.Output()
	if err != nil {
		t.Fatalf("git ls-files: %v", err)
	}
	for name := range strings.SplitSeq(strings.TrimRight(string(out), "\x00"), "\x00") {
		content, err := os.ReadFile(filepath.Join("..", name))
		if os.IsNotExist(err) {
			continue // deleted, but not yet committed
		}
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func freePort(t *testing.T) int {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port
}

// compose runs a command on all services, unless one is named at its end.
func (s *stack) compose(args ...string) {
	s.t.Helper()
	last := args[len(args)-1]
	if args[0] == "up" && !slices.Contains(s.services, last) {
		args = append(args, s.services...)
	}
	s.run("docker", append([]string{"compose", "-p", project}, args...)...)
}

func (s *stack) docker(args ...string) string {
	s.t.Helper()
	return s.run("docker", args...)
}

func (s *stack) run(name string, args ...string) string {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 8*time.Minute) // a first build
	defer cancel()
	command := exec.CommandContext(ctx, name, args...)
	command.Dir, command.Env = s.dir, s.env
	var errors strings.Builder
	command.Stderr = &errors
	out, err := command.Output()
	if err != nil {
		s.t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, errors.String())
	}
	return string(out)
}

func (s *stack) container(service string) string { return project + "-" + service + "-1" }

// at is the URL of a service as this machine reaches it.
func (s *stack) at(service string) string {
	return "http://127.0.0.1:" + strconv.Itoa(s.ports[service])
}

// images are those of all services.
func (s *stack) images() map[string]string {
	s.t.Helper()
	var config struct {
		Services map[string]struct{ Image string }
	}
	if err := json.Unmarshal([]byte(s.run("docker", "compose", "config", "--format", "json")), &config); err != nil {
		s.t.Fatal(err)
	}
	images := make(map[string]string)
	for service, c := range config.Services {
		images[service] = c.Image
	}
	return images
}

// have pulls an image unless it is there.
func (s *stack) have(image string) bool {
	if exec.Command("docker", "image", "inspect", image).Run() == nil {
		return true
	}
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	return exec.CommandContext(ctx, "docker", "pull", "--quiet", image).Run() == nil
}
