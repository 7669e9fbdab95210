package expose

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/exporter-toolkit/web"
)

// Limits of the server. The longest answer is a profile, whose handler extends
// its own deadline.
const (
	readHeaderTimeout = 5 * time.Second
	readTimeout       = 10 * time.Second
	writeTimeout      = 30 * time.Second
	idleTimeout       = 2 * time.Minute
	shutdownTimeout   = 2 * time.Second
	maxHeaderBytes    = 64 << 10
)

// Serve answers on the listener until ctx ends, then lets requests finish for
// up to 2 s. It closes the listener. webConfigFile is exporter-toolkit's, for
// TLS and basic authentication; "" serves plain HTTP to everybody. Serve is
// called once. The error is nil when ctx has ended it.
func (e *Exposer) Serve(ctx context.Context, listener net.Listener, webConfigFile string, logger *slog.Logger) error {
	defer listener.Close() // the server has closed it already, unless that did not start
	if err := web.Validate(webConfigFile); err != nil {
		return fmt.Errorf("BENCHD_WEB_CONFIG_FILE %s: %w", webConfigFile, err)
	}
	server := &http.Server{
		Handler:           e.handler,
		ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(logger.Handler(), slog.LevelWarn),
	}
	served := make(chan error, 1)
	go func() {
		served <- web.Serve(listener, server, &web.FlagConfig{WebConfigFile: &webConfigFile}, logger)
	}()
	select {
	case err := <-served:
		return fmt.Errorf("serve %s: %w", listener.Addr(), err)
	case <-ctx.Done():
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
	defer cancel()
	if err := server.Shutdown(last); err != nil {
		logger.Warn("Requests were cut off at the end.", "err", errors.Join(err, server.Close()))
	}
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve %s: %w", listener.Addr(), err)
	}
	return nil
}

func (e *Exposer) newHandler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/metrics", e.page)
	mux.HandleFunc("/-/healthy", func(w http.ResponseWriter, _ *http.Request) {
		writeText(w, http.StatusOK, "benchd is healthy.")
	})
	mux.HandleFunc("/-/ready", e.serveReady)
	mux.HandleFunc("/api/v1/experiments", e.serveExperiments)
	mux.HandleFunc("/api/v1/runs", e.serveRuns)
	mux.HandleFunc("/api/", func(w http.ResponseWriter, r *http.Request) {
		e.writeError(w, http.StatusNotFound, fmt.Sprintf("there is no %.100s: try /api/v1/experiments or /api/v1/runs", r.URL.Path))
	})
	if e.options.Pprof {
		mux.HandleFunc("/debug/pprof/", pprof.Index)
		mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
		mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
		mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
		mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	}
	mux.Handle("/", e.landingPage())
	return e.guard(mux)
}

func (e *Exposer) serveReady(w http.ResponseWriter, _ *http.Request) {
	e.mu.Lock()
	ready := e.ready
	e.mu.Unlock()
	if !ready {
		writeText(w, http.StatusServiceUnavailable, "benchd is not ready: no run has ended yet.")
		return
	}
	writeText(w, http.StatusOK, "benchd is ready.")
}

func (e *Exposer) landingPage() http.Handler {
	links := []web.LandingLinks{
		{Address: "/metrics", Text: "Metrics", Description: "for Prometheus"},
		{Address: "/api/v1/experiments", Text: "Experiments", Description: "what is run here, and what is skipped and why"},
		{Address: "/api/v1/runs", Text: "Runs", Description: "the recorded results, newest first"},
		{Address: "/-/healthy", Text: "Health", Description: "whether benchd answers"},
		{Address: "/-/ready", Text: "Readiness", Description: "whether there is a result"},
	}
	page, err := web.NewLandingPage(web.LandingConfig{
		Name:        "benchd",
		Description: "Measures concurrency models on this machine, again and again",
		Version:     e.options.Build.Version + " (" + e.options.Build.Revision + ")",
		Links:       links,
		Profiling:   strconv.FormatBool(e.options.Pprof),
	})
	if err != nil {
		panic("landing page: " + err.Error()) // a template of the library with constants: cannot fail
	}
	return page
}

// guard lets reading requests pass and tells browsers to run nothing. What the
// web configuration sets stays.
func (e *Exposer) guard(next http.Handler) http.Handler {
	headers := map[string]string{
		"X-Content-Type-Options":  "nosniff",
		"X-Frame-Options":         "deny",
		"Referrer-Policy":         "no-referrer",
		"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
		"Cache-Control":           "no-store",
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for name, value := range headers {
			if w.Header().Get(name) == "" {
				w.Header().Set(name, value)
			}
		}
		if r.Method == http.MethodGet || r.Method == http.MethodHead {
			next.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Allow", "GET, HEAD")
		message := fmt.Sprintf("method %.20s is not allowed: benchd can only be read, use GET or HEAD", r.Method)
		if strings.HasPrefix(r.URL.Path, "/api/") {
			e.writeError(w, http.StatusMethodNotAllowed, message)
			return
		}
		writeText(w, http.StatusMethodNotAllowed, message)
	})
}

func writeText(w http.ResponseWriter, status int, sentence string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(sentence + "\n")) // a client that is gone needs no answer
}
