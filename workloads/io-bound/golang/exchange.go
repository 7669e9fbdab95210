// Package iobound is the task io-bound for Go's models of concurrency: HTTP
// requests to an httpbin. This file is what the models share; exchange and
// bodies serve the tasks canary and fixed-rate too.
package iobound

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"net"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"time"

	"benchd/workloads/workload"
)

const (
	letters = "abcdefghijklmnopqrstuvwxyz"
	// The query starts as the letters, doubles with each URL, and starts again
	// after it has reached 1,000 bytes: 26, 52, ... 1664.
	queryLengths = 7

	requestTimeout = 30 * time.Second
)

// Client names the library that the requests are made with.
func Client() string { return "net/http " + runtime.Version() }

// Exchange is what the workers of one run share: the input, the connections to
// the httpbin, and the file to which the bodies go.
type Exchange struct {
	Items int // requests over all passes

	urls      int // different ones; the numbering starts again after each pass
	queries   [queryLengths]string
	client    *http.Client
	request   *http.Request // without its query
	headBytes int           // of a request without its query
	bodies    *bodies
}

// Open prepares the exchange over at most so many connections, 0 for no bound.
// None is opened yet: clients do that when they need one, and to open them is
// part of their work.
func Open(w *workload.Workload, connections int) (*Exchange, error) {
	urls, err := w.Int("urls")
	if err != nil {
		return nil, err
	}
	target, err := target(w)
	if err != nil {
		return nil, err
	}
	e := &Exchange{Items: urls * w.Passes, urls: urls, client: newClient(connections)}
	for i := range e.queries {
		e.queries[i] = "&query=" + strings.Repeat(letters, 1<<i)
	}
	if e.request, err = http.NewRequestWithContext(context.Background(), http.MethodGet, target, http.NoBody); err != nil {
		return nil, fmt.Errorf("WORKLOAD_HTTPBIN_URL: %w", err)
	}
	var head bytes.Buffer
	if err := e.request.Write(&head); err != nil {
		return nil, fmt.Errorf("WORKLOAD_HTTPBIN_URL: %w", err)
	}
	e.headBytes = head.Len() + len("?")
	if e.bodies, err = openBodies(w.Dir); err != nil {
		return nil, err
	}
	return e, nil
}

// target is the URL without its query. Without a delay it is /get, for
// /delay/0 makes the server set a timer for nothing.
func target(w *workload.Workload) (string, error) {
	delay, err := w.Seconds("delay_seconds")
	if err != nil {
		return "", err
	}
	if w.HTTPBinURL == "" {
		return "", errors.New("WORKLOAD_HTTPBIN_URL is empty: the manifest must say httpbin: true")
	}
	if delay == 0 {
		return w.HTTPBinURL + "/get", nil
	}
	return w.HTTPBinURL + "/delay/" + strconv.FormatFloat(delay, 'f', -1, 64), nil
}

func newClient(connections int) *http.Client {
	return &http.Client{
		Timeout: requestTimeout,
		Transport: &http.Transport{
			// No proxy, no HTTP/2: what is measured is this client and that server.
			DialContext:         (&net.Dialer{Timeout: requestTimeout}).DialContext,
			MaxConnsPerHost:     connections,
			MaxIdleConns:        0,       // no bound
			MaxIdleConnsPerHost: 1 << 20, // the default of 2 would close nearly all after each request
			DisableCompression:  true,    // the httpbin does not compress; asking for it is work for nothing
			ReadBufferSize:      8 << 10, // holds most answers whole
		},
	}
}

// Done completes the file of bodies, ends the measured region with the sum of
// the workers' tallies, and closes the connections after the exit gate.
func (e *Exchange) Done(w *workload.Workload, workers ...*Worker) error {
	if err := e.bodies.close(); err != nil {
		return err
	}
	var total workload.Tally
	for _, worker := range workers {
		total.Add(&worker.Tally)
	}
	err := w.Done(&total)
	e.client.CloseIdleConnections()
	return err
}

// Worker makes requests, one at a time.
type Worker struct {
	workload.Tally
	exchange *Exchange
	client   *http.Client // of the exchange, or the worker's own
	query    []byte
	body     bytes.Buffer
}

// NewWorker returns a worker of its own for each goroutine.
func (e *Exchange) NewWorker() *Worker {
	w := &Worker{exchange: e, client: e.client}
	w.Latency = &workload.Histogram{}
	return w
}

// Query is the query of request number item: "id=8&query=abc...". It is valid
// until the next call.
func (w *Worker) Query(item int) []byte {
	i := item % w.exchange.urls
	w.query = append(w.query[:0], "id="...)
	w.query = strconv.AppendInt(w.query, int64(i), 10)
	w.query = append(w.query, w.exchange.queries[i%queryLengths]...)
	return w.query
}

// Get makes request number item, checks the answer, appends its body to the
// file and tallies it. The latency counts from the moment the request was due.
// A body that cannot be written shows in Done.
func (w *Worker) Get(item int, due time.Time) {
	query := w.Query(item)
	failure := w.get(query)
	w.Latency.Record(time.Since(due))
	w.Items++
	if failure != "" {
		w.Fail(failure)
		return
	}
	w.Units++
	w.Checksum += uint64(crc32.ChecksumIEEE(query))
	w.BytesWritten += uint64(w.body.Len())
	w.exchange.bodies.append(w.body.Bytes())
}

// get leaves the body in w.body and returns the kind of failure, "" for none.
func (w *Worker) get(query []byte) (failure string) {
	e := w.exchange
	target := *e.request.URL
	target.RawQuery = string(query)
	request := *e.request // not Clone: the header is the same for all, and not written to
	request.URL = &target

	response, err := w.client.Do(&request)
	if err != nil {
		return kind(err)
	}
	w.BytesSent += uint64(e.headBytes + len(query))
	w.body.Reset()
	_, err = w.body.ReadFrom(response.Body)
	_ = response.Body.Close() // it has been read, or has failed already
	w.BytesReceived += uint64(w.body.Len())
	switch {
	case err != nil:
		return kind(err)
	case response.StatusCode != http.StatusOK:
		return "status_" + strconv.Itoa(response.StatusCode)
	case !bytes.Contains(w.body.Bytes(), query):
		return "wrong_body"
	}
	return ""
}

// kind sorts errors into kinds, the same in all languages.
func kind(err error) string {
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		return "timeout"
	}
	return "connection"
}
