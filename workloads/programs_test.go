package workloads_test

import (
	"fmt"
	"maps"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/mccutchen/go-httpbin/v2/httpbin"

	"benchd/workloads"
)

// tiny replaces the parameters of a manifest: a run of some milliseconds, yet
// with every length of query, and with shares of different sizes.
var tiny = map[string]any{"urls": 17, "delay_seconds": 0.001, "spin_rounds": 10, "rate_per_second": 1000}

// TestPrograms runs every model of every task through the protocol, and holds
// its result against the input. The higher concurrencies are in the
// measurement, for they take their time.
func TestPrograms(t *testing.T) {
	server := httptest.NewServer(httpbin.New())
	t.Cleanup(server.Close)
	root := layOut(t)
	for task, m := range readManifests(t) {
		for _, r := range m.Runtimes {
			for _, model := range r.Models {
				concurrency := model.concurrencies()[0]
				t.Run(fmt.Sprintf("%s/%s/%s/%d", task, r.Name, model.Name, concurrency), func(t *testing.T) {
					t.Parallel()
					params := maps.Clone(r.Sizes["quick"].Params)
					for name := range params {
						params[name] = tiny[name]
					}
					j := job{
						command: command(t, root, task, r, model), env: environment(root, r),
						params: params, concurrency: concurrency, passes: 2,
					}
					if m.HTTPBin {
						j.httpbin = server.URL + "/"
					}
					ready, result := j.run(t)
					if model.Client != "" && !strings.HasPrefix(ready.Client, model.Client+" ") {
						t.Errorf("ready: client is %q, the manifest says %q", ready.Client, model.Client)
					}
					want := expect(t, task, params)
					got := size{Items: result.Items, Units: result.Units, Checksum: result.Checksum}
					if got.Items != 2*want.Items || got.Units != 2*want.Units || got.Checksum != 2*want.Checksum {
						t.Errorf("2 passes yield %+v, want twice %+v; errors: %v", got, want, result.Errors)
					}
					if task == "io-bound" || task == "fixed-rate" {
						checkTraffic(t, result)
					}
				})
			}
		}
	}
}

// TestWithoutDelay: a delay of 0 is a comparison of throughput.
func TestWithoutDelay(t *testing.T) {
	server := httptest.NewServer(httpbin.New())
	t.Cleanup(server.Close)
	root := layOut(t)
	m := readManifests(t)["io-bound"]
	for _, r := range m.Runtimes {
		t.Run(r.Name, func(t *testing.T) {
			j := job{
				command: command(t, root, "io-bound", r, r.Models[0]), env: environment(root, r),
				params: map[string]any{"urls": 9, "delay_seconds": 0}, concurrency: 1, passes: 1, httpbin: server.URL,
			}
			_, result := j.run(t)
			if result.Units != 9 {
				t.Errorf("%d of 9 requests succeeded; errors: %v", result.Units, result.Errors)
			}
		})
	}
}

// layOut writes the embedded folders to disk, as the daemon does.
func layOut(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	if err := os.CopyFS(root, workloads.FS); err != nil {
		t.Fatal(err)
	}
	return root
}

func environment(root string, r runtimeOf) []string {
	var env []string
	for name, value := range r.Env {
		env = append(env, name+"="+strings.ReplaceAll(value, "${WORKLOADS}", root))
	}
	return env
}

// command skips the test where the interpreter or a library is missing.
func command(t *testing.T, root, task string, r runtimeOf, m model) []string {
	t.Helper()
	if r.Interpreter == "builtin" {
		return []string{os.Args[0], "workload", m.Program}
	}
	return append([]string{findPython(t, m.Imports), filepath.Join(root, task, m.Program)}, m.Args...)
}

var pythons = sync.OnceValue(func() []string {
	candidates := strings.FieldsFunc(os.Getenv("BENCHD_PYTHONS"), func(r rune) bool { return r == ',' || r == ' ' })
	if len(candidates) > 0 {
		return candidates
	}
	for _, dir := range filepath.SplitList(os.Getenv("PATH")) {
		candidates = append(candidates, filepath.Join(dir, "python3"))
	}
	return candidates
})

var canImport sync.Map // "interpreter module,module" -> bool

// findPython returns an interpreter that can import the modules.
func findPython(t *testing.T, modules []string) string {
	t.Helper()
	for _, python := range pythons() {
		imports := strings.Join(append([]string{"sys"}, modules...), ",")
		key := python + " " + imports
		ok, known := canImport.Load(key)
		if !known {
			ok = exec.Command(python, "-c", "import "+imports+"; assert sys.version_info >= (3, 9)").Run() == nil
			canImport.Store(key, ok)
		}
		if ok.(bool) {
			return python
		}
	}
	reason := fmt.Sprintf("no python3 on PATH, from 3.9, can import %v: install python3 and its modules, or set BENCHD_PYTHONS", modules)
	if os.Getenv("CI") == "true" {
		t.Fatal(reason)
	}
	t.Skip(reason)
	return ""
}
