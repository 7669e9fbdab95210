package httpbin

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The test binary plays the server's process too.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "httpbin" {
		os.Exit(Serve())
	}
	os.Exit(m.Run())
}

func start(t *testing.T) *Child {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c, err := Start(self, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestChild(t *testing.T) {
	c := start(t)
	before := c.Server()
	if !before.Up || before.PID == 0 || before.CPUSeconds == nil || *before.MemoryBytes < 1<<20 {
		t.Fatalf("server: %+v", before)
	}
	response, err := http.Get(before.URL + "/get?query=abc")
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(response.Body)
	response.Body.Close()
	if !strings.Contains(string(body), `"abc"`) {
		t.Errorf("the answer does not echo: %s", body)
	}
	if after := c.Server(); *after.CPUSeconds <= *before.CPUSeconds {
		t.Errorf("the answer cost no CPU time: %v, before %v", *after.CPUSeconds, *before.CPUSeconds)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if err := syscall.Kill(before.PID, 0); err == nil {
		t.Error("the process lives on")
	}
}

func TestChildIsStartedAgain(t *testing.T) {
	c := start(t)
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	before := c.Server()
	if err := syscall.Kill(before.PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	poll(t, "a new process", func() bool {
		now := c.Server()
		return now.Up && now.PID != before.PID && now.Restarts == 1
	})
	response, err := http.Get(c.Server().URL + "/get")
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
}

func TestStartFails(t *testing.T) {
	_, err := Start("/bin/false", slog.New(slog.DiscardHandler))
	want := "start the httpbin (or name one in BENCHD_HTTPBIN_URL): its process did not say its address: EOF"
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestExternal(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/status/200" {
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	e := Watch(server.URL)
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	if s := e.Server(); !s.Up || s.URL != server.URL || s.PID != 0 || s.CPUSeconds != nil {
		t.Errorf("server: %+v", s)
	}
	server.Close()
	e.probe(http.DefaultClient)
	if e.Server().Up {
		t.Error("a server that is gone is said to be up")
	}
}

func poll(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("waited in vain for: %s", what)
}
