package main

import (
	"context"
	"crypto/tls"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"benchd/daemon/config"
)

func TestHealthcheck(t *testing.T) {
	tests := map[string]struct {
		status   int
		tls      bool
		wantCert bool
		file     string // web configuration
		want     string // in the error; "" for none
	}{
		"healthy":                {status: http.StatusOK},
		"wants a password":       {status: http.StatusUnauthorized, file: "basic_auth_users: {me: hash}\n"},
		"TLS":                    {status: http.StatusOK, tls: true, file: "tls_server_config: {cert_file: c, key_file: k}\n"},
		"TLS, wants certificate": {status: http.StatusOK, tls: true, wantCert: true, file: "tls_server_config: {cert_file: c}\n"},
		"broken":                 {status: http.StatusInternalServerError, want: "/-/healthy answers 500 Internal Server Error"},
		"another program":        {status: http.StatusNotFound, want: "/-/healthy answers 404 Not Found"},
		"bad file":               {status: http.StatusOK, file: "tls_server_config: [\n", want: "BENCHD_WEB_CONFIG_FILE"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != "/-/healthy" {
					t.Errorf("asked for %s", r.URL.Path)
				}
				w.WriteHeader(test.status)
			}))
			server.Config.ErrorLog = log.New(io.Discard, "", 0)
			if test.wantCert {
				server.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert}
			}
			if test.tls {
				server.StartTLS()
			} else {
				server.Start()
			}
			defer server.Close()
			settings := config.Config{ListenAddress: server.Listener.Addr().String()}
			if test.file != "" {
				settings.WebConfigFile = filepath.Join(t.TempDir(), "web.yml")
				if err := os.WriteFile(settings.WebConfigFile, []byte(test.file), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			err := healthcheck(t.Context(), settings)
			if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

func TestHealthcheckWhereNothingListens(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	listener.Close()
	err = healthcheck(t.Context(), config.Config{ListenAddress: address})
	if err == nil || !strings.HasPrefix(err.Error(), "benchd does not answer: ") {
		t.Errorf("got %v", err)
	}
}

// A daemon that accepts connections and answers none is not healthy.
func TestHealthcheckOfSilence(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		if conn, err := listener.Accept(); err == nil {
			cancel() // in place of waiting for the time-out
			defer conn.Close()
			_, _ = io.Copy(io.Discard, conn)
		}
	}()
	if err := healthcheck(ctx, config.Config{ListenAddress: listener.Addr().String()}); err == nil {
		t.Error("taken for healthy")
	}
}

func TestReachable(t *testing.T) {
	for host, want := range map[string]string{
		"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1", "10.0.0.7": "10.0.0.7", "benchd.example": "benchd.example",
	} {
		if got := reachable(host); got != want {
			t.Errorf("reachable(%q) = %q, want %q", host, got, want)
		}
	}
}
