package httpbin

import (
	"net/http"
	"time"
)

// newClient goes the way that the workloads go: to the server itself. No proxy
// of the environment stands between, whose health and figures would be taken
// for the server's, and no redirect leads to another server.
func newClient(timeout time.Duration) *http.Client {
	return &http.Client{
		Timeout:       timeout,
		Transport:     &http.Transport{MaxIdleConnsPerHost: 1, ResponseHeaderTimeout: timeout},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}
