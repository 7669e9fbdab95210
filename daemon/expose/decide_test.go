package expose

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"benchd/daemon/bench"
)

// A decision that has arrived is carried out, whether or not its sender waits.
func TestDecisionOfAClientThatHungUp(t *testing.T) {
	accepted := make(chan error, 1)
	asked := make(chan struct{})
	o := testOptions()
	o.Judge = &fakeJudge{accept: func(ctx context.Context, _ bench.Selection, _ string) ([]bench.Change, error) {
		close(asked)
		accepted <- ctx.Err()
		return []bench.Change{slower()}, nil
	}}
	e := New(o)
	ctx, hangUp := context.WithCancel(t.Context())
	hangUp()
	request := httptest.NewRequestWithContext(ctx, "POST", "/api/v1/changes/accept", strings.NewReader(`{"id": 7}`))
	e.trusted.ServeHTTP(httptest.NewRecorder(), request)
	<-asked
	if err := <-accepted; err != nil {
		t.Errorf("accepted with %v", err)
	}
}

// Only JSON is read, and it is not unpacked.
func TestDecisionsReadJSONAlone(t *testing.T) {
	for _, tt := range []struct {
		kind, packed string
		want         int
	}{
		{"application/json", "", 200},
		{"application/json; charset=UTF-8", "", 200},
		{"", "", 200},
		{"text/plain", "", 415},
		{"application/x-www-form-urlencoded", "", 415}, // curl -d
		{"multipart/form-data; boundary=x", "", 415},
		{"application/json; charset=latin-1", "", 415},
		{"application/json; charset", "", 415},
		{"application/jsonp", "", 415},
		{"application/json", "gzip", 415},
	} {
		o := testOptions()
		o.Judge = &fakeJudge{accept: func(ctx context.Context, _ bench.Selection, _ string) ([]bench.Change, error) {
			return nil, ctx.Err()
		}}
		request := httptest.NewRequest("POST", "/api/v1/changes/accept", strings.NewReader(`{"all": true}`))
		if tt.kind != "" {
			request.Header.Set("Content-Type", tt.kind)
		}
		if tt.packed != "" {
			request.Header.Set("Content-Encoding", tt.packed)
		}
		answer := httptest.NewRecorder()
		New(o).trusted.ServeHTTP(answer, request)
		if answer.Code != tt.want || tt.want != 200 && !strings.Contains(answer.Body.String(), "the body is said to be") {
			t.Errorf("%+v: %d %s", tt, answer.Code, answer.Body)
		}
	}
}

// What was accepted before the history failed is accepted, logged and shown.
func TestDecisionThatHalfFails(t *testing.T) {
	var log safeLog
	o := testOptions()
	o.Logger = logTo(&log)
	o.Judge = &fakeJudge{accept: func(context.Context, bench.Selection, string) ([]bench.Change, error) {
		return []bench.Change{slower()}, errors.New("disk gone")
	}}
	e := New(o)
	get(t, e, "GET", "/metrics")
	before := e.page.kept
	answer := httptest.NewRecorder()
	e.trusted.ServeHTTP(answer, httptest.NewRequest("POST", "/api/v1/changes/accept", strings.NewReader(`{"all": true}`)))
	if answer.Code != http.StatusInternalServerError || e.page.kept == before || !strings.Contains(log.String(), `msg="Changes were accepted." changes=1`) {
		t.Errorf("%d %s, shown anew: %v, log:\n%s", answer.Code, answer.Body, e.page.kept != before, log.String())
	}
}
