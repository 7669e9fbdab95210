package expose

import (
	"bufio"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"

	"benchd/daemon/bench"
)

const protobufType = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"

func get(t testing.TB, e *Exposer, method, target string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	request := httptest.NewRequest(method, target, nil)
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	answer := httptest.NewRecorder()
	e.handler.ServeHTTP(answer, request)
	return answer
}

func TestHealthAndReadiness(t *testing.T) {
	const notReady, ready = "benchd is not ready: no run has ended yet.\n", "benchd is ready.\n"
	for name, tt := range map[string]struct {
		tell func(*Exposer)
		code int
		body string
	}{
		"start":    {func(*Exposer) {}, 503, notReady},
		"running":  {func(e *Exposer) { e.RunStarted(experiments()[0], noon) }, 503, notReady},
		"skipped":  {func(e *Exposer) { e.RunEnded(run(freeKey, bench.Skipped, nil), nil) }, 503, notReady},
		"ok":       {func(e *Exposer) { e.RunEnded(run(syncKey, bench.OK, fewFigures()), nil) }, 200, ready},
		"failed":   {func(e *Exposer) { e.RunEnded(run(syncKey, bench.Failed, nil), nil) }, 200, ready},
		"empty":    {func(e *Exposer) { e.Restore(nil) }, 503, notReady},
		"restored": {func(e *Exposer) { e.Restore(map[bench.Key]bench.Run{syncKey: run(syncKey, bench.OK, fewFigures())}) }, 200, ready},
	} {
		e := New(testOptions())
		tt.tell(e)
		if a := get(t, e, "GET", "/-/ready"); a.Code != tt.code || a.Body.String() != tt.body {
			t.Errorf("%s: got %d %s", name, a.Code, a.Body)
		}
		if a := get(t, e, "GET", "/-/healthy"); a.Code != 200 || a.Body.String() != "benchd is healthy.\n" {
			t.Errorf("%s: health is %d %s", name, a.Code, a.Body)
		}
	}
}

func TestLandingPage(t *testing.T) {
	for _, withPprof := range []bool{false, true} {
		o := testOptions()
		o.Pprof = withPprof
		e := New(o)
		answer := get(t, e, "GET", "/")
		page := answer.Body.String()
		if answer.Code != 200 || !strings.HasPrefix(answer.Header().Get("Content-Type"), "text/html") {
			t.Errorf("got %d %s", answer.Code, answer.Header().Get("Content-Type"))
		}
		links := []string{"/metrics", "/api/v1/experiments", "/api/v1/runs", "/-/healthy", "/-/ready"}
		for _, link := range links {
			if !strings.Contains(page, `<a href="`+link+`">`) {
				t.Errorf("there is no link to %s", link)
			}
			if code := get(t, e, "GET", link).Code; code == http.StatusNotFound {
				t.Errorf("%s is not there", link)
			}
		}
		for _, words := range []string{"<title>benchd</title>", "Version: 1.2.3 (abcdef0)"} {
			if !strings.Contains(page, words) {
				t.Errorf("%s is not in\n%s", words, page)
			}
		}
		code := get(t, e, "GET", "/debug/pprof/cmdline").Code
		if linked := strings.Contains(page, "debug/pprof"); linked != withPprof || (code == 200) != withPprof {
			t.Errorf("pprof %v: linked %v, answers %d", withPprof, linked, code)
		}
	}
}

func TestRefusals(t *testing.T) {
	e := New(testOptions())
	for _, tt := range []struct {
		method, target string
		code           int
		body           string
	}{
		{"GET", "/nothing", 404, "404 page not found\n"},
		{"GET", "/api/v1/nothing", 404, `{"error":"there is no /api/v1/nothing: try /api/v1/experiments, runs, samples, statistics, verdicts, changes or baselines"}` + "\n"},
		{"POST", "/api/v1/runs", 405, `{"error":"method POST is not allowed here: use one of GET, HEAD"}` + "\n"},
		{"DELETE", "/metrics", 405, "method DELETE is not allowed here: use one of GET, HEAD\n"},
	} {
		answer := get(t, e, tt.method, tt.target)
		if answer.Code != tt.code || answer.Body.String() != tt.body {
			t.Errorf("%s %s: got %d %s", tt.method, tt.target, answer.Code, answer.Body)
		}
		if allow := answer.Header().Get("Allow"); (allow == "GET, HEAD") != (tt.code == 405) {
			t.Errorf("%s %s: Allow is %q", tt.method, tt.target, allow)
		}
	}
	for _, target := range []string{"/", "/metrics", "/api/v1/runs", "/-/healthy", "/nothing"} {
		h := get(t, e, "HEAD", target).Header()
		for name, want := range map[string]string{
			"X-Content-Type-Options": "nosniff", "X-Frame-Options": "deny", "Referrer-Policy": "no-referrer", "Cache-Control": "no-store",
		} {
			if got := h.Get(name); got != want {
				t.Errorf("%s: %s is %q, want %q", target, name, got, want)
			}
		}
		if !strings.HasPrefix(h.Get("Content-Security-Policy"), "default-src 'none'") {
			t.Errorf("%s: Content-Security-Policy is %q", target, h.Get("Content-Security-Policy"))
		}
	}
}

func TestMetricsFormats(t *testing.T) {
	e := New(testOptions())
	play(e)
	for name, tt := range map[string]struct{ accept, contentType, end string }{
		"none":        {"", "text/plain; version=0.0.4", "\n"},
		"text":        {"text/plain", "text/plain; version=0.0.4", "\n"},
		"openmetrics": {"application/openmetrics-text;version=1.0.0", "application/openmetrics-text; version=1.0.0", "# EOF\n"},
	} {
		answer := get(t, e, "GET", "/metrics", "Accept", tt.accept, "Accept-Encoding", "gzip")
		body := answer.Body.String()
		if answer.Code != 200 || !strings.HasPrefix(answer.Header().Get("Content-Type"), tt.contentType) || !strings.HasSuffix(body, tt.end) {
			t.Errorf("%s: got %d %s", name, answer.Code, answer.Header().Get("Content-Type"))
		}
		for _, want := range []string{"\nprocess_start_time_seconds ", "\ngo_goroutines ", "\nbenchd_cycles_total 1", "\npromhttp_metric_handler_errors_total"} {
			if !strings.Contains(body, want) {
				t.Errorf("%s: there is no %q", name, want)
			}
		}
		if strings.Contains(body, "_created") {
			t.Errorf("%s: there are series of creation times", name)
		}
	}
}

func TestNativeHistograms(t *testing.T) {
	e := New(testOptions())
	play(e)
	answer := get(t, e, "GET", "/metrics", "Accept", protobufType)
	decoder := expfmt.NewDecoder(bufio.NewReader(answer.Body), expfmt.ResponseFormat(answer.Header()))
	histograms := map[string]*dto.Histogram{}
	for {
		var f dto.MetricFamily
		err := decoder.Decode(&f)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range f.GetMetric() {
			if h := m.GetHistogram(); h.GetSampleCount() > 0 {
				histograms[f.GetName()] = h
			}
		}
	}
	for name, count := range map[string]uint64{
		"benchd_run_duration_seconds": 1, "benchd_request_duration_seconds": 1000, "benchd_record_duration_seconds": 1,
	} {
		h := histograms[name]
		if h.GetSampleCount() != count || len(h.GetBucket()) == 0 {
			t.Errorf("%s: %d observations in %d classic buckets, want %d", name, h.GetSampleCount(), len(h.GetBucket()), count)
		}
		var native int64
		var inBucket int64
		for _, delta := range h.GetPositiveDelta() {
			inBucket += delta
			native += inBucket
		}
		if h.GetSchema() != 3 || native != int64(count) {
			t.Errorf("%s: schema %d with %d observations, want schema 3 (buckets 9 %% wide) with %d", name, h.GetSchema(), native, count)
		}
	}
}
