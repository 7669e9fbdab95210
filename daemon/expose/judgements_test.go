package expose

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/config"
	"github.com/prometheus/exporter-toolkit/web"

	"benchd/daemon/bench"
)

func TestVerdictsAndChanges(t *testing.T) {
	o := testOptions()
	o.Judge = &fakeJudge{judgements: allJudgements(), pins: []bench.Pin{{Name: "release 1", Pinned: noon, Levels: make([]bench.PinLevel, 2)}}}
	e := New(o)
	for target, want := range map[string][]string{
		"verdicts": {
			`"sentence":"For throughput use asyncio 100 · cpython-3.13."`, `"verdict":"better"`, `"verdict":"not enough data yet"`, `"missing":2`,
			`"state":"regressed"`, `"noticeable":0.07`, `"verdict":"peak shown"`, `"host":{"state":"slower"`, `"name":"release 1"`, `"advice":"use"`,
		},
		"verdicts?task=cpu-bound": {`"conclusions":[]`, `"scalings":[]`, `"task":"cpu-bound"`},
		"changes":                 {`"id":7`, `"sentence":"CPU time per unit of io-bound/cpython-3.13/asyncio/100: more by 20 % (95 %: +15 % to +25 %) since run 12 of 2026-01-02 12:12 UTC; nothing else is known to have moved; at that time changed: client from aiohttp 3.11.16 to aiohttp 3.12.0"`},
		"samples?run=12":          {`"cpu_percent":99`},
		"statistics?task=io-bound&runtime=cpython-3.13&model=asyncio&concurrency=100":         {`"month":"2025-12"`, `"cpu":{"count":3,"mean":0.5`},
		"statistics?task=io-bound&runtime=cpython-3.9&model=asyncio%2Bthreads&concurrency=10": {`{"months":[]}`},
		"baselines": {`{"baselines":[{"name":"release 1","pinned":"2026-01-02T12:00:00Z","levels":2}]}`},
	} {
		answer := get(t, e, "GET", "/api/v1/"+target)
		if answer.Code != http.StatusOK || !json.Valid(answer.Body.Bytes()) {
			t.Errorf("%s: %d %s", target, answer.Code, answer.Body)
		}
		for _, text := range want {
			if !strings.Contains(answer.Body.String(), text) {
				t.Errorf("%s: %s is not in\n%s", target, text, answer.Body)
			}
		}
	}
	for target, want := range map[string]string{
		"verdicts?model=x":         `unknown parameter "model": there are runtime, task`,
		"changes?open=yes":         `parameter open is "yes": want true or false`,
		"changes?limit=0":          `parameter limit is "0": want a whole number from 1 to 1000`,
		"statistics?task=io-bound": `want task, runtime, model and concurrency: those of an experiment`,
		"statistics?task=a&runtime=b&model=c&concurrency=x": `parameter concurrency is "x": want a whole number from 1 to 2147483647`,
		"samples":           `parameter run: want a whole number of at least 1: the ID of a run of /api/v1/runs`,
		"samples?run=x":     `parameter run: want a whole number of at least 1: the ID of a run of /api/v1/runs`,
		"baselines?open=no": `unknown parameter "open": there are none here`,
	} {
		answer := get(t, e, "GET", "/api/v1/"+target)
		var got struct{ Error string }
		if err := json.Unmarshal(answer.Body.Bytes(), &got); err != nil || answer.Code != http.StatusBadRequest || got.Error != want {
			t.Errorf("%s: %d %q, want %q", target, answer.Code, got.Error, want)
		}
	}
	if answer := get(t, e, "GET", "/api/v1/samples?run=13"); answer.Code != http.StatusNotFound {
		t.Errorf("samples that are not kept: %d", answer.Code)
	}
}

// A decision is taken from who is known, and not from a page that makes a
// browser send it.
func TestDecisions(t *testing.T) {
	for _, tt := range []struct {
		name, method, target, body string
		known, foreign             bool
		code                       int
		want                       string
	}{
		{"accepted", "POST", "changes/accept", `{"id": 7, "reason": "new library"}`, true, false, 200, `"by":"ann: new library"`},
		{"all", "POST", "changes/accept", `{"all": true}`, true, false, 200, `"by":"ann"`},
		{"of the host", "POST", "changes/accept", `{"scope": "host"}`, true, false, 200, `"by":"ann"`},
		{"of nowhere", "POST", "changes/accept", `{"scope": "nowhere"}`, true, false, 400, "with one of [model runtime host baseline]"},
		{"by nobody", "POST", "changes/accept", `{"id": 7}`, false, false, 403, "only who is known may decide"},
		{"by another page", "POST", "changes/accept", `{"id": 7}`, true, true, 403, "the request comes from another page"},
		{"of an unknown change", "POST", "changes/accept", `{"id": 8}`, true, false, 404, "there is no change 8"},
		{"of a closed change", "POST", "changes/accept", `{"id": 9}`, true, false, 409, "change 9 is closed already"},
		{"of nothing", "POST", "changes/accept", `{}`, true, false, 400, `want {\"id\": N} of one change, {\"scope\": S} with one of [model runtime host baseline], or {\"all\": true}`},
		{"of both", "POST", "changes/accept", `{"id": 7, "all": true}`, true, false, 400, `want {\"id\": N} of one change, {\"scope\": S} with one of [model runtime host baseline], or {\"all\": true}`},
		{"in bad JSON", "POST", "changes/accept", `{"id": "7"}`, true, false, 400, "the body is not the JSON that is wanted"},
		{"in unknown words", "POST", "changes/accept", `{"change": 7}`, true, false, 400, "the body is not the JSON that is wanted"},
		{"and more", "POST", "changes/accept", `{"id": 7} {"id": 8}`, true, false, 400, "invalid character '{' after top-level value"},
		{"in capitals", "POST", "changes/accept", `{"ALL": true}`, true, false, 400, "unknown object member name \\\"ALL\\\""},
		{"said twice", "POST", "changes/accept", `{"all": false, "all": true}`, true, false, 400, "duplicate object member name \\\"all\\\""},
		{"in no UTF-8", "POST", "changes/accept", "{\"id\": 7, \"reason\": \"\xff\"}", true, false, 400, "invalid UTF-8"},
		{"of ID 0 and all", "POST", "changes/accept", `{"id": 0, "all": true}`, true, false, 400, "want {"},
		{"of no scope and all", "POST", "changes/accept", `{"scope": "", "all": true}`, true, false, 400, "want {"},
		{"not of all", "POST", "changes/accept", `{"all": false}`, true, false, 400, "want {"},
		{"null", "POST", "changes/accept", `null`, true, false, 400, "want {"},
		{"a list", "POST", "changes/accept", `[{"all": true}]`, true, false, 400, "the body is not the JSON that is wanted"},
		{"a part of a change", "POST", "changes/accept", `{"id": 7.5}`, true, false, 400, "the body is not the JSON that is wanted"},
		{"beyond all numbers", "POST", "changes/accept", `{"id": 99999999999999999999}`, true, false, 400, "the body is not the JSON that is wanted"},
		{"cut off", "POST", "changes/accept", `{"all": true`, true, false, 400, "the body is not the JSON that is wanted"},
		{"empty", "POST", "changes/accept", ``, true, false, 400, "the body is not the JSON that is wanted"},
		{"deep", "POST", "changes/accept", strings.Repeat("[", maxDecisionBytes/2), true, false, 400, "the body is not the JSON that is wanted"},
		{"that fails", "POST", "changes/accept", `{"id": 10}`, true, false, 500, "the history cannot be written: benchd's log says why"},
		{"pinned", "POST", "baselines", `{"name": "before 3.14"}`, true, false, 200, `{"name":"before 3.14","pinned":"2026-01-02T12:00:00Z","levels":3}`},
		{"pinned without a name", "POST", "baselines", `{}`, true, false, 400, `want {\"name\": \"...\"}`},
		{"pinned by what moves a cursor", "POST", "baselines", `{"name": "a\u001b[2J"}`, true, false, 400, "that can be printed"},
		{"far too long", "POST", "baselines", `{"name": "` + strings.Repeat("x", maxDecisionBytes) + `"}`, true, false, 413, "the body has more than 65536 bytes"},
		{"unpinned", "DELETE", "baselines", `{"name": "before 3.14"}`, true, false, 200, `{"name":"before 3.14"}`},
		{"another method", "PUT", "baselines", `{"name": "x"}`, true, false, 405, "method PUT is not allowed here"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := testOptions()
			if tt.known {
				o.Web = &WebConfig{now: web.Config{Users: map[string]config.Secret{"ann": "hash"}}}
			}
			o.Judge = &fakeJudge{accept: func(_ context.Context, which bench.Selection, by string) ([]bench.Change, error) {
				switch which.ID {
				case 8:
					return nil, fmt.Errorf("%w: there is no change 8", bench.ErrNotFound)
				case 9:
					return nil, fmt.Errorf("%w: change 9 is closed already", bench.ErrConflict)
				case 10:
					return nil, io.ErrShortWrite
				}
				c := slower()
				c.Closed, c.Ending, c.By = noon, bench.Accepted, by
				return []bench.Change{c}, nil
			}}
			request := httptest.NewRequest(tt.method, "/api/v1/"+tt.target, strings.NewReader(tt.body))
			request.SetBasicAuth("ann", "secret") // checked by the exporter-toolkit, further out
			if tt.foreign {
				request.Header.Set("Sec-Fetch-Site", "cross-site")
			}
			answer := httptest.NewRecorder()
			New(o).handler.ServeHTTP(answer, request)
			if answer.Code != tt.code || !strings.Contains(answer.Body.String(), tt.want) {
				t.Errorf("got %d %s, want %d %s", answer.Code, answer.Body, tt.code, tt.want)
			}
		})
	}
}

// Who may use the socket may decide, also where nobody is known by name, and
// under a path longer than the kernel takes.
func TestSocket(t *testing.T) {
	for _, folder := range []string{"short", strings.Repeat("long", 40)} {
		dir := filepath.Join(t.TempDir(), folder)
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, "benchd.sock")
		for range 2 { // the second finds what the first has left
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			s := &served{address: listener.Addr().String(), ended: make(chan error, 1)}
			ctx, stop := context.WithCancel(t.Context())
			s.stop = stop
			e := New(testOptions())
			go func() { s.ended <- e.Serve(ctx, listener, path) }()
			client := &http.Client{Transport: unixTransport(path)}
			var answer *http.Response
			for deadline := time.Now().Add(2 * time.Minute); ; time.Sleep(time.Millisecond) {
				answer, err = client.Post("http://benchd/api/v1/baselines", "application/json", strings.NewReader(`{"name": "x"}`))
				if err == nil || time.Now().After(deadline) {
					break
				}
			}
			if err != nil {
				t.Fatal(err)
			}
			answer.Body.Close()
			if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 || answer.StatusCode != http.StatusOK {
				t.Errorf("answered %s; the socket is %v (%v), want it for its owner alone", answer.Status, info.Mode(), err)
			}
			s.end(t)
		}
	}
}
