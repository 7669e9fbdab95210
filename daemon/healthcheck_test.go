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

// TestHealthcheck asks servers of every kind. The web configuration is what the
// daemon's next start will read, and may be anything: what it serves counts.
func TestHealthcheck(t *testing.T) {
	const plain, withTLS = false, true
	healthy := func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "benchd is healthy.\n") }
	answers := func(status int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(status)
		}
	}
	for name, test := range map[string]struct {
		handler http.HandlerFunc
		tls     bool
		demands bool   // a certificate
		file    string // web configuration, "" for none
		want    string // in the error; "" for none
	}{
		"healthy":                           {healthy, plain, false, "", ""},
		"wants a password":                  {answers(http.StatusUnauthorized), plain, false, "basic_auth_users: {me: hash}\n", ""},
		"TLS":                               {healthy, withTLS, false, "tls_server_config: {cert_file: c, key_file: k}\n", ""},
		"TLS inline":                        {healthy, withTLS, false, "tls_server_config: {cert: c, key: k}\n", ""},
		"TLS and a password":                {answers(http.StatusUnauthorized), withTLS, false, "tls_server_config: {cert_file: c}\n", ""},
		"TLS, wants certificate":            {healthy, withTLS, true, "tls_server_config: {cert_file: c}\n", ""},
		"TLS section without a certificate": {healthy, plain, false, "tls_server_config: {min_version: TLS13}\n", ""},
		"empty TLS section":                 {healthy, plain, false, "tls_server_config:\n", ""},
		"HTTP/2 off":                        {healthy, plain, false, "http_server_config: {http2: false}\n", ""},
		"TLS added since its start":         {healthy, plain, false, "tls_server_config: {cert_file: c, key_file: k}\n", ""},
		"TLS removed since its start":       {healthy, withTLS, false, "basic_auth_users: {me: hash}\n", ""},
		"file broken since its start":       {healthy, withTLS, false, "tls_server_config: [\n", ""},
		"file emptied since its start":      {healthy, withTLS, false, "\n", ""},
		"file removed since its start":      {healthy, withTLS, false, "-", ""},
		"broken":                            {answers(http.StatusInternalServerError), plain, false, "", "/-/healthy answers 500 Internal Server Error"},
		"another program":                   {answers(http.StatusNotFound), plain, false, "", "/-/healthy answers 404 Not Found"},
		"sends one elsewhere":               {answers(http.StatusFound), plain, false, "", "/-/healthy answers 302 Found"},
		"forbids":                           {answers(http.StatusForbidden), plain, false, "", "/-/healthy answers 403 Forbidden"},
		"broken with TLS":                   {answers(http.StatusInternalServerError), withTLS, false, "x: y\n", "https://127.0.0.1"},
		"hangs in its answer": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, "benchd")
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler) // in place of waiting for the time-out
		}, plain, false, "", "does not answer to the end"},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != "/-/healthy" {
					_, _ = io.WriteString(w, "welcome") // whoever follows takes it for healthy
					return
				}
				test.handler(w, r)
			}))
			server.Config.ErrorLog = log.New(io.Discard, "", 0)
			if test.demands {
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
			}
			if test.file != "" && test.file != "-" {
				if err := os.WriteFile(settings.WebConfigFile, []byte(test.file), 0o600); err != nil {
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

// TestHealthcheckOfAddresses wants each form of address to be asked where the
// daemon listens.
func TestHealthcheckOfAddresses(t *testing.T) {
	for _, host := range []string{"", "0.0.0.0", "[::]", "127.0.0.1", "[::1]", "[::1%lo]", "localhost"} {
		listener, err := net.Listen("tcp", host+":0")
		if err != nil {
			if strings.HasPrefix(host, "[") {
				continue // a machine without IPv6 listens on none
			}
			t.Fatal(err)
		}
		server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
		server.Listener.Close()
		server.Listener = listener
		server.Start()
		_, port, err := net.SplitHostPort(listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		if err := healthcheck(t.Context(), config.Config{ListenAddress: host + ":" + port}); err != nil {
			t.Errorf("%s: %v", host, err)
		}
		server.Close()
	}
	const chosen = `BENCHD_LISTEN_ADDRESS is "127.0.0.1:0": the port that was chosen for it is in the daemon's log; set one to be able to ask for its health`
	if err := healthcheck(t.Context(), config.Config{ListenAddress: "127.0.0.1:0"}); err == nil || err.Error() != chosen {
		t.Errorf("port 0: got %v", err)
	}
}

// TestHealthcheckOfGarbage asks a program that does not speak HTTP.
func TestHealthcheckOfGarbage(t *testing.T) {
	for _, says := range []string{"", "SSH-2.0-OpenSSH_9.9\r\n", "\x15\x03\x01\x00\x02\x02\x28", "HTTP/1.1 2000 OK\r\n\r\n"} {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			for {
				conn, err := listener.Accept()
				if err != nil {
					return
				}
				_, _ = conn.Read(make([]byte, 4096))
				_, _ = io.WriteString(conn, says)
				conn.Close()
			}
		}()
		settings := config.Config{ListenAddress: listener.Addr().String()}
		if err := healthcheck(t.Context(), settings); err == nil || !strings.HasPrefix(err.Error(), "benchd does not answer: ") {
			t.Errorf("%q: got %v", says, err)
		}
		listener.Close()
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
