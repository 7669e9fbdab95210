package httpbin

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
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
	log    *slog.Logger
	cancel context.CancelFunc

	mu       sync.Mutex
	server   bench.Server
	latest   *usage // that was believed; nil before the first
	asked    time.Time
	restarts int
	problem  string // what was logged; "" for none
}

// Watch looks now and then whether the server at url answers.
func Watch(url string, log *slog.Logger) *External {
	ctx, cancel := context.WithCancel(context.Background())
	e := &External{
		url: url, client: newClient(probeTimeout), log: log, cancel: cancel,
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
	u, err := e.ask(ctx)
	now := time.Now()
	var unusable *usageError
	server := bench.Server{URL: e.url, Up: err == nil || errors.As(err, &unusable)}
	e.mu.Lock()
	defer e.mu.Unlock()
	if u != nil {
		err = u.believable(e.latest, now.Sub(e.asked))
	}
	if u != nil && err == nil {
		if e.latest != nil && !u.continues(e.latest) {
			e.restarts++
		}
		e.latest, e.asked = u, now
		server.CPUSeconds, server.MemoryBytes = u.CPUSeconds, u.MemoryBytes
		server.SameHost = u.Host != "" && u.Host == bootID()
	}
	server.Restarts = e.restarts
	e.server = server
	e.tell(ctx, err)
}

// tell logs what is wrong with the server when that changes.
func (e *External) tell(ctx context.Context, err error) {
	problem := ""
	if err != nil {
		problem = err.Error()
	}
	if problem == e.problem || ctx.Err() != nil {
		return
	}
	e.problem = problem
	if err == nil {
		e.log.Info("httpbin answers again as it should")
		return
	}
	e.log.Warn("httpbin does not answer as it should: see that BENCHD_HTTPBIN_URL names one that can be reached without a proxy", "err", err)
}

// ask returns nil where the server does not tell its usage.
func (e *External) ask(ctx context.Context) (*usage, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, e.url+usagePath, http.NoBody)
	if err != nil {
		return nil, withoutURL(err)
	}
	response, err := e.client.Do(request)
	if err != nil {
		return nil, withoutURL(err)
	}
	defer response.Body.Close()
	switch {
	case response.StatusCode == http.StatusNotFound:
		return nil, nil
	case response.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("it answers %d", response.StatusCode)
	}
	return readUsage(response.Body)
}

// withoutURL is the error of a request without its URL, which may hold a password.
func withoutURL(err error) error {
	var failed *url.Error
	if errors.As(err, &failed) {
		return failed.Err
	}
	return err
}
