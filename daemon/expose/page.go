package expose

import (
	"bytes"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// metricsPage serves /metrics. Nearly all of it is about experiments and
// changes only when a run ends: some thousands of samples, which take 10 ms to
// gather, check, sort and write down. So that part is kept as it was sent to
// the scraper who asked last. Between runs it disturbs no measurement to renew
// it; in a scrape it would.
type metricsPage struct {
	results http.Handler // of what is kept
	now     http.Handler // of the rest
	whole   http.Handler // of both, for who asks for some metrics by name
	budget  *budget

	mu     sync.Mutex
	accept string // how it was asked for; what was kept is of one format alone, for each takes 700 KB
	kept   *answer
}

// newMetricsPage makes the page of what the two registries gather. OpenMetrics'
// _created samples stay off: a Prometheus that does not ingest them as start
// times stores each as a series of its own. Compression stays off too: it is
// most of a scrape's CPU time, which the run that is being measured would miss,
// and saves bytes where scraper and daemon are near each other.
func newMetricsPage(results, now *prometheus.Registry, budget *budget, logger *slog.Logger) *metricsPage {
	of := func(g prometheus.Gatherer) http.Handler {
		return promhttp.HandlerFor(g, promhttp.HandlerOpts{
			ErrorLog:           slog.NewLogLogger(logger.Handler(), slog.LevelError),
			Registry:           now,
			EnableOpenMetrics:  true,
			DisableCompression: true,
		})
	}
	return &metricsPage{results: of(results), now: of(now), whole: of(prometheus.Gatherers{results, now}), budget: budget}
}

func (p *metricsPage) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	named, err := namesAsked(r.URL.RawQuery)
	if err != nil {
		writeText(w, http.StatusBadRequest, err.Error())
		return
	}
	var parts []*answer
	err = p.budget.work(r.Context(), func() error {
		if named {
			parts = []*answer{ask(p.whole, r)}
		} else {
			parts = []*answer{p.resultsFor(r), ask(p.now, r)}
		}
		return nil
	})
	if err != nil {
		return // the client is gone
	}
	var bodies [][]byte
	for _, part := range parts {
		if part.status != http.StatusOK {
			part.send(w, part.body)
			return
		}
		bodies = append(bodies, part.body)
	}
	parts[len(parts)-1].send(w, bodies...)
}

// namesAsked reports whether some metrics are asked for, by name[]. A misspelt
// parameter would get all of them.
func namesAsked(query string) (bool, error) {
	given, err := url.ParseQuery(query)
	if err != nil {
		return false, fmt.Errorf("query string: %w", err)
	}
	for name := range given {
		if name != "name[]" {
			return false, fmt.Errorf("unknown parameter %.50q: there is name[]", name)
		}
	}
	return len(given) > 0, nil
}

// resultsFor returns what is kept, made anew if that is of another format.
func (p *metricsPage) resultsFor(r *http.Request) *answer {
	accept := strings.Join(r.Header.Values("Accept"), ",")
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.kept == nil || p.accept != accept {
		p.accept = accept
		p.encode(r.Header)
	}
	return p.kept
}

// renew is called when the results have changed.
func (p *metricsPage) renew() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.kept != nil { // else nobody has asked yet
		p.encode(http.Header{"Accept": {p.accept}})
	}
}

// encode asks for the results; p.mu is held.
func (p *metricsPage) encode(header http.Header) {
	a := ask(p.results, &http.Request{Method: http.MethodGet, Header: header})
	a.body = bytes.Clone(bytes.TrimSuffix(a.body, []byte("# EOF\n"))) // of OpenMetrics: more follows
	p.kept = a
}

// answer is what a handler has answered.
type answer struct {
	status int
	header http.Header
	body   []byte
}

func ask(h http.Handler, r *http.Request) *answer {
	a := &answer{status: http.StatusOK, header: http.Header{}}
	h.ServeHTTP(a, r)
	return a
}

// Header implements http.ResponseWriter, as the next two.
func (a *answer) Header() http.Header { return a.header }

// WriteHeader takes the status.
func (a *answer) WriteHeader(status int) { a.status = status }

// Write takes a piece of the body.
func (a *answer) Write(piece []byte) (int, error) {
	a.body = append(a.body, piece...)
	return len(piece), nil
}

// send passes the answer on with the given parts as its body.
func (a *answer) send(w http.ResponseWriter, parts ...[]byte) {
	size := 0
	for _, part := range parts {
		size += len(part)
	}
	maps.Copy(w.Header(), a.header)
	w.Header().Set("Content-Length", strconv.Itoa(size))
	w.WriteHeader(a.status)
	for _, part := range parts {
		_, _ = w.Write(part) // a client that is gone needs no answer
	}
}
