package httpbin

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

type lockedBuffer struct {
	mu sync.Mutex
	bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.String()
}

// answering is an external server with that handler, and what was logged of it.
func answering(t *testing.T, handler http.HandlerFunc) (*External, *lockedBuffer) {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	var logged lockedBuffer
	e := Watch(server.URL, slog.New(slog.NewTextHandler(&logged, nil)))
	t.Cleanup(func() { closing(t, e) })
	return e, &logged
}

const started = `"started":"2026-11-27T12:00:00Z"`

// TestUsageOfOthers wants no figure that cannot be, and the server to be up
// where it answers all the same.
func TestUsageOfOthers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, body, reason string }{
		{"another server's page", "<html><body>Welcome</body></html>", "it is not the JSON that benchd httpbin writes"},
		{"nothing", "", "it is not the JSON that benchd httpbin writes"},
		{"null", "null", "cpu_seconds, memory_bytes or started is missing"},
		{"other JSON", `{"status":"ok"}`, "cpu_seconds, memory_bytes or started is missing"},
		{"a key twice", `{"cpu_seconds":1,"cpu_seconds":2,"memory_bytes":1000,` + started + `}`, "it is not the JSON that benchd httpbin writes"},
		{"keys in another case", `{"CPU_SECONDS":1,"memory_bytes":1000,` + started + `}`, "cpu_seconds, memory_bytes or started is missing"},
		{"two values", `{"cpu_seconds":1,"memory_bytes":1000,` + started + `} {}`, "it is not the JSON that benchd httpbin writes"},
		{"no start", `{"cpu_seconds":1,"memory_bytes":1000}`, "cpu_seconds, memory_bytes or started is missing"},
		{"less CPU time than none", `{"cpu_seconds":-1e308,"memory_bytes":1000,` + started + `}`, "cpu_seconds is -1e+308"},
		{"CPU time of ages", `{"cpu_seconds":1e308,"memory_bytes":1000,` + started + `}`, "cpu_seconds is 1e+308"},
		{"beyond float64", `{"cpu_seconds":1e999,"memory_bytes":1000,` + started + `}`, "it is not the JSON that benchd httpbin writes"},
		{"less memory than none", `{"cpu_seconds":1,"memory_bytes":-1,` + started + `}`, "memory_bytes is -1"},
		{"no memory", `{"cpu_seconds":1,"memory_bytes":0,` + started + `}`, "memory_bytes is 0"},
		{"more memory than there is", `{"cpu_seconds":1,"memory_bytes":1e300,` + started + `}`, "memory_bytes is 1e+300"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			e, logged := answering(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, c.body) })
			for range 2 {
				if s := e.Server(); !s.Up || s.CPUSeconds != nil || s.MemoryBytes != nil || s.Restarts != 0 {
					t.Errorf("server: %+v", s)
				}
				e.probe(t.Context())
			}
			if text := logged.String(); strings.Count(text, "\n") != 1 || !strings.Contains(text, c.reason) {
				t.Errorf("logged %q, want one line with %q", text, c.reason)
			}
		})
	}
}

// TestUsageFitsTheOneBefore wants CPU time to grow, and no faster than cores can make it.
func TestUsageFitsTheOneBefore(t *testing.T) {
	t.Parallel()
	var cpu atomic.Value
	cpu.Store("5")
	e, _ := answering(t, func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `{"cpu_seconds":%s,"memory_bytes":1000,%s}`, cpu.Load(), started)
	})
	for _, c := range []struct {
		cpu      string
		known    bool
		restarts int
	}{{"5", true, 0}, {"6", true, 0}, {"1e9", false, 0}, {"6.5", true, 0}, {"6", true, 1}, {"-1", false, 1}} {
		cpu.Store(c.cpu)
		e.probe(t.Context())
		if s := e.Server(); (s.CPUSeconds != nil) != c.known || s.Restarts != c.restarts || !s.Up {
			t.Errorf("after %s: %+v, want it known %v and %d restarts", c.cpu, s, c.known, c.restarts)
		}
	}
}

// TestExternalThatDoesNotAnswer wants such a server to be down, and each probe to end.
func TestExternalThatDoesNotAnswer(t *testing.T) {
	t.Parallel()
	hijack := func(end func(io.Closer, io.Writer)) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			conn, _, err := w.(http.Hijacker).Hijack()
			if err != nil {
				return
			}
			end(conn, conn)
		}
	}
	wait := func(r *http.Request) { <-r.Context().Done() }
	for name, handler := range map[string]http.HandlerFunc{
		"hangs":                func(_ http.ResponseWriter, r *http.Request) { wait(r) },
		"500":                  func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) },
		"401":                  func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) },
		"redirects to itself":  func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/-/usage", http.StatusFound) },
		"closes":               hijack(func(c io.Closer, _ io.Writer) { _ = c.Close() }),
		"closes in mid-header": hijack(func(c io.Closer, w io.Writer) { fmt.Fprint(w, "HTTP/1.1 200 OK\r\nConte"); _ = c.Close() }),
		"closes in mid-body": hijack(func(c io.Closer, w io.Writer) {
			fmt.Fprint(w, "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{")
			_ = c.Close()
		}),
		"speaks another protocol":  hijack(func(c io.Closer, w io.Writer) { fmt.Fprint(w, "220 mail ESMTP\r\n"); _ = c.Close() }),
		"headers without an end":   hijack(func(c io.Closer, w io.Writer) { endless(w, "HTTP/1.1 200 OK\r\n", "X-A: b\r\n"); _ = c.Close() }),
		"headers and then nothing": func(w http.ResponseWriter, r *http.Request) { w.(http.Flusher).Flush(); wait(r) },
		"a byte now and then": func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				fmt.Fprint(w, " ")
				w.(http.Flusher).Flush()
				select {
				case <-r.Context().Done():
				case <-time.After(100 * time.Millisecond):
				}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e, logged := answering(t, handler)
			if s := e.Server(); s.Up || s.CPUSeconds != nil {
				t.Errorf("server: %+v", s)
			}
			if !strings.Contains(logged.String(), "BENCHD_HTTPBIN_URL") {
				t.Errorf("logged %q", logged.String())
			}
		})
	}
}

// endless writes until nobody reads.
func endless(w io.Writer, begin, again string) {
	_, err := io.WriteString(w, begin)
	for text := strings.Repeat(again, 1000); err == nil; {
		_, err = io.WriteString(w, text)
	}
}

// TestUsageOfGigabytes is read as far as a usage goes.
func TestUsageOfGigabytes(t *testing.T) {
	t.Parallel()
	e, logged := answering(t, func(w http.ResponseWriter, _ *http.Request) { endless(w, "", " ") })
	if s := e.Server(); !s.Up || s.CPUSeconds != nil || !strings.Contains(logged.String(), "it has more than 1024 bytes") {
		t.Errorf("server: %+v, logged %q", s, logged.String())
	}
}

// TestRedirectLeadsNowhere wants no other server's figures to be taken for the server's.
func TestRedirectLeadsNowhere(t *testing.T) {
	t.Parallel()
	c := start(t)
	defer closing(t, c)
	e, _ := answering(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, c.Server().URL+r.URL.Path, http.StatusFound)
	})
	if s := e.Server(); s.Up || s.CPUSeconds != nil {
		t.Errorf("server: %+v", s)
	}
}

// TestNoProxy has a proxy in the environment that answers for every server: health and
// figures would be its own, while the workloads do not go through it.
func TestNoProxy(t *testing.T) {
	t.Parallel()
	proxy := httptest.NewServer(http.NotFoundHandler())
	defer proxy.Close()
	watch := exec.Command(ownPath(t), "watch", "http://httpbin.invalid")
	watch.Env = os.Environ()
	for _, name := range []string{"HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"} {
		watch.Env = append(watch.Env, name+"="+proxy.URL)
	}
	out, err := watch.Output()
	if err != nil || string(out) != "false\n" {
		t.Errorf("a server that is not there is up: %q, %v", out, err)
	}
}
