package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"time"

	"github.com/goccy/go-yaml"

	"benchd/daemon/config"
)

// healthTimeout is long for an answer that costs nothing: on the machine that
// is measured, every core may be busy for a while.
const healthTimeout = 4 * time.Second

// healthcheck asks the daemon with these settings whether it is alive, for
// images without a shell and a client. It asks for health and not for
// readiness: a daemon without a result is well.
//
// That it answers is what counts. It may well want a name and a password, or a
// certificate, which are kept as hashes or not here at all: being refused is
// an answer too.
func healthcheck(ctx context.Context, settings config.Config) error {
	host, port, err := net.SplitHostPort(settings.ListenAddress)
	if err != nil {
		return fmt.Errorf("BENCHD_LISTEN_ADDRESS: %w", err)
	}
	secure, err := servesTLS(settings.WebConfigFile)
	if err != nil {
		return err
	}
	url := "http://"
	if secure {
		url = "https://"
	}
	url += net.JoinHostPort(reachable(host), port) + "/-/healthy"

	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	client := http.Client{Transport: &http.Transport{
		// A proxy is for others, and the certificate is for the name by which
		// others know this machine.
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // see above
	}}
	response, err := client.Do(request)
	var refused *net.OpError
	if errors.As(err, &refused) && refused.Op == "remote error" {
		return nil // a TLS alert: it wants a certificate
	}
	if err != nil {
		return fmt.Errorf("benchd does not answer: %w", err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusOK && response.StatusCode != http.StatusUnauthorized {
		return fmt.Errorf("benchd is not healthy: %s answers %s", url, response.Status)
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

// servesTLS looks into the exporter-toolkit's web configuration file, "" for
// none. That the rest of it is right, the daemon has checked.
func servesTLS(webConfigFile string) (bool, error) {
	file, err := readWebConfig(webConfigFile)
	return len(file.TLS) > 0, err
}

// webConfig is what benchd needs to know of the exporter-toolkit's file.
type webConfig struct {
	TLS map[string]any `yaml:"tls_server_config"`
}

func readWebConfig(name string) (file webConfig, err error) {
	if name == "" {
		return file, nil
	}
	content, err := os.ReadFile(name)
	if err != nil {
		return file, fmt.Errorf("BENCHD_WEB_CONFIG_FILE: %w", err)
	}
	if err := yaml.Unmarshal(content, &file); err != nil {
		return file, fmt.Errorf("BENCHD_WEB_CONFIG_FILE %s: %w", name, err)
	}
	return file, nil
}
