package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"benchd/daemon/bench"
)

// asBenchd is a variable that makes the test binary the benchd that users
// start. It does not bear benchd's prefix, for benchd would refuse it.
const asBenchd = "TEST_PLAYS_BENCHD"

// TestMain lets the test binary be benchd, so that what is tested is all of
// it, from arguments and environment to exit status, and the race detector
// sees it. What benchd starts itself again as, it knows by its arguments.
func TestMain(m *testing.M) {
	again := len(os.Args) > 1 && slices.Contains([]string{"supervise", "workload", "httpbin"}, os.Args[1])
	if !again && os.Getenv(asBenchd) == "" {
		os.Exit(m.Run())
	}
	if !again {
		// However the test ends, no daemon outlives it.
		go func() {
			_, _ = io.Copy(io.Discard, os.Stdin)
			os.Exit(3)
		}()
	}
	os.Exit(dispatch(os.Args[1:], os.Stdout, os.Stderr))
}

// command is benchd as a process of its own, with nothing of the user's
// settings: of quick size, and without looking for interpreters, which takes
// a second.
func command(tb testing.TB, program string, env []string, args ...string) *exec.Cmd {
	tb.Helper()
	cmd := exec.CommandContext(tb.Context(), program, args...)
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "BENCHD_") {
			cmd.Env = append(cmd.Env, variable)
		}
	}
	cmd.Env = append(cmd.Env, asBenchd+"=1", "BENCHD_SIZE=quick", "BENCHD_PYTHONS=/no/such/python", "BENCHD_LISTEN_ADDRESS=127.0.0.1:0")
	cmd.Env = append(cmd.Env, env...) // the last of a name counts
	stdin, err := cmd.StdinPipe()
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { stdin.Close() })
	return cmd
}

// self is this program, which is benchd.
func self(tb testing.TB) string {
	tb.Helper()
	path, err := os.Executable()
	if err != nil {
		tb.Fatal(err)
	}
	return path
}

// ended is a benchd that has ended.
type ended struct {
	code           int
	stdout, stderr string
}

// runCommand runs benchd to its end.
func runCommand(t *testing.T, env []string, args ...string) ended {
	t.Helper()
	cmd := command(t, self(t), env, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return ended{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

// daemon is a benchd that serves.
type daemon struct {
	cmd    *exec.Cmd
	data   string // BENCHD_DATA_DIR
	url    string
	log    *logged
	exited chan struct{} // closed at its end
}

// startDaemon returns once benchd serves.
func startDaemon(tb testing.TB, program, data string, env ...string) *daemon {
	tb.Helper()
	d := launch(tb, program, data, env...)
	listens := regexp.MustCompile(` listen=(\S+)`)
	d.eventually(tb, "listens", func() bool {
		found := listens.FindStringSubmatch(d.log.String())
		if found != nil {
			d.url = "http://" + found[1]
		}
		return found != nil
	})
	return d
}

// launch starts benchd and returns at once.
func launch(tb testing.TB, program, data string, env ...string) *daemon {
	tb.Helper()
	d := &daemon{data: data, log: &logged{}, exited: make(chan struct{})}
	d.cmd = command(tb, program, append([]string{"BENCHD_DATA_DIR=" + data}, env...))
	d.cmd.Stderr = d.log
	if err := d.cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	go func() {
		_ = d.cmd.Wait() // the exit status is in ProcessState
		close(d.exited)
	}()
	tb.Cleanup(func() {
		_ = d.cmd.Process.Kill()
		<-d.exited
	})
	return d
}

// patience is far beyond what anything takes on a busy machine.
const patience = 2 * time.Minute

// eventually polls until the daemon is as wanted.
func (d *daemon) eventually(tb testing.TB, what string, is func() bool) {
	tb.Helper()
	for deadline := time.Now().Add(patience); !is(); time.Sleep(10 * time.Millisecond) {
		select {
		case <-d.exited:
			tb.Fatalf("benchd has ended before it %s:\n%s", what, d.log)
		default:
		}
		if time.Now().After(deadline) {
			tb.Fatalf("waited in vain until benchd %s:\n%s", what, d.log)
		}
	}
}

// awaitCycles waits until so many cycles have ended.
func (d *daemon) awaitCycles(tb testing.TB, n int) {
	tb.Helper()
	d.eventually(tb, fmt.Sprintf("has ended %d cycles", n), func() bool {
		return d.metrics(tb)["benchd_cycles_total"] >= float64(n)
	})
}

// signal sends signals and returns the exit status, and how long the end took.
func (d *daemon) signal(tb testing.TB, signals ...os.Signal) (code int, took time.Duration) {
	tb.Helper()
	begun := time.Now()
	for _, s := range signals {
		if err := d.cmd.Process.Signal(s); err != nil {
			tb.Fatal(err)
		}
	}
	select {
	case <-d.exited:
	case <-time.After(patience):
		tb.Fatalf("benchd did not end at %v:\n%s", signals, d.log)
	}
	return d.cmd.ProcessState.ExitCode(), time.Since(begun)
}

// end ends the daemon as a service manager would, and wants it to succeed.
func (d *daemon) end(tb testing.TB) {
	tb.Helper()
	if code, _ := d.signal(tb, syscall.SIGTERM); code != 0 {
		tb.Errorf("exit status %d at SIGTERM, want 0:\n%s", code, d.log)
	}
}

// get asks the daemon.
func (d *daemon) get(tb testing.TB, path string) (status int, body string) {
	tb.Helper()
	request, err := http.NewRequestWithContext(tb.Context(), http.MethodGet, d.url+path, http.NoBody)
	if err != nil {
		tb.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		tb.Fatalf("%v\n%s", err, d.log)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		tb.Fatal(err)
	}
	return response.StatusCode, string(text)
}

// getJSON asks the API.
func (d *daemon) getJSON(tb testing.TB, path string, into any) {
	tb.Helper()
	status, body := d.get(tb, path)
	if status != http.StatusOK {
		tb.Fatalf("%s: status %d: %s", path, status, body)
	}
	if err := json.Unmarshal([]byte(body), into); err != nil {
		tb.Fatalf("%s: %v", path, err)
	}
}

// runs are recorded ones, newest first.
func (d *daemon) runs(tb testing.TB, query string) []bench.Run {
	tb.Helper()
	var page struct{ Runs []bench.Run }
	d.getJSON(tb, "/api/v1/runs?limit=1000&"+query, &page)
	return page.Runs
}

// metrics are all samples by name and labels, as the text format writes them.
type metrics map[string]float64

func (d *daemon) metrics(tb testing.TB) metrics {
	tb.Helper()
	status, body := d.get(tb, "/metrics")
	if status != http.StatusOK {
		tb.Fatalf("/metrics: status %d: %s", status, body)
	}
	samples := metrics{}
	for line := range strings.Lines(body) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		space := strings.LastIndexByte(line, ' ')
		value, err := strconv.ParseFloat(line[space+1:], 64)
		if err != nil {
			tb.Fatalf("/metrics: %q: %v", line, err)
		}
		samples[line[:space]] = value
	}
	return samples
}

// series is the name of an experiment's series; more are labels and values.
func series(name string, k bench.Key, more ...string) string {
	labels := []string{
		fmt.Sprintf("task=%q", k.Task), fmt.Sprintf("runtime=%q", k.Runtime),
		fmt.Sprintf("model=%q", k.Model), fmt.Sprintf("concurrency=\"%d\"", k.Concurrency),
	}
	for i := 0; i < len(more); i += 2 {
		labels = append(labels, fmt.Sprintf("%s=%q", more[i], more[i+1]))
	}
	slices.Sort(labels)
	return name + "{" + strings.Join(labels, ",") + "}"
}

// value is that of a series that must be there.
func (m metrics) value(tb testing.TB, series string) float64 {
	tb.Helper()
	v, ok := m[series]
	if !ok {
		tb.Errorf("no series %s", series)
	}
	return v
}

// matching are the names of the series that match.
func (m metrics) matching(pattern string) []string {
	re := regexp.MustCompile(pattern)
	var found []string
	for name := range m {
		if re.MatchString(name) {
			found = append(found, name)
		}
	}
	return found
}

// logged is what a process writes while others read it.
type logged struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// missing skips a test whose tool is missing, but fails it in CI.
func missing(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatal(what)
	}
	t.Skip(what)
}
