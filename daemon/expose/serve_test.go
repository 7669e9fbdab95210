package expose

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"benchd/daemon/bench"
	"benchd/daemon/linux"
)

// served is an Exposer that answers on an address until it is stopped.
type served struct {
	address string
	stop    context.CancelFunc
	ended   chan error
}

func serve(t *testing.T, e *Exposer) *served {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	s := &served{listener.Addr().String(), stop, make(chan error, 1)}
	go func() { s.ended <- e.Serve(ctx, listener, "") }()
	return s
}

func (s *served) end(t *testing.T) {
	t.Helper()
	s.stop()
	select {
	case err := <-s.ended:
		if err != nil {
			t.Errorf("Serve: %v", err)
		}
	case <-time.After(2 * time.Minute): // longer than a busy machine explains
		t.Fatal("Serve did not return")
	}
}

func TestServe(t *testing.T) {
	s := serve(t, New(testOptions()))
	client := &http.Client{Transport: &http.Transport{}}
	answer, err := client.Get("http://" + s.address + "/-/healthy")
	if err != nil {
		t.Fatal(err)
	}
	closeBody(t, answer)
	if answer.StatusCode != 200 {
		t.Errorf("status is %d", answer.StatusCode)
	}
	s.end(t)
	if c, err := net.Dial("tcp", s.address); err == nil {
		closeBody(t, &http.Response{Body: c})
		t.Error("it still listens")
	}
}

func closeBody(t *testing.T, r *http.Response) {
	t.Helper()
	if err := r.Body.Close(); err != nil {
		t.Error(err)
	}
}

func TestServeLetsRequestsFinish(t *testing.T) {
	asked, answer := make(chan struct{}), make(chan struct{})
	o := testOptions()
	o.History = fakeHistory(func(context.Context, bench.RunQuery) ([]bench.Run, error) {
		close(asked)
		<-answer
		return nil, nil
	})
	s := serve(t, New(o))
	status := make(chan int, 1)
	go func() {
		r, err := http.Get("http://" + s.address + "/api/v1/runs")
		if err != nil {
			t.Error(err)
			status <- 0
			return
		}
		closeBody(t, r)
		status <- r.StatusCode
	}()
	<-asked
	s.stop()
	close(answer)
	if got := <-status; got != 200 {
		t.Errorf("status is %d", got)
	}
	s.end(t)
}

func TestServeDoesNotWaitForEver(t *testing.T) {
	t.Parallel()
	asked := make(chan struct{})
	o := testOptions()
	o.History = fakeHistory(func(ctx context.Context, _ bench.RunQuery) ([]bench.Run, error) {
		close(asked)
		<-ctx.Done()
		return nil, ctx.Err()
	})
	s := serve(t, New(o))
	failed := make(chan error, 1)
	go func() {
		r, err := http.Get("http://" + s.address + "/api/v1/runs")
		if err == nil {
			closeBody(t, r)
		}
		failed <- err
	}()
	<-asked
	began := time.Now()
	s.end(t) // at all: the request would hang for ever
	if took := time.Since(began); took < shutdownTimeout {
		t.Errorf("it took %v to end, want it to wait for %v", took, shutdownTimeout)
	}
	if err := <-failed; err == nil {
		t.Error("the request that hung was answered")
	}
}

func TestServeWithTLSAndPassword(t *testing.T) {
	dir := t.TempDir()
	roots := writeCertificate(t, dir)
	config := filepath.Join(dir, "web.yml")
	write(t, config, "tls_server_config: {cert_file: server.crt, key_file: server.key}\n"+
		"http_server_config: {headers: {X-Frame-Options: sameorigin}}\n"+
		"basic_auth_users: {prometheus: "+secretHash+"}\n")
	o := testOptions()
	o.Web = openWebConfig(t, config, o.Logger)
	s := serve(t, New(o))
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}}}
	for password, want := range map[string]int{"": 401, "wrong": 401, "secret": 200} {
		request, err := http.NewRequest("GET", "https://"+s.address+"/metrics", nil)
		if err != nil {
			t.Fatal(err)
		}
		if password != "" {
			request.SetBasicAuth("prometheus", password)
		}
		answer, err := client.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(answer.Body)
		if err != nil {
			t.Fatal(err)
		}
		closeBody(t, answer)
		if answer.StatusCode != want || strings.Contains(string(body), "benchd_build_info") != (want == 200) {
			t.Errorf("password %q: status is %d, want %d", password, answer.StatusCode, want)
		}
		if got := answer.Header.Get("X-Frame-Options"); got != "sameorigin" {
			t.Errorf("X-Frame-Options is %q, want what the web configuration says", got)
		}
	}
	client.CloseIdleConnections()
	s.end(t)
}

// writeCertificate makes a certificate of 127.0.0.1 that signs itself.
func writeCertificate(t *testing.T, dir string) *x509.CertPool {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	public := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate})
	write(t, filepath.Join(dir, "server.crt"), string(public))
	write(t, filepath.Join(dir, "server.key"), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})))
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(public)
	return roots
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// unixTransport connects to a socket by its path, however long.
func unixTransport(path string) *http.Transport {
	return &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		short, release, err := linux.SocketPath(path)
		if err != nil {
			return nil, err
		}
		defer release()
		var d net.Dialer
		return d.DialContext(ctx, "unix", short)
	}}
}
