package workloads_test

import (
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/mccutchen/go-httpbin/v2/httpbin"
)

// TestFailedRequests: every IO model of every language sorts failures into the
// same kinds, and goes on after them.
func TestFailedRequests(t *testing.T) {
	good := httpbin.New()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Query().Get("id") {
		case "1":
			http.Error(w, "busy", http.StatusServiceUnavailable)
		case "2":
			_, _ = w.Write([]byte("the body of another request"))
		case "3": // breaks off in the body
			w.Header().Set("Content-Length", "1000")
			_, _ = w.Write([]byte("the first part"))
			panic(http.ErrAbortHandler)
		case "4":
			w.Header().Set("Connection", "close")
			good.ServeHTTP(w, r)
		default:
			good.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(server.Close)
	nobody, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = nobody.Close() // its address now refuses connections

	root := layOut(t)
	for _, r := range readManifests(t)["io-bound"].Runtimes {
		for _, model := range r.Models {
			t.Run(r.Name+"/"+model.Name, func(t *testing.T) {
				t.Parallel()
				j := job{
					command: command(t, root, "io-bound", r, model), env: environment(root, r),
					params: map[string]any{"urls": 10, "delay_seconds": 0}, concurrency: 2, passes: 1, httpbin: server.URL,
				}
				_, got := j.run(t)
				want := map[string]uint64{"status_503": 1, "wrong_body": 1, "connection": 1}
				if diff := cmp.Diff(want, got.Errors); diff != "" || got.Items != 10 || got.Units != 7 {
					t.Errorf("%d items, %d units, errors: %s", got.Items, got.Units, diff)
				}
				j.httpbin = "http://" + nobody.Addr().String()
				_, got = j.run(t)
				if got.Items != 10 || got.Units != 0 || got.Errors["connection"] != 10 {
					t.Errorf("nobody listens: %d items, %d units, errors: %v", got.Items, got.Units, got.Errors)
				}
			})
		}
	}
}

// TestGivenUp: every program ends when the gates are closed instead of opened,
// whatever threads and processes it has started by then.
func TestGivenUp(t *testing.T) {
	root := layOut(t)
	for task, m := range readManifests(t) {
		for _, r := range m.Runtimes {
			for _, model := range r.Models {
				t.Run(task+"/"+r.Name+"/"+model.Name, func(t *testing.T) {
					t.Parallel()
					argv := command(t, root, task, r, model)
					cmd := exec.CommandContext(t.Context(), argv[0], argv[1:]...)
					j := job{concurrency: 4, passes: 1, params: r.Sizes["quick"].Params, httpbin: "http://127.0.0.1:1", env: environment(root, r)}
					cmd.Dir = t.TempDir()
					cmd.Env = j.environ(cmd.Dir)
					null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
					if err != nil {
						t.Fatal(err)
					}
					defer null.Close()
					cmd.ExtraFiles = []*os.File{null}
					var output strings.Builder
					cmd.Stderr = &output
					cmd.WaitDelay = 10 * time.Second
					if err := cmd.Run(); err == nil || !strings.Contains(output.String(), "benchd has given up on this run") {
						t.Errorf("ended with %v: %s", err, output.String())
					}
				})
			}
		}
	}
}
