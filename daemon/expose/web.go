package expose

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/exporter-toolkit/web"
	"golang.org/x/net/netutil"

	"benchd/daemon/linux"
)

// Limits of the server. Answers in pieces and profiles extend the deadline of
// writing.
const (
	readHeaderTimeout = 5 * time.Second
	readTimeout       = 10 * time.Second
	writeTimeout      = 30 * time.Second
	idleTimeout       = 2 * time.Minute
	shutdownTimeout   = 2 * time.Second
	maxHeaderBytes    = 64 << 10
)

// Serve answers on the listener until ctx ends, then lets requests finish for
// up to 2 s. It closes the listener. On socket, a path, it answers those who may
// use that file, and takes their decisions; "" for none. Serve is called once.
// The error is nil when ctx has ended it.
func (e *Exposer) Serve(ctx context.Context, listener net.Listener, socket string) error {
	defer listener.Close() // the server has closed it already, unless that did not start
	logger, handler := e.options.Logger, e.handler
	if isLoopback(listener.Addr()) {
		handler = e.onlyHere(handler)
	}
	server := newServer(handler, logger)
	server.ConnState = (&connections{fresh: e.options.Web.refresh}).changed
	if err := e.serveSocket(ctx, socket, logger); err != nil {
		// Some file systems have no sockets. Measuring goes on.
		logger.Error("`benchd accept` and `benchd baseline` will not work; decide by an authenticated POST, or choose another BENCHD_DATA_DIR.", "err", err)
	}
	served := make(chan error, 1)
	go func() {
		file := e.options.Web.file()
		served <- web.Serve(netutil.LimitListener(listener, maxConnections), server, &web.FlagConfig{WebConfigFile: &file}, logger)
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

func newServer(handler http.Handler, logger *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		HTTP2:             &http.HTTP2Config{MaxConcurrentStreams: maxStreams},
		ErrorLog:          slog.NewLogLogger(logger.Handler(), slog.LevelWarn),
	}
}

// serveSocket serves, until ctx ends, those on this machine who may use the
// file: `benchd accept` and its like.
func (e *Exposer) serveSocket(ctx context.Context, path string, logger *slog.Logger) error {
	if path == "" {
		return nil
	}
	// Of a daemon that was killed; only one may use the folder.
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("remove the socket of an earlier daemon: %w", err)
	}
	listener, err := listen(ctx, path)
	if err != nil {
		return fmt.Errorf("make the socket in BENCHD_DATA_DIR: %w", err)
	}
	server := newServer(e.trusted, logger)
	stop := context.AfterFunc(ctx, func() { _ = server.Close() }) // it ends with what it has
	go func() {
		defer stop()
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			logger.Error("The socket for `benchd accept` is not served any more.", "err", err)
		}
	}()
	return nil
}

func listen(ctx context.Context, path string) (net.Listener, error) {
	short, release, err := linux.SocketPath(path)
	if err != nil {
		return nil, err
	}
	defer release()
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "unix", short)
	if err != nil {
		return nil, err
	}
	// By its short name it could not be removed any more; the next daemon does.
	listener.(*net.UnixListener).SetUnlinkOnClose(false)
	return listener, os.Chmod(path, 0o600)
}

// newHandler answers all requests; those who are trusted may decide something.
func (e *Exposer) newHandler(trusted func() bool) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/metrics", e.page.budget.admit(e.page, e.refuse))
	mux.HandleFunc("/-/healthy", func(w http.ResponseWriter, _ *http.Request) {
		writeText(w, http.StatusOK, "benchd is healthy.")
	})
	mux.HandleFunc("/-/ready", e.serveReady)
	for name, serve := range map[string]func(http.ResponseWriter, *http.Request) error{
		"experiments": e.serveExperiments,
		"runs":        e.serveRuns,
		"samples":     e.serveSamples,
		"statistics":  e.serveStatistics,
		"verdicts":    e.serveVerdicts,
		"changes":     e.serveChanges,
		"baselines":   e.serveBaselines,
	} {
		mux.Handle("/api/v1/"+name, e.api.admit(e.answer(serve), e.refuse))
	}
	decisions := http.NewServeMux()
	for pattern, act := range e.decisions() {
		decisions.Handle(pattern, e.decide(act))
	}
	mux.HandleFunc("/api/", func(w http.ResponseWriter, r *http.Request) {
		e.writeError(w, http.StatusNotFound, fmt.Sprintf("there is no %.100s: try /api/v1/experiments, runs, samples, statistics, verdicts, changes or baselines", r.URL.Path))
	})
	if e.options.Pprof {
		for name, serve := range map[string]http.HandlerFunc{
			"": pprof.Index, "cmdline": pprof.Cmdline, "profile": pprof.Profile, "symbol": pprof.Symbol, "trace": pprof.Trace,
		} {
			mux.Handle("/debug/pprof/"+name, e.api.admit(serve, e.refuse))
		}
	}
	mux.Handle("/", e.landingPage())
	return e.guard(mux, decisions, trusted)
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
		{Address: "/api/v1/verdicts", Text: "Verdicts", Description: "which model to use for what, and how sure that is"},
		{Address: "/api/v1/changes?open=true", Text: "Changes", Description: "what got worse or better and was not accepted yet"},
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

// guard lets reading requests pass, and those that decide something if their
// sender is trusted; and it tells browsers to run nothing. What the web
// configuration sets stays.
func (e *Exposer) guard(read http.Handler, decisions *http.ServeMux, trusted func() bool) http.Handler {
	// A browser sends the password that it knows along, whatever page asks it to.
	sameOrigin := http.NewCrossOriginProtection()
	headers := map[string]string{
		"X-Content-Type-Options":  "nosniff",
		"X-Frame-Options":         "deny",
		"Referrer-Policy":         "no-referrer",
		"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
		"Cache-Control":           "no-store",

		"Cross-Origin-Resource-Policy": "same-origin",
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for name, value := range headers {
			if w.Header().Get(name) == "" {
				w.Header().Set(name, value)
			}
		}
		if r.Method == http.MethodGet || r.Method == http.MethodHead {
			if r.Header.Get("Sec-Fetch-Site") == "cross-site" && r.Header.Get("Sec-Fetch-Mode") != "navigate" {
				// It could not read the answer, but make a run's machine work for it.
				e.refuse(w, r, http.StatusForbidden, "the request comes from another page: open this one by itself")
				return
			}
			read.ServeHTTP(w, r)
			return
		}
		if _, pattern := decisions.Handler(r); pattern != "" {
			switch err := sameOrigin.Check(r); {
			case !trusted():
				e.writeError(w, http.StatusForbidden, "only who is known may decide: give users in BENCHD_WEB_CONFIG_FILE, or use `benchd accept` and `benchd baseline` beside the daemon")
			case err != nil:
				e.writeError(w, http.StatusForbidden, "the request comes from another page: "+err.Error())
			default:
				decisions.ServeHTTP(w, r)
			}
			return
		}
		allowed := allowedAt(r, decisions)
		w.Header().Set("Allow", allowed)
		e.refuse(w, r, http.StatusMethodNotAllowed, fmt.Sprintf("method %.20s is not allowed here: use one of %s", r.Method, allowed))
	})
}

// refuse says why in the form in which the address answers.
func (e *Exposer) refuse(w http.ResponseWriter, r *http.Request, status int, message string) {
	if strings.HasPrefix(r.URL.Path, "/api/") {
		e.writeError(w, status, message)
		return
	}
	writeText(w, status, message)
}

// allowedAt are the methods that the address of a request takes.
func allowedAt(r *http.Request, decisions *http.ServeMux) string {
	allowed := "GET, HEAD"
	for _, method := range []string{http.MethodPost, http.MethodDelete} {
		other := r.Clone(r.Context())
		other.Method = method
		if _, pattern := decisions.Handler(other); pattern != "" {
			allowed += ", " + method
		}
	}
	return allowed
}

func writeText(w http.ResponseWriter, status int, sentence string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(sentence + "\n")) // a client that is gone needs no answer
}
