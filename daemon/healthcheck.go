package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"benchd/daemon/config"
)

// healthTimeout is long for an answer that costs nothing: on the machine that
// is measured, every core may be busy for a while.
const healthTimeout = 4 * time.Second

// maxHealth bounds the answer, which is one line.
const maxHealth = 1 << 10

// healthcheck asks the daemon with these settings whether it is alive, for
// images without a shell and a client. It asks for health and not for
// readiness: a daemon without a result is well.
//
// That it answers is what counts. It may well want a name and a password, or a
// certificate, which are kept as hashes or not here at all: being refused is
// an answer too.
//
// Whether it serves TLS it is asked itself. The web configuration says what it
// will serve after its next start, and may be broken for the moment.
func healthcheck(ctx context.Context, settings config.Config) error {
	host, port, err := net.SplitHostPort(settings.ListenAddress)
	switch {
	case err != nil:
		return fmt.Errorf("BENCHD_LISTEN_ADDRESS: %w", err)
	case strings.Trim(port, "0") == "":
		return fmt.Errorf("BENCHD_LISTEN_ADDRESS is %q: the port that was chosen for it is in the daemon's log; set one to be able to ask for its health", settings.ListenAddress)
	}
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	asked := url.URL{Scheme: "http", Host: net.JoinHostPort(reachable(host), port), Path: "/-/healthy"}
	if settings.WebConfigFile != "" {
		asked.Scheme = "https" // first, for a server with TLS logs who comes without
	}
	err = askHealth(ctx, asked)
	if errors.Is(err, http.ErrSchemeMismatch) {
		asked.Scheme = "http"
		err = askHealth(ctx, asked)
	}
	return err
}

// askHealth is nil where a daemon that is alive answers.
func askHealth(ctx context.Context, asked url.URL) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, asked.String(), http.NoBody)
	if err != nil {
		return err
	}
	client := http.Client{
		Transport: &http.Transport{
			// A proxy is for others, and the certificate is for the name by which
			// others know this machine.
			TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // see above
		},
		// benchd sends nobody elsewhere: it is another program.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	defer client.CloseIdleConnections()
	response, err := client.Do(request)
	var refused *net.OpError
	if errors.As(err, &refused) && refused.Op == "remote error" {
		return nil // a TLS alert: it wants a certificate
	}
	if err != nil {
		return fmt.Errorf("benchd does not answer: %w", err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK && response.StatusCode != http.StatusUnauthorized {
		return fmt.Errorf("benchd is not healthy: %s answers %s", &asked, response.Status)
	}
	// A hung daemon may have sent the head already.
	if _, err := io.Copy(io.Discard, io.LimitReader(response.Body, maxHealth)); err != nil {
		return fmt.Errorf("benchd does not answer to the end: %w", err)
	}
	return nil
}

// reachable is an address of this machine for a host to listen on: "" and the
// unspecified ones mean all there are.
func reachable(host string) string {
	address, err := netip.ParseAddr(host)
	switch {
	case host == "" || address == netip.IPv4Unspecified():
		return "127.0.0.1"
	case err == nil && address == netip.IPv6Unspecified():
		return "::1"
	}
	return host
}
