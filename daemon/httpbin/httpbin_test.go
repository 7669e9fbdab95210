package httpbin

import (
	"encoding/json"
	"fmt"
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

// The test binary plays the server's process too, and daemons that have one.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case "httpbin":
			os.Exit(Serve(""))
		case "daemon":
			playDaemon()
		case "watch":
			fmt.Println(Watch(os.Args[2], slog.New(slog.DiscardHandler)).Server().Up)
			os.Exit(0)
		}
	}
	os.Exit(m.Run())
}

func start(t *testing.T) *Child {
	t.Helper()
	c, err := Start(ownPath(t), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestChild(t *testing.T) {
	c := start(t)
	before := c.Server()
	if !before.Up || !before.SameHost || before.CPUSeconds == nil || *before.MemoryBytes < 1<<20 {
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
	pid := pidOf(c)
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if err := syscall.Kill(pid, 0); err == nil {
		t.Error("the process lives on")
	}
}

func TestChildIsStartedAgain(t *testing.T) {
	c := start(t)
	t.Cleanup(func() { closing(t, c) })
	before := c.Server()
	if err := syscall.Kill(pidOf(c), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	poll(t, "a new process", func() bool {
		now := c.Server()
		return now.Up && now.URL != before.URL && now.Restarts == 1
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

func closing(t *testing.T, c io.Closer) {
	t.Helper()
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}

// pidOf is the process of a server that is up.
func pidOf(c *Child) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.process.Pid
}

// TestExternal looks at an httpbin of somebody else's, which knows no usage.
func TestExternal(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	e := Watch(server.URL, slog.New(slog.DiscardHandler))
	defer closing(t, e)
	if s := e.Now(); !s.Up || s.URL != server.URL || s.SameHost || s.CPUSeconds != nil || s.MemoryBytes != nil {
		t.Errorf("server: %+v", s)
	}
	server.Close()
	e.probe(t.Context())
	if e.Server().Up {
		t.Error("a server that is gone is said to be up")
	}
}

// TestExternalTellsItsUsage looks at benchd's own, as it is run beside the
// daemon in a container.
func TestExternalTellsItsUsage(t *testing.T) {
	c := start(t)
	defer closing(t, c)
	e := Watch(c.Server().URL, slog.New(slog.DiscardHandler))
	defer closing(t, e)
	asked, seen := e.Now(), c.Server()
	if !asked.Up || !asked.SameHost || asked.CPUSeconds == nil || asked.MemoryBytes == nil {
		t.Fatalf("server: %+v", asked)
	}
	// The same process, asked from within and seen from outside a moment later.
	if cpu := *seen.CPUSeconds - *asked.CPUSeconds; cpu < 0 || cpu > 0.1 {
		t.Errorf("CPU time is %v from within, %v from outside", *asked.CPUSeconds, *seen.CPUSeconds)
	}
	if ratio := *seen.MemoryBytes / *asked.MemoryBytes; ratio < 0.5 || ratio > 2 {
		t.Errorf("memory is %v from within, %v from outside", *asked.MemoryBytes, *seen.MemoryBytes)
	}
	response, err := http.Get(asked.URL + "/status/200")
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if now := e.Now(); *now.CPUSeconds <= *asked.CPUSeconds {
		t.Errorf("CPU time stays %v", *asked.CPUSeconds)
	}
}

// TestExternalIsStartedAnew tells a new process from one that used less.
func TestExternalIsStartedAnew(t *testing.T) {
	started := time.Unix(1, 0)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(usage{CPUSeconds: new(5.0), MemoryBytes: new(1.0), Started: started, Host: "another"})
	}))
	defer server.Close()
	e := Watch(server.URL, slog.New(slog.DiscardHandler))
	defer closing(t, e)
	if s := e.Now(); s.Restarts != 0 || s.SameHost || *s.CPUSeconds != 5 {
		t.Errorf("server: %+v", s)
	}
	started = time.Unix(2, 0)
	if s := e.Now(); s.Restarts != 1 {
		t.Errorf("server: %+v", s)
	}
}

// patienceOfTests is far beyond what anything takes on a busy machine.
const patienceOfTests = 2 * time.Minute

func poll(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patienceOfTests); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("waited in vain for: %s", what)
}
