package httpbin

import (
	"context"
	"encoding/json"
	"net/http"
	"sync"
	"time"

	"benchd/daemon/bench"
)

const (
	// probeInterval is the time between two looks whether the server is there:
	// often enough for an alert, too rarely to be seen in a figure.
	probeInterval = 10 * time.Second
	probeTimeout  = 2 * time.Second
)

// External is a server that somebody else runs.
type External struct {
	url    string
	client *http.Client
	cancel context.CancelFunc

	mu       sync.Mutex
	server   bench.Server
	started  time.Time // the server, where it tells
	restarts int
}

// Watch looks now and then whether the server at url answers.
func Watch(url string) *External {
	ctx, cancel := context.WithCancel(context.Background())
	e := &External{
		url: url, client: &http.Client{Timeout: probeTimeout}, cancel: cancel,
		server: bench.Server{URL: url},
	}
	e.probe(ctx)
	go func() {
		ticker := time.NewTicker(probeInterval)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
				e.probe(ctx)
			}
		}
	}()
	return e
}

// Server describes the server as it was when it was last looked at.
func (e *External) Server() bench.Server {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.server
}

// Now describes the server as it is now: for the gates of a run. It asks only
// a server that tells its usage.
func (e *External) Now() bench.Server {
	if e.Server().CPUSeconds != nil {
		e.probe(context.Background())
	}
	return e.Server()
}

// Close ends the watching.
func (e *External) Close() error {
	e.cancel()
	return nil
}

// probe asks for the usage, which any other httpbin answers with "not found":
// an answer all the same.
func (e *External) probe(ctx context.Context) {
	server := bench.Server{URL: e.url}
	u, up := e.ask(ctx)
	server.Up = up
	e.mu.Lock()
	defer e.mu.Unlock()
	if u != nil {
		if !e.started.IsZero() && !e.started.Equal(u.Started) {
			e.restarts++
		}
		e.started = u.Started
		server.CPUSeconds, server.MemoryBytes = &u.CPUSeconds, &u.MemoryBytes
		server.SameHost = u.Host != "" && u.Host == bootID()
	}
	server.Restarts = e.restarts
	e.server = server
}

// ask returns nil where the server does not tell its usage.
func (e *External) ask(ctx context.Context) (told *usage, up bool) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, e.url+usagePath, http.NoBody)
	if err != nil {
		return nil, false
	}
	response, err := e.client.Do(request)
	if err != nil {
		return nil, false
	}
	defer response.Body.Close()
	switch {
	case response.StatusCode == http.StatusNotFound:
		return nil, true
	case response.StatusCode != http.StatusOK:
		return nil, false
	}
	var u usage
	if json.NewDecoder(http.MaxBytesReader(nil, response.Body, 1<<10)).Decode(&u) != nil || u.Started.IsZero() {
		return nil, true
	}
	return &u, true
}
