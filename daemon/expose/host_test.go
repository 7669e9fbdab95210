package expose

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/prometheus/common/config"
	"github.com/prometheus/exporter-toolkit/web"
)

// A page whose name was made to resolve to this machine reads nothing here.
func TestHostHeader(t *testing.T) {
	for host, want := range map[string]int{
		"":                              200,
		"localhost":                     200,
		"localhost:9911":                200,
		"LocalHost.:9911":               200,
		"benchd.localhost:3000":         200,
		"127.0.0.1":                     200,
		"127.8.9.10:9911":               200,
		"[::1]:9911":                    200,
		"[::1]":                         200,
		"[::ffff:127.0.0.1]:9911":       200,
		"loop.example:9911":             200, // as in BENCHD_LISTEN_ADDRESS
		"LOOP.example":                  200,
		"evil.example":                  403,
		"evil.example:9911":             403,
		"127.0.0.1.evil.example":        403,
		"localhost.evil.example:9911":   403,
		"evillocalhost":                 403,
		"10.0.0.7:9911":                 403,
		"0.0.0.0:9911":                  403,
		"[fe80::1]:9911":                403,
		"2130706433":                    403,
		"localhost:9911@evil.example:1": 403,
		"localhost, evil.example":       403,
	} {
		o := testOptions()
		o.ListenAddress = "loop.example:9911"
		e := New(o)
		for _, target := range []string{"/metrics", "/api/v1/experiments", "/-/healthy", "/"} {
			request := httptest.NewRequest("GET", target, nil)
			request.Host = host
			answer := httptest.NewRecorder()
			e.onlyHere(e.handler).ServeHTTP(answer, request)
			if answer.Code != want {
				t.Errorf("Host: %s: %s answers %d, want %d", host, target, answer.Code, want)
			}
		}
	}
	o := testOptions()
	o.Web = &WebConfig{path: "testdata/none.yml", now: web.Config{Users: map[string]config.Secret{"ann": "hash"}}}
	e := New(o)
	request := httptest.NewRequest("GET", "/metrics", nil)
	request.Host = "bench.example"
	answer := httptest.NewRecorder()
	e.onlyHere(e.handler).ServeHTTP(answer, request)
	if answer.Code != http.StatusOK {
		t.Errorf("with users: %d", answer.Code)
	}
}

// The check is in the way of whoever comes over the loopback.
func TestServeOnLoopbackChecksTheHost(t *testing.T) {
	s := serve(t, New(testOptions()))
	for host, want := range map[string]int{"": 200, "localhost": 200, "evil.example": 403} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+s.address+"/api/v1/experiments", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		request.Host = host // "" is the address
		client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
		answer, err := client.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		closeBody(t, answer)
		if answer.StatusCode != want {
			t.Errorf("Host: %s: %s, want %d", host, answer.Status, want)
		}
	}
	s.end(t)
}

// A page of others makes the daemon neither decide nor work.
func TestRequestsOfOtherPages(t *testing.T) {
	for _, tt := range []struct {
		method, target, site, mode string
		want                       int
	}{
		{"GET", "/api/v1/runs?limit=1000", "cross-site", "no-cors", 403},
		{"GET", "/metrics", "cross-site", "cors", 403},
		{"GET", "/api/v1/experiments", "cross-site", "navigate", 200}, // a link
		{"GET", "/api/v1/experiments", "same-site", "cors", 200},
		{"GET", "/api/v1/experiments", "same-origin", "cors", 200},
		{"GET", "/api/v1/experiments", "none", "navigate", 200},
		{"GET", "/api/v1/experiments", "", "", 200}, // no browser
	} {
		answer := get(t, New(testOptions()), tt.method, tt.target, "Sec-Fetch-Site", tt.site, "Sec-Fetch-Mode", tt.mode)
		if answer.Code != tt.want {
			t.Errorf("%+v: %d", tt, answer.Code)
		}
	}
}
