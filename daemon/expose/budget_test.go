package expose

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"benchd/daemon/bench"
)

// While a run is measured, the API works a twentieth of the time; between runs
// as it can.
func TestBudgetLeavesTheRunAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var running atomic.Bool
		b := newBudget(4, 20, running.Load)
		took := func(n int) time.Duration {
			began := time.Now()
			for range n {
				if err := b.work(t.Context(), func() error { time.Sleep(10 * time.Millisecond); return nil }); err != nil {
					t.Error(err)
				}
			}
			return time.Since(began)
		}
		if got, want := took(10), 100*time.Millisecond; got != want {
			t.Errorf("between runs: %v, want %v", got, want)
		}
		running.Store(true)
		if got, want := took(10), 2000*time.Millisecond; got != want {
			t.Errorf("during a run, with the pause that was due: %v, want %v", got, want)
		}
		// A minute of waiting for a disk is no minute of work.
		_ = b.work(t.Context(), func() error { time.Sleep(time.Minute); return nil })
		if got, most := took(1), maxPause+10*time.Millisecond; got != most {
			t.Errorf("after a long wait: %v, want %v", got, most)
		}
		ended, end := context.WithCancel(t.Context())
		end()
		if err := b.work(ended, func() error { t.Error("worked for nobody"); return nil }); !errors.Is(err, context.Canceled) {
			t.Errorf("for a client that is gone: %v", err)
		}
	})
}

// One at a time works, whatever they ask.
func TestOneRequestWorksAtATime(t *testing.T) {
	var working, most atomic.Int32
	o := testOptions()
	o.History = fakeHistory(func(context.Context, bench.RunQuery) ([]bench.Run, error) {
		most.Store(max(most.Load(), working.Add(1)))
		defer working.Add(-1)
		return []bench.Run{run(asyncioKey, bench.OK, allFigures())}, nil
	})
	e := New(o)
	var all sync.WaitGroup
	for range 12 {
		all.Go(func() { get(t, e, "GET", "/api/v1/runs?limit=1") })
	}
	all.Wait()
	if most.Load() != 1 {
		t.Errorf("%d at once", most.Load())
	}
}

// hung takes no byte until it is let go.
type hung struct {
	httptest.ResponseRecorder
	reached chan<- struct{}
	release <-chan struct{}
}

func (h *hung) Write(p []byte) (int, error) {
	h.reached <- struct{}{}
	<-h.release
	return len(p), nil
}

// Clients that read slowly hold a piece each, are turned away beyond a number,
// and keep nobody from being scraped or asked for health.
func TestSlowReadersAreBounded(t *testing.T) {
	for target, other := range map[string]string{"/api/v1/runs?limit=1000": "/metrics", "/metrics": "/api/v1/runs?limit=16"} {
		var reads atomic.Int32
		o := testOptions()
		o.History = fakeHistory(func(_ context.Context, q bench.RunQuery) ([]bench.Run, error) {
			reads.Add(1)
			runs := make([]bench.Run, q.Limit)
			for i := range runs {
				runs[i] = run(asyncioKey, bench.OK, allFigures())
			}
			return runs, nil
		})
		e := New(o)
		reached, release := make(chan struct{}), make(chan struct{})
		var all sync.WaitGroup
		readers := cap(e.api.under)
		if target == "/metrics" {
			readers = cap(e.page.budget.under)
		}
		for range readers {
			all.Go(func() {
				w := &hung{ResponseRecorder: *httptest.NewRecorder(), reached: reached, release: release}
				e.handler.ServeHTTP(w, httptest.NewRequest("GET", target, nil))
			})
		}
		for range readers {
			<-reached
		}
		if n := reads.Load(); int(n) > readers {
			t.Errorf("%s: %d pieces were read for %d readers that took none", target, n, readers)
		}
		answer := get(t, e, "GET", target)
		if answer.Code != http.StatusServiceUnavailable || answer.Header().Get("Retry-After") == "" {
			t.Errorf("%s beyond %d: %d, Retry-After %q", target, readers, answer.Code, answer.Header().Get("Retry-After"))
		}
		for _, target := range []string{other, "/-/healthy", "/"} {
			if answer := get(t, e, "GET", target); answer.Code != http.StatusOK {
				t.Errorf("meanwhile %s: %d %s", target, answer.Code, answer.Body)
			}
		}
		go func() {
			for range reached { // the rest of the pieces
			}
		}()
		close(release)
		all.Wait()
		close(reached)
		if answer := get(t, e, "GET", target); answer.Code != http.StatusOK {
			t.Errorf("%s afterwards: %d", target, answer.Code)
		}
	}
}

// An answer that fails half-way does not look complete.
func TestBrokenAnswerIsNotComplete(t *testing.T) {
	var log safeLog
	o := testOptions()
	o.Logger = logTo(&log)
	o.History = fakeHistory(func(_ context.Context, q bench.RunQuery) ([]bench.Run, error) {
		if q.Before != 0 {
			return nil, errors.New("disk gone")
		}
		runs := make([]bench.Run, q.Limit)
		for i := range runs {
			runs[i] = run(asyncioKey, bench.OK, allFigures())
			runs[i].ID = int64(1000 - i)
		}
		return runs, nil
	})
	s := serve(t, New(o))
	answer, err := http.Get("http://" + s.address + "/api/v1/runs?limit=1000")
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(answer.Body)
	closeBody(t, answer)
	if err == nil || json.Valid(body) {
		t.Errorf("%d bytes look like an answer", len(body))
	}
	if !strings.Contains(log.String(), `msg="An answer of the API was broken off." path=/api/v1/runs err="disk gone"`) {
		t.Errorf("log: %s", log.String())
	}
	s.end(t)
}

// A long run's samples and many changes come in pieces, too.
func TestListsInPieces(t *testing.T) {
	e := New(testOptions())
	answer := httptest.NewRecorder()
	samples := make([]bench.Sample, 2500)
	err := stream(e, answer, httptest.NewRequest("GET", "/", nil), list[bench.Sample]{
		head: `{"samples":[`, limit: len(samples), piece: 1000,
		next: func(_ context.Context, n int) (piece []bench.Sample, err error) {
			piece, samples = samples[:n], samples[n:]
			return piece, nil
		},
	})
	var got struct{ Samples []bench.Sample }
	if err := errors.Join(err, json.Unmarshal(answer.Body.Bytes(), &got)); err != nil || len(got.Samples) != 2500 {
		t.Errorf("%d samples, %v", len(got.Samples), err)
	}
	// Damaged rows are left out of a piece: it is not the last for that.
	left, answer := 50, httptest.NewRecorder()
	err = stream(e, answer, httptest.NewRequest("GET", "/", nil), list[bench.Sample]{
		head: `{"samples":[`, limit: 1000, piece: 16,
		next: func(_ context.Context, n int) ([]bench.Sample, error) {
			n = min(left, n-1)
			left -= n
			return make([]bench.Sample, n), nil
		},
	})
	if err := errors.Join(err, json.Unmarshal(answer.Body.Bytes(), &got)); err != nil || len(got.Samples) != 50 {
		t.Errorf("with damaged rows: %d samples, %v", len(got.Samples), err)
	}
}

// What is asked of /metrics by a misspelt parameter is not everything.
func TestMetricsRefuses(t *testing.T) {
	e := New(testOptions())
	for query, want := range map[string]string{
		"nam[]=x":   `unknown parameter "nam[]": there is name[]`,
		"x=1":       `unknown parameter "x": there is name[]`,
		"name[]=%z": `query string: invalid URL escape "%z"`,
	} {
		answer := get(t, e, "GET", "/metrics?"+query)
		if answer.Code != http.StatusBadRequest || answer.Body.String() != want+"\n" {
			t.Errorf("%s: %d %s", query, answer.Code, answer.Body)
		}
	}
	if answer := get(t, e, "GET", "/metrics?name[]=benchd_build_info"); answer.Code != http.StatusOK || strings.Count(answer.Body.String(), "# HELP") != 1 {
		t.Errorf("by name: %d %.300s", answer.Code, answer.Body)
	}
}
